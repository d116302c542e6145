from __future__ import annotations

import numpy as np
import pytest

from headwater.stochastic.autocorrelation import periodic_autocorrelation, seasonal_statistics
from headwater.stochastic.yule_walker import (
    Correlogram,
    conditional_partial_autocorrelations,
    correlation_matrix,
    fit_season,
    partial_autocorrelations,
    solve_season,
)

FIVE_YEARS = np.array([[[10.0, 4.0], [14.0, 6.0], [12.0, 7.0], [18.0, 8.0], [16.0, 5.0]]])


@pytest.fixture
def correlogram():
    return Correlogram(periodic_autocorrelation(FIVE_YEARS, seasonal_statistics(FIVE_YEARS), 3)[0])


@pytest.mark.parametrize(
    ("season", "order", "phi", "variance"),
    [
        (0, 1, (0.4,), 0.84),
        (1, 1, (0.6,), 0.64),
        (0, 2, (0.625, -0.375), 0.75),
        (1, 2, (0.714285714286, -0.285714285714), 0.571428571429),
    ],
)
def test_the_equations_of_two_seasons_over_five_years(correlogram, season, order, phi, variance):
    fit = solve_season(correlogram, season, order)
    np.testing.assert_allclose(fit.phi, phi, atol=1e-12)
    assert fit.residual_variance == pytest.approx(variance, abs=1e-12)
    assert fit.residual_std_ratio == pytest.approx(np.sqrt(variance))


def test_the_matrix_takes_each_correlation_from_its_own_season(correlogram):
    np.testing.assert_allclose(correlation_matrix(correlogram, 0, 2), [[1.0, 0.6], [0.6, 1.0]])
    np.testing.assert_allclose(correlation_matrix(correlogram, 1, 2), [[1.0, 0.4], [0.4, 1.0]])


def test_full_years_back_divide_covariances_by_all_years():
    values = np.array([[[3.0, 1.0], [5.0, 2.0], [4.0, 3.0], [6.0, 4.0], [2.0, 0.0]]])
    found = Correlogram(periodic_autocorrelation(values, seasonal_statistics(values), 2)[0])
    assert correlation_matrix(found, 0, 2)[0, 1] == pytest.approx(0.9)
    np.testing.assert_allclose(found.rho[0, 1:3], [-0.3, -0.5], atol=1e-12)


def test_partial_autocorrelations_are_the_last_coefficients(correlogram):
    expected = [solve_season(correlogram, 0, order).phi[-1] for order in (1, 2)]
    np.testing.assert_allclose(partial_autocorrelations(correlogram, 0, 2), expected)


def test_an_order_that_explains_everything_is_lowered_until_some_variance_is_left():
    rho = np.array([[1.0, 0.6, -0.9]])  # order 2 would leave a negative variance
    assert solve_season(Correlogram(rho), 0, 2) is None
    assert fit_season(Correlogram(rho), 0, 2).phi == pytest.approx((0.6,))


def test_a_singular_matrix_gives_order_zero():
    rho = np.array([[1.0, 1.0, 0.5, 0.2]])
    fit = fit_season(Correlogram(rho), 0, 2)
    assert fit.phi == ()
    assert fit.residual_variance == 1.0
    np.testing.assert_array_equal(partial_autocorrelations(Correlogram(rho), 0, 3)[1:], 0.0)


def test_the_annual_equation_solves_the_bordered_system():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(400, 4)) @ rng.normal(size=(4, 4))
    c = np.corrcoef(x.T)  # z, z 1 back, z 2 back, the annual mean
    rho = np.array([[1.0, c[0, 1], c[0, 2]]])
    # one season: the correlation of the two lags is that of lag 1
    matrix = np.array([[1.0, c[0, 1], c[1, 3]], [c[0, 1], 1.0, c[2, 3]], [c[1, 3], c[2, 3], 1.0]])
    annual = np.array([[c[0, 3], c[1, 3], c[2, 3]]])
    rhs = np.array([c[0, 1], c[0, 2], c[0, 3]])
    expected = np.linalg.solve(matrix, rhs)
    fit = solve_season(Correlogram(rho, annual), 0, 2)
    np.testing.assert_allclose([*fit.phi, fit.annual], expected)
    assert fit.residual_variance == pytest.approx(1.0 - expected @ rhs)
    alone = solve_season(Correlogram(rho, annual), 0, 0)
    assert alone.phi == ()
    assert alone.annual == pytest.approx(c[0, 3])


def test_conditional_partial_autocorrelations_agree_with_correlations_of_regression_residuals():
    rng = np.random.default_rng(11)
    n = 2000
    z = np.zeros(n)
    for t in range(1, n):
        z[t] = 0.6 * z[t - 1] + rng.normal()
    annual = np.array([z[t - 12 : t].mean() for t in range(12, n)])
    columns = np.column_stack([z[12 - k : n - k] for k in range(4)] + [annual])
    c = np.corrcoef(columns.T)
    # Give the correlogram exactly the sample correlations that the regression sees, as far as one
    # season allows.
    rho = np.array([[1.0, c[0, 1], c[0, 2], c[0, 3]]])
    found = conditional_partial_autocorrelations(Correlogram(rho, np.array([c[4, :4]])), 0, 2)
    given = np.column_stack([columns[:, 1], columns[:, 4]])
    left = [
        columns[:, k] - given @ np.linalg.lstsq(given, columns[:, k], rcond=None)[0] for k in (0, 2)
    ]
    assert found[1] == pytest.approx(np.corrcoef(left)[0, 1], abs=0.01)
