"""Backward passes in compiled code, by threads that share out openings.

A call goes through as many stages as need no HiGHS.

A task is a trial, or a block of its openings. The first task of a trial builds the right-hand sides
of all its openings and goes to their mean; the basis found there is kept in a slot. Blocks of
openings start from that basis, in whichever thread takes them. A thread goes on with the trial that
it has begun, so that it factorises once; when nobody is left to be begun it takes blocks of
others'. Who ends the last block of a trial makes its cut, and who ends the last trial of a stage
lets all go on to the next one.

Who does what varies, what is done does not: a block knows the basis of its trial alone, sums run
over openings in their order, and cuts are entered by the number of their trial.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from headwater.sddp.kernels.cut_kernel import (
    count_binding,
    cut_trial,
    enter_cuts,
    weigh,
)
from headwater.sddp.kernels.pass_kernel import PASS_ROOM, PASS_STAGE, TRIAL_SLOT
from headwater.sddp.kernels.trial_kernel import add_rows, set_bounds
from headwater.solver.compiled import compiled, plain
from headwater.solver.kernel_constants import FIRST, PROVEN, REST, RESTORE, START
from headwater.solver.native_kernel import call_kernel
from headwater.solver.packing_kernel import Packing
from headwater.solver.simplex_kernel import with_cuts
from headwater.solver.waiting_kernel import (
    add,
    load,
    seconds,
    store,
    wait_a_little,
)

BEGUN, READY, ENDED, BROKEN, PASSED = 0, 1, 2, 3, 4
"""Counts of a stage.

Trials that threads have begun, whose openings can be solved, that are done, that are left; and
whether the stage is over, and how."""
N_COUNTS = 5
GOES_ON, STOPS = 1, 2
"""How a stage ends."""

SLOT, NEXT, SOLVED = 0, 1, 2
"""Numbers of a trial.

Its slot, counted from one, once its openings can be solved; its next block to be taken; and its
blocks that are solved."""
N_NUMBERS = 3

FIRST_STAGE, LAST_STAGE, FIRST_TRIAL, LAST_TRIAL, ITERATION, ENTERS = 0, 1, 2, 3, 4, 5
"""Places in the orders of a call.

