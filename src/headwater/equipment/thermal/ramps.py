r"""Ramps: how fast the power of a plant may change between chronological blocks.

    -down (tau[k-1] + tau[k]) / 2 <= P[k] - P[k-1] <= up (tau[k-1] + tau[k]) / 2      k >= 1

The time between two blocks is that between their middles, an hour between blocks of an hour. The
first block of a stage is free: what a plant gave before is not part of the state. A plant that is
dispatched ahead has one power in all blocks, and so no ramps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from headwater.core.program import LpBuilder
from headwater.core.wording import listed
from headwater.equipment.context import StageContext
from headwater.equipment.thermal.generation import generation
from headwater.errors import ModelError
from headwater.model import System


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows ``ramp[j, k]`` of what a plant gives in block ``k`` less what it gave before.

    Raises:
        ModelError: the blocks of the stage do not follow each other.
    """
    thermals = ctx.system.thermals
    ramped = [
        j
        for j, plant in enumerate(thermals)
        if plant.has_ramps and plant.gnl_lag_stages is None and ctx.operating("thermals", j)
    ]
    if not ramped or ctx.n_blocks == 1:
        return
    if not ctx.chronological:
        raise ModelError(
            f"thermal {thermals[ramped[0]].id} has ramps, and the blocks of stage {ctx.stage.id} "
            "are parallel: expected chronological blocks, or no ramps"
        )
    between = [sum(pair) / 2.0 for pair in pairwise(ctx.block_hours.tolist())]
    rows = build.row_family("ramp", (len(thermals), ctx.n_blocks))
    for j in ramped:
        up, down = (
            math.inf if rate is None else rate
            for rate in (thermals[j].max_ramp_up_mw_per_hour, thermals[j].max_ramp_down_mw_per_hour)
        )
        for k, hours in enumerate(between, 1):
            row = rows[j, k] = build.row(-down * hours, up * hours)
            for block, sign in ((k, 1.0), (k - 1, -1.0)):
                for column, value in generation(build, j, block):
                    build.put(row, column, sign * value)


def unused_ramps(system: System) -> Iterator[str]:
    """Ramps, starts and stops that limit nothing."""
    plants = [plant for plant in system.thermals if plant.has_ramps or plant.is_committed]
    ahead = [plant.id for plant in plants if plant.gnl_lag_stages is not None]
    others = [plant.id for plant in plants if plant.gnl_lag_stages is None]
    if ahead:
        yield (
            f"thermal(s) {listed(ahead)} have ramps or starts and stops, which limit nothing: what "
            "is dispatched ahead has one power in all blocks"
        )
    if others and all(len(stage.blocks) == 1 for stage in system.stages):
        yield (
            f"thermal(s) {listed(others)} have ramps or starts and stops, which limit nothing: "
            "every stage has a single block"
        )


def unreachable_block(
    least: np.ndarray, greatest: np.ndarray, hours: np.ndarray, up: float, down: float
) -> int | None:
    """First block whose limits cannot be reached from those before; ``None`` for none.

    Args:
        least: ``[block]`` lower limit of the power in MW.
        greatest: ``[block]`` upper limit.
        hours: ``[block]`` durations.
        up: largest rise in MW per hour.
        down: largest fall.
    """
    low, high = float(least[0]), float(greatest[0])
    for k in range(1, len(hours)):
        between = (hours[k - 1] + hours[k]) / 2.0
        low = max(float(least[k]), low - down * between)
        high = min(float(greatest[k]), high + up * between)
        if low > high + 1e-9 * max(1.0, abs(high)):
            return k
    return None
