"""One stage as the algorithm sees it: solve it at a state under some noise, read its slope, give it more cuts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.lp import StageForm, StageTemplate
from headwater.model import SolverOptions
from headwater.sddp import stage_kernel as kernel
from headwater.sddp.cuts import CutPool
from headwater.solver import (
    SMALLEST_COEFFICIENT,
    AppendedRows,
    Basis,
    HighsProgram,
    LinearProgram,
    OpeningResults,
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NoiseBatch:
    """The parts of the right-hand sides that come from noise, for several openings.

    Attributes:
        innovation: ``[opening, hydro]`` in m3/s, before any truncation.
        demand_shift: ``[opening, row]`` load and availability part of the row bounds.
        row_shift: ``[opening, row]`` all of it, with the innovation part.
        exogenous: ``[opening, exogenous]`` innovation part of the exogenous outgoing state.
        cut_noise: ``[cut, opening]`` what the innovation adds to each cut's right-hand side; ``None`` to compute it per call.
    """

    innovation: Array
    demand_shift: Array
    row_shift: Array
    exogenous: Array
    cut_noise: Array | None = None


@dataclass(frozen=True)
class Solved:
    """Solutions of a stage at one state.

    Attributes:
        state: incoming state.
        innovation: ``[opening, hydro]`` in m3/s, after truncation.
        truncated: ``[opening, hydro]`` where an inflow was raised to zero; ``None`` where the method never does.
        results: what the solver said, in scaled money.
    """

    state: Array
    innovation: Array
    truncated: NDArray[np.bool_] | None
    results: OpeningResults


class StageProblem:
    """The solvable program of one stage with its cuts. Shared by threads; each solves with a `HighsProgram` of its own.

    Args:
        form: the program.
        pool: cuts that bound the stage's future cost.
        psi: ``[hydro, lag]`` autoregressive coefficients, for truncation.
        truncates: whether negative inflows are raised to zero.
        batched: whether openings are re-optimised together; otherwise one by one, as the reference.
    """

    def __init__(self, form: StageForm, pool: CutPool, psi: Array, *, truncates: bool, batched: bool = True) -> None:
        self.form = form
        self.pool = pool
        self.psi = psi
        self.truncates = truncates
        self.batched = batched
        self.row_slots: NDArray[np.int64] = np.empty(0, np.int64)
        self._cut_intercept = np.empty(0)
        self._cut_exogenous = np.empty((0, len(form.exogenous)))
        self._opening_noise: NoiseBatch | None = None
        self._in_lp = np.flatnonzero(form.state_column >= 0)
        self._cut_columns = np.concatenate([form.state_column[self._in_lp], [form.theta]]).astype(np.int32)
        self.rows = AppendedRows(self._cut_columns)
        self._program = _linear_program(form)
        self.append_cuts(pool.active_slots())

    @property
    def template(self) -> StageTemplate:
        """The canonical program."""
        return self.form.template

    def new_program(self, options: SolverOptions) -> HighsProgram:
        """A solver instance for one thread."""
        return HighsProgram(
            self._program,
            self.rows,
            batched=self.batched,
            max_attempts=options.retry_max_attempts,
            time_budget_seconds=options.retry_time_budget_seconds,
        )

    def noise_batch(self, innovation: Array, load_mw: Array, available_mw: Array) -> NoiseBatch:
        """Prepare the right-hand sides of some openings.

        Args:
            innovation: ``[opening, hydro]`` base plus scaled noise, m3/s.
            load_mw: ``[opening, bus, block]``.
            available_mw: ``[opening, source, block]``.
        """
        form = self.form
        demand_shift = np.zeros((len(innovation), form.n_rows))
        for rows, values in ((form.load_rows, load_mw), (form.availability_rows, available_mw)):
            held = rows >= 0
            demand_shift[:, rows[held]] = values[:, :, : rows.shape[1]][:, held]
        row_shift, exogenous = self._innovation_parts(innovation)
        return NoiseBatch(innovation, demand_shift, demand_shift + row_shift, exogenous)

    def set_openings(self, innovation: Array, load_mw: Array, available_mw: Array) -> None:
        """Fix the openings of the stage's tree; what they add to each cut is then computed once per cut."""
        batch = self.noise_batch(innovation, load_mw, available_mw)
        self._opening_noise = _with_cut_noise(batch, kernel.dense_products(self._cut_exogenous, batch.exogenous))

    @property
    def openings(self) -> NoiseBatch:
        """The openings of the stage's tree."""
        if self._opening_noise is None:
            raise RuntimeError("the stage has no openings yet")
        return self._opening_noise

    def append_cuts(self, slots: NDArray[np.int64]) -> None:
        """Turn cuts of the pool into rows, in the given order."""
        if not len(slots):
            return
        form, scale = self.form, self.form.cost_scale
        coefficients = self.pool.coefficients[slots] / scale
        coefficients[np.abs(coefficients) <= SMALLEST_COEFFICIENT] = 0.0
        block = np.empty((len(slots), len(self._cut_columns)))
        block[:, :-1] = -coefficients[:, self._in_lp]
        block[:, -1] = 1.0
        self.rows.append(block)
        self.row_slots = np.concatenate([self.row_slots, slots])
        new_exogenous = np.ascontiguousarray(coefficients[:, form.exogenous])
        self._cut_intercept = np.concatenate([self._cut_intercept, self.pool.intercepts[slots] / scale])
        self._cut_exogenous = np.concatenate([self._cut_exogenous, new_exogenous])
        if self._opening_noise is not None and self._opening_noise.cut_noise is not None:
            grown = kernel.dense_products(new_exogenous, self._opening_noise.exogenous)
            known = self._opening_noise.cut_noise
            self._opening_noise = _with_cut_noise(self._opening_noise, np.concatenate([known, grown]))

    def solve(
        self,
        program: HighsProgram,
        state: Array,
        noise: NoiseBatch,
        basis: Basis | None,
        *,
        want_primal: bool = False,
    ) -> Solved:
        """Solve the stage at ``state`` under every opening of ``noise``.

        Args:
            program: the calling thread's instance, with all rows loaded.
            state: ``[n_state]`` incoming state.
            noise: openings.
            basis: where to start.
            want_primal: whether primal values are needed.
        """
        form = self.form
        innovation, truncated, row_shift, exogenous, cut_noise = (
            noise.innovation,
            None,
            noise.row_shift,
            noise.exogenous,
            noise.cut_noise,
        )
        if self.truncates:
            innovation, truncated = self.truncate(state, noise.innovation)
            if truncated.any():
                inflow_shift, exogenous = self._innovation_parts(innovation)
                row_shift, cut_noise = noise.demand_shift + inflow_shift, None
        if cut_noise is None:
            cut_noise = kernel.dense_products(self._cut_exogenous, exogenous)
        lowers, uppers = kernel.row_bounds(
            form.row_lower,
            form.row_upper,
            _product(form.state_to_rows, state),
            row_shift,
            self._cut_intercept,
            self._cut_exogenous,
            _product(form.exogenous_from_state, state),
            cut_noise,
        )
        results = program.solve_openings(lowers, uppers, basis, want_primal=want_primal)
        return Solved(state, innovation, truncated, results)

    def slope(self, solved: Solved, weights: Array) -> Array:
        """Gradient of the weighted optimal value with respect to the incoming state, ``[n_state]`` in $ per unit.

        All duals act: rows through the way the state enters their bounds, cuts through the exogenous outgoing state. The inflow
        of a truncated opening does not depend on the lags, so its part is taken out again.
        """
        gradient = self._gradient(kernel.weighted_duals(weights, solved.results.row_dual))
        if solved.truncated is not None and solved.truncated.any():
            for w in np.flatnonzero(solved.truncated.any(axis=1)):
                value = self._innovation_gradient(weights[w] * solved.results.row_dual[w])
                value[~solved.truncated[w]] = 0.0
                gradient -= self._lag_part(value)
        return gradient * self.form.cost_scale

    def objective(self, solved: Solved) -> Array:
        """Optimal values, ``[opening]`` in $."""
        return solved.results.objective * self.form.cost_scale

    def outgoing_state(self, solved: Solved, opening: int = 0) -> Array:
        """State that leaves the stage, ``[n_state]``; storage is kept within its bounds against round-off."""
        form = self.form
        state = np.empty(form.template.n_state)
        columns = form.state_column[self._in_lp]
        values = solved.results.primal[opening, columns]
        state[self._in_lp] = np.clip(values, form.column_lower[columns], form.column_upper[columns])
        state[form.exogenous] = _product(form.exogenous_from_state, solved.state) + _product(
            form.exogenous_from_innovation, solved.innovation[opening]
        )
        return state

    def immediate_cost(self, solved: Solved, opening: int = 0) -> float:
        """Cost of the stage itself in $, without the future."""
        primal = solved.results.primal[opening]
        total = float(kernel.dot(self.form.cost, primal)) - self.form.template.discount * primal[self.form.theta]
        return float(total * self.form.cost_scale)

    def binding_counts(self, solved: Solved, tolerance: float) -> NDArray[np.int64]:
        """In how many openings each cut row was binding, ``[cut row]``."""
        counts: NDArray[np.int64] = kernel.count_binding(solved.results.row_dual[:, self.form.n_rows :], tolerance)
        return counts

    def _gradient(self, duals: Array) -> Array:
        form = self.form
        gradient = np.zeros(form.template.n_state)
        _add_transpose_product(form.state_to_rows, duals[: form.n_rows], gradient)
        pull = kernel.cut_pull(duals[form.n_rows :], self._cut_exogenous)
        _add_transpose_product(form.exogenous_from_state, pull, gradient)
        return gradient

    def _innovation_gradient(self, duals: Array) -> Array:
        form = self.form
        gradient = np.zeros(form.template.n_hydros)
        _add_transpose_product(form.innovation_to_rows, duals[: form.n_rows], gradient)
        pull = kernel.cut_pull(duals[form.n_rows :], self._cut_exogenous)
        _add_transpose_product(form.exogenous_from_innovation, pull, gradient)
        return gradient

    def _lag_part(self, per_inflow: Array) -> Array:
        n = self.form.template.n_hydros
        part = np.zeros(self.form.template.n_state)
        for lag in range(self.psi.shape[1]):
            part[n * (1 + lag) : n * (2 + lag)] = per_inflow * self.psi[:, lag]
        return part

    def truncate(self, state: Array, innovation: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Innovations ``[opening, hydro]`` with negative inflows raised to zero, and where that was done."""
        n = self.form.template.n_hydros
        lag_term = np.zeros(n)
        for lag in range(self.psi.shape[1]):
            lag_term += self.psi[:, lag] * state[n * (1 + lag) : n * (2 + lag)]
        truncated = innovation + lag_term < 0.0
        return np.where(truncated, -lag_term, innovation), truncated

    def _innovation_parts(self, innovation: Array) -> tuple[Array, Array]:
        rows = np.array([_product(self.form.innovation_to_rows, w) for w in innovation])
        exogenous = np.array([_product(self.form.exogenous_from_innovation, w) for w in innovation])
        n_openings = len(innovation)
        return rows.reshape(n_openings, self.form.n_rows), exogenous.reshape(n_openings, len(self.form.exogenous))


def _product(matrix: object, x: Array) -> Array:
    result: Array = kernel.sparse_product(matrix.indptr, matrix.indices, matrix.data, x)  # type: ignore[attr-defined]
    return result


def _add_transpose_product(matrix: object, y: Array, out: Array) -> None:
    kernel.add_sparse_transpose_product(matrix.indptr, matrix.indices, matrix.data, y, out)  # type: ignore[attr-defined]


def _with_cut_noise(batch: NoiseBatch, cut_noise: Array) -> NoiseBatch:
    return NoiseBatch(batch.innovation, batch.demand_shift, batch.row_shift, batch.exogenous, cut_noise)


def _linear_program(form: StageForm) -> LinearProgram:
    matrix = form.matrix.copy()
    matrix.data[np.abs(matrix.data) <= SMALLEST_COEFFICIENT] = 0.0
    matrix.eliminate_zeros()
    return LinearProgram(
        starts=matrix.indptr.astype(np.int32),
        indices=matrix.indices.astype(np.int32),
        values=np.ascontiguousarray(matrix.data),
        cost=form.cost,
        column_lower=form.column_lower,
        column_upper=form.column_upper,
        row_lower=form.row_lower,
        row_upper=form.row_upper,
    )
