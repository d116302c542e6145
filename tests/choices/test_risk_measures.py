"""Risk measures against their definitions, against each other, and in training."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headwater as hw
from case_builder import tiny_case
from extensive_form import extensive_form_value
from headwater.choices.risk.blend import Blend
from headwater.choices.risk.chi_square import ChiSquare
from headwater.choices.risk.entropic import Entropic
from headwater.choices.risk.worst_case import WorstCase
from headwater.errors import ModelError
from headwater.model import CutFormulation, Gap, MixedCVaR, Study
from headwater.policy.choices import record, recorded_risk
from headwater.sddp import train_policy
from headwater.sddp.cuts.risk import OpeningWeights, weigh
from random_systems import random_study
from upper_bounds import bounded

BLEND = Blend((0.5, 0.3, 0.2), (MixedCVaR(), WorstCase(), MixedCVaR(1.0, 0.4)))
MEASURES = (WorstCase(), Entropic(2e-5), ChiSquare(0.4), ChiSquare(1.5), BLEND)


def outcomes(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, now and then zero, and costs, now and then equal."""
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(n)) * (rng.random(n) > 0.15)
    if probability.sum() == 0.0:
        probability[0] = 1.0
    return probability / probability.sum(), np.round(rng.normal(size=n) * 4e4, -4)


def worst_mean_in_the_ball(probability: np.ndarray, costs: np.ndarray, radius: float) -> float:
    """Value of the chi-square measure by a search for its two multipliers."""
    p, z = probability[probability > 0.0], costs[probability > 0.0]
    z = (z - z.min()) / max(np.ptp(z), 1e-300)

    def weights(slope: float) -> np.ndarray:
        low, high = -1.0 - slope, 1.0
        for _ in range(70):
            level = 0.5 * (low + high)
            low, high = (level, high) if p @ np.maximum(level + slope * z, 0) < 1 else (low, level)
        return p * np.maximum(high + slope * z, 0.0)

    low, high = 0.0, 1e9
    for _ in range(70):
        slope = np.sqrt(max(low, 1e-12) * high)
        q = weights(slope)
        low, high = (slope, high) if ((q - p) ** 2 / p).sum() < radius**2 else (low, slope)
    q = weights(max(low, 0.0))
    return float(q @ costs[probability > 0.0])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 9), st.floats(0.0, 3.0))
def test_chi_square_is_the_worst_mean_in_its_ball(seed: int, n: int, radius: float):
    probability, costs = outcomes(seed, n)
    weights, penalty = weigh(ChiSquare(radius), probability, costs)
    possible = probability > 0.0
    distance = ((weights - probability)[possible] ** 2 / probability[possible]).sum()
    assert penalty == 0.0
    assert not weights[~possible].any()
    assert distance <= radius**2 * (1 + 1e-9) + 1e-12
    expected = worst_mean_in_the_ball(probability, costs, radius)
    assert weights @ costs >= expected - 1e-5 * np.ptp(costs) - 1e-9


def test_chi_square_goes_from_the_mean_by_deviations_to_the_worst_case():
    probability, costs = np.full(5, 0.2), np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    assert weigh(ChiSquare(0.0), probability, costs)[0].tolist() == probability.tolist()
    by_deviations = weigh(ChiSquare(0.3), probability, costs)[0] @ costs
    assert by_deviations == pytest.approx(costs.mean() + 0.3 * costs.std())
    assert weigh(ChiSquare(2.0), probability, costs)[0] @ costs == pytest.approx(5.0)
    assert weigh(ChiSquare(9.0), probability, costs)[0] @ costs == pytest.approx(5.0)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 9), st.floats(1e-6, 1e3))
def test_the_entropic_measure_is_the_logarithm_of_a_mean(seed: int, n: int, aversion: float):
    probability, costs = outcomes(seed, n)
    costs = costs / 1e4
    weights, penalty = weigh(Entropic(aversion), probability, costs)
    highest = costs[probability > 0].max()
    mean = probability @ np.exp(np.minimum(aversion * (costs - highest), 0.0))
    expected = highest + np.log(mean) / aversion
    assert weights @ costs - penalty == pytest.approx(expected, rel=1e-9, abs=1e-6 / aversion)
    assert penalty >= 0.0


def test_the_entropic_measure_survives_costs_of_any_size():
    weights, penalty = weigh(Entropic(1.0), np.full(3, 1 / 3), np.array([-1e300, 0.0, 1e12]))
    assert weights.tolist() == [0.0, 0.0, 1.0]
    assert penalty == pytest.approx(np.log(3.0))


def test_the_worst_case_leaves_out_what_cannot_happen():
    assert weigh(WorstCase(), np.array([0.5, 0.5, 0.0]), np.array([1.0, 2.0, 9.0]))[0].tolist() == [
        0.0,
        1.0,
        0.0,
    ]


@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.type)
def test_a_measure_is_monotone_and_its_weights_are_its_slopes(measure: Any):
    rng = np.random.default_rng(8)

    def value(costs: np.ndarray) -> float:
        weights, penalty = measure.weigh(probability, costs)
        return float(weights @ costs - penalty)

    for seed in range(60):
        probability, costs = outcomes(seed, 6)
        weights, penalty = measure.weigh(probability, costs)
        other = costs + rng.normal(size=6) * 3e4
        # the best probabilities are a subgradient: a cut made with them is below everywhere
        assert value(other) >= weights @ other - penalty - 1e-6
        assert value(costs + np.abs(rng.normal(size=6)) * 1e4) >= value(costs) - 1e-6
        assert value(costs + 700.0) == pytest.approx(value(costs) + 700.0)
        assert value(np.full(6, 12.5)) == pytest.approx(12.5)


