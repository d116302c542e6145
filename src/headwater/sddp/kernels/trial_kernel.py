"""Compiled work on the trials of a stage.

Right-hand sides from states and noise, cuts from duals, and the states that leave.

A trial is a state with one or several openings. What a pass does at a stage is done here in one
call for all its trials, so that the interpreter has little to do between two stages. Every sum runs
in a fixed order over the entries of one trial: results do not depend on how trials are shared out.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from headwater.solver.compiled import Index, compiled, plain
from headwater.solver.kernel_constants import PROVEN, WHOLE
from headwater.solver.native_kernel import call_kernel, room_for_call
from headwater.solver.packing_kernel import Packing
from headwater.solver.problem import SMALLEST_COEFFICIENT
from headwater.solver.simplex_kernel import Program, sample_program, with_cuts


class Matrix(NamedTuple):
    """A sparse matrix compressed by row."""

    starts: Any
    indices: Any
    values: Any


class StageArrays(NamedTuple):
    """How a stage depends on the incoming state and the innovation.

    Attributes:
        row_lower, row_upper: ``[row]`` for zero state and noise.
        rows_by_state, rows_by_innovation: shift of the row bounds.
        exogenous_by_state, exogenous_by_innovation: the exogenous outgoing state, and ``exogenous``
            its places in the state.
        psi: ``[hydro, lag]`` weights of past inflows, and lag_places their places in the state.
        truncates: whether negative inflows are raised to zero.
        in_lp: ``[place]`` places in the state of what the program decides, in ``columns``; a unit
            of the program is ``column_scale`` units of the state, whose limits are ``column_lower``
            and ``column_upper``.
        stage_cost: ``[column]`` in units of the program; future, future_weight: columns of the
            future cost and what a unit of each adds to it.
        scale: money in the program is $ divided by this.
    """

    row_lower: Any
    row_upper: Any
    rows_by_state: Matrix
    rows_by_innovation: Matrix
    exogenous_by_state: Matrix
    exogenous_by_innovation: Matrix
    exogenous: Any
    psi: Any
    lag_places: Any
    truncates: Any
    in_lp: Any
    columns: Any
    column_scale: Any
    column_lower: Any
    column_upper: Any
    stage_cost: Any
    future: Any
    future_weight: Any
    scale: Any


class PoolArrays(NamedTuple):
    """Fields of `headwater.sddp.cuts.pool.CutPool`, by slot."""

    coefficients: Any
    intercepts: Any
    active: Any
    born_at: Any
    forward_pass: Any
    opening: Any
    relaxed: Any
    unproven: Any
    times_binding: Any
    last_binding: Any


class CutArrays(NamedTuple):
    """Cuts that are rows of the program.

    Attributes:
        pool: all cuts of the stage.
        slots: ``[cut]``; intercepts: ``[cut]`` in scaled money; both may be longer.
        tree_sides: ``[opening, cut]`` what the openings of the tree add to the right-hand sides;
            may be wider.
    """

    pool: PoolArrays
    slots: Any
    intercepts: Any
    tree_sides: Any


class NoiseArrays(NamedTuple):
    """What is random, per opening, see `headwater.sddp.stage.problem.NoiseBatch`."""

    innovation: Any
    factor: Any
    demand_shift: Any
    row_shift: Any
    exogenous: Any


class RiskArrays(NamedTuple):
    """A risk measure over the openings of the tree, see `headwater.core.choices.CompiledRisk`.

    Attributes:
        probability: ``[opening]``; parameters: numbers of the measure; address: of its function.
    """

    probability: Any
    parameters: Any
    address: Any


class StageView(NamedTuple):
    """All that stays the same between two solves of a stage, but for the number of cuts."""

    stage: StageArrays
    cuts: CutArrays
    tree: NoiseArrays
    risk: RiskArrays
    program: Program


def sample_view() -> StageView:
    """A stage of the least size, with arrays of the right types."""
    numbers, table, ints, longs = np.empty(0), np.empty((0, 0)), np.empty(0, np.int32), np.empty(0, np.int64)
    matrix = Matrix(ints, ints, numbers)
    stage = StageArrays(
        numbers, numbers, matrix, matrix, matrix, matrix, longs, table, np.empty((0, 0), np.int64), False, longs, longs, numbers,
        numbers, numbers, numbers, longs, numbers, 1.0
    )
    flags = np.empty(0, np.bool_)
    pool = PoolArrays(table, numbers, flags, ints, ints, ints, flags, flags, longs, ints)
    cuts, tree = CutArrays(pool, longs, numbers, table), NoiseArrays(table, table, table, table, table)
    return StageView(stage, cuts, tree, RiskArrays(numbers, numbers, 0), sample_program())


STAGE = Packing(sample_view())
"""A stage as one block."""

_read_stage = STAGE.unpack


class TrialRoom(NamedTuple):
    """Room for the right-hand sides of one trial; all arrays may be longer than a stage needs.

    Attributes:
        trial_shift, exogenous, trial_cut: ``[row]``, ``[exogenous]`` and ``[cut]`` parts of the
            state.
        row_lowers, row_uppers: ``[opening, row]`` bounds, cuts last.
        raised, raised_exogenous, raised_cut: ``[hydro]``, ``[exogenous]`` and ``[cut]`` of one
            truncated opening.
        flags: ``[hydro]``.
        call: room for the arguments of the kernel.
    """

    trial_shift: Any
    exogenous: Any
    trial_cut: Any
    row_lowers: Any
    row_uppers: Any
    raised: Any
    raised_exogenous: Any
    raised_cut: Any
    flags: Any
    call: Any


def trial_room(n_openings: int, n_rows: int, n_cuts: int, n_exogenous: int, n_hydros: int) -> TrialRoom:
    """Room for the right-hand sides of a trial; ``n_rows`` without cuts."""
    return TrialRoom(
        trial_shift=np.empty(n_rows), exogenous=np.empty(n_exogenous), trial_cut=np.empty(n_cuts),
        row_lowers=np.empty((n_openings, n_rows + n_cuts)), row_uppers=np.empty((n_openings, n_rows + n_cuts)),
        raised=np.empty(n_hydros), raised_exogenous=np.empty(n_exogenous), raised_cut=np.empty(n_cuts),
        flags=np.empty(n_hydros, np.bool_), call=room_for_call(),
    )


@compiled
def multiply(matrix, vector, out):
    """``out = A vector``."""
    starts, indices, values = matrix.starts, matrix.indices, matrix.values
    for i in range(starts.shape[0] - 1):
        total = 0.0
        for p in range(starts[i], starts[i + 1]):
            total += values[p] * vector[indices[p]]
        out[i] = total


@compiled
def add_transposed(matrix, vector, out):
    """``out += A^T vector``."""
    starts, indices, values = matrix.starts, matrix.indices, matrix.values
    for i in range(starts.shape[0] - 1):
        factor = vector[i]
        if factor != 0.0:
            for p in range(starts[i], starts[i + 1]):
                out[indices[p]] += values[p] * factor


@compiled
def weigh_cuts(stage, cuts, first, last, exogenous, out):
    """What an exogenous outgoing state adds to the right-hand sides of cuts.

    ``out[c - first]`` for ``first <= c < last``.

    Four sums run side by side, always the same four.
    """
    coefficients, slots, places, scale = cuts.pool.coefficients, cuts.slots, stage.exogenous, stage.scale
    n = places.shape[0]
    fours = n - n % 4
    if n > 0 and places[n - 1] - places[0] == n - 1:
        # places that follow each other are read four at a time
        begin = Index(places[0])
        for c in range(first, last):
            row = coefficients[slots[c], begin : begin + n]
            s0 = s1 = s2 = s3 = 0.0
            for e in range(0, fours, 4):
                s0 += row[e] * exogenous[e]
                s1 += row[e + 1] * exogenous[e + 1]
                s2 += row[e + 2] * exogenous[e + 2]
                s3 += row[e + 3] * exogenous[e + 3]
            for e in range(fours, n):
                s0 += row[e] * exogenous[e]
            out[c - first] = ((s0 + s1) + (s2 + s3)) / scale
        return
    for c in range(first, last):
        row = coefficients[slots[c]]
        s0 = s1 = s2 = s3 = 0.0
        for e in range(0, fours, 4):
            s0 += row[places[e]] * exogenous[e]
            s1 += row[places[e + 1]] * exogenous[e + 1]
            s2 += row[places[e + 2]] * exogenous[e + 2]
            s3 += row[places[e + 3]] * exogenous[e + 3]
        for e in range(fours, n):
            s0 += row[places[e]] * exogenous[e]
        out[c - first] = ((s0 + s1) + (s2 + s3)) / scale


@compiled
def write_rows(stage, cuts, first, last, entries):
    """Cuts ``first <= c < last`` as rows of the program.

    Entries ``[place, cut]`` of what it decides, then of the future cost.

    A coefficient that a solver would drop is left out, and the intercept lowered by what it could
    have been worth.

    Args:
        stage, cuts: see there.
        first, last: which cuts.
        entries: written to.
    """
    n_decided = stage.in_lp.shape[0]
    for c in range(first, last):
        slot = cuts.slots[c]
        for p in range(n_decided):
            slope = cuts.pool.coefficients[slot, stage.in_lp[p]]
            value = slope * stage.column_scale[p] / -stage.scale
            if abs(value) <= SMALLEST_COEFFICIENT:
                worth = max(-slope * stage.column_lower[p], -slope * stage.column_upper[p]) / stage.scale
                if abs(worth) < np.inf:
                    cuts.intercepts[c] -= worth
                    value = 0.0
            entries[p, c] = value
        alone = cuts.pool.opening[slot]
        for p in range(stage.future.shape[0]):
            value = stage.future_weight[p] if alone < 0 else (1.0 if alone == p else 0.0)
            entries[n_decided + p, c] = value if abs(value) > SMALLEST_COEFFICIENT else 0.0


@compiled
def weigh_cuts_by_openings(stage, cuts, first, last, exogenous):
    """`weigh_cuts` for every opening ``[opening, exogenous]``.

    Written into the openings' part of the cuts' right-hand sides.
    """
    for w in range(exogenous.shape[0]):
        weigh_cuts(stage, cuts, first, last, exogenous[w], cuts.tree_sides[w, first:last])


@compiled
def add_rows(view, first, last):
    """Make rows ``first <= c < last`` of the cuts in their slots.

    With all that right-hand sides need of them.
    """
    stage, cuts = view.stage, view.cuts
    for c in range(first, last):
        cuts.intercepts[c] = cuts.pool.intercepts[cuts.slots[c]] / stage.scale
    write_rows(stage, cuts, first, last, view.program.cut_entries)
    weigh_cuts_by_openings(stage, cuts, first, last, view.tree.exogenous)


@compiled
def append_rows(block, first, last):
    """`add_rows` for a stage as a block."""
    add_rows(_read_stage(block), first, last)


@compiled
def bends(stage, noise):
    """Whether innovations depend on the state: negative inflows are raised, or noise multiplies."""
    return stage.truncates or noise.factor.shape[1] > 0


@compiled
def innovate(stage, state, noise, w, innovation, flags):
    """The innovation ``[hydro]`` of an opening at a state.

    What the noise adds to the lag term where it multiplies this, and raised where the inflow would
    be negative; ``flags[hydro]`` says where it was raised.

    Returns how many differ from what the noise gives.
    """
    n_hydros, n_lags = stage.psi.shape
    multiplies, n_changed = noise.factor.shape[1] > 0, 0
    for h in range(n_hydros):
        past = 0.0
        for lag in range(n_lags):
            past += stage.psi[h, lag] * state[stage.lag_places[h, lag]]
        innovation[h] = noise.innovation[w, h]
        if multiplies:
            innovation[h] += (noise.factor[w, h] - 1.0) * past
        flags[h] = stage.truncates and innovation[h] + past < 0.0
        if flags[h]:
            innovation[h] = -past
        n_changed += innovation[h] != noise.innovation[w, h]
    return n_changed


@compiled
def _set_own_opening(stage, noise, w, state, innovation, truncated, room):
    """The innovation of a trial that has opening ``w`` for itself.

    Its part of the exogenous state is added.
    """
    exogenous, n_exogenous = room.exogenous, stage.exogenous.shape[0]
    n_raised = 0
    if bends(stage, noise):
        n_raised = innovate(stage, state, noise, w, innovation, truncated)
    if n_raised == 0:
        for h in range(innovation.shape[0]):
            innovation[h], truncated[h] = noise.innovation[w, h], False
        for e in range(n_exogenous):
            exogenous[e] += noise.exogenous[w, e]
        return
    multiply(stage.exogenous_by_innovation, innovation, room.raised_exogenous)
    for e in range(n_exogenous):
        exogenous[e] += room.raised_exogenous[e]


@compiled
def set_bounds(stage, cuts, noise, openings, n_cuts, state, of_tree, innovation, truncated, room):
    """Bounds of all rows for all openings of a trial.

    Upper bounds of cuts, which have none, are not written.

    Args:
        stage, cuts, noise: see there.
        openings: ``[opening]`` places in ``noise``.
        n_cuts: cuts that are rows.
        state: ``[state]`` incoming state.
        of_tree: whether ``noise`` are the openings of the tree, in their order; otherwise the trial
            has one of its own.
        innovation, truncated: ``[hydro]`` of the trial's own opening after truncation, written to.
        room: where to; ``row_lowers`` and ``row_uppers``.
    """
    n_rows = stage.row_lower.shape[0]
    lower, upper, shift, trial_cut = stage.row_lower, stage.row_upper, room.trial_shift, room.trial_cut
    multiply(stage.rows_by_state, state, shift)
    multiply(stage.exogenous_by_state, state, room.exogenous)
    if not of_tree:
        _set_own_opening(stage, noise, openings[0], state, innovation, truncated, room)
    weigh_cuts(stage, cuts, plain(0), n_cuts, room.exogenous, trial_cut)
    for c in range(n_cuts):
        trial_cut[c] += cuts.intercepts[c]
    for q in range(openings.shape[0]):
        w = openings[q]
        lowers, uppers = room.row_lowers[q], room.row_uppers[q]
        n_raised = 0
        if bends(stage, noise):
            n_raised = innovate(stage, state, noise, w, room.raised, room.flags)
        added = noise.row_shift[w]
        if n_raised > 0:
            # this opening's own shift is put together where the lower bounds will be
            multiply(stage.rows_by_innovation, room.raised, lowers)
            for i in range(n_rows):
                lowers[i] += noise.demand_shift[w, i]
            added = lowers
        for i in range(n_rows):
            total = shift[i] + added[i]
            lowers[i] = lower[i] + total
            uppers[i] = upper[i] + total
        if of_tree and n_raised > 0:
            multiply(stage.exogenous_by_innovation, room.raised, room.raised_exogenous)
            weigh_cuts(stage, cuts, plain(0), n_cuts, room.raised_exogenous, room.raised_cut)
            for c in range(n_cuts):
                lowers[n_rows + c] = trial_cut[c] + room.raised_cut[c]
        elif of_tree:
            for c in range(n_cuts):
                lowers[n_rows + c] = trial_cut[c] + cuts.tree_sides[w, c]
        else:
            for c in range(n_cuts):
                lowers[n_rows + c] = trial_cut[c]


@compiled
def bounds_of_trial(block, n_cuts, noise, openings, state, of_tree, innovation, truncated, room):
    """`set_bounds` for a stage as a block, with the upper bounds of cuts too."""
    view = _read_stage(block)
    set_bounds(view.stage, view.cuts, noise, openings, n_cuts, state, of_tree, innovation, truncated, room)
    n_rows = view.stage.row_lower.shape[0]
    for q in range(openings.shape[0]):
        for c in range(n_cuts):
            room.row_uppers[q, n_rows + c] = np.inf


@compiled
def solve_trials(
    block, n_cuts, noise, openings, of_tree, states, column_statuses, row_statuses, effort, innovation, truncated, room, solutions,
    scratch_block
):
    """Solve trials, each from a basis of its own.

    Args:
        block: the stage, see `STAGE`.
        n_cuts: cuts that are rows.
        noise: openings.
        openings: ``[trial, opening]`` places in ``noise``.
        of_tree: whether ``noise`` are the openings of the tree, in their order; otherwise every
            trial has one of its own.
        states: ``[trial, state]``.
        column_statuses, row_statuses: ``[trial, column]`` and ``[trial, row]`` starting bases;
            there may be more rows.
        effort: see `headwater.solver.simplex_kernel.Effort`.
        innovation, truncated: ``[trial, hydro]`` of trials with an opening of their own, written
            to.
        room: for right-hand sides.
        solutions: `TrialSolutions`, written to.
        scratch_block: room for the kernel.

    Returns:
        Programs that are not proven and are left to the caller, and pivots.
    """
    view = _read_stage(block)
    stage, cuts, program = view.stage, view.cuts, with_cuts(view.program, n_cuts)
    n_left = n_pivots = 0
    for k in range(states.shape[0]):
        own, flags = (room.raised, room.flags) if of_tree else (innovation[k], truncated[k])
        set_bounds(stage, cuts, noise, openings[k], n_cuts, states[k], of_tree, own, flags, room)
        call_kernel(
            column_statuses[k], row_statuses[k], program, room.row_lowers, room.row_uppers, effort, solutions.objective[k],
            solutions.row_dual[k], solutions.primal[k], solutions.outcome[k], solutions.pivots[k],
            solutions.column_statuses[k], solutions.row_statuses[k], plain(WHOLE), plain(0), openings.shape[1], room.call,
            scratch_block
        )
        for q in range(openings.shape[1]):
            n_left += solutions.outcome[k, q] != PROVEN
            n_pivots += solutions.pivots[k, q]
    return n_left, n_pivots


@compiled
def leave(stage, state, innovation, x, outgoing):
    """The state that leaves a stage, and what a trial pays.

    Storage is kept within its bounds against round-off.

    Args:
        stage: see there.
        state: ``[state]`` incoming state.
        innovation: ``[hydro]`` after any truncation.
        x: ``[column]`` solution.
        outgoing: ``[state]``, written to.

    Returns:
        Cost of the stage itself, and cost that the policy expects after it, seen from its end; in
        $.
    """
    in_lp, columns, lower, upper = stage.in_lp, stage.columns, stage.column_lower, stage.column_upper
    by_state, by_innovation, exogenous = stage.exogenous_by_state, stage.exogenous_by_innovation, stage.exogenous
    for p in range(in_lp.shape[0]):
        j = columns[p]
        outgoing[in_lp[p]] = min(max(x[j] * stage.column_scale[p], lower[p]), upper[p])
    for e in range(exogenous.shape[0]):
        total = 0.0
        for p in range(by_state.starts[e], by_state.starts[e + 1]):
            total += by_state.values[p] * state[by_state.indices[p]]
        for p in range(by_innovation.starts[e], by_innovation.starts[e + 1]):
            total += by_innovation.values[p] * innovation[by_innovation.indices[p]]
        outgoing[exogenous[e]] = total
    cost = future = 0.0
    for j in range(stage.stage_cost.shape[0]):
        cost += stage.stage_cost[j] * x[j]
    for p in range(stage.future.shape[0]):
        future += stage.future_weight[p] * x[stage.future[p]]
    return cost * stage.scale, future * stage.scale


@compiled
def leave_stage(block, states, innovation, primal, outgoing, costs, future):
    """`leave` for several trials.

    ``states``, ``innovation``, ``outgoing`` and money by trial, ``primal[trial, 0, column]``.
    """
    stage = _read_stage(block).stage
    for k in range(states.shape[0]):
        costs[k], future[k] = leave(stage, states[k], innovation[k], primal[k, 0], outgoing[k])
