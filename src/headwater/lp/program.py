"""One stage program as numbers with names: for reading, writing to a file, and explaining."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.lp.forms import StageForm
from headwater.lp.names import column_names, row_names
from headwater.model import System


@dataclass(frozen=True)
class NamedProgram:
    """A linear program with its names, in $.

    ``min cost . x``, ``row_lower <= matrix x <= row_upper``, ``column_lower <= x <= column_upper``.

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
    # an inner approximation has columns and rows behind those of the stage, in which the future
    # cost is in scaled money
    n_more, m_more = form.n_columns - len(form.columns), form.n_rows - len(form.rows)
    in_dollars = np.ones(form.n_columns)
    in_dollars[form.future] = 1.0 / form.cost_scale if n_more else 1.0
    above = sp.csr_array(form.matrix) @ sp.diags_array(in_dollars)
    matrix = sp.csr_array(sp.vstack([above, sp.csr_array(below)]))
    matrix.sort_indices()
    columns, rows = column_names(system, template), row_names(system, template)

    def with_more(of_template: Array, of_form: Array) -> Array:
        return np.concatenate([of_template[form.columns], of_form[len(form.columns) :]])

    lower, upper = (
        with_more(template.column_lower, form.column_lower),
        with_more(template.column_upper, form.column_upper),
    )
    if n_more:
        lower[form.future], upper[form.future] = -np.inf, np.inf
    return NamedProgram(
        title=title,
        columns=(
            *(columns[j] for j in form.columns),
            *(f"vertex_weight[{j}]" for j in range(n_more)),
        ),
        rows=(
            *(rows[i] for i in form.rows),
            *(f"between_vertices[{i}]" for i in range(m_more)),
            *(f"cut[{i}]" for i in range(len(intercepts))),
        ),
        matrix=matrix,
        cost=with_more(template.cost, form.cost),
        column_lower=lower,
        column_upper=upper,
        row_lower=np.concatenate(
            [form.row_lower + shift, intercepts + slopes[:, form.exogenous] @ known]
        ),
        row_upper=np.concatenate([form.row_upper + shift, np.full(len(intercepts), np.inf)]),
    )
