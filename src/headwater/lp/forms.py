r"""The linear program that is handed to a solver.

It is the canonical template, or the same with everything exogenous taken out.

Once the incoming state ``x`` and the innovation ``w`` are known, lag, commitment and inflow columns
are numbers. Let ``E`` be these columns, ``D`` the decisions, ``F`` the rows that only define ``E``.
Then

    x_E = A_FE^-1 (b_F + C_F x + G_F w)                    values of the exogenous columns
    rl_D + shift <= A_DD x_D <= ru_D + shift               with
    shift = C_D x + G_D w - A_DE x_E                       linear in x and w

Components of the outgoing state that lie in ``E`` move to the right-hand side of cuts. The
condensed form is this for the columns and rows of the inflow equations and of the commitments; the
explicit form is the same with ``E`` empty, so that one code serves both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.arrays import Array, Indices
from headwater.lp.future_cost import future_weights
from headwater.lp.template import StageTemplate
from headwater.model import Formulation


@dataclass(frozen=True)
class StageForm:
    """A solvable program and its linear dependence on incoming state and innovation.

    Objective values and duals are those of the *scaled* program: money divided by ``cost_scale``,
    except for the coefficients of the future cost, whose columns are themselves in scaled money.

    Attributes:
        template: what it was made from.
        cost_scale: money unit of the solver in $.
        money: what is at stake in the study, in $: gaps far below it are of no interest.
        columns, rows: template positions of the columns and rows that are kept.
        matrix: ``[row, column]`` of what is kept, by column.
        cost, column_lower, column_upper: ``[column]``.
        row_lower, row_upper: ``[row]`` for zero state, innovation, load and availability.
        future: ``[column of the future cost]`` positions.
        future_weight: what a unit of each adds to the future cost.
        state_to_rows: ``[row, state]`` shift of both row bounds per unit of incoming state.
        innovation_to_rows: ``[row, hydro]`` the same per m3/s of innovation.
        load_rows: ``[bus, block]`` rows whose bounds are raised by the load.
        availability_rows: ``[source, block]`` rows whose bounds are raised by the availability; -1
            where a source is absent.
        state_column: ``[state]`` kept column of each outgoing component, -1 where it is exogenous.
        exogenous: state components that are exogenous, ascending.
        exogenous_from_state: ``[exogenous, state]``, exogenous_from_innovation:
            ``[exogenous, hydro]``: their outgoing value.
        eliminated: template columns that were taken out.
        eliminated_from_state, eliminated_from_innovation: their values, ``[eliminated, state]`` and
            ``[eliminated, hydro]``.
    """

    template: StageTemplate
    cost_scale: float
    money: float
    columns: Indices
    rows: Indices
    matrix: sp.csc_array
    cost: Array
    column_lower: Array
    column_upper: Array
    row_lower: Array
    row_upper: Array
    future: Indices
    future_weight: Array
    state_to_rows: sp.csr_array
    innovation_to_rows: sp.csr_array
    load_rows: Indices
    availability_rows: Indices
    state_column: Indices
    exogenous: Indices
    exogenous_from_state: sp.csr_array
    exogenous_from_innovation: sp.csr_array
    eliminated: Indices
    eliminated_from_state: sp.csr_array
    eliminated_from_innovation: sp.csr_array

    @property
    def theta(self) -> int:
        """First column of the future cost; the only one without an outlook."""
        return int(self.future[0])

    @property
    def stage_cost(self) -> Array:
        """Cost of every column, ``[column]``, without the future."""
        cost = self.cost.copy()
        cost[self.future] = 0.0
        return cost

    def cut_weights(self, openings: NDArray[np.integer]) -> Array:
        """Coefficients of cuts on the columns of the future cost, ``[cut, future cost column]``.

        Args:
            openings: ``[cut]`` opening whose cost a cut bounds; -1 for the future cost as a whole.
        """
        weights = np.tile(self.future_weight, (len(openings), 1))
        single = np.flatnonzero(openings >= 0)
        weights[single] = 0.0
        weights[single, openings[single]] = 1.0
        return weights

    @property
    def n_columns(self) -> int:
        """Columns of the solved program."""
        return len(self.cost)

    @property
    def n_rows(self) -> int:
        """Rows of the solved program without cuts."""
        return len(self.row_lower)

    def full_primals(self, primal: Array, states: Array, innovation: Array) -> Array:
        """Values of all template columns, ``[trial, column]``.

        Args:
            primal: ``[trial, column]`` solutions of the solved program; money columns stay scaled.
                Columns behind those of the form are left out.
            states: incoming states ``[trial, n_state]``.
            innovation: ``[trial, hydro]``.
        """
        full = np.empty((len(primal), self.template.n_columns))
        full[:, self.columns] = primal[:, : len(self.columns)]
        exogenous = (
            self.eliminated_from_state @ states.T + self.eliminated_from_innovation @ innovation.T
        )
        full[:, self.eliminated] = exogenous.T
        return full

    def row_positions(self, template_rows: Indices) -> Indices:
        """Positions of template rows among the kept rows.

        -1 where a row is absent or was taken out.
        """
        position = np.full(
            self.template.n_static + 1, -1, np.int64
        )  # the last entry serves absent rows (-1)
        position[self.rows] = np.arange(len(self.rows))
        return position[template_rows]


def make_form(
    template: StageTemplate, formulation: Formulation, cost_scale: float, money: float | None = None
) -> StageForm:
    """Make the solvable program of a template.

    Args:
        template: the stage.
        formulation: with or without exogenous columns.
        cost_scale: money unit of the solver in $.
        money: what is at stake in the study in $; ``None`` takes a hundred units.
    """
    money = 100.0 * cost_scale if money is None else money
    if formulation is Formulation.EXPLICIT:
        no_indices = np.empty(0, np.int64)
        return _eliminate(template, no_indices, no_indices, cost_scale, money)
    return _eliminate(template, template.known_columns, template.known_rows, cost_scale, money)


def _eliminate(
    template: StageTemplate, columns: Indices, rows: Indices, cost_scale: float, money: float
) -> StageForm:
    kept_columns = np.setdiff1d(np.arange(template.n_columns), columns)
    kept_rows = np.setdiff1d(np.arange(template.n_static), rows)
    by_row = sp.csr_array(template.matrix)
    injection = _injection(template)
    inverse = _inverse(by_row[rows][:, columns])
    from_state = sp.csr_array(inverse @ template.sensitivity[rows])
    from_innovation = sp.csr_array(inverse @ injection[rows])
    coupling = by_row[kept_rows][:, columns]

    cost = template.cost[kept_columns] / cost_scale
    future = np.searchsorted(kept_columns, template.future)
    cost[future] = template.cost[template.future]
    lower, upper = (
        template.column_lower[kept_columns].copy(),
        template.column_upper[kept_columns].copy(),
    )
    lower[future] /= cost_scale
    upper[future] /= cost_scale

    place = np.full(template.n_columns, -1, np.int64)
    place[kept_columns] = np.arange(len(kept_columns))
    place_eliminated = np.full(template.n_columns, -1, np.int64)
    place_eliminated[columns] = np.arange(len(columns))
    state_column = place[template.out_column]
    exogenous = np.flatnonzero(state_column < 0)
    picked = place_eliminated[template.out_column[exogenous]]

    kept_row_position = np.full(
        template.n_static + 1, -1, np.int64
    )  # the last entry serves absent rows (-1)
    kept_row_position[kept_rows] = np.arange(len(kept_rows))
    return StageForm(
        template=template,
        cost_scale=cost_scale,
        money=money,
        columns=kept_columns,
        rows=kept_rows,
        matrix=_sorted_csc(by_row[kept_rows][:, kept_columns]),
        cost=cost,
        column_lower=lower,
        column_upper=upper,
        row_lower=template.row_lower[kept_rows].copy(),
        row_upper=template.row_upper[kept_rows].copy(),
        future=future,
        future_weight=future_weights(template.outlook),
        state_to_rows=_sorted_csr(template.sensitivity[kept_rows] - coupling @ from_state),
        innovation_to_rows=_sorted_csr(injection[kept_rows] - coupling @ from_innovation),
        load_rows=kept_row_position[template.rows["load"]],
        availability_rows=kept_row_position[template.rows["availability"]],
        state_column=state_column,
        exogenous=exogenous,
        exogenous_from_state=_sorted_csr(from_state[picked]),
        exogenous_from_innovation=_sorted_csr(from_innovation[picked]),
        eliminated=columns,
        eliminated_from_state=_sorted_csr(from_state),
        eliminated_from_innovation=_sorted_csr(from_innovation),
    )


def _injection(template: StageTemplate) -> sp.csr_array:
    """``[row, hydro]``: the innovation is the right-hand side of the inflow equations."""
    n = template.n_hydros
    entries = (np.ones(n), (template.rows["inflow"], np.arange(n)))
    return sp.csr_array(sp.coo_array(entries, shape=(template.n_static, n)))


def _inverse(block: sp.csr_array) -> sp.csr_array:
    """Inverse of the block that defines the exogenous columns.

    Identity plus a nilpotent part, so the series ends.
    """
    n = block.shape[0]
    identity = sp.csr_array(sp.eye_array(n))
    if n == 0:
        return identity
    nilpotent = sp.csr_array(identity - block)
    nilpotent.eliminate_zeros()
    inverse, power = identity, identity
    for _ in range(n):
        power = sp.csr_array(power @ nilpotent)
        power.eliminate_zeros()
        if power.nnz == 0:
            return inverse
        inverse = sp.csr_array(inverse + power)
    raise ArithmeticError("the rows of the exogenous columns do not define them in a chain")


def _sorted_csr(matrix: sp.sparray) -> sp.csr_array:
    result = sp.csr_array(matrix)
    result.eliminate_zeros()
    result.sort_indices()
    return result


def _sorted_csc(matrix: sp.sparray) -> sp.csc_array:
    result = sp.csc_array(matrix)
    result.sort_indices()
    return result
