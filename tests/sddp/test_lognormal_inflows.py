"""Training with lognormal inflows, against programs that are written from the data alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from extensive_form import extensive_form_value
from headwater.errors import ModelError
from headwater.model import Formulation, InflowNoise, InflowNonNegativity, UpperBoundConfig
from headwater.sddp import train_policy
from headwater.sddp.bounds.extensive_form import solve_extensive_form
from headwater.sddp.stage.problems import build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.training.fingerprint import study_fingerprint
from headwater.sddp.training.matching import stage_digests
from random_systems import random_study
from stage_values import aggregate

KINDS = (InflowNoise.MULTIPLICATIVE, InflowNoise.THREE_PARAMETER)


def value_and_slope(problems, t, state):
    solved = SolverPool(problems).solve(t, state, problems.stages[t].openings, None)
    point = aggregate(problems, t, solved)
    return point.value, point.slope


def interior_state(problems, rng):
    n = problems.layout.size("storage")
    top = problems.system.bounds.hydro.max_storage_hm3[:, 0]
    lags = rng.uniform(20, 60, n * problems.layout.block("inflow_lag").depth)
    return np.concatenate([top * rng.uniform(0.2, 0.8, n), lags])


def with_noise(noise, seed, **changes):
    study = random_study(seed, iterations=60)
    return replace(study, config=replace(study.config, inflow_noise=noise, **changes))


@pytest.mark.parametrize("noise", KINDS)
@pytest.mark.parametrize("seed", [1, 2, 4, 5])
def test_bound_and_program_over_the_tree_are_those_of_the_formula(noise, seed):
    study = with_noise(noise, seed)
    expected = extensive_form_value(study.system, study.config)
    assert solve_extensive_form(study).cost == pytest.approx(expected, rel=1e-9)
    assert train_policy(study).lower_bound == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("formulation", list(Formulation))
@pytest.mark.parametrize("method", [InflowNonNegativity.PENALTY, InflowNonNegativity.TRUNCATION])
def test_slopes_are_the_differences_of_values(method, formulation):
    study = with_noise(InflowNoise.MULTIPLICATIVE, 4, inflow_non_negativity=method)
    pools = train_policy(study).pools
    training = replace(study.config.training, formulation=formulation)
    problems = build_problems(
        replace(study, config=replace(study.config, training=training)), pools
    )
    rng = np.random.default_rng(0)
    assert problems.stages[1].openings.factor.size
    for t in (1, 2):
        state = interior_state(problems, rng)
        value, slope = value_and_slope(problems, t, state)
        for j in range(len(state)):
            step = 1e-4 * max(1.0, abs(state[j]))
            sides = [state.copy(), state.copy()]
            sides[0][j] -= step
            sides[1][j] += step
            low, high = (value_and_slope(problems, t, side)[0] for side in sides)
            left, right = (value - low) / step, (high - value) / step
            tolerance = 1e-6 * max(1.0, abs(left), abs(right)) + 1e-7 * abs(value) / step
            assert min(left, right) - tolerance <= slope[j] <= max(left, right) + tolerance


def test_lag_slopes_collect_the_coefficients_of_the_openings():
    study = with_noise(InflowNoise.MULTIPLICATIVE, 4)
    problems = build_problems(study, train_policy(study).pools)
    stage, state = problems.stages[1], interior_state(problems, np.random.default_rng(1))
    solved = SolverPool(problems).solve(1, state, stage.openings, None, want_primal=True)
    n = problems.layout.size("storage")
    plain = replace(
        solved, noise=replace(stage.openings, factor=np.empty((len(stage.openings), 0)))
    )
    for w in range(len(stage.openings)):
        one = np.eye(len(stage.openings))[w]
        factor = stage.openings.factor[w]
        as_added = stage.slope(plain, one)[n : 2 * n]
        assert stage.slope(solved, one)[n : 2 * n] == pytest.approx(
            as_added + direct(stage, plain, one, factor, n), rel=1e-9
        )


def direct(stage, solved, weights, factor, n):
    """What multiplying the lag term adds: the worth of a unit of inflow times more of it."""
    form = stage.form
    duals = weights @ solved.results.row_dual
    rows = duals[: form.n_rows] * stage.scaling.row
    cuts = duals[form.n_rows :] / form.cost_scale
    pull = cuts @ stage.pool.coefficients[stage.row_slots][:, form.exogenous]
    per_inflow = rows @ form.innovation_to_rows + pull @ form.exogenous_from_innovation
    return form.cost_scale * per_inflow * (factor - 1.0) * stage.psi[:, 0]


def test_there_is_no_upper_bound_where_noise_multiplies_the_past():
    bound = UpperBoundConfig(enabled=True, initial_iteration=2, interval_iterations=2)
    study = with_noise(InflowNoise.MULTIPLICATIVE, 4, upper_bound=bound)
    with pytest.raises(ModelError, match="noise multiplies past inflows"):
        train_policy(study)


def test_fingerprints_and_digests_tell_the_noise():
    one, other, plain = (with_noise(noise, 4) for noise in (*KINDS, InflowNoise.NORMAL))
    assert study_fingerprint(one)["inflow_noise"] == "multiplicative"
    assert study_fingerprint(one) != study_fingerprint(other)
    assert "inflow_noise" not in study_fingerprint(plain)
    digests = [stage_digests(build_problems(study)) for study in (one, other, plain)]
    assert digests[0] != digests[1] != digests[2] != digests[0]
