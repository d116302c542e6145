"""One linear program for many right-hand sides.

The kernel solves, HiGHS and the kernel together repair what it leaves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.errors import InfeasibleError, SolverError, UnboundedError
from headwater.solver.highs_instance import HighsInstance
from headwater.solver.highs_kernel import solve_in_turn
from headwater.solver.kernel_constants import NOT_PROVEN, PROVEN, WHOLE
from headwater.solver.kernel_room import KernelScratch, usual_effort
from headwater.solver.native_kernel import call_kernel, room_for_call
from headwater.solver.packing_kernel import Packed
from headwater.solver.problem import (
    AppendedRows,
    Basis,
    BasisBatch,
    LinearProgram,
    LpGap,
    OpeningResults,
    TrialResults,
    TrialSolutions,
)
from headwater.solver.repair import KERNEL_OUTCOMES, Certifier, OpeningRepair
from headwater.solver.retry import COLD_START, LADDER
from headwater.solver.simplex_kernel import Effort
from headwater.solver.simplex_kernel import Program as KernelProgram
from headwater.solver.statistics import SolverStatistics

_NO_PRIMAL = np.empty((0, 0, 0))

_REASONS = {outcome: f"kernel: {words}" for outcome, words in KERNEL_OUTCOMES.items()}


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
        arrays = (
            solutions.objective,
            solutions.row_dual,
            solutions.primal,
            solutions.outcome,
            solutions.pivots,
        )
        return cls(*(array[trial] for array in arrays))

    def x(self, opening: int) -> NDArray[np.float64]:
        """Primal values of an opening, or scratch when they are not wanted."""
        row: NDArray[np.float64] = (
            self.primal[opening] if len(self.primal) == len(self.objective) else self.primal[0]
        )
        return row


@dataclass
class _Finished:
    """What it took to complete one trial.

    Attributes:
        fallbacks: openings that the kernel left; retries: those that HiGHS did not solve at its
            first attempt.
        gaps: of openings whose best answer is above tolerance.
        basis: of the last opening, where it was among those left.
    """

    fallbacks: int
    retries: int
    gaps: list[LpGap]
    basis: Basis | None


class HighsProgram:
    """A linear program in a HiGHS instance of its own. Not for use by two threads at a time.

    Args:
        program: the rows and columns that never change.
        appended: rows below them, shared with the caller, who may add rows and take rows away
            between two solves.
        batched: whether the kernel re-optimises openings; otherwise HiGHS solves them one after the
            other.
        scratch: working memory of the kernel; programs of one thread may share it.
        max_attempts: attempts of HiGHS after the first.
        time_budget_seconds: after which no further attempt is made at an opening.
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
        self.program = program
        self.appended = AppendedRows() if appended is None else appended
        self.statistics = SolverStatistics()
        self._ladder = LADDER[:max_attempts]
        self._time_budget_seconds = time_budget_seconds
        self._instance = HighsInstance(program, self.appended)
        self._batched = batched
        self._scratch = KernelScratch() if scratch is None else scratch

    @property
    def n_rows(self) -> int:
        """Rows of the program, appended ones included."""
        return self.program.n_rows + self.appended.n_rows

    def solve_openings(
        self,
        row_lower: NDArray[np.float64],
        row_upper: NDArray[np.float64],
        basis: Basis | None = None,
        *,
        want_primal: bool = False,
    ) -> OpeningResults:
        """Solve the program for several right-hand sides.

        The result is a function of the program, the right-hand sides and ``basis`` alone: whatever
        the instance did before is forgotten first.

        Args:
            row_lower: ``[opening, row]`` lower bounds of all rows.
            row_upper: ``[opening, row]`` upper bounds.
            basis: where to start; ``None`` starts cold.
            want_primal: whether to return primal values.

        Raises:
            InfeasibleError: an opening has no feasible point; ``opening`` tells which.
            UnboundedError: the cost of an opening has no minimum.
            SolverError: no attempt gave an opening a valid bound.
        """
        work = _Work.empty(
            len(row_lower), self.n_rows, self.program.n_columns, want_primal=want_primal
        )
        if basis is None or not self._batched:
            done = self._solve_in_turn(work, row_lower, row_upper, basis, want_primal=want_primal)
            final = done.basis
        else:
            final = Basis(np.empty_like(basis.columns), np.empty_like(basis.rows))
            self._run_openings(work, row_lower, row_upper, basis, final)
            done = self._finish(work, row_lower, row_upper, basis, want_primal=want_primal)
            final = final if done.basis is None else done.basis
        assert final is not None
        statistics, pivots = self.statistics, int(work.pivots.sum())
        statistics.bases += basis is not None
        statistics.solves += work.objective.size
        statistics.pivots += pivots
        self._count(done)
        primal = work.primal if want_primal else np.empty((0, 0))
        return OpeningResults(
            work.objective,
            work.row_dual,
            primal,
            final,
            done.retries,
            tuple(done.gaps),
            done.fallbacks,
            pivots,
        )

    def _run_openings(
        self,
        work: _Work,
        row_lower: NDArray[np.float64],
        row_upper: NDArray[np.float64],
        basis: Basis,
        final: Basis,
    ) -> None:
        started = time.perf_counter()
        solve_openings(
            basis.columns, basis.rows, self._kernel_program(), row_lower, row_upper,
            usual_effort(self.program.n_rows), work.objective, work.row_dual, work.primal,
            work.outcome, work.pivots, final.columns, final.rows, WHOLE, 0, len(row_lower),
            self._room(),
        )  # fmt: skip
        self.statistics.kernel_seconds += time.perf_counter() - started

    def kernel_arguments(self) -> tuple[Effort, Packed]:
        """How hard the kernel tries, and room to work in.

        For compiled functions that solve more than one right-hand side per call; `finish_trials`
        follows.
        """
        return usual_effort(self.program.n_rows), self._room()

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
        """Repair what the kernel left of several trials, and account for all of them.

        Args:
            solutions: outcome and solutions of every program; completed here. Where the kernel does
                not work on this program, all of it is left.
            bases: where each trial started; there may be more rows.
            set_bounds: bounds ``[opening, row]`` of a trial.
            want_primal: whether ``solutions`` hold primal values of every opening.
            n_left: programs that are left.
            n_pivots: pivots of the kernel.
            seconds: time that the kernel took.

        Raises:
            InfeasibleError, UnboundedError, SolverError: as `solve_openings`; ``trial`` tells which
                trial it was.
        """
        n_trials, statistics = len(solutions.objective), self.statistics
        statistics.kernel_seconds += seconds
        statistics.solves += solutions.objective.size
        statistics.pivots += n_pivots
        statistics.bases += n_trials
        final = BasisBatch(solutions.column_statuses, solutions.row_statuses)
        retries = fallbacks = 0
        gaps: list[LpGap] = []
        for k in np.flatnonzero((solutions.outcome != PROVEN).any(axis=1)) if n_left else ():
            basis = Basis(bases.columns[k], bases.rows[k, : self.n_rows])
            lower, upper = set_bounds(int(k))
            trial = _Work.of_trial(solutions, int(k))
            finish = self._finish if self._batched else self._solve_in_turn
            try:
                done = finish(trial, lower, upper, basis, want_primal=want_primal)
            except SolverError as error:
                error.trial = int(k)
                raise
            self._count(done)
            fallbacks, retries = fallbacks + done.fallbacks, retries + done.retries
            gaps += [gap._replace(trial=int(k)) for gap in done.gaps]
            if done.basis is not None:
                final.columns[k], final.rows[k] = done.basis.columns, done.basis.rows
        primal = solutions.primal if want_primal else _NO_PRIMAL
        return TrialResults(
            solutions.objective,
            solutions.row_dual,
            primal,
            final,
            retries,
            tuple(gaps),
            fallbacks,
            n_pivots,
        )

    def _kernel_program(self) -> KernelProgram:
        """The program and its rows as the kernels see them."""
        return kernel_program(self.program, self.appended)

    def _room(self) -> Packed:
        program = self.program
        sizes = (
            program.n_columns,
            program.n_rows,
            self.appended.n_rows,
            len(self.appended.columns),
            len(program.values),
        )
        return self._scratch.of(sizes)

    def _count(self, done: _Finished) -> None:
        self.statistics.retried += done.retries
        self.statistics.fallbacks += done.fallbacks
        self.statistics.load_seconds += self._instance.take_load_seconds()

    def _repairer(self, certifier: Certifier) -> OpeningRepair:
        return OpeningRepair(
            self._instance,
            certifier,
            self._room(),
            self._ladder,
            self._time_budget_seconds,
            self.statistics,
        )

    def _finish(
        self,
        work: _Work,
        row_lower: NDArray[np.float64],
        row_upper: NDArray[np.float64],
        basis: Basis,
        *,
        want_primal: bool,
    ) -> _Finished:
        """Solve the openings of one trial that the kernel left.

        Each starts from the basis of the trial.
        """
        left = np.flatnonzero(work.outcome != PROVEN)
        done = _Finished(len(left), 0, [], None)
        if not len(left):
            return done
        started = time.perf_counter()
        for w in left.tolist():
            reason = _REASONS[int(work.outcome[w])]
            self.statistics.reasons[reason] = self.statistics.reasons.get(reason, 0) + 1
        self._instance.load_rows()
        certifier = Certifier(self._kernel_program())
        for w in left.tolist():
            ended = self._solve_some(
                work,
                row_lower,
                row_upper,
                basis,
                w,
                w + 1,
                certifier,
                done,
                want_primal=want_primal,
            )
        done.basis = ended if w == len(work.outcome) - 1 else None
        self.statistics.highs_seconds += time.perf_counter() - started
        return done

    def _solve_in_turn(
        self,
        work: _Work,
        row_lower: NDArray[np.float64],
        row_upper: NDArray[np.float64],
        basis: Basis | None,
        *,
        want_primal: bool,
    ) -> _Finished:
        """All openings by HiGHS, one after the other: the plain way."""
        started = time.perf_counter()
        self._instance.load_rows()
        if basis is None:
            self._instance.apply(COLD_START)
        done = _Finished(0, 0, [], None)
        try:
            certifier = Certifier(self._kernel_program())
            done.basis = self._solve_some(
                work,
                row_lower,
                row_upper,
                basis,
                0,
                len(row_lower),
                certifier,
                done,
                want_primal=want_primal,
            )
        finally:
            if basis is None:
                self._instance.reset()
        self.statistics.highs_seconds += time.perf_counter() - started
        return done

    def _solve_some(
        self,
        work: _Work,
        row_lower: NDArray[np.float64],
        row_upper: NDArray[np.float64],
        basis: Basis | None,
        first: int,
        last: int,
        certifier: Certifier,
        done: _Finished,
        *,
        want_primal: bool,
    ) -> Basis:
        """Openings ``first`` to ``last - 1`` by HiGHS, repairing what is not proven.

        The final basis is returned.
        """
        instance, none = self._instance, np.empty(0, np.int32)
        start, has_basis = (Basis(none, none), False) if basis is None else (basis, True)
        while True:
            instance.limit_time((last - first) * self._time_budget_seconds)
            stopped = solve_in_turn(
                instance.handle, has_basis, start.columns, start.rows, certifier.program, row_lower,
                row_upper, *certifier.scratch, work.objective, work.row_dual, work.primal,
                work.outcome, first, last,
            )  # fmt: skip
            if stopped == last:
                return instance.basis()
            done.retries += 1
            status, x, y = int(work.outcome[stopped]), work.x(stopped), work.row_dual[stopped]
            sides = row_lower[stopped], row_upper[stopped]
            try:
                work.objective[stopped], gap, best = self._repairer(certifier).solve(
                    stopped, status, *sides, x, y, want_primal=want_primal
                )
            except (InfeasibleError, UnboundedError):
                raise
            except SolverError:
                # duals that are right for one opening give a bound for every other
                bound = (
                    -np.inf if want_primal else _bound_by_others(work, certifier, stopped, *sides)
                )
                if not np.isfinite(bound):
                    raise
                work.objective[stopped], best = bound, None
                gap = LpGap(0, stopped, bound, np.inf, 2 + len(self._ladder))
                self.statistics.bounded += 1
            work.outcome[stopped] = PROVEN
            if gap is not None:
                done.gaps.append(gap)
            start, has_basis = instance.basis() if best is None else best, True
            first = stopped + 1
            if first == last:
                return start

    def close(self) -> None:
        """Give the instance back."""
        self._instance.close()

    def __repr__(self) -> str:
        return (
            f"<HighsProgram: {self.n_rows} rows ({self.appended.n_rows} appended), "
            f"{self.program.n_columns} columns>"
        )


