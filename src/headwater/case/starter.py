"""Starter cases: small, commented, valid directories to begin a study from."""

from __future__ import annotations

import calendar
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from headwater.case.convert import canonical_table
from headwater.case.table_reader import complete_columns
from headwater.case.tables import TABLES
from headwater.errors import CaseError

Json = dict[str, Any]
Rows = list[dict[str, Any]]

_YEAR = 2024
_WET_SEASON = (1.5, 1.6, 1.45, 1.15, 0.85, 0.7, 0.55, 0.5, 0.55, 0.75, 0.95, 1.25)
"""Mean inflow of each month against the mean of the year."""
_DEMAND = (1.04, 1.05, 1.03, 1.0, 0.97, 0.95, 0.95, 0.97, 0.99, 1.0, 1.01, 1.03)


@dataclass
class Starter:
    """A case that is about to be written.

    Attributes:
        summary: one line for a list of templates.
        explanation: text of ``README.md`` below the title.
        files: JSON file -> content.
        tables: table -> rows.
    """

    summary: str
    explanation: str
    files: dict[str, Json] = field(default_factory=dict)
    tables: dict[str, Rows] = field(default_factory=dict)


def write_starter(directory: str | os.PathLike[str], template: str, *, force: bool = False) -> Path:
    """Write a starter case.

    Args:
        directory: where to; made when it does not exist.
        template: a name from `TEMPLATES`.
        force: write into a directory that holds something already; files of the same name are replaced.

    Raises:
        CaseError: there is no such template, or the directory is not empty.
    """
    if template not in TEMPLATES:
        raise CaseError(f"there is no template '{template}'; expected one of {', '.join(TEMPLATES)}")
    root = Path(directory)
    if root.exists() and not force and (not root.is_dir() or any(root.iterdir())):
        raise CaseError(f"'{root}' exists and is not an empty directory; choose another name, or force it")
    starter = TEMPLATES[template]()
    for folder in ("system", "scenarios", "constraints"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, content in starter.files.items():
        (root / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for name, rows in starter.tables.items():
        table = TABLES[f"{name}.parquet"]
        canonical_table(complete_columns(pl.DataFrame(rows), table), table).write_parquet(root / f"{name}.parquet")
    readme = f"# {template}\n\n{starter.explanation}\n{_NEXT_STEPS}"
    (root / "README.md").write_text(readme, encoding="utf-8")
    return root


_NEXT_STEPS = """
Keys that start with `_` are comments. Next steps:

    headwater validate .      check what you changed
    headwater describe .      see what the system is
    headwater run .           train a policy and simulate it
    headwater summary output  see what was found
"""


def _common(summary: str, explanation: str, *, season_load: Mapping[int, float], lags: bool = False) -> Starter:
    """Configuration, a year of monthly stages and the loads: what every template has.

    Args:
        summary: see `Starter`.
        explanation: see `Starter`.
        season_load: bus id -> mean load in MW.
        lags: whether past inflows are state.
    """
    starter = Starter(summary, explanation)
    starter.files["config.json"] = {
        "_comment": "How to train and what to simulate. Raise the iteration limit until the bound no longer grows.",
        "modeling": {"inflow_non_negativity": {"method": "penalty"}},
        "training": {
            "forward_passes": 4,
            "tree_seed": 42,
            "stopping_rules": [{"type": "iteration_limit", "limit": 50}],
        },
        "simulation": {"enabled": True, "num_scenarios": 200},
    }
    starter.files["stages.json"] = {
        "_comment": "Twelve months of three blocks. A stage ends on the day on which the next begins.",
        "policy_graph": {"type": "finite_horizon", "annual_discount_rate": 0.1},
        "season_definitions": {
            "cycle_type": "monthly",
            "seasons": [{"id": i, "label": calendar.month_name[i + 1], "month_start": i + 1} for i in range(12)],
        },
        "stages": [_stage(i, lags=lags) for i in range(12)],
    }
    starter.files["penalties.json"] = {
        "_comment": "Costs for all entities without their own: first what must not happen, last what only breaks ties.",
        "bus": {
            "deficit_segments": [{"depth_mw": 50.0, "cost": 2000.0}, {"depth_mw": None, "cost": 4000.0}],
            "excess_cost": 0.1,
        },
        "line": {"exchange_cost": 0.01},
        "hydro": {
            "spillage_cost": 0.01,
            "diversion_cost": 0.01,
            "fpha_turbined_cost": 0.02,
            "storage_violation_below_cost": 10000.0,
            "filling_target_violation_cost": 50000.0,
            "turbined_violation_below_cost": 500.0,
            "outflow_violation_below_cost": 500.0,
            "outflow_violation_above_cost": 500.0,
            "generation_violation_below_cost": 1000.0,
            "evaporation_violation_cost": 1000.0,
            "water_withdrawal_violation_cost": 1000.0,
            "inflow_nonnegativity_cost": 20000.0,
        },
        "non_controllable_source": {"curtailment_cost": 0.005},
    }
    starter.files["system/lines.json"] = {"_comment": "No lines: the load is fed from its own bus.", "lines": []}
    starter.tables["scenarios/load_seasonal_stats"] = [
        {"bus_id": bus, "stage_id": i, "mean_mw": round(mean * _DEMAND[i], 3), "std_mw": 0.0}
        for bus, mean in season_load.items()
        for i in range(12)
    ]
    starter.files["scenarios/load_factors.json"] = {
        "_comment": "Load of each block against the mean of the stage; with the hours of the blocks they average to 1.",
        "load_factors": [
            {
                "bus_id": bus,
                "stage_id": i,
                "block_factors": [{"block_id": block, "factor": factor} for block, factor in enumerate((1.2, 1.0, 0.925))],
            }
            for bus in season_load
            for i in range(12)
        ],
    }
    return starter


def _stage(index: int, *, lags: bool) -> Json:
    start = date(_YEAR, index + 1, 1)
    end = date(_YEAR + (index == 11), (index + 1) % 12 + 1, 1)
    hours = (end - start).days * 24.0
    blocks = (("PEAK", 3 / 24), ("MIDDLE", 13 / 24), ("LOW", 8 / 24))
    stage: Json = {
        "id": index,
        "season_id": index,
        "start_date": start.isoformat(),
        "end_date": end.isoformat(),
        "blocks": [{"id": i, "name": name, "hours": hours * share} for i, (name, share) in enumerate(blocks)],
        "num_scenarios": 10,
    }
    if lags:
        stage["state_variables"] = {"inflow_lags": True}
    return stage


def _hydro(number: int, name: str, *, storage: float, turbined: float, productivity: float, **more: Any) -> Json:
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


def _thermal(number: int, name: str, bus: int, limit: float, cost: float) -> Json:
    return {
        "id": number,
        "name": name,
        "bus_id": bus,
        "generation": {"min_mw": 0.0, "max_mw": limit},
        "cost_per_mwh": cost,
    }


def _add_hydros(starter: Starter, hydros: list[Json], mean_inflow: Mapping[int, float], comment: str) -> None:
    """Plants with half-full reservoirs and uncertain inflows that follow the seasons."""
    starter.files["system/hydros.json"] = {"_comment": comment, "hydros": hydros}
    starter.files["initial_conditions.json"] = {
        "_comment": "Storage on the first day of the first stage.",
        "storage": [
            {"hydro_id": hydro["id"], "value_hm3": round(0.55 * hydro["reservoir"]["max_storage_hm3"], 3)} for hydro in hydros
        ],
        "filling_storage": [],
    }
    starter.tables["scenarios/inflow_seasonal_stats"] = [
        {
            "hydro_id": hydro,
            "stage_id": i,
            "mean_m3s": round(mean * _WET_SEASON[i], 3),
            "std_m3s": round(0.3 * mean * _WET_SEASON[i], 3),
        }
        for hydro, mean in mean_inflow.items()
        for i in range(12)
    ]


def _one_reservoir() -> Starter:
    starter = _common(
        "one bus, one reservoir, two thermal plants",
        "The smallest study with a real decision: use water now, or keep it for the dry months.",
        season_load={0: 260.0},
    )
    starter.files["system/buses.json"] = {"buses": [{"id": 0, "name": "MAIN"}]}
    starter.files["system/thermals.json"] = {
        "_comment": "A cheap plant and a dear one: what they cost together gives the water its value.",
        "thermals": [_thermal(0, "COAL", 0, 100.0, 60.0), _thermal(1, "OIL", 0, 120.0, 240.0)],
    }
    plant = _hydro(0, "RESERVOIR", storage=900.0, turbined=220.0, productivity=0.9)
    _add_hydros(starter, [plant], {0: 150.0}, "One plant. Productivity in MW per m3/s.")
    return starter


def _cascade_fpha() -> Starter:
    starter = _common(
        "three plants on one river; the head of the upper one counts (precomputed planes)",
        "Water released above is turbined again below. The production of the upper plant is a set of planes (FPHA) over\n"
        "storage, turbined flow and spillage, given in `system/fpha_hyperplanes.parquet`. Inflows remember the month before.",
        season_load={0: 520.0},
        lags=True,
    )
    starter.files["system/buses.json"] = {"buses": [{"id": 0, "name": "MAIN"}]}
    starter.files["system/thermals.json"] = {
        "thermals": [_thermal(0, "GAS", 0, 180.0, 80.0), _thermal(1, "OIL", 0, 160.0, 260.0)]
    }
    upper = _hydro(0, "UPPER", storage=2400.0, turbined=260.0, productivity=0.8, downstream_id=1)
    middle = _hydro(1, "MIDDLE", storage=300.0, turbined=320.0, productivity=0.5, downstream_id=2)
    lower = _hydro(2, "LOWER", storage=120.0, turbined=380.0, productivity=0.3)
    comment = "From the spring to the sea: downstream_id names the plant that receives turbined and spilled water."
    _add_hydros(starter, [upper, middle, lower], {0: 160.0, 1: 45.0, 2: 40.0}, comment)
    starter.files["system/hydro_production_models.json"] = {
        "_comment": "The upper plant uses its planes at all stages; the others keep a constant productivity.",
        "production_models": [
            {
                "hydro_id": 0,
                "selection_mode": "stage_ranges",
                "stage_ranges": [{"start_stage_id": 0, "model": "fpha", "fpha_config": {"source": "precomputed"}}],
            }
        ],
    }
    starter.tables["system/fpha_hyperplanes"] = [
        {"hydro_id": 0, "plane_id": i, "gamma_0": g0, "gamma_v": gv, "gamma_q": gq, "gamma_s": gs}
        for i, (g0, gv, gq, gs) in enumerate(
            [(0.0, 0.004, 0.76, -0.002), (6.0, 0.009, 0.68, -0.004), (14.0, 0.014, 0.6, -0.006), (26.0, 0.018, 0.52, -0.008)]
        )
    ]
    starter.tables["scenarios/inflow_ar_coefficients"] = [
        {"hydro_id": hydro, "stage_id": i, "lag": 1, "coefficient": 0.5, "residual_std_ratio": round(0.75**0.5, 9)}
        for hydro in (0, 1, 2)
        for i in range(12)
    ]
    starter.files["initial_conditions.json"]["past_inflows"] = [
        {"hydro_id": hydro, "values_m3s": [round(mean * _WET_SEASON[11], 3)]}
        for hydro, mean in ((0, 160.0), (1, 45.0), (2, 40.0))
    ]
    return starter


def _subsystems() -> Starter:
    starter = _common(
        "three subsystems joined by lines, hydro in two of them, correlated inflows",
        "Two regions with water and one without, joined by lines that lose a little or are narrow at peak hours. When it is\n"
        "dry in one region it tends to be dry in the other: `scenarios/correlation.json`.",
        season_load={0: 380.0, 1: 180.0, 2: 140.0},
    )
    starter.files["system/buses.json"] = {
        "_comment": "A bus is a region in which energy flows freely.",
        "buses": [{"id": 0, "name": "SOUTH"}, {"id": 1, "name": "NORTH"}, {"id": 2, "name": "COAST"}],
    }
    starter.files["system/lines.json"] = {
        "_comment": "Direct is from source to target.",
        "lines": [
            _line(0, "SOUTH-NORTH", 0, 1, 120.0, 100.0),
            _line(1, "SOUTH-COAST", 0, 2, 90.0, 60.0),
            _line(2, "NORTH-COAST", 1, 2, 50.0, 50.0),
        ],
    }
    starter.files["system/thermals.json"] = {
        "thermals": [
            _thermal(0, "SOUTH GAS", 0, 160.0, 90.0),
            _thermal(1, "NORTH OIL", 1, 80.0, 230.0),
            _thermal(2, "COAST GAS", 2, 110.0, 110.0),
        ]
    }
    south = _hydro(0, "SOUTH RIVER", storage=1500.0, turbined=300.0, productivity=0.85)
    north = _hydro(1, "NORTH LAKE", storage=700.0, turbined=160.0, productivity=1.1)
    north["bus_id"] = 1
    _add_hydros(starter, [south, north], {0: 190.0, 1: 95.0}, "One large plant in each of the two wet regions.")
    starter.files["scenarios/correlation.json"] = {
        "method": "spectral",
        "profiles": {
            "default": {
                "correlation_groups": [
                    {
                        "name": "rivers",
                        "entities": [{"type": "inflow", "id": 0}, {"type": "inflow", "id": 1}],
                        "matrix": [[1.0, 0.6], [0.6, 1.0]],
                    }
                ]
            }
        },
    }
    starter.files["constraints/exchange_factors.json"] = {
        "_comment": "At peak hours the line to the north carries less.",
        "exchange_factors": [
            {
                "line_id": 0,
                "stage_id": i,
                "block_factors": [{"block_id": 0, "direct_factor": 0.8, "reverse_factor": 0.8}],
            }
            for i in range(12)
        ],
    }
    return starter


def _line(number: int, name: str, source: int, target: int, direct: float, reverse: float) -> Json:
    capacity = {"direct_mw": direct, "reverse_mw": reverse}
    return {"id": number, "name": name, "source_bus_id": source, "target_bus_id": target, "capacity": capacity}


TEMPLATES: Mapping[str, Callable[[], Starter]] = MappingProxyType(
    {"one-reservoir": _one_reservoir, "cascade-fpha": _cascade_fpha, "subsystems": _subsystems}
)
"""Name of a template -> what makes it."""


def template_summaries() -> dict[str, str]:
    """Name of a template -> what it is, in one line."""
    return {name: make().summary for name, make in TEMPLATES.items()}
