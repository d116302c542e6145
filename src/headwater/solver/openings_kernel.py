"""The compiled inner loop: one program, one starting basis, many right-hand sides; every answer is proven before it is used.

All openings of a trial start from the same basis and differ in row bounds only. HiGHS factorises that basis once (it is not
run); each opening is then re-optimised by a dual simplex of our own on that factorisation, and its result is proven from the
matrix, the bounds and the costs alone, never from the factorisation. What is not proven is left to the caller, who asks HiGHS.

Variables ``0 .. n-1`` are the columns of the program, ``n .. n+m-1`` are the negated row activities, so that every row reads
``A x + z = 0``; the basis column of a row variable is a unit vector, as in HiGHS' basis solves. Rows are the static ones, then the
appended ones, which share one set of columns and are kept dense.

Numba caches this file by its own source only, so everything the loop calls lives here. Functions return status codes and never
raise.
"""


from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from headwater.solver.highs_library import SYMBOL_PREFIX, highs_library

highs_library()  # registers the symbols that the declarations below refer to

_pointer, _int = types.uintp, types.int32


def _external(name: str, signature: Any) -> types.ExternalFunction:
    return types.ExternalFunction(SYMBOL_PREFIX + name, signature)


_clear_solver = _external("Highs_clearSolver", _int(_pointer))
_set_basis = _external("Highs_setBasis", _int(_pointer, _pointer, _pointer))
_get_basis = _external("Highs_getBasis", _int(_pointer, _pointer, _pointer))
_get_basic_variables = _external("Highs_getBasicVariables", _int(_pointer, _pointer))
_basis_solve = _external("Highs_getBasisSolve", _int(_pointer, _pointer, _pointer, _pointer, _pointer))
_basis_transpose_solve = _external("Highs_getBasisTransposeSolve", _int(_pointer, _pointer, _pointer, _pointer, _pointer))
_change_row_bounds = _external("Highs_changeRowsBoundsByRange", _int(_pointer, _int, _int, _pointer, _pointer))
_run = _external("Highs_run", _int(_pointer))
_model_status = _external("Highs_getModelStatus", _int(_pointer))
_get_solution = _external("Highs_getSolution", _int(_pointer, _pointer, _pointer, _pointer, _pointer))

OPTIMAL = 7
"""HiGHS' model status of a solved program."""

PROVEN = 0
NOT_PROVEN = -1
"""The certificate refused the result."""
CAP_REACHED = -2
"""More pivots than allowed."""
NO_ENTERING = -3
"""No entering variable: probably infeasible; HiGHS decides."""
SMALL_PIVOT = -4
"""The pivot was too small to be trusted."""
DRIFT = -5
"""Row and column computed the same pivot differently: the factorisation has lost accuracy."""
NOT_DUAL_FEASIBLE = -6
"""The starting basis is not dual feasible."""
NO_FACTOR = -7
"""HiGHS could not factorise the starting basis."""

FEASIBILITY_TOLERANCE = 1e-6
SIGN_TOLERANCE = 1e-6
OBJECTIVE_TOLERANCE = 1e-7
ROUNDING_TOLERANCE = 1e-9

