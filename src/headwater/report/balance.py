"""Where energy comes from and goes to, by bus and stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from headwater.arrays import FrozenDict
from headwater.core.equipment import EQUIPMENT
from headwater.core.flows import BusFlow
from headwater.core.parts import Equipment
from headwater.errors import ResultsError
from headwater.report.drawing import Drawing, bars, line, shortened
from headwater.report.fans import chosen_scenarios
from headwater.report.outcome import Outcome
from headwater.report.theme import source_color

_OF_LINES = (
    BusFlow("import", "from other buses", "exchanges", "", place=5),
    BusFlow("export", "to other buses", "exchanges", "", takes=True, place=7),
    BusFlow("losses", "losses of lines", "exchanges", "", takes=True, place=8),
)
"""Flows that join buses, or are lost between them."""

SOURCES: Mapping[str, BusFlow] = FrozenDict(
    {
        flow.name: flow
        for flow in sorted(
            (*_OF_LINES, *(flow for _, flow in EQUIPMENT.flows)), key=lambda flow: flow.place
        )
    }
)
"""Sources, drawn above zero, and uses, below, in the order in which they are stacked."""

_SMALL_MW = 1e-6
"""Mean power up to this is not drawn."""

Rows = pl.DataFrame
"""``scenario_id``, ``stage_id``, ``bus_id``, ``source``, ``mwh``."""


def balance(
    outcome: Outcome, bus: str | int | None = None, scenario: str | int | None = None
) -> Drawing:
    """Mean power of every stage by source, stacked, with the load; uses are below zero.

    Args:
        outcome: the simulation.
        bus: name or id; ``None`` for the whole system, where exchanges cancel out and only their
            losses remain.
        scenario: number or name of one; ``None`` for the mean over scenarios.

    Raises:
        UnknownNameError: there is no such bus or scenario.
        ResultsError: the run kept no table of buses.
    """
    which = None if bus is None else outcome.find("bus", bus)
    place = "Whole system" if which is None else shortened(outcome.names("bus")[which])
    power = _power(outcome, which, scenario)
    load = power.pop("load")
    traces = [
        bars(
            outcome.middles,
            [-value if flow.takes else value for value in power[name]],
            flow.words,
            flow.color or source_color(name, number),
            meta={"unit": "MW"},
        )
        for number, (name, flow) in enumerate(SOURCES.items())
        if any(abs(value) > _SMALL_MW for value in power.get(name, ()))
    ]
    traces.append(
        line(outcome.middles, load, "load", source_color("load"), meta={"ink": True}, shape="hvh")
    )
    said = (
        "mean of all scenarios" if scenario is None else chosen_scenarios(outcome, [scenario])[0][0]
    )
    layout = {
        "barmode": "relative",
        "bargap": 0.08,
        "xaxis": outcome.date_axis,
    }
    return Drawing(
        f"{place}: energy balance, {said}", traces, "stage", "mean power of the stage, MW", layout
    )


def _power(outcome: Outcome, bus: int | None, scenario: str | int | None) -> dict[str, list[float]]:
    """Mean power by source, for every stage; ``load`` among them."""
    rows = outcome.kept("balance", lambda: _mean_and_all(outcome))
    mean, every = rows
    if scenario is None:
        chosen = mean
    else:
        number = chosen_scenarios(outcome, [scenario])[0][1]
        chosen = every.filter(pl.col("scenario_id") == number)
        if not chosen.height:
            raise ResultsError(f"there is no scenario {number} in these results")
    if bus is not None:
        chosen = chosen.filter(pl.col("bus_id") == bus)
    by = chosen.group_by("source", "stage_id").agg(pl.col("mwh").sum())
    hours = {one.stage_id: one.hours for one in outcome.stages}
    place = {one.stage_id: i for i, one in enumerate(outcome.stages)}
    found = {source: [0.0] * len(place) for source in ("load", *SOURCES)}
    for source, stage_id, mwh in by.select("source", "stage_id", "mwh").iter_rows():
        found[source][place[stage_id]] = mwh / hours[stage_id]
    if bus is None:
        arriving, leaving = found.pop("import"), found.pop("export")
        found["losses"] = [sent - got for sent, got in zip(leaving, arriving, strict=True)]
    return found


def _mean_and_all(outcome: Outcome) -> tuple[Rows, Rows]:
    every = pl.concat(_parts(outcome))
    n_scenarios = every["scenario_id"].n_unique()
    mean = every.group_by("bus_id", "stage_id", "source").agg(pl.col("mwh").sum() / n_scenarios)
    return mean, every


def _parts(outcome: Outcome) -> Iterator[Rows]:
    yield _summed(outcome.rows("buses", "load_mwh"), "load", pl.col("load_mwh"))
    for part, flow in EQUIPMENT.flows:
        if flow.table in outcome.tables and (not flow.only or outcome.knows_topology):
            yield _flow(outcome, part, flow)
    if "exchanges" in outcome.tables and outcome.knows_topology:
        yield from _exchanges(outcome)


def _flow(outcome: Outcome, part: Equipment, flow: BusFlow) -> Rows:
    """What all entities of a kind give to their buses, or take from them."""
    rows, own_id = outcome.rows(flow.table, flow.column), f"{part.name}_id"
    if flow.only:
        key, value = flow.only
        ids = [one[own_id] for one in outcome.leads[part.collection] if one[key] == value]
        rows = rows.filter(pl.col(own_id).is_in(ids))
    energy = pl.col(flow.column)
    if not flow.is_energy:
        rows = rows.join(outcome.hours, on=["stage_id", "block_id"])
        energy = energy * pl.col("hours")
    return _summed(
        rows if own_id == "bus_id" else _at_bus(outcome, rows, part.name), flow.name, energy
    )


def _exchanges(outcome: Outcome) -> Iterator[Rows]:
    """What leaves a bus as it is sent, and what arrives after losses."""
    lines = outcome.leads["lines"]
    ends = pl.DataFrame(
        [(one["line_id"], one["source_bus_id"], one["target_bus_id"]) for one in lines],
        schema={"line_id": pl.Int32, "source": pl.Int32, "target": pl.Int32},
        orient="row",
    )
    rows = outcome.rows("exchanges", "direct_flow_mw", "reverse_flow_mw", "losses_mw").join(
        ends, on="line_id"
    )
    rows = rows.join(outcome.hours, on=["stage_id", "block_id"])
    both = pl.col("direct_flow_mw") + pl.col("reverse_flow_mw")
    arriving = pl.when(both > 0).then(1.0 - pl.col("losses_mw") / both).otherwise(1.0)
    for flow, sender, receiver in (
        ("direct_flow_mw", "source", "target"),
        ("reverse_flow_mw", "target", "source"),
    ):
        energy = pl.col(flow) * pl.col("hours")
        yield _summed(rows.with_columns(bus_id=pl.col(sender)), "export", energy)
        yield _summed(rows.with_columns(bus_id=pl.col(receiver)), "import", energy * arriving)


def _at_bus(outcome: Outcome, rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    buses = outcome.bus_of(kind)
    table = pl.DataFrame(
        {f"{kind}_id": [*buses], "bus_id": [*buses.values()]},
        schema={f"{kind}_id": pl.Int32, "bus_id": pl.Int32},
    )
    return rows.join(table, on=f"{kind}_id")


def _summed(rows: pl.DataFrame, source: str, energy: pl.Expr) -> Rows:
    keys = ("scenario_id", "stage_id", "bus_id")
    return (
        rows.group_by(*keys)
        .agg(mwh=energy.sum())
        .select(*keys, pl.lit(source).alias("source"), "mwh")
    )
