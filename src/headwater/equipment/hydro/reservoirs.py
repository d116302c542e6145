r"""Reservoirs.

They bring storage, the water balance along the cascade, scheduled withdrawal and the soft storage
floor into the stage program.

Parallel blocks, one row per plant::

    v[h] + sum_k zeta_k out[h, k] - sum_k zeta_k in[h, k] + zeta (Qev + rp - rm - sinf - z)[h]
        = v_in[h] - zeta W[h]

Chronological blocks, one row per plant and block, where ``vb[h, k]`` is storage at the end of block
``k``, ``vb[h, K-1] = v[h]`` and ``vb[h, -1] = v_in[h]``::

    vb[h, k] - vb[h, k-1] + zeta_k (out - in)[h, k] + zeta_k (Qev + rp - rm - sinf - z)[h]
        = - zeta_k W[h]

Plants without a store of their own may be balanced in every parallel block
(``balance_each_block``): what leaves in a block is then what arrives in it, and the storage changes
evenly over the stage. Rows of all blocks but the first say so; with that of the stage they imply
the first::

    zeta_k / zeta (v[h] - v_in[h]) + zeta_k (out - in)[h, k] + zeta_k (Qev + rp - rm - sinf - z)[h]
        = - zeta_k W[h]

``out`` is what leaves the reservoir (turbined, spilled, diverted, pumped), ``in`` what arrives.
``zeta_k`` turns m3/s over a block into hm3. ``W`` is scheduled withdrawal (negative adds water);
``rm`` is the part that is not withdrawn, ``rp`` what is withdrawn beyond it. The floor is
``vb[h, k] + sv[h] >= V_min[h]`` at the end of the stage, or of every chronological block.

A plant that is absent keeps its storage column, fixed by its row: the initial storage before it
enters, zero after it left. The inflow of its river goes to the next plant present.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headwater.core.ids import ABSENT
from headwater.core.parts import Labeller
from headwater.core.program import Combination, LpBuilder
from headwater.equipment.context import StageContext
from headwater.model import NONE, OperativeState


def declare_storage_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``v[h]`` at ``h``, in hm3."""
    storage = build.column_family("storage", ctx.n_hydros)
    for h in range(ctx.n_hydros):
        upper = ctx.system.bounds.hydro.max_storage_hm3[h, ctx.t]
        if not ctx.present(h):
            upper = max(upper, storage_while_absent_hm3(ctx, h))
        storage[h] = build.column(0.0, upper)
    build.leave("storage", storage)


def storage_while_absent_hm3(ctx: StageContext, h: int) -> float:
    """Storage that the state carries for a plant that is not there."""
    gone = ctx.system.operative_states["hydros"][h, ctx.t] == OperativeState.DECOMMISSIONED
    return 0.0 if gone else float(ctx.system.initial_storage_hm3[h])


def announce_stage_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Families of columns that are filled hydro by hydro."""
    build.column_family(
        "block_storage", (ctx.n_hydros, ctx.n_blocks - 1 if ctx.chronological else 0)
    )
    for name in ("withdrawal_short", "withdrawal_beyond", "inflow_slack", "storage_slack"):
        build.column_family(name, ctx.n_hydros)


def declare_block_storage_columns(build: LpBuilder, ctx: StageContext, h: int) -> None:
    """Columns ``vb[h, k]`` of one plant at the ends of all chronological blocks but the last."""
    if ctx.chronological and ctx.present(h):
        upper = ctx.system.bounds.hydro.max_storage_hm3[h, ctx.t]
        for k in range(ctx.n_blocks - 1):
            build.columns["block_storage"][h, k] = build.column(0.0, upper)


def declare_withdrawal_columns(build: LpBuilder, ctx: StageContext, h: int) -> None:
    """Two-sided, bounded slack of the withdrawal of one hydro, where one is scheduled."""
    withdrawal = ctx.system.bounds.hydro.water_withdrawal_m3s[h, ctx.t]
    if not ctx.present(h):
        return
    if withdrawal > 0.0:
        short_cost = ctx.hours * ctx.penalty("water_withdrawal_violation_neg_cost", h)
        build.columns["withdrawal_short"][h] = build.column(0.0, withdrawal, short_cost)
    if withdrawal != 0.0:
        beyond_cost = ctx.hours * ctx.penalty("water_withdrawal_violation_pos_cost", h)
        upper = np.inf if withdrawal > 0.0 else -withdrawal
        build.columns["withdrawal_beyond"][h] = build.column(0.0, upper, beyond_cost)


def declare_floor_column(build: LpBuilder, ctx: StageContext, h: int) -> None:
    """Slack below minimum storage of one hydro, shared by chronological blocks."""
    floor = ctx.system.bounds.hydro.min_storage_hm3[h, ctx.t]
    if floor > 0.0 and ctx.operating("hydros", h):
        build.columns["storage_slack"][h] = build.column(
            0.0, floor, ctx.penalty("storage_violation_below_cost", h)
        )


def declare_balance_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Water balance rows ``[0, N)``: of the stage, or of the first chronological block."""
    rows = build.row_family("water_balance", ctx.n_hydros)
    for h in range(ctx.n_hydros):
        rows[h] = build.equality()