Stages from a late one to an early one, trials up to one, the iteration, and whether cuts are
entered in the pools, without which a call ends with its first stage."""
N_ORDERS = 6


class BackwardRun(NamedTuple):
    """A backward pass.

    Attributes:
        stages: ``[stage]`` blocks of `PASS_STAGE`; there is room for the cuts of all trials.
        n_cuts: ``[stage]`` cuts that are rows, and n_populated: ``[stage]`` cuts in the pool;
            raised where cuts are entered.
        successors: ``[stage]`` the stage whose cost its cuts bound, -1 where none follows.
        block_lengths: ``[stage]`` openings that are solved in one go.
        sequence: ``[stage, position]`` openings in the order in which threads take
            them: the longest first, by pivots of an earlier pass; pivots:
            ``[stage, opening]`` of this one, added to.
        states: ``[trial, stage, state]`` that left each stage.
        every_opening: ``[opening]`` counting from 0, for the stage with most.
        of_openings: whether openings have cuts of their own; weighs: whether the value of a trial
            is wanted, not a cut.
        tolerance: a cut is binding when its dual is larger.
        orders: what this call is to do.
        counts: ``[stage, count]``, numbers: ``[stage, trial, number]``, taken: ``[slot]``, all zero
            at first.
        slots: ``[slot]`` blocks of `TRIAL_SLOT`, as many as threads.
        value: ``[1]`` of the trial that is weighed.
        quality: ``[trial, cut]`` of the stage that is returned, where trials are not left.
        binding: ``[cut]`` how often cuts of the stage after it were binding; all zero at first.
        is_left: ``[trial]``, all set at first: which have no cuts yet at the stage that is
            returned.
    """

    stages: Any
    n_cuts: Any
    n_populated: Any
    successors: Any
    block_lengths: Any
    sequence: Any
    pivots: Any
    states: Any
    every_opening: Any
    of_openings: Any
    weighs: Any
    tolerance: Any
    orders: Any
    counts: Any
    numbers: Any
    taken: Any
    slots: Any
    value: Any
    quality: Any
    binding: Any
    is_left: Any


def _sample_run() -> BackwardRun:
    longs, long_table, numbers = np.empty(0, np.int64), np.empty((0, 0), np.int64), np.empty(0)
    blocks = np.empty((0, 0), np.uint8)
    return BackwardRun(
        blocks, longs, longs, longs, longs, long_table, long_table, np.empty((0, 0, 0)), longs, False, False, 0.0, longs, long_table,
        np.empty((0, 0, 0), np.int64), longs, blocks, numbers, np.empty((0, 0), np.int8), longs, np.empty(0, np.bool_)
    )


BACKWARD_RUN = Packing(_sample_run())

_read_run, _read_stage = BACKWARD_RUN.unpack, PASS_STAGE.unpack
_read_room, _read_slot = PASS_ROOM.unpack, TRIAL_SLOT.unpack


@compiled
def backward_stages(run_block, room_block, scratch_block, work):
    """Add cuts to the pools of stages until one needs HiGHS or is not sound; every thread calls.

    Args:
        run_block: `BackwardRun`.
        room_block, scratch_block: room of this thread.
        work: `Account`, added to.

    Returns:
        The stage that is not done, or whose cuts are not entered.
    """
    run = _read_run(run_block)
    for t in range(run.orders[FIRST_STAGE], run.orders[LAST_STAGE] - 1, -1):
        if run.successors[t] >= 0 and _work_at(run_block, t, room_block, scratch_block, work) != GOES_ON:
            return t
    return run.orders[LAST_STAGE] - 1


@compiled
def _work_at(run_block, t, room_block, scratch_block, work):
    """Take tasks of a stage until it is over; returns how it ends."""
    run, clock = _read_run(run_block), _read_room(room_block).clock
    counts, numbers, s = run.counts[t], run.numbers[t], run.successors[t]
    n_openings, length = _read_stage(run.stages[s]).seen.risk.probability.shape[0], run.block_lengths[s]
    n_trials, n_blocks = run.orders[LAST_TRIAL] - run.orders[FIRST_TRIAL], -(-n_openings // length)
    held, looked = plain(-1), plain(0)  # held: the trial whose start lies in the scratch of this thread
    while True:
        n_ready = load(counts, READY)
        k, block = _take(run_block, t, held, n_trials, n_blocks)
        if k < 0:
            # more to take comes with the next trial that is ready
            while load(counts, READY) == n_ready:
                if load(counts, PASSED) != 0:
                    return load(counts, PASSED)
                looked = wait_a_little(looked)
            continue
        looked, began = 0, seconds(clock)
        if block < 0:
            _begin_trial(run_block, t, k, room_block, scratch_block)
            add(counts, READY, 1)
        else:
            first = block * length
            _solve_block(run_block, t, k, first, min(first + length, n_openings), k != held, room_block, scratch_block)
        held = k
        is_over = False
        if block >= 0 and add(numbers[k], SOLVED, 1) == n_blocks - 1:
            _end_trial(run_block, t, k, room_block, scratch_block, work)
            held, is_over = -1, add(counts, ENDED, 1) == n_trials - 1
        work.seconds[s] += seconds(clock) - began
        if is_over:
            _end_stage(run_block, t, clock, work)


@compiled
def _take(run_block, t, held, n_trials, n_blocks):
    """Take a task: a trial and a block of its openings.

    Block -1 stands for a trial that is to be begun, trial -1 for no task.
    """
    run = _read_run(run_block)
    counts, numbers = run.counts[t], run.numbers[t]
    if held >= 0:
        block = add(numbers[held], NEXT, 1)
        if block < n_blocks:
            return held, block
    if load(counts, BEGUN) < n_trials:
        begun = add(counts, BEGUN, 1)
        if begun < n_trials:
            return run.orders[FIRST_TRIAL] + begun, -1
    while True:
        most, at = 0, -1
        for k in range(run.orders[FIRST_TRIAL], run.orders[LAST_TRIAL]):
            if load(numbers[k], SLOT) != 0:
                n_left = n_blocks - load(numbers[k], NEXT)
                if n_left > most:
                    most, at = n_left, k
        if at < 0:
            return -1, -1
        block = add(numbers[at], NEXT, 1)
        if block < n_blocks:
            return at, block


@compiled
def _take_slot(taken):
    """A slot that is free.

    There are as many as threads, and a trial with a slot has a thread that works on it.
    """
    while True:
        for i in range(taken.shape[0]):
            if load(taken, i) == 0:
                if add(taken, i, 1) == 0:
                    return i
                add(taken, i, -1)


@compiled
def _begin_trial(run_block, t, k, room_block, scratch_block):
    """Build the right-hand sides of a trial and go to the mean of its openings; all start there."""
    run, room = _read_run(run_block), _read_room(room_block)
    s, place = run.successors[t], _take_slot(run.taken)
    stage, slot = _read_stage(run.stages[s]), _read_slot(run.slots[place])
    view, bases = stage.seen, stage.bases
    openings = run.every_opening[: view.risk.probability.shape[0]]
    set_bounds(
        view.stage, view.cuts, view.tree, openings, run.n_cuts[s], run.states[k, t], plain(True), room.innovation,
        room.truncated, slot.bounds
    )
    _call(
        run_block, s, place, bases.columns[k], bases.rows[k], slot.columns, slot.rows, plain(START), plain(0), plain(0),
        room_block, scratch_block
    )
    store(run.numbers[t, k], SLOT, place + 1)


@compiled
def _solve_block(run_block, t, k, first, last, restores, room_block, scratch_block):
    """Solve openings of a trial; ``restores`` where its start does not lie in the scratch yet."""
    run = _read_run(run_block)
    place, s = run.numbers[t, k, SLOT] - 1, run.successors[t]
    slot = _read_slot(run.slots[place])
    parts = plain(RESTORE | FIRST) if restores else plain(FIRST)
    for position in range(first, last):
        w = run.sequence[s, position]
        _call(
            run_block, s, place, slot.columns, slot.rows, slot.final_columns, slot.final_rows, parts, w, w + 1, room_block,
            scratch_block
        )
        parts = plain(FIRST)


@compiled
def _call(run_block, s, place, columns, rows, to_columns, to_rows, parts, first, last, room_block, scratch_block):
    """Call the kernel for some openings of the trial in a slot."""
    run, room = _read_run(run_block), _read_room(room_block)
    stage, slot = _read_stage(run.stages[s]), _read_slot(run.slots[place])
    n, bounds = stage.seen.risk.probability.shape[0], slot.bounds
    call_kernel(
        columns, rows, with_cuts(stage.seen.program, run.n_cuts[s]), bounds.row_lowers, bounds.row_uppers, stage.effort,
        slot.objective[:n], slot.row_dual, room.primal, slot.outcome[:n], slot.pivots[:n], to_columns, to_rows, parts, first,
        last, room.bounds.call, scratch_block
    )


@compiled
def _end_trial(run_block, t, k, room_block, scratch_block, work):
    """Solve what is left of a trial of which the last block is done, and make its cut."""
    run, room = _read_run(run_block), _read_room(room_block)
    s, place = run.successors[t], run.numbers[t, k, SLOT] - 1
    stage, slot, n_cuts = _read_stage(run.stages[s]), _read_slot(run.slots[place]), run.n_cuts[s]
    n, bases = stage.seen.risk.probability.shape[0], stage.bases
    if not _all_proven(slot.outcome, n):
        _call(
            run_block, s, place, bases.columns[k], bases.rows[k], slot.final_columns, slot.final_rows, plain(REST), plain(0), n,
            room_block, scratch_block
        )
    run.is_left[k] = not _all_proven(slot.outcome, n)
    is_sound = not run.is_left[k]
    if is_sound:
        work.trials[s] += 1
        for w in range(n):
            work.pivots[s] += slot.pivots[w]
            add(run.pivots[s], w, slot.pivots[w])
        if run.weighs:
            run.value[0] = weigh(
                stage.seen, n_cuts, slot.objective[:n], slot.row_dual, run.tolerance, room.slopes, room.binding
            )
        else:
            is_sound = _make_cut(run_block, t, k, place, room_block)
        for c in range(n_cuts):
            if room.binding[c] != 0:
                add(run.binding, c, room.binding[c])
                room.binding[c] = 0
    if not is_sound:
        add(run.counts[t], BROKEN, 1)
    add(run.taken, place, -1)


@compiled
def _all_proven(outcome, n):
    n_left = 0
    for w in range(n):
        n_left += outcome[w] != PROVEN
    return n_left == 0


@compiled
def _make_cut(run_block, t, k, place, room_block):
    """Write the cuts of a trial to the pool, and as rows; returns whether they are sound."""
    run, room = _read_run(run_block), _read_room(room_block)
    stage, before = _read_stage(run.stages[run.successors[t]]), _read_stage(run.stages[t])
    slot, n_cuts = _read_slot(run.slots[place]), run.n_cuts[run.successors[t]]
    pool, n = before.seen.cuts.pool, before.n_per_trial
    first = run.n_populated[t] + k * n
    is_sound = cut_trial(
        stage.seen, n_cuts, run.states[k, t], slot.objective, slot.row_dual, plain(0), run.tolerance, room.slopes,
        pool.intercepts[first : first + n], pool.coefficients[first : first + n], run.quality[k], room.binding
    )
    if is_sound and run.orders[ENTERS] != 0:
        # rows count when all trials have come here
        row = run.n_cuts[t] + k * n
        for i in range(n):
            before.seen.cuts.slots[row + i] = first + i
            pool.opening[first + i] = i if run.of_openings else -1
        add_rows(before.seen, row, row + n)
    return is_sound


@compiled
def _end_stage(run_block, t, clock, work):
    """Let all go on from a stage; where cuts are entered, they count from now on."""
    run = _read_run(run_block)
    s, n_trials = run.successors[t], run.orders[LAST_TRIAL] - run.orders[FIRST_TRIAL]
    stage, before = _read_stage(run.stages[s]), _read_stage(run.stages[t])
    if run.orders[ENTERS] == 0 or load(run.counts[t], BROKEN) != 0:
        store(run.counts[t], PASSED, STOPS)
        return
    began, n_cuts, n_new = seconds(clock), run.n_cuts[s], n_trials * before.n_per_trial
    count_binding(stage.seen.cuts, n_cuts, run.binding, run.orders[ITERATION])
    for c in range(n_cuts):
        run.binding[c] = 0
    for k in range(run.orders[FIRST_TRIAL], run.orders[LAST_TRIAL]):
        run.is_left[k] = True
    enter_cuts(before.seen.cuts.pool, run.n_populated[t], n_new, before.n_per_trial, run.orders[ITERATION])
    run.n_cuts[t] += n_new
    run.n_populated[t] += n_new
    work.entering[0] += seconds(clock) - began
    store(run.counts[t], PASSED, GOES_ON)
