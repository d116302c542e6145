"""Weeks inside months and months before quarters.

What has been gathered of a period is state, so cuts are exact.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import headwater.model as m
from extensive_form import extensive_form_value
from headwater.equipment.hydro.state import memory_places
from headwater.policy import read_policy, write_policy
from headwater.sddp.stage.problems import build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.training.train import train_policy
from headwater.stochastic import build_uncertainty
from small_systems import study
from stage_values import aggregate
from sub_period_systems import KINDS, months_then_quarters, weeks, with_cargoes


def value_and_slope(problems, t, state):
    solved = SolverPool(problems).solve(t, state, problems.stages[t].openings, None)
    point = aggregate(problems, t, solved)
    return point.value, point.slope


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_the_bound_reaches_the_extensive_form(kind, seed):
    system = KINDS[kind](seed)
    # The extensive form branches at every stage; forward passes that share the noise of a month
    # would not visit all of it.
    given = m.GivenOpenings(dict(enumerate(build_uncertainty(system, 42).tree.noise)))
    chosen = study(
        dataclasses.replace(system, given_openings=given),
        iterations=40,
        forward_passes=3,
        method="penalty",
    )
    config = dataclasses.replace(chosen.config, noise_sharing=m.NoiseSharing.NONE)
    policy = train_policy(dataclasses.replace(chosen, config=config))
    assert policy.lower_bound == pytest.approx(
        extensive_form_value(chosen.system, chosen.config), rel=1e-6
    )


@pytest.mark.parametrize("formulation", list(m.Formulation))
@pytest.mark.parametrize("kind", KINDS)
def test_slopes_on_accumulators_lie_between_the_one_sided_finite_differences(kind, formulation):
    chosen = study(
        KINDS[kind](1), iterations=8, forward_passes=2, method="penalty", formulation=formulation
    )
    problems = build_problems(chosen, train_policy(chosen).pools)
    n, layout = problems.layout.size("storage"), problems.layout
    assert layout.block("inflow_accumulator").depth > 0
    rng = np.random.default_rng(5)
    step, agreeing, felt = 1e-3, 0, 0
    for t in range(problems.n_stages):
        for _ in range(2):
            top = problems.system.bounds.hydro.max_storage_hm3[:, 0]
            state = np.concatenate(
                [top * rng.uniform(0.2, 0.8, n), rng.uniform(20, 60, layout.dimension - n)]
            )
            state[layout.span("gnl_commitment")] = rng.uniform(8, 40, layout.size("gnl_commitment"))
            state[layout.span("gnl_commitment")][problems.n_stages - t :] = (
                0.0  # nothing is delivered after the last stage
            )
            value, slope = value_and_slope(problems, t, state)
            for j in range(layout.dimension):
                forward, backward = state.copy(), state.copy()
                forward[j] += step
                backward[j] -= step
                right = (value_and_slope(problems, t, forward)[0] - value) / step
                left = (value - value_and_slope(problems, t, backward)[0]) / step
                margin = 1e-6 * max(1.0, abs(slope[j])) + 1e-8 * abs(value) / step
                assert left - margin <= slope[j] <= right + margin
                agreeing += abs(right - left) <= margin
                felt += (
                    j in memory_places(layout)[layout.block("inflow_lag").depth :]
                    and abs(slope[j]) > 1e-3
                )
    assert agreeing > 0
    assert felt > 0, "no accumulator had a slope: the test would not notice wrong ones"


def test_commitments_stand_between_lags_and_accumulators():
    problems = build_problems(study(with_cargoes(weeks(0), 2)))
    n, layout = problems.layout.size("storage"), problems.layout
    kinds = [component["kind"] for component in layout.describe()]
    assert [component["dimension"] for component in layout.describe()] == list(
        range(layout.dimension)
    )
    assert (
        kinds
        == ["storage"] * n
        + ["inflow_lag"] * 2 * n
        + ["gnl_commitment_1", "gnl_commitment_2"]
        + ["inflow_accumulator"] * n
    )
    inflow = problems.uncertainty.inflow
    assert problems.initial_state[layout.span("gnl_commitment")].tolist() == [15.0, 24.0]
    assert (problems.initial_state[memory_places(layout)] == inflow.initial_lags_m3s).all()
    other = np.arange(inflow.n_lags * n, dtype=float).reshape(1, inflow.n_lags, n)
    assert (problems.starting_states(1, other)[0, memory_places(layout)] == other[0]).all()


def test_a_policy_with_commitments_and_accumulators_is_stored_and_read(tmp_path):
    chosen = study(with_cargoes(weeks(0), 2), iterations=3, forward_passes=2, method="penalty")
    policy = train_policy(chosen)
    again = train_policy(chosen, threads=2)
    for pool, other in zip(policy.pools, again.pools, strict=True):
        assert pool.coefficients.tobytes() == other.coefficients.tobytes()
    write_policy(policy, tmp_path / "policy")
    read = read_policy(tmp_path / "policy")
    assert read.layout == policy.layout
    state = build_problems(chosen).initial_state
    assert read.value(1, state) == policy.value(1, state)


def test_the_state_says_what_its_accumulators_are():
    problems = build_problems(study(months_then_quarters(0)))
    kinds = [component["kind"] for component in problems.layout.describe()]
    n = problems.layout.size("storage")
    assert len(kinds) == problems.layout.dimension == len(problems.initial_state)
    assert kinds.count("inflow_lag") == 2 * n
    assert kinds.count("inflow_accumulator") == (1 + 1 + 2) * n
