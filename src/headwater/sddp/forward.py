"""Forward pass: operate the system along sampled trajectories with the policy so far."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from headwater.distributed import Interrupted, Team
from headwater.sddp.problems import Programs, StudyProblems
from headwater.sddp.trajectories import TrajectoryStore
from headwater.stochastic import Sampler


def run_forward(
    problems: StudyProblems,
    team: Team,
    programs: list[Programs],
    sampler: Sampler,
    store: TrajectoryStore,
    iteration: int,
    should_stop: Callable[[], bool],
) -> None:
    """Simulate all trajectories of an iteration into ``store``, stage by stage; every rank its own, costs are known to all.

    Raises:
        Interrupted: ``should_stop`` said so between two stages, on any rank.
        RankError: another rank failed.
    """
    n_trajectories = len(store.costs)
    everyone = np.arange(n_trajectories)
    uncertainty = problems.uncertainty
    noise = [sampler.noise(t, iteration, everyone) for t in range(problems.n_stages)]
    innovation = [uncertainty.innovation_m3s(t, noise[t]) for t in range(problems.n_stages)]
    load = [sampler.load_mw(t, iteration, everyone, noise[t]) for t in range(problems.n_stages)]
    available = [sampler.available_mw(t, iteration, everyone, noise[t]) for t in range(problems.n_stages)]
    memory = sampler.initial_memory_m3s(iteration, everyone)
    for bases, stage in zip(store.bases, problems.stages, strict=True):
        bases.grow(stage.n_rows)
    store.truncated[:] = 0

    def walk(worker: int, trajectories: range) -> None:
        part = slice(trajectories.start, trajectories.stop)
        if not len(trajectories):
            return
        states = problems.starting_states(len(trajectories), None if memory is None else memory[part])
        for t, problem in enumerate(problems.stages):
            if should_stop():
                raise Interrupted
            batch = problem.noise_batch(innovation[t][part], load[t][part], available[t][part])
            starts = store.bases[t].batch(trajectories, partial(programs[worker].cold_basis, t))
            solved = programs[worker].solve_each(t, states, batch, starts, first=trajectories.start, iteration=iteration)
            store.bases[t].store(trajectories, solved.results.bases)
            store.costs[part, t] = problem.immediate_costs(solved)
            if solved.truncated is not None:
                store.truncated[part] += solved.truncated.sum(axis=1)
            states = store.states[part, t] = problem.outgoing_states(solved)

    team.run(walk, n_trajectories)
    team.communicator.gather_rows(store.costs)
    team.communicator.gather_rows(store.truncated)
