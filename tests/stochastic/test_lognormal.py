"""Lognormal noise: inflows that do not turn negative, with the mean and deviation of the model."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from headwater.errors import ModelError
from headwater.model import (
    EstimationConfig,
    InflowNoise,
    InflowObservation,
    OrderSelection,
)
from headwater.stochastic import build_inflow_model, build_uncertainty
from headwater.stochastic.libraries import invert_inflows
from headwater.stochastic.lognormal import lognormal_noise
from random_systems import random_study

KINDS = (InflowNoise.MULTIPLICATIVE, InflowNoise.THREE_PARAMETER)


def model_of(noise, seed=4):
    system = random_study(seed).system
    return system, build_inflow_model(system, noise=noise)


def drawn(model, t, n=400_000):
    """Inflows of many draws after the mean past, and their lags."""
    eta = np.random.default_rng(1).standard_normal((n, model.base.shape[1]))
    lags = np.repeat(model.initial_lags_m3s[None], n, axis=0)
    return eta, lags, model.inflow_m3s(t, eta, lags)


@pytest.mark.parametrize("noise", KINDS)
def test_mean_and_deviation_are_those_of_normal_noise(noise):
    system, model = model_of(noise)
    assert model.n_lags > 0
    for t in range(len(system.stages)):
        _, lags, inflow = drawn(model, t)
        expected = model.base[t] + model.lag_term_m3s(t, lags[:1])[0]
        assert inflow.mean(axis=0) == pytest.approx(expected, rel=5e-3)
        level = np.where(model.lognormal.multiplies[t], expected / means(system, t), 1.0)
        assert inflow.std(axis=0) == pytest.approx(model.sigma[t] * level, rel=2e-2)


def means(system, t):
    rows = {(row.hydro_id, row.stage_id): row.mean_m3s for row in system.inflow_statistics}
    return np.array([rows[hydro.id, system.stages[t].id] for hydro in system.hydros])


@pytest.mark.parametrize("noise", KINDS)
def test_no_inflow_is_negative_after_a_past_that_is_not(noise):
    system, model = model_of(noise)
    psi = np.abs(model.psi)
    base = np.abs(model.base)
    model = replace(model, psi=psi, base=base)
    for t in range(len(system.stages)):
        assert (drawn(model, t, 20_000)[2] > 0.0).all()


@pytest.mark.parametrize("noise", [*KINDS, InflowNoise.NORMAL])
def test_noise_is_found_again_in_the_inflows_that_it_made(noise):
    system, model = model_of(noise)
    eta = np.random.default_rng(3).standard_normal((50, len(system.stages), model.base.shape[1]))
    memory = start = np.repeat(model.initial_lags_m3s[None], 50, axis=0)
    made = np.empty_like(eta)
    for t in range(len(system.stages)):
        made[:, t] = model.inflow_m3s(t, eta[:, t], memory)
        memory = model.next_memory_m3s(t, memory, made[:, t])
    found = invert_inflows(system, model, made, start)
    assert found[:, (model.sigma > 0.0)] == pytest.approx(eta[:, (model.sigma > 0.0)], abs=1e-8)


def test_an_inflow_that_no_noise_gives_is_refused_with_its_plant_and_stage():
    system, model = model_of(InflowNoise.MULTIPLICATIVE)
    targets = np.full((1, len(system.stages), model.base.shape[1]), -1.0)
    with pytest.raises(ModelError, match=r"hydro \d+ at stage \d+.*lognormal"):
        invert_inflows(system, model, targets, model.initial_lags_m3s[None])


def test_by_hand():
    system = random_study(0).system
    means_, base, sigma = np.array([[100.0]]), np.array([[40.0]]), np.array([[30.0]])
    whole = lognormal_noise(system, InflowNoise.MULTIPLICATIVE, (means_, base, sigma), [])
    assert whole.spread[0, 0] == pytest.approx(0.2935604, rel=1e-6)  # sqrt(ln 1.09)
    eta = np.array([[1.0]])
    factor = 1.284631  # exp(0.2935604 - 0.0430889)
    assert whole.innovation_m3s(0, eta, base[0], np.zeros(1))[0, 0] == pytest.approx(40 * factor)
    assert whole.lag_factor(0, eta)[0, 0] == pytest.approx(factor)
    added = lognormal_noise(system, InflowNoise.THREE_PARAMETER, (means_, base, sigma), [])
    assert added.spread[0, 0] == pytest.approx(0.6680472, rel=1e-6)  # sqrt(ln 1.5625)
    assert added.lag_factor(0, eta).shape == (1, 0)


def test_where_the_past_explains_more_than_the_mean_the_noise_multiplies_and_it_is_said():
    system, warnings = random_study(0).system, []
    model = (np.array([[100.0]]), np.array([[-5.0]]), np.array([[30.0]]))
    noise = lognormal_noise(system, InflowNoise.THREE_PARAMETER, model, warnings)
    assert noise.multiplies[0, 0]
    assert "multiplies the whole inflow" in warnings[0]


def test_a_mean_that_is_not_positive_is_refused():
    model = (np.array([[0.0]]), np.array([[0.0]]), np.array([[3.0]]))
    with pytest.raises(ModelError, match="needs a mean inflow above 0"):
        lognormal_noise(random_study(0).system, InflowNoise.MULTIPLICATIVE, model, [])


def test_given_inflows_are_taken_as_they_are():
    system = random_study(4).system
    plain = build_uncertainty(system, 1, inflow_noise=InflowNoise.MULTIPLICATIVE).inflow.lognormal
    kept = plain.without(np.arange(len(system.stages)) == 0)
    assert np.isnan(kept.spread[0]).all()
    assert not kept.multiplies[0].any()
    assert np.array_equal(kept.spread[1:], plain.spread[1:])


def simulated(n_years, noise, k=0.6, correlation=0.6, seed=2):
    """Monthly inflows of two rivers, of the first order, with lognormal noise of spread ``k``."""
    rng = np.random.default_rng(seed)
    means, psi, values = np.linspace(40.0, 120.0, 12), 0.5, np.zeros((2, 12 * n_years + 24))
    values[:, 0] = means[0]
    for t in range(1, values.shape[1]):
        base = means[t % 12] - psi * means[(t - 1) % 12]
        one, two = rng.standard_normal(2)
        eta = np.array([one, correlation * one + np.sqrt(1 - correlation**2) * two])
        factor = np.exp(k * eta - k * k / 2.0)
        whole = noise is InflowNoise.MULTIPLICATIVE or base <= 0.0
        past = psi * values[:, t - 1]
        values[:, t] = (base + past) * factor if whole else base * factor + past
    return values[:, 24:].reshape(2, n_years, 12)


@pytest.mark.parametrize("noise", KINDS)
def test_a_long_record_of_a_known_model_is_recovered(noise, make_system, months):
    history = tuple(
        InflowObservation(h, date(1000 + y, m + 1, 1), float(value))
        for (h, y, m), value in np.ndenumerate(simulated(800, noise))
    )
    system = make_system(
        12, 2, seasons=range(12), season_map=months, inflow_statistics=(), inflow_history=history
    )
    options = EstimationConfig(max_order=1, order_selection=OrderSelection.FIXED)
    found = build_uncertainty(system, 1, options, inflow_noise=noise)
    assert found.inflow.psi[:, :, 0].mean() == pytest.approx(0.5, abs=0.06)
    entered = found.inflow.lognormal
    assert entered.spread.mean() == pytest.approx(0.6, rel=0.15)
    ours, plain = (
        one.system.correlation.profiles["default"][0].matrix[0][1]
        for one in (found, build_uncertainty(system, 1, options))
    )
    assert ours == pytest.approx(0.6, abs=0.05)
    assert abs(plain - 0.6) > abs(ours - 0.6) + 0.01
