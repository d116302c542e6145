"""One program held by one HiGHS instance: load, append rows, solve for many right-hand sides, repair what fails."""

from __future__ import annotations

import ctypes
import logging
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.errors import InfeasibleError, SolverError, UnboundedError
from headwater.solver.highs_library import highs_library
from headwater.solver.openings_kernel import (
    NOT_PROVEN,
    OBJECTIVE_TOLERANCE,
    OPTIMAL,
    PROVEN,
    certify,
    clear_solver,
    get_basis,
    solve_openings,
)
from headwater.solver.problem import AppendedRows, Basis, LinearProgram, OpeningResults
from headwater.solver.retry import LADDER, Option, default_options

logger = logging.getLogger(__name__)

_STATUS_NAMES = {
    0: "not set",
    4: "solve error",
    8: "infeasible",
    9: "unbounded or infeasible",
    10: "unbounded",
    13: "time limit",
    14: "iteration limit",
    15: "unknown",
}
_INFEASIBLE, _UNBOUNDED_OR_INFEASIBLE, _UNBOUNDED = 8, 9, 10
_RELAXED_OBJECTIVE_TOLERANCE = 1e-6


@dataclass
class SolverStatistics:
    """Counts of one instance since it was made."""

    solves: int = 0
    retried: int = 0
    attempts: int = 0
    relaxed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


