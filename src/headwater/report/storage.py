"""Pictures of reservoirs: stored water as volume, share or energy."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from headwater.errors import ResultsError, UsageError
from headwater.report.drawing import Drawing, line, shortened
from headwater.report.fans import energy_of_water, fan_traces, fans, scenario_traces
from headwater.report.outcome import Outcome
from headwater.report.theme import theme

UNITS = {
    "hm3": "stored water, hm3",
    "share": "stored water, % of the largest storage",
    "energy": "stored energy, GWh",
}
"""Units of storage, and what the axis says."""

_STORAGE = 0
"""Code of limits of storage."""


def storage(
    outcome: Outcome,
    hydro: str | int | None = None,
    unit: str = "hm3",
    scenarios: Sequence[str | int] = (),
) -> Drawing:
    """Storage at the end of every stage, as a fan of scenarios with the limits in force.

    Args:
        outcome: the simulation.
        hydro: name or id of a plant; ``None`` for all reservoirs together.
        unit: ``"hm3"``, ``"share"`` of the largest storage in percent, or ``"energy"`` above the
            least storage, in GWh: what the
            water makes in the plant and in those below.
        scenarios: drawn beside the fan: numbers, or names of `named_scenarios`.

    Raises:
        UnknownNameError: there is no such plant, unit or scenario.
        ResultsError: the run kept no table of plants, or the unit needs what these results do not
            say.
    """
    if unit not in UNITS:
        raise UsageError(f"storage is drawn in {', '.join(UNITS)}, got '{unit}'")
    which = None if hydro is None else outcome.find("hydro", hydro)
    title = "All reservoirs" if which is None else shortened(outcome.names("hydro")[which])
    rows = _in_unit(outcome, unit, total=which is None)
    known = outcome.kept(
        ("storage", unit, which is None),
        lambda: fans(outcome, rows, "storage", None if which is None else "hydro_id"),
    )
    mine = rows if which is None else outcome.by_entity(("storage", unit), rows, "hydro_id")[which]
    first = mine.filter(pl.col("stage_id") == outcome.stages[0].stage_id)["initial"].mean()
    start = float(first) if isinstance(first, int | float) else None
    x = [outcome.starts[0], *outcome.ends] if start is not None else outcome.ends
    traces = [
        *fan_traces(x, known[-1 if which is None else which], start),
        *_limits(outcome, unit, which),
        *scenario_traces(outcome, mine, "storage", scenarios, x, start),
    ]
    return Drawing(
        f"{title}: {UNITS[unit].partition(',')[0]}",
        traces,
        "end of the stage",
        UNITS[unit],
        _layout(outcome),
    )


def _layout(outcome: Outcome) -> dict[str, object]:
    return {
        "xaxis": outcome.date_axis,
        "yaxis": {"rangemode": "tozero"},
    }


def _in_unit(outcome: Outcome, unit: str, *, total: bool) -> pl.DataFrame:
    """Storage at the start and at the end of every scenario and stage."""
    return outcome.kept(
        ("storage rows", unit, total), lambda: _storage_rows(outcome, unit, total=total)
    )


def _storage_rows(outcome: Outcome, unit: str, *, total: bool) -> pl.DataFrame:
    rows = outcome.rows("hydros", "storage_initial_hm3", "storage_final_hm3")
    ends = (
        rows.sort("block_id", maintain_order=True)
        .group_by("scenario_id", "stage_id", "hydro_id", maintain_order=True)
        .agg(
            initial=pl.col("storage_initial_hm3").first(),
            storage=pl.col("storage_final_hm3").last(),
        )
    )
    if unit == "hm3":
        scaled = ends
    elif unit == "energy":
        scaled = _as_energy(outcome, ends)
    else:
        scaled = _as_share(outcome, ends, total=total)
    if not total:
        return scaled
    return scaled.group_by("scenario_id", "stage_id").agg(pl.col("initial", "storage").sum())


def _as_energy(outcome: Outcome, ends: pl.DataFrame) -> pl.DataFrame:
    energy = energy_of_water(outcome)
    if not energy:
        raise ResultsError(
            "these results do not say how much energy stored water holds; simulate again to have "
            "dictionaries/topology.json"
        )
    least = _extreme(outcome, "lower_bound")
    table = pl.DataFrame(
        {
            "hydro_id": [*energy],
            "gwh": [one / 1e3 for one in energy.values()],
            "least": [least.get(i, 0.0) for i in energy],
        },
        schema={"hydro_id": pl.Int32, "gwh": pl.Float64, "least": pl.Float64},
    )
    above = (pl.col("initial", "storage") - pl.col("least")) * pl.col("gwh")
    return ends.join(table, on="hydro_id", how="left").with_columns(above)


def _as_share(outcome: Outcome, ends: pl.DataFrame, *, total: bool) -> pl.DataFrame:
    largest = _extreme(outcome, "upper_bound")
    if not largest:
        raise ResultsError(
            "these results do not hold the limits of reservoirs, which a training writes; draw "
            "storage in hm3"
        )
    whole = sum(largest.values())
    table = pl.DataFrame(
        {"hydro_id": [*largest], "full": [whole if total else one for one in largest.values()]},
        schema={"hydro_id": pl.Int32, "full": pl.Float64},
    )
    share = (
        pl.when(pl.col("full") > 0)
        .then(100.0 * pl.col("initial", "storage") / pl.col("full"))
        .otherwise(0.0)
    )
    return ends.join(table, on="hydro_id", how="left").with_columns(share.name.keep())


def _extreme(outcome: Outcome, side: str) -> dict[int, float]:
    """The least lower or the largest upper limit of storage over the stages, by plant."""
    choose = min if side == "lower_bound" else max
    found: dict[int, float] = {}
    rows = outcome.limit("hydro", _STORAGE)
    for i, value in zip(rows["entity_id"].to_list(), rows[side].to_list(), strict=True):
        if value is not None:
            found[i] = choose(found.get(i, value), value)
    return found


Pairs = dict[int, list[tuple[float | None, float | None]]]
"""Least and largest storage of every stage, by plant; -1 is all plants together."""


def _limits(outcome: Outcome, unit: str, which: int | None) -> list[dict[str, object]]:
    """The least and the largest storage of every stage; of several reservoirs, their sums."""
    total = which is None
    known = outcome.kept(
        ("storage limits", unit, total), lambda: _all_limits(outcome, unit, total=total)
    )
    pairs = known.get(-1 if which is None else which)
    if pairs is None:
        return []
    style: dict[str, object] = {"dash": "dot", "width": 1.2, "hoverinfo": "skip"}
    color = theme()["limit"]
    return [
        line(outcome.ends, [high for _, high in pairs], "largest", color, **style),
        line(outcome.ends, [low for low, _ in pairs], "least", color, **{**style, "dash": "dash"}),
    ]


def _all_limits(outcome: Outcome, unit: str, *, total: bool) -> Pairs:
    rows = outcome.limit("hydro", _STORAGE)
    if not rows.height:
        return {}
    names = {"entity_id": "hydro_id", "lower_bound": "initial", "upper_bound": "storage"}
    scaled = rows.rename(names)
    if unit == "energy":
        scaled = _as_energy(outcome, scaled)
    elif unit == "share":
        scaled = _as_share(outcome, scaled, total=total)
    if total:
        scaled = scaled.group_by("stage_id").agg(pl.col("initial", "storage").sum())
        scaled = scaled.with_columns(hydro_id=pl.lit(-1))
    order = {one.stage_id: place for place, one in enumerate(outcome.stages)}
    found: Pairs = {}
    wanted = scaled.select("hydro_id", "stage_id", "initial", "storage")
    for hydro_id, stage_id, low, high in wanted.iter_rows():
        pairs = found.setdefault(hydro_id, [(None, None)] * len(order))
        pairs[order[stage_id]] = low, high
    return found
