"""The size of a stage program and the range of its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.lp.forms import StageForm


@dataclass(frozen=True)
class ProgramStatistics:
    """One solved stage program without cuts.

    Attributes:
        rows, columns, nonzeros: its size.
        coefficient_range, cost_range, bound_range, rhs_range: smallest and largest absolute value that is neither zero nor
            infinite, of the matrix, of the costs in solver money, of the column bounds, of the row bounds; zeros without any.
    """

    rows: int
    columns: int
    nonzeros: int
    coefficient_range: tuple[float, float]
    cost_range: tuple[float, float]
    bound_range: tuple[float, float]
    rhs_range: tuple[float, float]


def program_statistics(form: StageForm) -> ProgramStatistics:
    """Measure the program of a stage."""
    return ProgramStatistics(
        rows=form.n_rows,
        columns=form.n_columns,
        nonzeros=int(form.matrix.nnz),
        coefficient_range=_range(form.matrix.data),
        cost_range=_range(form.cost),
        bound_range=_range(np.concatenate([form.column_lower, form.column_upper])),
        rhs_range=_range(np.concatenate([form.row_lower, form.row_upper])),
    )


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    sizes = np.abs(values[np.isfinite(values) & (values != 0.0)])
    return (float(sizes.min()), float(sizes.max())) if len(sizes) else (0.0, 0.0)
