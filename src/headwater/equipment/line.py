r"""Transmission lines: two directed flows with hard limits.

What arrives is ``1 - losses`` of what is sent, less what a curve of losses takes
(`headwater.equipment.line_losses`).

    load balance of the target bus: + eta * direct - reverse
    load balance of the source bus: + eta * reverse - direct
    cost  tau_k * exchange cost * (direct + reverse)

Lines with a reactance keep to Kirchhoff's laws as well, see `headwater.equipment.line_loops`.
"""

from __future__ import annotations

import numpy as np

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.core.ids import ABSENT
from headwater.core.parts import (
    OPERATIVE_STATE,
    Column,
    Cost,
    EntityFile,
    Equipment,
    Family,
    Limit,
    Phase,
    Piece,
    Quantity,
    ResultTable,
    Words,
)
from headwater.core.program import LpBuilder
from headwater.core.stage_tables import StageTable
from headwater.equipment import line_losses, line_shifters
from headwater.equipment.context import StageContext
from headwater.equipment.line_loops import declare_loop_rows
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.model import Line, System


def apply_exchange_factors(system: System, values: dict[str, Array]) -> None:
    """Multiply the limits of stages by the factors of their blocks."""
    n_blocks = max(len(stage.blocks) for stage in system.stages)
    for way in ("direct", "reverse"):
        limit = np.repeat(values[f"{way}_mw"][:, :, None], n_blocks, axis=2)
        factor = np.ones_like(limit)
        system.exchange_factors.apply(
            f"{way}_factor", factor, system.line_index, system.stage_index
        )
        values[f"{way}_mw"] = np.multiply(limit, factor, out=limit)


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns of flow in MW, for each block direct then reverse."""
    lines = ctx.system.lines
    direct = build.column_family("line_direct", (len(lines), ctx.n_blocks))
    reverse = build.column_family("line_reverse", (len(lines), ctx.n_blocks))
    limits = ctx.system.bounds.line
    cost = ctx.system.bounds.line.exchange_cost
    for index in range(len(lines)):
        if not ctx.operating("lines", index):
            continue
        for k in range(ctx.n_blocks):
            price = ctx.block_hours[k] * cost[index, ctx.t]
            direct[index, k] = build.column(0.0, limits.direct_mw[index, ctx.t, k], price)
            reverse[index, k] = build.column(0.0, limits.reverse_mw[index, ctx.t, k], price)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Flows enter the load balances of both ends."""
    network = ctx.system.network
    load = build.rows["load"]
    for index, line in enumerate(ctx.system.lines):
        efficiency = 1.0 - line.losses_percent / 100.0
        source, target = network.line_source[index], network.line_target[index]
        for k in range(ctx.n_blocks):
            direct, reverse = (
                build.columns["line_direct"][index, k],
                build.columns["line_reverse"][index, k],
            )
            if direct == ABSENT:
                continue
            build.put(load[target, k], direct, efficiency)
            build.put(load[source, k], direct, -1.0)
            build.put(load[source, k], reverse, efficiency)
            build.put(load[target, k], reverse, -1.0)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``exchanges``."""
    lines = read.system.lines
    direct, reverse = read.values(s, "line_direct"), read.values(s, "line_reverse")
    lost = (direct + reverse) * (np.array([line.losses_percent for line in lines]) / 100.0)
    lost = lost + line_losses.lost_mw(read, s)
    return {
        "direct_flow_mw": direct,
        "reverse_flow_mw": reverse,
        "net_flow_mw": direct - reverse,
        "net_flow_mwh": (direct - reverse) * read.hours,
        "losses_mw": lost,
        "losses_mwh": lost * read.hours,
        "exchange_cost": read.priced(s, "line_direct") + read.priced(s, "line_reverse"),
    }


_TABLES = (
    ResultTable(
        "exchanges",
        "scenario, stage, block and line",
        (
            Column("direct_flow_mw", "MW", "sent from source to target"),
            Column("reverse_flow_mw", "MW", "sent from target to source"),
            Column("net_flow_mw", "MW", "direct minus reverse"),
            Column("net_flow_mwh", "MWh", "net energy of the block"),
            Column("losses_mw", "MW", "sent and not received"),
            Column("losses_mwh", "MWh", "lost energy of the block"),
            Column("exchange_cost", "$", "cost of exchange"),
            OPERATIVE_STATE,
        ),
        read_table,
        place=2,
    ),
    ResultTable(
        "phase_shifters",
        "scenario, stage, block and line with a phase shifter",
        (
            Column("line_id", "-", "id of the line", "whole"),
            Column("phase_shift_degrees", "degrees", "angle that the shifter adds"),
        ),
        line_shifters.read_table,
        by_entity=False,
        block="some",
        sort=("scenario_id", "stage_id", "block_id", "line_id"),
    ),
)

_COSTS = (
    Cost("exchange_cost", "exchanges", "regularization", ("line_direct", "line_reverse"), place=19),
)

EQUIPMENT.add(
    Equipment(
        "line",
        "lines",
        Line,
        EntityFile(
            "system/lines.json", "lines", place=1, required=True, meaning="lines; may be empty"
        ),
        Words("line", "lines", "Line"),
        code=3,
        place=1,
        stage_tables=(
            StageTable("constraints/line_bounds.parquet", held_in="line_bound_overrides", place=2),
            StageTable(
                "constraints/penalty_overrides_line.parquet",
                held_in="line_penalty_overrides",
                place=8,
            ),
        ),
        finish_values=apply_exchange_factors,
        limits=(Limit(8, "flow", "direct_mw", "reverse_mw", both_ways=True),),
        capacity=(("direct_capacity_mw", "MW direct"), ("reverse_capacity_mw", "MW reverse")),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(
            Quantity("line_direct", (("line_direct", 1.0),)),
            Quantity("line_reverse", (("line_reverse", 1.0),)),
            Quantity("line_exchange", (("line_direct", 1.0), ("line_reverse", -1.0))),
        ),
        pieces=(
            Piece(Phase.COLUMNS, declare_columns, place=2),
            Piece(Phase.COLUMNS, line_losses.declare_columns),
            Piece(Phase.COLUMNS, line_shifters.declare_columns),
            Piece(Phase.ROWS, declare_loop_rows),
            Piece(Phase.ROWS, line_losses.declare_rows),
            Piece(Phase.TERMS, put_terms, place=1),
            Piece(Phase.TERMS, line_losses.put_terms),
        ),
        families=(
            Family("line_direct", "direct flow on {0}", "MW"),
            Family("line_reverse", "reverse flow on {0}", "MW"),
            Family("line_loss", "loss by the flow on {0}", "MW"),
            Family("phase_shift", "phase shift of {0}", "degrees"),
            Family("line_loss", "the losses of {0}", "MW", is_row=True),
            Family("loop_flow", "Kirchhoff's law on the loop that {0} closes", "MW", is_row=True),
        ),
    )
)
