from __future__ import annotations

import numpy as np
import pytest

from headwater.stochastic.autocorrelation import annual_series, seasonal_statistics
from headwater.stochastic.residuals import (
    MIN_PAIRS_OF_SEASON,
    pearson,
    residual_correlation,
    residuals,
)
from headwater.stochastic.yule_walker import SeasonFit


def test_residuals_reach_across_the_turn_of_the_year_and_start_where_all_lags_exist():
    values = np.random.default_rng(1).normal(100.0, 10.0, size=(1, 6, 3))
    statistics = seasonal_statistics(values)
    found = residuals(
        values, statistics, [[SeasonFit((0.5, 0.2)), SeasonFit((0.3,)), SeasonFit()]]
    )[0]
    z = (values[0] - statistics.mean_m3s[0]) / statistics.std_m3s[0]
    assert np.isnan(found[0, 0])
    np.testing.assert_allclose(found[1:, 0], z[1:, 0] - 0.5 * z[:-1, 2] - 0.2 * z[:-1, 1])
    np.testing.assert_allclose(found[:, 1], z[:, 1] - 0.3 * z[:, 0])
    np.testing.assert_allclose(found[:, 2], z[:, 2])


def test_the_annual_term_takes_part():
    values = np.random.default_rng(2).normal(100.0, 10.0, size=(1, 10, 12))
    statistics = seasonal_statistics(values)
    annual = annual_series(values, statistics, 1)
    found = residuals(values, statistics, [[SeasonFit((), 0.4)] * 12], annual)[0]
    z = (values[0, 1:, 3] - statistics.mean_m3s[0, 3]) / statistics.std_m3s[0, 3]
    a = (annual.values_m3s[0, 1:, 3] - annual.mean_m3s[0, 3]) / annual.std_m3s[0, 3]
    np.testing.assert_allclose(found[1:, 3], z - 0.4 * a)
    assert np.isnan(found[0]).all()


def test_a_constant_season_has_no_residual_and_counts_as_zero_for_its_neighbours():
    values = np.random.default_rng(3).normal(100.0, 10.0, size=(1, 6, 2))
    values[0, :, 0] = 7.0
    statistics = seasonal_statistics(values)
    found = residuals(values, statistics, [[SeasonFit(), SeasonFit((0.5,))]])[0]
    assert np.isnan(found[:, 0]).all()
    np.testing.assert_allclose(
        found[:, 1], (values[0, :, 1] - statistics.mean_m3s[0, 1]) / statistics.std_m3s[0, 1]
    )


def test_pearson_of_two_short_series():
    matrix, pairs = pearson(np.array([[1.0, -1.0, 2.0, 0.0], [0.5, -0.5, 0.0, 1.0]]))
    assert matrix[0, 1] == pytest.approx(0.2)
    assert pairs[0, 1] == 4


def test_pearson_uses_the_common_dates_of_each_pair():
    rng = np.random.default_rng(6)
    series = rng.normal(size=(3, 50))
    series[0, :10] = np.nan
    series[1, 40:] = np.nan
    matrix, pairs = pearson(series)
    assert matrix[0, 1] == pytest.approx(np.corrcoef(series[0, 10:40], series[1, 10:40])[0, 1])
    assert matrix[1, 2] == pytest.approx(np.corrcoef(series[1, :40], series[2, :40])[0, 1])
    assert pairs[0, 1] == 30
    np.testing.assert_array_equal(matrix, matrix.T)


def test_series_without_common_dates_or_deviation_are_uncorrelated():
    series = np.array([[1.0, 2.0, np.nan, np.nan], [np.nan, 1.0, 2.0, 3.0], [5.0, 5.0, 5.0, 5.0]])
    matrix, _ = pearson(series)
    np.testing.assert_array_equal(matrix, np.eye(3))


def test_seasons_with_enough_common_years_have_a_correlation_of_their_own():
    left = np.random.default_rng(8).normal(size=(2, MIN_PAIRS_OF_SEASON, 2))
    left[0, 0, 1] = np.nan
    found = residual_correlation(left)
    assert found.seasons[0] is not None
    assert found.seasons[0][0, 1] == pytest.approx(np.corrcoef(left[:, :, 0])[0, 1])
    assert found.seasons[1] is None
    assert residual_correlation(left[:, :, :1]).seasons == ()


def test_a_river_that_is_dry_in_a_season_does_not_take_the_correlation_from_the_others():
    left = np.random.default_rng(9).normal(size=(3, 40, 2))
    left[2, :, 0] = np.nan
    found = residual_correlation(left)
    np.testing.assert_array_equal(found.seasons[0][2], [0.0, 0.0, 1.0])
    assert found.seasons[0][0, 1] != 0.0
