"""Coefficients and partial autocorrelations of a periodic model, from its autocorrelations.

For season m and order p, with ``rho[m](l)`` the correlation of season m with the value l seasons
back, the coefficients solve

    sum_j R[i, j] phi[j] = rho[m](i),    R[i, j] = rho[m - min(i, j)](|i - j|),    i, j = 1 .. p.

R is symmetric but not Toeplitz, so the Levinson recursion does not apply. With the mean A of the
past twelve months as one more regressor, R is bordered by its correlations with the lags, and the
right-hand side by its correlation with the value itself.

Source: K. W. Hipel and A. I. McLeod, Time series modelling of water resources and environmental
systems, Elsevier (1994), chapter 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array

_SMALLEST_PIVOT = 2.2e-16
_SMALLEST_RATIO = 1e-12


@dataclass(frozen=True)
class SeasonFit:
    """The equation of one season.

    Attributes:
        phi: standardised coefficients, lag 1 first.
        annual: standardised coefficient of the mean of the past twelve months; ``None`` without
            one.
        residual_variance: share of the variance that the equation leaves, above 0 and at most 1.
    """

    phi: tuple[float, ...] = ()
    annual: float | None = None
    residual_variance: float = 1.0

    @property
    def residual_std_ratio(self) -> float:
        """Deviation of the noise as a share of the deviation of the season."""
        return float(np.clip(np.sqrt(self.residual_variance), _SMALLEST_RATIO, 1.0))


@dataclass(frozen=True, eq=False)
class Correlogram:
    """Correlations of one hydro.

    Attributes:
        rho: ``[season, lag]``, lag 0 first.
        annual: ``[season, lag]`` correlations of the mean of the past twelve months with the value
            ``lag`` seasons back, lag 0 being the value that the mean precedes; ``None`` without
            annual component.
    """

    rho: Array
    annual: Array | None = None

    @property
    def n_seasons(self) -> int:
        """Seasons of a year."""
        return len(self.rho)


def solve_season(correlogram: Correlogram, season: int, order: int) -> SeasonFit | None:
    """The equation of one order.

    ``None`` where its matrix is singular or it explains all of the variance.
    """
    matrix, rhs = _system(correlogram, season, order)
    solution = _solve(matrix, rhs)
    if solution is None:
        return None
    variance = 1.0 - float(solution @ rhs)
    if not variance > 0.0:
        return None
    annual = None if correlogram.annual is None else float(solution[-1])
    return SeasonFit(tuple(float(phi) for phi in solution[:order]), annual, min(variance, 1.0))


def fit_season(correlogram: Correlogram, season: int, order: int) -> SeasonFit:
    """The equation of the largest order up to ``order`` that leaves some variance.

    Order 0 where the matrix is singular.
    """
    while order > 0:
        matrix, _ = _system(correlogram, season, order)
        if _lu(matrix) is None:
            order = 0
            break
        fit = solve_season(correlogram, season, order)
        if fit is not None:
            return fit
        order -= 1
    return solve_season(correlogram, season, 0) or SeasonFit()


def partial_autocorrelations(correlogram: Correlogram, season: int, max_order: int) -> Array:
    """Last coefficient of the solution of every order, ``[lag - 1]``.

    From the first singular matrix on it is 0.
    """
    plain = Correlogram(correlogram.rho)
    values = np.zeros(max_order)
    for order in range(1, max_order + 1):
        solution = _solve(*_system(plain, season, order))
        if solution is None:
            break
        values[order - 1] = solution[-1]
    return values


def conditional_partial_autocorrelations(
    correlogram: Correlogram, season: int, max_order: int
) -> Array:
    """Partial correlation of a value with that ``k`` seasons back.

    Given those between and the mean of the past twelve months.

    Returns:
        ``[k - 1]``; 0 from the first singular matrix on.
    """
    values = np.zeros(max_order)
    annual = _annual(correlogram)
    for k in range(1, max_order + 1):
        # Order of the variables: z now, z k back, then what is given: z 1 back .. z k-1 back, the
        # annual mean.
        lags = np.array([0, k, *range(1, k)])
        full = np.ones((k + 2, k + 2))
        full[:-1, :-1] = _among(correlogram.rho, season, lags)
        full[:-1, -1] = full[-1, :-1] = annual[season, lags]
        factor = _lu(full[2:, 2:])
        if factor is None:
            break
        rest = full[:2, :2] - full[:2, 2:] @ _solve_with(factor, full[2:, :2])
        product = rest[0, 0] * rest[1, 1]
        values[k - 1] = np.clip(rest[0, 1] / np.sqrt(product), -1.0, 1.0) if product > 0.0 else 0.0
    return values


def explained_variances(correlogram: Correlogram, season: int, max_order: int) -> Array:
    """Residual variance of every order from 0, ``[order]``.

    Infinite where an order has no valid equation.
    """
    fits: Sequence[SeasonFit | None] = [
        solve_season(correlogram, season, order) for order in range(max_order + 1)
    ]
    return np.array([np.inf if fit is None else fit.residual_variance for fit in fits])


def correlation_matrix(correlogram: Correlogram, season: int, order: int) -> Array:
    """Matrix R of the equations of one season."""
    return _system(correlogram, season, order)[0]


def _annual(correlogram: Correlogram) -> Array:
    if correlogram.annual is None:
        raise ValueError("the correlogram has no annual component")
    return correlogram.annual


def _among(rho: Array, season: int, lags: NDArray[np.int64]) -> Array:
    """Correlations of the values some seasons before an occurrence of ``season``."""
    left, right = lags[:, None], lags[None, :]
    among: Array = rho[(season - np.minimum(left, right)) % len(rho), np.abs(left - right)]
    return among


def _system(correlogram: Correlogram, season: int, order: int) -> tuple[Array, Array]:
    rho = correlogram.rho
    size = order + (correlogram.annual is not None)
    matrix, rhs = np.eye(size), np.zeros(size)
    rhs[:order] = rho[season, 1 : order + 1]
    matrix[:order, :order] = _among(rho, season, np.arange(1, order + 1))
    if correlogram.annual is not None:
        rhs[order] = correlogram.annual[season, 0]
        matrix[order, :order] = matrix[:order, order] = correlogram.annual[season, 1 : order + 1]
    return matrix, rhs


def _lu(matrix: Array) -> tuple[Array, NDArray[np.int32]] | None:
    if not len(matrix):
        return matrix, np.zeros(0, np.int32)
    from scipy.linalg.lapack import dgetrf  # takes long to import, and most studies do without

    factor, pivots, _ = dgetrf(matrix)
    return None if np.abs(factor.diagonal()).min() < _SMALLEST_PIVOT else (factor, pivots)


def _solve_with(factor: tuple[Array, NDArray[np.int32]], rhs: Array) -> Array:
    from scipy.linalg.lapack import dgetrs

    solution: Array = dgetrs(*factor, rhs)[0]
    return solution


def _solve(matrix: Array, rhs: Array) -> Array | None:
    if not len(rhs):
        return np.zeros(0)
    factor = _lu(matrix)
    return None if factor is None else _solve_with(factor, rhs)
