"""Forward pass: operate the system along sampled trajectories with the policy so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headwater.core.choices import ForwardPass
from headwater.distributed import Interrupted, Team
from headwater.errors import ModelError
from headwater.sddp.passes.compiled_run import CompiledRun
from headwater.sddp.passes.trajectories import TrajectoryStore
from headwater.sddp.passes.workspace import ROWS_WORTH_A_THREAD
from headwater.sddp.stage.batches import NoiseBatch
from headwater.sddp.stage.problem import StageProblem
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.stage.walk import Walk
from headwater.solver import BasisBatch
from headwater.stochastic import Sampler

Drawn = tuple[NDArray[np.float64], ...]
"""Innovation, load, availability and factor of the lags of some trajectories at one visit."""


def draw_noise(
    problems: StudyProblems,
    walk: Walk,
    sampler: Sampler,
    iteration: int,
    scenarios: NDArray[np.int64],
) -> list[Drawn]:
    """What is random for some trajectories, per visit, leading axis ``[trajectory]``.

    Every turn of a cycle draws anew.
    """
    values: list[Drawn] = []
    for t, turn in zip(walk.positions, walk.turns, strict=True):
        noise = sampler.noise(t, iteration, scenarios, turn)
        load = sampler.load_mw(t, iteration, scenarios, noise, turn)
        available = sampler.available_mw(t, iteration, scenarios, noise, turn)
        inflow = problems.uncertainty.innovation_m3s(t, noise)
        values.append((inflow, load, available, problems.uncertainty.lag_factor(t, noise)))
    return values


BLOCK_DRAWS = 4096
"""Openings that are drawn at a time, for some iterations ahead: drawing a few takes about as long
as drawing many.
"""


class ForwardNoise:
    """What is random for the trajectories of every iteration.

    Args:
        problems: stages and visits.
        sampler: draws.
        n_trajectories: of one iteration.
    """

    def __init__(self, problems: StudyProblems, sampler: Sampler, n_trajectories: int) -> None:
        self._problems = problems
        self._sampler = sampler
        self._everyone = np.arange(n_trajectories)
        self._ahead = max(1, BLOCK_DRAWS // max(1, problems.walk.n_visits * n_trajectories))
        self._first = 0
        self._openings: NDArray[np.int64] | None = None
        self._values: list[Drawn] = []

    @property
    def openings(self) -> NDArray[np.int64] | None:
        """Openings of the tree ``[visit, trajectory]``, where all noise comes from it."""
        return (
            None if self._openings is None else np.ascontiguousarray(self._openings[:, self._place])
        )

    def draw(self, iteration: int) -> None:
        """Draw for an iteration; every turn of a cycle draws anew. Not while others read."""
        walk, sampler = self._problems.walk, self._sampler
        self._place = iteration - self._first
        if self._openings is None or not 0 <= self._place < self._ahead:
            self._first, self._place = iteration, 0
            ahead = np.arange(iteration, iteration + self._ahead)
            drawn = sampler.openings(walk.positions, ahead, self._everyone, walk.turns)
            self._openings = None if drawn is None else np.array(drawn)
        if self._openings is None:
            self._values = draw_noise(self._problems, walk, sampler, iteration, self._everyone)

    def memory_m3s(self, iteration: int) -> NDArray[np.float64] | None:
        """Past inflows that the trajectories of an iteration start from.

        Where they are not those of the study.
        """
        return self._sampler.initial_memory_m3s(iteration, self._everyone)

    def at(
        self, problem: StageProblem, visit: int, part: slice
    ) -> tuple[NoiseBatch, NDArray[np.int64] | None]:
        """What some trajectories meet at a visit.

        Openings, and which of them each takes, where not each its own in turn.
        """
        if self._openings is not None:
            return problem.openings, self._openings[visit, self._place, part]
        return problem.noise_batch(*(values[part] for values in self._values[visit])), None


def run_forward(
    problems: StudyProblems,
    team: Team,
    programs: list[SolverPool],
    noise: ForwardNoise,
    store: TrajectoryStore,
    iteration: int,
    noise_of: int,
    should_stop: Callable[[], bool],
    whole: CompiledRun | None = None,
) -> None:
    """Simulate all trajectories of an iteration into ``store``, visit by visit.

    Every rank its own, costs are known to all.

    Args:
        problems: stages and visits.
        team: threads and ranks.
        programs: solver instances, one per thread.
        noise: what is random.
        store: where to.
        iteration: 1-based.
        noise_of: iteration whose noise is taken.
        should_stop: asked between stages.
        whole: makes many visits at a time, where it can.

    Raises:
        Interrupted: ``should_stop`` said so between two stages, on any rank.
        RankError: another rank failed.
    """
    n_trajectories = len(store.costs)
    began = time.perf_counter()
    turns = problems.walk.trial_turns(
        problems.study.config.training.tree_seed, noise_of, np.arange(n_trajectories)
    )
    noise.draw(noise_of)
    for bases, stage in zip(store.bases, problems.stages, strict=True):
        bases.grow(stage.n_rows)
    store.truncated[:] = 0
    ready = (
        whole is not None
        and noise.openings is not None
        and not problems.system.horizon.is_cyclic
        and whole.prepare()
    )
    mine, memory = team.mine(n_trajectories), noise.memory_m3s(noise_of)
    states = np.zeros((n_trajectories, problems.layout.dimension))
    states[mine.start : mine.stop] = problems.starting_states(
        len(mine), None if memory is None else memory[mine.start : mine.stop]
    )
    passing = ForwardVisits(problems, programs, noise, store, iteration, turns, states, should_stop)
    team.clock.add("fwd_setup", time.perf_counter() - began)
    if ready and whole is not None:
        team.communicator.together(partial(_walk_compiled, passing, team, whole))
    else:
        rows = max(stage.form.n_rows for stage in problems.stages)
        team.run(passing.walk, n_trajectories, least=-(-ROWS_WORTH_A_THREAD // rows))
    with team.clock.measure("state_exchange"):
        team.communicator.gather_rows(store.costs)
        team.communicator.gather_rows(store.future)
        team.communicator.gather_rows(store.truncated)


def _walk_compiled(passing: ForwardVisits, team: Team, whole: CompiledRun) -> None:
    """Walk the trajectories of this rank in compiled code, and by HiGHS where it is needed."""
    openings, n_visits = passing.noise.openings, passing.problems.walk.n_visits
    assert openings is not None
    mine = team.mine(len(passing.states))
    next_visit, states = whole.start(openings, passing.states)
    passing = replace(passing, states=states)
    while True:
        whole.forward(passing.should_stop)
        left = mine.start + np.flatnonzero(next_visit[mine.start : mine.stop] < n_visits)
        if not len(left):
            return

        def visit(worker: int, part: range, left: NDArray[np.int64] = left) -> None:
            for k in left[part.start : part.stop].tolist():
                passing.make_visit(worker, range(k, k + 1), int(next_visit[k]), {})
                next_visit[k] += 1

        team.threads.run(visit, range(len(left)))


@dataclass(frozen=True)
class ForwardVisits:
    """A forward pass that goes visit by visit.

    Attributes:
        problems, programs, noise, store, iteration, should_stop: see `run_forward`.
        turns: ``[trajectory]`` see `Walk.trial_turns`.
        states: ``[trajectory, n_state]`` before a visit and, then, after it.
    """

    problems: StudyProblems
    programs: list[SolverPool]
    noise: ForwardNoise
    store: TrajectoryStore
    iteration: int
    turns: NDArray[np.int64]
    states: NDArray[np.float64]
    should_stop: Callable[[], bool]

    def walk(self, worker: int, trajectories: range) -> None:
        """Make all visits of some trajectories."""
        latest: dict[int, BasisBatch] = {}
        for visit in range(self.problems.walk.n_visits if len(trajectories) else 0):
            self.make_visit(worker, trajectories, visit, latest)

    def make_visit(
        self, worker: int, run: range, visit: int, latest: dict[int, BasisBatch]
    ) -> None:
        """Make a visit of neighbours; ``latest`` bases by stage are those before and then after it.

        Raises:
            Interrupted: the run was asked to stop.
        """
        if self.should_stop():
            raise Interrupted
        visits, store, programs = self.problems.walk, self.store, self.programs[worker]
        part, t = slice(run.start, run.stop), visits.positions[visit]
        problem, turns = self.problems.stages[t], self.turns[part]
        batch, chosen = self.noise.at(problem, visit, part)
        starts = latest.get(t)
        if starts is None:
            starts = store.bases[t].batch(run, partial(programs.cold_basis, t))
        solved = programs.solve_each(
            t,
            self.states[part],
            batch,
            starts,
            openings=chosen,
            first=run.start,
            iteration=self.iteration,
        )
        latest[t] = solved.results.bases
        store.bases[t].store(run, solved.results.bases, visits.keeps_basis(visit, turns))
        if solved.truncated is not None:
            store.truncated[part] += solved.truncated.sum(axis=1)
        states, store.costs[part, visit], store.future[part] = problem.leave(solved)
        self.states[part] = states
        made = visits.makes_cut(visit, turns)
        if made is None:
            store.states[part, t] = states
        else:
            store.states[run.start + np.flatnonzero(made), t] = states[made]


class Simulating:
    """What the forward pass that a study chose works with.

    It is a `headwater.core.choices.ForwardEngine`.

    Args:
        run_once: simulates an iteration, the first argument, with the noise of one, the second.
        n_trajectories: of an iteration.
    """

    def __init__(self, run_once: Callable[[int, int], None], n_trajectories: int) -> None:
        self.n_trajectories = n_trajectories
        self._run_once = run_once
        self._iteration = 0
        self._n_runs = 0

    def simulate(self, noise_of: int) -> None:
        """Operate the system with the noise of an iteration."""
        if noise_of < 1:
            raise ModelError(
                f"a forward pass asks for the noise of iteration {noise_of}; the first is 1"
            )
        self._n_runs += 1
        self._run_once(self._iteration, noise_of)

    def make(self, chosen: ForwardPass, iteration: int) -> None:
        """Let the chosen pass make the trajectories of an iteration.

        Raises:
            ModelError: it made none.
        """
        self._iteration, self._n_runs = iteration, 0
        chosen.run(self, iteration)
        if not self._n_runs:
            raise ModelError(
                f"the forward pass '{chosen.type}' simulated nothing in iteration {iteration}"
            )
