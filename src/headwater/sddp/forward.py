"""Forward pass: operate the system along sampled trajectories with the policy so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import ThreadTeam
from headwater.sddp.problems import Programs, StudyProblems
from headwater.solver import Basis
from headwater.stochastic import Sampler


class Interrupted(Exception):  # noqa: N818 - a signal to unwind, not an error
    """The run was asked to stop; the pass under way is abandoned."""


@dataclass
class TrajectoryStore:
    """States and bases of the trajectories of one iteration, and the bases the next one starts from.

    Attributes:
        states: ``[trajectory, stage, n_state]`` state that *leaves* each stage.
        costs: ``[trajectory, stage]`` cost of each stage in $, not discounted.
        bases: ``[trajectory][stage]`` final basis of the forward solve.
        truncated: ``[trajectory]`` inflows raised to zero.
    """

    states: NDArray[np.float64]
    costs: NDArray[np.float64]
    bases: list[list[Basis | None]]
    truncated: NDArray[np.int64]

    @classmethod
    def empty(cls, n_trajectories: int, n_stages: int, n_state: int) -> TrajectoryStore:
        """Room for some trajectories."""
        return cls(
            states=np.zeros((n_trajectories, n_stages, n_state)),
            costs=np.zeros((n_trajectories, n_stages)),
            bases=[[None] * n_stages for _ in range(n_trajectories)],
            truncated=np.zeros(n_trajectories, np.int64),
        )

    def total_costs(self, cumulative_discount: NDArray[np.float64]) -> NDArray[np.float64]:
        """Present value of each trajectory in $."""
        totals = np.zeros(len(self.costs))
        for t, discount in enumerate(cumulative_discount):
            totals += discount * self.costs[:, t]
        return totals


def run_forward(
    problems: StudyProblems,
    team: ThreadTeam,
    programs: list[Programs],
    sampler: Sampler,
    store: TrajectoryStore,
    iteration: int,
    should_stop: Callable[[], bool],
) -> None:
    """Simulate all trajectories of an iteration into ``store``.

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

    def walk(worker: int, trajectories: range) -> None:
        for m in trajectories:
            state = problems.initial_state
            store.truncated[m] = 0
            for t, problem in enumerate(problems.stages):
                if should_stop():
                    raise Interrupted
                batch = problem.noise_batch(innovation[t][m : m + 1], load[t][m : m + 1], available[t][m : m + 1])
                solved = programs[worker].solve(
                    t, state, batch, store.bases[m][t], want_primal=True, scenario=m, iteration=iteration
                )
                store.bases[m][t] = solved.results.basis
                store.costs[m, t] = problem.immediate_cost(solved)
                if solved.truncated is not None:
                    store.truncated[m] += int(solved.truncated.sum())
                state = store.states[m, t] = problem.outgoing_state(solved)

    team.run(walk, n_trajectories)
