"""Forward pass: operate the system along sampled trajectories with the policy so far."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headwater.distributed import ThreadTeam
from headwater.sddp.problems import Programs, StudyProblems
from headwater.sddp.trajectories import TrajectoryStore
from headwater.stochastic import Sampler


class Interrupted(Exception):  # noqa: N818 - a signal to unwind, not an error
    """The run was asked to stop; the pass under way is abandoned."""


def run_forward(
    problems: StudyProblems,
    team: ThreadTeam,
    programs: list[Programs],
    sampler: Sampler,
    store: TrajectoryStore,
    iteration: int,
    should_stop: Callable[[], bool],
) -> None:
    """Simulate all trajectories of an iteration into ``store``, stage by stage.

    Raises:
        Interrupted: ``should_stop`` said so between two stages.
    """
    n_trajectories = len(store.costs)
    everyone = np.arange(n_trajectories)
    uncertainty = problems.uncertainty
    noise = [sampler.noise(t, iteration, everyone) for t in range(problems.n_stages)]
    innovation = [uncertainty.innovation_m3s(t, noise[t]) for t in range(problems.n_stages)]
    load = [uncertainty.load_mw(t, noise[t]) for t in range(problems.n_stages)]
    available = [uncertainty.available_mw(t, noise[t]) for t in range(problems.n_stages)]
    for bases, stage in zip(store.bases, problems.stages, strict=True):
        bases.grow(stage.n_rows)
    store.truncated[:] = 0

    def walk(worker: int, trajectories: range) -> None:
        part = slice(trajectories.start, trajectories.stop)
        if not len(trajectories):
            return
        states = np.tile(problems.initial_state, (len(trajectories), 1))
        for t, problem in enumerate(problems.stages):
            if should_stop():
                raise Interrupted
            batch = problem.noise_batch(innovation[t][part], load[t][part], available[t][part])
            starts = store.bases[t].batch(trajectories) if store.bases[t].known[part].all() else None
            solved = programs[worker].solve_each(t, states, batch, starts, first=trajectories.start, iteration=iteration)
            store.bases[t].store(trajectories, solved.results.bases)
            store.costs[part, t] = problem.immediate_costs(solved)
            if solved.truncated is not None:
                store.truncated[part] += solved.truncated.sum(axis=1)
            states = store.states[part, t] = problem.outgoing_states(solved)

    team.run(walk, n_trajectories)
