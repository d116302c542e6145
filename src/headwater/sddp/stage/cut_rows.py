"""Cuts of a pool as rows of a stage's program.

Their right-hand sides, and how the exogenous outgoing state enters them.

A row reads ``theta - pi_x . x >= alpha + pi_e . e``: ``x`` are outgoing quantities that the program
decides, ``e`` those that are numbers once state and noise are known (lags, mostly). The
coefficients on ``e`` are read where the pool keeps them: a copy would be as large as the pool.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from headwater.sddp.cuts.pool import CutPool
from headwater.sddp.cuts.risk import OpeningWeights
from headwater.sddp.kernels import trial_kernel as kernel
from headwater.solver import AppendedRows, LinearProgram, kernel_program
from headwater.solver.packing_kernel import Packed

_FIRST_ROWS = 64


class CutRows:
    """The cuts that are rows of a program; money is scaled as in the program.

    Args:
        pool: where the cuts are.
        stage: how the stage depends on its state.
        program: the program without cuts.

    Attributes:
        n_rows: rows of cuts in the program.
        entries: the rows themselves, shared with the solver instances.
    """

    def __init__(self, pool: CutPool, stage: kernel.StageArrays, program: LinearProgram) -> None:
        self._pool = pool
        self._stage = stage
        self._program = program
        self._view: Packed | None = None
        none = np.empty((0, len(stage.row_lower)))
        self._tree = kernel.NoiseArrays(
            np.empty((0, len(stage.psi))),
            np.empty((0, 0)),
            none,
            none,
            np.empty((0, len(stage.exogenous))),
        )
        self._weights: OpeningWeights | None = None
        self.entries = AppendedRows(np.concatenate([stage.columns, stage.future]).astype(np.int32))
        self._resize(0)
        self.n_rows = 0

    def _resize(self, capacity: int) -> None:
        self._slots = np.empty(capacity, np.int64)
        self._intercepts = np.empty(capacity)
        self._tree_sides = np.empty((len(self._tree.exogenous), capacity))

    @property
    def capacity(self) -> int:
        """Rows that there is room for."""
        return len(self._slots)

    @property
    def slots(self) -> NDArray[np.int64]:
        """``[row]`` slots of the cuts, ascending unless cuts were appended otherwise."""
        return self._slots[: self.n_rows]

    def arrays(self) -> kernel.CutArrays:
        """The cuts as compiled functions see them."""
        pool = kernel.PoolArrays(*(getattr(self._pool, name) for name in kernel.PoolArrays._fields))
        return kernel.CutArrays(pool, self._slots, self._intercepts, self._tree_sides)

    @property
    def view(self) -> Packed:
        """The stage with its cuts as one block; made anew when an array has moved."""
        view = self._view
        if view is not None:
            known = cast("kernel.StageView", view.value)
            if (
                known.cuts.tree_sides is self._tree_sides
                and known.cuts.pool.coefficients is self._pool.coefficients
                and known.program.cut_entries is self.entries.entries
            ):
                return view
        program = kernel_program(self._program, self.entries)
        risk = (
            kernel.RiskArrays(np.empty(0), np.empty(0), 0)
            if self._weights is None
            else self._weights.arrays
        )
        value = kernel.StageView(self._stage, self.arrays(), self._tree, risk, program)
        packed = kernel.STAGE.pack(value) if view is None else kernel.STAGE.renew(value, view)
        view = self._view = packed
        return view

    def append(self, slots: NDArray[np.int64]) -> None:
        """Add cuts of the pool, in the given order."""
        start, stop = self.n_rows, self.n_rows + len(slots)
        self.make_room(len(slots))
        self._slots[start:stop] = slots
        kernel.append_rows(self.view.block, start, stop)
        self.note_rows(len(slots))

    def make_room(self, n_new: int) -> None:
        """Make room for more rows."""
        start, stop = self.n_rows, self.n_rows + n_new
        if stop > len(self._slots):
            known = self._slots[:start], self._intercepts[:start], self._tree_sides[:, :start]
            self._resize(max(stop, len(self._slots) * 3 // 2, _FIRST_ROWS))
            self._slots[:start], self._intercepts[:start], self._tree_sides[:, :start] = known
        self.entries.make_room(self.capacity - start)

    def note_rows(self, n_new: int) -> None:
        """Count rows that were written behind the last one."""
        self.n_rows += n_new
        self.entries.n_rows += n_new

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Take rows away: those where ``kept`` ``[row]`` is false."""
        rows = np.flatnonzero(kept)
        slots, intercepts, tree_sides = (
            self._slots[rows],
            self._intercepts[rows],
            self._tree_sides[:, rows],
        )
        self._resize(max(len(rows), _FIRST_ROWS))
        self.n_rows = len(rows)
        self._slots[: self.n_rows], self._intercepts[: self.n_rows] = slots, intercepts
        self._tree_sides[:, : self.n_rows] = tree_sides
        self.entries.keep(kept)

    def set_tree(self, noise: kernel.NoiseArrays, weights: OpeningWeights) -> None:
        """Fix the openings of the tree; what they add to each cut is then computed once per cut."""
        self._tree, self._weights = noise, weights
        self._tree_sides = np.empty((len(noise.exogenous), self.capacity))
        if self.n_rows:  # without, nothing of the compiler is loaded
            kernel.append_rows(self.view.block, 0, self.n_rows)
