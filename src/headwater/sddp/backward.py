"""Backward pass: a cut per trajectory and stage, from the optimal values and duals of all openings of the next stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import Interrupted, Team
from headwater.sddp import stage_kernel as kernel
from headwater.sddp.cuts import ALL_OPENINGS
from headwater.sddp.problems import Programs, StudyProblems
from headwater.sddp.risk import risk_weights, risk_weights_of_trials
from headwater.sddp.stage_problem import Solved, SolvedTrials, StageProblem
from headwater.sddp.trajectories import TrajectoryStore
from headwater.solver import Basis

Array = NDArray[np.float64]

SOUND, RELAXED, UNSOUND = 0, 1, 2
"""A cut as it should be; one behind which a solve was accepted with a looser tolerance; one that is not used."""

LARGEST_MISS = 1e-9
"""How far a cut may miss the value at its own state, relative to the value or to 1."""

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
    weights = risk_weights_of_trials(risk, probability, objective)
    return kernel.weighted_sums(weights, objective), problem.slopes(solved, weights)


def each_opening(problem: StageProblem, solved: SolvedTrials) -> tuple[Array, Array]:
    """Values ``[trial, opening]`` and slopes ``[trial, opening, n_state]`` of every opening alone."""
    values = problem.trial_objectives(solved)
    n_trials, n_openings = values.shape
    slopes = np.empty((n_trials, n_openings, problem.template.n_state))
    for w in range(n_openings):
        alone = np.zeros(values.shape)
        alone[:, w] = 1.0
        slopes[:, w] = problem.slopes(solved, alone)
    return values, slopes


def run_backward(
    problems: StudyProblems,
    team: Team,
    programs: list[Programs],
    store: TrajectoryStore,
    iteration: int,
    should_stop: Callable[[], bool],
) -> int:
    """Add cuts to the pool of every stage that another one follows; returns the number of cuts added.

    A trajectory adds one cut per stage, or one for each opening of the next stage.

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
        successor = problems.stages[s]
        with team.clock.measure("bwd_setup"):
            n_cuts = problems.n_cuts_of_trial(t)
            room = problems.pools[t].room(n_trajectories * n_cuts)
            intercepts, slopes = room[0].reshape(n_trajectories, n_cuts), room[1].reshape(n_trajectories, n_cuts, -1)
            quality = np.zeros((n_trajectories, n_cuts), np.int8)
            leaning = np.zeros(n_trajectories, np.bool_)
            doubtful = np.flatnonzero(successor.pool.unproven[successor.row_slots])
            store.bases[s].grow(successor.n_rows)

        def work(
            worker: int,
            trajectories: range,
            t: int = t,
            s: int = s,
            successor: StageProblem = successor,
            intercepts: Array = intercepts,
            slopes: Array = slopes,
            quality: NDArray[np.int8] = quality,
            leaning: NDArray[np.bool_] = leaning,
            doubtful: NDArray[np.int64] = doubtful,
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
                if not problems.is_multi:
                    values, slopes[part, 0] = aggregate_trials(problems, s, solved)
                    outcomes = values[:, None]
                else:
                    outcomes, slopes[part] = each_opening(successor, solved)
                sound = kernel.lay_through(states, outcomes, slopes[part], intercepts[part], LARGEST_MISS)
                accepted = np.where(solved.results.relaxed > 0, RELAXED, SOUND)[:, None]
                quality[part] = np.where(sound, accepted, UNSOUND)
                leaning[part] = leans_on(solved, successor.form.n_rows + doubtful)
                successor.add_binding_counts(solved, tolerance, counts)
            return counts

        binding = np.sum(team.run(work, n_trajectories), axis=0)
        with team.clock.measure("mpi_allreduce"):
            team.communicator.add_up(binding)
        with team.clock.measure("cut_sync"):
            team.communicator.gather_rows(intercepts)
            team.communicator.gather_rows(slopes)
            team.communicator.gather_rows(quality)
            team.communicator.gather_rows(leaning)
        with team.clock.measure("cut_batch_build"):
            _record_binding(successor, binding, iteration)
            added += _insert(problems, t, intercepts, slopes, quality, leaning, iteration)
    return added


def leans_on(solved: SolvedTrials, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Trials whose cut would be another one without some rows: those where a row has a multiplier under some opening."""
    if not len(rows):
        return np.zeros(len(solved.results.row_dual), np.bool_)
    leaning: NDArray[np.bool_] = (solved.results.row_dual[:, :, rows] != 0.0).any(axis=(1, 2))
    return leaning


class LowerBound:
    """The bound of the first stage, evaluated after every iteration from the basis of the evaluation before.

    Where cuts are selected it has a program of its own, in which every cut that was ever made stays: the bound never falls.

    Attributes:
        basis: where rank 0 starts the next evaluation; ``None`` before the first, and on other ranks.
    """

    def __init__(self, problems: StudyProblems) -> None:
        self._problems = problems
        self.basis: Basis | None = None
        self._programs: Programs | None = None
        self._n_seen = problems.pools[0].n_populated
        if problems.study.config.training.cut_selection is not None:
            self._take_cuts(np.arange(self._n_seen))

    def _take_cuts(self, slots: NDArray[np.int64]) -> None:
        """A program of its own with some of the cuts."""
        first, *others = self._problems.stages
        self._problems = replace(self._problems, stages=(first.with_cuts(slots), *others))
        self._programs = self._problems.new_programs()

    def leave_out_unproven(self) -> None:
        """Let the bound rest on proven cuts only from now on; the basis is forgotten."""
        self.basis = None
        if self._programs is not None:
            pool = self._problems.pools[0]
            self._n_seen = pool.n_populated
            self._take_cuts(np.flatnonzero(~pool.unproven[: self._n_seen]))

    @property
    def own_programs(self) -> Programs | None:
        """Solver instances of its own, where it has some."""
        return self._programs

    def evaluate(self, team: Team, programs: Programs, iteration: int) -> float:
        """Risk-adjusted cost of the first stage over its openings: a lower bound of the optimal cost, in $.

        Rank 0 evaluates it; all ranks call and learn it.
        """
        first = self._problems.stages[0]
        if self._programs is not None:
            programs = self._programs
            first.append_cuts(np.arange(self._n_seen, first.pool.n_populated))
            self._n_seen = first.pool.n_populated
        value, binding = team.communicator.on_leader(lambda: self._solve(programs, iteration))
        _record_binding(first, binding, iteration)
        return value

    def _solve(self, programs: Programs, iteration: int) -> tuple[float, NDArray[np.int64]]:
        """The bound, and in how many openings each cut row was binding."""
        problems, first = self._problems, self._problems.stages[0]
        solved = programs.solve(0, problems.initial_state, first.openings, self.basis, iteration=iteration)
        self.basis = solved.results.basis
        tolerance = problems.study.config.training.cut_activity_tolerance
        return aggregate(problems, 0, solved).value, first.binding_counts(solved, tolerance)


def _record_binding(problem: StageProblem, counts: NDArray[np.int64], iteration: int) -> None:
    pool, slots = problem.pool, problem.row_slots[: len(counts)]
    pool.times_binding[slots] += counts
    pool.last_binding[slots[counts > 0]] = iteration


def _insert(
    problems: StudyProblems,
    t: int,
    intercepts: Array,
    slopes: Array,
    quality: NDArray[np.int8],
    leaning: NDArray[np.bool_],
    iteration: int,
) -> int:
    """Append the cuts that are sound to pool ``t`` and to the stage's program.

    Args:
        problems: whose pool and stage.
        t: stage position.
        intercepts: ``[trajectory, cut]``; where openings have cuts of their own, by opening.
        slopes: ``[trajectory, cut, n_state]``.
        quality: ``[trajectory, cut]``.
        leaning: ``[trajectory]`` whether its cuts rest on cuts that may be wrong.
        iteration: the one under way.
    """
    kept = np.flatnonzero(quality != UNSOUND)
    trajectories, openings = np.divmod(kept, quality.shape[1])
    intercepts, slopes = intercepts.reshape(-1), slopes.reshape(quality.size, slopes.shape[2])
    if len(kept) < len(intercepts):
        intercepts, slopes = intercepts[kept], slopes[kept]
    slots = problems.pools[t].append(
        intercepts,
        slopes,
        iteration=iteration,
        forward_passes=trajectories,
        openings=openings if problems.is_multi else ALL_OPENINGS,
        relaxed=quality.reshape(-1)[kept] == RELAXED,
        unproven=leaning[trajectories],
    )
    problems.stages[t].append_cuts(slots)
    return len(slots)
