"""The best certified answer for an opening that was not proven at the first attempt.

HiGHS finds bases and the kernel proves: whatever HiGHS returns is certified, and where its gap is
above tolerance the kernel goes on from its basis. The best bound and the best point of all attempts
count, whichever attempt they are from; what is left of the gap is told to the caller. A program is
called infeasible at once where a ray proves it, like a certificate, from the matrix alone.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

import numpy as np

from headwater.arrays import Array
from headwater.errors import InfeasibleError, SolverError, UnboundedError
from headwater.solver.certificate_kernel import certify
from headwater.solver.dual_mending import mended
from headwater.solver.highs_instance import (
    INFEASIBLE,
    STATUS_NAMES,
    UNBOUNDED,
    UNBOUNDED_OR_INFEASIBLE,
    HighsInstance,
)
from headwater.solver.kernel_constants import (
    AT_LOWER,
    AT_UPPER,
    BASIC,
    BOUNDED,
    CAP_REACHED,
    DRIFT,
    FEASIBILITY_TOLERANCE,
    FREE,
    MONEY_TOLERANCE,
    NO_BOUND,
    NO_ENTERING,
    NO_FACTOR,
    NOT_PROVEN,
    OBJECTIVE_TOLERANCE,
    OPTIMAL,
    PROVEN,
    SMALL_PIVOT,
    WHOLE,
)
from headwater.solver.kernel_room import strict_effort, usual_effort
from headwater.solver.native_kernel import call_kernel, room_for_call
from headwater.solver.packing_kernel import Packed
from headwater.solver.problem import Basis, LpAttempt, LpGap
from headwater.solver.retry import Options, ladder_options
from headwater.solver.simplex_kernel import Effort
from headwater.solver.simplex_kernel import Program as KernelProgram
from headwater.solver.statistics import SolverStatistics

logger = logging.getLogger(__name__)

KERNEL_OUTCOMES = {
    NOT_PROVEN: "not proven",
    CAP_REACHED: "too many pivots",
    NO_ENTERING: "no entering variable",
    SMALL_PIVOT: "small pivot",
    DRIFT: "drift",
    NO_FACTOR: "no factorisation",
}
"""Why the kernel left a program, in words."""

_OUTCOMES = {PROVEN: "optimal", BOUNDED: "a gap above tolerance", NO_BOUND: "no valid bound"}
"""What a certificate says, in words."""


class Certifier:
    """Certifies solutions of one program; it holds what the certificate works in.

    Args:
        program: with the cuts that count.
    """

    def __init__(self, program: KernelProgram) -> None:
        n, m_static = len(program.cost), len(program.row_starts) - 1
        self.program = program
        self.scratch = np.empty(n), np.empty(n), np.empty(m_static), np.empty(program.n_cuts)
        self._m_static = m_static

    def judge(
        self, row_lower: Array, row_upper: Array, x: Array, y: Array, *, cost: Array | None = None
    ) -> tuple[int, float, float]:
        """Outcome, bound and gap of a solution, see `certify`; its duals are cleaned.

        Args:
            row_lower: ``[row]`` with ``row_upper``, cuts last.
            row_upper: see ``row_lower``.
            x: ``[column]``.
            y: ``[row]``.
            cost: in place of the program's own.
        """
        m = self._m_static
        program = self.program if cost is None else self.program._replace(cost=cost)
        outcome, bound, gap = certify(
            program, row_lower[:m], row_upper[:m], row_lower[m:], x, y, *self.scratch, False
        )
        return int(outcome), float(bound), float(gap)


class _Best:
    """The best bound and the best point so far."""

    def __init__(self, n_columns: int, n_rows: int) -> None:
        self.bound, self.value = -np.inf, np.inf
        self._proven_alone = False
        self.x, self.y = np.zeros(n_columns), np.zeros(n_rows)

    def take(self, outcome: int, bound: float, gap: float, x: Array, y: Array) -> None:
        if outcome == NO_BOUND or not np.isfinite(bound):
            return
        self._proven_alone = outcome == PROVEN
        if self._proven_alone or bound > self.bound:
            self.bound = bound
            self.y[:] = y
        if self._proven_alone or bound + gap < self.value:
            self.value = bound + gap
            self.x[:] = x

    @property
    def gap(self) -> float:
        return self.value - self.bound

    def is_proven(self, money: float) -> bool:
        """Whether one attempt proved it, or a point and a bound of two attempts do together."""
        enough = OBJECTIVE_TOLERANCE * abs(self.bound) + MONEY_TOLERANCE * money
        return self._proven_alone or (np.isfinite(self.value) and abs(self.gap) <= enough)


class OpeningRepair:
    """Climbs the ladder of attempts for openings of one program.

    Args:
        instance: holds the program, with all rows.
        certifier: of the program.
        room: working memory of the kernel.
        ladder: attempts of HiGHS, see `headwater.solver.retry`.
        time_budget_seconds: after which no further attempt is made at an opening.
        statistics: added to.
    """

    def __init__(
        self,
        instance: HighsInstance,
        certifier: Certifier,
        room: Packed,
        ladder: tuple[Options, ...],
        time_budget_seconds: float,
        statistics: SolverStatistics,
    ) -> None:
        self._instance = instance
        self._certifier = certifier
        self._room = room
        self._ladder = ladder
        self._time_budget_seconds = time_budget_seconds
        self._statistics = statistics

    def solve(
        self,
        opening: int,
        status: int,
        row_lower: Array,
        row_upper: Array,
        x: Array,
        y: Array,
        *,
        want_primal: bool,
    ) -> tuple[float, LpGap | None, Basis | None]:
        """The best certified answer for an opening.

        Args:
            opening: its number, for messages.
            status: of the first attempt: the certificate's outcome for what is in ``x`` and ``y``,
                or the status of HiGHS.
            row_lower: ``[row]`` with ``row_upper``, its bounds.
            row_upper: see ``row_lower``.
            x: ``[column]``, written to.
            y: ``[row]``, written to.
            want_primal: whether a feasible point is needed; a bound alone will do otherwise.

        Returns:
            Certified bound; its gap where that is above tolerance; the basis of the best answer,
            where the kernel found it.

        Raises:
            InfeasibleError: the opening has no feasible point.
            UnboundedError: its cost has no minimum.
            SolverError: no attempt gave a bound (or a point, where one is needed). All of these
                carry what was tried and the basis that HiGHS held last.
        """
        self._lower, self._upper = row_lower, row_upper
        self._best = _Best(len(x), len(y))
        self._basis: Basis | None = None
        self._attempts: list[LpAttempt] = []
        try:
            return self._climb(opening, status, x, y, want_primal=want_primal)
        except SolverError as error:
            error.attempts, error.basis = tuple(self._attempts), self._instance.held_basis()
            raise

    def _climb(
        self, opening: int, status: int, x: Array, y: Array, *, want_primal: bool
    ) -> tuple[float, LpGap | None, Basis | None]:
        """Attempt after attempt, until one is proven or none is left."""
        began, statistics = time.monotonic(), self._statistics
        verdicts: Counter[int] = Counter()
        name = _name(status)
        statistics.reasons[name] = statistics.reasons.get(name, 0) + 1
        logger.debug("opening %d: %s; trying again", opening, name)
        tried, is_done = 1, False
        try:
            if status in (BOUNDED, NO_BOUND):
                self._judge(x, y, "HiGHS")
                is_done = self._clean_up(usual_effort)
            else:
                self._attempts.append(LpAttempt("HiGHS", name))
            if self._is_proven_infeasible(status):
                raise InfeasibleError(
                    f"opening {opening} has no feasible point", status=name, opening=opening
                )
            verdicts[status] += status in (INFEASIBLE, UNBOUNDED)
            for number, level in enumerate(self._ladder, start=1):
                seconds = self._time_budget_seconds - (time.monotonic() - began)
                if is_done or verdicts[UNBOUNDED] > 1 or (seconds <= 0.0 and number > 1):
                    break
                tried += 1
                statistics.attempts += 1
                status = self._attempt(level, seconds, x, y)
                name = _name(status)
                is_done = self._is_proven or (status == OPTIMAL and self._clean_up(usual_effort))
                if self._is_proven_infeasible(status):
                    raise InfeasibleError(
                        f"opening {opening} has no feasible point", status=name, opening=opening
                    )
                verdicts[status] += status in (INFEASIBLE, UNBOUNDED)
                if is_done:
                    statistics.levels[number] = statistics.levels.get(number, 0) + 1
            # verdicts of a solver are no proof: the kernel tries alone, from where HiGHS ended and
            # from nothing
            starts = [self._slack_basis()]
            if np.isfinite(self._best.bound):
                starts.insert(0, self._instance.basis())
            for start in starts:
                if not is_done:
                    tried += 1
                    statistics.attempts += 1
                    is_done = self._clean_up(strict_effort, start)
        finally:
            self._instance.reset()
            statistics.repair_seconds += time.monotonic() - began
        return self._answer(
            opening, name, tried, verdicts, x, y, is_done=is_done, want_primal=want_primal
        )

    def _answer(
        self,
        opening: int,
        name: str,
        tried: int,
        verdicts: Counter[int],
        x: Array,
        y: Array,
        *,
        is_done: bool,
        want_primal: bool,
    ) -> tuple[float, LpGap | None, Basis | None]:
        best = self._best
        if np.isfinite(best.bound) and (np.isfinite(best.value) or not want_primal):
            x[:], y[:] = best.x, best.y
            gap = None if is_done else LpGap(0, opening, best.bound, max(best.gap, 0.0), tried)
            self._statistics.bounded += not is_done
            return best.bound, gap, self._basis
        if verdicts[UNBOUNDED] > verdicts[INFEASIBLE]:
            raise UnboundedError(
                f"the cost of opening {opening} has no minimum", status=name, opening=opening
            )
        if verdicts[INFEASIBLE] or name == STATUS_NAMES[UNBOUNDED_OR_INFEASIBLE]:
            raise InfeasibleError(
                f"opening {opening} has no feasible point", status=name, opening=opening
            )
        what = "feasible point" if np.isfinite(best.bound) else "valid bound"
        raise SolverError(
            f"opening {opening}: no {what} was found in {tried} attempts; "
            f"the last ended with: {name}",
            status=name,
            opening=opening,
        )

    @property
    def _is_proven(self) -> bool:
        return self._best.is_proven(self._certifier.program.money)

    def _attempt(self, level: Options, seconds: float, x: Array, y: Array) -> int:
        """Let HiGHS try once; returns its status."""
        instance = self._instance
        instance.apply(ladder_options(len(x)) | dict(level))
        instance.limit_time(seconds)
        status = instance.run(self._lower, self._upper)
        if status == OPTIMAL:
            instance.read_solution(x, y)
            self._judge(x, y, "HiGHS")
        else:
            self._attempts.append(LpAttempt("HiGHS", _name(status)))
        return status

    def _judge(self, x: Array, y: Array, by: str) -> None:
        outcome, bound, gap = self._certifier.judge(self._lower, self._upper, x, y)
        near = mended(self._certifier.program, y) if outcome == NO_BOUND else None
        if near is not None:
            y[:] = near
            outcome, bound, gap = self._certifier.judge(self._lower, self._upper, x, y)
        self._best.take(outcome, bound, gap, x, y)
        self._attempts.append(
            LpAttempt(by, _OUTCOMES[outcome], *((bound, gap) if outcome != NO_BOUND else ()))
        )

    def _slack_basis(self) -> Basis:
        """Every row basic, every column at a bound."""
        program = self._certifier.program
        rests = np.where(
            np.isfinite(program.lower),
            AT_LOWER,
            np.where(np.isfinite(program.upper), AT_UPPER, FREE),
        )
        return Basis(rests.astype(np.int32), np.full(len(self._lower), BASIC, np.int32))

    def _clean_up(self, effort: Callable[[int], Effort], start: Basis | None = None) -> bool:
        """Let the kernel go on from a basis, or the one that HiGHS holds.

        Returns whether the answer is proven now.
        """
        if self._is_proven:
            return True
        program, basis = self._certifier.program, self._instance.basis() if start is None else start
        final = Basis(np.empty_like(basis.columns), np.empty_like(basis.rows))
        bound, outcome, pivots = np.empty(1), np.full(1, NO_FACTOR, np.int64), np.zeros(1, np.int64)
        y, x = np.zeros((1, len(self._lower))), np.zeros((1, len(program.cost)))
        call_kernel(
            basis.columns, basis.rows, program, self._lower[None, :], self._upper[None, :],
            effort(len(program.row_starts) - 1), bound, y, x, outcome, pivots, final.columns,
            final.rows, WHOLE, 0, 1, room_for_call(), self._room.block,
        )  # fmt: skip
        self._statistics.pivots += int(pivots[0])
        if np.isfinite(bound[0]) and outcome[0] in (PROVEN, NOT_PROVEN):
            self._judge(x[0], y[0], "kernel")
            self._basis = final
        else:
            self._attempts.append(
                LpAttempt("kernel", KERNEL_OUTCOMES.get(int(outcome[0]), "no answer"))
            )
        return self._is_proven

    def _is_proven_infeasible(self, status: int) -> bool:
        """Whether HiGHS proves beyond tolerances that there is no feasible point.

        Its ray is checked.
        """
        program = self._certifier.program
        ray = np.zeros(len(self._lower))
        if status != INFEASIBLE or not self._instance.read_ray(ray) or not np.isfinite(ray).all():
            return False
        size = np.abs(ray).sum()
        nothing, nowhere = np.zeros(len(program.cost)), np.zeros(len(program.cost))
        for sign in (1.0, -1.0):
            y = sign * ray
            outcome, bound, _ = self._certifier.judge(
                self._lower, self._upper, nowhere, y, cost=nothing
            )
            if outcome != NO_BOUND and bound > FEASIBILITY_TOLERANCE * size:
                return True
        return False


def _name(status: int) -> str:
    if status in (PROVEN, BOUNDED, OPTIMAL):
        return "not proven"
    return "no bound" if status == NO_BOUND else STATUS_NAMES.get(status, f"status {status}")
