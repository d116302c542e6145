"""One program held by one HiGHS instance: load, append rows, solve for many right-hand sides, repair what fails."""

from __future__ import annotations

import ctypes
import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.errors import InfeasibleError, SolverError, UnboundedError
from headwater.solver.certificate_kernel import certify
from headwater.solver.highs_kernel import get_basis, run_highs, solve_in_turn
from headwater.solver.highs_library import highs_library
from headwater.solver.kernel_constants import (
    CAP_REACHED,
    DRIFT,
    NO_ENTERING,
    NO_FACTOR,
    NOT_DUAL_FEASIBLE,
    NOT_PROVEN,
    OBJECTIVE_TOLERANCE,
    OPTIMAL,
    PROVEN,
    SMALL_PIVOT,
)
from headwater.solver.kernel_room import KernelScratch, pivot_cap
from headwater.solver.native_kernel import call_kernel, room_for_call
from headwater.solver.packing_kernel import Packed
from headwater.solver.problem import (
    AppendedRows,
    Basis,
    BasisBatch,
    LinearProgram,
    OpeningResults,
    TrialResults,
    TrialSolutions,
)
from headwater.solver.retry import COLD_START, LADDER, Option, default_options, ladder_options
from headwater.solver.simplex_kernel import Program as KernelProgram
from headwater.solver.statistics import SolverStatistics

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
_NO_PRIMAL = np.empty((0, 0, 0))


_REASONS = {
    NOT_PROVEN: "kernel: not proven",
    CAP_REACHED: "kernel: too many pivots",
    NO_ENTERING: "kernel: no entering variable",
    SMALL_PIVOT: "kernel: small pivot",
    DRIFT: "kernel: drift",
    NOT_DUAL_FEASIBLE: "kernel: start not dual feasible",
    NO_FACTOR: "kernel: no factorisation",
}


@dataclass
class _Work:
    """Output arrays for one trial; the leading axis is openings."""

    objective: NDArray[np.float64]
    row_dual: NDArray[np.float64]
    primal: NDArray[np.float64]
    outcome: NDArray[np.int64]
    pivots: NDArray[np.int64]

    @classmethod
    def empty(cls, n_openings: int, n_rows: int, n_columns: int, *, want_primal: bool) -> _Work:
        return cls(
            objective=np.empty(n_openings),
            row_dual=np.empty((n_openings, n_rows)),
            primal=np.empty((n_openings if want_primal else 1, n_columns)),
            outcome=np.full(n_openings, NOT_PROVEN, np.int64),
            pivots=np.zeros(n_openings, np.int64),
        )

    @classmethod
    def of_trial(cls, solutions: TrialSolutions, trial: int) -> _Work:
        """Views of the arrays of one trial."""
        arrays = solutions.objective, solutions.row_dual, solutions.primal, solutions.outcome, solutions.pivots
        return cls(*(array[trial] for array in arrays))

    def x(self, opening: int) -> NDArray[np.float64]:
        """Primal values of an opening, or scratch when they are not wanted."""
        row: NDArray[np.float64] = self.primal[opening] if len(self.primal) == len(self.objective) else self.primal[0]
        return row


