"""Columns of all hydro plants in their order.

Some plant by plant, since solvers choose among equal optima by position.
"""

from __future__ import annotations

from headwater.core.program import LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import evaporation, filling, inflows, plants, reservoirs


def declare(build: LpBuilder, ctx: StageContext) -> None:
    """Inflows, flows of every plant, then what belongs to reservoirs, then the slacks."""
    inflows.declare_inflow_columns(build, ctx)
    plants.declare_flow_columns(build, ctx)
    reservoirs.announce_stage_columns(build, ctx)
    evaporation.announce_columns(build, ctx)
    for h in range(ctx.n_hydros):
        reservoirs.declare_block_storage_columns(build, ctx, h)
        evaporation.declare_columns(build, ctx, h)
        reservoirs.declare_withdrawal_columns(build, ctx, h)
        inflows.declare_slack_column(build, ctx, h)
    filling.announce_columns(build, ctx)
    plants.announce_slack_columns(build, ctx)
    for h in range(ctx.n_hydros):
        reservoirs.declare_floor_column(build, ctx, h)
        filling.declare_slack_columns(build, ctx, h)
        plants.declare_slack_columns(build, ctx, h)
