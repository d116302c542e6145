"""The Wasserstein measure is the optimum of the transport of probability."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

import headwater as hw
from case_builder import tiny_case
from headwater import model as m
from headwater.arrays import Array
from headwater.errors import ModelError
from headwater.sddp import train_policy
from headwater.sddp.bounds.extensive_form import solve_extensive_form
from headwater.sddp.cuts.risk import among, weigh
from random_systems import random_study
from regime_systems import in_two_regimes


def best_transport(radius: float, noise: Array, probability: Array, costs: Array) -> float:
    """The dearest mean, by a linear program over what moves from where to where."""
    n = len(costs)
    distance = np.linalg.norm(noise[:, None, :] - noise[None, :, :], axis=2)
    found = linprog(
        -np.tile(costs, (n, 1)).ravel(),
        A_ub=distance.reshape(1, -1),
        b_ub=[radius],
        A_eq=np.kron(np.eye(n), np.ones(n)),
        b_eq=probability,
        bounds=[(0, None if probability[j] > 0 else 0) for _ in range(n) for j in range(n)],
    )
    return -float(found.fun)


@pytest.mark.parametrize("seed", range(60))
def test_its_weights_are_those_of_the_best_transport(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9))
    probability = rng.random(n) + 0.01
    if seed % 4 == 1 and n > 2:
        probability[0] = 0.0
    probability /= probability.sum()
    noise = rng.normal(size=(n, 2))
    radius = float(rng.choice([0.0, 0.05, 0.3, 1.0, 3.0]))
    if seed % 5 == 2 and radius:
        noise = np.round(noise)  # with openings on the same place
    costs = np.round(100.0 * rng.normal(size=n), seed % 3)
    weights, penalty = weigh(m.Wasserstein(radius).among(noise), probability, costs)
    assert penalty == 0.0
    assert not weights[probability == 0.0].any()
    expected = best_transport(radius, noise, probability, costs)
    assert weights @ costs == pytest.approx(expected, rel=1e-7, abs=1e-6)


def test_it_goes_from_the_mean_to_the_worst_case():
    probability, costs = np.full(3, 1 / 3), np.array([1.0, 5.0, 3.0])
    noise = np.array([[0.0], [2.0], [1.0]])
    assert m.Wasserstein(0.0).neutral
    assert weigh(m.Wasserstein(0.0).among(noise), probability, costs)[0] @ costs == pytest.approx(3)
    # one deviation moves all of the first and of the last to the second
    for radius in (1.0, 50.0):
        weights, _ = weigh(m.Wasserstein(radius).among(noise), probability, costs)
        assert weights.tolist() == pytest.approx([0.0, 1.0, 0.0])


def test_probability_does_not_move_between_regimes():
    noise = [np.zeros((2, 1)), np.zeros((1, 1))]
    measure = among(m.Wasserstein(1.0), noise)
    costs = np.array([1.0, 2.0, 9.0])
    weights, _ = weigh(measure, np.array([0.25, 0.25, 0.5]), costs)
    assert weights.tolist() == pytest.approx([0.0, 0.5, 0.5], abs=1e-8)


@pytest.mark.parametrize("with_regimes", [False, True])
def test_training_converges_to_the_extensive_form(with_regimes):
    study = random_study(4, iterations=120)
    blend = m.Blend((0.5, 0.5), (m.Wasserstein(0.8), m.MixedCVaR()))
    risks = (m.MixedCVaR(), m.Wasserstein(0.4), blend)
    stages = tuple(
        replace(stage, risk=risk) for stage, risk in zip(study.system.stages, risks, strict=True)
    )
    study = replace(study, system=replace(study.system, stages=stages))
    if with_regimes:
        study = in_two_regimes(study)
    expected = solve_extensive_form(study).cost
    assert train_policy(study).lower_bound == pytest.approx(expected, rel=1e-7)


def test_a_case_names_it(tmp_path: Path):
    case = tiny_case(tmp_path)
    case.stages[0]["risk_measure"] = {"type": "wasserstein", "radius": 0.3}
    assert hw.load_case(case.write()).system.stages[0].risk == m.Wasserstein(0.3)


def test_it_asks_for_openings_and_a_radius():
    with pytest.raises(ModelError, match="noise of the openings"):
        m.Wasserstein(0.1).weigh(np.ones(1), np.ones(1))
    with pytest.raises(ModelError, match="radius of at least 0"):
        m.Wasserstein(-1.0)
