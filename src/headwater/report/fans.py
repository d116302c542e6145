"""Many scenarios as a few lines: quantiles by stage, and scenarios that stand for futures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from headwater.errors import UsageError
from headwater.model.water_energy import HM3_PER_M3S_HOUR
from headwater.report.drawing import band, line, shortened
from headwater.report.outcome import Outcome
from headwater.report.theme import fan_color, theme

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Shares of scenarios at or below the lines of a fan."""

NAMED = ("driest", "dry", "median", "wet", "wettest", "dearest")
"""Scenarios that have a name, see `named_scenarios`."""

_RANKS = {"driest": 0.0, "dry": 0.1, "median": 0.5, "wet": 0.9, "wettest": 1.0}

Fan = Mapping[str, Sequence[float | None]]
"""``mean`` and ``p0`` to ``p100``, each with a value for every stage."""


def column(share: float) -> str:
    """Name of a quantile."""
    return f"p{round(100 * share)}"


def fans(
    outcome: Outcome, rows: pl.DataFrame, value: str, entity: str | None = None
) -> Mapping[int, Fan]:
    """Quantiles over scenarios of a value, for every entity.

    Args:
        outcome: what the rows are of.
        rows: ``scenario_id``, ``stage_id``, the value, and the id of the entity if there is one;
            one row for each of them.
        value: name of the column.
        entity: name of the column with the id; ``None`` where the value is of the whole system,
            which gets the id -1.
    """
    keys = ["stage_id"] if entity is None else [entity, "stage_id"]
    found = rows.group_by(keys).agg(
        *(pl.col(value).quantile(q, "linear").alias(column(q)) for q in QUANTILES),
        pl.col(value).mean().alias("mean"),
    )
    order = {one.stage_id: place for place, one in enumerate(outcome.stages)}
    names = [*(column(q) for q in QUANTILES), "mean"]
    known: dict[int, dict[str, list[float | None]]] = {}
    ids = [-1] * found.height if entity is None else found[entity].to_list()
    for i in ids:
        known.setdefault(int(i), {name: [None] * len(order) for name in names})
    places = [order[stage_id] for stage_id in found["stage_id"]]
    for name in names:
        for i, place, number in zip(ids, places, found[name].to_list(), strict=True):
            known[int(i)][name][place] = number
    return known


def fan_traces(x: Sequence[str], fan: Fan, first: float | None = None) -> list[dict[str, Any]]:
    """Bands between quantiles, and the median.

    Args:
        x: dates; one more than stages where ``first`` is given.
        fan: the quantiles.
        first: value before the first stage, the same for all scenarios.
    """
    start = [] if first is None else [first]

    def of(name: str) -> list[float | None]:
        return [*start, *fan[name]]

    return [
        *band(x, of("p0"), of("p100"), ("lowest to highest", "highest"), 0.14),
        *band(x, of("p10"), of("p90"), ("8 of 10 scenarios", "9 of 10 are below"), 0.25),
        *band(x, of("p25"), of("p75"), ("half of the scenarios", "3 of 4 are below"), 0.4),
        line(x, of("p50"), "median", fan_color(1.0)),
    ]


def named_scenarios(outcome: Outcome) -> dict[str, int]:
    """Scenarios by name: ``driest`` to ``wettest`` by inflows, ``dearest`` by total cost.

    Inflows are added up as the energy they make. ``dry`` and ``wet`` are those that one in ten
    scenarios is beyond. Where energy is not known,
    volumes are compared.
    """
    found: dict[str, int] = outcome.kept("named scenarios", lambda: _named_scenarios(outcome))
    return found


