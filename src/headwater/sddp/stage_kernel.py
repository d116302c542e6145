"""Compiled arithmetic of a stage problem: right-hand sides and gradients, summed in a fixed order.

The order of every sum is fixed by the loops, so results do not depend on how work is shared out.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def sparse_product(starts, indices, values, x):
    """``A x`` for ``A`` compressed by row."""
    out = np.empty(starts.shape[0] - 1)
    for i in range(out.shape[0]):
        total = 0.0
        for p in range(starts[i], starts[i + 1]):
            total += values[p] * x[indices[p]]
        out[i] = total
    return out


@njit(cache=True, nogil=True)
def add_sparse_transpose_product(starts, indices, values, y, out):
    """Add ``A^T y`` to ``out`` for ``A`` compressed by row."""
    for i in range(starts.shape[0] - 1):
        if y[i] != 0.0:
            for p in range(starts[i], starts[i + 1]):
                out[indices[p]] += values[p] * y[i]


@njit(cache=True, nogil=True)
def dense_products(matrix, vectors):
    """``matrix @ vectors.T`` as ``[row, vector]``."""
    n_rows, n_vectors = matrix.shape[0], vectors.shape[0]
    out = np.empty((n_rows, n_vectors))
    for i in range(n_rows):
        for w in range(n_vectors):
            total = 0.0
            for j in range(matrix.shape[1]):
                total += matrix[i, j] * vectors[w, j]
            out[i, w] = total
    return out


@njit(cache=True, nogil=True)
def row_bounds(lower, upper, state_shift, noise_shift, cut_intercept, cut_exogenous, exogenous_state, cut_noise):
    """Bounds of all rows, cuts last, for every opening.

    Args:
        lower, upper: ``[row]`` for zero state and noise.
        state_shift: ``[row]``; noise_shift: ``[opening, row]``.
        cut_intercept: ``[cut]``; cut_exogenous: ``[cut, exogenous]`` coefficients on exogenous outgoing state.
        exogenous_state: ``[exogenous]`` part of the exogenous outgoing state that comes from the incoming state.
        cut_noise: ``[cut, opening]`` contribution of the innovation.

    Returns:
        Two arrays ``[opening, row + cut]``.
    """
    n_openings, n_rows = noise_shift.shape
    n_cuts = cut_intercept.shape[0]
    lowers = np.empty((n_openings, n_rows + n_cuts))
    uppers = np.empty((n_openings, n_rows + n_cuts))
    for w in range(n_openings):
        for i in range(n_rows):
            shift = state_shift[i] + noise_shift[w, i]
            lowers[w, i] = lower[i] + shift
            uppers[w, i] = upper[i] + shift
    for c in range(n_cuts):
        base = cut_intercept[c]
        for e in range(cut_exogenous.shape[1]):
            base += cut_exogenous[c, e] * exogenous_state[e]
        for w in range(n_openings):
            lowers[w, n_rows + c] = base + cut_noise[c, w]
            uppers[w, n_rows + c] = np.inf
    return lowers, uppers


@njit(cache=True, nogil=True)
def weighted_duals(weights, duals):
    """``sum_w weights[w] duals[w]``, opening by opening."""
    out = np.zeros(duals.shape[1])
    for w in range(duals.shape[0]):
        if weights[w] != 0.0:
            for i in range(duals.shape[1]):
                out[i] += weights[w] * duals[w, i]
    return out


@njit(cache=True, nogil=True)
def cut_pull(multipliers, cut_exogenous):
    """``sum_c multipliers[c] cut_exogenous[c]``: how the cuts in force weigh the exogenous outgoing state."""
    out = np.zeros(cut_exogenous.shape[1])
    for c in range(multipliers.shape[0]):
        if multipliers[c] != 0.0:
            for e in range(cut_exogenous.shape[1]):
                out[e] += multipliers[c] * cut_exogenous[c, e]
    return out


@njit(cache=True, nogil=True)
def dot(a, b):
    """Inner product in index order."""
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True)
def count_binding(duals, tolerance):
    """In how many openings each row's dual exceeds the tolerance."""
    counts = np.zeros(duals.shape[1], np.int64)
    for w in range(duals.shape[0]):
        for i in range(duals.shape[1]):
            if duals[w, i] > tolerance:
                counts[i] += 1
    return counts
