r"""Inflow: lags of the past, the autoregressive equation, and the slack for negative water.

    z[h] - sum_l psi[h, l] a[h, l] = innovation[h]    (one row per hydro)
    a[h, l] = incoming lag                            (one row per hydro and lag)

The innovation is the noise, a right-hand side.

``z`` and ``a`` are in m3/s. Lags are columns so that cuts can name them; they are fixed by rows
whose duals are their slopes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headwater.core.parts import Labeller
from headwater.core.program import LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.hydro.state import memory_places
from headwater.equipment.reading import Columns, StageReader, StageSolutions


def declare_lag_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``a[h, l]`` of past inflows at ``N + l * N + h``."""
    build.column_family("inflow_lag", (ctx.n_lags, ctx.n_hydros))
    _declare_lag_columns(build, ctx, range(ctx.n_past_inflows))


def declare_accumulator_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``a[h, l]`` of what has been gathered of periods under way."""
    _declare_lag_columns(build, ctx, range(ctx.n_past_inflows, ctx.n_lags))


def _declare_lag_columns(build: LpBuilder, ctx: StageContext, lags: range) -> None:
    for lag in lags:
        for h in range(ctx.n_hydros):
            build.columns["inflow_lag"][lag, h] = build.column(-np.inf, np.inf)


def declare_inflow_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``z[h]``, contiguous."""
    inflow = build.column_family("inflow", ctx.n_hydros)
    for h in range(ctx.n_hydros):
        inflow[h] = build.column(-np.inf, np.inf)


def declare_slack_column(build: LpBuilder, ctx: StageContext, h: int) -> None:
    """Column of water bought in the balance of one hydro, where the method of the study has it."""
    if ctx.inflow_method.has_slack and ctx.present(h):
        build.columns["inflow_slack"][h] = build.column(
            cost=ctx.hours * ctx.penalty("inflow_nonnegativity_cost", h)
        )


def declare_lag_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows that fix past inflows to the incoming state."""
    build.row_family("lag_fixing", (ctx.n_lags, ctx.n_hydros))
    _declare_lag_rows(build, ctx, range(ctx.n_past_inflows))


def declare_accumulator_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows that fix the accumulators to the incoming state."""
    _declare_lag_rows(build, ctx, range(ctx.n_past_inflows, ctx.n_lags))
    build.know(build.columns["inflow_lag"], build.rows["lag_fixing"], place=0)


def _declare_lag_rows(build: LpBuilder, ctx: StageContext, lags: range) -> None:
    places = memory_places(ctx.layout)
    for lag in lags:
        for h in range(ctx.n_hydros):
            row = build.rows["lag_fixing"][lag, h] = build.equality()
            build.put(row, build.columns["inflow_lag"][lag, h], 1.0)
            build.put_state(row, places[lag, h], -1.0)


def declare_inflow_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Autoregressive rows; their right-hand side is the innovation of the opening."""
    rows = build.row_family("inflow", ctx.n_hydros)
    for h in range(ctx.n_hydros):
        row = rows[h] = build.equality()
        build.put(row, build.columns["inflow"][h], 1.0)
        for lag in range(ctx.n_lags):
            build.put(row, build.columns["inflow_lag"][lag, h], -ctx.psi[h, lag])
    build.know(build.columns["inflow"], rows, place=2)


def declare_memory_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns of past inflows that are new after the stage.

    They are neither a past inflow before the stage nor its inflow itself.
    """
    columns = build.column_family("memory", (ctx.n_lags, ctx.n_hydros))
    if ctx.memory is not None:
        for k in range(ctx.n_lags):
            for h in range(ctx.n_hydros):
                if _same_column(build, ctx, k, h) < 0:
                    columns[k, h] = build.column(-np.inf, np.inf)
    outgoing = np.array(_outgoing(build, ctx), np.int64).reshape(ctx.n_lags, ctx.n_hydros)
    build.leave("inflow_lag", outgoing[: ctx.n_past_inflows].ravel())
    build.leave("inflow_accumulator", outgoing[ctx.n_past_inflows :].ravel())


def declare_memory_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows that define those columns."""
    rows = build.row_family("memory", (ctx.n_lags, ctx.n_hydros))
    if ctx.memory is None:
        return
    keep, add = ctx.memory
    for k in range(ctx.n_lags):
        for h in range(ctx.n_hydros):
            column = build.columns["memory"][k, h]
            if column < 0:
                continue
            row = rows[k, h] = build.equality()
            build.put(row, column, 1.0)
            for j in np.flatnonzero(keep[h, k]):
                build.put(row, build.columns["inflow_lag"][j, h], -keep[h, k, j])
            if add[h, k] != 0.0:
                build.put(row, build.columns["inflow"][h], -add[h, k])
    build.know(build.columns["memory"], rows, place=3)


def _outgoing(build: LpBuilder, ctx: StageContext) -> list[NDArray[np.int64]]:
    """Column of every past inflow after the stage, one array over the hydros for each component."""
    if ctx.memory is None:
        older = [build.columns["inflow_lag"][lag] for lag in range(ctx.n_lags - 1)]
        return [build.columns["inflow"], *older] if ctx.n_lags else []
    out = []
    for k in range(ctx.n_lags):
        own = build.columns["memory"][k]
        same = np.array([_same_column(build, ctx, k, h) for h in range(ctx.n_hydros)], np.int64)
        out.append(np.where(own >= 0, own, same))
    return out


def _same_column(build: LpBuilder, ctx: StageContext, k: int, h: int) -> int:
    """The column that component ``k`` of hydro ``h`` is after the stage.

    -1 where it is a mixture.
    """
    assert ctx.memory is not None
    keep, add = ctx.memory[0][h, k], ctx.memory[1][h, k]
    kept = np.flatnonzero(keep)
    if add == 1.0 and not len(kept):
        return int(build.columns["inflow"][h])
    if add == 0.0 and len(kept) == 1 and keep[kept[0]] == 1.0:
        return int(build.columns["inflow_lag"][kept[0], h])
    return -1


def read_lags(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``inflow_lags``: the incoming lags, most recent first."""
    n_scenarios, n_hydros, n_lags = len(s.primal), read.ctx.n_hydros, read.ctx.n_past_inflows
    if not n_hydros or not n_lags:
        return {}
    ids = np.array([hydro.id for hydro in read.system.hydros], np.int32)
    shape = (n_scenarios, n_hydros * n_lags)
    return {
        "hydro_id": np.broadcast_to(np.tile(ids, n_lags), shape),
        "lag_index": np.broadcast_to(
            np.repeat(np.arange(1, n_lags + 1, dtype=np.int32), n_hydros), shape
        ),
        "inflow_m3s": s.state[:, read.ctx.layout.span("inflow_lag")],
    }


def label_lags(ctx: StageContext, hydros: Sequence[str]) -> Labeller:
    """River and how many periods back, or which of the periods under way."""

    def label(index: tuple[int, ...]) -> list[str]:
        beyond = index[0] - ctx.n_past_inflows
        return [hydros[index[1]], str(index[0] + 1) if beyond < 0 else f"gathered{beyond + 1}"]

    return label
