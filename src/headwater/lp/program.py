"""One stage program as numbers with names: for reading, writing to a file, and explaining."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.lp.forms import StageForm
from headwater.lp.names import column_names, row_names
from headwater.model import System

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NamedProgram:
    """``min cost . x``, ``row_lower <= matrix x <= row_upper``, ``column_lower <= x <= column_upper``; money in $.

    Attributes:
        title: what it is, in one line.
        columns, rows: names.
        matrix: ``[row, column]`` by row.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    matrix: sp.csr_array
    cost: Array
    column_lower: Array
    column_upper: Array
    row_lower: Array
    row_upper: Array

    def __repr__(self) -> str:
        return f"<NamedProgram: {self.title}; {len(self.rows)} rows, {len(self.columns)} columns>"


def named_program(
    system: System,
    form: StageForm,
    *,
    state: Array,
    innovation: Array,
    demand_shift: Array,
    intercepts: Array,
    slopes: Array,
    openings: NDArray[np.integer],
    title: str,
) -> NamedProgram:
    """The program of a stage for one incoming state and one noise.

    Args:
        system: the power system.
        form: the solvable program of the stage.
        state: ``[n_state]`` incoming state.
        innovation: ``[hydro]`` in m3/s.
        demand_shift: ``[row]`` what load and availability add to the row bounds.
        intercepts: ``[cut]`` in $.
        slopes: ``[cut, n_state]`` in $ per unit of the outgoing state.
        openings: ``[cut]`` opening whose cost each bounds, -1 for the future cost as a whole.
        title: what it is, in one line.
    """
    template = form.template
    shift = form.state_to_rows @ state + form.innovation_to_rows @ innovation + demand_shift
    known = form.exogenous_from_state @ state + form.exogenous_from_innovation @ innovation
    below = np.zeros((len(intercepts), form.n_columns))
    below[:, form.future] = form.cut_weights(openings)
    decided = np.flatnonzero(form.state_column >= 0)
    below[:, form.state_column[decided]] -= slopes[:, decided]
    matrix = sp.csr_array(sp.vstack([sp.csr_array(form.matrix), sp.csr_array(below)]))
    matrix.sort_indices()
    columns, rows = column_names(system, template), row_names(system, template)
    return NamedProgram(
        title=title,
        columns=tuple(columns[j] for j in form.columns),
        rows=(*(rows[i] for i in form.rows), *(f"cut[{i}]" for i in range(len(intercepts)))),
        matrix=matrix,
        cost=template.cost[form.columns],
        column_lower=template.column_lower[form.columns],
        column_upper=template.column_upper[form.columns],
        row_lower=np.concatenate([form.row_lower + shift, intercepts + slopes[:, form.exogenous] @ known]),
        row_upper=np.concatenate([form.row_upper + shift, np.full(len(intercepts), np.inf)]),
    )
