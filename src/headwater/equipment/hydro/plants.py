r"""Hydro plants: turbined flow, spillage, the production function, and soft limits per block.

Constant productivity: ``generation = rho q``, substituted, with ``q <= min(Q_max, G_max / rho)``.
Piecewise-linear (FPHA), one row per block and plane ``m``::

    gh - gneg - gv_m (storage before + storage after) / 2 - gq_m q - gs_m s <= kappa g0_m

``gneg`` keeps the stage feasible where a plane is negative; it costs as much as excess energy, so
it is never a source.

    min turbined    q + slack >= Q_min            min outflow   q + s + slack >= O_min
    max outflow     q + s - slack <= O_max        min generation  generation + slack >= G_min
"""

from __future__ import annotations

import numpy as np

from headwater.core.ids import ABSENT
from headwater.core.program import Combination, LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import diversions, reservoirs
from headwater.errors import ModelError
from headwater.model import NONE, FphaPlane, ProductionKind

_LIMITS = ("turbined_slack", "outflow_below_slack", "outflow_above_slack", "generation_slack")


def is_fpha(ctx: StageContext, h: int) -> bool:
    """Whether the plant uses planes at this stage."""
    return ctx.system.production[h][ctx.t].kind is ProductionKind.FPHA


def declare_flow_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Flows and generation of each hydro and block.

    Turbined, spilled and diverted flow in m3/s, and generation in MW of plants with planes.
    """
    shape = (ctx.n_hydros, ctx.n_blocks)
    turbined, spillage = (
        build.column_family("turbined", shape),
        build.column_family("spillage", shape),
    )
    generation_ = build.column_family("generation", shape)
    diversions.announce_columns(build, ctx)
    limits = ctx.system.bounds.hydro
    for h in range(ctx.n_hydros):
        if not ctx.present(h):
            continue
        operating, fpha, max_turbined = (
            ctx.operating("hydros", h),
            is_fpha(ctx, h),
            max_turbined_m3s(ctx, h),
        )
        for k, hours in enumerate(ctx.block_hours):
            if operating:
                cost = ctx.penalty("fpha_turbined_cost" if fpha else "turbined_cost", h)
                turbined[h, k] = build.column(0.0, max_turbined, hours * cost)
            spillage[h, k] = build.column(cost=hours * ctx.penalty("spillage_cost", h))
            diversions.declare_column(build, ctx, h, k)
            if operating and fpha:
                generation_[h, k] = build.column(0.0, limits.max_generation_mw[h, ctx.t])


def max_turbined_m3s(ctx: StageContext, h: int) -> float:
    """Largest turbined flow; where productivity is constant, maximum generation limits it too."""
    limits, productivity = ctx.system.bounds.hydro, ctx.productivity(h)
    flow = float(limits.max_turbined_m3s[h, ctx.t])
    if is_fpha(ctx, h) or productivity <= 0.0:
        return flow
    return min(flow, float(limits.max_generation_mw[h, ctx.t]) / productivity)


def announce_slack_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Families of the slacks, filled hydro by hydro."""
    for name in ("negative_generation", *_LIMITS):
        build.column_family(name, (ctx.n_hydros, ctx.n_blocks))


def declare_slack_columns(build: LpBuilder, ctx: StageContext, h: int) -> None:
    """Slacks of each block: recourse of the planes, then those of active limits.

    A filling plant only has minimum outflow.
    """
    if not ctx.present(h):
        return
    limits, columns, t, operating = (
        ctx.system.bounds.hydro,
        build.columns,
        ctx.t,
        ctx.operating("hydros", h),
    )
    excess_cost = ctx.system.bounds.bus.excess_cost[ctx.system.network.bus["hydros"][h], t]
    min_turbined, min_outflow = limits.min_turbined_m3s[h, t], limits.min_outflow_m3s[h, t]
    for k, hours in enumerate(ctx.block_hours):
        if operating and is_fpha(ctx, h):
            columns["negative_generation"][h, k] = build.column(cost=hours * excess_cost)
        if operating and min_turbined > 0.0:
            cost = hours * ctx.penalty("turbined_violation_below_cost", h)
            columns["turbined_slack"][h, k] = build.column(0.0, min_turbined, cost)
        if min_outflow > 0.0:
            cost = hours * ctx.penalty("outflow_violation_below_cost", h)
            columns["outflow_below_slack"][h, k] = build.column(0.0, min_outflow, cost)
        if operating and np.isfinite(limits.max_outflow_m3s[h, t]):
            columns["outflow_above_slack"][h, k] = build.column(
                cost=hours * ctx.penalty("outflow_violation_above_cost", h)
            )
        if operating and limits.min_generation_mw[h, t] > 0.0:
            columns["generation_slack"][h, k] = build.column(
                cost=hours * ctx.penalty("generation_violation_below_cost", h)
            )


