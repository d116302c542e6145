"""HiGHS called from compiled code: one opening at a time, every answer certified."""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from headwater.solver.certificate_kernel import certify
from headwater.solver.compiled import InCode, compiled, plain
from headwater.solver.highs_library import SYMBOL_PREFIX, highs_library
from headwater.solver.kernel_constants import OPTIMAL, PROVEN


def _external(name: str, *arguments: str) -> InCode:
    """A function of HiGHS that returns a status, with the names of the types of its arguments."""

    def make(numba):
        highs_library()  # registers the symbols that compiled code refers to
        return numba.external(SYMBOL_PREFIX + name, "int32", *arguments)

    return InCode(make)


_clear_solver = _external("Highs_clearSolver", "uintp")
_set_basis = _external("Highs_setBasis", "uintp", "uintp", "uintp")
_get_basis = _external("Highs_getBasis", "uintp", "uintp", "uintp")
_change_row_bounds = _external("Highs_changeRowsBoundsByRange", "uintp", "int32", "int32", "uintp", "uintp")
_run = _external("Highs_run", "uintp")
_model_status = _external("Highs_getModelStatus", "uintp")
_get_solution = _external("Highs_getSolution", "uintp", "uintp", "uintp", "uintp", "uintp")


@compiled
def solve_in_turn(
    highs, use_basis, column_status, row_status, program, row_lowers, row_uppers, reduced, sizes, activity, cut_activity, objective,
    row_dual, primal, outcome, first, last
):
    """Let HiGHS solve openings ``first`` to ``last - 1`` in order.

    Each starts from the basis of the one before.

    Stops after an opening that is not proven and returns its position, so that the caller can
    repair it and go on; returns ``last`` when all are done.

    Args:
        highs: handle of an instance that holds the program.
        use_basis, column_status, row_status: basis of the first opening, where there is one; others
            keep what HiGHS has, unless a call begins with them: then the solver is cleared first.
        program: `headwater.solver.simplex_kernel.Program`.
        row_lowers, row_uppers: ``[opening, row]``.
        reduced, sizes, activity, cut_activity: scratch of the certificate.
        objective, row_dual, primal, outcome: by opening, written to; ``primal`` may be a single row
            of scratch. The outcome of one that is not proven is the certificate's, or HiGHS'
            status.
        first, last: which openings.
    """
    n_openings, m = row_lowers.shape
    m_static = m - program.n_cuts
    _clear_solver(highs)
    if use_basis and _set_basis(highs, column_status.ctypes.data, row_status.ctypes.data) != 0:
        _clear_solver(highs)
    for w in range(first, last):
        x = primal[w] if primal.shape[0] == n_openings else primal[0]
        y = row_dual[w]
        _change_row_bounds(highs, 0, m - 1, row_lowers[w].ctypes.data, row_uppers[w].ctypes.data)
        _run(highs)
        status = _model_status(highs)
        if status != OPTIMAL:
            outcome[w] = status
            return w
        _get_solution(highs, x.ctypes.data, 0, 0, y.ctypes.data)
        outcome[w], objective[w], _ = certify(
            program, row_lowers[w, :m_static], row_uppers[w, :m_static], row_lowers[w, m_static:], x, y, reduced, sizes, activity,
            cut_activity, plain(False)
        )
        if outcome[w] != PROVEN:
            return w
    return last


@compiled
def get_basis(highs, column_status, row_status):
    """Read the basis that the instance holds."""
    return _get_basis(highs, column_status.ctypes.data, row_status.ctypes.data)
