r"""Transmission lines: two directed flows with hard limits; what arrives is ``1 - losses`` of what is sent.

load balance of the target bus: + eta * direct - reverse        of the source bus: + eta * reverse - direct
cost  tau_k * exchange cost * (direct + reverse)
"""

from __future__ import annotations

import numpy as np

from headwater.core.program import ABSENT, LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns of flow in MW, for each block direct then reverse."""
    lines = ctx.system.lines
    direct = build.column_family("line_direct", (len(lines), ctx.n_blocks))
    reverse = build.column_family("line_reverse", (len(lines), ctx.n_blocks))
    limits = ctx.system.bounds.line
    cost = ctx.system.resolved_penalties.exchange_per_mwh
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
            direct, reverse = build.columns["line_direct"][index, k], build.columns["line_reverse"][index, k]
            if direct == ABSENT:
                continue
            build.put(load[target, k], direct, efficiency)
            build.put(load[source, k], direct, -1.0)
            build.put(load[source, k], reverse, efficiency)
            build.put(load[target, k], reverse, -1.0)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``exchanges``."""
    lines = read.system.lines
    if not lines:
        return {}
    direct, reverse = read.values(s, "line_direct"), read.values(s, "line_reverse")
    lost = (direct + reverse) * (np.array([line.losses_percent for line in lines]) / 100.0)
    return read.flat(
        s,
        "line_id",
        [line.id for line in lines],
        {
            "direct_flow_mw": direct,
            "reverse_flow_mw": reverse,
            "net_flow_mw": direct - reverse,
            "net_flow_mwh": (direct - reverse) * read.hours,
            "losses_mw": lost,
            "losses_mwh": lost * read.hours,
            "exchange_cost": read.priced(s, "line_direct") + read.priced(s, "line_reverse"),
            "operative_state_code": read.states("lines", direct),
        },
    )
