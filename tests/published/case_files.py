"""Files of a case from a few numbers.

What the published cases share is said once, what makes each of them is its own.
"""

from __future__ import annotations

import json
from calendar import month_name, monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from case_builder import frame_of

Entry = dict[str, Any]

HOURS = 730.0
"""Hours of a stage of most of the cases, whatever its month."""


@dataclass(frozen=True)
class Figure:
    """What training a case must reach.

    Attributes:
        lower_bound: $; the optimal cost, which the bound reaches.
        tolerance: absolute, $.
        iterations: within which it is reached.
        violated: columns of the simulated ``hydros`` table whose sum is above 0.
        simulated: whether the cost of the simulated path is the figure too.
    """

    lower_bound: float
    tolerance: float
    iterations: int = 10
    violated: tuple[str, ...] = ()
    simulated: bool = False


@dataclass(frozen=True)
class PublishedCase:
    """The files of a case, and its figure where one is published.

    Attributes:
        files: JSON file -> its content.
        tables: table (without suffix) -> its rows.
        figure: None for a case that is published without one.
    """

    files: dict[str, Any]
    tables: dict[str, list[Entry]] = field(default_factory=dict)
    figure: Figure | None = None

    def write(self, root: Path) -> Path:
        """Write the case into a new directory and return it."""
        for name, content in self.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(json.dumps(content), encoding="utf-8")
        for name, rows in self.tables.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            frame_of(rows).write_parquet(root / f"{name}.parquet")
        return root


