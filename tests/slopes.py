"""Slopes of trained stages against one-sided finite differences."""

from __future__ import annotations

import dataclasses

import numpy as np

import headwater.model as m
from headwater.sddp.stage.problems import StudyProblems, build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.training.train import train_policy
from stage_values import aggregate


def value_and_slope(problems: StudyProblems, t: int, state: np.ndarray) -> tuple[float, np.ndarray]:
    """Expected cost of a stage and all that follow, and its slope in the state that enters."""
    solved = SolverPool(problems).solve(t, state, problems.stages[t].openings, None)
    point = aggregate(problems, t, solved)
    return point.value, point.slope


def check_slopes(made: m.Study, blocks: dict[str, tuple[float, float]], seed: int = 0) -> None:
    """Compare slopes of all components of some blocks of the state at all stages.

    Args:
        made: what is trained, for as long as it says.
        blocks: name of a block -> range in which its components are drawn; those of other
            blocks are as at the start.
        seed: of these draws.
    """
    for formulation in m.Formulation:
        training = dataclasses.replace(made.config.training, formulation=formulation)
        study = dataclasses.replace(
            made, config=dataclasses.replace(made.config, training=training)
        )
        _check(build_problems(study, train_policy(study).pools), blocks, seed)


def _check(problems: StudyProblems, blocks: dict[str, tuple[float, float]], seed: int) -> None:
    rng, step, felt = np.random.default_rng(seed), 1e-3, dict.fromkeys(blocks, 0)
    for t in range(problems.n_stages):
        state = problems.initial_state.copy()
        for name, ends in blocks.items():
            state[problems.layout.span(name)] = rng.uniform(*ends, problems.layout.size(name))
        value, slope = value_and_slope(problems, t, state)
        for name in blocks:
            for j in problems.layout.places(name):
                around = []
                for sign in (1.0, -1.0):
                    other = state.copy()
                    other[j] += sign * step
                    around.append(sign * (value_and_slope(problems, t, other)[0] - value) / step)
                right, left = around
                margin = 1e-6 * max(1.0, abs(slope[j])) + 1e-8 * abs(value) / step
                assert left - margin <= slope[j] <= right + margin, (name, j, left, slope[j], right)
                felt[name] += bool(abs(slope[j]) > margin)
    assert all(felt.values()), f"some block had no slopes: {felt}"