def _bound_by_others(
    work: _Work,
    certifier: Certifier,
    opening: int,
    row_lower: NDArray[np.float64],
    row_upper: NDArray[np.float64],
) -> float:
    """The best bound of an opening that the duals of others give, which are taken over.

    Without such duals it is minus infinity.
    """
    most, nowhere = -np.inf, np.zeros(len(certifier.program.cost))
    for w in np.flatnonzero(work.outcome == PROVEN).tolist():
        y = work.row_dual[w].copy()
        _, bound, _ = certifier.judge(row_lower, row_upper, nowhere, y)
        if bound > most:
            most = bound
            work.row_dual[opening] = y
    return most


def solve_openings(*arguments: Any) -> None:
    """`headwater.solver.openings_kernel.solve_openings`, with its working memory packed."""
    *given, scratch = arguments
    call_kernel(*given, room_for_call(), scratch.block)


def kernel_program(program: LinearProgram, rows: AppendedRows) -> KernelProgram:
    """A linear program and the rows below it as the kernels see them.

    It holds until rows are added or taken away.
    """
    return KernelProgram(
        program.starts, program.indices, program.values, *program.by_row, *program.in_fours,
        rows.places_of(program.n_columns), rows.columns, rows.entries, rows.n_rows, program.cost,
        program.column_lower, program.column_upper, float(program.money),
    )  # fmt: skip
