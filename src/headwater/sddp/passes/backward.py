"""Backward pass: a cut per trajectory and stage.

Cuts are made from the optimal values and duals of all openings of the next stage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import Interrupted, Team
from headwater.sddp.cuts.fields import ALL_OPENINGS
from headwater.sddp.kernels.cut_kernel import RELAXED, UNSOUND
from headwater.sddp.passes.compiled_bound import CompiledBound
from headwater.sddp.passes.compiled_run import BegunStage, CompiledRun
from headwater.sddp.passes.trajectories import TrajectoryStore, runs_of
from headwater.sddp.records.effort import LOWER_BOUND
from headwater.sddp.stage.batches import NewCuts
from headwater.sddp.stage.problem import StageProblem
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.solver import Basis, BasisBatch

LARGEST_BATCH = 64
"""Trials per call at most."""

LARGEST_DUALS = 2**18
"""Numbers that the duals of a call may be: what is written next is then still near the
processor.
"""


def trials_per_call(n_openings: int, n_rows: int) -> int:
    """How many trials to solve and to make cuts of at a time."""
    return max(1, min(LARGEST_BATCH, LARGEST_DUALS // max(1, n_openings * n_rows)))


def run_backward(
    problems: StudyProblems,
    team: Team,
    programs: list[SolverPool],
    store: TrajectoryStore,
    iteration: int,
    should_stop: Callable[[], bool],
    whole: CompiledRun | None = None,
) -> int:
    """Add cuts to the pool of every stage that another one follows.

    Returns the number of cuts added.

    A trajectory adds one cut per stage, or one for each opening of the next stage.

    Stages are done from the last to the first: cuts of this iteration at ``t + 1`` are in force
    when ``t`` is built. Where the last stage leads back into a cycle, the first stage of the cycle
    is solved with the cuts of the iteration before. Every rank makes the cuts of its own
    trajectories and receives the others', in the order of trajectories.

    Args:
        problems: stages and pools.
        team: threads and ranks.
        programs: solver instances, one per thread.
        store: states and bases of the trajectories.
        iteration: 1-based.
        should_stop: asked between stages.
        whole: makes the cuts of many stages at a time, where it can.

    Raises:
        Interrupted: ``should_stop`` said so between two stages, on any rank.
        RankError: another rank failed.
    """
    n_trajectories = len(store.costs)
    tolerance = problems.study.config.training.cut_activity_tolerance
    before = sum(pool.n_populated for pool in problems.pools)
    if whole is not None:
        with team.clock.measure("bwd_setup"):
            whole.prepare_backward()
    t = problems.n_stages
    while t > 0:
        t -= 1
        if problems.successor(t) is None:
            continue
        begun: BegunStage | None = None
        if whole is not None:
            many = partial(whole.backward, t, iteration, tolerance, should_stop)
            t = team.communicator.together(many)
            begun = whole.begun
        s = problems.successor(t) if t >= 0 else None
        if s is None:
            continue
        successor = problems.stages[s]
        with team.clock.measure("bwd_setup"):
            n_cuts = problems.n_cuts_of_trial(t)
            made = NewCuts.at(*problems.pools[t].room(n_trajectories * n_cuts), n_trajectories)
            is_left = np.ones(n_trajectories, np.bool_)
            if begun is not None:
                is_left, made.quality[:] = begun.is_left, begun.quality
            doubtful = successor.doubtful_rows()
            store.bases[s].grow(successor.n_rows)

        def work(
            worker: int,
            trajectories: range,
            t: int = t,
            s: int = s,
            successor: StageProblem = successor,
            made: NewCuts = made,
            doubtful: NDArray[np.int64] = doubtful,
            is_left: NDArray[np.bool_] = is_left,
        ) -> NDArray[np.int64]:
            counts = np.zeros(successor.rows.n_rows, np.int64)
            at_a_time = trials_per_call(len(successor.openings), successor.n_rows)
            for run in runs_of(trajectories, is_left, at_a_time):
                if should_stop():
                    raise Interrupted
                part = slice(run.start, run.stop)
                states = np.ascontiguousarray(store.states[part, t])
                bases = store.bases[s].batch(run)
                solved = programs[worker].solve_tree(
                    s, states, bases, first=run.start, iteration=iteration
                )
                successor.make_cuts(
                    solved, made.of(part), doubtful=doubtful, binding=counts, tolerance=tolerance
                )
            return counts

        binding, *others = team.run(work, n_trajectories)
        for counts in others if begun is None else [*others, begun.binding]:
            binding += counts
        with team.clock.measure("mpi_allreduce"):
            team.communicator.add_up(binding)
        with team.clock.measure("cut_sync"):
            for array in (made.intercepts, made.slopes, made.quality, made.leaning):
                team.communicator.gather_rows(array)
        with team.clock.measure("cut_batch_build"):
            successor.record_binding(binding, iteration)
            insert_cuts(problems, t, made, iteration)
            if whole is not None:
                whole.take_in(t)
    return sum(pool.n_populated for pool in problems.pools) - before


class LowerBound:
    """The bound of the first stage.

    It is evaluated after every iteration from the basis of the evaluation before.

    Where cuts are selected it has a program of its own, in which every cut that was ever made
    stays: the bound never falls.

    Attributes:
        basis: where rank 0 starts the next evaluation; ``None`` before the first, and on other
            ranks.
    """

    def __init__(self, problems: StudyProblems) -> None:
        self._problems = problems
        self.basis: Basis | None = None
        self._programs: SolverPool | None = None
        self._n_seen = problems.pools[0].n_populated
        if problems.study.config.training.cut_selection is not None:
            self._take_cuts(np.arange(self._n_seen))

    def _take_cuts(self, slots: NDArray[np.int64]) -> None:
        """A program of its own with some of the cuts."""
        first, *others = self._problems.stages
        self._problems = replace(self._problems, stages=(first.with_cuts(slots), *others))
        self._programs = SolverPool(self._problems)

    def leave_out_unproven(self) -> None:
        """Let the bound rest on proven cuts only from now on; the basis is forgotten."""
        self.basis = None
        if self._programs is not None:
            pool = self._problems.pools[0]
            self._n_seen = pool.n_populated
            self._take_cuts(np.flatnonzero(~pool.unproven[: self._n_seen]))

    @property
    def own_programs(self) -> tuple[SolverPool, ...]:
        """Solver instances of its own, where it has some."""
        return () if self._programs is None else (self._programs,)

    @property
    def first(self) -> StageProblem:
        """The first stage, with the cuts that the bound rests on."""
        return self._problems.stages[0]

    def take_new_cuts(self) -> None:
        """Give a program of its own the cuts that were made since it was last solved."""
        if self._programs is not None:
            first = self.first
            first.append_cuts(np.arange(self._n_seen, first.pool.n_populated))
            self._n_seen = first.pool.n_populated

    def outcomes(
        self, programs: SolverPool, iteration: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Cost of every opening of the first stage in $, ``[opening]``.

        And in how many openings each cut row was binding.

        Args:
            programs: solver instances, where it has none of its own.
            iteration: for messages.
        """
        objective, row_dual = self._solved(self._programs or programs, iteration)
        tolerance = self._problems.study.config.training.cut_activity_tolerance
        _, binding = self.first.weigh(objective, row_dual, tolerance)
        return objective * self.first.form.cost_scale, binding

    def evaluate(
        self,
        team: Team,
        programs: SolverPool,
        iteration: int,
        compiled: CompiledBound | None = None,
    ) -> float:
        """Risk-adjusted cost of the first stage over its openings, a lower bound of all cost, in $.

        Rank 0 evaluates it; all ranks call and learn it.

        Args:
            team: the ranks.
            programs: solver instances.
            iteration: for messages.
            compiled: evaluates it by all threads, where it can.
        """
        self.take_new_cuts()
        value, binding = team.communicator.on_leader(
            lambda: self._solve(self._programs or programs, iteration, compiled)
        )
        self.first.record_binding(binding, iteration)
        return value

    def _solve(
        self, programs: SolverPool, iteration: int, compiled: CompiledBound | None
    ) -> tuple[float, NDArray[np.int64]]:
        """The bound, and in how many openings each cut row was binding."""
        problems, first = self._problems, self.first
        tolerance = problems.study.config.training.cut_activity_tolerance
        if self.basis is not None and compiled is not None:
            start = self.basis.extended(first.n_rows)
            found = compiled.weigh(first, problems.initial_state, start, tolerance)
            if found is not None:
                value, binding, self.basis = found
                return value, binding
        return first.weigh(*self._solved(programs, iteration), tolerance)

    def _solved(
        self, programs: SolverPool, iteration: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Optimal values ``[opening]`` in scaled money, and duals ``[opening, row]``."""
        problems, first = self._problems, self.first
        if self.basis is None:
            solved = programs.solve(
                0, problems.initial_state, first.openings, None, iteration=iteration
            )
            self.basis = solved.results.basis
            return solved.results.objective, solved.results.row_dual
        start, state = self.basis.extended(first.n_rows), problems.initial_state[None, :]
        bases = BasisBatch(start.columns[None, :], start.rows[None, :])
        results = programs.solve_tree(
            0, state, bases, iteration=iteration, task=LOWER_BOUND
        ).results
        self.basis = Basis(results.bases.columns[0], results.bases.rows[0])
        return results.objective[0], results.row_dual[0]


def insert_cuts(problems: StudyProblems, t: int, made: NewCuts, iteration: int) -> None:
    """Append the cuts that are sound to pool ``t`` and to the stage's program.

    Args:
        problems: whose pool and stage.
        t: stage position.
        made: cuts of all trajectories; where openings have cuts of their own, by opening.
        iteration: the one under way.
    """
    quality = made.quality.reshape(-1)
    intercepts, slopes = (
        made.intercepts.reshape(-1),
        made.slopes.reshape(quality.size, made.slopes.shape[2]),
    )
    kept = np.arange(len(quality))
    if (quality == UNSOUND).any():
        kept = np.flatnonzero(quality != UNSOUND)
        intercepts, slopes, quality = intercepts[kept], slopes[kept], quality[kept]
    trajectories, openings = (
        np.divmod(kept, made.quality.shape[1]) if problems.is_multi else (kept, ALL_OPENINGS)
    )
    slots = problems.pools[t].append(
        intercepts,
        slopes,
        iteration=iteration,
        forward_pass=trajectories,
        opening=openings,
        relaxed=quality == RELAXED,
        unproven=made.leaning[trajectories],
    )
    problems.stages[t].append_cuts(slots)
