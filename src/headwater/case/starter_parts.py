"""What starter cases are put together from: a year of stages, loads, plants, lines."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from numpy.typing import NDArray

Json = dict[str, Any]
Rows = list[dict[str, Any]]
Columns = dict[str, NDArray[Any]]

FIRST_YEAR = 2024
"""Year of the study."""
WET_SEASON = (1.5, 1.6, 1.45, 1.15, 0.85, 0.7, 0.55, 0.5, 0.55, 0.75, 0.95, 1.25)
"""Mean inflow of each month against the mean of the year."""
DEMAND = (1.04, 1.05, 1.03, 1.0, 0.97, 0.95, 0.95, 0.97, 0.99, 1.0, 1.01, 1.03)


@dataclass
class Starter:
    """A case that is about to be written.

    Attributes:
        summary: one line for a list of templates.
        explanation: text of ``README.md`` below the title.
        files: JSON file -> content.
        tables: table -> rows, or columns.
    """

    summary: str
    explanation: str
    files: dict[str, Json] = field(default_factory=dict)
    tables: dict[str, Rows | Columns] = field(default_factory=dict)


MONTHLY_SEASONS: Json = {
    "cycle_type": "monthly",
    "seasons": [
        {"id": i, "label": calendar.month_name[i + 1], "month_start": i + 1} for i in range(12)
    ],
}
"""The seasons of ``stages.json``: a season is a month."""


def usual_penalties(deficit_segments: Rows) -> Json:
    """Content of ``penalties.json``.

    Costs that suit loads of any size whose deficit costs a few thousand $/MWh.

    Args:
        deficit_segments: steps of the cost of unserved load.
    """
    return {
        "bus": {"deficit_segments": deficit_segments, "excess_cost": 0.1},
        "line": {"exchange_cost": 0.01},
        "hydro": {
            "spillage_cost": 0.01,
            "diversion_cost": 0.01,
            "fpha_turbined_cost": 0.02,
            "storage_violation_below_cost": 10_000_000.0,
            "filling_target_violation_cost": 20_000_000.0,
            "turbined_violation_below_cost": 1000.0,
            "outflow_violation_below_cost": 1000.0,
            "outflow_violation_above_cost": 1000.0,
            "generation_violation_below_cost": 1000.0,
            "evaporation_violation_cost": 1000.0,
            "water_withdrawal_violation_cost": 1000.0,
            "inflow_nonnegativity_cost": 40_000.0,
        },
        "non_controllable_source": {"curtailment_cost": 0.005},
    }


def common(
    summary: str, explanation: str, *, season_load: Mapping[int, float], lags: bool = False
) -> Starter:
    """Configuration, a year of monthly stages and the loads: what every template has.

    Args:
        summary: see `Starter`.
        explanation: see `Starter`.
        season_load: bus id -> mean load in MW.
        lags: whether past inflows are state.
    """
    starter = Starter(summary, explanation)
    starter.files["config.json"] = {
        "_comment": "How to train and what to simulate. Raise the iteration limit "
        "until the bound no longer grows.",
        "modeling": {"inflow_non_negativity": {"method": "penalty"}},
        "training": {
            "forward_passes": 4,
            "tree_seed": 42,
            "stopping_rules": [{"type": "iteration_limit", "limit": 50}],
        },
        "simulation": {"enabled": True, "num_scenarios": 200},
    }
    starter.files["stages.json"] = {
        "_comment": "Twelve months of three blocks. A stage ends on the day on which the next "
        "begins.",
        "policy_graph": {"type": "finite_horizon", "annual_discount_rate": 0.1},
        "season_definitions": MONTHLY_SEASONS,
        "stages": [_stage(i, lags=lags) for i in range(12)],
    }
    starter.files["penalties.json"] = {
        "_comment": "Costs for all entities without their own: first what must not happen, last "
        "what only breaks ties. A hm3 of dead storage costs more than the deficit that it could "
        "avoid on its whole way down the river.",
        **usual_penalties([{"depth_mw": 50.0, "cost": 2000.0}, {"depth_mw": None, "cost": 4000.0}]),
    }
    starter.files["system/lines.json"] = {
        "_comment": "No lines: the load is fed from its own bus.",
        "lines": [],
    }
    starter.tables["scenarios/load_seasonal_stats"] = [
        {"bus_id": bus, "stage_id": i, "mean_mw": round(mean * DEMAND[i], 3), "std_mw": 0.0}
        for bus, mean in season_load.items()
        for i in range(12)
    ]
    starter.files["scenarios/load_factors.json"] = {
        "_comment": "Load of each block against the mean of the stage; with the hours of "
        "the blocks they average to 1.",
        "load_factors": [
            {
                "bus_id": bus,
                "stage_id": i,
                "block_factors": [
                    {"block_id": block, "factor": factor}
                    for block, factor in enumerate((1.2, 1.0, 0.925))
                ],
            }
            for bus in season_load
            for i in range(12)
        ],
    }
    return starter


def _stage(index: int, *, lags: bool) -> Json:
    start = date(FIRST_YEAR, index + 1, 1)
    end = date(FIRST_YEAR + (index == 11), (index + 1) % 12 + 1, 1)
    hours = (end - start).days * 24.0
    blocks = (("PEAK", 3 / 24), ("MIDDLE", 13 / 24), ("LOW", 8 / 24))
    stage: Json = {
        "id": index,
        "season_id": index,
        "start_date": start.isoformat(),
        "end_date": end.isoformat(),
        "blocks": [
            {"id": i, "name": name, "hours": hours * share}
            for i, (name, share) in enumerate(blocks)
        ],
        "num_scenarios": 10,
    }
    if lags:
        stage["state_variables"] = {"inflow_lags": True}
    return stage


def hydro(
    number: int, name: str, *, storage: float, turbined: float, productivity: float, **more: Any
) -> Json:
    """A plant on bus 0 with constant productivity.

    15 % of its storage and 8 % of its flow are minima.
    """
    return {
        "id": number,
        "name": name,
        "bus_id": 0,
        "reservoir": {"min_storage_hm3": round(0.15 * storage, 3), "max_storage_hm3": storage},
        "outflow": {"min_outflow_m3s": round(0.08 * turbined, 3)},
        "generation": {
            "model": "constant_productivity",
            "productivity_mw_per_m3s": productivity,
            "min_turbined_m3s": 0.0,
            "max_turbined_m3s": turbined,
            "min_generation_mw": 0.0,
            "max_generation_mw": round(turbined * productivity, 3),
        },
        **more,
    }


def thermal(number: int, name: str, bus: int, limit: float, cost: float) -> Json:
    """A thermal plant with one cost."""
    return {
        "id": number,
        "name": name,
        "bus_id": bus,
        "generation": {"min_mw": 0.0, "max_mw": limit},
        "cost_per_mwh": cost,
    }


def add_hydros(
    starter: Starter, hydros: list[Json], mean_inflow: Mapping[int, float], comment: str
) -> None:
    """Plants with half-full reservoirs and uncertain inflows that follow the seasons."""
    starter.files["system/hydros.json"] = {"_comment": comment, "hydros": hydros}
    starter.files["initial_conditions.json"] = {
        "_comment": "Storage on the first day of the first stage.",
        "storage": [
            {
                "hydro_id": hydro["id"],
                "value_hm3": round(0.55 * hydro["reservoir"]["max_storage_hm3"], 3),
            }
            for hydro in hydros
        ],
        "filling_storage": [],
    }
    starter.tables["scenarios/inflow_seasonal_stats"] = [
        {
            "hydro_id": hydro,
            "stage_id": i,
            "mean_m3s": round(mean * WET_SEASON[i], 3),
            "std_m3s": round(0.3 * mean * WET_SEASON[i], 3),
        }
        for hydro, mean in mean_inflow.items()
        for i in range(12)
    ]


def line(number: int, name: str, source: int, target: int, direct: float, reverse: float) -> Json:
    """A line without losses."""
    capacity = {"direct_mw": direct, "reverse_mw": reverse}
    return {
        "id": number,
        "name": name,
        "source_bus_id": source,
        "target_bus_id": target,
        "capacity": capacity,
    }