def declare_parallel_balance_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Water balance rows of parallel blocks but the first, of plants that ask for them."""
    hydros = ctx.system.hydros
    if ctx.chronological or ctx.n_blocks == 1:
        return
    asking = [h for h in range(ctx.n_hydros) if hydros[h].balance_each_block and ctx.present(h)]
    if asking:
        rows = build.row_family("parallel_water_balance", (ctx.n_hydros, ctx.n_blocks))
        for h in asking:
            rows[h, 1:] = [build.equality() for _ in range(ctx.n_blocks - 1)]


def _parallel_rows(build: LpBuilder, h: int) -> list[tuple[int, int]]:
    """Block and row of every parallel block of a plant that is balanced."""
    rows = build.rows.get("parallel_water_balance")
    if rows is None:
        return []
    return [(k, int(row)) for k, row in enumerate(rows[h]) if row != ABSENT]


def declare_later_balance_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Water balance rows of the second and later chronological blocks."""
    rows = build.row_family(
        "block_water_balance", (ctx.n_hydros, ctx.n_blocks - 1 if ctx.chronological else 0)
    )
    for h in range(ctx.n_hydros):
        if ctx.present(h):
            for k in range(rows.shape[1]):
                rows[h, k] = build.equality()


def declare_floor_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Minimum storage rows, ``[hydro, checked block end]``."""
    ends = range(ctx.n_blocks) if ctx.chronological else range(ctx.n_blocks - 1, ctx.n_blocks)
    rows = build.row_family("min_storage", (ctx.n_hydros, len(ends)))
    for h in range(ctx.n_hydros):
        slack = build.columns["storage_slack"][h]
        if slack == ABSENT:
            continue
        for i, k in enumerate(ends):
            rows[h, i] = build.row(ctx.system.bounds.hydro.min_storage_hm3[h, ctx.t], np.inf)
            build.put(rows[h, i], storage_after(build, ctx, h, k), 1.0)
            build.put(rows[h, i], slack, 1.0)


def storage_after(build: LpBuilder, ctx: StageContext, h: int, k: int) -> int:
    """Column of the storage of plant ``h`` that block ``k`` ends with.

    Parallel blocks all end with the stage.
    """
    if ctx.chronological and k < ctx.n_blocks - 1:
        return int(build.columns["block_storage"][h, k])
    return int(build.columns["storage"][h])


def put_mean_storage(
    build: LpBuilder, ctx: StageContext, row: int, h: int, k: int, value: float
) -> None:
    """Add ``value`` times the mean of the storages that block ``k`` begins and ends with."""
    build.put(row, storage_after(build, ctx, h, k), value / 2.0)
    if ctx.chronological and k > 0:
        build.put(row, storage_after(build, ctx, h, k - 1), value / 2.0)
    else:
        build.put_state(row, ctx.layout.span("storage").start + h, value / 2.0)


def put_block_flow(
    build: LpBuilder, ctx: StageContext, h: int, k: int, column: int, sign: float
) -> None:
    """Put a flow of block ``k`` in m3/s into the water balance of plant ``h``.

    It leaves the reservoir (``sign`` 1) or enters it (-1).
    """
    build.put(balance_row(build, ctx, h, k), column, sign * ctx.block_hm3[k])
    for block, row in _parallel_rows(build, h):
        if block == k:
            build.put(row, column, sign * ctx.block_hm3[k])


def balance_row(build: LpBuilder, ctx: StageContext, h: int, k: int) -> int:
    """Water balance of plant ``h`` that block ``k`` belongs to."""
    if ctx.chronological and k > 0:
        return int(build.rows["block_water_balance"][h, k - 1])
    return int(build.rows["water_balance"][h])


def put_stage_flow(build: LpBuilder, ctx: StageContext, h: int, column: int, sign: float) -> None:
    """Put a flow of the whole stage in m3/s into the water balance of plant ``h``.

    It leaves the reservoir (``sign`` 1) or enters it (-1).
    """
    if not ctx.chronological:
        build.put(build.rows["water_balance"][h], column, sign * ctx.stage_hm3)
        for k, row in _parallel_rows(build, h):
            build.put(row, column, sign * ctx.block_hm3[k])
        return
    for k in range(ctx.n_blocks):
        put_block_flow(build, ctx, h, k, column, sign)


def put_volume(
    build: LpBuilder, ctx: StageContext, h: int, cell: int, column: int, hm3: float
) -> None:
    """Put a volume in hm3 into the water balance of plant ``h``, even over a parallel stage.

    It leaves the reservoir, or enters it where it is negative. The cell is a chronological block.
    """
    build.put(balance_row(build, ctx, h, cell), column, hm3)
    for k, row in _parallel_rows(build, h):
        build.put(row, column, hm3 * ctx.block_hours[k] / ctx.hours)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Storage, inflow, withdrawal and bought water.

    Other modules add the flows that they declare.
    """
    columns = build.columns
    for h in range(ctx.n_hydros):
        receiver = h if ctx.present(h) else ctx.system.cascade.receiver[h, ctx.t]
        if receiver != NONE:
            put_stage_flow(build, ctx, receiver, columns["inflow"][h], -1.0)
        if not ctx.present(h):
            build.put(build.rows["water_balance"][h], columns["storage"][h], 1.0)
            build.shift_row(build.rows["water_balance"][h], -storage_while_absent_hm3(ctx, h))
            continue
        _put_storage(build, ctx, h)
        _put_withdrawal(build, ctx, h)
        if columns["inflow_slack"][h] != ABSENT:
            put_stage_flow(build, ctx, h, columns["inflow_slack"][h], -1.0)


