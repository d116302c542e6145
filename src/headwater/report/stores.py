"""Pictures of what other equipment than reservoirs keeps from stage to stage."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import Equipment
from headwater.core.stores import Store
from headwater.errors import UsageError
from headwater.model.named import EntityKey
from headwater.report.drawing import Drawing, shortened
from headwater.report.fans import fan_traces, fans, scenario_traces
from headwater.report.outcome import Outcome


def kinds(outcome: Outcome) -> dict[str, tuple[Equipment, Store]]:
    """Kinds of equipment that keep something, and of which these results have a table."""
    return {
        part.name: (part, part.store)
        for part in EQUIPMENT
        if part.store is not None and part.store.table in outcome.tables
    }


def store(
    outcome: Outcome,
    kind: str,
    which: EntityKey,
    *,
    value: bool = False,
    scenarios: Sequence[str | int] = (),
) -> Drawing:
    """What an entity keeps at the end of every stage, as a fan of scenarios.

    Args:
        outcome: the simulation.
        kind: of equipment, e.g. ``"battery"``.
        which: name or id of the entity.
        value: draw what one more unit is worth at the start of the stage in place of the amount.
        scenarios: drawn beside the fan: numbers, or names of `named_scenarios`.

    Raises:
        UnknownNameError: there is no such entity or scenario.
        UsageError: the kind keeps nothing, or these results do not hold its table.
    """
    known = kinds(outcome)
    if kind not in known:
        raise UsageError(
            f"'{kind}' keeps nothing from stage to stage in these results (there is: "
            f"{', '.join(known) or 'nothing'})"
        )
    _, declared = known[kind]
    entity_id, key = outcome.find(kind, which), f"{kind}_id"
    columns = (declared.worth,) if value else (declared.initial, declared.final)
    rows = outcome.kept(("store rows", kind, value), lambda: _rows(outcome, declared, key, columns))
    fan = outcome.kept(("store", kind, value), lambda: fans(outcome, rows, "shown", key))
    mine = outcome.by_entity(("store", kind, value), rows, key)[entity_id]
    start, x = None, outcome.starts
    if not value:
        first = mine.filter(pl.col("stage_id") == outcome.stages[0].stage_id)["initial"].mean()
        start = float(first) if isinstance(first, int | float) else None
        x = [outcome.starts[0], *outcome.ends] if start is not None else outcome.ends
    name = shortened(outcome.names(kind)[entity_id])
    what = f"worth of {declared.words}" if value else declared.words
    unit = f"$ per {declared.unit}" if value else declared.unit
    traces = [
        *fan_traces(x, fan[entity_id], start),
        *scenario_traces(outcome, mine, "shown", scenarios, x, start),
    ]
    layout = {"xaxis": outcome.date_axis}
    if not value:
        layout["yaxis"] = {"rangemode": "tozero"}
    when = "start of the stage" if value else "end of the stage"
    return Drawing(f"{name}: {what}", traces, when, f"{what}, {unit}", layout)


def _rows(outcome: Outcome, declared: Store, key: str, columns: tuple[str, ...]) -> pl.DataFrame:
    """The first and the last value of every scenario, stage and entity."""
    return (
        outcome.rows(declared.table, *columns)
        .sort("block_id", maintain_order=True)
        .group_by("scenario_id", "stage_id", key, maintain_order=True)
        .agg(initial=pl.col(columns[0]).first(), shown=pl.col(columns[-1]).last())
    )
