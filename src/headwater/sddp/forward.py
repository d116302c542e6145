"""Forward pass: operate the system along sampled trajectories with the policy so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import Interrupted, Team
from headwater.sddp.problems import Programs, StudyProblems
from headwater.sddp.stage_problem import NoiseBatch, StageProblem
from headwater.sddp.trajectories import TrajectoryStore
from headwater.sddp.walk import Walk
from headwater.solver import BasisBatch
from headwater.stochastic import Sampler

Drawn = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Innovation, load and availability of some trajectories at one visit."""


def draw_noise(
    problems: StudyProblems, walk: Walk, sampler: Sampler, iteration: int, scenarios: NDArray[np.int64]
) -> list[Drawn]:
    """What is random for some trajectories, per visit, leading axis ``[trajectory]``; every turn of a cycle draws anew."""
    values = []
    for t, turn in zip(walk.positions, walk.turns, strict=True):
        noise = sampler.noise(t, iteration, scenarios, turn)
        load = sampler.load_mw(t, iteration, scenarios, noise, turn)
        available = sampler.available_mw(t, iteration, scenarios, noise, turn)
        values.append((problems.uncertainty.innovation_m3s(t, noise), load, available))
    return values


ROWS_WORTH_A_THREAD = 150
"""Rows of a stage's programs, over the trajectories of a thread, below which a forward pass is not shared out.

Solving so little takes less than handing it over.
"""


@dataclass(frozen=True)
class ForwardNoise:
    """What is random for the trajectories of an iteration.

    Attributes:
        openings: per visit ``[trajectory]`` openings of the tree, where all noise comes from it; else ``None``.
        values: per visit innovation, load and availability with leading axis ``[trajectory]``, where some does not.
    """

    openings: list[NDArray[np.int64]] | None
    values: list[Drawn]

    @classmethod
    def drawn(cls, problems: StudyProblems, sampler: Sampler, iteration: int, trajectories: NDArray[np.int64]) -> ForwardNoise:
        """Draw for some trajectories; every turn of a cycle draws anew."""
        walk = problems.walk
        openings = sampler.openings(walk.positions, iteration, trajectories, walk.turns)
        if openings is not None:
            return cls(openings, [])
        return cls(None, draw_noise(problems, walk, sampler, iteration, trajectories))

    def batch(self, problem: StageProblem, visit: int, part: slice) -> NoiseBatch:
        """Right-hand sides of some trajectories at a visit."""
        if self.openings is not None:
            return problem.openings.taken(self.openings[visit][part])
        return problem.noise_batch(*(values[part] for values in self.values[visit]))


def run_forward(
    problems: StudyProblems,
    team: Team,
    programs: list[Programs],
    sampler: Sampler,
    store: TrajectoryStore,
    iteration: int,
    should_stop: Callable[[], bool],
) -> None:
    """Simulate all trajectories of an iteration into ``store``, visit by visit; every rank its own, costs are known to all.

    Raises:
        Interrupted: ``should_stop`` said so between two stages, on any rank.
        RankError: another rank failed.
    """
    n_trajectories, visits = len(store.costs), problems.walk
    everyone = np.arange(n_trajectories)
    began = time.perf_counter()
    turns = visits.trial_turns(problems.study.config.training.tree_seed, iteration, everyone)
    noise = ForwardNoise.drawn(problems, sampler, iteration, everyone)
    memory = sampler.initial_memory_m3s(iteration, everyone)
    for bases, stage in zip(store.bases, problems.stages, strict=True):
        bases.grow(stage.n_rows)
    store.truncated[:] = 0
    team.clock.add("fwd_setup", time.perf_counter() - began)

    def walk(worker: int, trajectories: range) -> None:
        part = slice(trajectories.start, trajectories.stop)
        if not len(trajectories):
            return
        states = problems.starting_states(len(trajectories), None if memory is None else memory[part])
        latest: dict[int, BasisBatch] = {}
        for visit, t in enumerate(visits.positions):
            if should_stop():
                raise Interrupted
            problem = problems.stages[t]
            batch = noise.batch(problem, visit, part)
            starts = latest.get(t)
            if starts is None:
                starts = store.bases[t].batch(trajectories, partial(programs[worker].cold_basis, t))
            solved = programs[worker].solve_each(t, states, batch, starts, first=trajectories.start, iteration=iteration)
            latest[t] = solved.results.bases
            store.bases[t].store(trajectories, solved.results.bases, visits.keeps_basis(visit, turns[part]))
            store.costs[part, visit] = problem.immediate_costs(solved)
            if solved.truncated is not None:
                store.truncated[part] += solved.truncated.sum(axis=1)
            states = problem.outgoing_states(solved)
            made = visits.makes_cut(visit, turns[part])
            store.states[trajectories.start + np.flatnonzero(made), t] = states[made]
        store.future[part] = problem.future_costs(solved)

    rows = max(stage.form.n_rows for stage in problems.stages)
    team.run(walk, n_trajectories, least=-(-ROWS_WORTH_A_THREAD // rows))
    with team.clock.measure("state_exchange"):
        team.communicator.gather_rows(store.costs)
        team.communicator.gather_rows(store.future)
        team.communicator.gather_rows(store.truncated)
