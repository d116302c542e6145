"""Whole passes in compiled code: as many stages in one call as go without asking HiGHS.

Each thread makes one call for its trajectories. In a forward pass threads have nothing to do with
each other. In a backward pass they meet twice at every stage: when all have made their cuts, and
when the first of them has entered these in the pool. What is computed, and in what order, is what
the calls stage by stage compute: the same functions, trial by trial.

Where a trial needs HiGHS the others of its stage are still done; which are left is told by number,
and nothing is done twice.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from headwater.sddp.kernels.cut_kernel import (
    SlopeRoom,
    count_binding,
    cut_trial,
    enter_cuts,
    slope_room,
)
from headwater.sddp.kernels.trial_kernel import (
    StageView,
    TrialRoom,
    leave,
    sample_view,
    set_bounds,
    trial_room,
)
from headwater.solver.compiled import compiled, plain
from headwater.solver.kernel_constants import PROVEN
from headwater.solver.native_kernel import call_kernel
from headwater.solver.packing_kernel import Packing
from headwater.solver.simplex_kernel import Effort, with_cuts
from headwater.solver.waiting_kernel import seconds, wait_for_others


class BasesArrays(NamedTuple):
    """Fields of `headwater.sddp.passes.trajectories.StageBases`.

    ``[trajectory, column]`` and ``[trajectory, row]``.
    """

    columns: Any
    rows: Any


class PassStage(NamedTuple):
    """A stage in a pass.

    Attributes:
        seen: the stage; bases: of the trajectories.
        effort: how hard the kernel tries.
        n_per_trial: cuts that a trial state adds to its pool.
    """

    seen: StageView
    bases: BasesArrays
    effort: Effort
    n_per_trial: Any


class PassRoom(NamedTuple):
    """Room for the work of one thread, large enough for every stage.

    Attributes:
        bounds, slopes: see there.
        objective, outcome, pivots: ``[opening]``; row_dual: ``[opening, row]``; primal:
            ``[1, column]``.
        innovation, truncated: ``[hydro]``.
        column_statuses, row_statuses, outgoing, costs, future: by trajectory of the thread.
        clock: two numbers.
    """

    bounds: TrialRoom
    slopes: SlopeRoom
    objective: Any
    outcome: Any
    pivots: Any
    row_dual: Any
    primal: Any
    innovation: Any
    truncated: Any
    column_statuses: Any
    row_statuses: Any
    outgoing: Any
    costs: Any
    future: Any
    n_raised: Any
    clock: Any


def pass_room(
    n_trials: int, n_openings: int, n_rows: int, n_cuts: int, n_columns: int, n_exogenous: int, n_hydros: int, n_state: int
) -> PassRoom:
    """Room for the trajectories of one thread; ``n_rows`` without cuts."""
    m = n_rows + n_cuts
    return PassRoom(
        bounds=trial_room(n_openings, n_rows, n_cuts, n_exogenous, n_hydros),
        slopes=slope_room(n_openings, m, n_exogenous, n_hydros),
        objective=np.empty(n_openings), outcome=np.empty(n_openings, np.int64), pivots=np.empty(n_openings, np.int64),
        row_dual=np.empty((n_openings, m)), primal=np.empty((1, n_columns)), innovation=np.empty(n_hydros),
        truncated=np.empty(n_hydros, np.bool_), column_statuses=np.empty((n_trials, n_columns), np.int32),
        row_statuses=np.empty((n_trials, m), np.int32), outgoing=np.empty((n_trials, n_state)), costs=np.empty(n_trials),
        future=np.empty(n_trials), n_raised=np.empty(n_trials, np.int64), clock=np.empty(2, np.int64),
    )


def _sample_pass_stage() -> PassStage:
    table = np.empty((0, 0), np.int32)
    return PassStage(sample_view(), BasesArrays(table, table), Effort(1, 1, 0.0), 1)


PASS_STAGE = Packing(_sample_pass_stage())
PASS_ROOM = Packing(pass_room(1, 1, 1, 1, 1, 1, 1, 1))

_read_stage, _read_room = PASS_STAGE.unpack, PASS_ROOM.unpack


class Account(NamedTuple):
    """What a pass tells of the work of one thread, by stage.

    Attributes:
        pivots: of programs that counted; seconds: of solving.
        entering: seconds of entering cuts, which the first thread does; a single number.
    """

    pivots: Any
    seconds: Any
    entering: Any


def account(n_stages: int) -> Account:
    """An account of nothing."""
    return Account(np.zeros(n_stages, np.int64), np.zeros(n_stages), np.zeros(1))


@compiled
def _solve(stage, noise_openings, of_tree, n_cuts, state, columns, rows, last_columns, last_rows, room, scratch_block):
    """Solve one trial; returns whether all is proven, and pivots."""
    view, bounds = stage.seen, room.bounds
    n_openings = noise_openings.shape[0]
    set_bounds(
        view.stage, view.cuts, view.tree, noise_openings, n_cuts, state, of_tree, room.innovation, room.truncated, bounds
    )
    call_kernel(
        columns, rows, with_cuts(view.program, n_cuts), bounds.row_lowers, bounds.row_uppers, stage.effort,
        room.objective[:n_openings], room.row_dual, room.primal, room.outcome[:n_openings], room.pivots[:n_openings],
        last_columns, last_rows, bounds.call, scratch_block
    )
    proven, n_pivots = True, 0
    for w in range(n_openings):
        proven = proven and room.outcome[w] == PROVEN
        n_pivots += room.pivots[w]
    return proven, n_pivots


@compiled
def forward_visits(
    blocks, n_cuts, positions, openings, first_visit, last_visit, first, states, left_states, costs, future, truncated, is_left,
    room_block, scratch_block, work
):
    """Walk trajectories of the tree through visits, until one of them needs HiGHS.

    The others still make that visit.

    Args:
        blocks: ``[stage]`` of `PASS_STAGE`.
        n_cuts: ``[stage]`` cuts that are rows.
        positions: ``[visit]`` stage positions.
        openings: ``[visit, trajectory]`` openings of the tree.
        first_visit, last_visit: from and up to.
        first: number of the first trajectory of this thread.
        states: ``[trajectory of the thread, state]`` before the first visit; after that, before the
            visit that is returned, or after it for trajectories that have made it.
        left_states: ``[trajectory, stage, state]`` that leave each stage, written to.
        costs: ``[trajectory, visit]``; future: ``[trajectory]``; truncated: ``[trajectory]``
            counts, added to.
        is_left: ``[trajectory]``, all set: which have not made the visit that is returned, written
            to.
        room_block, scratch_block: room of this thread.
        work: `Account`, added to.

    Returns:
        The visit that is not done.
    """
    room = _read_room(room_block)
    n_trials = states.shape[0]
    for visit in range(first_visit, last_visit):
        began, visit_pivots = seconds(room.clock), 0
        t = positions[visit]
        stage = _read_stage(blocks[t])
        form, bases, n_left = stage.seen.stage, stage.bases, 0
        for k in range(n_trials):
            proven, n_pivots = _solve(
                stage, openings[visit, first + k : first + k + 1], plain(False), n_cuts[t], states[k], bases.columns[first + k],
                bases.rows[first + k], room.column_statuses[k], room.row_statuses[k], room, scratch_block
            )
            is_left[first + k] = not proven
            if not proven:
                n_left += 1
                continue
            visit_pivots += n_pivots
            room.costs[k], room.future[k] = leave(form, states[k], room.innovation, room.primal[0], room.outgoing[k])
            room.n_raised[k] = 0
            for h in range(room.truncated.shape[0]):
                room.n_raised[k] += room.truncated[h]
        n_columns, n_rows = form.stage_cost.shape[0], form.row_lower.shape[0] + n_cuts[t]
        for k in range(n_trials):
            if is_left[first + k]:
                continue
            for j in range(n_columns):
                bases.columns[first + k, j] = room.column_statuses[k, j]
            for i in range(n_rows):
                bases.rows[first + k, i] = room.row_statuses[k, i]
            for p in range(states.shape[1]):
                states[k, p] = left_states[first + k, t, p] = room.outgoing[k, p]
            costs[first + k, visit], future[first + k] = room.costs[k], room.future[k]
            truncated[first + k] += room.n_raised[k]
        work.pivots[t] += visit_pivots
        work.seconds[t] += seconds(room.clock) - began
        if n_left > 0:
            return visit
        is_left[first : first + n_trials] = True
    return last_visit


@compiled
def backward_stages(
    blocks, n_cuts, n_populated, successors, first_stage, last_stage, first, last, n_trajectories, left_states, of_openings,
    every_opening, iteration, tolerance, quality, binding, sound, is_left, barrier, worker, n_workers, room_block, scratch_block,
    work
):
    """Add cuts to the pools of stages, from a late one to an early one.

    Until one of them needs HiGHS or is not sound.

    Args:
        blocks: ``[stage]`` of `PASS_STAGE`; there is room for the cuts of all trajectories.
        n_cuts: ``[stage]`` cuts that are rows, and n_populated: ``[stage]`` cuts in the pool; the
            first thread raises them.
        successors: ``[stage]`` the stage whose cost its cuts bound, -1 where none follows.
        first_stage, last_stage: from a late one to an early one.
        first, last: trajectories of this thread.
        n_trajectories: of all threads.
        left_states: ``[trajectory, stage, state]`` that left each stage.
        of_openings: whether openings have cuts of their own.
        every_opening: ``[opening]`` counting from 0, for the stage with most.
        iteration, tolerance: see `cut_trial` and `enter_cuts`.
        quality: ``[trajectory, cut]`` of the stage that is returned, where trajectories are not
            left.
        binding: ``[thread, cut]`` how often cuts were binding in these trials; sound: ``[thread]``
            scratch.
        is_left: ``[trajectory]``, all set: which have no cuts yet at the stage that is returned,
            written to.
        barrier: where threads meet; worker, n_workers: number of this thread, and of all.
        room_block, scratch_block: room of this thread.
        work: `Account`, added to.

    Returns:
        The stage that is not done.
    """
    room = _read_room(room_block)
    for t in range(first_stage, last_stage - 1, -1):
        s = successors[t]
        if s < 0:
            continue
        began, stage_pivots = seconds(room.clock), 0
        stage, before = _read_stage(blocks[s]), _read_stage(blocks[t])
        openings = every_opening[: stage.seen.risk.probability.shape[0]]
        pool, n_per_trial, bound = before.seen.cuts.pool, before.n_per_trial, binding[worker]
        for c in range(n_cuts[s]):
            bound[c] = 0
        all_sound = True
        for k in range(first, last):
            proven, n_pivots = _solve(
                stage, openings, plain(True), n_cuts[s], left_states[k, t], stage.bases.columns[k], stage.bases.rows[k],
                room.column_statuses[0], room.row_statuses[0], room, scratch_block
            )
            is_left[k] = not proven
            if not proven:
                all_sound = False
                continue
            slot = n_populated[t] + k * n_per_trial
            is_sound = cut_trial(
                stage.seen, n_cuts[s], left_states[k, t], room.objective, room.row_dual, plain(0), tolerance, room.slopes,
                pool.intercepts[slot : slot + n_per_trial], pool.coefficients[slot : slot + n_per_trial], quality[k], bound
            )
            all_sound = all_sound and is_sound
            stage_pivots += n_pivots
        sound[worker] = all_sound
        work.pivots[s] += stage_pivots
        work.seconds[s] += seconds(room.clock) - began
        if not wait_for_others(barrier, n_workers):
            return t
        for other in range(n_workers):
            all_sound = all_sound and sound[other] != 0
        if not all_sound:
            return t
        is_left[first:last] = True
        if worker == 0:
            began = seconds(room.clock)
            for other in range(1, n_workers):
                for c in range(n_cuts[s]):
                    bound[c] += binding[other, c]
            count_binding(stage.seen.cuts, n_cuts[s], bound, iteration)
            n_new = n_trajectories * n_per_trial
            enter_cuts(before.seen, n_populated[t], n_cuts[t], n_new, n_per_trial, of_openings, iteration)
            n_cuts[t] += n_new
            n_populated[t] += n_new
            work.entering[0] += seconds(room.clock) - began
        if not wait_for_others(barrier, n_workers):
            return t
    return last_stage - 1
