"""A HiGHS instance that holds one linear program: options, rows, runs, and what they leave."""

from __future__ import annotations

import ctypes
import logging
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.errors import SolverError
from headwater.solver.highs_kernel import get_basis
from headwater.solver.highs_library import highs_library
from headwater.solver.problem import BASIC, AppendedRows, Basis, LinearProgram
from headwater.solver.retry import Option, default_options

logger = logging.getLogger(__name__)

STATUS_NAMES = {
    0: "not set",
    4: "solve error",
    8: "infeasible",
    9: "unbounded or infeasible",
    10: "unbounded",
    13: "time limit",
    14: "iteration limit",
    15: "unknown",
}
INFEASIBLE, UNBOUNDED_OR_INFEASIBLE, UNBOUNDED = 8, 9, 10


class HighsInstance:
    """A program loaded into HiGHS. Not for use by two threads at a time.

    Args:
        program: the rows and columns that never change.
        appended: rows below them, shared with the caller, who may add rows and take rows away
            between two runs.

    Attributes:
        handle: what the C interface takes.
        load_seconds: time spent on loading rows, until `take_load_seconds`.
    """

    def __init__(self, program: LinearProgram, appended: AppendedRows) -> None:
        self.handle = 0
        self.load_seconds = 0.0
        self._program = program
        self._appended = appended
        self._library = highs_library()
        self.handle = self._library.Highs_create()
        self._defaults = default_options(program.n_columns)
        self.apply(self._defaults)
        self._check(
            self._library.Highs_passLp(
                self.handle,
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
        self._generation = appended.generation

    def load_rows(self) -> None:
        """Let HiGHS have the rows appended since it last did.

        The kernel works without it, and mostly HiGHS is not asked.
        """
        rows, first = self._appended, self._program.n_rows
        if rows.generation != self._generation:
            if self._n_loaded:
                last = first + self._n_loaded - 1
                self._check(
                    self._library.Highs_deleteRowsByRange(self.handle, first, last),
                    "take rows away",
                )
            self._n_loaded, self._generation = 0, rows.generation
        start = self._n_loaded
        n_new = rows.n_rows - start
        if n_new == 0:
            return
        started = time.perf_counter()
        block = np.ascontiguousarray(rows.entries[:, start : rows.n_rows].T)
        kept = block != 0.0
        starts = np.concatenate([[0], np.cumsum(kept.sum(axis=1))[:-1]]).astype(np.int32)
        indices = np.broadcast_to(rows.columns, block.shape)[kept].astype(np.int32)
        values = block[kept]
        lower, upper = np.full(n_new, -np.inf), np.full(n_new, np.inf)
        self._check(
            self._library.Highs_addRows(
                self.handle,
                n_new,
                _at(lower),
                _at(upper),
                len(values),
                _at(starts),
                _at(indices),
                _at(values),
            ),
            "append rows",
        )
        self._n_loaded = rows.n_rows
        self.load_seconds += time.perf_counter() - started

    def take_load_seconds(self) -> float:
        """Time spent on loading rows since this was last asked."""
        seconds, self.load_seconds = self.load_seconds, 0.0
        return seconds

    def run(self, row_lower: NDArray[np.float64], row_upper: NDArray[np.float64]) -> int:
        """Solve from a cleared solver with these bounds of all rows; returns HiGHS' status."""
        self._library.Highs_changeRowsBoundsByRange(
            self.handle, 0, len(row_lower) - 1, _at(row_lower), _at(row_upper)
        )
        self._library.Highs_clearSolver(self.handle)
        self._library.Highs_run(self.handle)
        status: int = self._library.Highs_getModelStatus(self.handle)
        return status

    def read_solution(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Write the solution to ``x[column]`` and its duals to ``y[row]``."""
        self._library.Highs_getSolution(self.handle, _at(x), None, None, _at(y))

    def read_ray(self, y: NDArray[np.float64]) -> bool:
        """Write to ``y[row]`` what proves that there is no feasible point; whether HiGHS has it."""
        found = ctypes.c_int(0)
        code = self._library.Highs_getDualRay(self.handle, ctypes.byref(found), _at(y))
        return code >= 0 and found.value != 0

    def basis(self) -> Basis:
        """The basis that the instance holds."""
        n_rows = self._program.n_rows + self._appended.n_rows
        basis = Basis(np.empty(self._program.n_columns, np.int32), np.empty(n_rows, np.int32))
        get_basis(self.handle, basis.columns, basis.rows)
        return basis

    def held_basis(self) -> Basis | None:
        """The basis that the instance holds, if it holds one.

        Presolve alone may have ended its last run.
        """
        n_rows = self._program.n_rows + self._appended.n_rows
        basis = Basis(np.full(self._program.n_columns, -1, np.int32), np.full(n_rows, -1, np.int32))
        if get_basis(self.handle, basis.columns, basis.rows) < 0:
            return None
        statuses = np.concatenate([basis.columns, basis.rows])
        return (
            basis
            if (statuses >= 0).all() and np.count_nonzero(statuses == BASIC) == n_rows
            else None
        )

    def limit_time(self, seconds: float) -> None:
        """Let the next runs end after so many seconds.

        The clock of an instance goes on from run to run.
        """
        until = self._library.Highs_getRunTime(self.handle) + max(seconds, 1e-3)
        self._library.Highs_setDoubleOptionValue(self.handle, b"time_limit", until)

    def apply(self, options: Mapping[str, Option]) -> None:
        """Set options; those that this HiGHS does not have are left out."""
        setters: dict[type, Any] = {
            bool: self._library.Highs_setBoolOptionValue,
            int: self._library.Highs_setIntOptionValue,
            float: self._library.Highs_setDoubleOptionValue,
        }
        for name, value in options.items():
            if isinstance(value, str):
                code = self._library.Highs_setStringOptionValue(
                    self.handle, name.encode(), value.encode()
                )
            else:
                code = setters[type(value)](self.handle, name.encode(), value)
            if code < 0:
                logger.debug("this HiGHS has no option %s", name)

    def reset(self) -> None:
        """Take back options and time limit."""
        self.apply(self._defaults)
        self.limit_time(math.inf)

    def _check(self, code: int, what: str) -> None:
        if code < 0:
            raise SolverError(f"HiGHS could not {what}")

    def close(self) -> None:
        """Give the instance back."""
        if self.handle:
            self._library.Highs_destroy(self.handle)
            self.handle = 0

    def __del__(self) -> None:
        self.close()


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