class HighsProgram:
    """A linear program in a HiGHS instance of its own. Not for use by two threads at a time.

    Args:
        program: the rows and columns that never change.
        appended: rows below them, shared with the caller, who may add rows and take rows away between two solves.
        batched: whether the kernel re-optimises openings; otherwise HiGHS solves them one after the other.
        scratch: working memory of the kernel; programs of one thread may share it.
        max_attempts: attempts after the first before giving up.
        time_budget_seconds: one solve that takes longer in all aborts the run.
    """

    def __init__(
        self,
        program: LinearProgram,
        appended: AppendedRows | None = None,
        *,
        batched: bool = True,
        scratch: KernelScratch | None = None,
        max_attempts: int = len(LADDER),
        time_budget_seconds: float = 120.0,
    ) -> None:
        self._handle = 0
        self.program = program
        self.appended = AppendedRows() if appended is None else appended
        self.statistics = SolverStatistics()
        self._ladder = LADDER[:max_attempts]
        self._time_budget_seconds = time_budget_seconds
        self._library = highs_library()
        self._handle = self._library.Highs_create()
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
        self._generation = self.appended.generation
        self._batched = batched
        self._scratch = KernelScratch() if scratch is None else scratch

    @property
    def n_rows(self) -> int:
        """Rows of the program, appended ones included."""
        return self.program.n_rows + self.appended.n_rows

    def _load_rows(self) -> None:
        """Let HiGHS have the rows appended since it last did; the kernel works without it, and mostly HiGHS is not asked."""
        if self.appended.generation != self._generation:
            if self._n_loaded:
                first, last = self.program.n_rows, self.program.n_rows + self._n_loaded - 1
                self._check(self._library.Highs_deleteRowsByRange(self._handle, first, last), "take rows away")
            self._n_loaded, self._generation = 0, self.appended.generation
        rows, start = self.appended, self._n_loaded
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
                self._handle, n_new, _at(lower), _at(upper), len(values), _at(starts), _at(indices), _at(values)
            ),
            "append rows",
        )
        self._n_loaded = rows.n_rows
        self.statistics.load_seconds += time.perf_counter() - started

    def solve_openings(
        self,
        row_lower: NDArray[np.float64],
        row_upper: NDArray[np.float64],
        basis: Basis | None = None,
        *,
        want_primal: bool = False,
    ) -> OpeningResults:
        """Solve the program for several right-hand sides.

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
        work = _Work.empty(len(row_lower), self.n_rows, self.program.n_columns, want_primal=want_primal)
        fallbacks = 0
        if basis is None or not self._batched:
            retries, relaxed, final = self._solve_in_turn(work, row_lower, row_upper, basis)
        else:
            final = Basis(np.empty_like(basis.columns), np.empty_like(basis.rows))
            self._run_openings(work, row_lower, row_upper, basis, final)
            fallbacks, retries, relaxed, last_left = self._finish(work, row_lower, row_upper, basis)
            final = self._basis() if last_left else final
        self.statistics.bases += basis is not None
        self._count(work, retries, relaxed, fallbacks)
        primal = work.primal if want_primal else np.empty((0, 0))
        pivots = int(work.pivots.sum())
        return OpeningResults(work.objective, work.row_dual, primal, final, retries, relaxed, fallbacks, pivots)

    def _run_openings(
        self, work: _Work, row_lower: NDArray[np.float64], row_upper: NDArray[np.float64], basis: Basis, final: Basis
    ) -> None:
        cap = pivot_cap(self.program.n_rows)
        started = time.perf_counter()
        solve_openings(
            basis.columns, basis.rows, self._kernel_program(), row_lower, row_upper, cap, work.objective, work.row_dual,
            work.primal, work.outcome, work.pivots, final.columns, final.rows, self._room(),
        )  # fmt: skip
        self.statistics.kernel_seconds += time.perf_counter() - started

    def kernel_arguments(self) -> tuple[int, Packed]:
        """The pivots that the kernel may take between factorisations, and room to work in.

        For compiled functions that solve more than one right-hand side per call; `finish_trials` follows.
        """
        return pivot_cap(self.program.n_rows), self._room()

    def finish_trials(
        self,
        solutions: TrialSolutions,
        bases: BasisBatch,
        set_bounds: Callable[[int], tuple[NDArray[np.float64], NDArray[np.float64]]],
        *,
        want_primal: bool,
        n_left: int,
        n_pivots: int,
        seconds: float,
    ) -> TrialResults:
        """Let HiGHS solve what the kernel left of several trials, and account for all of them.

        Args:
            solutions: outcome and solutions of every program; completed here. Where the kernel does not work on this program,
                all of it is left.
            bases: where each trial started; there may be more rows.
            set_bounds: bounds ``[opening, row]`` of a trial.
            want_primal: whether ``solutions`` hold primal values of every opening.
            n_left: programs that are left.
            n_pivots: pivots of the kernel.
            seconds: time that the kernel took.

        Raises:
            InfeasibleError, UnboundedError, SolverError: as `solve_openings`; ``trial`` tells which trial it was.
        """
        n_trials, statistics = len(solutions.objective), self.statistics
        statistics.kernel_seconds += seconds
        statistics.solves += solutions.objective.size
        statistics.pivots += n_pivots
        statistics.bases += n_trials
        relaxed = np.zeros(n_trials, np.int64)
        final = BasisBatch(solutions.column_statuses, solutions.row_statuses)
        retries = fallbacks = 0
        for k in np.flatnonzero((solutions.outcome != PROVEN).any(axis=1)) if n_left else ():
            basis = Basis(bases.columns[k], bases.rows[k, : self.n_rows])
            lower, upper = set_bounds(int(k))
            trial = _Work.of_trial(solutions, int(k))
            try:
                if self._batched:
                    counts = self._finish(trial, lower, upper, basis)
                    fallbacks, retries, relaxed[k] = fallbacks + counts[0], retries + counts[1], counts[2]
                    ended = self._basis() if counts[3] else None
                else:
                    counts_in_turn = self._solve_in_turn(trial, lower, upper, basis)
                    retries, relaxed[k], ended = retries + counts_in_turn[0], counts_in_turn[1], counts_in_turn[2]
            except SolverError as error:
                error.trial = int(k)
                raise
            if ended is not None:
                final.columns[k], final.rows[k] = ended.columns, ended.rows
        statistics.retried += retries
        statistics.relaxed += int(relaxed.sum()) if n_left else 0
        statistics.fallbacks += fallbacks
        primal = solutions.primal if want_primal else _NO_PRIMAL
        return TrialResults(solutions.objective, solutions.row_dual, primal, final, retries, relaxed, fallbacks, n_pivots)

    def _kernel_program(self) -> KernelProgram:
        """The program and its rows as the kernels see them."""
        return kernel_program(self.program, self.appended)

    def _certificate_scratch(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Room for reduced costs, row activities and cut activities."""
        return np.empty(self.program.n_columns), np.empty(self.program.n_rows), np.empty(self.appended.n_rows)

    def _room(self) -> Packed:
        program = self.program
        sizes = (program.n_columns, program.n_rows, self.appended.n_rows, len(self.appended.columns), len(program.values))
        return self._scratch.of(sizes)

    def _finish(
        self, work: _Work, row_lower: NDArray[np.float64], row_upper: NDArray[np.float64], basis: Basis
    ) -> tuple[int, int, int, bool]:
        """Let HiGHS solve the openings of one trial that the kernel left.

        Returns:
            Openings left, retries, relaxed, and whether the last opening was among them.
        """
        program, rows = self.program, self.appended
        started = time.perf_counter()
        left = np.flatnonzero(work.outcome != PROVEN)
        if len(left):
            self._load_rows()
            self._limit_time(len(left) * self._time_budget_seconds)
        retries = relaxed = 0
        scratch = self._certificate_scratch()
        for w in left:
            reason = _REASONS[int(work.outcome[w])]
            self.statistics.reasons[reason] = self.statistics.reasons.get(reason, 0) + 1
            work.outcome[w], work.objective[w] = run_highs(
                self._handle, True, basis.columns, basis.rows, program.starts, program.indices, program.values, rows.columns,
                rows.entries, rows.n_rows, program.cost, program.column_lower, program.column_upper, row_lower[w],
                row_upper[w], work.x(int(w)), work.row_dual[w], *scratch,
            )  # fmt: skip
            if work.outcome[w] != PROVEN:
                retries += 1
                relaxed += self._repair(work, row_lower, row_upper, int(w))
        self.statistics.highs_seconds += time.perf_counter() - started
        return len(left), retries, relaxed, bool(len(left)) and left[-1] == len(work.outcome) - 1

    def _count(self, work: _Work, retries: int, relaxed: int, fallbacks: int) -> None:
        self.statistics.solves += work.objective.size
        self.statistics.retried += retries
        self.statistics.relaxed += relaxed
        self.statistics.fallbacks += fallbacks
        self.statistics.pivots += int(work.pivots.sum())

    def _solve_in_turn(
        self, work: _Work, row_lower: NDArray[np.float64], row_upper: NDArray[np.float64], basis: Basis | None
    ) -> tuple[int, int, Basis]:
        """All openings by HiGHS, one after the other; returns retries, relaxed and the final basis."""
        program, rows = self.program, self.appended
        n_openings = len(row_lower)
        self._load_rows()
        start = Basis(np.empty(0, np.int32), np.empty(0, np.int32)) if basis is None else basis
        scratch = self._certificate_scratch()
        first = retries = relaxed = 0
        started = time.perf_counter()
        self._limit_time(n_openings * self._time_budget_seconds)
        if basis is None:
            self._apply(dict(COLD_START))
        try:
            while first < n_openings:
                stopped = solve_in_turn(
                    self._handle, basis is not None, start.columns, start.rows, program.starts, program.indices, program.values,
                    rows.columns, rows.entries, rows.n_rows, program.cost, program.column_lower, program.column_upper,
                    row_lower, row_upper, *scratch, work.objective, work.row_dual, work.primal, work.outcome, first,
                )  # fmt: skip
                if stopped < n_openings:
                    retries += 1
                    relaxed += self._repair(work, row_lower, row_upper, stopped)
                first = stopped + 1
        finally:
            if basis is None:
                self._apply(self._defaults)
        self.statistics.highs_seconds += time.perf_counter() - started
        return retries, relaxed, self._basis()

    def _basis(self) -> Basis:
        """The basis that the instance holds."""
        basis = Basis(np.empty(self.program.n_columns, np.int32), np.empty(self.n_rows, np.int32))
        get_basis(self._handle, basis.columns, basis.rows)
        return basis

    def _repair(self, work: _Work, row_lowers: NDArray[np.float64], row_uppers: NDArray[np.float64], opening: int) -> bool:
        """Climb the ladder for one opening; returns whether a relaxed attempt was needed."""
        outcome, row_lower, row_upper = int(work.outcome[opening]), row_lowers[opening], row_uppers[opening]
        objective, y, x = work.objective, work.row_dual[opening], work.x(opening)
        name = "not proven" if outcome == NOT_PROVEN else _STATUS_NAMES.get(outcome, f"status {outcome}")
        self.statistics.reasons[name] = self.statistics.reasons.get(name, 0) + 1
        logger.debug("opening %d: %s; trying again", opening, name)
        program, rows = self.program, self.appended
        scratch = self._certificate_scratch()
        started = time.monotonic()
        last = name
        verdicts: Counter[int] = Counter()
        self._library.Highs_changeRowsBoundsByRange(self._handle, 0, len(row_lower) - 1, _at(row_lower), _at(row_upper))
        try:
            for number, level in enumerate(self._ladder, start=1):
                self.statistics.attempts += 1
                self._apply(ladder_options(program.n_columns) | dict(level.options))
                self._library.Highs_clearSolver(self._handle)
                self._limit_time(self._time_budget_seconds - (time.monotonic() - started))
                self._library.Highs_run(self._handle)
                status = self._library.Highs_getModelStatus(self._handle)
                if status == OPTIMAL:
                    self._library.Highs_getSolution(self._handle, _at(x), None, None, _at(y))
                    tolerance = _RELAXED_OBJECTIVE_TOLERANCE if level.relaxed else OBJECTIVE_TOLERANCE
                    proven, value = certify(
                        program.starts, program.indices, program.values, rows.columns, rows.entries, rows.n_rows,
                        program.cost, program.column_lower, program.column_upper, row_lower[: program.n_rows],
                        row_upper[: program.n_rows], row_lower[program.n_rows :], x, y, *scratch, False, tolerance,
                    )  # fmt: skip
                    if proven:
                        objective[opening] = value
                        self.statistics.levels[number] = self.statistics.levels.get(number, 0) + 1
                        return level.relaxed
                    last = "not proven"
                else:
                    last = _STATUS_NAMES.get(status, f"status {status}")
                    verdicts[status] += status in (_INFEASIBLE, _UNBOUNDED)
                    # Two independent verdicts, one of them cold, are believed.
                    if verdicts[status] >= 2:
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
            self._limit_time(math.inf)
            self.statistics.repair_seconds += time.monotonic() - started
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

    def _limit_time(self, seconds: float) -> None:
        """Let the next runs end after so many seconds; the clock of an instance goes on from run to run."""
        until = self._library.Highs_getRunTime(self._handle) + max(seconds, 1e-3)
        self._library.Highs_setDoubleOptionValue(self._handle, b"time_limit", until)

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
        return f"<HighsProgram: {self.n_rows} rows ({self.appended.n_rows} appended), {self.program.n_columns} columns>"


def solve_openings(*arguments: Any) -> None:
    """`headwater.solver.openings_kernel.solve_openings`, with its working memory packed."""
    *given, scratch = arguments
    call_kernel(*given, room_for_call(), scratch.block)


def kernel_program(program: LinearProgram, rows: AppendedRows) -> KernelProgram:
    """A program and the rows below it as the kernels see them, until rows are added or taken away."""
    return KernelProgram(
        program.starts, program.indices, program.values, *program.by_row, rows.places_of(program.n_columns), rows.columns,
        rows.entries, rows.n_rows, program.cost, program.column_lower, program.column_upper,
    )  # fmt: skip


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
