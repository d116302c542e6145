"""Which cuts are highest at some visited state, in compiled loops that add up in a fixed order."""

from __future__ import annotations

from functools import partial

import numpy as np

from headwater.solver.compiled import compiled

_BLOCK = 256


@partial(compiled, counts_references=True)
def needed_cuts(coefficients, intercepts, states, known, epsilon):
    """Cuts that come within ``epsilon`` of the highest at one of the states at least.

    Args:
        coefficients: ``[cut, component]``; intercepts: ``[cut]``.
        states: ``[visit, component]``.
        known: ``[cut]`` cuts that need not be asked about; they compete, and count as needed.
        epsilon: in the unit of the cuts' values.

    Returns:
        ``[cut]`` whether it is needed.
    """
    n_cuts, n_state = coefficients.shape
    needed = known.copy()
    transposed = np.empty((n_state, n_cuts))
    for c in range(n_cuts):
        for j in range(n_state):
            transposed[j, c] = coefficients[c, j]
    values = np.empty(n_cuts)
    unknown = 0
    for c in range(n_cuts):
        unknown += 0 if needed[c] else 1
    # the newest states tell most: cuts that they need are settled early
    for s in range(states.shape[0] - 1, -1, -1):
        if unknown == 0:
            break
        for first in range(0, n_cuts, _BLOCK):
            last = min(first + _BLOCK, n_cuts)
            for c in range(first, last):
                values[c] = intercepts[c]
            for j in range(n_state):
                x = states[s, j]
                if x != 0.0:
                    for c in range(first, last):
                        values[c] += transposed[j, c] * x
        highest = values[0]
        for c in range(1, n_cuts):
            highest = max(highest, values[c])
        for c in range(n_cuts):
            if not needed[c] and values[c] >= highest - epsilon:
                needed[c] = True
                unknown -= 1
    return needed