_PRIMAL_TOLERANCE = 1e-8
_DUAL_TOLERANCE = 1e-9
_START_DUAL_TOLERANCE = 1e-7
_WIDE_DUAL_TOLERANCE = 1e-7
_SMALLEST_PIVOT = 1e-7
_WANTED_PIVOT = 1e-4
_ZERO = 1e-14
_AT_LOWER, _BASIC, _AT_UPPER, _FREE = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def certify(
    starts, indices, values, cut_columns, cut_rows, n_cuts, cost, lower, upper, row_lower, row_upper, x, y, reduced, activity, magnitude, tolerance
):
    """Prove a solution from the program alone and clean its duals.

    Duals with the wrong sign for an infinite bound are zeroed when tiny. The proof asks for primal feasibility, dual signs, and
    agreement of primal and dual objective; the *dual* objective is returned because it bounds the optimum from below whatever
    the primal noise.

    Returns:
        Whether the solution is proven, and its dual objective.
    """
    n, m = cost.shape[0], row_lower.shape[0]
    m_static = m - n_cuts
    dual_objective = 0.0
    for i in range(m):
        if y[i] > 0.0:
            if row_lower[i] == -np.inf:
                if y[i] > SIGN_TOLERANCE:
                    return False, 0.0
                y[i] = 0.0
            else:
                dual_objective += y[i] * row_lower[i]
        elif y[i] < 0.0:
            if row_upper[i] == np.inf:
                if y[i] < -SIGN_TOLERANCE:
                    return False, 0.0
                y[i] = 0.0
            else:
                dual_objective += y[i] * row_upper[i]
        activity[i] = 0.0
        magnitude[i] = 0.0
    primal_objective = 0.0
    for j in range(n):
        total = cost[j]
        xj = x[j]
        for p in range(starts[j], starts[j + 1]):
            total -= y[indices[p]] * values[p]
            if xj != 0.0:
                term = xj * values[p]
                activity[indices[p]] += term
                magnitude[indices[p]] += abs(term)
        reduced[j] = total
        primal_objective += cost[j] * xj
    n_places = cut_columns.shape[0]
    for c in range(n_cuts):
        i = m_static + c
        yi = y[i]
        if yi != 0.0:
            for p in range(n_places):
                reduced[cut_columns[p]] -= yi * cut_rows[c, p]
        total, size = 0.0, 0.0
        for p in range(n_places):
            term = cut_rows[c, p] * x[cut_columns[p]]
            total += term
            size += abs(term)
        activity[i], magnitude[i] = total, size
    for j in range(n):
        d = reduced[j]
        slack = FEASIBILITY_TOLERANCE + ROUNDING_TOLERANCE * abs(x[j])
        if not (lower[j] - slack <= x[j] <= upper[j] + slack):
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
    for i in range(m):
        # a row whose terms cancel is known to the rounding of its terms only
        slack = FEASIBILITY_TOLERANCE + ROUNDING_TOLERANCE * magnitude[i]
        if not (row_lower[i] - slack <= activity[i] <= row_upper[i] + slack):
            return False, 0.0
    gap = abs(dual_objective - primal_objective)
    return gap <= tolerance * max(1.0, abs(primal_objective)), dual_objective


@njit(cache=True, nogil=True)
def run_highs(
    highs, use_basis, column_status, row_status, starts, indices, values, cut_columns, cut_rows, n_cuts, cost, lower, upper,
    row_lower, row_upper, x, y, reduced, activity, magnitude
):
    """Ask HiGHS for one opening, from a cleared solver and the given basis; returns outcome and objective."""
    m = row_lower.shape[0]
    _clear_solver(highs)
    if use_basis:
        _set_basis(highs, column_status.ctypes.data, row_status.ctypes.data)
    _change_row_bounds(highs, 0, m - 1, row_lower.ctypes.data, row_upper.ctypes.data)
    _run(highs)
    status = _model_status(highs)
    if status != OPTIMAL:
        return status, 0.0
    _get_solution(highs, x.ctypes.data, 0, 0, y.ctypes.data)
    proven, objective = certify(
        starts, indices, values, cut_columns, cut_rows, n_cuts, cost, lower, upper, row_lower, row_upper, x, y, reduced, activity,
        magnitude, OBJECTIVE_TOLERANCE
    )
    return PROVEN if proven else NOT_PROVEN, objective


@njit(cache=True, nogil=True)
def _forward_solve(highs, rhs, out, n_etas, eta_row, eta_start, eta_index, eta_value, eta_pivot):
    """``out = B^-1 rhs`` for the factorised basis with product-form updates."""
    _basis_solve(highs, rhs.ctypes.data, out.ctypes.data, 0, 0)
    for k in range(n_etas):
        r = eta_row[k]
        value = out[r]
        if value != 0.0:
            value /= eta_pivot[k]
            for p in range(eta_start[k], eta_start[k + 1]):
                out[eta_index[p]] -= eta_value[p] * value
            out[r] = value


@njit(cache=True, nogil=True)
def _backward_solve(highs, y, out, n_etas, eta_row, eta_start, eta_index, eta_value, eta_pivot):
    """``out = B^-T y`` for the same basis; ``y`` is overwritten."""
    for k in range(n_etas - 1, -1, -1):
        r = eta_row[k]
        total = 0.0
        for p in range(eta_start[k], eta_start[k + 1]):
            total += eta_value[p] * y[eta_index[p]]
        y[r] = (y[r] - total) / eta_pivot[k]
    _basis_transpose_solve(highs, y.ctypes.data, out.ctypes.data, 0, 0)


