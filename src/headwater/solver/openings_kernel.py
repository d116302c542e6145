"""The compiled inner loop: one program, one starting basis, many right-hand sides; every answer is proven before it is used.

All openings of a trial start from the same basis and differ in row bounds only. The basis is factorised once, over the static
rows and the cuts that are tight in it; each opening is re-optimised from there by a dual simplex, to which the cuts join that it
turns out to violate. Every result is then proven on the whole program, from its matrix, bounds and costs alone, never from the
factorisation. What is not proven is left to the caller, who asks HiGHS.

Variables ``0 .. n-1`` are the columns of the program, ``n .. n+m-1`` are the negated row activities, so that every row reads
``A x + z = 0`` and the column of a row variable is a unit vector. Rows are the static ones, then the appended ones (cuts), which
share one set of columns and are kept dense.

Numba caches this file by its own source only, so everything the loop calls lives here. Functions return status codes and never
raise.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from typing import Any, NamedTuple

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
"""The starting basis is singular, of the wrong size, or too large to factorise here."""

FEASIBILITY_TOLERANCE = 1e-6
SIGN_TOLERANCE = 1e-7
OBJECTIVE_TOLERANCE = 1e-7
ROUNDING_TOLERANCE = 1e-9

_PRIMAL_TOLERANCE = 1e-8
_DUAL_TOLERANCE = 1e-9
_START_DUAL_TOLERANCE = 1e-7
_WIDE_DUAL_TOLERANCE = 1e-7
_SMALLEST_PIVOT = 1e-7
_WANTED_PIVOT = 1e-4
_ZERO = 1e-14
_SMALLEST_SINGLETON = 1e-7
_SMALLEST_CORE_PIVOT = 1e-8
_CUT_TOLERANCE = 1e-9
_ROUNDING = 1e-10
_AT_LOWER, _BASIC, _AT_UPPER, _FREE = 0, 1, 2, 3
_SLACK = -2
"""Place of the variable of a cut that is not among the working rows."""

LARGEST_CORE = 400
"""Largest part of a basis that is left after peeling singletons; beyond it HiGHS' factorisation does better."""


class Scratch(NamedTuple):
    """Arrays that `solve_openings` works in; see `make_scratch`."""

    work: Any
    rho: Any
    column: Any
    flipped: Any
    y: Any
    weight: Any
    xb: Any
    base: Any
    core_work: Any
    core_pivot: Any
    reduced: Any
    activity: Any
    magnitude: Any
    cut_activity: Any
    start_d: Any
    d: Any
    start_x: Any
    xn: Any
    low: Any
    up: Any
    alpha: Any
    start_where: Any
    where: Any
    touched: Any
    candidates: Any
    flips: Any
    where_row: Any
    working_cut: Any
    start_basic: Any
    basic: Any
    step_row: Any
    step_is_row: Any
    step_start: Any
    step_index: Any
    step_value: Any
    step_pivot: Any
    b_start: Any
    b_index: Any
    b_value: Any
    head: Any
    peeled_row: Any
    peeled_column: Any
    peeled_at: Any
    core_row: Any
    core_column: Any
    core: Any
    l_start: Any
    l_index: Any
    l_value: Any
    u_start: Any
    u_index: Any
    u_value: Any
    factor_work: Any


def make_scratch(n: int, m_static: int, n_cuts: int, n_places: int, n_entries: int, cap: int) -> Scratch:
    """Room for a program and the pivots of one opening.

    Args:
        n: columns.
        m_static: static rows.
        n_cuts: appended rows.
        n_places: columns of the appended rows.
        n_entries: entries of the static matrix.
        cap: pivots allowed per opening.
    """
    room = min(n_cuts, 100 + 2 * n_places)
    width, m, total = m_static + room, m_static + n_cuts, n + m_static + n_cuts
    core = min(width, LARGEST_CORE)
    entries = n_entries + room * n_places + width
    steps = 2 * cap + 2
    ints, reals = np.int32, np.float64
    arrays = [
        *(np.empty(width, reals) for _ in range(8)), *(np.empty(core, reals) for _ in range(2)), np.empty(n, reals),
        *(np.empty(m, reals) for _ in range(2)), np.empty(n_cuts, reals), *(np.empty(total, reals) for _ in range(7)),
        *(np.empty(total, ints) for _ in range(5)), np.empty(m, ints), np.empty(room, ints),
        *(np.empty(width, ints) for _ in range(2)), np.empty(steps, ints), np.empty(steps, np.bool_), np.empty(steps + 1, ints),
        np.empty(steps * width, ints), np.empty(steps * width, reals), np.empty(steps, reals), np.empty(width + 1, ints),
        np.empty(entries, ints), np.empty(entries, reals), np.zeros(4, ints), *(np.empty(width, ints) for _ in range(5)),
        np.empty(core * core, reals), np.empty(core + 1, ints), np.empty(core * core, ints), np.empty(core * core, reals),
        np.empty(core + 1, ints), np.empty(core * core, ints), np.empty(core * core, reals),
        np.empty(9 * width + 2 + entries, ints),
    ]
    return Scratch._make(arrays)


