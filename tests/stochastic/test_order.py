from __future__ import annotations

import numpy as np
import pytest

from headwater.model import EstimationConfig, OrderSelection
from headwater.stochastic.autocorrelation import periodic_autocorrelation, seasonal_statistics
from headwater.stochastic.order import (
    contributions,
    fit_hydro,
    largest_valid_order,
    order_by_conditional_significance,
    order_by_criterion,
    order_by_significance,
)
from headwater.stochastic.yule_walker import Correlogram


def test_information_criteria_weigh_fit_against_order():
    variance = [1.0, 0.75, 0.60, 0.59]
    values = [100 * np.log(v) + 2 * k for k, v in enumerate(variance)]
    np.testing.assert_allclose(values, [0.0, -26.768, -47.083, -46.763], atol=5e-4)
    assert order_by_criterion(variance, 100, 2.0) == 2
    assert order_by_criterion(variance, 100, np.log(100)) == 2
    assert order_by_criterion([1.0, 0.97, 0.93], 100, np.log(100)) == 0
    assert order_by_criterion([1.0, 0.97, 0.93], 100, 2.0) == 2


def test_equal_criteria_and_impossible_orders_give_the_lower_order():
    assert order_by_criterion([1.0, np.exp(-0.02), 0.5, np.inf], 100, 2.0) == 2
    assert order_by_criterion([1.0, 1.0, 1.0], 100, 0.0) == 0
    assert order_by_criterion([1.0, np.inf, -0.5], 100, 2.0) == 0


@pytest.mark.parametrize(
    ("pacf", "order"),
    [
        ((0.5, 0.1), 1),
        ((0.1, 0.3, 0.05, 0.4), 4),
        ((0.1, 0.19), 0),
        ((), 0),
        ((0.196,), 0),
        ((-0.3,), 1),
    ],
)
def test_the_last_significant_partial_autocorrelation_sets_the_order(pacf, order):
    assert order_by_significance(pacf, 100) == order


def test_with_an_annual_component_the_order_is_at_least_one_unless_the_first_value_is_zero():
    assert order_by_conditional_significance((0.05, 0.03), 100) == 1
    assert order_by_conditional_significance((0.0, 0.5), 100) == 0
    assert order_by_conditional_significance((0.05, 0.5), 100) == 2


@pytest.mark.parametrize(
    ("phi", "expected", "valid"),
    [
        ((0.4, 0.2), (0.4, 0.36), 2),
        ((0.5, 0.2, 0.1), (0.5, 0.45, 0.425), 3),
        ((0.3, -0.8), (0.3, -0.71), 1),
        ((-0.1,), (-0.1,), 0),
    ],
)
def test_contributions_of_a_single_season(phi, expected, valid):
    found = contributions([phi], [1.0], 0)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert largest_valid_order(found) == valid


def test_contributions_follow_the_seasons_between():
    np.testing.assert_allclose(contributions([(0.4, 0.2), (0.3,)], [30.0, 25.0], 0), [0.48, 0.32])
    twelve = contributions([(0.5, *[0.05] * 11)], [1.0], 0)
    np.testing.assert_allclose(twelve[:3], [0.5, 0.30, 0.225])


def test_a_contribution_that_is_zero_but_for_rounding_counts_as_valid():
    std = [2.828427124746, 1.414213562373]
    found = contributions([(0.625, -0.375), (0.6,)], std, 0)
    np.testing.assert_allclose(found, [1.25, 0.0], atol=1e-12)
    assert largest_valid_order(found) == 2


def test_a_contribution_is_the_effect_of_a_unit_of_past_inflow_through_all_seasons_between():
    rng = np.random.default_rng(2)
    phi = [tuple(rng.uniform(0.0, 0.3, size=3)) for _ in range(4)]
    std = rng.uniform(5.0, 20.0, size=4)
    psi = [[phi[m][j - 1] * std[m] / std[m - j] for j in (1, 2, 3)] for m in range(4)]
    season, order = 2, 3
    for lag in range(1, order + 1):
        # Let one unit arrive `lag` seasons back and follow it, with lags of the target season only
        # up to its order.
        z = {season - lag: 1.0}
        for m in range(season - lag + 1, season + 1):
            z[m] = sum(psi[m % 4][j - 1] * z.get(m - j, 0.0) for j in (1, 2, 3))
        assert contributions(phi, list(std), season)[lag - 1] == pytest.approx(z[season])


def ar_correlogram(phi, lags=6):
    """Autocorrelations of a stationary model with one season."""
    p = len(phi)
    rho = np.zeros(lags + 1)
    matrix, rhs = np.eye(p), np.zeros(p)
    for lag in range(1, p + 1):
        for j in range(1, p + 1):
            if j == lag:
                rhs[lag - 1] += phi[j - 1]
            else:
                matrix[lag - 1, abs(j - lag) - 1] -= phi[j - 1]
    rho[0] = 1.0
    rho[1 : p + 1] = np.linalg.solve(matrix, rhs)
    for lag in range(p + 1, lags + 1):
        rho[lag] = sum(phi[j - 1] * rho[lag - j] for j in range(1, p + 1))
    return Correlogram(rho[None, :])


