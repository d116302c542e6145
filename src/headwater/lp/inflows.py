r"""Inflow: lags of the past, the autoregressive equation, and the slack for negative water.

    z[h] - sum_l psi[h, l] a[h, l] = innovation[h]        (one row per hydro; the right-hand side is the noise)
    a[h, l] = incoming lag                                (one row per hydro and lag)

``z`` and ``a`` are in m3/s. Lags are columns so that cuts can name them; they are fixed by rows whose duals are their slopes.
"""

from __future__ import annotations

import numpy as np

from headwater.lp.builder import LpBuilder
from headwater.lp.context import StageContext
from headwater.lp.reading import Columns, StageReader, StageSolutions


def declare_lag_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``a[h, l]`` at ``N + l * N + h``."""
    lags = build.column_family("inflow_lag", (ctx.n_lags, ctx.n_hydros))
    for lag in range(ctx.n_lags):
        for h in range(ctx.n_hydros):
            lags[lag, h] = build.column(-np.inf, np.inf)


def declare_inflow_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``z[h]``, contiguous."""
    inflow = build.column_family("inflow", ctx.n_hydros)
    for h in range(ctx.n_hydros):
        inflow[h] = build.column(-np.inf, np.inf)


def declare_slack_column(build: LpBuilder, ctx: StageContext, h: int) -> None:
    """Column of water bought in the balance of one hydro, where the method of the study has it."""
    if ctx.inflow_method.has_slack and ctx.present(h):
        build.columns["inflow_slack"][h] = build.column(cost=ctx.hours * ctx.penalty("inflow_nonnegativity_cost", h))


def declare_lag_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows that fix the lag columns to the incoming state."""
    rows = build.row_family("lag_fixing", (ctx.n_lags, ctx.n_hydros))
    for lag in range(ctx.n_lags):
        for h in range(ctx.n_hydros):
            row = rows[lag, h] = build.equality()
            build.put(row, build.columns["inflow_lag"][lag, h], 1.0)
            build.put_state(row, ctx.n_hydros * (1 + lag) + h, -1.0)


def declare_inflow_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Autoregressive rows; their right-hand side is the innovation of the opening."""
    rows = build.row_family("inflow", ctx.n_hydros)
    for h in range(ctx.n_hydros):
        row = rows[h] = build.equality()
        build.put(row, build.columns["inflow"][h], 1.0)
        for lag in range(ctx.n_lags):
            build.put(row, build.columns["inflow_lag"][lag, h], -ctx.psi[h, lag])


def read_lags(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``inflow_lags``: the incoming lags, most recent first."""
    n_scenarios, n_hydros, n_lags = len(s.primal), read.ctx.n_hydros, read.ctx.n_lags
    if not n_hydros or not n_lags:
        return {}
    ids = np.array([hydro.id for hydro in read.system.hydros], np.int32)
    shape = (n_scenarios, n_hydros * n_lags)
    return {
        "hydro_id": np.broadcast_to(np.tile(ids, n_lags), shape),
        "lag_index": np.broadcast_to(np.repeat(np.arange(1, n_lags + 1, dtype=np.int32), n_hydros), shape),
        "inflow_m3s": s.state[:, n_hydros : n_hydros * (1 + n_lags)],
    }
