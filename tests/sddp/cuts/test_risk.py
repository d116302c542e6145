"""Risk measures as weights, in Python and in compiled code."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

from headwater.core.risk_forms import CompiledRisk
from headwater.errors import ModelError
from headwater.model import CutFormulation, Gap, MixedCVaR, Study
from headwater.sddp import train_policy
from headwater.sddp.cuts.risk import OpeningWeights, weigh
from headwater.solver.compiled import compiled
from headwater.solver.packing_kernel import weigh_at
from outside.headwater_outside.risk import Exponential
from random_systems import random_study
from upper_bounds import bounded


@compiled
def called(address, costs, probability, parameters, order, weights):
    return weigh_at(address, costs.shape[0], costs, probability, parameters, order, weights)


COSTS = np.array([10.0, 20.0, 30.0, 40.0])
EQUAL = np.full(4, 0.25)


def test_a_half_and_half_mix_over_the_worst_quarter_of_four_outcomes():
    weights, _ = weigh(MixedCVaR(weight=0.5, tail_fraction=0.25), EQUAL, COSTS)
    assert weights == pytest.approx([0.125, 0.125, 0.125, 0.625])
    assert weights @ COSTS == pytest.approx(32.5)


def test_the_expectation_keeps_the_probabilities():
    assert weigh(MixedCVaR(), EQUAL, COSTS)[0].tolist() == EQUAL.tolist()


def test_ties_go_to_the_first_opening():
    weights, _ = weigh(MixedCVaR(1.0, 0.25), EQUAL, np.array([5.0, 5.0, 1.0, 0.0]))
    assert weights.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_an_outcome_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="no cost"):
        weigh(MixedCVaR(0.5, 0.5), EQUAL, np.array([1.0, np.nan, 2.0, 3.0]))


@pytest.mark.parametrize(("weight", "tail"), [(-0.1, 0.5), (1.1, 0.5), (0.5, 0.0), (0.5, 1.5)])
def test_measures_outside_their_range_are_refused(weight: float, tail: float):
    with pytest.raises(ModelError):
        MixedCVaR(weight, tail)


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8),
    st.floats(0.01, 1.0),
    st.floats(0.0, 1.0),
    st.integers(0, 1000),
)
def test_weights_give_the_value_of_the_defining_minimisation(
    costs: list[float], tail: float, weight: float, seed: int
):
    cost = np.array(costs)
    probability = np.random.default_rng(seed).dirichlet(np.ones(len(cost)))
    weights, _ = weigh(MixedCVaR(weight, tail), probability, cost)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= (1 - weight) * probability - 1e-12).all()
    # CVaR = min over eta of eta + E[(Z - eta)+] / tail, attained at one of the outcomes
    cvar = min(eta + probability @ np.maximum(cost - eta, 0.0) / tail for eta in cost)
    expected = (1 - weight) * probability @ cost + weight * cvar
    assert weights @ cost == pytest.approx(expected, rel=1e-9, abs=1e-7)


def test_the_weights_maximise_over_the_risk_envelope():
    rng = np.random.default_rng(2)
    probability, cost, tail = rng.dirichlet(np.ones(6)), rng.normal(size=6), 0.3
    best = scipy.optimize.linprog(
        -cost, A_eq=np.ones((1, 6)), b_eq=[1], bounds=[(0, p / tail) for p in probability]
    )
    assert weigh(MixedCVaR(1.0, tail), probability, cost)[0] @ cost == pytest.approx(-best.fun)


@dataclass(frozen=True)
class InPython:
    """The mix with CVaR by calls into Python."""

    weight: float
    tail_fraction: float
    type: ClassVar[str] = "in_python"
    neutral: ClassVar[bool] = False

    def weigh(self, probability: Any, costs: Any) -> tuple[Any, float]:
        return MixedCVaR(self.weight, self.tail_fraction).weigh(probability, costs)

    def compiled(self, cost_scale: float) -> CompiledRisk | None:
        return None

    def epigraph(self, probability: Any, lower: float) -> None:
        return None


class Wrong(InPython):
    """Weights that are none."""

    def weigh(self, probability: Any, costs: Any) -> tuple[Any, float]:
        return probability * 1.5, 0.0


class Failing(InPython):
    """It never answers."""

    def weigh(self, probability: Any, costs: Any) -> tuple[Any, float]:
        raise ZeroDivisionError("no weights today")


def _halves(n, costs, probability, parameters, order, weights):
    for w in range(n):
        weights[w] = 0.5
    return 0.0


def _text(n, costs, probability, parameters, order, weights):
    return float(str(n))


class Contradicting(InPython):
    """In compiled code it does something else."""

    def compiled(self, cost_scale: float) -> CompiledRisk | None:
        return CompiledRisk(_halves, np.empty(0))


class NotCompilable(InPython):
    """Its compiled form is none."""

    def compiled(self, cost_scale: float) -> CompiledRisk | None:
        return CompiledRisk(_text, np.empty(0))


def averse(measure: Any, seed: int = 3, **training: Any) -> Study:
    study = random_study(seed, risk=(measure,) * 3, iterations=8)
    return replace(
        study, config=replace(study.config, training=replace(study.config.training, **training))
    )


def bounds(study: Study) -> list[float]:
    policy = train_policy(study)
    assert policy.training is not None
    return [record.lower_bound for record in policy.training.iterations]


@pytest.mark.parametrize("measure", [MixedCVaR(), MixedCVaR(0.3, 0.4), MixedCVaR(1.0, 0.05)])
def test_compiled_weights_equal_those_of_python_in_every_bit(measure: Any):
    rng = np.random.default_rng(5)
    for _ in range(200):
        n = int(rng.integers(1, 30))
        probability, costs = rng.dirichlet(np.ones(n)), np.round(rng.normal(size=n) * 50.0, 1)
        arrays = OpeningWeights(measure, probability, 1.0).arrays
        order, weights = np.empty(n, np.int64), np.empty(n)
        expected, loss = measure.weigh(probability, costs)
        assert (
            called(arrays.address, costs, arrays.probability, arrays.parameters, order, weights)
            == loss
        )
        assert weights.tolist() == expected.tolist()


def test_a_measure_in_python_trains_to_the_same_bits_as_a_compiled_one():
    assert bounds(averse(InPython(0.4, 0.3))) == bounds(averse(MixedCVaR(0.4, 0.3)))


def test_a_convex_measure_closes_the_gap_between_its_bounds():
    study = random_study(2, risk=(Exponential(1e-5),) * 3, iterations=80)
    policy = train_policy(
        bounded(study, Gap(relative_tolerance=0.005), initial_iteration=10, interval_iterations=10)
    )
    assert policy.training is not None
    assert policy.training.reason == "gap"
    assert policy.training.lower_bound_kind == "nested_risk"
    neutral = train_policy(random_study(2, iterations=40))
    assert policy.lower_bound > neutral.lower_bound


def test_a_measure_that_fails_ends_training_with_its_own_error():
    with pytest.raises(ZeroDivisionError, match="no weights today"):
        train_policy(averse(Failing(0.4, 0.3)))


def test_weights_that_do_not_add_up_to_one_are_refused():
    with pytest.raises(ModelError, match="must weigh 4 outcomes"):
        weigh(Wrong(0.4, 0.3), EQUAL, COSTS)
    with pytest.raises(ModelError, match=r"add up to 1\.5"):
        train_policy(averse(Wrong(0.4, 0.3)))


def test_a_compiled_form_that_does_something_else_is_refused():
    with pytest.raises(ModelError, match="contradicts itself"):
        train_policy(averse(Contradicting(0.4, 0.3)))


def test_a_form_that_cannot_be_compiled_is_called_in_python(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert bounds(averse(NotCompilable(0.4, 0.3))) == bounds(averse(MixedCVaR(0.4, 0.3)))
    assert "weighed in Python" in caplog.text


def test_openings_have_no_cuts_of_their_own_under_a_measure_without_linear_form():
    with pytest.raises(ModelError, match="'in_python' has no linear form"):
        train_policy(averse(InPython(0.4, 0.3), cut_formulation=CutFormulation.MULTI))
