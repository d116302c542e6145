"""Proof of a solution from the matrix, the bounds and the costs alone; it knows nothing of how the solution was found."""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

import numpy as np

from headwater.solver.compiled import compiled
from headwater.solver.kernel_constants import FEASIBILITY_TOLERANCE, ROUNDING_TOLERANCE, SIGN_TOLERANCE

_BLOCK = 64
"""Cuts that are looked at together."""


@compiled
def cut_activities(cut_columns, cut_entries, n_cuts, x, activity):
    """``activity[c]`` of every appended row at ``x``; the entries are ``[place, cut]``."""
    n_places = cut_columns.shape[0]
    for c in range(n_cuts):
        activity[c] = 0.0
    # four places at a time: the activities pass through memory less often, the order of every sum stays
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
    """Whether an activity lies within its bounds; a sum whose terms cancel is known to the rounding of its terms only."""
    slack = FEASIBILITY_TOLERANCE + ROUNDING_TOLERANCE * magnitude
    return low - slack <= activity <= up + slack


@compiled
def certify(
    starts, indices, values, cut_columns, cut_entries, n_cuts, cost, lower, upper, row_lower, row_upper, cut_lower, x, y, reduced,
    activity, cut_activity, know_cut_activity, tolerance
):
    """Prove a solution from the program alone and clean its duals.

    Row duals with the wrong sign for an infinite bound are zeroed when tiny; a reduced cost that is tiny and wrong for an
    infinite bound is taken as zero. The proof asks for primal feasibility, dual signs, and agreement of primal and dual
    objective; the *dual* objective is returned because primal noise does not raise it above the optimum.

    Args:
        starts, indices, values: static matrix by column.
        cut_columns, cut_entries, n_cuts: appended rows, entries ``[place, cut]``.
        cost, lower, upper: ``[column]``.
        row_lower, row_upper: ``[static row]``; cut_lower: ``[cut]``, whose upper bounds are infinite.
        x: ``[column]``; y: ``[row]``, cuts last.
        reduced, activity: scratch ``[column]`` and ``[static row]``.
        cut_activity: ``[cut]`` scratch, or the activities at ``x`` when ``know_cut_activity`` says so.
        tolerance: on the gap, relative to the objective.

    Returns:
        Whether the solution is proven, and its dual objective.
    """
    n, m_static = cost.shape[0], row_lower.shape[0]
    dual_objective = 0.0
    for i in range(m_static):
        yi = y[i]
        if yi > 0.0:
            if row_lower[i] == -np.inf:
                if yi > SIGN_TOLERANCE:
                    return False, 0.0
                y[i] = 0.0
            else:
                dual_objective += yi * row_lower[i]
        elif yi < 0.0:
            if row_upper[i] == np.inf:
                if yi < -SIGN_TOLERANCE:
                    return False, 0.0
                y[i] = 0.0
            else:
                dual_objective += yi * row_upper[i]
        elif yi != 0.0:
            return False, 0.0  # not a number
        activity[i] = 0.0
    primal_objective = 0.0
    for j in range(n):
        total = cost[j]
        xj = x[j]
        primal_objective += cost[j] * xj
        for p in range(starts[j], starts[j + 1]):
            total -= y[indices[p]] * values[p]
        if xj != 0.0:
            for p in range(starts[j], starts[j + 1]):
                activity[indices[p]] += xj * values[p]
        reduced[j] = total
    n_places = cut_columns.shape[0]
    for first in range(0, n_cuts, _BLOCK):
        # few cuts have a dual; counting these is done many at a time, so that most blocks are passed over
        last, n_used = min(first + _BLOCK, n_cuts), 0
        for c in range(first, last):
            n_used += y[m_static + c] != 0.0
        if n_used == 0:
            continue
        for c in range(first, last):
            yi = y[m_static + c]
            if yi == 0.0:
                continue
            if yi > 0.0 and cut_lower[c] > -np.inf:
                dual_objective += yi * cut_lower[c]
                for p in range(n_places):
                    reduced[cut_columns[p]] -= yi * cut_entries[p, c]
            elif abs(yi) <= SIGN_TOLERANCE:
                y[m_static + c] = 0.0
            else:
                return False, 0.0  # wrong sign, or not a number
    for j in range(n):
        d = reduced[j]
        xj = x[j]
        slack = FEASIBILITY_TOLERANCE + ROUNDING_TOLERANCE * abs(xj)
        if not (lower[j] - slack <= xj <= upper[j] + slack):
            return False, 0.0
        if d > 0.0:
            if lower[j] > -np.inf:
                dual_objective += d * lower[j]
            elif d > SIGN_TOLERANCE:
                return False, 0.0
        elif d < 0.0:
            if upper[j] < np.inf:
                dual_objective += d * upper[j]
            elif d < -SIGN_TOLERANCE:
                return False, 0.0
        elif d != 0.0:
            return False, 0.0  # not a number
    gap = abs(dual_objective - primal_objective)
    if not gap <= tolerance * max(1.0, abs(primal_objective)):
        return False, 0.0
    for i in range(m_static):
        if not _within(activity[i], row_lower[i], row_upper[i], 0.0):
            magnitude = 0.0
            for j in range(n):
                for p in range(starts[j], starts[j + 1]):
                    if indices[p] == i:
                        magnitude += abs(values[p] * x[j])
            if not _within(activity[i], row_lower[i], row_upper[i], magnitude):
                return False, 0.0
    if not know_cut_activity:
        cut_activities(cut_columns, cut_entries, n_cuts, x, cut_activity)
    n_doubtful = 0
    for c in range(n_cuts):
        n_doubtful += not cut_activity[c] >= cut_lower[c] - FEASIBILITY_TOLERANCE
    if n_doubtful == 0:
        return True, dual_objective
    for c in range(n_cuts):
        if not cut_activity[c] >= cut_lower[c] - FEASIBILITY_TOLERANCE:
            magnitude = 0.0
            for p in range(n_places):
                magnitude += abs(cut_entries[p, c] * x[cut_columns[p]])
            if not _within(cut_activity[c], cut_lower[c], np.inf, magnitude):
                return False, 0.0
    return True, dual_objective
