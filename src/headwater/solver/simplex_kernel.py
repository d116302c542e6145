"""A dual simplex that re-optimises one opening from a factorised basis.

A primal simplex cleans up after it.

The dual method starts from any basis: where a variable without a bound on the side that its reduced
cost asks for is in the way, its cost is shifted for the time being. When the point is feasible,
reduced costs are computed from the true costs, and variables whose sign is still wrong enter by
primal steps: what is left of the gap is rounding.

Sources: P. M. J. Harris, Pivot selection methods of the Devex LP code, Mathematical Programming 5
(1973), for the ratio test and the weights of rows; I. Maros, A generalized dual phase-2 simplex
algorithm, European Journal of Operational Research 149 (2003), for flips of boxed variables; A.
Koberstein, The dual simplex method, techniques for a fast and stable implementation, thesis,
Paderborn (2005), chapters 3 and 6, for both and for shifts of costs.

Variables ``0 .. n-1`` are the columns of the program; variable ``n + r`` is the negated activity of
working row ``r``, so that every row reads ``A x + z = 0`` and the column of a row variable is a
unit vector. Working rows are the static ones, then the cuts that take part; other cuts join when
the solution violates them.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from headwater.solver.bits_kernel import (
    empty,
    holds,
    lowest_bit,
    members,
    n_words,
    put,
    size_of,
    take,
)
from headwater.solver.certificate_kernel import cut_activities
from headwater.solver.compiled import Index, compiled, plain
from headwater.solver.factor_kernel import backward, backward_solve, forward, solve_basis
from headwater.solver.kernel_constants import (
    CAP_REACHED,
    DRIFT,
    NO_ENTERING,
    PRIMAL_TOLERANCE,
    PROVEN,
    SMALL_PIVOT,
    WEARY,
)

_SMALLEST_PIVOT, _LEAST_PIVOT = 1e-7, 1e-11
"""Pivots below the first are taken only where they are known very well, those below the second
never.
"""
_WANTED_PIVOT = 1e-4
"""A pivot that can be trusted; smaller ones are taken where a wider tolerance offers none."""
_CUT_FIRST = 2.0**30
"""How much larger the pivot of a cut counts where several variables may enter.

A cut that need not be tight is not to stay so.
"""
_ALONE_FIRST = 2.0**20
"""The same for a variable that mends the row without leaving its own bounds, where a pivot moves no
dual.
"""
_ZERO = 1e-14
_SMALL_ENTRY = 1e-9
"""Entries of a column that are too small to block a primal step."""
_LEAST_SLOPE = 2.0**-42
"""A reduced cost with a wrong sign matters if it is more than this share of the largest dual and
its own cost...
"""
_LEAST_MONEY, _LEAST_SHARE = 1e-13, 1e-11
"""...and worth more than these shares of the money at stake and of what the point costs."""
_LAST_RESORT = 1e200
"""Weight of a row whose pivot was too small.

It is asked again when no other row is infeasible, or when weights start anew.
"""
_CUT_TOLERANCE = 1e-9
_ROUNDING = 1e-10
_REFERENCE_LIFE = 20
"""Pivots after which all devex weights start again at one.

They only grow, and old ones mislead the choice of rows.
"""
_WORTH_ASKING = 0.5
"""Of the largest violation.

