"""What a solution of a linear program is worth, from its matrix, bounds and costs alone.

It does not matter how the solution was found.

Any vector of duals whose signs are right gives a lower bound of the optimum; any feasible point
gives an upper bound. A cut needs the first alone. Their difference, the gap, says how much better
the solution could be.

Source: A. Neumaier and O. Shcherbina, Safe bounds in linear and mixed-integer linear programming,
Mathematical Programming 99 (2004), 283-296, for bounds that hold in floating-point arithmetic.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

import numpy as np

from headwater.solver.compiled import Index, compiled
from headwater.solver.kernel_constants import (
    BOUNDED,
    FEASIBILITY_TOLERANCE,
    MONEY_TOLERANCE,
    NO_BOUND,
    OBJECTIVE_TOLERANCE,
    PRIMAL_TOLERANCE,
    PROVEN,
    ROUNDING_TOLERANCE,
    TERM_TOLERANCE,
)

_BLOCK = 64
"""Cuts that are looked at together."""

_ROUND_OFF = 2.0**-50
"""What the bound is lowered by, as a share of the magnitudes of all terms that were summed."""

_NOISE = 2.0**-34
"""A reduced cost below this share of the magnitudes that were summed to it may be nothing but
rounding.
"""

_FAR = 1e3
"""A column without limit and without cost is taken to be at most so many times what the solution
has, or its unit.
"""


@compiled
def cut_activities(cut_columns, cut_entries, n_cuts, x, activity):
    """``activity[c]`` of every appended row at ``x``; the entries are ``[place, cut]``."""
    n_places = cut_columns.shape[0]
    for c in range(n_cuts):
        activity[c] = 0.0
    # four places at a time: the activities pass through memory less often, the order of every sum
    # stays
    fours = n_places - n_places % 4
    for p in range(0, fours, 4):
        a, b, e, g = x[cut_columns[p]], x[cut_columns[p + 1]], x[cut_columns[p + 2]], x[cut_columns[p + 3]]
        row_a, row_b, row_e, row_g = cut_entries[p], cut_entries[p + 1], cut_entries[p + 2], cut_entries[p + 3]
        for c in range(n_cuts):
            activity[c] = (((activity[c] + row_a[c] * a) + row_b[c] * b) + row_e[c] * e) + row_g[c] * g
    for p in range(fours, n_places):
        value = x[cut_columns[p]]
        row = cut_entries[p]
        for c in range(n_cuts):
            activity[c] += row[c] * value


@compiled
def _within(activity, low, up, magnitude):
    """Whether an activity lies within its bounds.

    A sum whose terms cancel is known to the rounding of its terms only.
    """
    slack = FEASIBILITY_TOLERANCE + ROUNDING_TOLERANCE * magnitude
    return low - slack <= activity <= up + slack


@compiled
def _clean_row_duals(row_lower, row_upper, y):
    """Zero the duals of rows that push against a bound that the row does not have.

    Returns:
        Their part of the dual objective, the magnitude of its terms, and whether all are numbers.
    """
    total = magnitude = 0.0
    for i in range(row_lower.shape[0]):
        bound = row_lower[i] if y[i] > 0.0 else row_upper[i]
        if y[i] == 0.0:
            continue
        if not abs(y[i]) < np.inf:
            return 0.0, 0.0, False
        if not abs(bound) < np.inf:
            y[i] = 0.0
            continue
        total += y[i] * bound
        magnitude += abs(y[i] * bound)
    return total, magnitude, True


@compiled
def _add_cuts(program, m_static, cut_lower, y, reduced, sizes):
    """Clean the duals of cuts and take their part out of the reduced costs.

    Returns as `_clean_row_duals`.
    """
    cut_columns, cut_entries = program.cut_columns, program.cut_entries
    n_places, n_cuts = cut_columns.shape[0], program.n_cuts
    total = magnitude = 0.0
    for first in range(0, n_cuts, _BLOCK):
        # few cuts have a dual; counting these is done many at a time, so that most blocks are
        # passed over
        last, n_used = min(first + _BLOCK, n_cuts), 0
        for c in range(first, last):
            n_used += y[m_static + c] != 0.0
        if n_used == 0:
            continue
        for c in range(first, last):
            yi = y[m_static + c]
            if yi == 0.0:
                continue
            if not abs(yi) < np.inf:
                return 0.0, 0.0, False
            if yi < 0.0 or cut_lower[c] == -np.inf:
                y[m_static + c] = 0.0
                continue
            total += yi * cut_lower[c]
            magnitude += abs(yi * cut_lower[c])
            for p in range(n_places):
                term = yi * cut_entries[p, c]
                reduced[cut_columns[p]] -= term
                sizes[cut_columns[p]] += abs(term)
    return total, magnitude, True


@compiled
def _is_feasible(program, row_lower, row_upper, cut_lower, x, activity, cut_activity):
    """Whether a point meets its rows, given their activities, and its bounds, within tolerances."""
    starts, indices, values, lower, upper = program.starts, program.indices, program.values, program.lower, program.upper
    n = program.cost.shape[0]
    # counting without a branch is done many columns at a time
    n_within = 0
    for j in range(n):
        slack = FEASIBILITY_TOLERANCE + ROUNDING_TOLERANCE * abs(x[j])
        n_within += (lower[j] - slack <= x[j]) & (x[j] <= upper[j] + slack)
    if n_within < n:
        return False
    for i in range(row_lower.shape[0]):
        if not _within(activity[i], row_lower[i], row_upper[i], 0.0):
            magnitude = 0.0
            for j in range(n):
                for p in range(starts[j], starts[j + 1]):
                    if indices[p] == i:
                        magnitude += abs(values[p] * x[j])
            if not _within(activity[i], row_lower[i], row_upper[i], magnitude):
                return False
    n_cuts, n_doubtful = program.n_cuts, 0
    for c in range(n_cuts):
        n_doubtful += not cut_activity[c] >= cut_lower[c] - FEASIBILITY_TOLERANCE
    if n_doubtful == 0:
        return True
    for c in range(n_cuts):
        if not cut_activity[c] >= cut_lower[c] - FEASIBILITY_TOLERANCE:
            magnitude = 0.0
            for p in range(program.cut_columns.shape[0]):
                magnitude += abs(program.cut_entries[p, c] * x[program.cut_columns[p]])
            if not _within(cut_activity[c], cut_lower[c], np.inf, magnitude):
                return False
    return True


@compiled
def _charge_columns(program, x, reduced, sizes, most_cost):
    """What the columns add to the dual objective.

    Each reduced cost at the bound that its own sign asks for.

    A column that has no bound there is charged at what no optimum exceeds: whoever pays for it can
    pay no more than the feasible point costs in all. Where its reduced cost may be nothing but
    rounding, `_FAR` times its value will do.

    Args:
        program: see there.
        x: ``[column]``.
        reduced, sizes: ``[column]`` reduced costs, and the magnitudes that were summed to them.
        most_cost: what the columns with a cost can cost at most above the least they cost; infinite
            where that is not known.

    Returns:
        Their part, the magnitude of its terms, and whether there is a bound at all.
    """
    lower, upper, cost = program.lower, program.upper, program.cost
    total = magnitude = 0.0
    for j in range(cost.shape[0]):
        d = reduced[j]
        bound = lower[j] if d > 0.0 else upper[j]
        if not abs(d) < np.inf:
            return 0.0, 0.0, False
        if not abs(bound) < np.inf:
            reach, farthest = abs(x[j]), np.inf
            if cost[j] * d < 0.0 and most_cost < np.inf:
                farthest = abs((lower[j] if cost[j] > 0.0 else upper[j]) + most_cost / cost[j])
            if abs(d) <= _NOISE * sizes[j]:
                farthest = min(farthest, _FAR * max(1.0, reach))
            if not farthest < np.inf:
                return 0.0, 0.0, False
            bound = farthest if d < 0.0 else -farthest
            total += d * bound
            magnitude += abs(d * bound) + sizes[j] * reach
            continue
        total += d * bound
        magnitude += abs(d * bound) + sizes[j] * max(abs(bound), abs(x[j]))
    return total, magnitude, True


@compiled
def certify(
    program, row_lower, row_upper, cut_lower, x, y, reduced, sizes, activity, cut_activity, know_cut_activity
):
    """What a solution is worth.

    Its duals are cleaned on the way, and the bound is that of the cleaned ones.

    Row duals with the wrong sign for an infinite bound are zeroed before reduced costs are
    computed, so that every vector of duals gives a bound; a bad one gives a bad bound, never a
    wrong one.

    Args:
        program: `headwater.solver.simplex_kernel.Program`.
        row_lower, row_upper: ``[static row]``; cut_lower: ``[cut]``, whose upper bounds are
            infinite.
        x: ``[column]``; y: ``[row]``, cuts last, cleaned here.
        reduced, sizes, activity: scratch ``[column]``, ``[column]`` and ``[static row]``.
        cut_activity: ``[cut]`` scratch, or the activities at ``x`` when ``know_cut_activity`` says
            so.

    Returns:
        outcome: ``PROVEN``: the gap is within tolerance; ``BOUNDED``: there is a bound;
        ``NO_BOUND``. A point that costs less
            than the bound, because it misses its rows within the simplex' tolerance, takes nothing
            from the bound.
        bound: the dual objective, lowered by what rounding may have added; minus infinity without
        one. gap: cost of the point less the bound; infinite where the point is not feasible.
    """
    starts, indices, values, cost = program.starts, program.indices, program.values, program.cost
    lower, upper = program.lower, program.upper
    n, m_static = cost.shape[0], row_lower.shape[0]
    bound, magnitude, is_known = _clean_row_duals(row_lower, row_upper, y)
    if not is_known:
        return NO_BOUND, -np.inf, np.inf
    for i in range(m_static):
        activity[i] = 0.0
    value = least = 0.0
    for j in range(n):
        total, xj = cost[j], x[j]
        size = abs(total)
        value += total * xj
        if total != 0.0:
            least += total * lower[j] if total > 0.0 else total * upper[j]
        for p in range(Index(starts[j]), Index(starts[j + 1])):
            i, entry = Index(indices[p]), values[p]
            term = y[i] * entry
            total -= term
            size += abs(term)
            activity[i] += xj * entry
        reduced[j], sizes[j] = total, size
    added, size, is_known = _add_cuts(program, m_static, cut_lower, y, reduced, sizes)
    if not is_known:
        return NO_BOUND, -np.inf, np.inf
    bound, magnitude = bound + added, magnitude + size
    if not know_cut_activity:
        cut_activities(program.cut_columns, program.cut_entries, program.n_cuts, x, cut_activity)
    is_feasible = _is_feasible(program, row_lower, row_upper, cut_lower, x, activity, cut_activity)
    # what is paid beyond the least that must be paid; a little more, for the point meets its rows
    # within tolerances only
    most_cost = np.inf
    if is_feasible and least > -np.inf:
        most_cost = (value - least) + FEASIBILITY_TOLERANCE * (abs(value) + abs(least) + program.money)
    added, size, is_known = _charge_columns(program, x, reduced, sizes, most_cost)
    if not is_known:
        return NO_BOUND, -np.inf, np.inf
    bound += added
    bound -= _ROUND_OFF * (magnitude + size)
    if not is_feasible:
        return BOUNDED, bound, np.inf
    gap = value - bound
    tolerance = OBJECTIVE_TOLERANCE * abs(bound) + MONEY_TOLERANCE * program.money + TERM_TOLERANCE * (magnitude + size)
    if gap > tolerance:
        return BOUNDED, bound, gap
    if gap >= -tolerance:
        return PROVEN, bound, gap
    # the point costs less than anything feasible can: by what its rows and bounds are missed within
    # the simplex' tolerance?
    duals = 0.0
    for i in range(m_static + program.n_cuts):
        duals += abs(y[i])
    for j in range(n):
        duals += abs(reduced[j])
    return PROVEN if -gap <= tolerance + PRIMAL_TOLERANCE * duals else BOUNDED, bound, gap
