"""Point sets for the noise of one stage.

They have as many rows as openings and as many columns as random quantities.

Sources: M. D. McKay, R. J. Beckman and W. J. Conover, A comparison of three methods for selecting
values of input variables in the analysis of output from a computer code, Technometrics 21 (1979);
A. B. Owen, Scrambled net variance for integrals of smooth functions, Annals of Statistics 25
(1997); A. B. Owen, A randomized Halton algorithm in R, arXiv:1706.02808 (2017).
"""

from __future__ import annotations

import warnings

import numpy as np

from headwater.arrays import Array
from headwater.errors import ModelError
from headwater.model import SamplingMethod
from headwater.stochastic import rng

MAX_SOBOL_DIMENSION = 21201
"""Direction numbers are known for so many dimensions."""

_HALF_A_STEP = 2.0**-33
_SMALLEST, _LARGEST = 2.0**-54, 1.0 - 2.0**-53

DESIGNED = frozenset({SamplingMethod.LHS, SamplingMethod.QMC_SOBOL, SamplingMethod.QMC_HALTON})
"""Methods whose rows belong together: one design for all openings of a stage."""


def design_normals(
    method: SamplingMethod,
    seed: int,
    purpose: rng.Purpose,
    group: int,
    iteration: int,
    shape: tuple[int, int],
) -> Array:
    """Independent standard normals of one design, ``[row, column]``.

    Args:
        method: one of `DESIGNED`.
        seed: of the stream.
        purpose: batch designs of training or of simulation.
        group: noise group of the stage.
        iteration: of training; 0 for trees and simulation.
        shape: rows and columns.

    Raises:
        ModelError: more dimensions than Sobol points exist for.
    """
    check_design(method, shape[1])
    if shape[0] == 0 or shape[1] == 0:
        return np.zeros(shape)
    if method is SamplingMethod.LHS:
        uniforms = _latin_hypercube(seed, purpose, group, iteration, shape)
    else:
        uniforms = _quasi_monte_carlo(
            method, rng.generator(seed, purpose, group, iteration, 0), shape
        )
    return rng.inverted(np.clip(uniforms, _SMALLEST, _LARGEST))


def check_design(method: SamplingMethod, n_dimensions: int) -> None:
    """Whether a design of so many columns exists.

    Raises:
        ModelError: more dimensions than Sobol points exist for.
    """
    if method is SamplingMethod.QMC_SOBOL and n_dimensions > MAX_SOBOL_DIMENSION:
        raise ModelError(
            f"sampling method 'qmc_sobol' knows {MAX_SOBOL_DIMENSION} dimensions, the noise has "
            f"{n_dimensions}; use 'qmc_halton'"
        )


def design_warning(method: SamplingMethod, n: int) -> str | None:
    """What to say about the number of points of a design."""
    if method is SamplingMethod.QMC_SOBOL and n & (n - 1):
        below = 1 << (n.bit_length() - 1)
        return f"{n} Sobol points: their balance needs a power of two, e.g. {below} or {2 * below}"
    return None


def _latin_hypercube(
    seed: int, purpose: rng.Purpose, group: int, iteration: int, shape: tuple[int, int]
) -> Array:
    """Latin hypercube: one point of each column in each of equal strata.

    There are as many strata as rows, in random order.
    """
    n, dim = shape
    columns = np.arange(1, dim + 1)
    words = rng.raw_words(seed, purpose, group, np.full(dim, iteration), columns, 2 * n)
    order = np.argsort(words[:, :n], axis=1, kind="stable")
    within = rng.uniforms(words[:, n:])
    points = np.empty((n, dim))
    points[order, columns[:, None] - 1] = (np.arange(n) + within) / n
    return points


def _quasi_monte_carlo(
    method: SamplingMethod, generator: np.random.Generator, shape: tuple[int, int]
) -> Array:
    from scipy.stats import qmc  # takes long to import, and most studies do without

    n, dim = shape
    if method is SamplingMethod.QMC_HALTON:
        halton: Array = qmc.Halton(dim, scramble=True, rng=generator).random(n)
        return halton
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # the number of points, which the caller reports
        sobol: Array = qmc.Sobol(dim, scramble=True, bits=32, rng=generator).random(n)
    return sobol + _HALF_A_STEP
