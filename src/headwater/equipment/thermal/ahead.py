r"""Thermals dispatched ahead (GNL): the power of stage ``t + lag`` is ordered at stage ``t``.

State: ``cg[j, i]``, MW committed for stage ``t + i``, ``i < lag``. Decision: the order ``y[j]`` for
stage ``t + lag``, within the limits that the plant will have there (on a horizon that repeats,
``t + lag`` is the stage that comes then)::

    cg[j, i] = incoming commitment                    (one row per commitment)
    sum_s g[j, k, s] - cg[j, 0] = 0                   (one row per block: all have the same power)
    outgoing commitment i = cg[j, i + 1], the last one y[j]

Fuel is paid at delivery, through ``g``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headwater.core.parts import Labeller
from headwater.core.program import LpBuilder
from headwater.core.repairs import RepairedStage, Room
from headwater.core.state import StateBlock
from headwater.equipment.context import StageContext
from headwater.equipment.thermal import generation as thermals
from headwater.equipment.thermal.pipelines import (
    gnl_pipelines,
    initial_commitments_mw,
    order_limits_mw,
)
from headwater.model import System


def declare_commitment_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``cg[j, i]``, by plant, then offset."""
    columns = build.column_family("gnl_commitment", ctx.layout.size("gnl_commitment"))
    for i in range(ctx.layout.size("gnl_commitment")):
        columns[i] = build.column(-np.inf, np.inf)


def declare_order_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``y[j]``, by plant."""
    columns = build.column_family("gnl_order", len(ctx.pipelines))
    for i, pipeline in enumerate(ctx.pipelines):
        columns[i] = build.column(
            *order_limits_mw(ctx.system, pipeline.thermal, ctx.t + pipeline.lag)
        )
    build.leave("gnl_commitment", _outgoing(build, ctx))


def declare_fixing_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows that fix the commitments to the incoming state."""
    rows, first = (
        build.row_family("gnl_fixing", ctx.layout.size("gnl_commitment")),
        ctx.layout.span("gnl_commitment").start,
    )
    for i in range(ctx.layout.size("gnl_commitment")):
        rows[i] = build.equality()
        build.put(rows[i], build.columns["gnl_commitment"][i], 1.0)
        build.put_state(rows[i], first + i, -1.0)
    build.know(build.columns["gnl_commitment"], rows, place=1)


def declare_coupling_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows that make the plant deliver what was ordered."""
    rows = build.row_family("gnl_coupling", (len(ctx.pipelines), ctx.n_blocks))
    for i, pipeline in enumerate(ctx.pipelines):
        if not ctx.operating("thermals", pipeline.thermal):
            continue
        for k in range(ctx.n_blocks):
            rows[i, k] = build.equality()
            for column, value in thermals.generation(build, pipeline.thermal, k):
                build.put(rows[i, k], column, value)
            build.put(rows[i, k], build.columns["gnl_commitment"][pipeline.first], -1.0)


def _outgoing(build: LpBuilder, ctx: StageContext) -> NDArray[np.int64]:
    """Columns that hold the outgoing commitments, ``[commitment]``."""
    commitments, orders = build.columns["gnl_commitment"], build.columns["gnl_order"]
    out = np.empty(ctx.layout.size("gnl_commitment"), np.int64)
    for pipeline, order in zip(ctx.pipelines, orders, strict=True):
        last = pipeline.first + pipeline.lag - 1
        out[pipeline.first : last] = commitments[pipeline.first + 1 : last + 1]
        out[last] = order
    return out


def delivery_rooms(stage: RepairedStage) -> Iterator[Room]:
    """Committed power is divided among the segments of its plant: any may have to move."""
    return stage.both_ways("gnl_coupling")


def label_commitments(ctx: StageContext, thermals: Sequence[str]) -> Labeller:
    """Plant and place of a commitment in its pipeline, from 1."""
    labels = [[thermals[one.thermal], str(i + 1)] for one in ctx.pipelines for i in range(one.lag)]
    return lambda index: labels[index[0]]


def label_orders(ctx: StageContext, thermals: Sequence[str]) -> Labeller:
    """Plant of an order, and the block where there is one."""
    labels = [thermals[one.thermal] for one in ctx.pipelines]
    return lambda index: [labels[index[0]], *map(str, index[1:])]


def state(system: System, n_lags: int, n_accumulators: int) -> Iterator[StateBlock]:
    """The commitments of a system; they do not depend on how far inflow models look back."""
    del n_lags, n_accumulators
    yield commitments(tuple((one.thermal_id, one.lag) for one in gnl_pipelines(system)), system)


def commitments(lags: Sequence[tuple[int, int]], system: System | None = None) -> StateBlock:
    """Commitments of plants by id and dispatch lag; the values are known where the system is."""
    return StateBlock(
        "gnl_commitment",
        "MW",
        ("thermal_id", "lag"),
        tuple((thermal_id, i + 1) for thermal_id, lag in lags for i in range(lag)),
        kind="gnl_commitment_{lag}",
        label="commitment_{thermal_id}_lag_{lag}",
        words="thermals dispatched ahead (id, lag)",
        compared="depths",
        order=20,
        initial=None if system is None else partial(initial_commitments_mw, system),
    )
