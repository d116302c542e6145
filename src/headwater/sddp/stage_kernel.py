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
def cut_products(coefficients, slots, exogenous, scale, states):
    """What exogenous outgoing states add to the right-hand sides of cuts, ``[vector, cut]``.

    Each number is summed in the order of ``exogenous``, however many vectors there are.

    Args:
        coefficients: ``[slot, state]``; slots: ``[cut]``; exogenous: ``[exogenous]`` positions in the state.
        scale: the products are divided by it.
        states: ``[vector, exogenous]``.
    """
    n_vectors, n_cuts = states.shape[0], slots.shape[0]
    out = np.empty((n_vectors, n_cuts))
    by_place = np.ascontiguousarray(states.T)
    totals = np.empty(n_vectors)
    for c in range(n_cuts):
        slot = slots[c]
        totals[:] = 0.0
        for e in range(exogenous.shape[0]):
            coefficient = coefficients[slot, exogenous[e]]
            if coefficient != 0.0:
                for w in range(n_vectors):
                    totals[w] += coefficient * by_place[e, w]
        for w in range(n_vectors):
            out[w, c] = totals[w] / scale
    return out


@njit(cache=True, nogil=True)
def row_bounds(lower, upper, state_shift, noise_shift, cut_sides, cut_noise):
    """Bounds of all rows, cuts last, for every opening.

    Args:
        lower, upper: ``[row]`` for zero state and noise.
        state_shift: ``[row]``; noise_shift: ``[opening, row]``.
        cut_sides: ``[cut]`` right-hand sides of the cuts without noise.
        cut_noise: ``[opening, cut]`` contribution of the innovation; may be wider.

    Returns:
        Two arrays ``[opening, row + cut]``.
    """
    n_openings, n_rows = noise_shift.shape
    n_cuts = cut_sides.shape[0]
    lowers = np.empty((n_openings, n_rows + n_cuts))
    uppers = np.empty((n_openings, n_rows + n_cuts))
    for w in range(n_openings):
        for i in range(n_rows):
            shift = state_shift[i] + noise_shift[w, i]
            lowers[w, i] = lower[i] + shift
            uppers[w, i] = upper[i] + shift
        for c in range(n_cuts):
            lowers[w, n_rows + c] = cut_sides[c] + cut_noise[w, c]
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
def cut_pull(multipliers, coefficients, slots, exogenous, scale):
    """``sum_c multipliers[c] coefficients[slots[c], exogenous] / scale``: how cuts weigh the exogenous outgoing state."""
    out = np.zeros(exogenous.shape[0])
    for c in range(multipliers.shape[0]):
        if multipliers[c] != 0.0:
            factor, slot = multipliers[c] / scale, slots[c]
            for e in range(exogenous.shape[0]):
                out[e] += factor * coefficients[slot, exogenous[e]]
    return out


@njit(cache=True, nogil=True)
def cut_pulls(weights, duals, coefficients, slots, exogenous, scale):
    """`cut_pull` for every trial, with the duals of cuts (the last of each opening) weighted by opening."""
    n_trials, n_cuts = weights.shape[0], slots.shape[0]
    first = duals.shape[2] - n_cuts
    out = np.zeros((n_trials, exogenous.shape[0]))
    mean = np.empty(n_cuts)
    for k in range(n_trials):
        mean[:] = 0.0
        for w in range(weights.shape[1]):
            if weights[k, w] != 0.0:
                for c in range(n_cuts):
                    mean[c] += weights[k, w] * duals[k, w, first + c]
        out[k] = cut_pull(mean, coefficients, slots, exogenous, scale)
    return out


@njit(cache=True, nogil=True)
def dot(a, b):
    """Inner product in index order."""
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True)
def lay_through(states, values, slopes, intercepts, largest_miss):
    """Set the intercepts of cuts through values at states, and judge the cuts.

    Args:
        states: ``[trial, state]``.
        values: ``[trial, cut]`` in $.
        slopes: ``[trial, cut, state]``.
        intercepts: ``[trial, cut]``, written to.
        largest_miss: how far a cut may miss the value at its own state, relative to the value or to 1.

    Returns:
        ``[trial, cut]`` whether all numbers of a cut are finite and it passes through its own point.
    """
    n_trials, n_cuts, n_state = slopes.shape
    sound = np.empty((n_trials, n_cuts), np.bool_)
    for k in range(n_trials):
        for m in range(n_cuts):
            at_state, finite = 0.0, True
            for j in range(n_state):
                at_state += slopes[k, m, j] * states[k, j]
                finite = finite and np.isfinite(slopes[k, m, j])
            wanted = values[k, m]
            intercepts[k, m] = wanted - at_state
            # a number that is not finite fails the comparison
            sound[k, m] = finite and abs(intercepts[k, m] + at_state - wanted) <= largest_miss * max(1.0, abs(wanted))
    return sound


