"""HiGHS called from compiled code: one opening at a time, every answer certified."""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from typing import Any

from numba import types

from headwater.solver.certificate_kernel import certify
from headwater.solver.compiled import compiled, plain
from headwater.solver.highs_library import SYMBOL_PREFIX, highs_library
from headwater.solver.kernel_constants import NOT_PROVEN, OBJECTIVE_TOLERANCE, OPTIMAL, PROVEN

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


@compiled
def run_highs(
    highs, use_basis, column_status, row_status, starts, indices, values, cut_columns, cut_entries, n_cuts, cost, lower, upper,
    row_lower, row_upper, x, y, reduced, activity, cut_activity
):
    """Ask HiGHS for one opening, from a cleared solver and the given basis; returns outcome and objective."""
    m = row_lower.shape[0]
    m_static = m - n_cuts
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
        starts, indices, values, cut_columns, cut_entries, n_cuts, cost, lower, upper, row_lower[:m_static], row_upper[:m_static],
        row_lower[m_static:], x, y, reduced, activity, cut_activity, plain(False), OBJECTIVE_TOLERANCE
    )
    return PROVEN if proven else NOT_PROVEN, objective


@compiled
def solve_in_turn(
    highs, use_basis, column_status, row_status, starts, indices, values, cut_columns, cut_entries, n_cuts, cost, lower, upper,
    row_lowers, row_uppers, reduced, activity, cut_activity, objective, row_dual, primal, outcome, first
):
    """Let HiGHS solve openings ``first`` to the last in order, each from the basis of the one before: the plain way.

    Stops after an opening that is not proven and returns its position, so that the caller can repair it and go on; returns the
    number of openings when all are done.
    """
    n_openings, m = row_lowers.shape
    m_static = m - n_cuts
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
            starts, indices, values, cut_columns, cut_entries, n_cuts, cost, lower, upper, row_lowers[w, :m_static],
            row_uppers[w, :m_static], row_lowers[w, m_static:], x, y, reduced, activity, cut_activity, plain(False), OBJECTIVE_TOLERANCE
        )
        outcome[w] = PROVEN if proven else NOT_PROVEN
        if not proven:
            return w
    return n_openings


@compiled
def get_basis(highs, column_status, row_status):
    """Read the basis that the instance holds."""
    return _get_basis(highs, column_status.ctypes.data, row_status.ctypes.data)