@njit(cache=True, nogil=True)
def certify(
    starts, indices, values, cut_columns, cut_rows, n_cuts, cost, lower, upper, row_lower, row_upper, x, y, reduced, activity, magnitude, tolerance
):
    """Prove a solution from the program alone and clean its duals.

    Row duals with the wrong sign for an infinite bound are zeroed when tiny; a reduced cost that is tiny and wrong for an
    infinite bound is taken as zero. The proof asks for primal feasibility, dual signs, and agreement of primal and dual
    objective; the *dual* objective is returned because primal noise does not raise it above the optimum.

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
    if use_basis and _set_basis(highs, column_status.ctypes.data, row_status.ctypes.data) != 0:
        _clear_solver(highs)
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


# --- factorisation -----------------------------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _factorise(k, b_start, b_index, b_value, head, peeled_row, peeled_column, peeled_at, core_row, core_column, core, core_pivot,
               l_start, l_index, l_value, u_start, u_index, u_value, work):
    """Factorise a basis matrix given by columns: singletons are peeled off, the core is eliminated with sparse factors.

    First columns that come to have one row left (their pivots form an upper triangle), then rows that come to have one column
    left (a lower triangle). What remains is the core. Solves need only the columns of the basis and the factors of the core.

    Args:
        k: dimension; ``b_*``: the matrix.
        head: output, ``[4]``: peeled columns, peeled columns and rows, size of the core, 1 if regular.
        peeled_row, peeled_column, peeled_at: rows, columns and entries of the peeled pivots, in order.
        core_row, core_column, core_pivot: rows (in pivot order) and columns of the core and its pivots.
        core: dense scratch ``[k * k]``; ``l_*``, ``u_*``: factors of the core by column, in pivot positions.
        work: int32 scratch of ``9 k + 2 + entries``.

    Returns:
        Whether the basis is regular and its core fits the scratch.
    """
    entries = b_start[k]
    row_count, column_count = work[0:k], work[k : 2 * k]
    row_active, column_active = work[2 * k : 3 * k], work[3 * k : 4 * k]
    row_start, stack, place = work[4 * k : 5 * k + 1], work[5 * k + 1 : 7 * k + 1], work[7 * k + 1 : 8 * k + 1]
    row_columns = work[8 * k + 1 : 8 * k + 1 + entries]
    row_count[:] = 0
    for p in range(entries):
        row_count[b_index[p]] += 1
    row_start[0] = 0
    for i in range(k):
        row_start[i + 1] = row_start[i] + row_count[i]
        row_count[i] = 0
        row_active[i] = 1
        column_active[i] = 1
    for c in range(k):
        column_count[c] = b_start[c + 1] - b_start[c]
        for p in range(b_start[c], b_start[c + 1]):
            i = b_index[p]
            row_columns[row_start[i] + row_count[i]] = c
            row_count[i] += 1
    n_peeled, n_stack = 0, 0
    for c in range(k):
        if column_count[c] == 1:
            stack[n_stack] = c
            n_stack += 1
    while n_stack > 0:
        n_stack -= 1
        c = stack[n_stack]
        if column_active[c] == 0:
            continue
        at = -1
        for p in range(b_start[c], b_start[c + 1]):
            if row_active[b_index[p]] == 1:
                at = p
                break
        if at < 0 or abs(b_value[at]) < _SMALLEST_SINGLETON:
            continue
        r = b_index[at]
        peeled_row[n_peeled], peeled_column[n_peeled], peeled_at[n_peeled] = r, c, at
        n_peeled += 1
        column_active[c], row_active[r] = 0, 0
        for p in range(row_start[r], row_start[r + 1]):
            other = row_columns[p]
            if column_active[other] == 1:
                column_count[other] -= 1
                if column_count[other] == 1:
                    stack[n_stack] = other
                    n_stack += 1
    head[0] = n_peeled
    for i in range(k):
        row_count[i] = 0
        if row_active[i] == 1:
            for p in range(row_start[i], row_start[i + 1]):
                row_count[i] += column_active[row_columns[p]]
            if row_count[i] == 1:
                stack[n_stack] = i
                n_stack += 1
    while n_stack > 0:
        n_stack -= 1
        r = stack[n_stack]
        if row_active[r] == 0:
            continue
        c = -1
        for p in range(row_start[r], row_start[r + 1]):
            if column_active[row_columns[p]] == 1:
                c = row_columns[p]
                break
        if c < 0:
            continue
        at = -1
        for p in range(b_start[c], b_start[c + 1]):
            if b_index[p] == r:
                at = p
                break
        if abs(b_value[at]) < _SMALLEST_SINGLETON:
            continue
        peeled_row[n_peeled], peeled_column[n_peeled], peeled_at[n_peeled] = r, c, at
        n_peeled += 1
        column_active[c], row_active[r] = 0, 0
        for p in range(b_start[c], b_start[c + 1]):
            i = b_index[p]
            if row_active[i] == 1:
                row_count[i] -= 1
                if row_count[i] == 1:
                    stack[n_stack] = i
                    n_stack += 1
    head[1] = n_peeled
    # The core, columns with few entries first.
    size = k - n_peeled
    head[2], head[3] = size, 0
    if size > LARGEST_CORE:
        return False
    n_found = 0
    for i in range(k):
        place[i] = -1
        if row_active[i] == 1:
            core_row[n_found] = i
            place[i] = n_found
            n_found += 1
    n_found = 0
    for c in range(k):
        if column_active[c] == 1:
            column_count[c] = 0
            for p in range(b_start[c], b_start[c + 1]):
                column_count[c] += row_active[b_index[p]]
            slot = n_found  # insertion sort: cores are small
            while slot > 0 and column_count[core_column[slot - 1]] > column_count[c]:
                core_column[slot] = core_column[slot - 1]
                slot -= 1
            core_column[slot] = c
            n_found += 1
    for s in range(size * size):
        core[s] = 0.0
    for s in range(size):
        c = core_column[s]
        for p in range(b_start[c], b_start[c + 1]):
            if place[b_index[p]] >= 0:
                core[place[b_index[p]] * size + s] = b_value[p]
    order, nonzero = stack[0:size], column_count[0:size]  # order[s]: dense row that is pivot s
    for s in range(size):
        order[s] = s
    for s in range(size):
        largest = 0.0
        for t in range(s, size):
            largest = max(largest, abs(core[order[t] * size + s]))
        if largest < _SMALLEST_CORE_PIVOT:
            return False
        best, best_count = -1, 0
        for t in range(s, size):
            if abs(core[order[t] * size + s]) >= 0.1 * largest:
                count = 0
                for q in range(s, size):
                    count += core[order[t] * size + q] != 0.0
                if best < 0 or count < best_count:
                    best, best_count = t, count
        order[s], order[best] = order[best], order[s]
        row = order[s] * size
        pivot = core[row + s]
        n_nonzero = 0
        for q in range(s + 1, size):
            if core[row + q] != 0.0:
                nonzero[n_nonzero] = q
                n_nonzero += 1
        for t in range(s + 1, size):
            other = order[t] * size
            if core[other + s] != 0.0:
                factor = core[other + s] / pivot
                core[other + s] = factor
                for q in range(n_nonzero):
                    core[other + nonzero[q]] -= factor * core[row + nonzero[q]]
    n_lower = n_upper = 0
    l_start[0], u_start[0] = 0, 0
    for s in range(size):
        for t in range(size):
            value = core[order[t] * size + s]
            if value == 0.0 or t == s:
                continue
            if t > s:
                l_index[n_lower], l_value[n_lower] = t, value
                n_lower += 1
            else:
                u_index[n_upper], u_value[n_upper] = t, value
                n_upper += 1
        l_start[s + 1], u_start[s + 1] = n_lower, n_upper
        core_pivot[s] = core[order[s] * size + s]
    for s in range(size):
        place[s] = core_row[order[s]]
    for s in range(size):
        core_row[s] = place[s]
    head[3] = 1
    return True


@njit(cache=True, nogil=True)
def _solve_basis(s, vector, out):
    """``B x = vector`` for the factorised basis; ``vector`` (by row) is overwritten, ``out`` is by position."""
    b_index, b_start, b_value, core_column, core_pivot = s.b_index, s.b_start, s.b_value, s.core_column, s.core_pivot
    core_row, core_work, head, l_index, l_start = s.core_row, s.core_work, s.head, s.l_index, s.l_start
    l_value, peeled_at, peeled_column, peeled_row, u_index = s.l_value, s.peeled_at, s.peeled_column, s.peeled_row, s.u_index
    u_start, u_value = s.u_start, s.u_value
    n_upper, n_peeled, size = head[0], head[1], head[2]
    for q in range(n_upper, n_peeled):
        c, at = peeled_column[q], peeled_at[q]
        value = vector[peeled_row[q]]
        if value != 0.0:
            value /= b_value[at]
            for p in range(b_start[c], b_start[c + 1]):
                vector[b_index[p]] -= value * b_value[p]
        out[c] = value
    if size > 0:
        core = core_work
        for q in range(size):
            core[q] = vector[core_row[q]]
        for q in range(size):
            value = core[q]
            if value != 0.0:
                for p in range(l_start[q], l_start[q + 1]):
                    core[l_index[p]] -= l_value[p] * value
        for q in range(size - 1, -1, -1):
            value = core[q]
            c = core_column[q]
            if value != 0.0:
                value /= core_pivot[q]
                for p in range(u_start[q], u_start[q + 1]):
                    core[u_index[p]] -= u_value[p] * value
                for p in range(b_start[c], b_start[c + 1]):
                    vector[b_index[p]] -= value * b_value[p]
            out[c] = value
    for q in range(n_upper - 1, -1, -1):
        c, at = peeled_column[q], peeled_at[q]
        value = vector[peeled_row[q]]
        if value != 0.0:
            value /= b_value[at]
            for p in range(b_start[c], b_start[c + 1]):
                vector[b_index[p]] -= value * b_value[p]
        out[c] = value


@njit(cache=True, nogil=True)
def _solve_transposed_basis(s, k, vector, out):
    """``B^T y = vector`` for the factorised basis; ``vector`` is by position, ``out`` by row."""
    b_index, b_start, b_value, core_column, core_pivot = s.b_index, s.b_start, s.b_value, s.core_column, s.core_pivot
    core_row, core_work, head, l_index, l_start = s.core_row, s.core_work, s.head, s.l_index, s.l_start
    l_value, peeled_at, peeled_column, peeled_row, u_index = s.l_value, s.peeled_at, s.peeled_column, s.peeled_row, s.u_index
    u_start, u_value = s.u_start, s.u_value
    n_upper, n_peeled, size = head[0], head[1], head[2]
    out[:k] = 0.0
    for q in range(n_upper):
        c, at = peeled_column[q], peeled_at[q]
        total = vector[c]
        for p in range(b_start[c], b_start[c + 1]):
            total -= out[b_index[p]] * b_value[p]  # the pivot row is still zero
        if total != 0.0:
            out[peeled_row[q]] = total / b_value[at]
    if size > 0:
        core = core_work
        for q in range(size):
            c = core_column[q]
            total = vector[c]
            for p in range(b_start[c], b_start[c + 1]):
                total -= out[b_index[p]] * b_value[p]
            for p in range(u_start[q], u_start[q + 1]):
                total -= u_value[p] * core[u_index[p]]
            core[q] = total / core_pivot[q]
        for q in range(size - 1, -1, -1):
            total = core[q]
            for p in range(l_start[q], l_start[q + 1]):
                total -= l_value[p] * core[l_index[p]]
            core[q] = total
        for q in range(size):
            out[core_row[q]] = core[q]
    for q in range(n_peeled - 1, n_upper - 1, -1):
        c, at = peeled_column[q], peeled_at[q]
        total = vector[c]
        for p in range(b_start[c], b_start[c + 1]):
            total -= out[b_index[p]] * b_value[p]
        if total != 0.0:
            out[peeled_row[q]] = total / b_value[at]


@njit(cache=True, nogil=True)
def _forward_solve(s, k, width, n_steps, vector, out):
    """``x = B^-1 vector`` for the current basis of ``width`` rows: the factorised one, then the steps since.

    A step either replaces a column (product form) or appends a row whose own variable is basic.
    """
    step_index, step_is_row, step_pivot, step_row, step_start = s.step_index, s.step_is_row, s.step_pivot, s.step_row, s.step_start
    step_value = s.step_value
    _solve_basis(s, vector, out)
    for i in range(k, width):
        out[i] = vector[i]
    for q in range(n_steps):
        r = step_row[q]
        if step_is_row[q]:
            total = out[r]
            for p in range(step_start[q], step_start[q + 1]):
                total -= step_value[p] * out[step_index[p]]
            out[r] = total
            continue
        value = out[r]
        if value != 0.0:
            value /= step_pivot[q]
            for p in range(step_start[q], step_start[q + 1]):
                out[step_index[p]] -= step_value[p] * value
            out[r] = value


@njit(cache=True, nogil=True)
def _backward_solve(s, k, width, n_steps, vector, out):
    """``y = B^-T vector`` for the current basis; ``vector`` is overwritten."""
    step_index, step_is_row, step_pivot, step_row, step_start = s.step_index, s.step_is_row, s.step_pivot, s.step_row, s.step_start
    step_value = s.step_value
    for q in range(n_steps - 1, -1, -1):
        r = step_row[q]
        if step_is_row[q]:
            value = vector[r]
            if value != 0.0:
                for p in range(step_start[q], step_start[q + 1]):
                    vector[step_index[p]] -= step_value[p] * value
            continue
        total = vector[r]
        for p in range(step_start[q], step_start[q + 1]):
            total -= step_value[p] * vector[step_index[p]]
        vector[r] = total / step_pivot[q]
    _solve_transposed_basis(s, k, vector, out)
    for i in range(k, width):
        out[i] = vector[i]


# --- dual simplex ------------------------------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _load_column(j, n, m_static, starts, indices, values, place, cut_columns_dense, width, working_cut, where_row, scale, vector):
    """Add ``scale`` times the column of variable ``j``, over the working rows, to ``vector``."""
    if j >= n:
        vector[where_row[j - n]] += scale
        return
    for p in range(starts[j], starts[j + 1]):
        vector[indices[p]] += scale * values[p]
    slot = place[j]
    if slot >= 0:
        for r in range(m_static, width):
            vector[r] += scale * cut_columns_dense[slot, working_cut[r - m_static]]


@njit(cache=True, nogil=True)
def _price_row(rho, n, m_static, width, row_starts, row_indices, row_values, cut_columns, cut_rows, working_cut, where, alpha, touched):
    """Pivot row: ``alpha[j] = rho . a_j`` for nonbasic ``j``; ``touched`` lists where it may be non-zero."""
    n_touched = 0
    n_places = cut_columns.shape[0]
    for r in range(width):
        value = rho[r]
        if abs(value) <= _ZERO:
            continue
        if r < m_static:
            logical = n + r
            for p in range(row_starts[r], row_starts[r + 1]):
                j = row_indices[p]
                if where[j] < 0:
                    if alpha[j] == 0.0:
                        touched[n_touched] = j
                        n_touched += 1
                    alpha[j] += value * row_values[p]
                    if alpha[j] == 0.0:
                        alpha[j] = 1e-300  # listed already, though the sum has come back to zero
        else:
            c = working_cut[r - m_static]
            logical = n + m_static + c
            for p in range(n_places):
                j = cut_columns[p]
                if where[j] < 0 and cut_rows[c, p] != 0.0:
                    if alpha[j] == 0.0:
                        touched[n_touched] = j
                        n_touched += 1
                    alpha[j] += value * cut_rows[c, p]
                    if alpha[j] == 0.0:
                        alpha[j] = 1e-300
        if where[logical] < 0:
            alpha[logical] = value
            touched[n_touched] = logical
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


@njit(cache=True, nogil=True)
def _most_violated_cut(n_cuts, cut_columns, cut_columns_dense, row_lower, m_static, where_row, where, xb, xn, s):
    """The cut outside the working rows that is violated most, relative to its right-hand side; -1 when none is."""
    cut_activity = s.cut_activity
    activity = cut_activity
    for c in range(n_cuts):
        activity[c] = 0.0
    for p in range(cut_columns.shape[0]):
        j = cut_columns[p]
        value = xb[where[j]] if where[j] >= 0 else xn[j]
        if value != 0.0:
            row = cut_columns_dense[p]
            for c in range(n_cuts):
                activity[c] += row[c] * value
    worst, at = 1.0, -1
    for c in range(n_cuts):
        bound = row_lower[m_static + c]
        gap = bound - activity[c]
        if gap > 0.0:
            gap /= _CUT_TOLERANCE * (1.0 + abs(bound))
            if gap > worst and where_row[m_static + c] < 0:
                worst, at = gap, c
    return at


@njit(cache=True, nogil=True)
def solve_openings(
    column_status, row_status, starts, indices, values, row_starts, row_indices, row_values, place, cut_columns, cut_rows,
    cut_columns_dense, n_cuts, cost, lower, upper, row_lowers, row_uppers, cap, objective, row_dual, primal, outcome, pivots,
    final_column_status, final_row_status, s
):
    """Re-optimise every opening from one basis.

    Only the static rows and the cuts that are tight in the basis are worked with; a cut that the optimum of these violates
    joins them, until none is violated. The answer is that of the whole program, and is proven on the whole program.

    Args:
        column_status, row_status: starting basis, HiGHS codes.
        starts, indices, values: static matrix by column; ``row_*``: the same by row.
        place: ``[column]`` place of a column in the appended rows, -1 elsewhere.
        cut_columns, cut_rows, cut_columns_dense, n_cuts: appended rows ``[row, place]`` and transposed ``[place, row]``.
        row_lowers, row_uppers: ``[opening, row]``.
        cap: pivots allowed per opening.
        objective, row_dual, primal, outcome, pivots: outputs; ``primal`` has one row per opening or a single row of scratch.
        final_column_status, final_row_status: basis after the last opening, where that was proven.
        s: `Scratch` for a program of at least this size.
    """
    activity, alpha, b_index, b_start, b_value = s.activity, s.alpha, s.b_index, s.b_start, s.b_value
    base, basic, candidates, column, core = s.base, s.basic, s.candidates, s.column, s.core
    core_column, core_pivot, core_row, cut_activity, d = s.core_column, s.core_pivot, s.core_row, s.cut_activity, s.d
    factor_work, flipped, flips, head, l_index = s.factor_work, s.flipped, s.flips, s.head, s.l_index
    l_start, l_value, low, magnitude, peeled_at = s.l_start, s.l_value, s.low, s.magnitude, s.peeled_at
    peeled_column, peeled_row, reduced, rho, start_basic = s.peeled_column, s.peeled_row, s.reduced, s.rho, s.start_basic
    start_d, start_where, start_x, step_index, step_is_row = s.start_d, s.start_where, s.start_x, s.step_index, s.step_is_row
    step_pivot, step_row, step_start, step_value, touched = s.step_pivot, s.step_row, s.step_start, s.step_value, s.touched
    u_index, u_start, u_value, up, weight = s.u_index, s.u_start, s.u_value, s.up, s.weight
    where, where_row, work, working_cut, xb = s.where, s.where_row, s.work, s.working_cut, s.xb
    xn, y = s.xn, s.y
    n_openings, m = row_lowers.shape
    n = cost.shape[0]
    m_static = m - n_cuts
    total = n + m
    room = working_cut.shape[0]

    # Working rows and the basis over them.
    n_tight = 0
    for i in range(m):
        where_row[i] = i if i < m_static else -1
        start_where[n + i] = _SLACK if i >= m_static else -1
    for c in range(n_cuts):
        if row_status[m_static + c] != _BASIC:
            if n_tight >= room:
                outcome[:] = NO_FACTOR
                return
            working_cut[n_tight] = c
            where_row[m_static + c] = m_static + n_tight
            start_where[n + m_static + c] = -1
            n_tight += 1
    k = m_static + n_tight
    n_basic = n_entries = 0
    for j in range(n + m_static):
        if j < n:
            start_where[j] = -1
        status = column_status[j] if j < n else row_status[j - n]
        if status != _BASIC:
            continue
        if n_basic >= k:
            outcome[:] = NO_FACTOR
            return
        start_basic[n_basic], start_where[j] = j, n_basic
        b_start[n_basic] = n_entries
        if j >= n:
            b_index[n_entries], b_value[n_entries] = j - n, 1.0
            n_entries += 1
        else:
            for p in range(starts[j], starts[j + 1]):
                b_index[n_entries], b_value[n_entries] = indices[p], values[p]
                n_entries += 1
            slot = place[j]
            if slot >= 0:
                for r in range(n_tight):
                    value = cut_rows[working_cut[r], slot]
                    if value != 0.0:
                        b_index[n_entries], b_value[n_entries] = m_static + r, value
                        n_entries += 1
        n_basic += 1
    b_start[n_basic] = n_entries
    if n_basic != k or not _factorise(
        k, b_start, b_index, b_value, head, peeled_row, peeled_column, peeled_at, core_row, core_column, core,
        core_pivot, l_start, l_index, l_value, u_start, u_index, u_value, factor_work
    ):
        outcome[:] = NO_FACTOR
        return

    # Duals and nonbasic values of the common basis; they do not depend on the right-hand side.
    for i in range(k):
        work[i] = cost[start_basic[i]] if start_basic[i] < n else 0.0
    _solve_transposed_basis(s, k, work, y)
    for j in range(n):
        low[j], up[j] = lower[j], upper[j]
        value = cost[j]
        for p in range(starts[j], starts[j + 1]):
            value -= y[indices[p]] * values[p]
        start_d[j] = value
    for r in range(n_tight):
        value = y[m_static + r]
        if value != 0.0:
            for p in range(cut_columns.shape[0]):
                start_d[cut_columns[p]] -= value * cut_rows[working_cut[r], p]
    base[:k] = 0.0
    for j in range(n):
        start_x[j] = 0.0
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
            _load_column(
                j, n, m_static, starts, indices, values, place, cut_columns_dense, k, working_cut, where_row, -start_x[j], base
            )
    for i in range(m):
        j = n + i
        start_d[j] = -y[where_row[i]] if start_where[j] == -1 else 0.0
        alpha[j] = 0.0
    alpha[:n] = 0.0
    step_start[0] = 0

    for w in range(n_openings):
        basic[:k] = start_basic[:k]
        where[:total] = start_where[:total]
        d[:total] = start_d[:total]
        xn[:n] = start_x[:n]
        width, n_steps, n_pivots = k, 0, 0
        status = PROVEN
        for r in range(k):
            i = r if r < m_static else m_static + working_cut[r - m_static]
            j = n + i
            low[j], up[j] = -row_uppers[w, i], -row_lowers[w, i]
            work[r] = base[r]
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
                work[r] -= z
        if status == PROVEN:
            _solve_basis(s, work, xb)
            weight[:k] = 1.0
        while status == PROVEN:
            # Leaving row: largest squared infeasibility over its devex weight.
            score, r = 0.0, -1
            for i in range(width):
                j = basic[i]
                gap = max(low[j] - xb[i], xb[i] - up[j])
                if gap > _PRIMAL_TOLERANCE + _ROUNDING * abs(xb[i]) and gap * gap > score * weight[i]:
                    score, r = gap * gap / weight[i], i
            if r < 0:
                c = _most_violated_cut(
                    n_cuts, cut_columns, cut_columns_dense, row_lowers[w], m_static, where_row, where, xb, xn, s
                )
                if c < 0:
                    break
                if width - m_static >= room or n_steps >= 2 * cap:
                    status = CAP_REACHED
                    break
                # The cut joins the working rows with its own variable basic, and leaves it in the next round.
                j = n + m_static + c
                end = step_start[n_steps]
                for p in range(cut_columns.shape[0]):
                    position = where[cut_columns[p]]
                    if position >= 0 and cut_rows[c, p] != 0.0:
                        step_index[end], step_value[end] = position, cut_rows[c, p]
                        end += 1
                step_row[n_steps], step_is_row[n_steps], step_pivot[n_steps] = width, True, 1.0
                n_steps += 1
                step_start[n_steps] = end
                working_cut[width - m_static], where_row[m_static + c] = c, width
                basic[width], where[j], xb[width] = j, width, -cut_activity[c]
                low[j], up[j], weight[width] = -row_uppers[w, m_static + c], -row_lowers[w, m_static + c], 1.0
                width += 1
                continue
            if n_pivots >= cap or n_steps > 2 * cap:
                status = CAP_REACHED
                break
            leaving = basic[r]
            to_lower = xb[r] < low[leaving]
            sign = 1.0 if to_lower else -1.0
            slope = low[leaving] - xb[r] if to_lower else xb[r] - up[leaving]
            work[:width] = 0.0
            work[r] = 1.0
            _backward_solve(s, k, width, n_steps, work, rho)
            n_touched = _price_row(
                rho, n, m_static, width, row_starts, row_indices, row_values, cut_columns, cut_rows, working_cut, where, alpha,
                touched
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
            pivot = 1.0
            if status == PROVEN:
                if n_flips > 0:
                    work[:width] = 0.0
                    for q in range(n_flips):
                        j = flips[q]
                        other = up[j] if xn[j] == low[j] else low[j]
                        _load_column(
                            j, n, m_static, starts, indices, values, place, cut_columns_dense, width, working_cut, where_row,
                            xn[j] - other, work
                        )
                        xn[j] = other
                    _forward_solve(s, k, width, n_steps, work, flipped)
                    for i in range(width):
                        xb[i] += flipped[i]
                work[:width] = 0.0
                _load_column(
                    entering, n, m_static, starts, indices, values, place, cut_columns_dense, width, working_cut, where_row, 1.0,
                    work
                )
                _forward_solve(s, k, width, n_steps, work, column)
                pivot = column[r]
                if not abs(pivot - alpha[entering]) <= 1e-7 * (1.0 + abs(pivot)):
                    status = DRIFT
            if status != PROVEN:
                for q in range(n_touched):
                    alpha[touched[q]] = 0.0
                break
            n_pivots += 1
            bound = low[leaving] if to_lower else up[leaving]
            primal_step, dual_step = (xb[r] - bound) / pivot, d[entering] / pivot
            for q in range(n_touched):
                j = touched[q]
                d[j] -= dual_step * alpha[j]
                alpha[j] = 0.0
            d[entering], d[leaving] = 0.0, -dual_step
            end = step_start[n_steps]
            pivot_weight = weight[r]
            for i in range(width):
                value = column[i]
                if abs(value) > _ZERO:
                    xb[i] -= primal_step * value
                    if i != r:
                        step_index[end], step_value[end] = i, value
                        end += 1
                        ratio = value / pivot
                        weight[i] = max(weight[i], ratio * ratio * pivot_weight)
            weight[r] = max(pivot_weight / (pivot * pivot), 1.0)
            step_row[n_steps], step_is_row[n_steps], step_pivot[n_steps] = r, False, pivot
            n_steps += 1
            step_start[n_steps] = end
            xb[r], xn[leaving] = xn[entering] + primal_step, bound
            basic[r], where[entering], where[leaving] = entering, r, -1
        pivots[w] = n_pivots
        outcome[w] = status
        if status == PROVEN:
            x = primal[w] if primal.shape[0] == n_openings else primal[0]
            for i in range(width):
                xn[basic[i]] = xb[i]
            x[:] = xn[:n]
            for i in range(m):
                row_dual[w, i] = -d[n + i] if where[n + i] == -1 else 0.0
            proven, objective[w] = certify(
                starts, indices, values, cut_columns, cut_rows, n_cuts, cost, lower, upper, row_lowers[w], row_uppers[w], x,
                row_dual[w], reduced, activity, magnitude, OBJECTIVE_TOLERANCE
            )
            if not proven:
                # Rounding has piled up over the pivots: recompute the basic values and the duals and try again.
                work[:width] = 0.0
                for j in range(n):
                    if xn[j] != 0.0:
                        _load_column(
                            j, n, m_static, starts, indices, values, place, cut_columns_dense, width, working_cut, where_row,
                            -xn[j], work
                        )
                for r in range(width):
                    i = r if r < m_static else m_static + working_cut[r - m_static]
                    work[r] -= xn[n + i]
                _forward_solve(s, k, width, n_steps, work, column)
                for i in range(width):
                    xn[basic[i]] += column[i]
                    work[i] = cost[basic[i]] if basic[i] < n else 0.0
                _backward_solve(s, k, width, n_steps, work, rho)
                x[:] = xn[:n]
                for i in range(m):
                    row_dual[w, i] = rho[where_row[i]] if where[n + i] == -1 else 0.0
                proven, objective[w] = certify(
                    starts, indices, values, cut_columns, cut_rows, n_cuts, cost, lower, upper, row_lowers[w], row_uppers[w], x,
                    row_dual[w], reduced, activity, magnitude, OBJECTIVE_TOLERANCE
                )
            outcome[w] = PROVEN if proven else NOT_PROVEN
        if w == n_openings - 1 and outcome[w] == PROVEN:
            _statuses(n, m, where, xn, low, up, final_column_status, final_row_status)
        for r in range(k, width):
            where_row[m_static + working_cut[r - m_static]] = -1


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
        if where[j] != -1:
            row_status[i] = _BASIC
        elif low[j] == -np.inf and up[j] == np.inf:
            row_status[i] = _FREE
        else:
            row_status[i] = _AT_UPPER if xn[j] == low[j] and low[j] < up[j] else _AT_LOWER


@njit(cache=True, nogil=True)
def solve_trials(
    column_statuses, row_statuses, starts, indices, values, row_starts, row_indices, row_values, place, cut_columns, cut_rows,
    cut_columns_dense, n_cuts, cost, lower, upper, row_lower, row_upper, trial_shift, opening_shift, trial_cut, opening_cut, cap,
    objective, row_dual, primal, outcome, pivots, final_column_statuses, final_row_statuses, row_lowers, row_uppers, s
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
        s: `Scratch`.
    """
    n_trials, m_static = trial_shift.shape
    n_openings = opening_shift.shape[0]
    row_uppers[:, m_static:] = np.inf
    for t in range(n_trials):
        for w in range(n_openings):
            for i in range(m_static):
                shift = trial_shift[t, i] + opening_shift[w, i]
                row_lowers[w, i] = row_lower[i] + shift
                row_uppers[w, i] = row_upper[i] + shift
            for c in range(n_cuts):
                row_lowers[w, m_static + c] = trial_cut[t, c] + opening_cut[w, c]
        solve_openings(
            column_statuses[t], row_statuses[t], starts, indices, values, row_starts, row_indices, row_values, place,
            cut_columns, cut_rows, cut_columns_dense, n_cuts, cost, lower, upper, row_lowers, row_uppers, cap, objective[t],
            row_dual[t], primal[t], outcome[t], pivots[t], final_column_statuses[t], final_row_statuses[t], s
        )


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
        if use_basis and _set_basis(highs, column_status.ctypes.data, row_status.ctypes.data) != 0:
            _clear_solver(highs)
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
