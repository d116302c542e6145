"""A certified upper bound of the optimal cost, by the inner approximation of the future cost.

From the last stage to the first, visited states are given the risk-adjusted cost of the next stage
with the inner approximation of what follows it. These costs bound the true ones from above, because
every weighing of vertices can be operated (costs are convex) and every way from there to the state
in question can be repaired at the prices used. The same at the initial state bounds the optimal
cost of the study: of its expectation, or of its nested risk measure.

Source: A. B. Philpott, V. L. de Matos and E. C. Finardi, On solving multistage stochastic programs
with coherent risk measures, Operations Research 61 (2013), 957-970.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from headwater.arrays import Array
from headwater.distributed import Interrupted, Team
from headwater.equipment.hydro.state import memory_places
from headwater.errors import ModelError
from headwater.sddp.bounds.inner_stage import with_inner_stage
from headwater.sddp.bounds.prices import lipschitz_prices
from headwater.sddp.bounds.vertices import InnerApproximation, StageVertices, choose_visits
from headwater.sddp.cuts.risk import risk_adjusted_costs
from headwater.sddp.cuts.visited_states import VisitedStates
from headwater.sddp.records.training import InnerEvaluation
from headwater.sddp.stage.batches import NoiseBatch
from headwater.sddp.stage.problem import StageProblem
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.solver import BasisBatch

LARGEST_BATCH = 64
"""Vertices per call: bounds the memory of their duals."""

MOST_TURNS = 20
"""Turns of a cycle in one evaluation."""

SMALLEST_GAIN = 1e-5
"""Relative gain of a turn below which an evaluation makes no further one."""


class UpperBound:
    """Evaluates the bound of a study whenever it is due.

    Args:
        problems: the study.

    Raises:
        ModelError: no valid bound can be given; it says why and what to change.
    """

    def __init__(self, problems: StudyProblems) -> None:
        self._problems = problems
        self._config = problems.study.config.upper_bound
        if (
            problems.study.config.inflow_non_negativity.truncates
            and memory_places(problems.layout).size
        ):
            raise ModelError(
                "there is no deterministic upper bound where inflows have lags and are truncated: "
                "costs are not convex in the lags then; set modeling.inflow_non_negativity.method "
                "to 'penalty', or switch upper_bound_evaluation off"
            )
        if any(stage.openings.factor.size for stage in problems.stages):
            raise ModelError(
                "there is no deterministic upper bound where noise multiplies past inflows: what "
                "a change of them costs depends on the opening; take stochastic.inflow_noise "
                "'three_parameter', or switch upper_bound_evaluation off"
            )
        self.prices, self.certified = lipschitz_prices(problems, self._config)

    def evaluate(
        self,
        team: Team,
        visited: VisitedStates,
        iteration: int,
        previous: InnerApproximation | None,
        should_stop: Callable[[], bool],
    ) -> tuple[InnerApproximation, InnerEvaluation]:
        """Bound the optimal cost with the states visited so far.

        Args:
            team: threads; the result does not depend on them.
            visited: archive of visited states.
            iteration: the iteration that was just finished.
            previous: what the evaluation before left.
            should_stop: asked between batches.

        Raises:
            Interrupted: ``should_stop`` said so.
            SolverError: a stage could not be solved.
        """
        started = time.perf_counter()
        problems = self._problems
        sweep = _Sweep(problems, team, iteration, should_stop)
        stages = [StageVertices.none(problems.layout.dimension)] * problems.n_stages
        for t in range(problems.n_stages):
            if problems.successor(t) is not None:
                visits = choose_visits(
                    visited.stages[t].visited, self._config.max_vertices_per_stage
                )
                points = np.ascontiguousarray(visited.stages[t].visited[visits])
                stages[t] = StageVertices(
                    points, np.empty(0), self.prices[t].above, self.prices[t].below
                )
        if problems.system.horizon.is_cyclic:
            stages[-1] = self._round_the_cycle(
                sweep, stages, None if previous is None else previous.stages[-1]
            )
        for t in range(problems.n_stages - 2, -1, -1):
            stages[t] = replace(
                stages[t], values=sweep.costs(t + 1, stages[t + 1], stages[t].points)
            )
        value = float(sweep.costs(0, stages[0], problems.initial_state[None, :])[0])
        best = value if previous is None else min(value, previous.upper_bound)
        inner = InnerApproximation(tuple(stages), iteration, value, best)
        seconds = time.perf_counter() - started
        return inner, InnerEvaluation(
            iteration, value, best, inner.n_vertices, sweep.n_solved, seconds, self.certified
        )

    def _round_the_cycle(
        self, sweep: _Sweep, stages: list[StageVertices], before: StageVertices | None
    ) -> StageVertices:
        """Vertices of the last stage of a cycle.

        They are improved turn by turn from bounds that are known to hold.

        Costs that are bounded from above stay so when they go round the cycle once more. Where one
        turn takes at least ``m`` off every vertex, all the turns to come take
        ``m / (1 - discount of a turn)`` off, at once.
        """
        cycle, factors = self._problems.system.horizon.cycle, self._problems.system.discount_factors
        discount = float(np.prod(factors[cycle.start :]))

        def turn(last: StageVertices, points: Array) -> Array:
            following = last
            for t in reversed(cycle[:-1]):
                following = replace(
                    stages[t], values=sweep.costs(t + 1, following, stages[t].points)
                )
            return sweep.costs(cycle.start, following, points)

        if before is None:
            # One state alone: what a turn from there costs, for ever, with the way back to it paid
            # at the end of every turn.
            one = replace(stages[-1], points=stages[-1].points[:1], values=np.zeros(1))
            before = replace(one, values=turn(one, one.points) / (1.0 - discount))
        last = replace(stages[-1], values=turn(before, stages[-1].points))
        for _ in range(MOST_TURNS):
            values = turn(last, last.points)
            gain = last.values - values
            sure = max(0.0, float(gain.min())) / (1.0 - discount)
            last = replace(last, values=np.minimum(values, last.values) - discount * sure)
            if gain.max() + sure <= SMALLEST_GAIN * max(1.0, float(np.abs(values).max())):
                break
        return last


class _Sweep:
    """Solves stages with the inner approximation of what follows, and counts.

    Attributes:
        n_solved: stage problems solved.
    """

    def __init__(
        self, problems: StudyProblems, team: Team, iteration: int, should_stop: Callable[[], bool]
    ) -> None:
        self._problems = problems
        self._team = team
        self._iteration = iteration
        self._should_stop = should_stop
        self.n_solved = 0

    def costs(self, t: int, vertices: StageVertices, points: Array) -> Array:
        """Risk-adjusted cost in $ of entering stage position ``t`` at each point.

        ``vertices`` bound what follows it.
        """
        problems = with_inner_stage(self._problems, t, vertices)
        values = _costs(problems, self._team, t, points, self._iteration, self._should_stop)
        self.n_solved += values.size
        weights = problems.stages[t].opening_weights
        return risk_adjusted_costs(weights.measure, weights.probability, values)


def _costs(
    problems: StudyProblems,
    team: Team,
    t: int,
    points: Array,
    iteration: int,
    should_stop: Callable[[], bool],
) -> Array:
    """Optimal costs of stage position ``t`` from each point, ``[point, opening]`` in $.

    There is one for each opening of the tree.
    """
    problem = problems.stages[t]
    costs = np.empty((len(points), len(problem.openings.innovation)))
    if not len(points):
        return costs
    first = SolverPool(problems)
    basis = first.solve(
        t, points[0], _first_opening(problem), None, iteration=iteration
    ).results.basis
    programs = [first, *(SolverPool(problems) for _ in range(team.n_threads - 1))]

    def work(worker: int, part: range) -> None:
        for start in range(part.start, part.stop, LARGEST_BATCH):
            if should_stop():
                raise Interrupted
            batch = slice(start, min(start + LARGEST_BATCH, part.stop))
            bases = BasisBatch.repeated(basis, batch.stop - batch.start)
            solved = programs[worker].solve_tree(
                t, points[batch], bases, first=start, iteration=iteration
            )
            costs[batch] = problem.trial_costs(solved)

    team.run(work, len(points))
    team.communicator.gather_rows(costs)
    return costs


def _first_opening(problem: StageProblem) -> NoiseBatch:
    return problem.openings.alone(0)