@njit(cache=True, nogil=True)
def _load_column(j, n, starts, indices, values, place, cut_columns_dense, n_cuts, m_static, scale, work):
    """Add ``scale`` times the matrix column of variable ``j`` to ``work``."""
    if j >= n:
        work[j - n] += scale
        return
    for p in range(starts[j], starts[j + 1]):
        work[indices[p]] += scale * values[p]
    slot = place[j]
    if slot >= 0:
        for c in range(n_cuts):
            work[m_static + c] += scale * cut_columns_dense[slot, c]


@njit(cache=True, nogil=True)
def _price_row(rho, n, m, m_static, row_starts, row_indices, row_values, cut_columns, cut_rows, where, alpha, touched):
    """Pivot row: ``alpha[j] = rho . a_j`` for nonbasic ``j``; ``touched`` lists where it may be non-zero."""
    n_touched = 0
    n_places = cut_columns.shape[0]
    for i in range(m):
        value = rho[i]
        if abs(value) <= _ZERO:
            continue
        if i < m_static:
            for p in range(row_starts[i], row_starts[i + 1]):
                j = row_indices[p]
                if where[j] < 0:
                    if alpha[j] == 0.0:
                        touched[n_touched] = j
                        n_touched += 1
                        alpha[j] = 1e-300  # marks the place as listed even if the sum passes through zero
                    alpha[j] += value * row_values[p]
        else:
            c = i - m_static
            for p in range(n_places):
                j = cut_columns[p]
                if where[j] < 0 and cut_rows[c, p] != 0.0:
                    if alpha[j] == 0.0:
                        touched[n_touched] = j
                        n_touched += 1
                        alpha[j] = 1e-300
                    alpha[j] += value * cut_rows[c, p]
        if where[n + i] < 0:
            alpha[n + i] = value
            touched[n_touched] = n + i
            n_touched += 1
    return n_touched


@njit(cache=True, nogil=True)
def _choose_entering(n_touched, touched, alpha, sign, d, low, up, xn, slope, tolerance, candidates, flips):
    """Dual ratio test: Harris' tolerance with the largest pivot, flipping boxed variables while that still pays.

    Returns:
        Entering variable (-1: none) and the number of variables to flip, listed in ``flips``.
    """
    n_candidates = 0
    for k in range(n_touched):
        j = touched[k]
        if low[j] == up[j]:
            continue
        a = alpha[j] * sign
        if (a < -1e-9 and xn[j] < up[j]) or (a > 1e-9 and xn[j] > low[j]):
            candidates[n_candidates] = j
            n_candidates += 1
    n_flips = 0
    while n_candidates > 0:
        step = np.inf
        for k in range(n_candidates):
            j = candidates[k]
            step = min(step, (abs(d[j]) + tolerance) / abs(alpha[j]))
        best, largest, change = -1, 0.0, 0.0
        for k in range(n_candidates):
            j = candidates[k]
            size = abs(alpha[j])
            if abs(d[j]) <= step * size:
                change += size * (up[j] - low[j])
                if size > largest:
                    largest, best = size, j
        if not (change < np.inf and slope - change >= 0.0):
            return best, n_flips
        slope -= change
        kept = 0
        for k in range(n_candidates):
            j = candidates[k]
            if abs(d[j]) <= step * abs(alpha[j]):
                flips[n_flips] = j
                n_flips += 1
            else:
                candidates[kept] = j
                kept += 1
        n_candidates = kept
    return -1, n_flips


def scratch_sizes(n: int, m: int, cap: int) -> tuple[int, int]:
    """How many integers and numbers of scratch `solve_openings` needs for ``n`` columns, ``m`` rows and ``cap`` pivots."""
    total = n + m
    return 2 * m + 5 * total + 2 * cap + 3 + (cap + 1) * m, 10 * m + 7 * total + n + cap + 1 + (cap + 1) * m