@njit(cache=True, nogil=True)
def count_binding(duals, tolerance):
    """In how many openings each row's dual exceeds the tolerance."""
    counts = np.zeros(duals.shape[1], np.int64)
    for w in range(duals.shape[0]):
        for i in range(duals.shape[1]):
            if duals[w, i] > tolerance:
                counts[i] += 1
    return counts


@njit(cache=True, nogil=True)
def sparse_products(starts, indices, values, vectors):
    """``A x`` for every row ``x`` of ``vectors``, ``[vector, row]``."""
    out = np.empty((vectors.shape[0], starts.shape[0] - 1))
    for k in range(out.shape[0]):
        for i in range(out.shape[1]):
            total = 0.0
            for p in range(starts[i], starts[i + 1]):
                total += values[p] * vectors[k, indices[p]]
            out[k, i] = total
    return out


@njit(cache=True, nogil=True)
def weighted_sums(weights, values):
    """``sum_w weights[k, w] values[k, w]`` for every trial, opening by opening."""
    out = np.zeros(values.shape[0])
    for k in range(values.shape[0]):
        for w in range(values.shape[1]):
            out[k] += weights[k, w] * values[k, w]
    return out


@njit(cache=True, nogil=True)
def gradients(weights, duals, n_rows, row_starts, row_indices, row_values, pulls, exo_starts, exo_indices, exo_values, n_state):
    """Slopes of the weighted optimal values with respect to the incoming state, ``[trial, state]``.

    Args:
        weights: ``[trial, opening]``; duals: ``[trial, opening, row + cut]``.
        n_rows: static rows; ``row_*``: how the state enters their bounds.
        pulls: ``[trial, exogenous]`` from `cut_pulls`; ``exo_*``: how the state enters the exogenous outgoing state.
    """
    n_trials, n_openings, _ = duals.shape
    out = np.zeros((n_trials, n_state))
    mean = np.empty(n_rows)
    for k in range(n_trials):
        mean[:] = 0.0
        for w in range(n_openings):
            weight = weights[k, w]
            if weight != 0.0:
                for i in range(n_rows):
                    mean[i] += weight * duals[k, w, i]
        for i in range(n_rows):
            if mean[i] != 0.0:
                for p in range(row_starts[i], row_starts[i + 1]):
                    out[k, row_indices[p]] += row_values[p] * mean[i]
        for e in range(pulls.shape[1]):
            if pulls[k, e] != 0.0:
                for p in range(exo_starts[e], exo_starts[e + 1]):
                    out[k, exo_indices[p]] += exo_values[p] * pulls[k, e]
    return out


@njit(cache=True, nogil=True)
def add_binding(duals, n_rows, tolerance, counts):
    """Add to ``counts[cut]`` the number of (trial, opening) pairs in which the cut's dual exceeds the tolerance."""
    for k in range(duals.shape[0]):
        for w in range(duals.shape[1]):
            for c in range(duals.shape[2] - n_rows):
                if duals[k, w, n_rows + c] > tolerance:
                    counts[c] += 1


@njit(cache=True, nogil=True)
def outgoing_states(
    states,
    innovation,
    primal,
    in_lp,
    columns,
    lower,
    upper,
    exogenous,
    xs_starts,
    xs_indices,
    xs_values,
    xi_starts,
    xi_indices,
    xi_values,
):
    """State that leaves the stage, ``[trial, state]``; storage is kept within its bounds against round-off."""
    n_trials, n_state = states.shape
    out = np.empty((n_trials, n_state))
    for k in range(n_trials):
        for p in range(in_lp.shape[0]):
            value = primal[k, columns[p]]
            out[k, in_lp[p]] = min(max(value, lower[columns[p]]), upper[columns[p]])
        for e in range(exogenous.shape[0]):
            total = 0.0
            for p in range(xs_starts[e], xs_starts[e + 1]):
                total += xs_values[p] * states[k, xs_indices[p]]
            for p in range(xi_starts[e], xi_starts[e + 1]):
                total += xi_values[p] * innovation[k, xi_indices[p]]
            out[k, exogenous[e]] = total
    return out


@njit(cache=True, nogil=True)
def costs_of(cost, primal):
    """``cost . x``, column by column, ``[trial]``."""
    out = np.zeros(primal.shape[0])
    for k in range(primal.shape[0]):
        for j in range(cost.shape[0]):
            out[k] += cost[j] * primal[k, j]
    return out