class HighsProgram:
    """A linear program in a HiGHS instance of its own. Not for use by two threads at a time.

    Args:
        program: the rows and columns that never change.
        appended: rows below them, shared with the caller; `sync_rows` loads what was added since.
        max_attempts: attempts after the first before giving up.
        time_budget_seconds: one solve that takes longer in all aborts the run.
    """

    def __init__(
        self,
        program: LinearProgram,
        appended: AppendedRows | None = None,
        *,
        max_attempts: int = len(LADDER),
        time_budget_seconds: float = 120.0,
    ) -> None:
        self.program = program
        self.appended = AppendedRows() if appended is None else appended
        self.statistics = SolverStatistics()
        self._ladder = LADDER[:max_attempts]
        self._time_budget_seconds = time_budget_seconds
        self._library = highs_library()
        self._handle: int = self._library.Highs_create()
        self._defaults = default_options(program.n_columns)
        self._apply(self._defaults)
        self._check(
            self._library.Highs_passLp(
                self._handle,
                program.n_columns,
                program.n_rows,
                len(program.values),
                1,
                1,
                0.0,
                *(_at(a) for a in (program.cost, program.column_lower, program.column_upper)),
                *(_at(a) for a in (program.row_lower, program.row_upper)),
                *(_at(a) for a in (program.starts, program.indices, program.values)),
            ),
            "load the program",
        )
        self._n_loaded = 0
        self.sync_rows()

    @property
    def n_rows(self) -> int:
        """Rows held, appended ones included."""
        return self.program.n_rows + self._n_loaded

    def sync_rows(self) -> None:
        """Load the rows appended since the last call; they are inactive until given bounds."""
        rows, start = self.appended, self._n_loaded
        n_new = rows.n_rows - start
        if n_new == 0:
            return
        first = int(rows.starts[start])
        starts = np.ascontiguousarray(rows.starts[start:-1] - first, dtype=np.int32)
        indices, values = rows.indices[first:].copy(), rows.values[first:].copy()
        lower, upper = np.full(n_new, -np.inf), np.full(n_new, np.inf)
        self._check(
            self._library.Highs_addRows(
                self._handle, n_new, _at(lower), _at(upper), len(values), _at(starts), _at(indices), _at(values)
            ),
            "append rows",
        )
        self._n_loaded = rows.n_rows

    def solve_openings(
        self,
        row_lower: NDArray[np.float64],
        row_upper: NDArray[np.float64],
        basis: Basis | None = None,
        *,
        want_primal: bool = False,
    ) -> OpeningResults:
        """Solve the program for several right-hand sides, in order.

        The result is a function of the program, the right-hand sides and ``basis`` alone: whatever the instance did before is
        forgotten first.

        Args:
            row_lower: ``[opening, row]`` lower bounds of all rows.
            row_upper: ``[opening, row]`` upper bounds.
            basis: where to start; ``None`` starts cold.
            want_primal: whether to return primal values.

        Raises:
            InfeasibleError: an opening has no feasible point; ``opening`` tells which.
            UnboundedError: the cost of an opening has no minimum.
            SolverError: an opening could not be solved to a proven optimum.
        """
        program, rows = self.program, self.appended
        n_openings, m = row_lower.shape
        objective, outcome = np.empty(n_openings), np.full(n_openings, NOT_PROVEN, np.int64)
        row_dual = np.empty((n_openings, m))
        primal = np.empty((n_openings if want_primal else 1, program.n_columns))
        arrays = (program.starts, program.indices, program.values, rows.starts, rows.indices, rows.values)
        bounds = (program.cost, program.column_lower, program.column_upper)
        pivots_before = self._pivots()
        clear_solver(self._handle)
        start = Basis(np.empty(0, np.int32), np.empty(0, np.int32)) if basis is None else basis
        first, use_basis, retries, relaxed = 0, basis is not None, 0, 0
        while True:
            stopped = solve_openings(
                self._handle, use_basis, start.columns, start.rows, *arrays, *bounds, row_lower, row_upper,
                objective, row_dual, primal, outcome, first,
            )  # fmt: skip
            if stopped == n_openings:
                break
            x = primal[stopped] if want_primal else primal[0]
            was_relaxed = self._repair(
                int(outcome[stopped]), row_lower[stopped], row_upper[stopped], objective, row_dual[stopped], x, stopped
            )
            retries, relaxed = retries + 1, relaxed + was_relaxed
            first, use_basis = stopped + 1, False
        column_status, row_status = np.empty(program.n_columns, np.int32), np.empty(m, np.int32)
        get_basis(self._handle, column_status, row_status)
        self.statistics.solves += n_openings
        self.statistics.retried += retries
        self.statistics.relaxed += relaxed
        return OpeningResults(
            objective=objective,
            row_dual=row_dual,
            primal=primal if want_primal else np.empty((0, 0)),
            basis=Basis(column_status, row_status),
            retries=retries,
            relaxed=relaxed,
            pivots=self._pivots() - pivots_before,
        )

    def _repair(
        self,
        outcome: int,
        row_lower: NDArray[np.float64],
        row_upper: NDArray[np.float64],
        objective: NDArray[np.float64],
        y: NDArray[np.float64],
        x: NDArray[np.float64],
        opening: int,
    ) -> bool:
        """Climb the ladder for one opening; returns whether a relaxed attempt was needed."""
        name = "not proven" if outcome == NOT_PROVEN else _STATUS_NAMES.get(outcome, f"status {outcome}")
        self.statistics.reasons[name] = self.statistics.reasons.get(name, 0) + 1
        logger.debug("opening %d: %s; trying again", opening, name)
        program, rows = self.program, self.appended
        reduced = np.empty(program.n_columns)
        activity, magnitude = np.empty(len(row_lower)), np.empty(len(row_lower))
        started = time.monotonic()
        last = name
        infeasible_verdicts = 0
        self._library.Highs_changeRowsBoundsByRange(self._handle, 0, len(row_lower) - 1, _at(row_lower), _at(row_upper))
        try:
            for level in self._ladder:
                self.statistics.attempts += 1
                self._apply(self._defaults | dict(level.options))
                clear_solver(self._handle)
                self._library.Highs_run(self._handle)
                status = self._library.Highs_getModelStatus(self._handle)
                if status == OPTIMAL:
                    self._library.Highs_getSolution(self._handle, _at(x), None, None, _at(y))
                    tolerance = _RELAXED_OBJECTIVE_TOLERANCE if level.relaxed else OBJECTIVE_TOLERANCE
                    proven, value = certify(
                        program.starts, program.indices, program.values, rows.starts, rows.indices, rows.values, program.cost,
                        program.column_lower, program.column_upper, row_lower, row_upper, x, y, reduced,
                        activity, magnitude, tolerance,
                    )  # fmt: skip
                    if proven:
                        objective[opening] = value
                        return level.relaxed
                    last = "not proven"
                else:
                    last = _STATUS_NAMES.get(status, f"status {status}")
                    infeasible_verdicts += status == _INFEASIBLE
                    # Two independent verdicts of infeasibility, one of them cold, are believed.
                    if infeasible_verdicts >= 2:
                        break
                if time.monotonic() - started > self._time_budget_seconds:
                    raise SolverError(
                        f"opening {opening} took longer than the budget of {self._time_budget_seconds:g} s "
                        f"(training.solver.retry_time_budget_seconds); the last attempt ended with: {last}",
                        status=last,
                        opening=opening,
                    )
        finally:
            self._apply(self._defaults)
        if last in (_STATUS_NAMES[_INFEASIBLE], _STATUS_NAMES[_UNBOUNDED_OR_INFEASIBLE]):
            raise InfeasibleError(f"opening {opening} has no feasible point", status=last, opening=opening)
        if last == _STATUS_NAMES[_UNBOUNDED]:
            raise UnboundedError(f"the cost of opening {opening} has no minimum", status=last, opening=opening)
        raise SolverError(
            f"opening {opening} could not be solved to a proven optimum in {1 + len(self._ladder)} attempts; "
            f"the last ended with: {last}",
            status=last,
            opening=opening,
        )

    def _apply(self, options: dict[str, Option]) -> None:
        setters: dict[type, Any] = {
            bool: self._library.Highs_setBoolOptionValue,
            int: self._library.Highs_setIntOptionValue,
            float: self._library.Highs_setDoubleOptionValue,
        }
        for name, value in options.items():
            if isinstance(value, str):
                code = self._library.Highs_setStringOptionValue(self._handle, name.encode(), value.encode())
            else:
                code = setters[type(value)](self._handle, name.encode(), value)
            if code < 0:
                logger.debug("this HiGHS has no option %s", name)

    def _pivots(self) -> int:
        count = ctypes.c_int(0)
        self._library.Highs_getIntInfoValue(self._handle, b"simplex_iteration_count", ctypes.byref(count))
        return max(count.value, 0)

    def _check(self, code: int, what: str) -> None:
        if code < 0:
            raise SolverError(f"HiGHS could not {what}")

    def close(self) -> None:
        """Give the instance back."""
        if self._handle:
            self._library.Highs_destroy(self._handle)
            self._handle = 0

    def __del__(self) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<HighsProgram: {self.n_rows} rows ({self._n_loaded} appended), {self.program.n_columns} columns>"


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


__all__ = ["PROVEN", "HighsProgram", "SolverStatistics"]
