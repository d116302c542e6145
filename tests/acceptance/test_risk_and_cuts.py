"""Risk-averse studies, and openings with cuts of their own, judged by the linear
program over the whole tree.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import headwater as hw
import oracle_systems as oracles
from extensive_form import extensive_form_value, stage_value
from headwater.case import load_case
from headwater.model import (
    BoundStalling,
    CutFormulation,
    CutSelection,
    Domination,
    Formulation,
    IterationLimit,
    Level1,
    LimitedMemory,
    MixedCVaR,
    Study,
)
from published import case_directory
from random_systems import STAGE_IDS, random_study

MEASURES = [(0.25, 0.5), (0.5, 0.3), (0.1, 1.0), (0.4, 0.8), (0.05, 0.6)]
"""Tail fraction and weight."""


def averse(study: Study, tail_fraction: float, weight: float) -> Study:
    risk = MixedCVaR(weight, tail_fraction)
    stages = tuple(replace(stage, risk=risk) for stage in study.system.stages)
    return replace(study, system=replace(study.system, stages=stages))


def trained(
    study: Study, iterations: int = 400, forward_passes: int = 8, **changes: object
) -> hw.Policy:
    """Until nothing has happened for a good while."""
    rules = (IterationLimit(iterations), BoundStalling(25, 1e-11))
    training = replace(
        study.config.training, stopping_rules=rules, forward_passes=forward_passes, **changes
    )
    return hw.train(replace(study, config=replace(study.config, training=training)), threads=1)


def multi(study: Study, **changes: object) -> hw.Policy:
    return trained(study, cut_formulation=CutFormulation.MULTI, **changes)


@pytest.mark.parametrize(("tail_fraction", "weight"), MEASURES)
def test_the_bound_of_a_published_case_reaches_its_nested_value(
    tail_fraction: float, weight: float
):
    case = load_case(case_directory("1dtoy"))
    study = averse(Study(case.system, case.config, "1dtoy"), tail_fraction, weight)
    policy = trained(study)
    assert policy.training.lower_bound_kind == "nested_risk"
    assert policy.lower_bound == pytest.approx(
        extensive_form_value(study.system, study.config), rel=1e-6
    )


@pytest.mark.parametrize(("tail_fraction", "weight"), MEASURES)
@pytest.mark.parametrize("seed", [4, 9])
def test_one_cut_or_one_for_each_opening_reach_the_nested_value_of_random_trees(
    seed: int, tail_fraction: float, weight: float
):
    study = averse(random_study(seed), tail_fraction, weight)
    optimum = extensive_form_value(study.system, study.config)
    single, each = trained(study), multi(study)
    assert single.lower_bound == pytest.approx(optimum, rel=1e-6)
    assert each.lower_bound == pytest.approx(optimum, rel=1e-6)
    for policy in (single, each):
        assert max(record.lower_bound for record in policy.training.iterations) <= optimum * (
            1.0 + 1e-8
        )


@pytest.mark.parametrize("formulation", list(Formulation))
@pytest.mark.parametrize("seed", [1, 6])
def test_cuts_for_each_opening_reach_the_expected_cost(seed: int, formulation: Formulation):
    study = random_study(seed)
    optimum = extensive_form_value(study.system, study.config)
    assert multi(study, formulation=formulation).lower_bound == pytest.approx(optimum, rel=1e-6)


def test_cuts_for_each_opening_solve_the_oracles():
    assert multi(oracles.first_steps()).lower_bound == pytest.approx(
        oracles.FIRST_STEPS_VALUE, abs=1e-4
    )
    assert multi(oracles.inner_bound(4)).lower_bound == pytest.approx(
        oracles.INNER_BOUND_VALUES[4], abs=1e-3
    )
    ar = multi(oracles.additive_autoregressive())
    assert ar.lower_bound == pytest.approx(oracles.ADDITIVE_AUTOREGRESSIVE_VALUE, abs=1e-3)


def test_every_opening_gets_a_cut_of_every_trajectory():
    policy = multi(oracles.first_steps(), iterations=3, forward_passes=2)
    for pool in policy.pools[:-1]:
        used = slice(0, pool.n_populated)
        assert pool.opening[used].tolist() == [0, 1, 2] * 6
        assert pool.forward_pass[used].tolist() == [0, 0, 0, 1, 1, 1] * 3
        assert pool.born_at[used].tolist() == [1] * 6 + [2] * 6 + [3] * 6


@pytest.mark.parametrize("measure", [None, (0.4, 0.8)])
def test_the_value_of_openings_together_is_below_the_true_future_and_tight_where_it_was_seen(
    measure,
):
    study = oracles.first_steps_from([0.0, 50.0, 100.0, 150.0, 200.0], forward_passes=4)
    study = study if measure is None else averse(study, *measure)
    policy = multi(study)
    for storage in (0.0, 50.0, 125.0, 200.0):
        true_cost = stage_value(study.system, study.config, 1, [storage])
        value = policy.value(1, np.array([storage]))
        assert value <= true_cost * (1.0 + 1e-9)
        assert value == pytest.approx(true_cost, rel=1e-6) or storage == 125.0
        step = 1e-3
        lower, upper = (policy.value(1, np.array([storage + move])) for move in (-step, step))
        slopes = sorted([(value - lower) / step, (upper - value) / step])
        assert (
            slopes[0] - 1e-3 <= -policy.water_values(1, np.array([storage]))[0] <= slopes[1] + 1e-3
        )


def test_cuts_for_each_opening_stay_below_the_true_future_at_states_never_visited():
    study = averse(random_study(5), 0.4, 0.8)
    policy = multi(study)
    rng = np.random.default_rng(0)
    hydros, n_lags = study.system.hydros, 5 % 3
    for stage_id in STAGE_IDS[:-1]:
        for _ in range(3):
            storage = np.array([rng.uniform(0.0, 0.9) * hydro.max_storage_hm3 for hydro in hydros])
            lags = rng.uniform(20.0, 70.0, (n_lags, len(hydros)))
            true_cost = stage_value(study.system, study.config, stage_id, storage, lags)
            assert policy.value(stage_id, np.concatenate([storage, lags.ravel()])) <= true_cost * (
                1.0 + 1e-8
            )


def test_a_policy_with_cuts_for_each_opening_is_stored_and_simulated_as_it_was_made(tmp_path):
    study = averse(random_study(4), 0.4, 0.8)
    policy = multi(study, iterations=20)
    hw.save_policy(policy, tmp_path / "policy")
    back = hw.load_policy(tmp_path / "policy")
    assert back.outlooks == policy.outlooks
    state = np.array(
        [0.3 * hydro.max_storage_hm3 for hydro in study.system.hydros]
        + [40.0] * (policy.layout.dimension - 2)
    )
    for stage_id in STAGE_IDS:
        assert back.value(stage_id, state) == policy.value(stage_id, state)
    # the study itself asks for one cut for all openings: the policy says what it is made of
    one, two = (hw.simulate(p, study, n_scenarios=20, threads=1) for p in (policy, back))
    assert one.summary.total_cost.tobytes() == two.summary.total_cost.tobytes()


def test_any_number_of_threads_makes_the_same_cuts_for_each_opening():
    training = replace(
        random_study(4).config.training,
        cut_formulation=CutFormulation.MULTI,
        stopping_rules=(IterationLimit(6),),
        forward_passes=5,
    )
    study = averse(random_study(4), 0.4, 0.8)
    study = replace(study, config=replace(study.config, training=training))
    one, three = (hw.train(study, threads=n) for n in (1, 3))
    for a, b in zip(one.pools, three.pools, strict=True):
        assert (
            a.coefficients[: a.n_populated].tobytes() == b.coefficients[: b.n_populated].tobytes()
        )
        assert a.intercepts[: a.n_populated].tobytes() == b.intercepts[: b.n_populated].tobytes()


@pytest.mark.parametrize("method", [Level1(), LimitedMemory(8), Domination()])
def test_selection_keeps_the_cuts_of_every_opening_that_matter(
    method: Level1 | LimitedMemory | Domination,
):
    study = random_study(4)
    selection = CutSelection(method, check_frequency=5)
    policy = multi(study, cut_selection=selection)
    optimum = extensive_form_value(study.system, study.config)
    assert policy.lower_bound == pytest.approx(optimum, rel=1e-6)
    assert sum(len(pool.active_slots()) for pool in policy.pools) < sum(
        pool.n_populated for pool in policy.pools
    )
