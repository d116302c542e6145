r"""First filling of a reservoir, between its start stage and the entry of the plant.

While it fills, the plant only spills, and keeps back the flow ``f`` from what arrives (as a mean
over the stage, with block shares ``w_k = tau_k / T``)::

    sum_k w_k s[h, k] - sret[h] <= arriving[h] - f[h]          cost of sret  zeta c_fill
    arriving[h] = z[h] + sinf[h] + sum_k w_k (upstream q + s, and diverted u, that reach h)

At the last stage before entry the dead volume should be full::

    v[h] + sfill[h] >= V_min[h]                                cost of sfill  c_fill
"""

from __future__ import annotations

import numpy as np

from headwater.core.ids import ABSENT
from headwater.core.program import LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import travel


def fills_last_time(ctx: StageContext, h: int) -> bool:
    """Whether this is the last stage of filling."""
    entry = ctx.system.hydros[h].entry_stage_id
    if entry is None or not ctx.filling(h):
        return False
    later = ctx.system.stages[ctx.t + 1 :]
    return (later[0].id if later else ctx.stage.id + 1) >= entry


def announce_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Families of the slacks, one value per stage, filled plant by plant."""
    for name in ("filling_slack", "retention_slack"):
        build.column_family(name, ctx.n_hydros)


def declare_slack_columns(build: LpBuilder, ctx: StageContext, h: int) -> None:
    """Shortfall of the target in hm3, shortfall of retention in m3/s."""
    if not ctx.filling(h):
        return
    cost = ctx.penalty("filling_target_violation_cost", h)
    target = ctx.system.bounds.hydro.min_storage_hm3[h, ctx.t]
    if fills_last_time(ctx, h) and target > 0.0:
        build.columns["filling_slack"][h] = build.column(0.0, target, cost)
    if ctx.system.bounds.hydro.filling_inflow_m3s[h, ctx.t] > 0.0:
        build.columns["retention_slack"][h] = build.column(cost=ctx.stage_hm3 * cost)


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Retention rows, then target rows."""
    retention = build.row_family("filling_retention", ctx.n_hydros)
    target = build.row_family("filling_target", ctx.n_hydros)
    for h in range(ctx.n_hydros):
        if build.columns["retention_slack"][h] != ABSENT:
            retention[h] = _declare_retention(build, ctx, h)
    for h in range(ctx.n_hydros):
        if build.columns["filling_slack"][h] != ABSENT:
            target[h] = build.row(ctx.system.bounds.hydro.min_storage_hm3[h, ctx.t], np.inf)
            build.put(target[h], build.columns["storage"][h], 1.0)
            build.put(target[h], build.columns["filling_slack"][h], 1.0)


def _declare_retention(build: LpBuilder, ctx: StageContext, h: int) -> int:
    columns, cascade = build.columns, ctx.system.cascade
    row = build.row(-np.inf, -float(ctx.system.bounds.hydro.filling_inflow_m3s[h, ctx.t]))
    build.put(row, columns["retention_slack"][h], -1.0)
    build.put(row, columns["inflow"][h], -1.0)
    if columns["inflow_slack"][h] != ABSENT:
        build.put(row, columns["inflow_slack"][h], -1.0)
    upstream = cascade.upstream_at(h, ctx.t)
    for i in upstream:
        if not ctx.present(int(i)):
            build.put(row, columns["inflow"][i], -1.0)
    seeping = columns.get("seepage")
    if seeping is not None:
        for column in seeping[upstream]:
            if column != ABSENT:
                build.put(row, int(column), -1.0)
    at_once = [i for i in upstream if not ctx.system.hydros[i].travels]
    for i in (i for i in upstream if ctx.system.hydros[i].travels):
        way = travel.ways(ctx)
        for column, hm3 in way.arriving(build, ctx, int(i), range(way.n_cells)):
            build.put(row, column, -hm3 / ctx.stage_hm3)
    for k, share in enumerate(ctx.block_hours / ctx.hours):
        build.put(row, columns["spillage"][h, k], share)
        arriving = [columns[name][i, k] for i in at_once for name in ("turbined", "spillage")]
        arriving += [
            columns["diversion"][i, k]
            for i in np.flatnonzero(cascade.diversion_receiver[:, ctx.t] == h)
        ]
        for column in arriving:
            if column != ABSENT:
                build.put(row, column, -share)
    return row
