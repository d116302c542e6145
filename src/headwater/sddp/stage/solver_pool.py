"""The solver instances of a thread.

Solving stages of a study by their position, and saying what could not be solved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headwater.errors import InfeasibleError, SolverError
from headwater.lp import NamedProgram
from headwater.sddp.records.effort import BACKWARD, FORWARD, LOWER_BOUND, SIMULATION
from headwater.sddp.stage.batches import NoiseBatch, Solved, SolvedTrials
from headwater.sddp.stage.explanation import explain, usual_causes
from headwater.sddp.stage.head_refinement import HeadRefinement
from headwater.sddp.stage.problems import StudyProblems
from headwater.solver import (
    Basis,
    BasisBatch,
    HighsProgram,
    KernelScratch,
    LpAttempt,
    LpGap,
    SolverStatistics,
    usual_effort,
)
from headwater.solver.packing_kernel import Packed
from headwater.solver.simplex_kernel import Effort


class SolverPool:
    """The solver instances of one thread, one per stage, made when first used."""

    def __init__(self, problems: StudyProblems) -> None:
        self._problems = problems
        self._held: list[HighsProgram | None] = [None] * problems.n_stages
        self._scratch = KernelScratch()
        self._spent = (0.0, 0.0, 0.0)
        self._noted: dict[int, SolverStatistics] = {}
        self._gaps: list[tuple[int, LpGap]] = []
        # of the same size for all threads from the start: nothing may depend on the order in which
        # a thread meets the stages
        self.scratch_for(max(stage.rows.n_rows for stage in problems.stages))

    def scratch_for(self, n_cuts: int) -> Packed:
        """Room for the kernel, large enough for every stage with so many rows of cuts."""
        sizes = [stage.kernel_sizes(n_cuts) for stage in self._problems.stages]
        n, m_static, n_cuts, places, entries = (max(each) for each in zip(*sizes, strict=True))
        return self._scratch.of((n, m_static, n_cuts, places, entries))

    def effort(self, t: int) -> Effort:
        """How hard the kernel tries."""
        return usual_effort(self._problems.stages[t].form.n_rows)

    def note(self, t: int, n_bases: int, n_solves: int, n_pivots: int, seconds: float) -> None:
        """Add what compiled code solved for stage position ``t`` without a solver instance."""
        noted = self._noted.setdefault(t, SolverStatistics())
        noted.bases += n_bases
        noted.solves += n_solves
        noted.pivots += int(n_pivots)
        noted.kernel_seconds += float(seconds)

    def solve(
        self,
        t: int,
        state: NDArray[np.float64],
        noise: NoiseBatch,
        basis: Basis | None,
        *,
        want_primal: bool = False,
        scenario: int | None = None,
        iteration: int | None = None,
    ) -> Solved:
        """Solve stage position ``t``, loading the cuts that were added since this thread last did.

        Raises:
            SolverError: with stage, scenario and iteration filled in.
        """
        problem, program = self._problems.stages[t], self._ready(t)
        start = None if basis is None else basis.extended(program.n_rows)
        try:
            solved = problem.solve(program, state, noise, start, want_primal=want_primal)
        except SolverError as error:
            why = explain(error, self._problems.system, problem, state, noise, error.opening)
            raise self._located(error, t, LOWER_BOUND, scenario, iteration, why) from error
        self._note_gaps(t, solved.results.gaps, [scenario or 0])
        return solved

    def solve_each(
        self,
        t: int,
        states: NDArray[np.float64],
        noise: NoiseBatch,
        bases: BasisBatch | None,
        *,
        openings: NDArray[np.int64] | None = None,
        first: int = 0,
        numbers: NDArray[np.int64] | None = None,
        iteration: int | None = None,
        refinement: HeadRefinement | None = None,
    ) -> SolvedTrials:
        """Solve stage position ``t`` for several trials with an opening each, with primal values.

        Args:
            t: stage position.
            states: ``[trial, n_state]``.
            noise: openings.
            bases: where each trial starts; ``None`` starts all from one cold solve at the initial
                state and mean noise.
            openings: ``[trial]`` places in ``noise``; ``None`` for as many openings as trials, in
                their order.
            first: number of the first trial, for messages.
            numbers: number of every trial, where they do not just count on from the first.
            iteration: for messages.
            refinement: productivity that follows storage, where a plant of the stage has it.

        Raises:
            SolverError: with stage, scenario and iteration filled in.
        """
        problem, program = self._problems.stages[t], self._ready(t)
        if bases is None:
            bases = BasisBatch.repeated(self.cold_basis(t), len(states))
        try:
            if refinement is not None:
                solved = refinement.solve_each(states, noise, bases)
            else:
                solved = problem.solve_each(program, states, noise, bases, openings=openings)
        except SolverError as error:
            trial = error.trial or 0
            taken = trial if openings is None else int(openings[trial])
            if refinement is not None:
                problem = refinement.problem_at(states[trial])
            why = explain(error, self._problems.system, problem, states[trial], noise, taken)
            number = first + trial if numbers is None else int(numbers[trial])
            task = SIMULATION if iteration is None else FORWARD
            drawn = None if openings is None else taken
            raise self._located(_under(error, drawn), t, task, number, iteration, why) from error
        self._note_gaps(
            t,
            solved.results.gaps,
            range(first, first + len(states)) if numbers is None else numbers,
            openings,
        )
        return solved

    def solve_tree(
        self,
        t: int,
        states: NDArray[np.float64],
        bases: BasisBatch,
        *,
        first: int = 0,
        iteration: int | None = None,
        task: str = BACKWARD,
    ) -> SolvedTrials:
        """Solve stage position ``t`` for several trials under every opening of the tree.

        ``task`` is for messages.

        Raises:
            SolverError: with stage, scenario and iteration filled in.
        """
        problem = self._problems.stages[t]
        try:
            solved = problem.solve_tree(self._ready(t), states, bases)
        except SolverError as error:
            trial = error.trial or 0
            why = explain(
                error,
                self._problems.system,
                problem,
                states[trial],
                problem.openings,
                error.opening,
            )
            raise self._located(error, t, task, first + trial, iteration, why) from error
        self._note_gaps(t, solved.results.gaps, range(first, first + len(states)))
        return solved

    def _located(
        self,
        error: SolverError,
        t: int,
        task: str,
        scenario: int | None,
        iteration: int | None,
        why: str | None,
    ) -> SolverError:
        """The same error with stage, scenario and iteration, and what to do about it.

        Money is in $.
        """
        study, scale = self._problems.study, self._problems.stages[t].form.cost_scale
        stage = study.system.stages[t]
        where = f"stage {stage.id} ({stage.start_date} to {stage.end_date})"
        if iteration is not None:
            where += f", iteration {iteration}"
        if scenario is not None:
            where += f", scenario {scenario}"
        hint = usual_causes(study) if why is None and isinstance(error, InfeasibleError) else ""
        located = type(error)(f"{where}: {error}{f': {why}' if why else ''}{hint}").about(error)
        located.task, located.stage_id, located.scenario, located.iteration = (
            task,
            stage.id,
            scenario,
            iteration,
        )
        if isinstance(error.lp, NamedProgram):
            under = "" if error.opening is None else f", opening {error.opening}"
            located.lp = replace(
                error.lp, title=f"{study.name or 'study'}, {where}{under}; money in $"
            )
        located.attempts = tuple(
            one._replace(bound=one.bound * scale, gap=one.gap * scale)
            for one in error.attempts
            if isinstance(one, LpAttempt)
        )
        return located

    def _note_gaps(
        self,
        t: int,
        gaps: tuple[LpGap, ...],
        numbers: Sequence[int] | NDArray[np.int64],
        openings: NDArray[np.int64] | None = None,
    ) -> None:
        """Keep what was solved with a gap above tolerance, in $.

        By the numbers of trials and openings.
        """
        scale = self._problems.stages[t].form.cost_scale
        for gap in gaps:
            opening = gap.opening if openings is None else int(openings[gap.trial])
            self._gaps.append(
                (
                    t,
                    LpGap(
                        int(numbers[gap.trial]),
                        opening,
                        gap.bound * scale,
                        gap.gap * scale,
                        gap.attempts,
                    ),
                )
            )

    def take_gaps(self) -> list[tuple[int, LpGap]]:
        """Stage positions and LPs whose gap is above tolerance, in $, since this was last asked."""
        gaps, self._gaps = self._gaps, []
        return gaps

    def _ready(self, t: int) -> HighsProgram:
        """The instance of a stage."""
        program = self._held[t]
        if program is None:
            problem = self._problems.stages[t]
            program = self._held[t] = problem.new_program(
                self._problems.study.config.training.solver, self._scratch
            )
        return program

    def cold_basis(self, t: int) -> Basis:
        """Where trials without a basis start.

        The basis of a cold solve, the same for every thread, with all rows.
        """
        return self._problems.cold_bases.get(t, lambda: self._solve_cold(t)).extended(
            self._problems.stages[t].n_rows
        )

    def _solve_cold(self, t: int) -> Basis:
        """Basis of a cold solve at the initial state and mean noise.

        Where that cannot be solved, it is the basis of slacks.

        No trial need ever come there, so it is no reason to end a run.
        """
        uncertainty, problem = self._problems.uncertainty, self._problems.stages[t]
        eta = uncertainty.central_noise(t)
        load, available = uncertainty.load_mw(t, eta), uncertainty.available_mw(t, eta)
        batch = problem.noise_batch(
            uncertainty.innovation_m3s(t, eta), load, available, uncertainty.lag_factor(t, eta)
        )
        program = self._ready(t)
        # left out of the account: how many such solves there are depends on how work is shared out
        done, program.statistics = program.statistics, SolverStatistics()
        try:
            return problem.solve(
                program, self._problems.initial_state, batch, None, want_primal=False
            ).results.basis
        except SolverError:
            return Basis(
                np.zeros(problem.form.n_columns, np.int32), np.ones(program.n_rows, np.int32)
            )
        finally:
            program.statistics = done

    def take_efforts(self) -> dict[int, dict[str, float]]:
        """What the solver instances of this thread did since this was last asked.

        By stage position, see `SolverStatistics.effort`.

        Stages without a solve are left out, and so are cold solves that give bases to start from.
        """
        efforts: dict[int, dict[str, float]] = {}
        for t, noted in self._noted.items():
            efforts[t] = noted.effort()
            self._spent = _added(self._spent, noted)
        self._noted = {}
        for t, program in enumerate(self._held):
            if program is not None and program.statistics.solves:
                effort = program.statistics.effort()
                for name, count in efforts.get(t, {}).items():
                    effort[name] = effort.get(name, 0) + count
                efforts[t] = effort
                self._spent = _added(self._spent, program.statistics)
                program.statistics = SolverStatistics()
        return efforts

    def seconds(self) -> tuple[float, float, float]:
        """Seconds that this thread has spent in the kernel and in HiGHS.

        The seconds of further attempts of HiGHS are counted apart as well.
        """
        spent = self._spent
        for program in self._held:
            if program is not None:
                spent = _added(spent, program.statistics)
        return spent


def _under(error: SolverError, opening: int | None) -> SolverError:
    """The error of an LP that stands alone.

    With the opening of the tree that it was solved for, if it is one of those.
    """
    named = "the problem" if opening is None else f"opening {opening}"
    renamed = type(error)(str(error).replace(f"opening {error.opening}", named, 1)).about(error)
    renamed.opening = opening
    return renamed


def _added(spent: tuple[float, float, float], more: SolverStatistics) -> tuple[float, float, float]:
    kernel, highs, repair = spent
    return kernel + more.kernel_seconds, highs + more.highs_seconds, repair + more.repair_seconds