def _named_scenarios(outcome: Outcome) -> dict[str, int]:
    found: dict[str, int] = {}
    if "hydros" in outcome.tables:
        rows = outcome.rows("hydros", "incremental_inflow_m3s").filter(pl.col("block_id") == 0)
        hours = pl.DataFrame(
            [(s.stage_id, s.hours) for s in outcome.stages],
            schema={"stage_id": pl.Int32, "h": pl.Float64},
            orient="row",
        )
        worth = energy_of_water(outcome) or dict.fromkeys(outcome.ids("hydro"), 1.0)
        energy = pl.DataFrame(
            {"hydro_id": [*worth], "worth": [*worth.values()]},
            schema={"hydro_id": pl.Int32, "worth": pl.Float64},
        )
        volume = pl.col("incremental_inflow_m3s") * pl.col("h") * HM3_PER_M3S_HOUR
        total = (
            rows.join(hours, on="stage_id").join(energy, on="hydro_id")
            .group_by("scenario_id").agg((volume * pl.col("worth")).sum().alias("inflow"))
            .sort("inflow", "scenario_id")["scenario_id"]
        )  # fmt: skip
        found.update(
            {
                name: int(total[round(rank * (len(total) - 1))])
                for name, rank in _RANKS.items()
                if len(total)
            }
        )
    if "costs" in outcome.tables:
        rows = outcome.rows("costs", "immediate_cost", "discount_factor")
        cost = rows.group_by("scenario_id").agg(
            (pl.col("immediate_cost") * pl.col("discount_factor")).sum().alias("cost")
        )
        if cost.height:
            found["dearest"] = int(cost.sort("cost", "scenario_id")["scenario_id"][-1])
    return found


def energy_of_water(outcome: Outcome) -> dict[int, float]:
    """MWh that one hm3 in each reservoir makes on its way down; empty where that is not known."""
    if not outcome.knows_topology:
        return {}
    return {int(one["hydro_id"]): float(one["mwh_per_hm3"]) for one in outcome.leads["hydros"]}


def chosen_scenarios(outcome: Outcome, wanted: Sequence[str | int]) -> list[tuple[str, int]]:
    """Scenarios to draw beside a fan, each with its name.

    Raises:
        UsageError: there is no such scenario.
    """
    named = named_scenarios(outcome) if any(isinstance(one, str) for one in wanted) else {}
    found = []
    for one in wanted:
        if isinstance(one, str):
            if one not in named:
                raise UsageError(
                    f"there is no scenario called '{one}' (there is: "
                    f"{', '.join(named) or 'none'}, or a number)"
                )
            found.append((one, named[one]))
        else:
            found.append((f"scenario {one}", one))
    return found


def scenario_traces(
    outcome: Outcome,
    rows: pl.DataFrame,
    value: str,
    wanted: Sequence[str | int],
    x: Sequence[str],
    first: float | None = None,
) -> list[dict[str, Any]]:
    """A line for each of some scenarios.

    Args:
        outcome: what the rows are of.
        rows: ``scenario_id``, ``stage_id`` and the value of one entity.
        value: name of the column.
        wanted: names or numbers of scenarios.
        x: dates; one more than stages where ``first`` is given.
        first: value before the first stage.
    """
    if not wanted:
        return []
    order = {one.stage_id: place for place, one in enumerate(outcome.stages)}
    known: dict[int, list[float | None]] = {}
    columns = (rows[name].to_list() for name in ("scenario_id", "stage_id", value))
    for scenario, stage_id, number in zip(*columns, strict=True):
        known.setdefault(scenario, [None] * len(order))[order[stage_id]] = number
    traces = []
    for position, (name, scenario) in enumerate(chosen_scenarios(outcome, wanted)):
        if scenario not in known:
            raise UsageError(f"there is no scenario {scenario} in these results")
        values = known[scenario]
        color = (
            theme()["scenarios"].get(name)
            or theme()["series"][(position + 1) % len(theme()["series"])]
        )
        label = name if name.startswith("scenario") else f"{name} (scenario {scenario})"
        start = [] if first is None else [first]
        traces.append(
            line(x, [*start, *values], shortened(label), color, meta={"scenario": name}, width=1.6)
        )
    return traces
