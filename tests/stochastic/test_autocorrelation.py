from __future__ import annotations

import numpy as np
import pytest

from headwater.errors import ModelError
from headwater.stochastic.autocorrelation import (
    HistoryClass,
    annual_series,
    classify,
    periodic_autocorrelation,
    seasonal_statistics,
)

FIVE_YEARS = np.array([[[10.0, 4.0], [14.0, 6.0], [12.0, 7.0], [18.0, 8.0], [16.0, 5.0]]])


def test_deviations_divide_by_the_number_of_years():
    found = seasonal_statistics(FIVE_YEARS)
    np.testing.assert_allclose(found.mean_m3s, [[14.0, 6.0]])
    np.testing.assert_allclose(found.std_m3s, [[2.828427124746, 1.414213562373]], atol=1e-12)
    ten_to_fifty = seasonal_statistics(np.array([10.0, 20.0, 30.0, 40.0, 50.0]).reshape(1, 5, 1))
    assert ten_to_fifty.std_m3s[0, 0] == pytest.approx(np.sqrt(200.0))
    two = seasonal_statistics(np.array([10.0, 20.0]).reshape(1, 2, 1))
    assert (two.mean_m3s[0, 0], two.std_m3s[0, 0]) == (15.0, 5.0)


def test_autocorrelations_divide_by_the_years_of_the_season_and_not_by_the_pairs():
    rho = periodic_autocorrelation(FIVE_YEARS, seasonal_statistics(FIVE_YEARS), 3)
    np.testing.assert_allclose(rho[0, 0], [1.0, 0.4, 0.0, 0.3], atol=1e-12)
    np.testing.assert_allclose(rho[0, 1], [1.0, 0.6, 0.0, -0.4], atol=1e-12)
    single = np.array([1.0, 3.0, 5.0, 7.0, 9.0]).reshape(1, 5, 1)
    assert periodic_autocorrelation(single, seasonal_statistics(single), 1)[
        0, 0, 1
    ] == pytest.approx(0.4)


def test_missing_years_take_no_part_and_do_not_shift_the_others():
    holes = np.insert(FIVE_YEARS, 2, np.nan, axis=1)
    statistics = seasonal_statistics(holes)
    np.testing.assert_array_equal(statistics.mean_m3s, seasonal_statistics(FIVE_YEARS).mean_m3s)
    rho = periodic_autocorrelation(holes, statistics, 1)[0]
    assert rho[1, 1] == pytest.approx(0.6)  # within the year: nothing is lost
    d0, d1 = FIVE_YEARS[0, :, 0] - 14.0, FIVE_YEARS[0, :, 1] - 6.0
    across = [
        d0[1] * d1[0],
        d0[3] * d1[2],
        d0[4] * d1[3],
    ]  # the pair of the second and third year is gone
    assert rho[0, 1] == pytest.approx(sum(across) / 5 / (np.sqrt(8.0) * np.sqrt(2.0)))


def test_a_lag_of_more_than_a_year_counts_the_years_it_goes_back():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(1, 40, 12))
    statistics = seasonal_statistics(values)
    rho = periodic_autocorrelation(values, statistics, 13)[0]
    z = (values[0] - statistics.mean_m3s[0]) / statistics.std_m3s[0]
    # January 13 months back is December two years before
    assert rho[0, 13] == pytest.approx(np.sum(z[2:, 0] * z[:-2, 11]) / 40)


@pytest.mark.parametrize(
    ("values", "step", "kind", "mode"),
    [
        ([5.0, 5.0, 5.0], None, HistoryClass.CONSTANT, 5.0),
        ([5.0, 5.0 + 5e-7], None, HistoryClass.CONSTANT, 5.0),
        ([], None, HistoryClass.CONSTANT, 0.0),
        ([-1.0, -2.0, *range(1, 9)], None, HistoryClass.MANY_NEGATIVE, 0.0),
        ([-1.0, *range(1, 10)], None, HistoryClass.DEFAULT, 0.0),
        ([30.1, 30.2, 29.9, 80.0], None, HistoryClass.SATURATED, 30.0),
        ([30.1, 30.2, 80.0, 90.0], None, HistoryClass.DEFAULT, 0.0),
        ([0.1, 0.2, 0.3, 0.4], None, HistoryClass.DEFAULT, 0.0),
        ([0.1, 0.2, 0.3, 0.4], 1.0, HistoryClass.SATURATED, 0.0),
        ([0.2, 0.2, 0.2, 0.4], None, HistoryClass.SATURATED, 0.2),
    ],
)
def test_histories_that_hardly_vary_are_recognised(values, step, kind, mode):
    found, value = classify(np.array(values, float), step)
    assert found is kind
    assert value == pytest.approx(mode)


def test_a_season_without_deviation_correlates_with_nothing():
    values = np.random.default_rng(1).normal(100.0, 10.0, size=(1, 30, 3))
    values[0, :, 1] = 50.0
    statistics = seasonal_statistics(values)
    assert statistics.std_m3s[0, 1] == 0.0
    rho = periodic_autocorrelation(values, statistics, 2)[0]
    assert rho[2, 1] == 0.0
    assert rho[0, 2] == 0.0
    assert (rho[1, 1:] == 0.0).all()
    assert rho[0, 1] != 0.0


def test_a_single_observation_has_no_deviation_and_is_refused():
    values = np.full((1, 3, 2), np.nan)
    values[0, :, 0] = [1.0, 2.0, 3.0]
    values[0, 0, 1] = 1.0
    with pytest.raises(ModelError, match="single observation"):
        seasonal_statistics(values)


def test_the_annual_mean_is_that_of_the_twelve_months_before():
    values = np.arange(36.0).reshape(1, 3, 12)
    found = annual_series(values, seasonal_statistics(values), 2)
    assert np.isnan(found.values_m3s[0, 0]).all()
    assert found.values_m3s[0, 1, 0] == np.mean(np.arange(12.0))
    assert found.values_m3s[0, 2, 5] == np.mean(np.arange(17.0, 29.0))
    assert found.mean_m3s[0, 0] == np.mean([5.5, 17.5])
    assert found.std_m3s[0, 0] == 6.0


def test_the_correlation_of_the_annual_mean_divides_by_the_larger_bucket():
    values = np.random.default_rng(5).normal(size=(1, 20, 12))
    statistics = seasonal_statistics(values)
    found = annual_series(values, statistics, 3)
    a = found.values_m3s[0, 1:, 4] - found.mean_m3s[0, 4]
    z = values[0, 1:, 2] - statistics.mean_m3s[0, 2]
    expected = np.sum(a * z) / 20 / (found.std_m3s[0, 4] * statistics.std_m3s[0, 2])
    assert found.correlation[0, 4, 2] == pytest.approx(expected)


def test_the_annual_mean_needs_twelve_seasons():
    with pytest.raises(ModelError, match="12 seasons"):
        annual_series(FIVE_YEARS, seasonal_statistics(FIVE_YEARS), 1)
