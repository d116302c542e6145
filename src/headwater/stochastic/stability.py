"""Whether an inflow model forgets its past."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headwater.arrays import Array


def monodromy_radius(psi: Sequence[Sequence[float] | Array] | Array) -> float:
    """Spectral radius of one year of a periodic autoregressive model; below 1 the model is stable.

    The year is the product of the companion matrices of its seasons. Roots season by season say
    nothing about a periodic model.

    Args:
        psi: coefficients of each season in the order of the year, lag 1 first; standardised or in
            units, which is the same.
    """
    width = max((len(row) for row in psi), default=0)
    if width == 0:
        return 0.0
    year = np.eye(width)
    for row in psi:
        companion = np.eye(width, k=-1)
        companion[0] = 0.0
        companion[0, : len(row)] = row
        year = companion @ year
    return float(np.abs(np.linalg.eigvals(year)).max())
