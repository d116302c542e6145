"""The compiled inner loop: one program, one starting basis, many right-hand sides; every answer is proven before it is used.

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
_change_row_bounds = _external("Highs_changeRowsBoundsByRange", _int(_pointer, _int, _int, _pointer, _pointer))
_run = _external("Highs_run", _int(_pointer))
_model_status = _external("Highs_getModelStatus", _int(_pointer))
_get_solution = _external("Highs_getSolution", _int(_pointer, _pointer, _pointer, _pointer, _pointer))

OPTIMAL = 7
"""HiGHS' model status of a solved program."""

PROVEN, NOT_PROVEN = 0, -1
"""Outcome of an opening; other values are HiGHS' model status of a solve that did not finish."""

FEASIBILITY_TOLERANCE = 1e-6
SIGN_TOLERANCE = 1e-6
OBJECTIVE_TOLERANCE = 1e-7
ROUNDING_TOLERANCE = 1e-9


@njit(cache=True, nogil=True)
def certify(
    starts,
    indices,
    values,
    row_starts,
    row_indices,
    row_values,
    cost,
    lower,
    upper,
    row_lower,
    row_upper,
    x,
    y,
    reduced,
    activity,
    magnitude,
    tolerance,
):
    """Prove a solution from the program alone and clean its duals.

    Duals with the wrong sign for an infinite bound are zeroed when tiny. The proof asks for primal feasibility, dual signs, and
    agreement of primal and dual objective; the *dual* objective is returned because it bounds the optimum from below whatever
    the primal noise.

    Returns:
        Whether the solution is proven, and its dual objective.
    """
    n, m_static, m = cost.shape[0], row_lower.shape[0] - (row_starts.shape[0] - 1), row_lower.shape[0]
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
        for p in range(starts[j], starts[j + 1]):
            total -= y[indices[p]] * values[p]
            activity[indices[p]] += x[j] * values[p]
            magnitude[indices[p]] += abs(x[j] * values[p])
        reduced[j] = total
        primal_objective += cost[j] * x[j]
    for c in range(m - m_static):
        i = m_static + c
        for p in range(row_starts[c], row_starts[c + 1]):
            reduced[row_indices[p]] -= y[i] * row_values[p]
            activity[i] += x[row_indices[p]] * row_values[p]
            magnitude[i] += abs(x[row_indices[p]] * row_values[p])
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
def solve_openings(
    highs,
    use_basis,
    column_status,
    row_status,
    starts,
    indices,
    values,
    row_starts,
    row_indices,
    row_values,
    cost,
    lower,
    upper,
    row_lowers,
    row_uppers,
    objective,
    row_dual,
    primal,
    outcome,
    first,
):
    """Solve openings ``first`` to the last in order, each from the basis of the one before.

    Stops after an opening that is not proven and returns its position, so that the caller can repair it and go on; returns the
    number of openings when all are done.

    Args:
        highs: address of a HiGHS instance that holds the program.
        use_basis: start from ``column_status``/``row_status``; otherwise from what the instance holds.
        row_lowers, row_uppers: ``[opening, row]``.
        objective, row_dual, primal, outcome: outputs; ``primal`` has one row per opening or a single row of scratch.
    """
    n_openings, m = row_lowers.shape
    n = cost.shape[0]
    reduced, activity, magnitude = np.empty(n), np.empty(m), np.empty(m)
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
            starts,
            indices,
            values,
            row_starts,
            row_indices,
            row_values,
            cost,
            lower,
            upper,
            row_lowers[w],
            row_uppers[w],
            x,
            y,
            reduced,
            activity,
            magnitude,
            OBJECTIVE_TOLERANCE,
        )
        outcome[w] = PROVEN if proven else NOT_PROVEN
        if not proven:
            return w
    return n_openings


@njit(cache=True, nogil=True)
def clear_solver(highs):
    """Forget everything but the program, so that the next solve does not depend on earlier ones."""
    return _clear_solver(highs)


@njit(cache=True, nogil=True)
def get_basis(highs, column_status, row_status):
    """Read the basis that the instance holds."""
    return _get_basis(highs, column_status.ctypes.data, row_status.ctypes.data)
