"""A certified upper bound of the optimal cost, by the inner approximation of the future cost.

From the last stage to the first, visited states are given the risk-adjusted cost of the next stage with the inner approximation
of what follows it. These costs bound the true ones from above, because every weighing of vertices can be operated (costs are
convex) and every way from there to the state in question can be repaired at the prices used. The same at the initial state
bounds the optimal cost of the study: of its expectation, or of its nested risk measure.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import Interrupted, Team
from headwater.errors import ModelError
from headwater.lp import StageForm, StatePrices, incoming_state_prices, make_form
from headwater.model import Formulation, LipschitzMode, UpperBoundConfig
from headwater.sddp.inner_stage import with_inner_stage
from headwater.sddp.problems import StudyProblems
from headwater.sddp.records import InnerEvaluation
from headwater.sddp.risk import risk_adjusted_costs
from headwater.sddp.stage_problem import NoiseBatch, StageProblem
from headwater.sddp.vertices import InnerApproximation, StageVertices, choose_visits
from headwater.sddp.visited_states import VisitedStates
from headwater.solver import BasisBatch

Array = NDArray[np.float64]

LARGEST_BATCH = 64
"""Vertices per call: bounds the memory of their duals."""


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
        if problems.study.config.inflow_non_negativity.truncates and problems.layout.n_lags + problems.layout.n_accumulators:
            raise ModelError(
                "there is no deterministic upper bound where inflows have lags and are truncated: costs are not convex in the "
                "lags then; set modeling.inflow_non_negativity.method to 'penalty', or switch upper_bound_evaluation off"
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
        problems, n_solved = self._problems, 0
        last = problems.n_stages - 1
        stages = [StageVertices.none(problems.layout.dimension)] * problems.n_stages
        for t in range(last - 1, -1, -1):
            problems = with_inner_stage(problems, t + 1, stages[t + 1])
            visits = choose_visits(visited.stages[t].visited, self._config.max_vertices_per_stage)
            points = np.ascontiguousarray(visited.stages[t].visited[visits])
            values = _costs(problems, team, t + 1, points, iteration, should_stop)
            n_solved += values.size
            costs = _risk_adjusted(problems, t + 1, values)
            stages[t] = StageVertices(points, costs, self.prices[t].above, self.prices[t].below)
        problems = with_inner_stage(problems, 0, stages[0])
        values = _costs(problems, team, 0, problems.initial_state[None, :], iteration, should_stop)
        n_solved += values.size
        value = float(_risk_adjusted(problems, 0, values)[0])
        best = value if previous is None else min(value, previous.upper_bound)
        inner = InnerApproximation(tuple(stages), iteration, value, best)
        seconds = time.perf_counter() - started
        return inner, InnerEvaluation(iteration, value, best, inner.n_vertices, n_solved, seconds, self.certified)


def lipschitz_prices(problems: StudyProblems, config: UpperBoundConfig) -> tuple[list[StatePrices], bool]:
    """Prices of the state that leaves each stage, ``[stage]``, as the configuration has it, and whether all were derived.

    Raises:
        ModelError: a component has no price that is known to be large enough, and none is given.
    """
    n_state, n_stages = problems.layout.dimension, problems.n_stages
    if config.lipschitz is LipschitzMode.FIXED:
        assert config.fallback_value is not None
        given = np.full(n_state, config.fallback_value)
        return [StatePrices(given, given)] * (n_stages - 1) + [StatePrices.none(n_state)], False
    prices = [terminal_prices(problems)]
    for t in range(n_stages - 1, 0, -1):
        prices.insert(0, incoming_state_prices(_condensed(problems, t), prices[0], share_shortage=_may_share(problems, t)))
    certified = all(np.isfinite(side).all() for p in prices for side in (p.above, p.below))
    finite = [StatePrices(*(_finite(problems, t, side, config) for side in (p.above, p.below))) for t, p in enumerate(prices)]
    scaled = [StatePrices(config.scale_factor * p.above, config.scale_factor * p.below) for p in finite[:-1]]
    return scaled + finite[-1:], certified


def terminal_prices(problems: StudyProblems) -> StatePrices:
    """Prices of the state that leaves the last stage: nothing follows, or the cuts that were given for what does."""
    pool = problems.pools[-1]
    slopes = pool.coefficients[pool.active_slots()]
    if not len(slopes):
        return StatePrices.none(problems.layout.dimension)
    return StatePrices(np.maximum(slopes.max(axis=0), 0.0), np.maximum(-slopes.min(axis=0), 0.0))


def _condensed(problems: StudyProblems, t: int) -> StageForm:
    form = problems.stages[t].form
    if problems.study.config.training.formulation is Formulation.CONDENSED:
        return form
    return make_form(form.template, Formulation.CONDENSED, form.cost_scale)


def _may_share(problems: StudyProblems, t: int) -> bool:
    """Whether the users of water may share a shortage: it cannot be bought, and inflows are never negative nor state."""
    method = problems.study.config.inflow_non_negativity
    if method.has_slack or problems.layout.n_lags or problems.layout.n_accumulators:
        return False
    return method.truncates or bool((problems.stages[t].openings.innovation >= 0.0).all())


def _finite(problems: StudyProblems, t: int, prices: Array, config: UpperBoundConfig) -> Array:
    """The prices with the fallback in place of unknown ones."""
    unknown = np.flatnonzero(~np.isfinite(prices))
    if not len(unknown):
        return prices
    if config.fallback_value is not None:
        return np.where(np.isfinite(prices), prices, config.fallback_value)
    named = problems.layout.describe()[int(unknown[0])]
    owner = f"hydro {named['hydro_id']}" if "hydro_id" in named else f"thermal {named['thermal_id']}"
    raise ModelError(
        f"the deterministic upper bound has no price for the {named['kind'].replace('_', ' ')} of {owner} after stage "
        f"{problems.system.stages[t].id}: nothing is sure to make good a change of it ({len(unknown)} such components); give "
        "modeling.inflow_non_negativity.method 'penalty', slack to user constraints, or "
        "upper_bound_evaluation.lipschitz.fallback_value (the bound is then only as good as that value)"
    )


def _costs(
    problems: StudyProblems, team: Team, t: int, points: Array, iteration: int, should_stop: Callable[[], bool]
) -> Array:
    """Optimal costs of stage position ``t`` from each point under each opening of the tree, ``[point, opening]`` in $."""
    problem = problems.stages[t]
    costs = np.empty((len(points), len(problem.openings.innovation)))
    if not len(points):
        return costs
    first = problems.new_programs()
    basis = first.solve(t, points[0], _first_opening(problem), None, iteration=iteration).results.basis
    programs = [first, *(problems.new_programs() for _ in range(team.n_threads - 1))]

    def work(worker: int, part: range) -> None:
        for start in range(part.start, part.stop, LARGEST_BATCH):
            if should_stop():
                raise Interrupted
            batch = slice(start, min(start + LARGEST_BATCH, part.stop))
            bases = BasisBatch.repeated(basis, batch.stop - batch.start)
            solved = programs[worker].solve_tree(t, points[batch], bases, first=start, iteration=iteration)
            costs[batch] = problem.trial_objectives(solved)

    team.run(work, len(points))
    team.communicator.gather_rows(costs)
    return costs


def _risk_adjusted(problems: StudyProblems, t: int, costs: Array) -> Array:
    return risk_adjusted_costs(problems.system.stages[t].risk, problems.uncertainty.tree.probability[t], costs)


def _first_opening(problem: StageProblem) -> NoiseBatch:
    noise = problem.openings
    return NoiseBatch(noise.innovation[:1], noise.demand_shift[:1], noise.row_shift[:1], noise.exogenous[:1])
