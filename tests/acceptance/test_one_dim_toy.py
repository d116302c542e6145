"""A published case with ten openings at each of four stages, judged by the linear
program over its 11,110 nodes.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

import headwater as hw
from extensive_form import extensive_form_value, stage_value
from headwater.case import load_case
from headwater.model import IterationLimit
from published import case_directory


@pytest.fixture(scope="module")
def case():
    return load_case(case_directory("1dtoy"))


@pytest.fixture(scope="module")
def optimum(case):
    return extensive_form_value(case.system, case.config)


@pytest.fixture(scope="module")
def policy(case):
    return hw.train(case, threads=1)


@pytest.fixture(scope="module")
def long_trained(case):
    training = replace(case.config.training, stopping_rules=(IterationLimit(2000),))
    return hw.train(replace(case, config=replace(case.config, training=training)), threads=1)


def test_the_case_asks_for_128_iterations(policy):
    assert [record.iteration for record in policy.training.iterations] == list(range(1, 129))


def test_the_bound_is_close_to_the_optimum_after_the_iterations_of_the_case(policy, optimum):
    assert policy.lower_bound == pytest.approx(optimum, rel=1e-3)


@pytest.mark.slow
def test_the_bound_reaches_the_optimum_when_it_is_given_the_iterations(long_trained, optimum):
    assert long_trained.lower_bound == pytest.approx(optimum, rel=1e-6)


@pytest.mark.parametrize("which", ["policy", pytest.param("long_trained", marks=pytest.mark.slow)])
def test_no_iteration_is_above_the_optimum_or_below_the_one_before(which, optimum, request):
    bounds = [record.lower_bound for record in request.getfixturevalue(which).training.iterations]
    assert max(bounds) <= optimum * (1.0 + 1e-9)
    assert all(later >= earlier - 1e-9 * optimum for earlier, later in pairwise(bounds))


@pytest.mark.parametrize("storage", [0.0, 20.0, 60.0, 140.0])
@pytest.mark.parametrize("stage_id", [1, 2])
def test_the_cuts_never_exceed_the_true_cost_of_the_later_stages(case, policy, stage_id, storage):
    true_cost = stage_value(case.system, case.config, stage_id, [storage])
    assert policy.value(stage_id, np.array([storage])) <= true_cost * (1.0 + 1e-9)


def test_the_mean_of_many_simulations_meets_the_optimum(policy, optimum):
    """Within four standard errors.

    Costs come from the table, so that discounting is seen as well.
    """
    simulation = hw.simulate(policy, n_scenarios=500)
    present_value = (pl.col("immediate_cost") * pl.col("discount_factor")).sum()
    costs = (
        simulation.table("costs")
        .group_by("scenario_id")
        .agg(present_value.alias("cost"))["cost"]
        .to_numpy()
    )
    assert len(costs) == 500
    assert simulation.mean_cost == pytest.approx(costs.mean(), rel=1e-9)
    assert abs(costs.mean() - optimum) < 4.0 * costs.std() / np.sqrt(500)
