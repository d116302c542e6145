"""What the trajectories of an iteration leave for the backward pass and for the next iteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.solver import BASIC, Basis, BasisBatch


def runs_of(trajectories: range, wanted: NDArray[np.bool_], longest: int) -> list[range]:
    """Those that are wanted, ``[trajectory]``, as runs of neighbours that are at most so long."""
    runs: list[range] = []
    for k in trajectories:
        if not wanted[k]:
            continue
        if runs and runs[-1].stop == k and len(runs[-1]) < longest:
            runs[-1] = range(runs[-1].start, k + 1)
        else:
            runs.append(range(k, k + 1))
    return runs


class StageBases:
    """A basis per trajectory for one stage; rows of cuts that are born later are slack.

    Attributes:
        known: ``[trajectory]`` whether there is a basis yet.
    """

    def __init__(self, n_trajectories: int, n_columns: int, n_rows: int) -> None:
        self.known = np.zeros(n_trajectories, np.bool_)
        self._columns = np.zeros((n_trajectories, n_columns), np.int32)
        self._rows = np.ones((n_trajectories, n_rows), np.int32)
        self._n_rows = n_rows

    def grow(self, n_rows: int) -> None:
        """Let there be ``n_rows`` rows; not while others read."""
        if n_rows > self._rows.shape[1]:
            self.make_room(max(n_rows, self._rows.shape[1] * 3 // 2))
        self._n_rows = n_rows

    def make_room(self, n_rows: int) -> None:
        """Make room for rows up to ``n_rows``; not while others read."""
        if n_rows > self._rows.shape[1]:
            wider = np.ones((len(self._rows), n_rows), np.int32)
            wider[:, : self._rows.shape[1]] = self._rows
            self._rows = wider

    def are_known(self, trajectories: range) -> bool:
        """Whether each of some trajectories has a basis."""
        return bool(self.known[trajectories.start : trajectories.stop].all())

    def fields(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Statuses ``[trajectory, column]`` and ``[trajectory, row]`` to be read and written.

        Rows that are not in use are included.
        """
        return self._columns, self._rows

    def batch(
        self, trajectories: range, otherwise: Callable[[], Basis] | None = None
    ) -> BasisBatch:
        """Bases of some trajectories, to be read before the next are stored.

        There may be more rows than those in use.

        Args:
            trajectories: which.
            otherwise: gives the basis of trajectories that have none, with all rows; asked only
                when there are such.
        """
        part = slice(trajectories.start, trajectories.stop)
        columns, rows = self._columns[part], self._rows[part]
        if otherwise is not None and not self.known[part].all():
            unknown, basis = ~self.known[part], otherwise()
            columns, rows = columns.copy(), rows.copy()
            columns[unknown], rows[unknown, : len(basis.rows)] = basis.columns, basis.rows
        return BasisBatch(columns, rows)

    def store(
        self, trajectories: range, bases: BasisBatch, wanted: NDArray[np.bool_] | None = None
    ) -> None:
        """Remember bases of some trajectories; of those ``wanted`` alone, where it is given."""
        part: slice | NDArray[np.int64] = slice(trajectories.start, trajectories.stop)
        columns, rows = bases.columns, bases.rows
        if wanted is not None and not wanted.all():
            part = trajectories.start + np.flatnonzero(wanted)
            columns, rows = columns[wanted], rows[wanted]
        self._columns[part], self._rows[part, : self._n_rows] = columns, rows
        self.known[part] = True

    def fill(self, trajectories: range, otherwise: Callable[[], Basis]) -> None:
        """Let those of some trajectories that have no basis start from another one.

        Args:
            trajectories: which.
            otherwise: gives the basis, with all rows; asked only when one has none.
        """
        unknown = [k for k in trajectories if not self.known[k]]
        if unknown:
            basis = otherwise()
            self._columns[unknown] = basis.columns
            self._rows[unknown, : len(basis.rows)] = basis.rows
            self.known[unknown] = True

    def keep(self, n_static: int, kept: NDArray[np.bool_]) -> None:
        """Drop rows of cuts after the ``n_static`` first rows.

        A basis that rests on one of them is forgotten.

        Args:
            n_static: rows that always stay.
            kept: ``[cut row]`` which rows of cuts stay; rows not stored yet count as slack.
        """
        stored = min(self._rows.shape[1] - n_static, len(kept))
        cuts = self._rows[:, n_static : n_static + stored]
        self.known &= (cuts[:, ~kept[:stored]] == BASIC).all(axis=1)
        staying = cuts[:, kept[:stored]]
        self._rows = np.ascontiguousarray(np.hstack([self._rows[:, :n_static], staying]))
        self._n_rows = self._rows.shape[1]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is known, as named arrays to be stored."""
        statuses = {"columns": self._columns, "rows": self._rows[:, : self._n_rows]}
        return {
            "known": self.known.copy(),
            **{name: one.astype(np.uint8) for name, one in statuses.items()},
        }

    def restore(self, known: NDArray[Any], columns: NDArray[Any], rows: NDArray[Any]) -> None:
        """Take over what `arrays` gave.

        Raises:
            ValueError: another number of trajectories or columns, or too few rows.
        """
        expected = (len(self.known), self._columns.shape, len(self._rows))
        if (len(known), columns.shape, len(rows)) != expected or rows.shape[1] < self._rows.shape[
            1
        ]:
            raise ValueError(
                f"bases of {columns.shape} columns and {rows.shape} rows for "
                f"{self._columns.shape} columns"
            )
        self.known, self._columns = known.astype(np.bool_), columns.astype(np.int32)
        self._rows, self._n_rows = rows.astype(np.int32), rows.shape[1]

    def remember(self) -> Callable[[], None]:
        """A function that takes the bases back to what they are now."""
        known, columns, rows, n_rows = (
            self.known.copy(),
            self._columns.copy(),
            self._rows.copy(),
            self._n_rows,
        )

        def undo() -> None:
            self.known, self._columns, self._rows, self._n_rows = known, columns, rows, n_rows

        return undo

    def of(self, trajectory: int, n_rows: int) -> Basis | None:
        """Basis of one trajectory for the first ``n_rows`` rows."""
        if not self.known[trajectory]:
            return None
        return Basis(
            self._columns[trajectory].copy(), self._rows[trajectory, :n_rows].copy()
        ).extended(n_rows)


@dataclass
class TrajectoryStore:
    """States and bases of the trajectories of one iteration.

    And the bases that the next one starts from.

    Attributes:
        states: ``[trajectory, stage, n_state]`` state that *leaves* each stage, at the visit at
            which a cut is made.
        costs: ``[trajectory, visit]`` cost of each visit in $, not discounted.
        future: ``[trajectory]`` what the policy expects to pay after the last visit, in $ of that
            time.
        bases: per stage, the final bases of the forward solves at the visit whose outcome makes a
            cut.
        truncated: ``[trajectory]`` inflows raised to zero.
    """

    states: NDArray[np.float64]
    costs: NDArray[np.float64]
    future: NDArray[np.float64]
    bases: list[StageBases]
    truncated: NDArray[np.int64]

    @classmethod
    def empty(
        cls,
        n_trajectories: int,
        sizes: list[tuple[int, int]],
        n_state: int,
        n_visits: int | None = None,
    ) -> TrajectoryStore:
        """Room for some trajectories; ``sizes`` are rows and columns of every stage's program."""
        return cls(
            states=np.zeros((n_trajectories, len(sizes), n_state)),
            costs=np.zeros((n_trajectories, len(sizes) if n_visits is None else n_visits)),
            future=np.zeros(n_trajectories),
            bases=[StageBases(n_trajectories, n_columns, n_rows) for n_rows, n_columns in sizes],
            truncated=np.zeros(n_trajectories, np.int64),
        )

    def total_costs(
        self, cumulative_discount: NDArray[np.float64], final_discount: float = 0.0
    ) -> NDArray[np.float64]:
        """Present value of each trajectory in $.

        With what the policy expects to pay after its end.
        """
        totals: NDArray[np.float64] = (self.costs * cumulative_discount).sum(axis=1)
        return totals + final_discount * self.future