@njit(cache=True, nogil=True)
def solve_openings(
    highs, column_status, row_status, starts, indices, values, row_starts, row_indices, row_values, place, cut_columns, cut_rows,
    cut_columns_dense, n_cuts, cost, lower, upper, row_lowers, row_uppers, cap, objective, row_dual, primal, outcome, pivots,
    final_column_status, final_row_status, integers, numbers
):
    """Re-optimise every opening from one basis.

    Args:
        highs: address of a HiGHS instance that holds the program.
        column_status, row_status: starting basis, HiGHS codes.
        starts, indices, values: static matrix by column; ``row_*``: the same by row.
        place: ``[column]`` place of a column in the appended rows, -1 elsewhere.
        cut_columns, cut_rows, cut_columns_dense, n_cuts: appended rows ``[row, place]`` and transposed ``[place, row]``.
        row_lowers, row_uppers: ``[opening, row]``.
        cap: pivots allowed per opening.
        objective, row_dual, primal, outcome, pivots: outputs; ``primal`` has one row per opening or a single row of scratch.
        final_column_status, final_row_status: basis after the last opening, where that was proven.
        integers, numbers: scratch of at least `scratch_sizes`.
    """
    n_openings, m = row_lowers.shape
    n = cost.shape[0]
    m_static = m - n_cuts
    total = n + m
    _set_basis(highs, column_status.ctypes.data, row_status.ctypes.data)
    start_basic, basic = integers[0:m], integers[m : 2 * m]
    start_where, where = integers[2 * m : 2 * m + total], integers[2 * m + total : 2 * m + 2 * total]
    used = 2 * m + 2 * total
    touched, candidates = integers[used : used + total], integers[used + total : used + 2 * total]
    flips = integers[used + 2 * total : used + 3 * total]
    used += 3 * total
    eta_row, eta_start = integers[used : used + cap + 1], integers[used + cap + 1 : used + 2 * cap + 3]
    eta_index = integers[used + 2 * cap + 3 :]
    work, rho, column, flipped = numbers[0:m], numbers[m : 2 * m], numbers[2 * m : 3 * m], numbers[3 * m : 4 * m]
    y, weight, xb, base = numbers[4 * m : 5 * m], numbers[5 * m : 6 * m], numbers[6 * m : 7 * m], numbers[7 * m : 8 * m]
    activity, magnitude = numbers[8 * m : 9 * m], numbers[9 * m : 10 * m]
    used = 10 * m
    start_d, d = numbers[used : used + total], numbers[used + total : used + 2 * total]
    start_x, xn = numbers[used + 2 * total : used + 3 * total], numbers[used + 3 * total : used + 4 * total]
    low, up = numbers[used + 4 * total : used + 5 * total], numbers[used + 5 * total : used + 6 * total]
    alpha = numbers[used + 6 * total : used + 7 * total]
    used += 7 * total
    reduced, eta_pivot = numbers[used : used + n], numbers[used + n : used + n + cap + 1]
    eta_value = numbers[used + n + cap + 1 :]
    if _get_basic_variables(highs, start_basic.ctypes.data) != 0:
        outcome[:] = NO_FACTOR
        return
    start_where[:] = -1
    for i in range(m):
        j = start_basic[i]
        start_basic[i] = j if j >= 0 else n - 1 - j
        start_where[start_basic[i]] = i
    base[:] = 0.0
    start_x[:] = 0.0
    alpha[:] = 0.0
    eta_start[0] = 0

    # Duals and nonbasic values of the common basis; they do not depend on the right-hand side.
    for i in range(m):
        work[i] = cost[start_basic[i]] if start_basic[i] < n else 0.0
    _basis_transpose_solve(highs, work.ctypes.data, y.ctypes.data, 0, 0)
    for j in range(n):
        low[j], up[j] = lower[j], upper[j]
        value = cost[j]
        for p in range(starts[j], starts[j + 1]):
            value -= y[indices[p]] * values[p]
        start_d[j] = value
    for c in range(n_cuts):
        yc = y[m_static + c]
        if yc != 0.0:
            for p in range(cut_columns.shape[0]):
                start_d[cut_columns[p]] -= yc * cut_rows[c, p]
    for j in range(n):
        if start_where[j] >= 0:
            start_d[j] = 0.0
            continue
        slope_j = start_d[j]
        if slope_j > _DUAL_TOLERANCE and lower[j] > -np.inf:
            start_x[j] = lower[j]
        elif slope_j < -_DUAL_TOLERANCE and upper[j] < np.inf:
            start_x[j] = upper[j]
        elif abs(slope_j) > _START_DUAL_TOLERANCE:
            outcome[:] = NOT_DUAL_FEASIBLE
            return
        elif column_status[j] == _AT_UPPER and upper[j] < np.inf:
            start_x[j] = upper[j]
        elif lower[j] > -np.inf:
            start_x[j] = lower[j]
        elif upper[j] < np.inf:
            start_x[j] = upper[j]
        if start_x[j] != 0.0:
            _load_column(j, n, starts, indices, values, place, cut_columns_dense, n_cuts, m_static, -start_x[j], base)
    for i in range(m):
        start_d[n + i] = -y[i] if start_where[n + i] < 0 else 0.0

    for w in range(n_openings):
        basic[:] = start_basic
        where[:] = start_where
        d[:] = start_d
        xn[:n] = start_x[:n]
        n_etas = 0
        status = PROVEN
        for i in range(m):
            j = n + i
            low[j], up[j] = -row_uppers[w, i], -row_lowers[w, i]
            work[i] = base[i]
            if where[j] < 0:
                if d[j] > _DUAL_TOLERANCE:
                    z = low[j]
                elif d[j] < -_DUAL_TOLERANCE:
                    z = up[j]
                elif row_status[i] == _AT_UPPER and low[j] > -np.inf:
                    z = low[j]
                else:
                    z = up[j] if up[j] < np.inf else low[j]
                if not (-np.inf < z < np.inf):
                    if abs(d[j]) > _START_DUAL_TOLERANCE:
                        status = NOT_DUAL_FEASIBLE
                    z = low[j] if low[j] > -np.inf else (up[j] if up[j] < np.inf else 0.0)
                xn[j] = z
                work[i] -= z
        n_pivots = 0
        if status == PROVEN:
            _forward_solve(highs, work, xb, 0, eta_row, eta_start, eta_index, eta_value, eta_pivot)
            weight[:] = 1.0
        while status == PROVEN:
            # Leaving row: largest squared infeasibility over its devex weight.
            score, r = 0.0, -1
            for i in range(m):
                j = basic[i]
                gap = max(low[j] - xb[i], xb[i] - up[j])
                if gap > _PRIMAL_TOLERANCE and gap * gap > score * weight[i]:
                    score, r = gap * gap / weight[i], i
            if r < 0:
                break
            if n_pivots >= cap:
                status = CAP_REACHED
                break
            leaving = basic[r]
            to_lower = xb[r] < low[leaving]
            sign = 1.0 if to_lower else -1.0
            slope = low[leaving] - xb[r] if to_lower else xb[r] - up[leaving]
            work[:] = 0.0
            work[r] = 1.0
            _backward_solve(highs, work, rho, n_etas, eta_row, eta_start, eta_index, eta_value, eta_pivot)
            n_touched = _price_row(
                rho, n, m, m_static, row_starts, row_indices, row_values, cut_columns, cut_rows, where, alpha, touched
            )
            entering, n_flips = _choose_entering(
                n_touched, touched, alpha, sign, d, low, up, xn, slope, _DUAL_TOLERANCE, candidates, flips
            )
            if entering >= 0 and abs(alpha[entering]) < _WANTED_PIVOT:
                # a little more dual infeasibility for a pivot that can be trusted
                entering, n_flips = _choose_entering(
                    n_touched, touched, alpha, sign, d, low, up, xn, slope, _WIDE_DUAL_TOLERANCE, candidates, flips
                )
            if entering < 0:
                status = NO_ENTERING
            elif abs(alpha[entering]) < _SMALLEST_PIVOT:
                status = SMALL_PIVOT
            if status == PROVEN:
                if n_flips > 0:
                    work[:] = 0.0
                    for k in range(n_flips):
                        j = flips[k]
                        other = up[j] if xn[j] == low[j] else low[j]
                        _load_column(
                            j, n, starts, indices, values, place, cut_columns_dense, n_cuts, m_static, xn[j] - other, work
                        )
                        xn[j] = other
                    _forward_solve(highs, work, flipped, n_etas, eta_row, eta_start, eta_index, eta_value, eta_pivot)
                    for i in range(m):
                        xb[i] += flipped[i]
                work[:] = 0.0
                _load_column(entering, n, starts, indices, values, place, cut_columns_dense, n_cuts, m_static, 1.0, work)
                _forward_solve(highs, work, column, n_etas, eta_row, eta_start, eta_index, eta_value, eta_pivot)
                pivot = column[r]
                if not abs(pivot - alpha[entering]) <= 1e-7 * (1.0 + abs(pivot)):
                    status = DRIFT
            if status != PROVEN:
                for k in range(n_touched):
                    alpha[touched[k]] = 0.0
                break
            n_pivots += 1
            bound = low[leaving] if to_lower else up[leaving]
            primal_step, dual_step = (xb[r] - bound) / pivot, d[entering] / pivot
            for k in range(n_touched):
                j = touched[k]
                d[j] -= dual_step * alpha[j]
                alpha[j] = 0.0
            d[entering], d[leaving] = 0.0, -dual_step
            end = eta_start[n_etas]
            pivot_weight = weight[r]
            for i in range(m):
                value = column[i]
                if abs(value) > _ZERO:
                    xb[i] -= primal_step * value
                    if i != r:
                        eta_index[end], eta_value[end] = i, value
                        end += 1
                        ratio = value / pivot
                        weight[i] = max(weight[i], ratio * ratio * pivot_weight)
            weight[r] = max(pivot_weight / (pivot * pivot), 1.0)
            eta_row[n_etas], eta_pivot[n_etas] = r, pivot
            n_etas += 1
            eta_start[n_etas] = end
            xb[r], xn[leaving] = xn[entering] + primal_step, bound
            basic[r], where[entering], where[leaving] = entering, r, -1
        pivots[w] = n_pivots
        if status != PROVEN:
            outcome[w] = status
            continue
        x = primal[w] if primal.shape[0] == n_openings else primal[0]
        for i in range(m):
            xn[basic[i]] = xb[i]
        x[:] = xn[:n]
        for i in range(m):
            row_dual[w, i] = -d[n + i] if where[n + i] < 0 else 0.0
        proven, objective[w] = certify(
            starts, indices, values, cut_columns, cut_rows, n_cuts, cost, lower, upper, row_lowers[w], row_uppers[w], x,
            row_dual[w], reduced, activity, magnitude, OBJECTIVE_TOLERANCE
        )
        if not proven:
            # Rounding has piled up over the pivots: recompute the basic values and the duals from the program and try again.
            work[:] = 0.0
            for j in range(total):
                if xn[j] != 0.0:
                    _load_column(j, n, starts, indices, values, place, cut_columns_dense, n_cuts, m_static, -xn[j], work)
            _forward_solve(highs, work, column, n_etas, eta_row, eta_start, eta_index, eta_value, eta_pivot)
            for i in range(m):
                xn[basic[i]] += column[i]
                work[i] = cost[basic[i]] if basic[i] < n else 0.0
            _backward_solve(highs, work, rho, n_etas, eta_row, eta_start, eta_index, eta_value, eta_pivot)
            x[:] = xn[:n]
            for i in range(m):
                row_dual[w, i] = rho[i] if where[n + i] < 0 else 0.0
            proven, objective[w] = certify(
                starts, indices, values, cut_columns, cut_rows, n_cuts, cost, lower, upper, row_lowers[w], row_uppers[w], x,
                row_dual[w], reduced, activity, magnitude, OBJECTIVE_TOLERANCE
            )
        outcome[w] = PROVEN if proven else NOT_PROVEN
    if outcome[n_openings - 1] == PROVEN:
        _statuses(n, m, where, xn, low, up, final_column_status, final_row_status)


