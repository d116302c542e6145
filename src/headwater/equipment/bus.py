r"""Buses: power balance per block, deficit in priced segments, free disposal of excess.

    generation + arriving flows + sum_s deficit[s] - excess = load    (one row per bus and block)
    cost  tau_k * (sum_s c[s] deficit[s] + c_excess * excess)

The right-hand side is the load of the opening.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headwater.core.equipment import EQUIPMENT
from headwater.core.flows import BusFlow
from headwater.core.parts import (
    Column,
    Cost,
    EntityFile,
    Equipment,
    Family,
    Phase,
    Piece,
    Quantity,
    ResultTable,
    Words,
)
from headwater.core.program import LpBuilder
from headwater.core.stage_tables import StageTable
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.equipment.thermal.generation import check_ascending
from headwater.errors import ModelError
from headwater.model import Bus, DeficitSegment


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """For each bus and block: deficit segments, then excess, in MW."""
    penalties = ctx.system.resolved_penalties
    excess_cost = ctx.system.bounds.bus.excess_cost
    n_segments = max(len(segments) for segments in penalties.deficit_segments)
    deficit = build.column_family("deficit", (len(ctx.system.buses), ctx.n_blocks, n_segments))
    excess = build.column_family("excess", (len(ctx.system.buses), ctx.n_blocks))
    for b, segments in enumerate(penalties.deficit_segments):
        _check_segments(f"the deficit segments of bus {ctx.system.buses[b].id}", segments)
        for k, hours in enumerate(ctx.block_hours):
            for s, segment in enumerate(segments):
                depth = np.inf if segment.depth_mw is None else segment.depth_mw
                deficit[b, k, s] = build.column(0.0, depth, hours * segment.cost_per_mwh)
            excess[b, k] = build.column(cost=hours * excess_cost[b, ctx.t])


def _check_segments(what: str, segments: Sequence[DeficitSegment]) -> None:
    check_ascending(what, [segment.cost_per_mwh for segment in segments])
    if not segments or segments[-1].depth_mw is not None:
        raise ModelError(f"{what}: the last one must be without limit")
    if any(segment.depth_mw is None for segment in segments[:-1]):
        raise ModelError(f"{what}: only the last one may be without limit")


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Load balance rows."""
    rows = build.row_family("load", (len(ctx.system.buses), ctx.n_blocks))
    for b in range(len(ctx.system.buses)):
        for k in range(ctx.n_blocks):
            rows[b, k] = build.equality()


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Deficit and excess enter the balance of their bus."""
    for b in range(len(ctx.system.buses)):
        for k in range(ctx.n_blocks):
            row = build.rows["load"][b, k]
            for column in build.columns["deficit"][b, k]:
                if column >= 0:
                    build.put(row, column, 1.0)
            build.put(row, build.columns["excess"][b, k], -1.0)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``buses``."""
    load = np.swapaxes(s.load_mw[:, :, : read.ctx.n_blocks], 1, 2)
    deficit, excess = read.values(s, "deficit").sum(axis=3), read.values(s, "excess")
    return {
        "load_mw": load,
        "load_mwh": load * read.hours,
        "deficit_mw": deficit,
        "deficit_mwh": deficit * read.hours,
        "excess_mw": excess,
        "excess_mwh": excess * read.hours,
        "spot_price": np.swapaxes(s.load_dual, 1, 2) / read.hours,
    }


_TABLES = (
    ResultTable(
        "buses",
        "scenario, stage, block and bus",
        (
            Column("load_mw", "MW", "load"),
            Column("load_mwh", "MWh", "load energy of the block"),
            Column("deficit_mw", "MW", "unserved load"),
            Column("deficit_mwh", "MWh", "unserved energy of the block"),
            Column("excess_mw", "MW", "power disposed of"),
            Column("excess_mwh", "MWh", "energy disposed of in the block"),
            Column("spot_price", "$/MWh", "marginal cost of energy, current value"),
        ),
        read_table,
        place=3,
    ),
)

_COSTS = (
    Cost("deficit_cost", "unserved load", "recourse", ("deficit",), place=2),
    Cost(
        "excess_cost",
        "excess energy and negative net generation of production planes",
        "recourse",
        ("excess", "negative_generation"),
        place=3,
    ),
)

EQUIPMENT.add(
    Equipment(
        "bus",
        "buses",
        Bus,
        EntityFile(
            "system/buses.json", "buses", place=0, required=True, meaning="buses", at_least=1
        ),
        Words("bus", "buses", "Bus"),
        code=2,
        place=0,
        stage_tables=(
            StageTable(
                "constraints/penalty_overrides_bus.parquet",
                held_in="bus_penalty_overrides",
                place=7,
            ),
        ),
        flows=(
            BusFlow("deficit", "deficit", "buses", "deficit_mwh", place=6),
            BusFlow("excess", "excess", "buses", "excess_mwh", takes=True, place=12),
        ),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(
            Quantity("bus_deficit", (("deficit", 1.0),)),
            Quantity("bus_excess", (("excess", 1.0),)),
        ),
        pieces=(
            Piece(Phase.COLUMNS, declare_columns, place=3),
            Piece(Phase.ROWS, declare_rows, place=0),
            Piece(Phase.TERMS, put_terms, place=2),
        ),
        families=(
            Family("deficit", "deficit of {0}", "MW"),
            Family("excess", "excess of {0}", "MW"),
            Family("load", "the load balance of {0}", "MW", is_row=True, shown="load_balance"),
        ),
    )
)
