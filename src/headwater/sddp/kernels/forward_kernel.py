"""Forward passes in compiled code.

A trajectory goes through as many visits in one call as need no HiGHS.

Trajectories have nothing to do with each other: each thread takes the next that nobody has taken,
and walks it to its end.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from headwater.sddp.kernels.pass_kernel import PASS_ROOM, PASS_STAGE
from headwater.sddp.kernels.trial_kernel import leave, set_bounds
from headwater.solver.compiled import compiled, plain
from headwater.solver.kernel_constants import PROVEN, WHOLE
from headwater.solver.native_kernel import call_kernel
from headwater.solver.packing_kernel import Packing
from headwater.solver.simplex_kernel import with_cuts
from headwater.solver.waiting_kernel import add, seconds


class ForwardRun(NamedTuple):
    """A forward pass.

    Attributes:
        stages: ``[stage]`` blocks of `PASS_STAGE`; n_cuts: ``[stage]`` cuts that are rows.
        positions: ``[visit]`` stage positions; openings: ``[visit, trajectory]`` of the tree.
        limits: first and last trajectory of this rank, and the visit at which all stop, which is
            not made.
        next_visit: ``[trajectory]`` the visit that each makes next; written to.
        taken: ``[1]`` trajectories that threads have taken, counted from the first.
        states: ``[trajectory, state]`` before the next visit, written to.
        left_states: ``[trajectory, stage, state]`` that leave each stage, written to.
        costs: ``[trajectory, visit]``; future: ``[trajectory]``; truncated: ``[trajectory]``
            counts, added to.
    """

    stages: Any
    n_cuts: Any
    positions: Any
    openings: Any
    limits: Any
    next_visit: Any
    taken: Any
    states: Any
    left_states: Any
    costs: Any
    future: Any
    truncated: Any


def _sample_run() -> ForwardRun:
    longs, table, numbers, cube = np.empty(0, np.int64), np.empty((0, 0)), np.empty(0), np.empty((0, 0, 0))
    return ForwardRun(
        np.empty((0, 0), np.uint8), longs, longs, np.empty((0, 0), np.int64), longs, longs, longs, table, cube, table, numbers,
        longs
    )


FORWARD_RUN = Packing(_sample_run())

_read_run, _read_stage, _read_room = FORWARD_RUN.unpack, PASS_STAGE.unpack, PASS_ROOM.unpack


@compiled
def forward_visits(run_block, room_block, scratch_block, work):
    """Walk trajectories on, each until it needs HiGHS or stops with all; every thread calls.

    Args:
        run_block: `ForwardRun`.
        room_block, scratch_block: room of this thread.
        work: `Account`, added to.
    """
    limits, taken = _read_run(run_block).limits, _read_run(run_block).taken
    while True:
        k = limits[0] + add(taken, 0, 1)
        if k >= limits[1]:
            return
        _walk(run_block, k, limits[2], room_block, scratch_block, work)


@compiled
def _walk(run_block, k, last_visit, room_block, scratch_block, work):
    """Walk one trajectory on."""
    run, clock = _read_run(run_block), _read_room(room_block).clock
    began = seconds(clock)
    while run.next_visit[k] < last_visit:
        t = run.positions[run.next_visit[k]]
        n_pivots = _visit(run_block, k, run.next_visit[k], t, room_block, scratch_block)
        now = seconds(clock)
        work.seconds[t] += now - began
        began = now
        if n_pivots < 0:
            return
        work.trials[t] += 1
        work.pivots[t] += n_pivots
        run.next_visit[k] += 1


@compiled
def _visit(run_block, k, visit, t, room_block, scratch_block):
    """Make a visit; returns pivots, -1 where it is left to HiGHS and nothing has changed."""
    run, room = _read_run(run_block), _read_room(room_block)
    stage, bounds, n_cuts = _read_stage(run.stages[t]), room.bounds, run.n_cuts[t]
    view, bases, state, outgoing = stage.seen, stage.bases, run.states[k], room.outgoing
    set_bounds(
        view.stage, view.cuts, view.tree, run.openings[visit, k : k + 1], n_cuts, state, plain(False), room.innovation,
        room.truncated, bounds
    )
    call_kernel(
        bases.columns[k], bases.rows[k], with_cuts(view.program, n_cuts), bounds.row_lowers, bounds.row_uppers, stage.effort,
        room.objective, room.row_dual, room.primal, room.outcome, room.pivots, room.column_statuses, room.row_statuses,
        plain(WHOLE), plain(0), plain(1), bounds.call, scratch_block
    )
    if room.outcome[0] != PROVEN:
        return -1
    run.costs[k, visit], run.future[k] = leave(view.stage, state, room.innovation, room.primal[0], outgoing)
    for h in range(room.truncated.shape[0]):
        run.truncated[k] += room.truncated[h]
    for j in range(view.stage.stage_cost.shape[0]):
        bases.columns[k, j] = room.column_statuses[j]
    for i in range(view.stage.row_lower.shape[0] + n_cuts):
        bases.rows[k, i] = room.row_statuses[i]
    for p in range(state.shape[0]):
        state[p] = run.left_states[k, t, p] = outgoing[p]
    return room.pivots[0]
