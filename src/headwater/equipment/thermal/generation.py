r"""Thermal plants: hard limits, convex cost in segments.

    cost  sum_k tau_k sum_s c[s] g[k, s]

Segments fill from the cheapest because costs ascend, so the limits of the plant become limits of
its segments: ``upper[s] = min(capacity[s], max(0, max - capacities before s))`` and ``lower[s] =
min(upper[s], max(0, min - uppers before s))``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from headwater.core.ids import ABSENT
from headwater.core.program import Combination, LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.errors import ModelError
from headwater.model import CostSegment, System, Thermal


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``g[j, k, s]`` in MW."""
    thermals = ctx.system.thermals
    n_segments = max((len(thermal.cost_segments) for thermal in thermals), default=0)
    columns = build.column_family("thermal_segment", (len(thermals), ctx.n_blocks, n_segments))
    limits = ctx.system.bounds.thermal
    ahead = {pipeline.thermal for pipeline in ctx.pipelines}
    for j, thermal in enumerate(thermals):
        if not ctx.operating("thermals", j):
            continue
        check_ascending(
            f"thermal {thermal.id}: its cost segments",
            [s.cost_per_mwh for s in thermal.cost_segments],
        )
        for k in range(ctx.n_blocks):
            segments = _segments_at(thermal, float(limits.cost_per_mwh[j, ctx.t, k]))
            remaining_max = float(limits.max_generation_mw[j, ctx.t, k])
            # The power of a plant that is dispatched ahead is set by its order, which was held to
            # the limits of this stage.
            remaining_min = 0.0 if j in ahead else float(limits.min_generation_mw[j, ctx.t, k])
            for s, segment in enumerate(segments):
                upper = min(segment.capacity_mw, max(0.0, remaining_max))
                lower = min(upper, max(0.0, remaining_min))
                columns[j, k, s] = build.column(
                    lower, upper, ctx.block_hours[k] * segment.cost_per_mwh
                )
                remaining_max -= segment.capacity_mw
                remaining_min -= upper
            if remaining_min > 1e-9:
                raise ModelError(
                    f"thermal {thermal.id} must generate "
                    f"{limits.min_generation_mw[j, ctx.t, k]:g} MW at stage {ctx.stage.id}, more "
                    "than its segments hold"
                )


def check_ascending(what: str, costs: Sequence[float]) -> None:
    """Make sure that costs ascend, without which a program would not use segments in their order.

    Raises:
        ModelError: they do not.
    """
    if any(later < earlier for earlier, later in pairwise(costs)):
        raise ModelError(
            f"{what} must be ordered by cost, got {', '.join(f'{cost:g}' for cost in costs)}"
        )


def _segments_at(thermal: Thermal, stage_cost: float) -> tuple[CostSegment, ...]:
    """Segments with the cost of the stage in place of the plant's own.

    Only where one is given (not NaN).

    A single segment that holds the whole plant has no limit of its own, so that a stage may raise
    the plant's maximum.
    """
    if (
        len(thermal.cost_segments) == 1
        and thermal.cost_segments[0].capacity_mw >= thermal.max_generation_mw
    ):
        cost = thermal.cost_segments[0].cost_per_mwh if math.isnan(stage_cost) else stage_cost
        return (CostSegment(math.inf, cost),)
    if math.isnan(stage_cost):
        return thermal.cost_segments
    if len(thermal.cost_segments) > 1:
        raise ModelError(
            f"thermal {thermal.id} has {len(thermal.cost_segments)} cost segments: a stage cost "
            "needs exactly one"
        )
    return (CostSegment(thermal.cost_segments[0].capacity_mw, stage_cost),)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Generation enters the load balance of the plant's bus."""
    bus = ctx.system.network.bus["thermals"]
    for j in range(len(ctx.system.thermals)):
        for k in range(ctx.n_blocks):
            for column, value in generation(build, j, k):
                build.put(build.rows["load"][bus[j], k], column, value)


def generation(build: LpBuilder, j: int, k: int) -> Combination:
    """Power of plant ``j`` in block ``k`` as a combination of columns."""
    return [
        (int(column), 1.0) for column in build.columns["thermal_segment"][j, k] if column != ABSENT
    ]


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``thermals``.

    For plants dispatched ahead, the commitment of this stage and the order given in it.
    """
    generation_mw = read.values(s, "thermal_segment").sum(axis=3)
    ahead = np.zeros(generation_mw.shape, np.bool_)
    committed, ordered = np.full_like(generation_mw, np.nan), np.full_like(generation_mw, np.nan)
    for i, pipeline in enumerate(read.ctx.pipelines):
        ahead[:, :, pipeline.thermal] = True
        committed[:, :, pipeline.thermal] = read.stage_values(s, "gnl_commitment")[
            :, None, pipeline.first
        ]
        ordered[:, :, pipeline.thermal] = read.stage_values(s, "gnl_order")[:, None, i]
    return {
        "generation_mw": generation_mw,
        "generation_mwh": generation_mw * read.hours,
        "generation_cost": read.priced(s, "thermal_segment").sum(axis=3),
        "is_gnl": ahead,
        "gnl_committed_mw": committed,
        "gnl_decision_mw": ordered,
    }


def lowest_cost(system: System, t: int) -> float:
    """What plants that are paid to run earn at most at a stage, as a negative cost in $."""
    lowest, limits = 0.0, system.bounds.thermal
    for j, plant in enumerate(system.thermals):
        own = min(segment.cost_per_mwh for segment in plant.cost_segments)
        for k, block in enumerate(system.stages[t].blocks):
            of_stage = float(limits.cost_per_mwh[j, t, k])
            cost = own if math.isnan(of_stage) else of_stage
            lowest += min(0.0, cost) * block.hours * float(limits.max_generation_mw[j, t, k])
    return lowest


def short_segments(system: System) -> Iterator[str]:
    """Plants whose segments hold less than their maximum."""
    for j, plant in enumerate(system.thermals):
        capacity = sum(segment.capacity_mw for segment in plant.cost_segments)
        if capacity < system.bounds.thermal.max_generation_mw[j].max() - 1e-9:
            yield (
                f"thermal {plant.id}: its cost segments hold {capacity:g} MW, less than its "
                "maximum; they limit it"
            )
