"""The simulation that a stopping rule asks for.

It operates the policy of the moment along the same trajectories every time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headwater.distributed import Team
from headwater.sddp.passes.forward import ForwardNoise, run_forward
from headwater.sddp.passes.trajectories import TrajectoryStore
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.stochastic import stopping_sampler


def simulated_stage_costs(
    problems: StudyProblems,
    team: Team,
    programs: list[SolverPool],
    replications: int,
    should_stop: Callable[[], bool],
) -> tuple[float, ...]:
    """Mean cost of every visit of a stage in $, not discounted.

    The mean is over trajectories drawn from the opening tree.

    It leaves no trace in the training: the bases of its trajectories are its own.

    Args:
        problems: the stages with the cuts of the moment.
        team: threads and ranks.
        programs: solver instances, one per thread.
        replications: number of trajectories.
        should_stop: asked between stages.

    Raises:
        Interrupted: ``should_stop`` said so.
        SolverError: a stage could not be solved.
    """
    sampler = stopping_sampler(
        problems.uncertainty, problems.study.config.training.tree_seed, replications
    )
    sizes = [(stage.form.n_rows, stage.form.n_columns) for stage in problems.stages]
    store = TrajectoryStore.empty(
        replications, sizes, problems.layout.dimension, problems.walk.n_visits
    )
    noise = ForwardNoise(problems, sampler, replications)
    run_forward(problems, team, programs, noise, store, 1, 1, should_stop)
    return tuple(float(np.mean(costs)) for costs in store.costs.T)