def declare_plane_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows of the planes: for each hydro, block, plane."""
    planes = [_planes(ctx, h) for h in range(ctx.n_hydros)]
    n_planes = max((len(p) for p in planes), default=0)
    rows = build.row_family("fpha", (ctx.n_hydros, ctx.n_blocks, n_planes))
    columns = build.columns
    for h in range(ctx.n_hydros):
        for k in range(ctx.n_blocks):
            for m, plane in enumerate(planes[h]):
                row = rows[h, k, m] = build.row(-np.inf, plane.kappa * plane.gamma_0)
                build.put(row, columns["generation"][h, k], 1.0)
                build.put(row, columns["negative_generation"][h, k], -1.0)
                reservoirs.put_mean_storage(build, ctx, row, h, k, -plane.gamma_v)
                build.put(row, columns["turbined"][h, k], -plane.gamma_q)
                build.put(row, columns["spillage"][h, k], -plane.gamma_s)


def _planes(ctx: StageContext, h: int) -> tuple[FphaPlane, ...]:
    if not (is_fpha(ctx, h) and ctx.operating("hydros", h)):
        return ()
    planes = ctx.system.production[h][ctx.t].planes
    if not planes:
        raise ModelError(
            f"hydro {ctx.system.hydros[h].id} uses FPHA at stage "
            f"{ctx.stage.id} but has no planes there"
        )
    return planes


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
            row = rows[h, k] = (
                build.row(limit[h, t], np.inf) if sign > 0 else build.row(-np.inf, limit[h, t])
            )
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
    """Generation enters the load balance of the plant's bus.

    Water leaves the reservoir for the next plant present, at once unless it travels
    (`headwater.equipment.hydro.travel`).
    """
    bus, receiver = ctx.system.network.bus["hydros"], ctx.system.cascade.receiver[:, ctx.t]
    at_once = [not plant.travels for plant in ctx.system.hydros]
    for h in range(ctx.n_hydros):
        for k in range(ctx.n_blocks):
            for column, value in generation(build, ctx, h, k):
                build.put(build.rows["load"][bus[h], k], column, value)
            for column, _ in outflow(build, h, k):
                reservoirs.put_block_flow(build, ctx, h, k, column, 1.0)
                if receiver[h] != NONE and at_once[h]:
                    reservoirs.put_block_flow(build, ctx, int(receiver[h]), k, column, -1.0)


def generation(build: LpBuilder, ctx: StageContext, h: int, k: int) -> Combination:
    """Net power of hydro ``h`` in block ``k`` as a combination of columns."""
    columns = build.columns
    if columns["turbined"][h, k] == ABSENT:
        return []
    if is_fpha(ctx, h):
        return [
            (int(columns["generation"][h, k]), 1.0),
            (int(columns["negative_generation"][h, k]), -1.0),
        ]
    return [(int(columns["turbined"][h, k]), ctx.productivity(h))]


def outflow(build: LpBuilder, h: int, k: int) -> Combination:
    """Turbined plus spilled flow of hydro ``h`` in block ``k``.

    A filling plant only spills, an absent one has none.
    """
    columns = (int(build.columns[name][h, k]) for name in ("turbined", "spillage"))
    return [(column, 1.0) for column in columns if column != ABSENT]


def power(build: LpBuilder, ctx: StageContext, h: int, k: int) -> tuple[Combination, float]:
    """The same as a quantity of user constraints, which has no constant."""
    return generation(build, ctx, h, k), 0.0
