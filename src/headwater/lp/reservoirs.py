r"""Reservoirs: storage, the water balance along the cascade, scheduled withdrawal, the soft storage floor.

    v[h] + sum_k zeta_k (q + s)[h, k] - sum_{i upstream} sum_k zeta_k (q + s)[i, k]
         + zeta (rp - rm - sinf - z)[h] = v_in[h] - zeta W[h]              (one row per hydro)
    v[h] + sv[h] >= V_min[h]

``zeta_k`` turns m3/s over a block into hm3. ``W`` is scheduled withdrawal (negative adds water); ``rm`` is the part that is not
withdrawn, ``rp`` what is withdrawn beyond it. A plant that is absent keeps its storage column, fixed by its row; the inflow of
its river goes to the next plant present.
"""

from __future__ import annotations

import numpy as np

from headwater.lp.builder import LpBuilder
from headwater.lp.context import StageContext
from headwater.model import NONE


def declare_storage_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``v[h]`` at ``h``, in hm3."""
    storage = build.column_family("storage", ctx.n_hydros)
    for h in range(ctx.n_hydros):
        storage[h] = build.column(0.0, ctx.system.bounds.hydro.max_storage_hm3[h, ctx.t])


def announce_stage_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Families of columns with one value per stage, filled hydro by hydro."""
    for name in ("withdrawal_short", "withdrawal_beyond", "inflow_slack", "storage_slack"):
        build.column_family(name, ctx.n_hydros)


def declare_withdrawal_columns(build: LpBuilder, ctx: StageContext, h: int) -> None:
    """Two-sided, bounded slack of the withdrawal of one hydro, where one is scheduled."""
    withdrawal = ctx.system.bounds.hydro.water_withdrawal_m3s[h, ctx.t]
    costs = ctx.system.resolved_penalties.hydro
    if withdrawal > 0.0:
        short_cost = ctx.hours * costs["water_withdrawal_violation_neg_cost"][h, ctx.t]
        build.columns["withdrawal_short"][h] = build.column(0.0, withdrawal, short_cost)
    if withdrawal != 0.0:
        beyond_cost = ctx.hours * costs["water_withdrawal_violation_pos_cost"][h, ctx.t]
        upper = np.inf if withdrawal > 0.0 else -withdrawal
        build.columns["withdrawal_beyond"][h] = build.column(0.0, upper, beyond_cost)


def declare_floor_column(build: LpBuilder, ctx: StageContext, h: int) -> None:
    """Slack below minimum storage of one hydro."""
    floor = ctx.system.bounds.hydro.min_storage_hm3[h, ctx.t]
    if floor > 0.0:
        cost = ctx.system.resolved_penalties.hydro["storage_violation_below_cost"][h, ctx.t]
        build.columns["storage_slack"][h] = build.column(0.0, floor, cost)


def declare_balance_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Water balance rows ``[0, N)``."""
    rows = build.row_family("water_balance", ctx.n_hydros)
    for h in range(ctx.n_hydros):
        rows[h] = build.equality()


def declare_floor_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Minimum storage rows."""
    rows = build.row_family("min_storage", ctx.n_hydros)
    for h in range(ctx.n_hydros):
        slack = build.columns["storage_slack"][h]
        if slack >= 0:
            rows[h] = build.row(ctx.system.bounds.hydro.min_storage_hm3[h, ctx.t], np.inf)
            build.put(rows[h], build.columns["storage"][h], 1.0)
            build.put(rows[h], slack, 1.0)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Everything that moves water."""
    balance, columns = build.rows["water_balance"], build.columns
    receiver = ctx.system.cascade.receiver[:, ctx.t]
    for h in range(ctx.n_hydros):
        row = balance[h]
        build.put(row, columns["storage"][h], 1.0)
        build.put_state(row, h, -1.0)
        build.put(row, columns["inflow"][h], -ctx.stage_hm3)
        build.shift_row(row, ctx.stage_hm3 * ctx.system.bounds.hydro.water_withdrawal_m3s[h, ctx.t])
        for name, sign in (("withdrawal_beyond", 1.0), ("withdrawal_short", -1.0), ("inflow_slack", -1.0)):
            if columns[name][h] >= 0:
                build.put(row, columns[name][h], sign * ctx.stage_hm3)
        for k in range(ctx.n_blocks):
            for name in ("turbined", "spillage"):
                if columns[name][h, k] < 0:
                    continue
                build.put(row, columns[name][h, k], ctx.block_hm3[k])
                if receiver[h] != NONE:
                    build.put(balance[receiver[h]], columns[name][h, k], -ctx.block_hm3[k])