def months(n: int, year: int = 2024, hours: float | None = HOURS, **more: Any) -> list[Entry]:
    """Stages of one month from January on with one block each.

    ``hours`` None for those of the calendar.
    """
    found = []
    for t in range(n):
        start, end = (date(year + k // 12, k % 12 + 1, 1) for k in (t, t + 1))
        length = 24.0 * monthrange(start.year, start.month)[1] if hours is None else hours
        found.append(_stage(t, start, end, length, more))
    return found


def _stage(stage_id: int, start: date, end: date, hours: float, more: Mapping[str, Any]) -> Entry:
    block = {"id": 0, "name": "SINGLE", "hours": hours}
    dates = {"start_date": start.isoformat(), "end_date": end.isoformat()}
    return {"id": stage_id, **dates, "blocks": [block], "num_scenarios": 1} | dict(more)


def twelve_seasons() -> Entry:
    """A season for each month of the year, January being 0."""
    seasons = [{"id": k, "month_start": k + 1, "label": month_name[k + 1]} for k in range(12)]
    return {"cycle_type": "monthly", "seasons": seasons}


def bus(bus_id: int = 0, name: str | None = None, deficit_cost: float | None = 1000.0) -> Entry:
    """A bus; without a cost of deficit of its own, that of the case holds."""
    own = (
        {}
        if deficit_cost is None
        else {"deficit_segments": [{"depth_mw": None, "cost": deficit_cost}]}
    )
    return {"id": bus_id, "name": name or f"B{bus_id}", **own}


def thermal(
    thermal_id: int, max_mw: float, cost_per_mwh: float, bus_id: int = 0, name: str | None = None
) -> Entry:
    """A thermal plant that may stand still."""
    generation = {"min_mw": 0.0, "max_mw": max_mw}
    return {
        "id": thermal_id,
        "name": name or f"T{thermal_id}",
        "bus_id": bus_id,
        "generation": generation,
        "cost_per_mwh": cost_per_mwh,
    }


def line(
    line_id: int, name: str, ends: tuple[int, int], capacities_mw: tuple[float, float], cost: float
) -> Entry:
    """A line with its capacities there and back and the cost of exchange."""
    capacity = dict(zip(("direct_mw", "reverse_mw"), capacities_mw, strict=True))
    buses = dict(zip(("source_bus_id", "target_bus_id"), ends, strict=True))
    return {"id": line_id, "name": name, **buses, "capacity": capacity, "exchange_cost": cost}


def hydro(
    hydro_id: int,
    max_storage_hm3: float,
    max_turbined_m3s: float,
    *,
    bus_id: int = 0,
    downstream_id: int | None = None,
    name: str | None = None,
    productivity: float | None = 1.0,
    turbined_from_m3s: float = 0.0,
    generation_from_mw: float = 0.0,
    outflow_m3s: tuple[float, float | None] | None = None,
    **more: Any,
) -> Entry:
    """A plant whose dead volume is 0.

    Without a productivity its generation is bounded by planes.
    """
    lowest, highest = outflow_m3s or (0.0, max_turbined_m3s)
    model = (
        {"model": "fpha"}
        if productivity is None
        else {"model": "constant_productivity", "productivity_mw_per_m3s": productivity}
    )
    return {
        "id": hydro_id,
        "name": name or f"H{hydro_id}",
        "bus_id": bus_id,
        "downstream_id": downstream_id,
        "reservoir": {"min_storage_hm3": 0.0, "max_storage_hm3": max_storage_hm3},
        "outflow": {"min_outflow_m3s": lowest, "max_outflow_m3s": highest},
        "generation": {
            **model,
            "min_turbined_m3s": turbined_from_m3s,
            "max_turbined_m3s": max_turbined_m3s,
            "min_generation_mw": generation_from_mw,
            "max_generation_mw": max_turbined_m3s * (productivity or 1.0),
        },
        **more,
    }


def penalties(
    deficit: float | Sequence[tuple[float | None, float]] = 1000.0,
    excess: float = 0.01,
    exchange: float = 0.01,
    **hydro_costs: float,
) -> Entry:
    """Penalties of a case.

    Costs of hydro plants that are not given are 0.01 for flows and 10,000 for violations.
    """
    tranches = [(None, deficit)] if isinstance(deficit, float) else deficit
    costs = dict.fromkeys(("spillage_cost", "fpha_turbined_cost", "diversion_cost"), 0.01)
    costs |= dict.fromkeys(
        (
            "storage_violation_below_cost",
            "filling_target_violation_cost",
            "turbined_violation_below_cost",
            "outflow_violation_below_cost",
            "outflow_violation_above_cost",
            "generation_violation_below_cost",
            "evaporation_violation_cost",
            "water_withdrawal_violation_cost",
        ),
        10000.0,
    )
    return {
        "bus": {
            "deficit_segments": [{"depth_mw": depth, "cost": cost} for depth, cost in tranches],
            "excess_cost": excess,
        },
        "line": {"exchange_cost": exchange},
        "hydro": costs | hydro_costs,
        "non_controllable_source": {"curtailment_cost": 0.005},
    }


def case(
    *,
    stages: Sequence[Entry],
    loads_mw: Mapping[int, Sequence[float]],
    thermals: Sequence[Entry] = (),
    hydros: Sequence[Entry] = (),
    storage_hm3: Sequence[float] = (),
    inflows_m3s: Mapping[int, Sequence[tuple[float, float]]] | None = None,
    buses: Sequence[Entry] | None = None,
    lines: Sequence[Entry] = (),
    penalty: Entry | None = None,
    forward_passes: int = 1,
    iterations: int = 10,
    non_negativity: Entry | None = None,
    scenario_source: Entry | None = None,
    simulated: int | None = None,
    annual_discount_rate: float = 0.0,
    past_inflows_m3s: Mapping[int, Sequence[float]] | None = None,
    pre_study_stages: Sequence[Entry] = (),
    seasons: Entry | None = None,
    files: Mapping[str, Any] | None = None,
    tables: Mapping[str, list[Entry]] | None = None,
    config: Entry | None = None,
    figure: Figure | None = None,
) -> PublishedCase:
    """A case from its plants and figures; loads are known, inflows have a mean and a
    deviation for each stage.

    ``inflows_m3s`` begins with the pre-study stages, whose ids are below 0. ``files``, ``tables``
    and ``config`` are added.
    """
    training = {
        "forward_passes": forward_passes,
        "stopping_rules": [{"type": "iteration_limit", "limit": iterations}],
    }
    if scenario_source is not None:
        training["scenario_source"] = scenario_source
    initial: Entry = {
        "storage": [{"hydro_id": h, "value_hm3": value} for h, value in enumerate(storage_hm3)],
        "filling_storage": [],
    }
    if past_inflows_m3s:
        initial["past_inflows"] = [
            {"hydro_id": h, "values_m3s": list(values)} for h, values in past_inflows_m3s.items()
        ]
    horizon: Entry = {
        "policy_graph": {"type": "finite_horizon", "annual_discount_rate": annual_discount_rate},
        "stages": list(stages),
    }
    if pre_study_stages:
        horizon["pre_study_stages"] = list(pre_study_stages)
    if seasons is not None:
        horizon["season_definitions"] = seasons
    content: dict[str, Any] = {
        "config.json": {
            "training": training,
            "simulation": {"enabled": simulated is not None, "num_scenarios": simulated or 1},
            "modeling": {"inflow_non_negativity": non_negativity or {"method": "none"}},
            **(config or {}),
        },
        "stages.json": horizon,
        "penalties.json": penalty or penalties(),
        "initial_conditions.json": initial,
        "system/buses.json": {"buses": list(buses or [bus()])},
        "system/lines.json": {"lines": list(lines)},
        "system/hydros.json": {"hydros": list(hydros)},
        "system/thermals.json": {"thermals": list(thermals)},
        **(files or {}),
    }
    rows: dict[str, list[Entry]] = dict(tables or {})
    if loads_mw:
        rows["scenarios/load_seasonal_stats"] = [
            {"bus_id": b, "stage_id": t, "mean_mw": mean, "std_mw": 0.0}
            for b, means in loads_mw.items()
            for t, mean in enumerate(means)
        ]
    if inflows_m3s:
        rows["scenarios/inflow_seasonal_stats"] = [
            {"hydro_id": h, "stage_id": t, "mean_m3s": mean, "std_m3s": std}
            for h, statistics in inflows_m3s.items()
            for t, (mean, std) in enumerate(statistics, -len(pre_study_stages))
        ]
    return PublishedCase(content, rows, figure)


def known(*means: float) -> list[tuple[float, float]]:
    """Inflows that are certain, stage by stage."""
    return [(mean, 0.0) for mean in means]