def _put_storage(build: LpBuilder, ctx: StageContext, h: int) -> None:
    first = build.rows["water_balance"][h]
    build.put(first, storage_after(build, ctx, h, 0), 1.0)
    build.put_state(first, ctx.layout.span("storage").start + h, -1.0)
    for k, row in _parallel_rows(build, h):
        share = float(ctx.block_hours[k]) / ctx.hours
        build.put(row, storage_after(build, ctx, h, 0), share)
        build.put_state(row, ctx.layout.span("storage").start + h, -share)
    for k in range(1, ctx.n_blocks if ctx.chronological else 1):
        row = build.rows["block_water_balance"][h, k - 1]
        build.put(row, storage_after(build, ctx, h, k), 1.0)
        build.put(row, storage_after(build, ctx, h, k - 1), -1.0)


def _put_withdrawal(build: LpBuilder, ctx: StageContext, h: int) -> None:
    withdrawal = ctx.system.bounds.hydro.water_withdrawal_m3s[h, ctx.t]
    if ctx.chronological:
        rows = [build.rows["water_balance"][h], *build.rows["block_water_balance"][h]]
        for row, volume in zip(rows, ctx.block_hm3, strict=True):
            build.shift_row(row, volume * withdrawal)
    else:
        build.shift_row(build.rows["water_balance"][h], ctx.stage_hm3 * withdrawal)
        for k, row in _parallel_rows(build, h):
            build.shift_row(row, float(ctx.block_hm3[k]) * withdrawal)
    for name, sign in (("withdrawal_beyond", 1.0), ("withdrawal_short", -1.0)):
        if build.columns[name][h] != ABSENT:
            put_stage_flow(build, ctx, h, build.columns[name][h], sign)


def storage(build: LpBuilder, ctx: StageContext, h: int, _: int) -> tuple[Combination, float]:
    """Storage that a plant ends the stage with; nothing where it is absent."""
    return [(int(build.columns["storage"][h]), 1.0)] if ctx.present(h) else [], 0.0


def withdrawal(build: LpBuilder, ctx: StageContext, h: int, _: int) -> tuple[Combination, float]:
    """Water withdrawn from a reservoir.

    The schedule, less what is short of it and plus what is beyond.
    """
    if not ctx.present(h):
        return [], 0.0
    slacks = [
        (int(build.columns[name][h]), sign)
        for name, sign in (("withdrawal_short", -1.0), ("withdrawal_beyond", 1.0))
    ]
    scheduled = float(ctx.system.bounds.hydro.water_withdrawal_m3s[h, ctx.t])
    return [(column, sign) for column, sign in slacks if column != ABSENT], scheduled


def label_later_blocks(_: StageContext, hydros: Sequence[str]) -> Labeller:
    """Plant and block of a balance; the first one of the stage stands in another family."""
    return lambda index: [hydros[index[0]], str(index[1] + 1)]
