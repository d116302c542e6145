"""Cuts of a pool as rows of a stage's program: their right-hand sides, and how the exogenous outgoing state enters them.

A row reads ``theta - pi_x . x >= alpha + pi_e . e``: ``x`` are outgoing quantities that the program decides, ``e`` those that
are numbers once state and noise are known (lags, mostly). The coefficients on ``e`` are read where the pool keeps them: a copy
would be as large as the pool.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headwater.sddp import stage_kernel as kernel
from headwater.sddp.cuts import CutPool

Array = NDArray[np.float64]

_FIRST_ROWS = 64


class CutRows:
    """The right-hand sides of the cuts that are rows of a program; money is scaled as in the program.

    Args:
        pool: where the cuts are.
        exogenous: ``[exogenous]`` positions in the state of the quantities that are numbers.
        scale: money in the program is $ divided by this.

    Attributes:
        n_rows: rows of cuts in the program.
    """

    def __init__(self, pool: CutPool, exogenous: NDArray[np.int64], scale: float) -> None:
        self._pool = pool
        self._exogenous = np.ascontiguousarray(exogenous, np.int64)
        self._scale = scale
        self._tree = np.empty((0, len(exogenous)))
        self._resize(0)
        self.n_rows = 0

    def _resize(self, capacity: int) -> None:
        self._slots = np.empty(capacity, np.int64)
        self._intercepts = np.empty(capacity)
        self._tree_sides = np.empty((len(self._tree), capacity))

    @property
    def slots(self) -> NDArray[np.int64]:
        """``[row]`` slots of the cuts, ascending unless cuts were appended otherwise."""
        return self._slots[: self.n_rows]

    @property
    def tree_sides(self) -> Array:
        """``[opening, row]`` what the openings of the tree add to each right-hand side, with room for more rows behind."""
        return self._tree_sides

    def append(self, slots: NDArray[np.int64]) -> None:
        """Add cuts of the pool, in the given order."""
        start, stop = self.n_rows, self.n_rows + len(slots)
        if stop > len(self._slots):
            known = self._slots[:start], self._intercepts[:start], self._tree_sides[:, :start]
            self._resize(max(stop, 2 * len(self._slots), _FIRST_ROWS))
            self._slots[:start], self._intercepts[:start], self._tree_sides[:, :start] = known
        self._slots[start:stop] = slots
        self._intercepts[start:stop] = self._pool.intercepts[slots] / self._scale
        self.n_rows = stop
        self._tree_sides[:, start:stop] = self._weighed(self._tree, start)

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Take rows away: those where ``kept`` ``[row]`` is false."""
        rows = np.flatnonzero(kept)
        slots, intercepts, tree_sides = self._slots[rows], self._intercepts[rows], self._tree_sides[:, rows]
        self._resize(max(len(rows), _FIRST_ROWS))
        self.n_rows = len(rows)
        self._slots[: self.n_rows], self._intercepts[: self.n_rows] = slots, intercepts
        self._tree_sides[:, : self.n_rows] = tree_sides

    def set_tree(self, exogenous: Array) -> None:
        """Fix the innovation part of the exogenous state for the openings of the tree, ``[opening, exogenous]``."""
        self._tree = exogenous
        self._tree_sides = np.empty((len(exogenous), len(self._slots)))
        self._tree_sides[:, : self.n_rows] = self._weighed(exogenous, 0)

    def sides(self, exogenous: Array) -> Array:
        """Right-hand sides ``[trial, row]`` for exogenous outgoing states ``[trial, exogenous]``."""
        return self._weighed(exogenous, 0) + self._intercepts[: self.n_rows]

    def added(self, exogenous: Array) -> Array:
        """What exogenous outgoing states ``[opening, exogenous]`` add to the right-hand sides, ``[opening, row]``."""
        return self._weighed(exogenous, 0)

    def pull(self, multipliers: Array) -> Array:
        """How the cuts weigh the exogenous outgoing state: gradient ``[exogenous]`` for multipliers ``[row]`` of the rows."""
        pulled: Array = kernel.cut_pull(multipliers, self._pool.coefficients, self.slots, self._exogenous, self._scale)
        return pulled

    def pulls(self, weights: Array, duals: Array) -> Array:
        """`pull` of weighted duals, ``[trial, exogenous]``.

        Args:
            weights: ``[trial, opening]``.
            duals: ``[trial, opening, row of the program]``, those of cuts last.
        """
        pulled: Array = kernel.cut_pulls(weights, duals, self._pool.coefficients, self.slots, self._exogenous, self._scale)
        return pulled

    def _weighed(self, exogenous: Array, first: int) -> Array:
        weighed: Array = kernel.cut_products(
            self._pool.coefficients, self._slots[first : self.n_rows], self._exogenous, self._scale, exogenous
        )
        return weighed
