"""What the equations leave of the observed inflows, and how it correlates between rivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.stochastic.autocorrelation import AnnualSeries, SeasonalStatistics
from headwater.stochastic.yule_walker import SeasonFit

MIN_PAIRS_OF_SEASON = 30
"""A season has a correlation of its own when every pair of rivers has this many common
residuals.
"""

_NO_DEVIATION = 2.2e-16


@dataclass(frozen=True, eq=False)
class PooledCorrelation:
    """Correlation of the residuals.

    Attributes:
        pooled: ``[hydro, hydro]`` over all seasons.
        seasons: ``[hydro, hydro]`` of each season with enough pairs; ``None`` for the others.
    """

    pooled: Array
    seasons: tuple[Array | None, ...]


def residuals(
    values_m3s: Array,
    statistics: SeasonalStatistics,
    fits: Sequence[Sequence[SeasonFit]],
    annual: AnnualSeries | None = None,
) -> Array:
    """Standardised inflow minus what its equation says, ``[hydro, year, season]``.

    ``nan`` where a term is missing, and in seasons without deviation.

    Args:
        values_m3s: ``[hydro, year, season]``.
        statistics: of the values.
        fits: equation ``[hydro][season]``.
        annual: mean of the past twelve months; needed where an equation has an annual term.
    """
    n_hydros, n_years, n_seasons = values_m3s.shape
    std = statistics.std_m3s
    varies = std > 0.0
    scaled = (values_m3s - statistics.mean_m3s[:, None, :]) / np.where(varies, std, 1.0)[:, None, :]
    scaled = np.where(np.isfinite(values_m3s) & ~varies[:, None, :], 0.0, scaled)
    sequence = scaled.reshape(n_hydros, -1)
    left = scaled.copy()
    for h in range(n_hydros):
        for m in range(n_seasons):
            fit = fits[h][m]
            if not varies[h, m]:
                left[h, :, m] = np.nan
                continue
            for lag, phi in enumerate(fit.phi, start=1):
                left[h, :, m] -= phi * _earlier(sequence[h], m, lag, n_years, n_seasons)
            if fit.annual is not None and annual is not None and annual.std_m3s[h, m] > 0.0:
                past = (annual.values_m3s[h, :, m] - annual.mean_m3s[h, m]) / annual.std_m3s[h, m]
                left[h, :, m] -= fit.annual * past
    return left


def residual_correlation(left: Array) -> PooledCorrelation:
    """Pearson correlation of every pair of hydros over their common dates.

    Args:
        left: residuals ``[hydro, year, season]``.
    """
    n_seasons = left.shape[2]
    pooled, _ = pearson(left.reshape(len(left), -1))
    seasons: list[Array | None] = []
    for m in range(n_seasons if n_seasons > 1 else 0):
        matrix, pairs = pearson(left[:, :, m])
        known = np.isfinite(left[:, :, m]).any(axis=1)
        enough = (
            pairs[np.ix_(known, known)].min(initial=np.iinfo(np.int64).max) >= MIN_PAIRS_OF_SEASON
            and known.any()
        )
        seasons.append(matrix if enough else None)
    return PooledCorrelation(pooled, tuple(seasons))


def pearson(series: Array) -> tuple[Array, NDArray[np.int64]]:
    """Correlation of the rows over the columns where both are known.

    Args:
        series: ``[row, column]`` with ``nan`` where unknown.

    Returns:
        ``[row, row]`` with a unit diagonal, 0 for pairs with fewer than two common columns or
        without deviation, and the number of common columns ``[row, row]``.
    """
    known = np.isfinite(series)
    one = known.astype(np.float64)
    x = np.where(known, series, 0.0)
    pairs = one @ one.T
    divisor = np.maximum(pairs, 1.0)
    mean = (x @ one.T) / divisor  # [i, j]: mean of row i over the columns that row j knows too
    variance = ((x * x) @ one.T) / divisor - mean * mean
    covariance = (x @ x.T) / divisor - mean * mean.T
    deviation = np.sqrt(np.maximum(variance, 0.0))
    usable = (pairs >= 2) & (deviation > _NO_DEVIATION) & (deviation.T > _NO_DEVIATION)
    scale = np.where(usable, deviation * deviation.T, 1.0)
    matrix = np.where(usable, np.clip(covariance / scale, -1.0, 1.0), 0.0)
    matrix = (matrix + matrix.T) / 2.0
    np.fill_diagonal(matrix, 1.0)
    return matrix, pairs.astype(np.int64)


def _earlier(sequence: Array, season: int, lag: int, n_years: int, n_seasons: int) -> Array:
    """Value ``lag`` seasons before ``season`` of every year; ``nan`` before the first."""
    places = np.arange(n_years) * n_seasons + season - lag
    return np.where(places >= 0, sequence[np.maximum(places, 0)], np.nan)
