"""Problems of the literature with known answers, trained through the public interface."""

from itertools import pairwise

import numpy as np
import pytest

import headwater as hw
import oracle_systems as oracles
from extensive_form import stage_value

STORAGES = list(oracles.FIRST_STEPS_COST_TO_GO)
MIDPOINTS = [(low + high) / 2.0 for low, high in pairwise(STORAGES)]


def train(study):
    return hw.train(study, threads=1)


@pytest.fixture(scope="module")
def first_steps():
    return train(oracles.first_steps())


@pytest.fixture(scope="module")
def first_steps_everywhere():
    """A policy that has seen every storage at which the cost-to-go is known, and the middle between
    each two of them.
    """
    return train(oracles.first_steps_from(sorted([*STORAGES, *MIDPOINTS])))


def test_first_steps_costs_what_the_tutorial_says(first_steps):
    assert first_steps.lower_bound == pytest.approx(oracles.FIRST_STEPS_VALUE, abs=1e-4)


@pytest.mark.parametrize("storage", STORAGES)
def test_the_future_after_the_first_stage_costs_what_the_tutorial_says(
    first_steps_everywhere, storage
):
    assert first_steps_everywhere.value(1, np.array([storage])) == pytest.approx(
        oracles.FIRST_STEPS_COST_TO_GO[storage], abs=1e-4
    )


@pytest.mark.parametrize("storage", STORAGES)
def test_the_future_is_never_dearer_than_it_is(first_steps, storage):
    assert (
        first_steps.value(1, np.array([storage])) <= oracles.FIRST_STEPS_COST_TO_GO[storage] + 1e-4
    )


@pytest.mark.parametrize(
    ("middle", "low", "high"), list(zip(MIDPOINTS, STORAGES, STORAGES[1:], strict=False))
)
def test_water_is_worth_the_slope_of_the_future_cost(first_steps_everywhere, middle, low, high):
    """The cost-to-go is linear between the known storages, so its slope there is unique."""
    study = oracles.first_steps()
    in_the_middle = stage_value(study.system, study.config, 1, [middle])
    at_ends = [oracles.FIRST_STEPS_COST_TO_GO[storage] for storage in (low, high)]
    assert in_the_middle == pytest.approx(np.mean(at_ends), abs=1e-4)
    worth = (at_ends[0] - at_ends[1]) / (high - low)
    assert first_steps_everywhere.water_values(1, np.array([middle])) == pytest.approx(
        [worth], abs=1e-4
    )


def test_nothing_follows_the_last_stage(first_steps):
    assert first_steps.value(3, np.array([120.0])) == 0.0
    assert first_steps.water_values(3, np.array([120.0])) == pytest.approx([0.0])


@pytest.mark.parametrize(
    ("n_stages", "forward_passes", "iterations", "tolerance"),
    [
        (1, 1, 1, 1e-6),
        (2, 2, 20, 1e-6),
        (3, 2, 40, 1e-6),
        (4, 10, 20, 1e-6),
        (6, 10, 60, 1e-6),
        # rare paths of openings decide the last digits of long horizons: many
        # trajectories find them
        (12, 40, 60, 1e-3),
        (20, 40, 60, 1e-3),
    ],
)
def test_inner_bound_costs_what_dynamic_programming_says(
    n_stages, forward_passes, iterations, tolerance
):
    exact = oracles.INNER_BOUND_VALUES[n_stages]
    bounds = [
        r.lower_bound
        for r in train(
            oracles.inner_bound(n_stages, forward_passes, iterations)
        ).training.iterations
    ]
    assert bounds[-1] == pytest.approx(exact, abs=tolerance)
    assert max(bounds) <= exact + 1e-6


def test_the_hydro_thermal_example_of_fast_costs_ten():
    assert train(oracles.fast_hydro_thermal()).lower_bound == pytest.approx(
        oracles.FAST_VALUE, abs=1e-7
    )


def test_the_three_bus_case_costs_what_hydro_power_models_says():
    policy = train(oracles.case3_deterministic())
    assert policy.lower_bound == pytest.approx(oracles.CASE3_VALUE, abs=1e-2)
    assert hw.simulate(policy, n_scenarios=1).mean_cost == pytest.approx(
        oracles.CASE3_VALUE, abs=1e-2
    )


@pytest.mark.parametrize(
    ("stochastic", "figure"),
    [(False, oracles.VALLEY_DETERMINISTIC_VALUE), (True, oracles.VALLEY_STOCHASTIC_VALUE)],
    ids=["known inflow", "random inflow"],
)
def test_the_hydro_valley_earns_what_its_source_says(stochastic, figure):
    assert train(oracles.hydro_valley(stochastic=stochastic)).lower_bound == pytest.approx(
        figure, abs=1e-3
    )


def test_an_inflow_that_depends_on_the_last_one_is_state():
    policy = train(oracles.additive_autoregressive())
    assert policy.lower_bound == pytest.approx(oracles.ADDITIVE_AUTOREGRESSIVE_VALUE, abs=1e-3)


def test_a_wetter_past_makes_the_future_cheaper():
    """The second component of the state is the inflow of the stage that ends."""
    study = oracles.additive_autoregressive()
    policy = train(study)
    for inflow in (30.0, 50.0, 70.0):
        true_cost = stage_value(study.system, study.config, 1, [100.0], np.array([[inflow]]))
        assert policy.value(1, np.array([100.0, inflow])) <= true_cost + 1e-6
    dry, wet = (policy.value(1, np.array([100.0, inflow])) for inflow in (30.0, 70.0))
    assert wet < dry
