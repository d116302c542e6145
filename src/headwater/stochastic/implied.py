"""Noise deviation that autoregressive coefficients imply.

It follows from the autocorrelations that they determine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from headwater.arrays import Array
from headwater.errors import ModelError

Predecessor = Callable[[int, int], int | None]

_ROUNDING = 1e-9


def implied_residual_variances(
    coefficients: Sequence[Sequence[float]], predecessor: Predecessor
) -> tuple[Array, Array]:
    """Autocorrelations and residual variances of a periodic autoregressive model of unit variance.

    With ``c(m, j, l)`` = 1 where ``j == l`` and ``rho[prev(m, min(j, l))](|j - l|)`` elsewhere, the
    autocorrelations solve ``rho[m](l) = sum_j phi[m, j] * c(m, j, l)``, and the residual variance
    is ``1 - sum_j phi[m, j] * rho[m](j)``.

    Args:
        coefficients: standardised coefficients phi of each period, lag 1 first.
        predecessor: ``(m, l)`` -> period ``l`` steps before ``m``; ``None`` where it is unknown,
            which counts as uncorrelated.

    Returns:
        ``rho[period, lag - 1]``, and the variance ``[period]``, which is outside (0, 1] where the
        coefficients belong to no stationary model.

    Raises:
        ModelError: the coefficients determine no autocorrelations.
    """
    n, max_order = len(coefficients), max((len(phi) for phi in coefficients), default=0)
    if max_order == 0:
        return np.zeros((n, 0)), np.ones(n)
    rows, columns, values = (
        list(range(n * max_order)),
        list(range(n * max_order)),
        [1.0] * (n * max_order),
    )
    constant = np.zeros(n * max_order)
    for m, phi in enumerate(coefficients):
        for lag in range(1, max_order + 1):
            row = m * max_order + lag - 1
            for j, weight in enumerate(phi, start=1):
                if j == lag:
                    constant[row] += weight
                elif (earlier := predecessor(m, min(j, lag))) is not None:
                    rows.append(row)
                    columns.append(earlier * max_order + abs(j - lag) - 1)
                    values.append(-weight)
    from scipy.sparse import csc_array  # takes long to import, and most studies do without
    from scipy.sparse.linalg import splu

    matrix = csc_array((values, (rows, columns)), shape=(n * max_order,) * 2)
    try:
        solution = splu(matrix).solve(constant)
    except RuntimeError:
        raise ModelError(
            "the autoregressive coefficients determine no autocorrelations "
            "(their equations are singular)"
        ) from None
    rho = solution.reshape(n, max_order)
    variance = np.array(
        [1.0 - float(np.dot(phi, rho[m, : len(phi)])) for m, phi in enumerate(coefficients)]
    )
    return rho, variance


def residual_ratio(variance: float, phi: Sequence[float]) -> float:
    """Deviation of the noise as a share of the whole.

    It follows from the implied residual variance of the coefficients ``phi``.

    Raises:
        ModelError: the variance is outside (0, 1].
    """
    if not 0.0 < variance <= 1.0 + _ROUNDING:
        raise ModelError(
            f"the autoregressive coefficients {tuple(phi)} imply a residual variance of "
            f"{variance:.6g} of the total, expected more than 0 and at most 1: they explain all "
            "of the variance, or more than there is"
        )
    return math.sqrt(min(variance, 1.0))