def fitted(correlogram, n_obs=100, std=1.0, **options):
    n = correlogram.n_seasons
    return fit_hydro(correlogram, np.full(n, std), np.full(n, n_obs), EstimationConfig(**options))


def test_a_known_model_is_found_again():
    found = fitted(ar_correlogram((0.5, 0.3)))
    assert found.orders == (2,)
    np.testing.assert_allclose(found.seasons[0].phi, (0.5, 0.3))
    assert found.seasons[0].residual_variance == pytest.approx(0.445714285714)
    assert found.reductions == ()


@pytest.mark.parametrize("method", [OrderSelection.AIC, OrderSelection.BIC])
def test_information_criteria_find_the_order_of_a_known_model(method):
    assert fitted(ar_correlogram((0.5, 0.3)), order_selection=method).orders == (2,)


def test_a_fixed_order_is_kept_where_contributions_allow():
    found = fitted(ar_correlogram((0.5, 0.3)), order_selection=OrderSelection.FIXED, max_order=3)
    assert found.orders == (3,)
    np.testing.assert_allclose(found.seasons[0].phi, (0.5, 0.3, 0.0), atol=1e-12)


def test_a_fixed_order_is_cut_to_the_largest_with_valid_contributions():
    found = fitted(ar_correlogram((0.3, -0.5)), order_selection=OrderSelection.FIXED, max_order=4)
    assert found.selected_orders == (4,)
    assert found.orders == (1,)
    (reduction,) = found.reductions
    assert (reduction.original_order, reduction.reduced_order) == (4, 1)
    assert reduction.reason == "negative_contribution"


def test_negative_contributions_lower_the_order_and_the_equation_is_solved_again():
    correlogram = ar_correlogram((0.5, -0.6))
    found = fitted(correlogram)
    assert found.selected_orders == (2,)
    assert found.orders == (1,)
    assert found.seasons[0].phi[0] == pytest.approx(correlogram.rho[0, 1])
    assert found.seasons[0].residual_variance == pytest.approx(1.0 - correlogram.rho[0, 1] ** 2)
    np.testing.assert_allclose(found.reductions[0].contributions, (0.5, -0.35))


def test_a_negative_first_coefficient_gives_order_zero():
    found = fitted(ar_correlogram((-0.5, 0.3)))
    assert found.orders == (0,)
    assert found.reductions[0].reason == "phi1_negative"


def test_coefficients_beyond_the_bound_give_order_zero():
    found = fitted(ar_correlogram((0.9,)), max_coefficient_magnitude=0.8)
    assert found.orders == (0,)
    assert found.reductions[0].reason == "magnitude_bound"
    assert fitted(ar_correlogram((0.9,)), max_coefficient_magnitude=0.95).orders == (1,)


def test_seasons_that_do_not_vary_or_have_too_few_years_have_order_zero():
    assert fitted(ar_correlogram((0.9,)), std=0.0).orders == (0,)
    assert fitted(ar_correlogram((0.9,)), n_obs=29).orders == (0,)
    assert fitted(ar_correlogram((0.9,)), n_obs=29, min_observations_per_season=29).orders == (1,)


def test_after_reduction_no_season_has_a_negative_contribution():
    rng = np.random.default_rng(13)
    for _ in range(20):
        values = np.cumsum(rng.normal(size=(1, 40, 6)), axis=2) + rng.normal(size=(1, 40, 6)) * 0.5
        statistics = seasonal_statistics(values)
        rho = periodic_autocorrelation(values, statistics, 6)[0]
        for method in (OrderSelection.PACF, OrderSelection.FIXED):
            found = fit_hydro(
                Correlogram(rho),
                statistics.std_m3s[0],
                statistics.n_obs[0],
                EstimationConfig(order_selection=method),
            )
            phi = [fit.phi for fit in found.seasons]
            for season in range(6):
                assert (contributions(phi, list(statistics.std_m3s[0]), season) >= -1e-12).all()


def test_dropping_all_lags_keeps_an_annual_term_that_is_solved_anew():
    rho = np.tile([1.0, -0.4, 0.1, 0.0, 0.0, 0.0, 0.0], (12, 1))
    annual = np.tile([0.5, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3], (12, 1))
    found = fitted(
        Correlogram(rho, annual), order_selection=OrderSelection.PACF_ANNUAL, max_order=1
    )
    assert set(found.selected_orders) == {1}
    assert set(found.orders) == {0}
    assert found.seasons[0].annual == pytest.approx(0.5)
    assert found.seasons[0].residual_variance == pytest.approx(0.75)
