"""The deterministic upper bound brackets the optimum, judged by answers of the literature and by
whole trees in one program.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import headwater as hw
import oracle_systems as oracles
from extensive_form import extensive_form_value
from headwater.case import load_case
from headwater.model import (
    CutFormulation,
    Gap,
    GraphType,
    InflowNonNegativity,
    IterationLimit,
    LipschitzMode,
    PolicyGraph,
    Transition,
)
from headwater.sddp import train_policy
from published import case_directory
from small_systems import study
from upper_bounds import bounded, varied_study, with_config
from whole_systems import whole_system

INFINITE = oracles.INFINITE_INNER_BOUND_VALUE - 1e-4  # known to four digits


def bounds_of(study):
    """Lower bound, and the bound that each evaluation gave, after every iteration that had one."""
    records = train_policy(study).training.iterations
    return [
        (record.lower_bound, record.inner.value) for record in records if record.inner is not None
    ]


def assert_brackets(pairs, optimum):
    assert max(lower for lower, _ in pairs) <= optimum * (1.0 + 1e-7)
    assert min(upper for _, upper in pairs) >= optimum * (1.0 - 1e-7)


def test_the_first_steps_are_bracketed_from_the_first_iteration_on_and_the_pair_closes():
    pairs = bounds_of(bounded(oracles.first_steps()))
    assert_brackets(pairs, oracles.FIRST_STEPS_VALUE)
    assert pairs[1] == pytest.approx((7500.0, 10000.0))
    assert pairs[9] == pytest.approx(
        (oracles.FIRST_STEPS_VALUE, oracles.FIRST_STEPS_VALUE), abs=1e-4
    )


@pytest.mark.parametrize(
    ("price", "bound"), [(60.0, 7666.6667), (150.0, oracles.FIRST_STEPS_VALUE)]
)
def test_a_price_that_is_too_small_gives_a_wrong_bound(price, bound):
    """Water is worth up to 150 $/hm3 here; the derived prices are larger."""
    pairs = bounds_of(
        bounded(oracles.first_steps(), lipschitz=LipschitzMode.FIXED, fallback_value=price)
    )
    assert pairs[-1][1] == pytest.approx(bound, abs=1e-3)


@pytest.mark.parametrize("n_stages", [2, 4, 6])
def test_the_inner_bound_problem_is_bracketed_and_the_pair_closes(n_stages):
    optimum = oracles.INNER_BOUND_VALUES[n_stages]
    pairs = bounds_of(
        bounded(oracles.inner_bound(n_stages, 10, 40), initial_iteration=4, interval_iterations=9)
    )
    assert_brackets(pairs, optimum)
    assert pairs[-1][1] == pytest.approx(optimum, abs=1e-3)


def test_an_inflow_that_is_state_is_priced():
    chosen = with_config(
        oracles.additive_autoregressive(), inflow_non_negativity=InflowNonNegativity.PENALTY
    )
    pairs = bounds_of(bounded(chosen, Gap(relative_tolerance=0.002), interval_iterations=5))
    assert_brackets(pairs, oracles.ADDITIVE_AUTOREGRESSIVE_VALUE)
    assert pairs[-1][1] <= oracles.ADDITIVE_AUTOREGRESSIVE_VALUE * 1.002


def test_the_published_toy_case_is_bracketed():
    case = load_case(case_directory("1dtoy"))
    optimum = extensive_form_value(case.system, case.config)
    pairs = bounds_of(
        bounded(case, Gap(relative_tolerance=0.01), initial_iteration=4, interval_iterations=12)
    )
    assert_brackets(pairs, optimum)
    assert pairs[-1][1] <= optimum * 1.01
    assert len(pairs) > 1


@pytest.mark.parametrize("seed", range(50))
def test_random_systems_are_bracketed_until_the_gap_is_small(seed):
    """With lags, planes, user constraints, risk measures and plants that are dispatched ahead, as
    the seed has it.
    """
    chosen = varied_study(seed)
    optimum = extensive_form_value(chosen.system, chosen.config)
    policy = hw.train(chosen, threads=1)
    pairs = [
        (record.lower_bound, record.inner.value)
        for record in policy.training.iterations
        if record.inner is not None
    ]
    assert_brackets(pairs, optimum)
    assert policy.training.reason == "gap"
    assert policy.training.upper_bound <= optimum * 1.01
    assert all(one.certified for one in policy.training.inner_evaluations)


@pytest.mark.parametrize(("seed", "n_lags"), [(0, 2), (1, 0)])
def test_systems_with_every_kind_of_equipment_are_bracketed(seed, n_lags):
    """No program holds their whole tree: the bounds must meet, neither passing the other."""
    chosen = study(
        whole_system(seed, n_lags=n_lags), iterations=60, forward_passes=4, method="penalty"
    )
    pairs = bounds_of(
        bounded(chosen, Gap(relative_tolerance=1e-3), initial_iteration=10, interval_iterations=10)
    )
    best = max(lower for lower, _ in pairs)
    assert min(upper for _, upper in pairs) >= best * (1.0 - 1e-7)
    assert pairs[-1][1] <= best * 1.001


def test_a_problem_without_end_is_bracketed_for_all_time():
    pairs = bounds_of(
        bounded(
            oracles.infinite_inner_bound(iterations=9), initial_iteration=1, interval_iterations=4
        )
    )
    assert_brackets(pairs, INFINITE)
    assert pairs[-1][1] == pytest.approx(INFINITE, abs=1e-3)


@pytest.mark.parametrize("seed", [0, 4, 7])
def test_random_cycles_are_bracketed_until_the_gap_is_small(seed):
    """Three months for ever, of which the last two repeat, worth half as much every turn.

    With and without lags.
    """
    study = varied_study(seed)
    ids = [stage.id for stage in study.system.stages]
    steps = [Transition(*pair) for pair in (*pairwise(ids), (ids[-1], ids[1]))]
    graph = PolicyGraph(
        GraphType.CYCLIC, annual_discount_rate=2.0 ** (365.25 / 61) - 1.0, transitions=tuple(steps)
    )
    thermals = tuple(thermal for thermal in study.system.thermals if thermal.gnl_lag_stages is None)
    initial = replace(study.system.initial, gnl_pipeline_mw={})
    cyclic = replace(
        study, system=replace(study.system, policy_graph=graph, thermals=thermals, initial=initial)
    )
    records = train_policy(cyclic).training.iterations
    best = max(record.lower_bound for record in records)
    assert min(record.inner.value for record in records if record.inner is not None) >= best * (
        1.0 - 1e-7
    )
    assert records[-1].upper_bound <= best * 1.006


@pytest.mark.parametrize("seed", [1, 4, 5])
def test_cuts_of_single_openings_change_nothing(seed):
    chosen = varied_study(seed)
    multi = with_config(
        chosen, training=replace(chosen.config.training, cut_formulation=CutFormulation.MULTI)
    )
    pairs = bounds_of(multi)
    assert_brackets(pairs, extensive_form_value(chosen.system, chosen.config))
    assert pairs[-1][1] <= pairs[-1][0] * 1.006


def test_fewer_vertices_than_visits_still_bound_from_above():
    chosen = bounded(oracles.inner_bound(4, 10, 12), max_vertices_per_stage=2)
    records = hw.train(chosen, threads=1).training.iterations
    assert all(record.inner.n_vertices <= 2 * 3 for record in records)
    assert min(record.inner.value for record in records) >= oracles.INNER_BOUND_VALUES[4] * (
        1.0 - 1e-7
    )
    assert np.all(np.diff([record.upper_bound for record in records]) <= 0.0)


def test_one_stage_has_nothing_to_approximate():
    lower, upper = bounds_of(bounded(oracles.inner_bound(1, 1, 1)))[0]
    assert lower == upper == pytest.approx(oracles.INNER_BOUND_VALUES[1])


def test_training_ends_when_the_bounds_are_near():
    chosen = bounded(oracles.first_steps(), Gap(tolerance=1.0))
    policy = hw.train(chosen, threads=1)
    assert (policy.training.reason, policy.training.converged) == ("gap", True)
    assert isinstance(chosen.config.training.stopping_rules[0], IterationLimit)
    assert policy.n_iterations < chosen.config.training.max_iterations
