"""The size of a stage program and the range of its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.lp.forms import StageForm
from headwater.lp.program import NamedProgram
from headwater.lp.scaling import Scaling


@dataclass(frozen=True)
class NumberRanges:
    """Smallest and largest absolute value that is neither zero nor infinite.

    Zeros where there is none.

    Attributes:
        coefficient, cost, column_bound, row_bound: of the matrix, the costs, the column and the row
            bounds.
    """

    coefficient: tuple[float, float]
    cost: tuple[float, float]
    column_bound: tuple[float, float]
    row_bound: tuple[float, float]


@dataclass(frozen=True)
class ProgramStatistics:
    """One solved stage program without cuts.

    Attributes:
        rows, columns, nonzeros: its size.
        given: ranges of its numbers in the units of the case, money in $.
        scaled: the same in the units of the solver.
        cost_scale: money unit of the solver in $.
    """

    rows: int
    columns: int
    nonzeros: int
    given: NumberRanges
    scaled: NumberRanges
    cost_scale: float


def program_statistics(form: StageForm, scaling: Scaling) -> ProgramStatistics:
    """Measure the program of a stage."""
    given = NumberRanges(
        coefficient=_range(form.matrix.data),
        cost=_range(form.stage_cost * form.cost_scale),
        column_bound=_range(np.concatenate([form.column_lower, form.column_upper])),
        row_bound=_range(np.concatenate([form.row_lower, form.row_upper])),
    )
    scaled = NumberRanges(
        coefficient=_range(scaling.matrix(form.matrix).data),
        cost=_range(form.stage_cost * scaling.column),
        column_bound=_range(
            np.concatenate([form.column_lower, form.column_upper]) / np.tile(scaling.column, 2)
        ),
        row_bound=_range(
            np.concatenate([form.row_lower, form.row_upper]) * np.tile(scaling.row, 2)
        ),
    )
    return ProgramStatistics(
        form.n_rows, form.n_columns, int(form.matrix.nnz), given, scaled, form.cost_scale
    )


def number_ranges(program: NamedProgram) -> NumberRanges:
    """Ranges of the numbers of a program; money in $."""
    return NumberRanges(
        coefficient=_range(program.matrix.data),
        cost=_range(program.cost),
        column_bound=_range(np.concatenate([program.column_lower, program.column_upper])),
        row_bound=_range(np.concatenate([program.row_lower, program.row_upper])),
    )


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    sizes = np.abs(values[np.isfinite(values) & (values != 0.0)])
    return (float(sizes.min()), float(sizes.max())) if len(sizes) else (0.0, 0.0)
