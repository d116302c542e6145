"""HiGHS as another program that reads a file of ours, through its C library."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

from headwater.solver.highs_library import highs_library


class ReadByHighs:
    """A model that HiGHS read from a file; to be used in a ``with`` statement."""

    def __init__(self, path: Path) -> None:
        self._highs = highs_library()
        self._highs.Highs_getObjectiveValue.restype = ctypes.c_double
        self._handle = ctypes.c_void_p(self._highs.Highs_create())
        self._highs.Highs_setBoolOptionValue(self._handle, b"output_flag", 0)
        # slopes of cuts may be small in the units of the case: a warning that they are is as good
        assert self._highs.Highs_readModel(self._handle, str(path).encode()) in (0, 1), (
            "HiGHS cannot read the file"
        )

    def __enter__(self) -> ReadByHighs:
        return self

    def __exit__(self, *_: object) -> None:
        self._highs.Highs_destroy(self._handle)

    def run(self) -> float:
        """Solve; returns the optimum."""
        assert self._highs.Highs_run(self._handle) == 0
        return float(self._highs.Highs_getObjectiveValue(self._handle))

    @property
    def n_columns(self) -> int:
        return int(self._highs.Highs_getNumCol(self._handle))

    def has(self, column: str | None = None, row: str | None = None) -> bool:
        """Whether there are a column and a row of these names."""
        position = ctypes.byref(ctypes.c_int())
        return (
            column is None
            or self._highs.Highs_getColByName(self._handle, column.encode(), position) == 0
        ) and (
            row is None or self._highs.Highs_getRowByName(self._handle, row.encode(), position) == 0
        )

    def lower_limit(self, column: int) -> float:
        """Lower limit of a column."""
        count, entries = ctypes.c_int(), ctypes.c_int()
        cost, lower, upper = np.empty(1), np.empty(1), np.empty(1)
        places = (ctypes.c_void_p(a.ctypes.data) for a in (cost, lower, upper))
        code = self._highs.Highs_getColsByRange(
            self._handle,
            column,
            column,
            ctypes.byref(count),
            *places,
            ctypes.byref(entries),
            None,
            None,
            None,
        )
        assert code == 0
        return float(lower[0])

    def basis(self) -> tuple[np.ndarray, np.ndarray]:
        """Statuses of columns and rows."""
        columns = np.empty(self.n_columns, np.int32)
        rows = np.empty(self._highs.Highs_getNumRow(self._handle), np.int32)
        assert (
            self._highs.Highs_getBasis(
                self._handle, *(ctypes.c_void_p(a.ctypes.data) for a in (columns, rows))
            )
            == 0
        )
        return columns, rows

    def start_from(self, columns: np.ndarray, rows: np.ndarray) -> None:
        """Give HiGHS a basis to start from."""
        kept = [np.ascontiguousarray(a, np.int32) for a in (columns, rows)]
        assert (
            self._highs.Highs_setBasis(
                self._handle, *(ctypes.c_void_p(a.ctypes.data) for a in kept)
            )
            == 0
        )

    @property
    def iterations(self) -> int:
        """Simplex iterations of the last run."""
        count = ctypes.c_int()
        self._highs.Highs_getIntInfoValue(
            self._handle, b"simplex_iteration_count", ctypes.byref(count)
        )
        return count.value
