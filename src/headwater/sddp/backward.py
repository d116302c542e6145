"""Backward pass: a cut per trajectory and stage, from the optimal values and duals of all openings of the next stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import Interrupted, Team
from headwater.sddp import stage_kernel as kernel
from headwater.sddp.problems import Programs, StudyProblems
from headwater.sddp.risk import risk_weights
from headwater.sddp.stage_problem import Solved, SolvedTrials, StageProblem
from headwater.sddp.trajectories import TrajectoryStore
from headwater.solver import Basis

Array = NDArray[np.float64]

LARGEST_BATCH = 64
"""Trials per call: bounds the memory of their duals."""


@dataclass(frozen=True)
class Aggregated:
    """The risk-adjusted value of a stage at one state, and its slope.

    Attributes:
        value: in $.
        slope: ``[n_state]`` in $ per unit of incoming state.
    """

    value: float
    slope: Array

    def intercept(self, state: Array) -> float:
        """Intercept of the cut through this point."""
        return self.value - float(kernel.dot(self.slope, state))


def aggregate(problems: StudyProblems, t: int, solved: Solved) -> Aggregated:
    """Weigh the openings of stage position ``t`` with its risk measure."""
    problem: StageProblem = problems.stages[t]
    objective = problem.objective(solved)
    weights = risk_weights(problems.system.stages[t].risk, problems.uncertainty.tree.probability[t], objective)
    return Aggregated(float(kernel.dot(weights, objective)), problem.slope(solved, weights))


def aggregate_trials(problems: StudyProblems, t: int, solved: SolvedTrials) -> tuple[Array, Array]:
    """The same for several trials: values ``[trial]`` and slopes ``[trial, n_state]``."""
    problem, risk = problems.stages[t], problems.system.stages[t].risk
    objective, probability = problem.trial_objectives(solved), problems.uncertainty.tree.probability[t]
    weights = np.array([risk_weights(risk, probability, outcomes) for outcomes in objective]).reshape(objective.shape)
    return kernel.weighted_sums(weights, objective), problem.slopes(solved, weights)


def run_backward(
    problems: StudyProblems,
    team: Team,
    programs: list[Programs],
    store: TrajectoryStore,
    iteration: int,
    should_stop: Callable[[], bool],
) -> int:
    """Add one cut per trajectory to the pool of every stage that another one follows; returns the number of cuts added.

    Stages are done from the last to the first: cuts of this iteration at ``t + 1`` are in force when ``t`` is built. Where the
    last stage leads back into a cycle, the first stage of the cycle is solved with the cuts of the iteration before. Every rank
    makes the cuts of its own trajectories and receives the others', in the order of trajectories.

    Raises:
        Interrupted: ``should_stop`` said so between two stages, on any rank.
        RankError: another rank failed.
    """
    n_trajectories = len(store.costs)
    tolerance = problems.study.config.training.cut_activity_tolerance
    added = 0
    for t in range(problems.n_stages - 1, -1, -1):
        s = problems.successor(t)
        if s is None:
            continue
        intercepts, slopes = problems.pools[t].room(n_trajectories)
        successor = problems.stages[s]
        store.bases[s].grow(successor.n_rows)

        def work(
            worker: int,
            trajectories: range,
            t: int = t,
            s: int = s,
            successor: StageProblem = successor,
            intercepts: Array = intercepts,
            slopes: Array = slopes,
        ) -> NDArray[np.int64]:
            counts = np.zeros(successor.rows.n_rows, np.int64)
            for start in range(trajectories.start, trajectories.stop, LARGEST_BATCH):
                if should_stop():
                    raise Interrupted
                batch = range(start, min(start + LARGEST_BATCH, trajectories.stop))
                part = slice(batch.start, batch.stop)
                states = np.ascontiguousarray(store.states[part, t])
                bases = store.bases[s].batch(batch)
                solved = programs[worker].solve_tree(s, states, bases, first=start, iteration=iteration)
                values, slopes[part] = aggregate_trials(problems, s, solved)
                for m, value, state in zip(batch, values, states, strict=True):
                    intercepts[m] = value - kernel.dot(slopes[m], state)
                successor.add_binding_counts(solved, tolerance, counts)
            return counts

        binding = np.sum(team.run(work, n_trajectories), axis=0)
        team.communicator.add_up(binding)
        team.communicator.gather_rows(intercepts)
        team.communicator.gather_rows(slopes)
        _record_binding(successor, binding, iteration)
        added += _insert(problems, t, intercepts, slopes, iteration)
    return added


class LowerBound:
    """The bound of the first stage, evaluated after every iteration from the basis of the evaluation before.

    Where cuts are selected it has a program of its own, in which every cut that was ever made stays: the bound never falls.
    """

    def __init__(self, problems: StudyProblems) -> None:
        self._problems = problems
        self._basis: Basis | None = None
        self._programs: Programs | None = None
        if problems.study.config.training.cut_selection is not None:
            first, *others = problems.stages
            self._problems = replace(problems, stages=(first.with_all_cuts(), *others))
            self._programs = self._problems.new_programs()

    def evaluate(self, team: Team, programs: Programs, iteration: int) -> float:
        """Risk-adjusted cost of the first stage over its openings: a lower bound of the optimal cost, in $.

        Rank 0 evaluates it; all ranks call and learn it.
        """
        first = self._problems.stages[0]
        if self._programs is not None:
            programs = self._programs
            first.append_cuts(np.arange(len(first.row_slots), first.pool.n_populated))
        value, binding = team.communicator.on_leader(lambda: self._solve(programs, iteration))
        _record_binding(first, binding, iteration)
        return value

    def _solve(self, programs: Programs, iteration: int) -> tuple[float, NDArray[np.int64]]:
        """The bound, and in how many openings each cut row was binding."""
        problems, first = self._problems, self._problems.stages[0]
        solved = programs.solve(0, problems.initial_state, first.openings, self._basis, iteration=iteration)
        self._basis = solved.results.basis
        tolerance = problems.study.config.training.cut_activity_tolerance
        return aggregate(problems, 0, solved).value, first.binding_counts(solved, tolerance)


def _record_binding(problem: StageProblem, counts: NDArray[np.int64], iteration: int) -> None:
    pool, slots = problem.pool, problem.row_slots[: len(counts)]
    pool.times_binding[slots] += counts
    pool.last_binding[slots[counts > 0]] = iteration


def _insert(problems: StudyProblems, t: int, intercepts: Array, slopes: Array, iteration: int) -> int:
    """Append the cuts that are numbers to pool ``t`` and to the stage's program."""
    valid = np.isfinite(intercepts) & np.isfinite(slopes).all(axis=1)
    trajectories = np.flatnonzero(valid)
    slots = problems.pools[t].append(
        intercepts[trajectories], slopes[trajectories], iteration=iteration, forward_passes=trajectories
    )
    problems.stages[t].append_cuts(slots)
    return len(slots)
