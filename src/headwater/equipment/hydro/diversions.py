r"""Diversion channels.

Water that leaves a reservoir past the turbines and arrives at another plant.

    0 <= u[h, k] <= U_max[h]      cost  tau_k c_div u[h, k]

``u`` leaves the balance of ``h`` and enters that of the diversion's destination, or of the first
plant present below it. It does not count as outflow and never reaches the main downstream plant.
"""

from __future__ import annotations

from headwater.core.ids import ABSENT
from headwater.core.program import LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import reservoirs
from headwater.model import NONE


def announce_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Family of diverted flow in m3/s, filled plant by plant."""
    build.column_family("diversion", (ctx.n_hydros, ctx.n_blocks))


def declare_column(build: LpBuilder, ctx: StageContext, h: int, k: int) -> None:
    """Column of one plant and block, where the plant operates and has a channel."""
    if ctx.system.hydros[h].diversion is None or not ctx.operating("hydros", h):
        return
    cost = ctx.block_hours[k] * ctx.penalty("diversion_cost", h)
    upper = ctx.system.bounds.hydro.max_diversion_m3s[h, ctx.t]
    build.columns["diversion"][h, k] = build.column(0.0, upper, cost)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Diverted water leaves one balance and enters another."""
    destination = ctx.system.cascade.diversion_receiver[:, ctx.t]
    for h in range(ctx.n_hydros):
        for k in range(ctx.n_blocks):
            column = int(build.columns["diversion"][h, k])
            if column == ABSENT:
                continue
            reservoirs.put_block_flow(build, ctx, h, k, column, 1.0)
            if destination[h] != NONE:
                reservoirs.put_block_flow(build, ctx, int(destination[h]), k, column, -1.0)