Cuts that are violated less are not asked again before all cuts are looked at.
"""
_NO_SLOPE = 1e-12
"""A reduced cost that is nothing but rounding, and counts as zero."""
IS_BASIC = 4
"""What `State.move` says of a basic variable."""
_BY_COLUMN = 4
"""Entries of rows that cost as much as a column, when some columns of a pivot row are asked."""
_ONE, _SIX = np.uint64(1), np.uint64(6)
_LISTED = 1e-300
"""Stands for a pivot row entry that has come back to zero but is listed already."""


class Program(NamedTuple):
    """A program as the kernels see it.

    Attributes:
        starts, indices, values: static matrix by column.
        row_starts, row_indices, row_values: the same by row.
        four_rows, four_values: the first four entries of every column.
        place: ``[column]`` place of a column in the cuts, -1 elsewhere.
        cut_columns: ``[place]``; cut_entries: ``[place, cut]``; n_cuts: how many of them count.
        cost, lower, upper: ``[column]``.
        money: what is at stake; see `headwater.solver.problem.LinearProgram`.
    """

    starts: Any
    indices: Any
    values: Any
    row_starts: Any
    row_indices: Any
    row_values: Any
    four_rows: Any
    four_values: Any
    place: Any
    cut_columns: Any
    cut_entries: Any
    n_cuts: Any
    cost: Any
    lower: Any
    upper: Any
    money: Any


def sample_program() -> Program:
    """A program of the least size, with arrays of the right types."""
    ints, numbers, table = np.empty(0, np.int32), np.empty(0), np.empty((0, 0))
    return Program(
        ints, ints, numbers, ints, ints, numbers, np.empty((0, 4), np.int32), np.empty((0, 4)), ints, ints, table, 0,
        numbers, numbers, numbers, 1.0
    )


@compiled
def with_cuts(program, n_cuts):
    """The program with another number of cuts."""
    return Program(
        program.starts, program.indices, program.values, program.row_starts, program.row_indices, program.row_values,
        program.four_rows, program.four_values, program.place, program.cut_columns, program.cut_entries, n_cuts,
        program.cost, program.lower, program.upper, program.money
    )


class Working(NamedTuple):
    """The cuts that take part.

    Attributes:
        cut: ``[position]`` which cut a working row is, counted behind the static rows.
        rows: ``[position, place]`` its entries.
        row_of: ``[cut]`` its working row, -1 for a cut that takes no part.
        sums: ``[place]`` scratch.
        violated, n_violated: ``[cut]`` and ``[1]`` those that were violated when all were last
            looked at.
    """

    cut: Any
    rows: Any
    row_of: Any
    sums: Any
    violated: Any
    n_violated: Any


class Effort(NamedTuple):
    """How hard the kernel tries.

    Attributes:
        cap: pivots between two factorisations.
        factorisations: of the way to the mean of the openings, or to an opening that is far away.
        tolerance: of the dual ratio test, in reduced costs; 0 takes the textbook's test.
    """

    cap: Any
    factorisations: Any
    tolerance: Any


class State(NamedTuple):
    """A simplex solution under way; variables are numbered as in the module's first lines.

    Attributes:
        basic: ``[row]`` basic variables; where: ``[variable]`` position in the basis, -1 when
            nonbasic.
        d: ``[variable]`` reduced costs; x: ``[variable]`` values of nonbasic ones; xb: ``[row]``
            values of basic ones.
        low, up: ``[variable]``; move: ``[variable]`` whether a nonbasic one may grow (1), may
            shrink (2), or both (3); 4 for a basic one.
        weight: ``[row]`` devex weights.
        alpha, touched, candidates, flips: pivot row and lists of variables; sizes, slopes, ratios:
            of the candidates.
        work: ``[row]`` scratch.
        unit, rho, column, flipped: ``[row]``, zero between two pivots;
            unit_set: what is in ``unit``.
        rows, places, flipped_places: lists of what is in ``rho``, ``column`` and ``flipped``.
        place_set: scratch set of rows.
        infeasible: set of the rows whose basic variable is out of its bounds.
        free: set of the nonbasic variables that may move and whose reduced cost is zero.
        full_x: ``[column]`` values of all columns; cut_activity: ``[cut]`` activities at these.
        shifted: ``[1]`` whether the cost of a variable is shifted, so that reduced costs are not
            those of the true costs.
    """

    basic: Any
    where: Any
    d: Any
    x: Any
    xb: Any
    low: Any
    up: Any
    move: Any
    weight: Any
    alpha: Any
    touched: Any
    candidates: Any
    flips: Any
    sizes: Any
    slopes: Any
    ratios: Any
    work: Any
    rho: Any
    column: Any
    flipped: Any
    unit: Any
    unit_set: Any
    rows: Any
    places: Any
    flipped_places: Any
    place_set: Any
    infeasible: Any
    free: Any
    full_x: Any
    cut_activity: Any
    shifted: Any
    used: Any


@compiled
def set_move(j, state):
    """Note which way a nonbasic variable may move."""
    x = state.x[j]
    state.move[j] = (x < state.up[j]) + 2 * (x > state.low[j])


@compiled
def add_column(j, n, m_static, width, program, working, scale, vector):
    """Add ``scale`` times the column of variable ``j``, over the working rows, to ``vector``."""
    if j >= n:
        vector[j - n] += scale
        return
    starts, indices, values = program.starts, program.indices, program.values
    for p in range(starts[j], starts[j + 1]):
        vector[indices[p]] += scale * values[p]
    slot = program.place[j]
    if slot >= 0:
        rows = working.rows
        for r in range(m_static, width):
            vector[r] += scale * rows[r - m_static, slot]


@compiled
def join_cut(c, program, working, position):
    """Make cut ``c`` the working cut ``position``."""
    working.cut[position] = c
    cut_entries, rows = program.cut_entries, working.rows
    for p in range(cut_entries.shape[0]):
        rows[position, p] = cut_entries[p, c]


@compiled
def _price_row(n, m_static, listed, n_listed, program, working, rho, move, alpha, touched):
    """Pivot row: ``alpha[j] = rho . a_j`` for nonbasic ``j``.

    ``touched`` lists where it may be non-zero; ``listed`` are the rows that are not zero in
    ``rho``.
    """
    row_starts, row_indices, row_values = program.row_starts, program.row_indices, program.row_values
    cut_columns, rows, sums = program.cut_columns, working.rows, working.sums
    n_touched, n_places, with_cuts = 0, cut_columns.shape[0], False
    for q in range(n_listed):
        r = listed[q]
        value = rho[r]
        if abs(value) <= _ZERO:
            continue
        if r < m_static:
            # Lists are made without a branch: an entry is always written, and the count goes on
            # when it is to stay.
            for p in range(Index(row_starts[r]), Index(row_starts[r + 1])):
                j = Index(row_indices[p])
                before, nonbasic = alpha[j], move[j] != IS_BASIC
                touched[n_touched] = j
                n_touched += nonbasic & (before == 0.0)
                total = before + value * row_values[p]
                total = total if total != 0.0 else _LISTED
                alpha[j] = total if nonbasic else before
        else:
            row = rows[r - m_static]
            if not with_cuts:
                with_cuts = True
                for p in range(n_places):
                    sums[p] = 0.0
            for p in range(n_places):
                sums[p] += value * row[p]
        if move[n + r] != IS_BASIC:
            alpha[n + r] = value
            touched[n_touched] = n + r
            n_touched += 1
    if with_cuts:
        for p in range(n_places):
            j = cut_columns[p]
            if sums[p] != 0.0 and move[j] != IS_BASIC:
                before = alpha[j]
                if before == 0.0:
                    touched[n_touched] = j
                    n_touched += 1
                total = before + sums[p]
                alpha[j] = total if total != 0.0 else _LISTED
    return n_touched


@compiled
def _free_by_column(program, n, m_static, working, state, n_listed, total):
    """Entries of the pivot row of the variables without a reduced cost, each by its column.

    They go to ``state.candidates`` and ``state.sizes``; returns how many are not zero.
    """
    starts, indices, values, place = program.starts, program.indices, program.values, program.place
    four_rows, four_values = program.four_rows, program.four_values
    rho, rows, free, cuts, candidates, sizes = (
        state.rho, state.rows, state.free, state.places, state.candidates, state.sizes
    )
    n_cuts = plain(0)
    for q in range(n_listed):
        if rows[q] >= m_static:
            cuts[n_cuts] = rows[q]
            n_cuts += 1
    n_found = np.uint64(0)
    for w in range(n_words(total)):
        word = free[w]
        while word != 0:
            j = Index((w << _SIX) + lowest_bit(word))
            word &= word - _ONE
            if j >= n:
                a = rho[j - n]
            else:
                a = (
                    (four_values[j, 0] * rho[four_rows[j, 0]] + four_values[j, 1] * rho[four_rows[j, 1]])
                    + (four_values[j, 2] * rho[four_rows[j, 2]] + four_values[j, 3] * rho[four_rows[j, 3]])
                )
                for p in range(starts[j] + 4, starts[j + 1]):
                    a += values[p] * rho[indices[p]]
                if n_cuts > 0 and place[j] >= 0:
                    for q in range(n_cuts):
                        a += rho[cuts[q]] * working.rows[cuts[q] - m_static, place[j]]
            candidates[n_found], sizes[n_found] = j, a
            n_found += np.uint64(abs(a) > _SMALL_ENTRY)
    return n_found


@compiled
def _free_by_row(program, n, m_static, working, state, n_listed):
    """The same by the rows that the pivot row is made of."""
    row_starts, row_indices, row_values = program.row_starts, program.row_indices, program.row_values
    cut_columns = program.cut_columns
    rho, rows, free, alpha, touched = state.rho, state.rows, state.free, state.alpha, state.touched
    n_touched = np.uint64(0)
    for q in range(n_listed):
        r = rows[q]
        value = rho[r]
        if r < m_static:
            for p in range(Index(row_starts[r]), Index(row_starts[r + 1])):
                j = Index(row_indices[p])
                if holds(free, j):
                    before = alpha[j]
                    touched[n_touched] = j
                    n_touched += np.uint64(before == 0.0)
                    after = before + value * row_values[p]
                    alpha[j] = after if after != 0.0 else _LISTED
        else:
            row = working.rows[r - m_static]
            for p in range(cut_columns.shape[0]):
                j = Index(cut_columns[p])
                if holds(free, j) and row[p] != 0.0:
                    before = alpha[j]
                    touched[n_touched] = j
                    n_touched += np.uint64(before == 0.0)
                    after = before + value * row[p]
                    alpha[j] = after if after != 0.0 else _LISTED
        if holds(free, n + r):
            alpha[n + r] = value
            touched[n_touched] = n + r
            n_touched += _ONE
    n_found = np.uint64(0)
    for q in range(n_touched):
        j = touched[q]
        a = alpha[j]
        alpha[j] = 0.0
        state.candidates[n_found], state.sizes[n_found] = j, a
        n_found += np.uint64(abs(a) > _SMALL_ENTRY)
    return n_found


@compiled
def _choose_free(program, n, m_static, working, state, n_listed, total, sign, slope):
    """Dual ratio test among the variables whose reduced cost is zero.

    Most pivots move no dual, and need no more of the pivot row. Of variables that mend the row
    alone the largest pivot is taken, so that what enters is within its bounds.

    Args:
        program, working, state: see there; ``state.rho`` and ``state.rows`` hold ``n_listed``
            entries.
        n, m_static: columns and static rows.
        total: variables.
        sign, slope: as in `_choose_entering`.

    Returns:
        Entering variable and its entry of the pivot row; -1 where these variables do not mend the
            row.
    """
    by_row = plain(0)
    for q in range(n_listed):
        r = state.rows[q]
        if r < m_static:
            by_row += program.row_starts[r + 1] - program.row_starts[r]
        else:
            by_row += program.cut_columns.shape[0]
    if by_row < _BY_COLUMN * np.int64(size_of(state.free, total)):
        n_found = _free_by_row(program, n, m_static, working, state, n_listed)
    else:
        n_found = _free_by_column(program, n, m_static, working, state, n_listed, total)
    move, low, up = state.move, state.low, state.up
    best, largest, entry, change = -1, 0.0, 0.0, 0.0
    for q in range(n_found):
        j, a = state.candidates[q], state.sizes[q]
        size = abs(a)
        if move[j] & (1 if a * sign < 0.0 else 2) != 0:
            change += size * (up[j] - low[j])
            if size >= _WANTED_PIVOT:
                if size * (up[j] - low[j]) >= slope:
                    size *= _ALONE_FIRST
                if j >= n + m_static:
                    size *= _CUT_FIRST
            if size > largest:
                best, largest, entry = np.int64(j), size, a
    if abs(entry) >= _WANTED_PIVOT and not slope - change > PRIMAL_TOLERANCE:
        return best, entry
    return -1, 0.0


@compiled
def _choose_entering(n_touched, touched, alpha, sign, slope, tolerance, n_fixed, state):
    """Choose the entering variable: bound flipping ratio test with Harris' tolerance.

    Boxed variables are flipped while that still pays, and among candidates within the tolerance the
    largest pivot is taken.

    A reduced cost whose sign is wrong already, by a tolerance, blocks at once: its ratio is zero.
    Of pivots that can be trusted those of cuts, the variables from ``n_fixed`` on, come first: the
    fewer cuts are tight, the fewer reservoirs each pivot moves.

    Returns:
        Entering variable (-1: none) and the number of variables to flip, listed in
            ``state.flips``.
    """
    d, low, up, move = state.d, state.low, state.up, state.move
    candidates, flips = state.candidates, state.flips
    sizes, slopes, ratios = state.sizes, state.slopes, state.ratios
    n_candidates = 0
    for k in range(n_touched):
        j = touched[k]
        a, way = alpha[j] * sign, move[j]
        candidates[n_candidates] = j
        n_candidates += ((a < -_SMALL_ENTRY) & way & 1) | ((a > _SMALL_ENTRY) & (way >> 1) & 1)
    for k in range(n_candidates):
        j = candidates[k]
        a = alpha[j] * sign
        sizes[k], slopes[k] = abs(a), max(d[j] if a < 0.0 else -d[j], 0.0)
    step, tightest = np.inf, -1
    for k in range(n_candidates):
        ratios[k] = (slopes[k] + tolerance) / sizes[k]
    for k in range(n_candidates):
        if ratios[k] < step:
            step, tightest = ratios[k], k
    n_flips = 0
    while n_candidates > 0:
        if tightest < 0:
            return -1, n_flips  # not a number
        # the tightest passes its own bound whatever rounding says: every round takes at least one
        # candidate out
        best, largest, change = -1, 0.0, 0.0
        for k in range(n_candidates):
            if k == tightest or slopes[k] <= step * sizes[k]:
                j, size = candidates[k], sizes[k]
                change += size * (up[j] - low[j])
                if j >= n_fixed and size >= _WANTED_PIVOT:
                    size *= _CUT_FIRST
                if size > largest:
                    largest, best = size, np.int64(j)
        # flips that leave nothing to be mended are not enough: the row leaves at a bound that it
        # meets exactly
        if not slope - change > PRIMAL_TOLERANCE:
            return best, n_flips
        slope -= change
        kept, next_step, next_tightest = 0, np.inf, -1
        for k in range(n_candidates):
            if k == tightest or slopes[k] <= step * sizes[k]:
                flips[n_flips] = candidates[k]
                n_flips += 1
            else:
                candidates[kept], sizes[kept], slopes[kept], ratios[kept] = candidates[k], sizes[k], slopes[k], ratios[k]
                if ratios[k] < next_step:
                    next_step, next_tightest = ratios[k], kept
                kept += 1
        n_candidates, step, tightest = kept, next_step, next_tightest
    return -1, n_flips


@compiled
def _excess(lower, activity):
    """How far a cut is violated, in tolerances."""
    return (lower - activity) / (_CUT_TOLERANCE * (1.0 + abs(lower)))


@compiled
def _most_violated_cut(program, working, state, cut_lower):
    """A cut that takes no part and is violated, -1 when none is.

    All cuts are looked at, and the one that is violated most is taken. Those that were violated
    besides are asked again first, and while one of them still is, the others wait.
    """
    where, x, xb, full_x = state.where, state.x, state.xb, state.full_x
    cut_columns = program.cut_columns
    for p in range(cut_columns.shape[0]):
        j = cut_columns[p]
        full_x[j] = xb[where[j]] if where[j] >= 0 else x[j]
    at = -1
    if working.n_violated[0] > 0:
        at = _still_violated(program, working, state, cut_lower)
    if at < 0:
        at = _violated_of_all(program, working, state, cut_lower)
    return at


@compiled
def _still_violated(program, working, state, cut_lower):
    """The most violated of the cuts that were violated before, -1 when none is any more.

    Forgets those that are not.
    """
    full_x, row_of, violated = state.full_x, working.row_of, working.violated
    cut_columns, cut_entries, sums = program.cut_columns, program.cut_entries, working.sums
    n_places = cut_columns.shape[0]
    for p in range(n_places):
        sums[p] = full_x[cut_columns[p]]
    worst, at, kept = 0.0, -1, 0
    for q in range(working.n_violated[0]):
        c = violated[q]
        activity = 0.0
        for p in range(n_places):
            activity += cut_entries[p, c] * sums[p]
        gap = cut_lower[c] - activity
        if gap > _CUT_TOLERANCE * (1.0 + abs(cut_lower[c])) and row_of[c] < 0:
            violated[kept] = c
            kept += 1
            if gap > worst:
                worst, at = gap, c
                state.cut_activity[c] = activity
    working.n_violated[0] = kept
    return at


@compiled
def _violated_of_all(program, working, state, cut_lower):
    """The most violated of all cuts, -1 when none is; lists those that are violated."""
    activity, row_of, violated, n_cuts = state.cut_activity, working.row_of, working.violated, program.n_cuts
    cut_activities(program.cut_columns, program.cut_entries, n_cuts, state.full_x, activity)
    # counting without a branch is done many cuts at a time; most often there is none to be looked
    # at closely
    n_violated = 0
    for c in range(n_cuts):
        n_violated += cut_lower[c] - activity[c] > _CUT_TOLERANCE * (1.0 + abs(cut_lower[c]))
    working.n_violated[0] = 0
    if n_violated == 0:
        return -1
    n_violated = 0
    for c in range(n_cuts):
        violated[n_violated] = c
        n_violated += (cut_lower[c] - activity[c] > _CUT_TOLERANCE * (1.0 + abs(cut_lower[c]))) & (row_of[c] < 0)
    worst, at = 0.0, -1
    for q in range(n_violated):
        c = violated[q]
        gap = cut_lower[c] - activity[c]
        if gap > worst:
            worst, at = gap, c
    kept = 0
    for q in range(n_violated):
        c = violated[q]
        violated[kept] = c
        kept += cut_lower[c] - activity[c] > _WORTH_ASKING * worst
    working.n_violated[0] = kept
    return at


@compiled
def set_reduced_costs(program, m_static, width, working, y, where, d):
    """Reduced costs of all nonbasic variables from the duals of the working rows.

    Basic variables get zero.
    """
    starts, indices, values, cost = program.starts, program.indices, program.values, program.cost
    n, n_places = cost.shape[0], program.cut_columns.shape[0]
    for j in range(n):
        value = cost[j]
        for p in range(starts[j], starts[j + 1]):
            value -= y[indices[p]] * values[p]
        d[j] = value
    for r in range(m_static, width):
        value = y[r]
        if value != 0.0:
            row = working.rows[r - m_static]
            for p in range(n_places):
                d[program.cut_columns[p]] -= value * row[p]
    for j in range(n):
        if where[j] >= 0:
            d[j] = 0.0
    for r in range(width):
        d[n + r] = -y[r] if where[n + r] < 0 else 0.0


@compiled
def _worst_sign(program, width, state):
    """The nonbasic variable whose reduced cost has the wrong sign most, where that matters.

    -1 when none has.

    What matters depends on the numbers at hand, not on their unit: the same program with huge
    penalties that nobody pays must be solved to the cents that are paid.
    """
    where, d, x, xb, low, up, cost = state.where, state.d, state.x, state.xb, state.low, state.up, program.cost
    n = cost.shape[0]
    largest = value = 0.0
    for r in range(width):
        largest = max(largest, abs(d[n + r]))
    worst, at, n_wrong = _LEAST_SLOPE * largest, -1, 0
    # counting without a branch is done many variables at a time; most often there is none to be
    # looked at closely
    for j in range(n + width):
        n_wrong += ((d[j] > worst) & (x[j] > low[j])) | ((d[j] < -worst) & (x[j] < up[j]))
    if n_wrong == 0:
        return at
    for j in range(n):
        value += cost[j] * (xb[where[j]] if where[j] >= 0 else x[j])
    least_money = _LEAST_MONEY * program.money + _LEAST_SHARE * abs(value)
    for j in range(n + width):
        slope = d[j]
        size = abs(slope)
        if size > worst and where[j] < 0:
            is_wrong = (x[j] > low[j]) if slope > 0.0 else (x[j] < up[j])
            own = abs(cost[j]) if j < n else 0.0
            if is_wrong and size * (up[j] - low[j]) > least_money and size > _LEAST_SLOPE * (largest + own):
                worst, at = size, j
    return at


@compiled
def _choose_leaving(width, state, direction, reach):
    """Primal ratio test for a variable that moves in ``direction`` by at most ``reach``.

    Its column is in ``state.column``.

    Returns:
        Row that leaves, -1 where none blocks, and whether the variable that leaves stops at its
        lower bound.
    """
    basic, xb, low, up, column = state.basic, state.xb, state.low, state.up, state.column
    most = reach
    for i in range(width):
        rate = -direction * column[i]
        if abs(rate) > _SMALL_ENTRY:
            j = basic[i]
            room = up[j] - xb[i] if rate > 0.0 else xb[i] - low[j]
            most = min(most, (max(room, 0.0) + PRIMAL_TOLERANCE) / abs(rate))
    if most >= reach:
        return -1, False
    at, largest, to_lower = -1, 0.0, False
    for i in range(width):
        rate = -direction * column[i]
        size = abs(rate)
        if size > largest and size > _SMALL_ENTRY:
            j = basic[i]
            room = up[j] - xb[i] if rate > 0.0 else xb[i] - low[j]
            if room <= most * size:
                at, largest, to_lower = i, size, rate < 0.0
    return at, to_lower


@compiled
def free_variables(first, last, where, d, low, up, free):
    """Put the nonbasic variables that may move and whose reduced cost is zero into a set.

    What is nearly zero becomes it.
    """
    for j in range(first, last):
        if where[j] < 0 and abs(d[j]) <= _NO_SLOPE and low[j] < up[j]:
            d[j] = 0.0
            put(free, j)


@compiled
def _load_column(j, n, m_static, k, width, program, working, factor, scale, out, found):
    """Add ``scale`` times the column of variable ``j`` to the right-hand side of a solve.

    See `forward`.
    """
    if j >= n:
        _load_entry(j - n, k, factor, scale, out, found)
        return
    starts, indices, values = program.starts, program.indices, program.values
    for p in range(starts[j], starts[j + 1]):
        _load_entry(indices[p], k, factor, scale * values[p], out, found)
    slot = program.place[j]
    if slot >= 0:
        for r in range(m_static, width):
            _load_entry(r, k, factor, scale * working.rows[r - m_static, slot], out, found)


@compiled
def _load_entry(r, k, factor, value, out, found):
    if value == 0.0:
        return
    if r < k:
        s = factor.place_of_row[r]
        factor.vector[s] += value
        put(factor.marked, s)
    else:
        out[r] += value
        put(found, r)


@compiled
def _take_members(bits, width, out):
    """List what is in a set and empty it; returns how many."""
    count = members(bits, width, out)
    for w in range(n_words(width)):
        bits[w] = np.uint64(0)
    return count


@compiled
def mark_row(i, state):
    """See whether the basic variable of row ``i`` is within its bounds."""
    j, value = state.basic[i], state.xb[i]
    if max(state.low[j] - value, value - state.up[j]) > PRIMAL_TOLERANCE:
        put(state.infeasible, i)
    else:
        take(state.infeasible, i)


@compiled
def _clear(state, k):
    """Forget what the last opening has left in its rows; this one begins with ``k``."""
    width = max(state.used[0], k)
    state.used[0] = k
    unit, rho, column, flipped = state.unit, state.rho, state.column, state.flipped
    for i in range(width):
        unit[i], rho[i], column[i], flipped[i] = 0.0, 0.0, 0.0, 0.0
    for w in range(state.unit_set.shape[0]):
        state.unit_set[w] = state.place_set[w] = state.infeasible[w] = np.uint64(0)


@partial(compiled, inlined=True)
def _choose_row(width, state):
    """Leaving row.

    Largest squared infeasibility over its devex weight; -1 where all basic variables are within
    their bounds.
    """
    basic, xb, low, up, weight, rows = state.basic, state.xb, state.low, state.up, state.weight, state.rows
    score, r = 0.0, -1
    for q in range(members(state.infeasible, width, rows)):
        i = rows[q]
        j, value = basic[i], xb[i]
        gap = max(low[j] - value, value - up[j])
        if gap > PRIMAL_TOLERANCE + _ROUNDING * abs(value) and gap * gap > score * weight[i]:
            score, r = gap * gap / weight[i], np.int64(i)
    return r


@partial(compiled, inlined=True)
def _flip(n_flips, n, m_static, k, width, program, working, factor, steps, n_steps, state):
    """Move boxed variables to their other bounds."""
    x, low, up, xb, flipped, places = state.x, state.low, state.up, state.xb, state.flipped, state.flipped_places
    for q in range(n_flips):
        j = state.flips[q]
        other = up[j] if x[j] == low[j] else low[j]
        _load_column(j, n, m_static, k, width, program, working, factor, x[j] - other, flipped, state.place_set)
        x[j] = other
        set_move(j, state)
    forward(factor, steps, n_steps, k, flipped, state.place_set)
    for q in range(_take_members(state.place_set, width, places)):
        i = places[q]
        xb[i] += flipped[i]
        flipped[i] = 0.0
        mark_row(i, state)


@partial(compiled, inlined=True)
def _move_duals(n_touched, state, dual_step):
    """Move reduced costs along a pivot row, which is emptied."""
    alpha, touched, d, low, up, free = state.alpha, state.touched, state.d, state.low, state.up, state.free
    if dual_step == 0.0:
        for q in range(n_touched):
            alpha[touched[q]] = 0.0
        return
    for q in range(n_touched):
        j = touched[q]
        slope = d[j] - dual_step * alpha[j]
        alpha[j] = 0.0
        if abs(slope) <= _NO_SLOPE:
            d[j] = 0.0
            if low[j] < up[j]:
                put(free, j)
        else:
            if d[j] == 0.0:
                take(free, j)
            d[j] = slope


@compiled
def _join_violated(c, width, n, m_static, program, working, steps, n_steps, state, cut_lower):
    """Make a cut a working row, the last one, with its own variable basic.

    It leaves in the next round.
    """
    position, j, places, where = width - m_static, n + width, program.cut_columns, state.where
    join_cut(c, program, working, position)
    working.row_of[c] = width
    end = steps.start[n_steps]
    for p in range(places.shape[0]):
        at = where[places[p]]
        entry = working.rows[position, p]
        if at >= 0 and entry != 0.0:
            steps.index[end], steps.value[end] = at, entry
            end += 1
    steps.row[n_steps], steps.is_row[n_steps], steps.pivot[n_steps] = width, True, 1.0
    steps.start[n_steps + 1] = end
    state.basic[width], where[j], state.xb[width], state.d[j], state.alpha[j] = j, width, -state.cut_activity[c], 0.0, 0.0
    state.move[j] = IS_BASIC
    state.low[j], state.up[j], state.weight[width] = -np.inf, -cut_lower[c], 1.0
    take(state.free, j)
    mark_row(width, state)
    state.used[0] = width + 1


@compiled
def _set_true_costs(program, n, m_static, k, width, working, factor, steps, n_steps, state):
    """Compute reduced costs anew, without shifts."""
    work, basic = state.work, state.basic
    state.shifted[0] = 0
    for i in range(width):
        work[i] = program.cost[basic[i]] if basic[i] < n else 0.0
    backward_solve(factor, steps, n_steps, k, width, work, state.rho, state.rows)
    set_reduced_costs(program, m_static, width, working, state.rho, state.where, state.d)
    for i in range(width):
        state.rho[i] = 0.0
    empty(state.free)
    free_variables(0, n + width, state.where, state.d, state.low, state.up, state.free)


@compiled
def reoptimise(
    program, m_static, k, width, room, cap, tolerance, patience, working, factor, steps, state, cut_lower
):
    """Pivot until the solution is optimal within tolerances.

    It is then primal feasible, no cut is violated, and no reduced cost has a wrong sign that
    matters.

    Args:
        program, working, factor, steps: see there; the factor is that of ``k`` working rows.
        width: 0 at the beginning; otherwise pivots go on, with a fresh
            factor of all ``width`` rows.
        m_static: static rows.
        room: cuts that may take part.
        cap: pivots allowed.
        tolerance: of the dual ratio test.
        patience: entries of steps that solves may go through before a fresh factor is asked for.
        state: with ``work`` holding the right-hand side of the basic values.
        cut_lower: ``[cut]`` right-hand sides of the cuts.

    Returns:
        Status, pivots, working rows, steps.
    """
    basic, where, d, x, xb, low, up, weight = (
        state.basic, state.where, state.d, state.x, state.xb, state.low, state.up, state.weight
    )
    alpha, touched, rho, column, rows, places = (
        state.alpha, state.touched, state.rho, state.column, state.rows, state.places
    )
    step_start, step_index, step_value = steps.start, steps.index, steps.value
    n = program.cost.shape[0]
    n_steps, n_pivots, effort = plain(0), plain(0), plain(0)
    step_start[0] = 0
    if width == 0:
        width, working.n_violated[0] = k, 0
        _clear(state, k)
        solve_basis(factor, k, state.work, xb)
        for i in range(k):
            weight[i] = 1.0
            mark_row(i, state)
    while True:
        r = _choose_row(width, state)
        is_primal, to_lower, entering, n_flips = False, False, plain(-1), plain(0)
        if r < 0:
            c = _most_violated_cut(program, working, state, cut_lower)
            if c >= 0:
                if width - m_static >= room or n_steps >= 2 * cap:
                    return CAP_REACHED, n_pivots, width, n_steps
                _join_violated(c, width, n, m_static, program, working, steps, n_steps, state, cut_lower)
                n_steps += 1
                width += 1
                continue
            if state.shifted[0] != 0:
                _set_true_costs(program, n, m_static, k, width, working, factor, steps, n_steps, state)
            entering = _worst_sign(program, width, state)
            if entering < 0 or n_pivots >= cap or n_steps > 2 * cap:
                # what is left is for the certificate to judge
                return PROVEN if entering < 0 else CAP_REACHED, n_pivots, width, n_steps
            is_primal = True
            _load_column(entering, n, m_static, k, width, program, working, factor, 1.0, column, state.place_set)
            forward(factor, steps, n_steps, k, column, state.place_set)
            direction = 1.0 if d[entering] < 0.0 else -1.0
            r, to_lower = _choose_leaving(width, state, direction, up[entering] - low[entering])
            if r < 0:
                if not up[entering] - low[entering] < np.inf:
                    return NO_ENTERING, n_pivots, width, n_steps  # probably unbounded
                other = up[entering] if direction > 0.0 else low[entering]
                for q in range(_take_members(state.place_set, width, places)):
                    i = places[q]
                    xb[i] -= (other - x[entering]) * column[i]
                    column[i] = 0.0
                    mark_row(i, state)
                x[entering] = other
                set_move(entering, state)
                n_pivots += 1
                continue
        if n_pivots >= cap or n_steps > 2 * cap:
            return CAP_REACHED, n_pivots, width, n_steps
        if effort > patience:
            return WEARY, n_pivots, width, n_steps
        leaving = basic[r]
        if not is_primal:
            to_lower = xb[r] < low[leaving]
        sign = 1.0 if to_lower else -1.0
        state.unit[r] = 1.0
        put(state.unit_set, r)
        n_listed = backward(factor, steps, n_steps, k, width, state.unit, state.unit_set, rho, rows)
        n_touched, entry = plain(0), 0.0
        slope = low[leaving] - xb[r] if to_lower else xb[r] - up[leaving]
        if not is_primal:
            entering, entry = _choose_free(program, n, m_static, working, state, n_listed, n + width, sign, slope)
        if entering < 0 or is_primal:
            n_touched = _price_row(n, m_static, rows, n_listed, program, working, rho, state.move, alpha, touched)
            if not is_primal:
                entering, n_flips = _choose_entering(n_touched, touched, alpha, sign, slope, tolerance, n + m_static, state)
                if entering >= 0 and abs(alpha[entering]) < _WANTED_PIVOT:
                    # a little more dual infeasibility for a pivot that can be trusted
                    entering, n_flips = _choose_entering(
                        n_touched, touched, alpha, sign, slope, 100.0 * tolerance, n + m_static, state
                    )
            if entering >= 0:
                entry = alpha[entering]
        for q in range(n_listed):
            rho[rows[q]] = 0.0
        status, is_small = PROVEN, False
        if entering < 0:
            status = NO_ENTERING
        elif not abs(entry) >= _SMALLEST_PIVOT:
            # other rows first; then one on which row and column agree to the last digits will do
            is_small = True
            if not abs(entry) >= _LEAST_PIVOT or (not is_primal and weight[r] < _LAST_RESORT):
                status = SMALL_PIVOT
        pivot = 1.0
        if status == PROVEN:
            if not is_primal:
                _load_column(entering, n, m_static, k, width, program, working, factor, 1.0, column, state.place_set)
                forward(factor, steps, n_steps, k, column, state.place_set)
            pivot = column[r]
            if is_small:
                if not abs(pivot - entry) <= 1e-8 * abs(pivot):
                    status = SMALL_PIVOT
            elif not abs(pivot - entry) <= 1e-7 * (1.0 + abs(pivot)):
                status = DRIFT
        if status != PROVEN:
            for q in range(n_touched):
                alpha[touched[q]] = 0.0
            if is_primal:
                # a step that cannot be trusted is not needed: the certificate says what the point
                # is worth without it
                return PROVEN, n_pivots, width, n_steps
            for q in range(_take_members(state.place_set, width, places)):
                column[places[q]] = 0.0
            if status == SMALL_PIVOT and weight[r] < _LAST_RESORT:
                weight[r] = _LAST_RESORT  # other rows first
                continue
            return status, n_pivots, width, n_steps
        n_places = _take_members(state.place_set, width, places)
        if n_flips > 0:
            _flip(n_flips, n, m_static, k, width, program, working, factor, steps, n_steps, state)
        n_pivots += 1
        bound = low[leaving] if to_lower else up[leaving]
        primal_step, dual_step = (xb[r] - bound) / pivot, d[entering] / pivot
        _move_duals(n_touched, state, dual_step)
        d[entering], d[leaving] = 0.0, -dual_step
        end, pivot_weight = step_start[n_steps], weight[r]
        for q in range(n_places):
            i = places[q]
            value = column[i]
            column[i] = 0.0
            if i == r or not abs(value) > _ZERO:
                continue
            step_index[end], step_value[end] = i, value
            end += Index(1)
            xb[i] -= primal_step * value
            mark_row(i, state)
            ratio = value / pivot
            weight[i] = max(weight[i], ratio * ratio * pivot_weight)
        weight[r] = max(pivot_weight / (pivot * pivot), 1.0)
        if n_pivots % _REFERENCE_LIFE == 0:
            for i in range(width):
                weight[i] = 1.0
        steps.row[n_steps], steps.is_row[n_steps], steps.pivot[n_steps] = r, False, pivot
        n_steps += 1
        step_start[n_steps] = end
        effort += np.int64(end)
        xb[r], x[leaving] = x[entering] + primal_step, bound
        basic[r], where[entering], where[leaving], state.move[entering] = entering, r, -1, IS_BASIC
        set_move(leaving, state)
        mark_row(r, state)
        take(state.free, entering)
        if d[leaving] == 0.0 and low[leaving] < up[leaving]:
            put(state.free, leaving)
