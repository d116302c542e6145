"""Risk measures as weights."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import ModelError
from headwater.model import RiskMeasure
from headwater.sddp.risk import risk_weights

COSTS = np.array([10.0, 20.0, 30.0, 40.0])
EQUAL = np.full(4, 0.25)


def test_a_half_and_half_mix_over_the_worst_quarter_of_four_outcomes():
    weights = risk_weights(RiskMeasure(weight=0.5, tail_fraction=0.25), EQUAL, COSTS)
    assert weights == pytest.approx([0.125, 0.125, 0.125, 0.625])
    assert weights @ COSTS == pytest.approx(32.5)


def test_the_expectation_keeps_the_probabilities():
    assert risk_weights(RiskMeasure(), EQUAL, COSTS).tolist() == EQUAL.tolist()


def test_ties_go_to_the_first_opening():
    weights = risk_weights(RiskMeasure(1.0, 0.25), EQUAL, np.array([5.0, 5.0, 1.0, 0.0]))
    assert weights.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_an_outcome_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="no cost"):
        risk_weights(RiskMeasure(0.5, 0.5), EQUAL, np.array([1.0, np.nan, 2.0, 3.0]))


@pytest.mark.parametrize(("weight", "tail"), [(-0.1, 0.5), (1.1, 0.5), (0.5, 0.0), (0.5, 1.5)])
def test_measures_outside_their_range_are_refused(weight: float, tail: float):
    with pytest.raises(ModelError):
        RiskMeasure(weight, tail)


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8),
    st.floats(0.01, 1.0),
    st.floats(0.0, 1.0),
    st.integers(0, 1000),
)
def test_weights_give_the_value_of_the_defining_minimisation(costs: list[float], tail: float, weight: float, seed: int):
    cost = np.array(costs)
    probability = np.random.default_rng(seed).dirichlet(np.ones(len(cost)))
    weights = risk_weights(RiskMeasure(weight, tail), probability, cost)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= (1 - weight) * probability - 1e-12).all()
    # CVaR = min over eta of eta + E[(Z - eta)+] / tail, attained at one of the outcomes
    cvar = min(eta + probability @ np.maximum(cost - eta, 0.0) / tail for eta in cost)
    expected = (1 - weight) * probability @ cost + weight * cvar
    assert weights @ cost == pytest.approx(expected, rel=1e-9, abs=1e-7)


def test_the_weights_maximise_over_the_risk_envelope():
    rng = np.random.default_rng(2)
    probability, cost, tail = rng.dirichlet(np.ones(6)), rng.normal(size=6), 0.3
    best = scipy.optimize.linprog(-cost, A_eq=np.ones((1, 6)), b_eq=[1], bounds=[(0, p / tail) for p in probability])
    assert risk_weights(RiskMeasure(1.0, tail), probability, cost) @ cost == pytest.approx(-best.fun)
