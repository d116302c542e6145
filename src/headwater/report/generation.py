"""Pictures of what plants generate."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from headwater.core.equipment import EQUIPMENT
from headwater.errors import UsageError
from headwater.report.balance import balance
from headwater.report.drawing import Drawing, line, shortened
from headwater.report.fans import fan_traces, fans, scenario_traces
from headwater.report.outcome import Outcome
from headwater.report.theme import theme

_GENERATION = 6
"""Code of limits of generation."""


def generation(
    outcome: Outcome,
    plant: str | int | None = None,
    kind: str | None = None,
    scenarios: Sequence[str | int] = (),
) -> Drawing:
    """Mean power of every stage: of the system by source, or of one plant as a fan of scenarios.

    Args:
        outcome: the simulation.
        plant: name or id; ``None`` for the system.
        kind: ``"hydro"``, ``"thermal"`` or ``"non_controllable"``; ``None`` looks for the name
            among all.
        scenarios: drawn beside the fan of a plant.

    Raises:
        UnknownNameError: there is no such plant, or several kinds have one.
        ResultsError: the run kept no table of such plants.
    """
    if plant is None:
        return balance(outcome)
    kind = _kind_of(outcome, plant) if kind is None else kind
    tables = _tables()
    if kind not in tables:
        raise UsageError(f"plants are of the kinds {', '.join(tables)}, got '{kind}'")
    which = outcome.find(kind, plant)
    key = f"{kind}_id"
    rows = outcome.kept(("power", kind), lambda: _mean_power(outcome, kind))
    known = outcome.kept(("power fans", kind), lambda: fans(outcome, rows, "mw", key))
    mine = outcome.by_entity(("power", kind), rows, key)[which]
    limits = outcome.limit(kind, _GENERATION).filter(pl.col("entity_id") == which)
    largest = dict(limits.select("stage_id", "upper_bound").iter_rows())
    traces = [*fan_traces(outcome.middles, known[which])]
    if largest:
        top = [largest.get(one.stage_id) for one in outcome.stages]
        traces.append(
            line(
                outcome.middles,
                top,
                "largest",
                theme()["limit"],
                dash="dot",
                width=1.2,
                hoverinfo="skip",
            )
        )
    traces += scenario_traces(outcome, mine, "mw", scenarios, outcome.middles)
    layout = {
        "xaxis": outcome.date_axis,
        "yaxis": {"rangemode": "tozero"},
    }
    title = f"{shortened(outcome.names(kind)[which])}: generation"
    return Drawing(title, traces, "stage", "mean power of the stage, MW", layout)


def _tables() -> dict[str, str]:
    """Kinds of equipment that generate, and the result table of each."""
    return {
        part.name: table.name
        for part, table in EQUIPMENT.tables
        if any(column.name == "generation_mwh" for column in table.columns)
    }


def _kind_of(outcome: Outcome, plant: str | int) -> str:
    having = [
        kind
        for kind in _tables()
        if (
            plant in outcome.ids(kind)
            if isinstance(plant, int)
            else plant in outcome.names(kind).values()
        )
    ]
    if len(having) > 1:
        kinds = " or a ".join(EQUIPMENT[kind].words.one for kind in having)
        raise UsageError(f"{plant!r} may be a {kinds}; say which with kind=")
    return having[0] if having else "hydro"


def _mean_power(outcome: Outcome, kind: str) -> pl.DataFrame:
    rows = outcome.rows(_tables()[kind], "generation_mwh")
    hours = pl.DataFrame(
        [(s.stage_id, s.hours) for s in outcome.stages],
        schema={"stage_id": pl.Int32, "h": pl.Float64},
        orient="row",
    )
    energy = rows.group_by("scenario_id", "stage_id", f"{kind}_id").agg(
        mwh=pl.col("generation_mwh").sum()
    )
    return energy.join(hours, on="stage_id").with_columns(mw=pl.col("mwh") / pl.col("h"))
