r"""Commitment of thermal plants between chronological blocks, as a linear relaxation.

A plant is on by a share ``u[k]`` between 0 and 1, and starts by a share ``s[k]``::

    stable u[k] <= P[k] <= maximum u[k]
    u[k] - u[k-1] <= s[k]                                  k >= 1
    sum of s[i] over starts in the last min_up hours    <= u[k]
    sum of s[i] over starts within min_down hours after block k  <= 1 - u[k]
    cost  start_cost s[k]

These are the constraints of unit commitment (Rajan and Takriti 2005, IBM Research Report RC23628)
without asking that ``u`` be 0 or 1, so that the cost of the stage is a convex function of the state
and a lower bound on that of plants that are on or off. The first block of a stage is free: it may
begin with any share on, without a start.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.core.program import LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.equipment.thermal.generation import generation
from headwater.errors import ModelError

ON, START = "thermal_on", "thermal_start"


def committed(ctx: StageContext) -> list[int]:
    """Positions of the plants that are on or off in the blocks of a stage.

    Raises:
        ModelError: the blocks of the stage do not follow each other.
    """
    found = [
        j
        for j, plant in enumerate(ctx.system.thermals)
        if plant.is_committed and plant.gnl_lag_stages is None and ctx.operating("thermals", j)
    ]
    if not found or ctx.n_blocks == 1:
        return []
    if not ctx.chronological:
        raise ModelError(
            f"thermal {ctx.system.thermals[found[0]].id} starts and stops, and the blocks of stage "
            f"{ctx.stage.id} are parallel: expected chronological blocks"
        )
    return found


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``u[j, k]`` and ``s[j, k]``, where a plant is on or off."""
    found = committed(ctx)
    if not found:
        return
    shape = (len(ctx.system.thermals), ctx.n_blocks)
    on, start = (build.column_family(name, shape) for name in (ON, START))
    for j in found:
        for k in range(ctx.n_blocks):
            on[j, k] = build.column(0.0, 1.0)
            if k > 0:
                start[j, k] = build.column(0.0, 1.0, ctx.system.thermals[j].start_cost)


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows of stable power, of starts, and of the hours that a plant stays on and off."""
    found = committed(ctx)
    if not found:
        return
    shape = (len(ctx.system.thermals), ctx.n_blocks)
    stable, most, starts, up, down = (
        build.row_family(f"thermal_{name}", shape)
        for name in ("stable", "maximum", "starts", "up_time", "down_time")
    )
    on, start = build.columns[ON], build.columns[START]
    begins = np.concatenate([[0.0], np.cumsum(ctx.block_hours)])[:-1]
    for j in found:
        plant, limits = ctx.system.thermals[j], ctx.system.bounds.thermal
        for k in range(ctx.n_blocks):
            power = generation(build, j, k)
            stable[j, k] = build.row(0.0, np.inf)
            most[j, k] = build.row(-np.inf, 0.0)
            least, greatest = plant.min_stable_mw, float(limits.max_generation_mw[j, ctx.t, k])
            for row, value in ((stable[j, k], min(least, greatest)), (most[j, k], greatest)):
                build.put(row, int(on[j, k]), -value)
                for column, coefficient in power:
                    build.put(row, column, coefficient)
            if k == 0:
                continue
            starts[j, k] = build.row(-np.inf, 0.0)
            build.put(starts[j, k], int(on[j, k]), 1.0)
            build.put(starts[j, k], int(on[j, k - 1]), -1.0)
            build.put(starts[j, k], int(start[j, k]), -1.0)
            recent = [i for i in range(1, k + 1) if begins[k] - begins[i] < plant.min_up_hours]
            if recent:
                up[j, k] = build.row(-np.inf, 0.0)
                build.put(up[j, k], int(on[j, k]), -1.0)
                for i in recent:
                    build.put(up[j, k], int(start[j, i]), 1.0)
        _declare_rest(build, ctx, j, begins, down)


def _declare_rest(
    build: LpBuilder, ctx: StageContext, j: int, begins: np.ndarray, rows: np.ndarray
) -> None:
    """A plant that is on in a block has not started within its hours of rest after that block."""
    plant, on, start = ctx.system.thermals[j], build.columns[ON], build.columns[START]
    ends = begins + ctx.block_hours
    for k in range(ctx.n_blocks - 1):
        soon = [i for i in range(k + 1, ctx.n_blocks) if begins[i] - ends[k] < plant.min_down_hours]
        if soon:
            rows[j, k] = build.row(-np.inf, 1.0)
            build.put(rows[j, k], int(on[j, k]), 1.0)
            for i in soon:
                build.put(rows[j, k], int(start[j, i]), 1.0)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``commitments``: a row for each block and plant that is on or off."""
    if ON not in read.template.columns:
        return {}
    there = committed(read.ctx)
    n_scenarios, n_blocks = len(s.primal), read.ctx.n_blocks
    shape = (n_scenarios, n_blocks, len(there))
    ids = np.array([read.system.thermals[j].id for j in there], np.int32)
    blocks = np.arange(n_blocks, dtype=np.int32)[None, :, None]

    def flat(values: NDArray[Any]) -> NDArray[Any]:
        return np.broadcast_to(values, shape).reshape(n_scenarios, -1)

    return {
        "block_id": flat(blocks),
        "thermal_id": flat(ids),
        "share_on": flat(read.values(s, ON)[:, :, there]),
        "share_started": flat(read.values(s, START)[:, :, there]),
        "start_cost": flat(read.priced(s, START)[:, :, there]),
    }


def total_start_cost(read: StageReader, s: StageSolutions) -> Array:
    """Cost of starts of all plants, ``[scenario, block]``."""
    if START not in read.template.columns:
        return np.zeros((len(s.primal), read.ctx.n_blocks))
    found: Array = read.priced(s, START).sum(axis=2)
    return found
