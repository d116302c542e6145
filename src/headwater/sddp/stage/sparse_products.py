"""A sparse matrix times many vectors, without the compiler and with the bits of compiled code."""

from __future__ import annotations

import numpy as np

from headwater.arrays import Array
from headwater.sddp.kernels.trial_kernel import Matrix


def multiply_each(matrix: Matrix, vectors: Array) -> Array:
    """Product of a matrix with every row of ``vectors``, ``[vector, row]``.

    ``vectors`` is ``[vector, column]``.

    Each row of the matrix is summed from its first entry to its last, as `multiply` of the compiled
    trials does, so that both give the same bits; entries of all rows that come at the same turn are
    taken together.
    """
    entries = np.diff(matrix.starts)
    products = np.zeros((len(vectors), len(entries)))
    for turn in range(entries.max(initial=0)):
        rows = np.flatnonzero(entries > turn)
        places = matrix.starts[rows] + turn
        products[:, rows] += matrix.values[places] * vectors[:, matrix.indices[places]]
    return products
