"""Walking scenarios through the stages with a finished policy.

Those that cannot be solved stay behind.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import Interrupted, ThreadTeam
from headwater.errors import SolverError
from headwater.lp import StageSolutions
from headwater.sddp.passes.forward import Drawn, draw_noise
from headwater.sddp.records.simulation import ScenarioFailure, ScenarioGap
from headwater.sddp.stage.batches import SolvedTrials
from headwater.sddp.stage.head_refinement import HeadRefinement
from headwater.sddp.stage.problem import StageProblem
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.stage.walk import Walk
from headwater.solver import Basis, BasisBatch
from headwater.stochastic import Sampler


@dataclass
class Walked:
    """Scenarios that went through the stages.

    Attributes:
        scenarios: ``[scenario]`` their numbers.
        solutions: per visit of a stage; rows of scenarios that failed before or there mean nothing.
            With regimes, those of all of them together.
        failed: ``[scenario]`` whether a stage could not be solved.
        truncated, lp_solves: ``[scenario]`` inflows raised to zero, problems solved.
        retries: ``[scenario]`` problems that took more than one attempt, counted at the first of
            those solved together.
        seconds: ``[scenario]`` share of the time of those solved together.
        failures: in the order of scenarios.
        gaps: LPs whose gap is above tolerance, in the order of scenarios and stages.
    """

    scenarios: NDArray[np.int64]
    solutions: list[Any]
    failed: NDArray[np.bool_]
    truncated: NDArray[np.int64]
    retries: NDArray[np.int64]
    lp_solves: NDArray[np.int64]
    seconds: NDArray[np.float64]
    failures: list[ScenarioFailure]
    gaps: list[ScenarioGap]

    @classmethod
    def empty(cls, problems: StudyProblems, visits: Walk, scenarios: NDArray[np.int64]) -> Walked:
        """Room for some scenarios."""
        walked, n = cls.without_solutions(scenarios), len(scenarios)
        walked.solutions = [
            StageSolutions.empty(problems.stages[t].template, n, float(discount), stage.id)
            for t, stage, discount in zip(
                visits.positions, visits.stages, visits.cumulative_discount, strict=True
            )
        ]
        return walked

    @classmethod
    def without_solutions(cls, scenarios: NDArray[np.int64]) -> Walked:
        """Room for what is told of some scenarios, with no room for solutions yet."""
        n = len(scenarios)
        return cls(
            scenarios=scenarios,
            solutions=[],
            failed=np.zeros(n, np.bool_),
            truncated=np.zeros(n, np.int64),
            retries=np.zeros(n, np.int64),
            lp_solves=np.zeros(n, np.int64),
            seconds=np.zeros(n),
            failures=[],
            gaps=[],
        )

    def put_in_order(self) -> None:
        """Sort what threads have told, by scenario."""
        self.failures.sort(key=lambda failure: failure.scenario_id)
        # stable: the LPs of a scenario stay in the order of its stages
        self.gaps.sort(key=lambda gap: gap.scenario_id)


class ScenarioWalk:
    """Solves scenarios, shared out over threads.

    A scenario comes out the same whichever others are solved with it.

    Args:
        problems: the stages with their cuts.
        visits: which of them are visited, in what order.
        team: worker threads.
        sampler: noise of the scenarios.
        bases: per stage, where solves start; ``None`` starts from a cold solve.
        most_failures: failures after which there is no point in going on; ``None`` lets the first
            end the walk.
        should_stop: asked between stages.

    Attributes:
        last_failure: of a scenario that was left behind.
    """

    def __init__(
        self,
        problems: StudyProblems,
        visits: Walk,
        team: ThreadTeam,
        sampler: Sampler,
        bases: Sequence[Basis | None],
        *,
        most_failures: int | None,
        should_stop: Callable[[], bool],
    ) -> None:
        self._problems = problems
        self._visits = visits
        self._team = team
        self._sampler = sampler
        self._bases = bases
        self._most_failures = most_failures
        self._should_stop = should_stop
        self._programs = [SolverPool(problems) for _ in range(team.n_workers)]
        self._heads = [HeadRefinement.of_stage(problems.study, stage) for stage in problems.stages]
        self._lock = threading.Lock()
        self.last_failure: SolverError | None = None

    def __call__(self, scenarios: NDArray[np.int64]) -> Walked:
        """Solve all stages of some scenarios.

        Raises:
            SolverError: a stage could not be solved, and failures are not allowed or too many.
            Interrupted: the run was asked to stop.
        """
        problems, sampler = self._problems, self._sampler
        drawn = draw_noise(problems, self._visits, sampler, 0, scenarios)
        memory = sampler.initial_memory_m3s(0, scenarios)
        walked = Walked.empty(problems, self._visits, scenarios)

        def walk(worker: int, places: range) -> None:
            started = time.perf_counter()
            alive = np.arange(places.start, places.stop)
            states = problems.starting_states(len(alive), None if memory is None else memory[alive])
            for visit, t in enumerate(self._visits.positions):
                alive, states, solved = self.solve_stage(
                    worker, visit, alive, states, drawn[visit], walked
                )
                if solved is None:
                    break
                outgoing, _, future = problems.stages[t].leave(solved)
                self.keep(
                    visit, walked.solutions[visit], (alive, alive), drawn[visit], solved, future
                )
                if solved.truncated is not None:
                    walked.truncated[alive] += solved.truncated.sum(axis=1)
                states = outgoing
            walked.seconds[places.start : places.stop] = (time.perf_counter() - started) / max(
                len(places), 1
            )

        self._team.run(walk, range(len(scenarios)))
        walked.put_in_order()
        return walked

    def solve_stage(
        self,
        worker: int,
        visit: int,
        alive: NDArray[np.int64],
        states: NDArray[np.float64],
        drawn: Drawn,
        walked: Walked,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], SolvedTrials | None]:
        """Solve a stage for the scenarios that got there.

        Who cannot be solved is left behind and the others solved again.
        """
        t = self._visits.positions[visit]
        problem, start = self._problems.stages[t], self._bases[t]
        while len(alive):
            if self._should_stop():
                raise Interrupted
            batch = problem.noise_batch(*(values[alive] for values in drawn))
            starts = (
                None
                if start is None
                else BasisBatch.repeated(start.extended(problem.n_rows), len(alive))
            )
            numbers = walked.scenarios[alive]
            try:
                solved = self._programs[worker].solve_each(
                    t, states, batch, starts, numbers=numbers, refinement=self._heads[t]
                )
            except SolverError as error:
                self._left_behind(error, visit, walked, alive)
                staying = np.arange(len(alive)) != error.trial
                alive, states = alive[staying], states[staying]
                continue
            self._note_gaps(worker, visit, walked)
            walked.lp_solves[alive] += 1
            walked.retries[alive[0]] += solved.results.retries
            return alive, states, solved
        return alive, states, None

    def _note_gaps(self, worker: int, visit: int, walked: Walked) -> None:
        """Note LPs of a stage that were solved with a gap above tolerance."""
        taken, stage_id = self._programs[worker].take_gaps(), self._visits.stages[visit].id
        if taken:
            with self._lock:
                walked.gaps += [
                    ScenarioGap(gap.trial, stage_id, gap.bound, gap.gap, gap.attempts)
                    for _, gap in taken
                ]

    def _left_behind(
        self, error: SolverError, visit: int, walked: Walked, alive: NDArray[np.int64]
    ) -> None:
        """Note a scenario that could not be solved, or give up."""
        if self._most_failures is None or error.trial is None:
            raise error
        self.last_failure = error
        place = int(alive[error.trial])
        with self._lock:
            walked.failed[place] = True
            stage_id = self._visits.stages[visit].id
            walked.failures.append(
                ScenarioFailure(int(walked.scenarios[place]), stage_id, str(error))
            )
            if len(walked.failures) > self._most_failures:
                n = len(walked.failures)
                raise SolverError(
                    f"{n} scenario{'s' if n > 1 else ''} could not be solved, more than the 1 % "
                    f"that may be left out (simulation.on_failure); the last: {error}"
                ).about(error) from error

    def keep(
        self,
        visit: int,
        out: StageSolutions,
        places: tuple[NDArray[np.int64], NDArray[np.int64]],
        drawn: Drawn,
        solved: SolvedTrials,
        future_cost: NDArray[np.float64],
    ) -> None:
        """Write the solutions of a stage into their places.

        Args:
            visit: which visit.
            out: where to.
            places: ``[trial]`` rows of ``out``, and of what was drawn.
            drawn: what was random.
            solved: the trials.
            future_cost: ``[trial]`` in $, see `StageProblem.leave`.
        """
        rows, of_drawn = places
        out.load_mw[rows] = drawn[1][of_drawn]
        problem = self._problems.stages[self._visits.positions[visit]]
        keep_solutions(problem, solved, future_cost, out, rows)


def keep_solutions(
    problem: StageProblem,
    solved: SolvedTrials,
    future_cost: NDArray[np.float64],
    out: StageSolutions,
    places: NDArray[np.int64],
) -> None:
    """Write solutions of trials with an opening each into places of the solutions of a stage.

    Loads stay as they are.

    Args:
        problem: the stage.
        solved: the trials.
        future_cost: ``[trial]`` in $, see `StageProblem.leave`.
        out: where to.
        places: ``[trial]`` rows of ``out``.
    """
    form, states = problem.form, solved.states
    if solved.productivity is not None:
        out.productivity[places] = solved.productivity
    out.state[places] = states
    out.primal[places] = form.full_primals(problem.primals(solved), states, solved.innovation)
    out.future_cost[places] = future_cost
    duals = problem.row_duals(solved)
    out.load_dual[places] = duals[:, form.load_rows]
    out.generic_dual[places] = duals[:, form.row_positions(problem.template.rows["generic"])]
    slopes = problem.slopes(solved, np.ones((len(places), 1)))
    out.worth[places] = -slopes[:, form.template.layout.priced]
