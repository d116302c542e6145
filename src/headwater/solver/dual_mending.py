"""Duals that are a hair off where nothing limits what that costs: moved until they give a bound.

A column without a limit and without a cost - water that is spilled, power that is given away - asks
for a reduced cost of the right sign exactly: one that is off by 1e-10, as simplex methods leave
them, is worth nothing, for the column could be anything. Every vector of duals is as good as
another for a bound, so the dual of one row of such a column is moved by what is missing. That may
put another column off, which is looked at in turn; columns with limits pay with as much of the
bound as the move was large.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from headwater.arrays import Array
from headwater.solver.simplex_kernel import Program

_ROUNDS = 30
"""A move goes down a river in as many rounds as it has plants; more than this gains nothing."""

_NOISE = 2.0**-40
"""A dual that is this share of what it was before the move is rounding, and meant to be zero."""


def mended(program: Program, y: Array) -> Array | None:
    """Duals near ``y`` under which no unlimited column without a cost has a wrong reduced cost.

    Args:
        program: the program; ``cut_entries`` count up to ``n_cuts``.
        y: ``[row]`` duals, those of cuts last.

    Returns:
        The duals; ``None`` where none were found.
    """
    n_static, n_cuts = len(program.row_starts) - 1, int(program.n_cuts)
    cost, lower, upper = (np.asarray(one) for one in (program.cost, program.lower, program.upper))
    matrix = sp.csc_array(
        (np.asarray(program.values), np.asarray(program.indices), np.asarray(program.starts)),
        shape=(n_static, len(cost)),
    )
    taken = np.zeros(len(cost))
    columns = np.asarray(program.cut_columns, np.int64)
    np.add.at(taken, columns, np.asarray(program.cut_entries)[:, :n_cuts] @ y[n_static:][:n_cuts])
    found = y.copy()
    without_cost = cost == 0.0
    for _ in range(_ROUNDS):
        reduced = cost - taken - matrix.T @ found[:n_static]
        off = (reduced < 0.0) & ~np.isfinite(upper) | (reduced > 0.0) & ~np.isfinite(lower)
        wrong = np.flatnonzero(off & without_cost)
        if not len(wrong):
            return found
        for column in wrong:
            entries = slice(matrix.indptr[column], matrix.indptr[column + 1])
            rows, values = matrix.indices[entries], matrix.data[entries]
            if not len(rows):
                return None
            left = cost[column] - taken[column] - values @ found[rows]
            # duals may only become smaller, so that moves do not go round and round
            moved = found[rows] + left / values
            one = int(np.argmin(np.abs(moved)))
            is_rounding = abs(moved[one]) <= _NOISE * abs(found[rows[one]])
            found[rows[one]] = 0.0 if is_rounding else moved[one]
    return None
