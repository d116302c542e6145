"""Which order each season gets.

Selection, and reduction until no past inflow works against the future.

The contribution of lag j to season m says how much a unit of inflow j seasons back raises the
inflow, through all the seasons between. In the stage problem it is the sign of a cut's slope, so
orders are reduced until no contribution is negative.

Source: Maceira and Damazio 2006, see `headwater.stochastic.par`, and the manual of NEWAVE.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.model import EstimationConfig, OrderSelection
from headwater.stochastic.yule_walker import (
    Correlogram,
    SeasonFit,
    conditional_partial_autocorrelations,
    explained_variances,
    fit_season,
    partial_autocorrelations,
)

Z_ALPHA = 1.96
"""Two-sided 5 % quantile of the normal distribution."""

_NEGATIVE = -1e-12
"""Contributions above this count as not negative."""


@dataclass(frozen=True)
class Reduction:
    """Why a season has a lower order than was selected at first."""

    season: int
    original_order: int
    reduced_order: int
    contributions: tuple[float, ...]
    reason: str


@dataclass(frozen=True, eq=False)
class HydroFit:
    """Equations of one hydro.

    Attributes:
        seasons: equation of each season.
        pacf: ``[season, lag - 1]`` partial autocorrelations that orders were selected by,
            conditional ones with an annual component.
        selected_orders: orders before reduction.
        reductions: what was reduced.
    """

    seasons: tuple[SeasonFit, ...]
    pacf: Array
    selected_orders: tuple[int, ...]
    reductions: tuple[Reduction, ...]

    @property
    def orders(self) -> tuple[int, ...]:
        """Final order of each season."""
        return tuple(len(fit.phi) for fit in self.seasons)


def order_by_significance(pacf: Sequence[float] | Array, n_obs: int) -> int:
    """The largest lag whose partial autocorrelation lies outside the 95 % band of white noise.

    0 if none does.
    """
    significant = np.flatnonzero(np.abs(pacf) > Z_ALPHA / np.sqrt(n_obs))
    return int(significant[-1]) + 1 if len(significant) else 0


def order_by_conditional_significance(pacf: Sequence[float] | Array, n_obs: int) -> int:
    """As `order_by_significance`, but at least 1 unless the first value is exactly 0."""
    if not len(pacf) or pacf[0] == 0.0:
        return 0
    return max(order_by_significance(pacf, n_obs), 1)


def order_by_criterion(
    residual_variances: Sequence[float] | Array, n_obs: int, penalty: float
) -> int:
    """Order from 0 that minimises ``n ln(residual variance) + penalty * order``.

    Of equally good orders the lowest is taken.

    Args:
        residual_variances: of order 0 (which is 1), 1, 2, ...
        n_obs: observations of the season.
        penalty: 2 for Akaike's criterion, ``ln n_obs`` for the Bayesian one.
    """
    variance = np.asarray(residual_variances, np.float64)
    usable = np.isfinite(variance) & (variance > 0.0)
    value = np.where(
        usable,
        n_obs * np.log(np.where(usable, variance, 1.0)) + penalty * np.arange(len(variance)),
        np.inf,
    )
    return int(np.argmin(value))


def contributions(phi: Sequence[Sequence[float]], std_m3s: Sequence[float], season: int) -> Array:
    """Contribution of every lag of one season, ``[lag - 1]``.

    Args:
        phi: standardised coefficients of every season.
        std_m3s: deviation of every season.
        season: whose lags.
    """
    n = len(phi)

    def weight(m: int, lag: int) -> float:
        m %= n
        if lag > len(phi[m]) or std_m3s[(m - lag) % n] == 0.0:
            return 0.0
        return phi[m][lag - 1] * std_m3s[m] / std_m3s[(m - lag) % n]

    order = len(phi[season])
    row = np.array([weight(season, lag) for lag in range(1, order + 1)])
    values = np.zeros(order)
    for i in range(order):
        values[i] = row[0]
        onward = np.array([weight(season - i - 1, lag) for lag in range(1, len(row))])
        row = row[0] * onward + row[1:]
    return values


def largest_valid_order(values: Sequence[float] | Array) -> int:
    """Number of leading contributions that are not negative."""
    negative = np.flatnonzero(np.asarray(values) < _NEGATIVE)
    return int(negative[0]) if len(negative) else len(values)


def fit_hydro(
    correlogram: Correlogram, std_m3s: Array, n_obs: NDArray[np.int64], config: EstimationConfig
) -> HydroFit:
    """Select, solve and reduce the equations of all seasons of one hydro.

    Args:
        correlogram: its correlations, with those of the annual mean for
            `OrderSelection.PACF_ANNUAL`.
        std_m3s: ``[season]``; 0 or ``nan`` gives order 0.
        n_obs: ``[season]``.
        config: method and limits.
    """
    work = _Work(correlogram, std_m3s, n_obs, config)
    work.bound_magnitudes()
    if config.order_selection not in (OrderSelection.AIC, OrderSelection.BIC):
        work.drop_negative_first_coefficients()
        while work.reduce_once():
            pass
    return work.result()


@dataclass
class _Work:
    """State of the reduction of one hydro."""

    correlogram: Correlogram
    std_m3s: Array
    n_obs: NDArray[np.int64]
    config: EstimationConfig
    pacf: Array = field(init=False)
    ceilings: list[int] = field(init=False)
    fits: list[SeasonFit] = field(init=False)
    selected: tuple[int, ...] = field(init=False)
    frozen: set[int] = field(default_factory=set)
    first_failure: dict[int, tuple[tuple[float, ...], str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, p = self.correlogram.n_seasons, self.config.max_order
        partial: Callable[[Correlogram, int, int], Array] = partial_autocorrelations
        if self.config.order_selection is OrderSelection.PACF_ANNUAL:
            partial = conditional_partial_autocorrelations
        self.pacf = np.array([partial(self.correlogram, m, p) for m in range(n)]).reshape(n, p)
        self.ceilings = [p] * n
        self.fits = [self._fit(m, self._select(m)) for m in range(n)]
        self.selected = tuple(len(fit.phi) for fit in self.fits)

    def _modelled(self, season: int) -> bool:
        """Whether a season varies and has enough observations for an equation."""
        return (
            bool(self.std_m3s[season] > 0.0)
            and self.n_obs[season] >= self.config.min_observations_per_season
        )

    def _select(self, season: int) -> int:
        method, ceiling, n_obs = (
            self.config.order_selection,
            self.ceilings[season],
            int(self.n_obs[season]),
        )
        if not self._modelled(season) or ceiling == 0:
            return 0
        if method is OrderSelection.FIXED:
            return ceiling
        if method is OrderSelection.PACF:
            return order_by_significance(self.pacf[season, :ceiling], n_obs)
        if method is OrderSelection.PACF_ANNUAL:
            return order_by_conditional_significance(self.pacf[season, :ceiling], n_obs)
        penalty = 2.0 if method is OrderSelection.AIC else float(np.log(n_obs))
        return order_by_criterion(
            explained_variances(self.correlogram, season, ceiling), n_obs, penalty
        )

    def _fit(self, season: int, order: int) -> SeasonFit:
        return (
            fit_season(self.correlogram, season, order) if self._modelled(season) else SeasonFit()
        )

    def _fail(self, season: int, values: Array, reason: str) -> None:
        self.first_failure.setdefault(season, (tuple(float(v) for v in values), reason))

    def _drop(self, season: int, values: Array, reason: str) -> None:
        self._fail(season, values, reason)
        self.fits[season] = self._fit(season, 0)
        self.frozen.add(season)

    def _contributions(self, season: int) -> Array:
        return contributions([fit.phi for fit in self.fits], list(self.std_m3s), season)

    def bound_magnitudes(self) -> None:
        bound = self.config.max_coefficient_magnitude
        for season, fit in enumerate(self.fits):
            if bound is not None and any(abs(phi) > bound for phi in fit.phi):
                self._drop(season, self._contributions(season), "magnitude_bound")

    def drop_negative_first_coefficients(self) -> None:
        for season, fit in enumerate(self.fits):
            if fit.phi and fit.phi[0] < 0.0:
                self._drop(season, self._contributions(season), "phi1_negative")

    def reduce_once(self) -> bool:
        """Lower every order that has a negative contribution; whether there was one."""
        failing = []
        for season in range(len(self.fits)):
            if season not in self.frozen and self.fits[season].phi:
                values = self._contributions(season)
                if values.min() < _NEGATIVE:
                    failing.append((season, values))
        for season, values in failing:
            self._fail(season, values, "negative_contribution")
            if self.config.order_selection is OrderSelection.FIXED:
                self.ceilings[season] = min(largest_valid_order(values), self.ceilings[season] - 1)
            else:
                self.ceilings[season] -= 1
            if self.ceilings[season] == 0:
                self._drop(season, values, "negative_contribution")
                continue
            self.fits[season] = self._fit(season, self._select(season))
            phi, bound = self.fits[season].phi, self.config.max_coefficient_magnitude
            if phi and phi[0] < 0.0:
                self._drop(season, values, "phi1_negative")
            elif bound is not None and any(abs(value) > bound for value in phi):
                self._drop(season, values, "magnitude_bound")
        return bool(failing)

    def result(self) -> HydroFit:
        reductions = tuple(
            Reduction(season, self.selected[season], len(self.fits[season].phi), values, reason)
            for season, (values, reason) in sorted(self.first_failure.items())
        )
        return HydroFit(tuple(self.fits), self.pacf, self.selected, reductions)