@njit(cache=True, nogil=True)
def solve_trials(
    highs, column_statuses, row_statuses, starts, indices, values, row_starts, row_indices, row_values, place, cut_columns,
    cut_rows, cut_columns_dense, n_cuts, cost, lower, upper, row_lower, row_upper, trial_shift, opening_shift, trial_cut,
    opening_cut, cap, objective, row_dual, primal, outcome, pivots, final_column_statuses, final_row_statuses, row_lowers,
    row_uppers, integers, numbers
):
    """`solve_openings` for several trials, each with a basis of its own.

    The right-hand side of a static row is ``bound + trial_shift[trial] + opening_shift[opening]``, that of a cut is
    ``trial_cut[trial] + opening_cut[opening]``.

    Args:
        column_statuses, row_statuses: ``[trial, column]`` and ``[trial, row]`` starting bases.
        row_lower, row_upper: ``[row]`` static bounds.
        trial_shift, trial_cut: ``[trial, row]`` and ``[trial, cut]``.
        opening_shift, opening_cut: ``[opening, row]`` and ``[opening, cut]``.
        objective, row_dual, primal, outcome, pivots: outputs with leading axes ``[trial, opening]``; ``primal`` may have a
            single opening of scratch.
        row_lowers, row_uppers: ``[opening, row]`` scratch.
    """
    n_trials, m_static = trial_shift.shape
    n_openings = opening_shift.shape[0]
    row_uppers[:, m_static:] = np.inf
    for k in range(n_trials):
        for w in range(n_openings):
            for i in range(m_static):
                shift = trial_shift[k, i] + opening_shift[w, i]
                row_lowers[w, i] = row_lower[i] + shift
                row_uppers[w, i] = row_upper[i] + shift
            for c in range(n_cuts):
                row_lowers[w, m_static + c] = trial_cut[k, c] + opening_cut[w, c]
        solve_openings(
            highs, column_statuses[k], row_statuses[k], starts, indices, values, row_starts, row_indices, row_values, place,
            cut_columns, cut_rows, cut_columns_dense, n_cuts, cost, lower, upper, row_lowers, row_uppers, cap, objective[k],
            row_dual[k], primal[k], outcome[k], pivots[k], final_column_statuses[k], final_row_statuses[k], integers, numbers
        )


