"""Everything that is estimated for the seasons of one cycle of the year."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.arrays import Array
from headwater.stochastic.autocorrelation import (
    MONTHS_OF_ANNUAL_MEAN,
    AnnualSeries,
    SeasonalStatistics,
)
from headwater.stochastic.history import SeasonalHistory
from headwater.stochastic.order import HydroFit
from headwater.stochastic.yule_walker import Correlogram, SeasonFit


@dataclass(frozen=True, eq=False)
class CycleFit:
    """Everything estimated for the seasons of one cycle.

    Attributes:
        history: observed inflows.
        statistics: their means and deviations.
        annual: means of the past twelve months; ``None`` without annual component.
        correlograms: of each hydro.
        hydros: equations of each hydro; empty where the user gives coefficients.
        seasons: equations in force ``[hydro][season]``, estimated or given.
        residuals: ``[hydro, year, season]``.
    """

    history: SeasonalHistory
    statistics: SeasonalStatistics
    annual: AnnualSeries | None
    correlograms: tuple[Correlogram, ...]
    hydros: tuple[HydroFit, ...]
    seasons: tuple[tuple[SeasonFit, ...], ...]
    residuals: Array


def unit_coefficients(fit: CycleFit, h: int) -> list[list[float]]:
    """Coefficients of a hydro in m3/s per m3/s, ``[season][lag]``.

    The annual term is spread over twelve lags.
    """
    std = fit.statistics.std_m3s[h]
    n = fit.history.n_seasons
    psi = []
    for m, equation in enumerate(fit.seasons[h]):
        row = [
            phi * std[m] / std[(m - j) % n] if std[(m - j) % n] > 0.0 else 0.0
            for j, phi in enumerate(equation.phi, 1)
        ]
        if (
            equation.annual is not None
            and fit.annual is not None
            and fit.annual.std_m3s[h, m] > 0.0
        ):
            row += [0.0] * (MONTHS_OF_ANNUAL_MEAN - len(row))
            share = equation.annual * std[m] / fit.annual.std_m3s[h, m] / MONTHS_OF_ANNUAL_MEAN
            row = [value + share for value in row]
        psi.append([float(value) for value in row])
    return psi
