"""The fit against the PAR(p)-A report that NEWAVE prints for the SUDESTE series (data
of inewave, MIT licence).
"""

from __future__ import annotations

import numpy as np
import pytest

from headwater.model import EstimationConfig, OrderSelection
from headwater.stochastic.autocorrelation import (
    annual_series,
    periodic_autocorrelation,
    seasonal_statistics,
)
from headwater.stochastic.order import fit_hydro
from headwater.stochastic.residuals import residuals
from headwater.stochastic.stability import monodromy_radius
from headwater.stochastic.yule_walker import Correlogram, conditional_partial_autocorrelations
from published import newave

PRINTED = 5e-6 + 1e-12
"""Five printed decimals, with room for the decimal point of binary numbers."""


@pytest.fixture(scope="module")
def series():
    values = newave.table("series")
    assert values.shape == (87, 12)
    return values[None]


@pytest.fixture(scope="module")
def statistics(series):
    return seasonal_statistics(series)


@pytest.fixture(scope="module")
def correlogram(series, statistics):
    annual = annual_series(series, statistics, 11)
    return Correlogram(periodic_autocorrelation(series, statistics, 11)[0], annual.correlation[0])


@pytest.fixture(scope="module")
def fit(correlogram, statistics):
    config = EstimationConfig(max_order=6, order_selection=OrderSelection.PACF_ANNUAL)
    return fit_hydro(correlogram, statistics.std_m3s[0], statistics.n_obs[0], config)


def test_the_132_autocorrelations_agree_to_print(correlogram):
    printed = newave.table("autocorrelations")
    assert printed.shape == (12, 11)
    assert np.abs(printed - correlogram.rho[:, 1:]).max() <= PRINTED


def test_the_144_cross_correlations_of_the_annual_variable_agree_to_print(correlogram):
    printed = newave.table("annual_cross_correlations")
    assert printed.shape == (12, 12)
    assert np.abs(printed - correlogram.annual).max() <= PRINTED


def test_the_132_conditional_partial_autocorrelations_agree_to_print(correlogram):
    printed = newave.table("partial_autocorrelations")
    assert printed.shape == (12, 11)
    found = np.array([conditional_partial_autocorrelations(correlogram, m, 11) for m in range(12)])
    assert np.abs(printed - found).max() <= PRINTED


def test_the_twelve_orders_agree_before_and_after_reduction(fit):
    assert tuple(fit.selected_orders) == newave.SELECTED_ORDERS
    assert tuple(fit.orders) == newave.REDUCED_ORDERS
    february, june = fit.reductions
    np.testing.assert_allclose(february.contributions, (0.6959, -0.2275), atol=5e-5)
    np.testing.assert_allclose(
        june.contributions, (0.5915, 0.1724, 0.1104, 0.0453, 0.0390, -0.0494), atol=5e-5
    )


def test_the_62_coefficients_agree_to_the_printed_digits(fit, series, statistics):
    annual = annual_series(series, statistics, 1)
    std = statistics.std_m3s[0]
    rows = [[(text, float(text)) for text in row] for row in newave.printed("coefficients")]
    assert len(rows) == 4 * len(fit.seasons)
    n_compared = 0
    for m, equation in enumerate(fit.seasons):
        in_units = [phi * std[m] / std[m - lag] for lag, phi in enumerate(equation.phi, 1)]
        hat = equation.annual * std[m] / annual.std_m3s[0, m]
        expected = [list(equation.phi), in_units, [equation.annual], [hat]]
        for values, printed in zip(expected, rows[4 * m : 4 * m + 4], strict=True):
            assert len(values) == len(printed)
            for value, (text, number) in zip(values, printed, strict=True):
                half_a_unit = 0.5 * 10.0 ** (int(text.split("E")[1]) - 3)
                assert abs(value - number) <= half_a_unit * (1 + 1e-9)
                n_compared += 1
    assert n_compared == 62


def test_the_1032_residuals_agree_to_print(fit, series, statistics):
    annual = annual_series(series, statistics, 1)
    left = residuals(series, statistics, [fit.seasons], annual)[0]
    printed = newave.table("residuals")
    assert printed.size == 1032
    assert np.isnan(left[0]).all()
    assert np.abs(left[1:] - printed).max() <= 0.005 + 1e-12


def test_the_model_without_annual_component_has_the_known_orders_and_radius(
    correlogram, statistics
):
    fit = fit_hydro(
        Correlogram(correlogram.rho),
        statistics.std_m3s[0],
        statistics.n_obs[0],
        EstimationConfig(max_order=6),
    )
    assert list(fit.selected_orders) == [1, 6, 2, 1, 1, 1, 2, 1, 3, 6, 1, 4]
    assert list(fit.orders) == [1, 1, 2, 1, 1, 1, 2, 1, 3, 6, 1, 4]
    np.testing.assert_allclose(fit.reductions[0].contributions[:2], (0.7635, -0.0022), atol=5e-5)
    assert monodromy_radius([season.phi for season in fit.seasons]) == pytest.approx(
        0.034243518895, abs=1e-12
    )


def test_mean_and_deviation_of_january(statistics):
    assert statistics.mean_m3s[0, 0] == pytest.approx(10461.11, abs=0.005)
    assert statistics.std_m3s[0, 0] == pytest.approx(3660.11, abs=0.005)
