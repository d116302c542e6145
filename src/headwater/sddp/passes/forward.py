"""Forward pass: operate the system along sampled trajectories with the policy so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headwater.core.choices import ForwardPass
from headwater.distributed import Interrupted, Team
from headwater.errors import ModelError
from headwater.sddp.passes.compiled_run import CompiledRun
from headwater.sddp.passes.trajectories import TrajectoryStore, runs_of
from headwater.sddp.stage.batches import NoiseBatch
from headwater.sddp.stage.problem import StageProblem
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.stage.walk import Walk
from headwater.solver import BasisBatch
from headwater.stochastic import Sampler

Drawn = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Innovation, load and availability of some trajectories at one visit."""


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
    values = []
    for t, turn in zip(walk.positions, walk.turns, strict=True):
        noise = sampler.noise(t, iteration, scenarios, turn)
        load = sampler.load_mw(t, iteration, scenarios, noise, turn)
        available = sampler.available_mw(t, iteration, scenarios, noise, turn)
        values.append((problems.uncertainty.innovation_m3s(t, noise), load, available))
    return values


ROWS_WORTH_A_THREAD = 150
"""Rows of the programs that a thread solves at a time, over its trajectories, below which a forward
pass is not shared out.

Solving so little takes less than handing it over.
"""


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
    n_trajectories, visits = len(store.costs), problems.walk
    everyone = np.arange(n_trajectories)
    began = time.perf_counter()
    turns = visits.trial_turns(problems.study.config.training.tree_seed, noise_of, everyone)
    noise.draw(noise_of)
    memory = noise.memory_m3s(noise_of)
    for bases, stage in zip(store.bases, problems.stages, strict=True):
        bases.grow(stage.n_rows)
    store.truncated[:] = 0
    openings = noise.openings
    ready = (
        whole is not None
        and openings is not None
        and not problems.system.horizon.is_cyclic
        and whole.prepare()
    )
    team.clock.add("fwd_setup", time.perf_counter() - began)

    def walk(worker: int, trajectories: range) -> None:
        part = slice(trajectories.start, trajectories.stop)
        if not len(trajectories):
            return
        states = problems.starting_states(
            len(trajectories), None if memory is None else memory[part]
        )
        latest: dict[tuple[int, range], BasisBatch] = {}
        visit, runs = 0, [trajectories]
        while visit < visits.n_visits:
            if ready and whole is not None and openings is not None:
                visit = whole.forward(worker, trajectories, visit, states, openings, should_stop)
                if visit == visits.n_visits:
                    return
                runs = runs_of(trajectories, whole.is_left, len(trajectories))
            if should_stop():
                raise Interrupted
            for run in runs:
                make_visit(
                    worker,
                    run,
                    visit,
                    states[run.start - part.start : run.stop - part.start],
                    latest,
                )
            visit += 1

    def make_visit(
        worker: int,
        run: range,
        visit: int,
        states: NDArray[np.float64],
        latest: dict[tuple[int, range], BasisBatch],
    ) -> None:
        """One visit of a run of trajectories.

        ``states`` and ``latest`` bases are those before and, then, after it.
        """
        part, t = slice(run.start, run.stop), visits.positions[visit]
        problem = problems.stages[t]
        batch, chosen = noise.at(problem, visit, part)
        starts = latest.get((t, run))
        if starts is None:
            starts = store.bases[t].batch(run, partial(programs[worker].cold_basis, t))
        solved = programs[worker].solve_each(
            t, states, batch, starts, openings=chosen, first=run.start, iteration=iteration
        )
        latest[t, run] = solved.results.bases
        store.bases[t].store(run, solved.results.bases, visits.keeps_basis(visit, turns[part]))
        if solved.truncated is not None:
            store.truncated[part] += solved.truncated.sum(axis=1)
        states[:], store.costs[part, visit], store.future[part] = problem.leave(solved)
        made = visits.makes_cut(visit, turns[part])
        if made is None:
            store.states[part, t] = states
        else:
            store.states[run.start + np.flatnonzero(made), t] = states[made]

    rows = max(stage.form.n_rows for stage in problems.stages)
    together = visits.n_visits if ready else 1
    team.run(walk, n_trajectories, least=-(-ROWS_WORTH_A_THREAD // (rows * together)))
    with team.clock.measure("state_exchange"):
        team.communicator.gather_rows(store.costs)
        team.communicator.gather_rows(store.future)
        team.communicator.gather_rows(store.truncated)


class Simulating:
    """What the forward pass that a study chose works with.

    See `headwater.core.choices.ForwardEngine`.

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
