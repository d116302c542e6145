"""A fitted model, simulated.

It has the statistics it was fitted to, and fitting it again gives its coefficients back.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from headwater.model import (
    EstimationConfig,
    InflowObservation,
    OrderSelection,
    OutOfSample,
    ScenarioSource,
)
from headwater.stochastic import build_uncertainty, simulation_sampler
from headwater.stochastic.estimation import complete_system

MEANS = np.array([100.0, 120.0, 90.0, 80.0, 70.0, 60.0, 50.0, 45.0, 50.0, 60.0, 75.0, 90.0])
FIRST_ORDER = EstimationConfig(order_selection=OrderSelection.FIXED, max_order=1)
N_SCENARIOS, WARM_UP_YEARS = 3000, 1


def history(n_years=60, seed=5):
    """Two rivers with seasonal means, deviations of a fifth of them, memory of
    0.6 and correlated noise.
    """
    rng = np.random.default_rng(seed)
    factor = np.linalg.cholesky(np.array([[1.0, 0.5], [0.5, 1.0]]))
    z = np.zeros((2, 12 * (n_years + 2)))
    for t in range(1, z.shape[1]):
        z[:, t] = 0.6 * z[:, t - 1] + 0.8 * (factor @ rng.normal(size=2))
    values = MEANS * (1.0 + 0.2 * z[:, 24:].reshape(2, n_years, 12))
    return tuple(
        InflowObservation(h, date(1900 + y, m + 1, 1), float(v))
        for (h, y, m), v in np.ndenumerate(values)
    )


@pytest.fixture(scope="module")
def observed():
    return history()


@pytest.fixture
def fitted(make_system, months, observed):
    system = make_system(
        24,
        2,
        seasons=[t % 12 for t in range(24)],
        season_map=months,
        inflow_statistics=(),
        inflow_history=observed,
    )
    return build_uncertainty(system, 1, FIRST_ORDER)


def simulate(uncertainty, n_scenarios=N_SCENARIOS):
    """Inflows of an out-of-sample simulation, ``[scenario, stage, hydro]``."""
    sampler = simulation_sampler(
        uncertainty, ScenarioSource(OutOfSample(), seed=11), 1, n_scenarios
    )
    scenarios, inflow = np.arange(n_scenarios), uncertainty.inflow
    memory = np.repeat(inflow.initial_lags_m3s[None], n_scenarios, axis=0)
    rows = []
    for t in range(len(uncertainty.system.stages)):
        z = inflow.innovation_m3s(t, sampler.noise(t, 0, scenarios)[:, uncertainty.layout.inflow])
        z = z + inflow.lag_term_m3s(t, memory)
        memory = inflow.next_memory_m3s(t, memory, z)
        rows.append(z)
    return np.stack(rows, axis=1)


def test_simulated_moments_are_those_of_the_fit_within_three_standard_errors(fitted):
    simulated = simulate(fitted)
    n = len(simulated)
    (cycle,) = fitted.estimation.cycles
    rows = {(r.hydro_id, r.stage_id): r for r in fitted.system.inflow_statistics}
    outside = total = 0
    for t in range(12 * WARM_UP_YEARS, 24):  # the first year forgets where it started
        season = t % 12
        noise = fitted.system.correlation.profile_at(t)[0].matrix[0, 1]
        for h in range(2):
            row, z = rows[h, t], simulated[:, t, h]
            # Yule-Walker variances are those of the record up to the divisor
            # across the turn of the year.
            checks = [
                (z.mean(), row.mean_m3s, row.std_m3s / np.sqrt(n)),
                (z.std(), row.std_m3s, row.std_m3s / np.sqrt(2 * n)),
            ]
            rho = cycle.correlograms[h].rho[season, 1]
            lag_one = np.corrcoef(z, simulated[:, t - 1, h])[0, 1]
            checks.append((lag_one, rho, (1 - rho**2) / np.sqrt(n)))
            for found, expected, error in checks:
                total += 1
                outside += abs(found - expected) > 3.0 * error
        residual = [
            simulated[:, t, h]
            - fitted.inflow.base[t, h]
            - fitted.inflow.psi[t, h, 0] * simulated[:, t - 1, h]
            for h in range(2)
        ]
        total += 1
        outside += abs(np.corrcoef(residual)[0, 1] - noise) > 3.0 * (1 - noise**2) / np.sqrt(n)
    assert total == 12 * 7
    assert outside <= 1  # of 84 checks, 0.23 are expected beyond three standard errors


def test_cross_correlations_of_the_inflows_are_those_of_the_model(fitted):
    """Correlations between rivers, against the covariance recursion of the fitted equations."""
    simulated = simulate(fitted)
    covariance, outside = np.zeros((2, 2)), 0
    for t in range(24):
        psi = np.diag(fitted.inflow.psi[t, :, 0])
        matrix = fitted.system.correlation.profile_at(t)[0].matrix
        sigma = np.diag(fitted.inflow.sigma[t])
        covariance = psi @ covariance @ psi + sigma @ matrix @ sigma
        expected = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
        found = np.corrcoef(simulated[:, t].T)[0, 1]
        outside += abs(found - expected) > 3.0 * (1 - expected**2) / np.sqrt(len(simulated))
    assert outside == 0


def test_fitting_the_simulation_of_a_fit_recovers_its_coefficients(fitted, make_system, months):
    years, inflow = 600, fitted.inflow
    sampler = simulation_sampler(fitted, ScenarioSource(OutOfSample(), seed=12), 1, years)
    noise = [sampler.noise(12 + m, 0, np.arange(years)) for m in range(12)]
    z, record = inflow.initial_lags_m3s[:1], np.empty((2, years, 12))
    for year in range(years):
        for m in range(12):
            now = inflow.innovation_m3s(12 + m, noise[m][year : year + 1]) + inflow.lag_term_m3s(
                12 + m, z[None]
            )
            record[:, year, m], z = now[0], now
    again = tuple(
        InflowObservation(h, date(1000 + y, m + 1, 1), float(v))
        for (h, y, m), v in np.ndenumerate(record)
    )
    system = make_system(
        12, 2, seasons=range(12), season_map=months, inflow_statistics=(), inflow_history=again
    )
    rows = {
        (r.hydro_id, r.stage_id): r
        for r in complete_system(system, FIRST_ORDER).system.inflow_statistics
    }
    beyond = 0
    for original in fitted.system.inflow_statistics[:12] + fitted.system.inflow_statistics[24:36]:
        found = rows[original.hydro_id, original.stage_id]
        assert original.stage_id < 12
        error = np.sqrt((1 - original.coefficients[0] ** 2) / years)
        beyond += abs(found.coefficients[0] - original.coefficients[0]) > 3.0 * error
        assert found.residual_std_ratio == pytest.approx(original.residual_std_ratio, abs=0.08)
    assert beyond == 0


def test_openings_have_the_moments_and_the_correlation_they_should(fitted):
    stages = tuple(replace(stage, n_openings=5000) for stage in fitted.system.stages[:1])
    system = replace(
        fitted.system,
        stages=stages,
        inflow_history=(),
        inflow_statistics=tuple(
            replace(r, coefficients=(), residual_std_ratio=None)
            for r in fitted.system.inflow_statistics
            if r.stage_id == 0
        ),
        correlation=replace(fitted.system.correlation, schedule={}),
    )
    noise = build_uncertainty(system, 3).tree.noise[0]
    target = system.correlation.profiles["default"][0].matrix[0, 1]
    assert np.corrcoef(noise.T)[0, 1] == pytest.approx(target, abs=0.05)
    few = noise[:500]
    np.testing.assert_allclose(few.mean(axis=0), 0.0, atol=0.15)
    np.testing.assert_allclose(few.std(axis=0), 1.0, atol=0.15)
