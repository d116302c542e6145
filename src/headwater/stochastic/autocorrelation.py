"""Seasonal statistics and periodic autocorrelations.

Also the correlations of the mean of the past twelve months.

All arrays hold the hydros first; sums run over the years for which every factor exists. Every
average divides by the number of values of the season and not by the number of pairs, so that a
correlation across the turn of the year shrinks a little: the convention of NEWAVE, whose printed
correlations it reproduces.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.errors import ModelError

Counts = NDArray[np.int64]

MONTHS_OF_ANNUAL_MEAN = 12
_SAME = 1e-6
_MANY_NEGATIVE = 0.10
_SATURATED = 0.50
_LARGE_RIVER_M3S = 10.0


class HistoryClass(Enum):
    """What the observed inflows of a season look like."""

    CONSTANT = "constant"
    MANY_NEGATIVE = "many_negative"
    SATURATED = "saturated"
    DEFAULT = "default"


@dataclass(frozen=True, eq=False)
class SeasonalStatistics:
    """Mean and population deviation of every season.

    Attributes:
        mean_m3s, std_m3s: ``[hydro, season]``; ``nan`` without observations.
        n_obs: ``[hydro, season]``.
        classes: ``[hydro][season]``.
    """

    mean_m3s: Array
    std_m3s: Array
    n_obs: Counts
    classes: tuple[tuple[HistoryClass, ...], ...]


@dataclass(frozen=True, eq=False)
class AnnualSeries:
    """Mean of the twelve values before every value, and how it correlates with the values.

    Attributes:
        values_m3s: ``[hydro, year, season]``, ``nan`` where one of the twelve is missing.
        mean_m3s, std_m3s: ``[hydro, season]`` over the windows that exist; 0 without any.
        correlation: ``[hydro, season, lag]`` with the value ``lag`` seasons back; lag 0 is the
            value that the mean precedes.
    """

    values_m3s: Array
    mean_m3s: Array
    std_m3s: Array
    correlation: Array


def seasonal_statistics(
    values_m3s: Array, mode_rounding_m3s: float | None = None
) -> SeasonalStatistics:
    """Statistics over the years of every hydro and season.

    A season that is constant, or of which more than half of the values are the same, has that value
    as its mean and no deviation.

    Args:
        values_m3s: ``[hydro, year, season]`` with ``nan`` for missing values.
        mode_rounding_m3s: step of rounding before equal values are counted; ``None`` takes 1 where
            the median is at least 10 m3/s and none elsewhere.

    Raises:
        ModelError: a season with a single value.
    """
    n_obs = np.isfinite(values_m3s).sum(axis=1)
    if (n_obs == 1).any():
        hydro, season = np.argwhere(n_obs == 1)[0]
        raise ModelError(
            f"season position {season} of hydro position {hydro} has a single observation; a "
            "deviation needs 2"
        )
    divisor = np.maximum(n_obs, 1)
    mean = np.nansum(values_m3s, axis=1) / divisor
    std = np.sqrt(np.nansum((values_m3s - mean[:, None, :]) ** 2, axis=1) / divisor)
    classes = []
    for h in range(len(values_m3s)):
        row = []
        for m in range(values_m3s.shape[2]):
            observed = values_m3s[h, :, m]
            kind, mode = classify(observed[np.isfinite(observed)], mode_rounding_m3s)
            if kind in (HistoryClass.CONSTANT, HistoryClass.SATURATED):
                mean[h, m], std[h, m] = mode, 0.0
            row.append(kind)
        classes.append(tuple(row))
    mean[n_obs == 0] = np.nan
    std[n_obs == 0] = np.nan
    return SeasonalStatistics(mean, std, n_obs, tuple(classes))


def classify(observed: Array, mode_rounding_m3s: float | None = None) -> tuple[HistoryClass, float]:
    """Class of the values of one season.

    And the value that stands for them where they are (nearly) all the same.
    """
    if not len(observed):
        return HistoryClass.CONSTANT, 0.0
    if (np.abs(observed - observed[0]) < _SAME).all():
        return HistoryClass.CONSTANT, float(observed[0])
    if (observed < 0.0).mean() > _MANY_NEGATIVE:
        return HistoryClass.MANY_NEGATIVE, 0.0
    step = mode_rounding_m3s
    if step is None:
        step = 1.0 if np.median(observed) >= _LARGE_RIVER_M3S else 0.0
    grid = step if step > 0.0 else _SAME
    rounded, counts = np.unique(np.round(observed / grid), return_counts=True)
    most = int(counts.argmax())
    if counts[most] > _SATURATED * len(observed):
        return HistoryClass.SATURATED, float(rounded[most] * grid)
    return HistoryClass.DEFAULT, 0.0


def periodic_autocorrelation(
    values_m3s: Array, statistics: SeasonalStatistics, max_lag: int
) -> Array:
    """Correlation of every season with the value some seasons back.

    It is an array ``[hydro, season, lag]``, with lag 0 first.

    0 where one of the two has no deviation.
    """
    deviation = values_m3s - statistics.mean_m3s[:, None, :]
    return _lagged(
        deviation,
        statistics.std_m3s,
        statistics.n_obs,
        deviation,
        statistics,
        max_lag,
        unit_at_zero=True,
    )


def annual_series(values_m3s: Array, statistics: SeasonalStatistics, max_lag: int) -> AnnualSeries:
    """The mean of the twelve values before each value, with its statistics and correlations.

    Args:
        values_m3s: ``[hydro, year, 12]``.
        statistics: of the values.
        max_lag: largest lag of the correlations.

    Raises:
        ModelError: the year does not have twelve seasons.
    """
    if values_m3s.shape[2] != MONTHS_OF_ANNUAL_MEAN:
        raise ModelError(
            f"the annual component needs 12 seasons in the year, got {values_m3s.shape[2]}"
        )
    sequence = values_m3s.reshape(len(values_m3s), -1)
    mean_of_past = np.full_like(sequence, np.nan)
    if sequence.shape[1] > MONTHS_OF_ANNUAL_MEAN:
        windows = np.lib.stride_tricks.sliding_window_view(
            sequence[:, :-1], MONTHS_OF_ANNUAL_MEAN, axis=1
        )
        mean_of_past[:, MONTHS_OF_ANNUAL_MEAN:] = windows.mean(axis=2)
    past = mean_of_past.reshape(values_m3s.shape)
    n_windows = np.isfinite(past).sum(axis=1)
    divisor = np.maximum(n_windows, 1)
    mean = np.nansum(past, axis=1) / divisor
    std = np.sqrt(np.nansum((past - mean[:, None, :]) ** 2, axis=1) / divisor)
    deviation = values_m3s - statistics.mean_m3s[:, None, :]
    correlation = _lagged(
        past - mean[:, None, :], std, n_windows, deviation, statistics, max_lag, unit_at_zero=False
    )
    return AnnualSeries(past, mean, std, correlation)


def _lagged(
    left: Array,
    left_std: Array,
    left_count: Counts,
    deviation: Array,
    statistics: SeasonalStatistics,
    max_lag: int,
    *,
    unit_at_zero: bool,
) -> Array:
    """Correlation of ``left`` with the deviation some seasons back.

    Divided by the larger number of values of the two.
    """
    n_hydros, n_years, n_seasons = deviation.shape
    sequence = deviation.reshape(n_hydros, -1)
    correlation = np.zeros((n_hydros, n_seasons, max_lag + 1))
    for lag in range(max_lag + 1):
        earlier = np.full_like(sequence, np.nan)
        earlier[:, lag:] = sequence[:, : sequence.shape[1] - lag]
        total = np.nansum(left * earlier.reshape(n_hydros, n_years, n_seasons), axis=1)
        from_season = (np.arange(n_seasons) - lag) % n_seasons
        count = (
            left_count if unit_at_zero else np.maximum(left_count, statistics.n_obs[:, from_season])
        )
        scale = left_std * statistics.std_m3s[:, from_season] * count
        usable = np.isfinite(scale) & (scale > 0.0)
        correlation[:, :, lag] = np.where(
            usable, np.clip(total / np.where(usable, scale, 1.0), -1.0, 1.0), 0.0
        )
    if unit_at_zero:
        correlation[:, :, 0] = 1.0
    return correlation