@njit(cache=True, nogil=True)
def _statuses(n, m, where, xn, low, up, column_status, row_status):
    """The basis in HiGHS' codes; a row is at its lower bound when its variable is at its upper one."""
    for j in range(n):
        if where[j] >= 0:
            column_status[j] = _BASIC
        elif low[j] == -np.inf and up[j] == np.inf:
            column_status[j] = _FREE
        else:
            column_status[j] = _AT_UPPER if xn[j] == up[j] and low[j] < up[j] else _AT_LOWER
    for i in range(m):
        j = n + i
        if where[j] >= 0:
            row_status[i] = _BASIC
        elif low[j] == -np.inf and up[j] == np.inf:
            row_status[i] = _FREE
        else:
            row_status[i] = _AT_UPPER if xn[j] == low[j] and low[j] < up[j] else _AT_LOWER


@njit(cache=True, nogil=True)
def solve_in_turn(
    highs, use_basis, column_status, row_status, starts, indices, values, cut_columns, cut_rows, n_cuts, cost, lower, upper,
    row_lowers, row_uppers, objective, row_dual, primal, outcome, first
):
    """Let HiGHS solve openings ``first`` to the last in order, each from the basis of the one before: the plain way.

    Stops after an opening that is not proven and returns its position, so that the caller can repair it and go on; returns the
    number of openings when all are done.
    """
    n_openings, m = row_lowers.shape
    n = cost.shape[0]
    reduced, activity, magnitude = np.empty(n), np.empty(m), np.empty(m)
    if first == 0:
        _clear_solver(highs)
        if use_basis:
            _set_basis(highs, column_status.ctypes.data, row_status.ctypes.data)
    for w in range(first, n_openings):
        x = primal[w] if primal.shape[0] == n_openings else primal[0]
        y = row_dual[w]
        _change_row_bounds(highs, 0, m - 1, row_lowers[w].ctypes.data, row_uppers[w].ctypes.data)
        _run(highs)
        status = _model_status(highs)
        if status != OPTIMAL:
            outcome[w] = status
            return w
        _get_solution(highs, x.ctypes.data, 0, 0, y.ctypes.data)
        proven, objective[w] = certify(
            starts, indices, values, cut_columns, cut_rows, n_cuts, cost, lower, upper, row_lowers[w], row_uppers[w], x, y,
            reduced, activity, magnitude, OBJECTIVE_TOLERANCE
        )
        outcome[w] = PROVEN if proven else NOT_PROVEN
        if not proven:
            return w
    return n_openings


@njit(cache=True, nogil=True)
def get_basis(highs, column_status, row_status):
    """Read the basis that the instance holds."""
    return _get_basis(highs, column_status.ctypes.data, row_status.ctypes.data)
