r"""Hydro plants: turbined flow, spillage, the production function, and soft limits per block.

Constant productivity: ``generation = rho q``, substituted, with ``q <= min(Q_max, G_max / rho)``.
Piecewise-linear (FPHA), one row per block and plane ``m``::

    gh - gneg - (gv_m / 2) v - gq_m q - gs_m s <= kappa g0_m + (gv_m / 2) v_in

``gneg`` keeps the stage feasible where a plane is negative; it costs as much as excess energy, so it is never a source.

    min turbined    q + slack >= Q_min            min outflow   q + s + slack >= O_min
    max outflow     q + s - slack <= O_max        min generation  generation + slack >= G_min
"""

from __future__ import annotations

import numpy as np

from headwater.lp.builder import LpBuilder
from headwater.lp.context import StageContext
from headwater.lp.thermals import Combination
from headwater.model import ProductionKind

_LIMITS = ("turbined_slack", "outflow_below_slack", "outflow_above_slack", "generation_slack")


def is_fpha(ctx: StageContext, h: int) -> bool:
    """Whether the plant uses planes at this stage."""
    return ctx.system.production[h][ctx.t].kind is ProductionKind.FPHA


def declare_flow_columns(build: LpBuilder, ctx: StageContext) -> None:
    """For each hydro and block: turbined and spilled flow in m3/s, and generation in MW of plants with planes."""
    shape = (ctx.n_hydros, ctx.n_blocks)
    turbined, spillage = build.column_family("turbined", shape), build.column_family("spillage", shape)
    generation_ = build.column_family("generation", shape)
    limits, costs = ctx.system.bounds.hydro, ctx.system.resolved_penalties.hydro
    for h in range(ctx.n_hydros):
        max_turbined, max_generation = limits.max_turbined_m3s[h, ctx.t], limits.max_generation_mw[h, ctx.t]
        fpha = is_fpha(ctx, h)
        productivity = ctx.system.production[h][ctx.t].productivity_mw_per_m3s
        if not fpha and productivity > 0.0:
            max_turbined = min(max_turbined, max_generation / productivity)
        for k, hours in enumerate(ctx.block_hours):
            turbined[h, k] = build.column(0.0, max_turbined, hours * costs["fpha_turbined_cost"][h, ctx.t] if fpha else 0.0)
            spillage[h, k] = build.column(cost=hours * costs["spillage_cost"][h, ctx.t])
            if fpha:
                generation_[h, k] = build.column(0.0, max_generation)


def announce_slack_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Families of the slacks, filled hydro by hydro."""
    for name in ("negative_generation", *_LIMITS):
        build.column_family(name, (ctx.n_hydros, ctx.n_blocks))


def declare_slack_columns(build: LpBuilder, ctx: StageContext, h: int) -> None:
    """For each block: recourse of the planes, then the slacks of active limits."""
    limits, costs = ctx.system.bounds.hydro, ctx.system.resolved_penalties.hydro
    t, bus = ctx.t, ctx.system.network.hydro_bus[h]
    for k, hours in enumerate(ctx.block_hours):
        if is_fpha(ctx, h):
            cost = ctx.system.resolved_penalties.excess_per_mwh[bus, t]
            build.columns["negative_generation"][h, k] = build.column(cost=hours * cost)
        if limits.min_turbined_m3s[h, t] > 0.0:
            build.columns["turbined_slack"][h, k] = build.column(
                0.0, limits.min_turbined_m3s[h, t], hours * costs["turbined_violation_below_cost"][h, t]
            )
        if limits.min_outflow_m3s[h, t] > 0.0:
            build.columns["outflow_below_slack"][h, k] = build.column(
                0.0, limits.min_outflow_m3s[h, t], hours * costs["outflow_violation_below_cost"][h, t]
            )
        if np.isfinite(limits.max_outflow_m3s[h, t]):
            build.columns["outflow_above_slack"][h, k] = build.column(cost=hours * costs["outflow_violation_above_cost"][h, t])
        if limits.min_generation_mw[h, t] > 0.0:
            build.columns["generation_slack"][h, k] = build.column(cost=hours * costs["generation_violation_below_cost"][h, t])


def declare_plane_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows of the planes: for each hydro, block, plane."""
    planes = [ctx.system.production[h][ctx.t].planes if is_fpha(ctx, h) else () for h in range(ctx.n_hydros)]
    n_planes = max((len(p) for p in planes), default=0)
    rows = build.row_family("fpha", (ctx.n_hydros, ctx.n_blocks, n_planes))
    columns = build.columns
    for h in range(ctx.n_hydros):
        for k in range(ctx.n_blocks):
            for m, plane in enumerate(planes[h]):
                row = rows[h, k, m] = build.row(-np.inf, plane.kappa * plane.gamma_0)
                build.put(row, columns["generation"][h, k], 1.0)
                build.put(row, columns["negative_generation"][h, k], -1.0)
                build.put(row, columns["storage"][h], -plane.gamma_v / 2.0)
                build.put_state(row, h, -plane.gamma_v / 2.0)
                build.put(row, columns["turbined"][h, k], -plane.gamma_q)
                build.put(row, columns["spillage"][h, k], -plane.gamma_s)


def declare_limit_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Soft limits: each family hydro by hydro, block by block, where the limit is active."""
    limits, columns, t = ctx.system.bounds.hydro, build.columns, ctx.t
    shape = (ctx.n_hydros, ctx.n_blocks)
    places = [(h, k) for h in range(ctx.n_hydros) for k in range(ctx.n_blocks)]
    families = {
        "turbined_slack": ("min_turbined", limits.min_turbined_m3s, 1.0),
        "outflow_below_slack": ("min_outflow", limits.min_outflow_m3s, 1.0),
        "outflow_above_slack": ("max_outflow", limits.max_outflow_m3s, -1.0),
        "generation_slack": ("min_generation", limits.min_generation_mw, 1.0),
    }
    for slack_name in _LIMITS:
        name, limit, sign = families[slack_name]
        rows = build.row_family(name, shape)
        for h, k in places:
            slack = columns[slack_name][h, k]
            if slack < 0:
                continue
            row = rows[h, k] = build.row(limit[h, t], np.inf) if sign > 0 else build.row(-np.inf, limit[h, t])
            build.put(row, slack, sign)
            if name == "min_generation":
                terms = generation(build, ctx, h, k)
            elif name == "min_turbined":
                terms = [(int(columns["turbined"][h, k]), 1.0)]
            else:
                terms = outflow(build, h, k)
            for column, value in terms:
                build.put(row, column, value)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Generation enters the load balance of the plant's bus."""
    bus = ctx.system.network.hydro_bus
    for h in range(ctx.n_hydros):
        for k in range(ctx.n_blocks):
            for column, value in generation(build, ctx, h, k):
                build.put(build.rows["load"][bus[h], k], column, value)


def generation(build: LpBuilder, ctx: StageContext, h: int, k: int) -> Combination:
    """Net power of hydro ``h`` in block ``k`` as a combination of columns."""
    columns = build.columns
    if is_fpha(ctx, h):
        return [(int(columns["generation"][h, k]), 1.0), (int(columns["negative_generation"][h, k]), -1.0)]
    return [(int(columns["turbined"][h, k]), ctx.system.production[h][ctx.t].productivity_mw_per_m3s)]


def outflow(build: LpBuilder, h: int, k: int) -> Combination:
    """Turbined plus spilled flow of hydro ``h`` in block ``k``."""
    return [(int(build.columns["turbined"][h, k]), 1.0), (int(build.columns["spillage"][h, k]), 1.0)]