@pytest.mark.parametrize("measure", MEASURES[:-1], ids=lambda one: one.type)
def test_compiled_code_weighs_as_python_does(measure: Any):
    for seed in range(20):
        probability, _ = outcomes(seed, 7)
        # it compares the two itself, and would refuse a measure that contradicts itself
        assert OpeningWeights(measure, probability, 1e3).arrays.address


def bounds_of(study: Study) -> tuple[float, float]:
    policy = train_policy(
        bounded(study, Gap(relative_tolerance=0.005), initial_iteration=10, interval_iterations=10)
    )
    assert policy.training is not None
    assert policy.training.reason == "gap"
    return policy.lower_bound, float(policy.training.iterations[-1].upper_bound or np.nan)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.type)
def test_the_bounds_of_a_measure_meet(measure: Any):
    lower, upper = bounds_of(random_study(2, risk=(measure,) * 3, iterations=120))
    assert lower <= upper * (1 + 1e-9)


def test_the_worst_case_is_the_tail_of_one_opening():
    study = random_study(5, risk=(WorstCase(),) * 3, iterations=60)
    n_openings = min(stage.n_openings for stage in study.system.stages)
    worst = MixedCVaR(1.0, 0.5 / n_openings)
    exact = extensive_form_value(study.system, study.config, risk=worst)
    assert train_policy(study).lower_bound == pytest.approx(exact, rel=1e-6)


def test_a_blend_is_neutral_only_where_all_its_measures_are():
    assert Blend((0.4, 0.6), (MixedCVaR(), MixedCVaR())).neutral
    assert not Blend((0.4, 0.6), (MixedCVaR(), WorstCase())).neutral


def test_a_blend_of_mean_and_tail_is_the_mix_of_them():
    blend = Blend((0.7, 0.3), (MixedCVaR(), MixedCVaR(1.0, 0.3)))
    mixed, blended = (
        train_policy(random_study(5, risk=(one,) * 3, iterations=60)).lower_bound
        for one in (MixedCVaR(0.3, 0.3), blend)
    )
    assert blended == pytest.approx(mixed, rel=1e-7)


@pytest.mark.parametrize("measure", [WorstCase(), BLEND], ids=lambda one: one.type)
def test_cuts_of_single_openings_come_to_the_same_bound(measure: Any):
    study = random_study(5, risk=(measure,) * 3, iterations=60)
    training = replace(study.config.training, cut_formulation=CutFormulation.MULTI)
    multi = replace(study, config=replace(study.config, training=training))
    assert train_policy(multi).lower_bound == pytest.approx(
        train_policy(study).lower_bound, rel=1e-6
    )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Entropic(0.0),
        lambda: Entropic(float("inf")),
        lambda: ChiSquare(-0.1),
        lambda: Blend((), ()),
        lambda: Blend((1.0,), ()),
        lambda: Blend((0.5, 0.4), (WorstCase(), MixedCVaR())),
        lambda: Blend((1.5, -0.5), (WorstCase(), MixedCVaR())),
    ],
)
def test_parameters_without_meaning_are_refused(wrong: Callable[[], Any]):
    with pytest.raises(ModelError):
        wrong()


@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.type)
def test_a_policy_records_a_measure_and_reads_it_back(measure: Any):
    written = json.loads(json.dumps({"risk": record(measure)}))
    assert recorded_risk(written) == measure


def test_a_case_names_the_measures_of_its_stages(tmp_path: Path):
    case = tiny_case(tmp_path / "case")
    cvar = {"cvar": {"tail_fraction": 0.4, "lambda": 1.0}}
    measures = ["expectation", {"type": "worst_case"}, cvar]
    given = {
        WorstCase(): {"type": "worst_case"},
        Entropic(2e-5): {"type": "entropic", "aversion": 2e-5},
        ChiSquare(0.4): {"type": "chi_square", "radius": 0.4},
        BLEND: {"type": "blend", "shares": [0.5, 0.3, 0.2], "measures": measures},
    }
    for measure, written in given.items():
        case.stages[0]["risk_measure"] = written
        assert hw.load_case(case.write()).system.stages[0].risk == measure


@pytest.mark.parametrize(
    ("written", "place", "message"),
    [
        ({"type": "chi_square", "radius": -1}, "radius", "expected a number of at least 0"),
        ({"type": "entropic"}, "aversion", "required"),
        ({"type": "worst_case", "radius": 1}, "radius", "is not a known key. Fix: remove"),
        ({"type": "blend", "shares": [1], "measures": ["mean"]}, "measures[0]", "'mean'"),
        ({"type": "blend", "shares": [0.5], "measures": ["expectation"]}, "", "add up to 1"),
    ],
)
def test_what_is_wrong_with_a_measure_is_said_where_it_stands(
    tmp_path: Path, written: dict[str, Any], place: str, message: str
):
    case = tiny_case(tmp_path / "case")
    case.stages[0]["risk_measure"] = written
    with pytest.raises(hw.CaseError) as caught:
        hw.load_case(case.write())
    assert f"stages[0].risk_measure{'.' if place else ''}{place}" in str(caught.value)
    assert message in str(caught.value)
