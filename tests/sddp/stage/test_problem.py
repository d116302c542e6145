"""A stage as the algorithm sees it.

Both formulations, slopes against finite differences, truncation.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import headwater.model as m
from headwater.sddp.stage.problems import StudyProblems, build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.training.train import train_policy
from small_systems import random_system, study
from stage_values import aggregate


def trained(
    seed: int, formulation: m.Formulation, method: str = "penalty", **options: object
) -> StudyProblems:
    """Problems with the cuts of a short training."""
    system = random_system(seed, n_openings=3, **options)  # type: ignore[arg-type]
    chosen = study(
        system, iterations=6, forward_passes=2, method=method, formulation=m.Formulation.CONDENSED
    )
    policy = train_policy(chosen)
    config = dataclasses.replace(
        chosen.config, training=dataclasses.replace(chosen.config.training, formulation=formulation)
    )
    return build_problems(dataclasses.replace(chosen, config=config), policy.pools)


def value_and_slope(problems: StudyProblems, t: int, state: np.ndarray) -> tuple[float, np.ndarray]:
    programs = SolverPool(problems)
    solved = programs.solve(t, state, problems.stages[t].openings, None)
    point = aggregate(problems, t, solved)
    return point.value, point.slope


def interior_state(problems: StudyProblems, rng: np.random.Generator) -> np.ndarray:
    n = problems.layout.size("storage")
    top = problems.system.bounds.hydro.max_storage_hm3[:, 0]
    return np.concatenate(
        [
            top * rng.uniform(0.2, 0.8, n),
            rng.uniform(20, 60, n * problems.layout.block("inflow_lag").depth),
        ]
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("t", [0, 1, 2])
def test_both_formulations_have_the_same_optimal_values(seed: int, t: int):
    condensed, explicit = (
        trained(seed, m.Formulation.CONDENSED),
        trained(seed, m.Formulation.EXPLICIT),
    )
    rng = np.random.default_rng(seed)
    for _ in range(3):
        state = interior_state(condensed, rng)
        one, other = (
            SolverPool(p).solve(t, state, p.stages[t].openings, None).results.objective
            for p in (condensed, explicit)
        )
        assert one == pytest.approx(other, rel=1e-7)


@pytest.mark.parametrize("formulation", list(m.Formulation))
@pytest.mark.parametrize("seed", range(4))
def test_slopes_lie_between_the_one_sided_finite_differences(seed: int, formulation: m.Formulation):
    problems = trained(seed, formulation, n_lags=2)
    rng = np.random.default_rng(100 + seed)
    step = 1e-3
    agreeing = 0
    for t in range(problems.n_stages):
        state = interior_state(problems, rng)
        value, slope = value_and_slope(problems, t, state)
        for j in range(len(state)):
            forward, backward = state.copy(), state.copy()
            forward[j] += step
            backward[j] -= step
            right = (value_and_slope(problems, t, forward)[0] - value) / step
            left = (value - value_and_slope(problems, t, backward)[0]) / step
            margin = 1e-6 * max(1.0, abs(slope[j])) + 1e-8 * abs(value) / step
            assert left - margin <= slope[j] <= right + margin
            agreeing += abs(right - left) <= margin
    assert agreeing > 0


def test_slopes_of_both_formulations_agree_where_the_value_function_has_no_kink():
    checked = 0
    for seed in range(4):
        condensed, explicit = (
            trained(seed, m.Formulation.CONDENSED),
            trained(seed, m.Formulation.EXPLICIT),
        )
        rng = np.random.default_rng(seed)
        for t in range(3):
            state = interior_state(condensed, rng)
            value, slope = value_and_slope(condensed, t, state)
            other = value_and_slope(explicit, t, state)[1]
            for j in range(len(state)):
                step = np.zeros(len(state))
                step[j] = 1e-3
                right = value_and_slope(condensed, t, state + step)[0] - value
                left = value - value_and_slope(condensed, t, state - step)[0]
                if abs(right - left) <= 1e-9 * abs(value):
                    checked += 1
                    assert slope[j] == pytest.approx(other[j], rel=1e-6, abs=1e-3)
    assert checked > 10


def test_cuts_never_exceed_the_value_function_at_other_states():
    problems = trained(1, m.Formulation.CONDENSED)
    rng = np.random.default_rng(5)
    for t in (1, 2):
        pool = problems.pools[t - 1]
        for _ in range(5):
            state = interior_state(problems, rng)
            assert (
                pool.value(state)[0] <= value_and_slope(problems, t, state)[0] * (1 + 1e-9) + 1e-6
            )


def test_truncated_inflows_are_zero_and_take_no_part_in_the_lag_slope():
    system = random_system(3, n_openings=3, planes=False)
    dry = tuple(
        dataclasses.replace(s, mean_m3s=1.0, std_m3s=30.0) for s in system.inflow_statistics
    )
    system = dataclasses.replace(system, inflow_statistics=dry)
    problems = build_problems(study(system, method="truncation"))
    state = interior_state(problems, np.random.default_rng(0))
    programs = SolverPool(problems)
    stage = problems.stages[1]
    solved = programs.solve(1, state, stage.openings, None, want_primal=True)
    innovation, truncated = stage.innovations(state, stage.openings)
    assert truncated.any()
    assert not truncated.all()
    n = problems.layout.size("storage")
    inflow = innovation + (stage.psi[:, 0] * state[n : 2 * n])
    assert inflow[truncated] == pytest.approx(0.0, abs=1e-12)
    assert (inflow >= -1e-12).all()
    everyone = np.flatnonzero(truncated.all(axis=1))
    for w in range(len(inflow)):
        one = np.zeros(len(inflow))
        one[w] = 1.0
        lag_slope = stage.slope(solved, one)[n:]
        assert lag_slope[truncated[w]] == pytest.approx(0.0, abs=1e-9)
    assert len(everyone) <= len(inflow)
