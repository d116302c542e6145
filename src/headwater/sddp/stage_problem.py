"""One stage as the algorithm sees it: solve it at a state under some noise, read its slope, give it more cuts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.errors import SolverError
from headwater.lp import StageForm, StageTemplate
from headwater.model import SolverOptions
from headwater.sddp import stage_kernel as kernel
from headwater.sddp.cut_rows import CutRows
from headwater.sddp.cuts import CutPool
from headwater.solver import (
    SMALLEST_COEFFICIENT,
    AppendedRows,
    Basis,
    BasisBatch,
    HighsProgram,
    KernelScratch,
    LinearProgram,
    OpeningResults,
    TrialBounds,
    TrialResults,
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
    """

    innovation: Array
    demand_shift: Array
    row_shift: Array
    exogenous: Array

    def taken(self, openings: NDArray[np.int64]) -> NoiseBatch:
        """Some of the openings, in the order given; one may be taken several times."""
        return NoiseBatch(
            self.innovation[openings], self.demand_shift[openings], self.row_shift[openings], self.exogenous[openings]
        )


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


@dataclass(frozen=True)
class SolvedTrials:
    """Solutions of a stage at several states.

    Attributes:
        states: ``[trial, n_state]`` incoming states.
        innovation: ``[trial, hydro]`` in m3/s after truncation, where every trial has one opening of its own; else the
            openings of the tree ``[opening, hydro]`` before any truncation.
        truncated: ``[trial, hydro]`` for trials with openings of their own; ``None`` where the method never truncates.
        results: what the solver said, in scaled money.
        one_by_one: for the tree under truncation, where right-hand sides depend on trial and opening together, each trial.
        productivity: ``[trial, hydro]`` where it followed storage, NaN elsewhere; ``None`` where it was constant.
    """

    states: Array
    innovation: Array
    truncated: NDArray[np.bool_] | None
    results: TrialResults
    one_by_one: tuple[Solved, ...] | None = None
    productivity: Array | None = None


class StageProblem:
    """The solvable program of one stage with its cuts. Shared by threads; each solves with a `HighsProgram` of its own.

    Args:
        form: the program.
        pool: cuts that bound the stage's future cost.
        psi: ``[hydro, lag]`` autoregressive coefficients, for truncation; zero for accumulators.
        truncates: whether negative inflows are raised to zero.
        batched: whether openings are re-optimised together; otherwise one by one, as the reference.
        slots: cuts that the program starts with, ascending; ``None`` takes the active ones.
    """

    def __init__(
        self,
        form: StageForm,
        pool: CutPool,
        psi: Array,
        *,
        truncates: bool,
        batched: bool = True,
        slots: NDArray[np.int64] | None = None,
    ) -> None:
        self.form = form
        self.pool = pool
        self.psi = psi
        self.truncates = truncates
        self.batched = batched
        self._cuts = CutRows(pool, form.exogenous, form.cost_scale)
        self._opening_noise: NoiseBatch | None = None
        self._in_lp = np.flatnonzero(form.state_column >= 0)
        self._cut_columns = np.concatenate([form.state_column[self._in_lp], form.future]).astype(np.int32)
        self._stage_cost = form.stage_cost
        self.rows = AppendedRows(self._cut_columns)
        self._program = _linear_program(form)
        self.append_cuts(pool.active_slots() if slots is None else slots)

    @property
    def template(self) -> StageTemplate:
        """The canonical program."""
        return self.form.template

    def new_program(self, options: SolverOptions, scratch: KernelScratch | None = None) -> HighsProgram:
        """A solver instance for one thread, with the working memory that its programs share."""
        return HighsProgram(
            self._program,
            self.rows,
            batched=self.batched,
            scratch=scratch,
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
        self._opening_noise = self.noise_batch(innovation, load_mw, available_mw)
        self._cuts.set_tree(self._opening_noise.exogenous)

    @property
    def n_rows(self) -> int:
        """Rows of the program with all cuts."""
        return self.form.n_rows + self.rows.n_rows

    @property
    def row_slots(self) -> NDArray[np.int64]:
        """Slots of the cuts that are rows of the program, ``[cut row]``."""
        return self._cuts.slots

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
        block = np.empty((len(slots), len(self._cut_columns)))
        block[:, : len(self._in_lp)] = self.pool.coefficients[np.ix_(slots, self._in_lp)] / -self.form.cost_scale
        block[:, len(self._in_lp) :] = self.form.cut_weights(self.pool.opening[slots])
        self.rows.append(block)
        self._cuts.append(slots)

    def with_cuts(self, slots: NDArray[np.int64]) -> StageProblem:
        """A problem of its own on the same pool, with the rows of some of its cuts, active or not."""
        twin = StageProblem(self.form, self.pool, self.psi, truncates=self.truncates, batched=self.batched, slots=slots)
        twin._opening_noise = self.openings
        twin._cuts.set_tree(self.openings.exogenous)
        return twin

    def drop_inactive_cuts(self) -> NDArray[np.bool_]:
        """Take the rows of deactivated cuts out of the program; returns which of the rows of cuts stayed, ``[cut row]``."""
        kept: NDArray[np.bool_] = self.pool.active[self.row_slots]
        if kept.all():
            return kept
        self.rows.keep(kept)
        self._cuts.keep(kept)
        return kept

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
        innovation, truncated, row_shift, exogenous = noise.innovation, None, noise.row_shift, noise.exogenous
        of_tree = noise is self._opening_noise
        if self.truncates:
            innovation, truncated = self.truncate(state, noise.innovation)
            if truncated.any():
                inflow_shift, exogenous = self._innovation_parts(innovation)
                row_shift, of_tree = noise.demand_shift + inflow_shift, False
        lowers, uppers = kernel.row_bounds(
            form.row_lower,
            form.row_upper,
            _product(form.state_to_rows, state),
            row_shift,
            self._cuts.sides(_product(form.exogenous_from_state, state)[None, :])[0],
            self._cuts.tree_sides if of_tree else self._cuts.added(exogenous),
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

    def solve_each(
        self, program: HighsProgram, states: Array, noise: NoiseBatch, bases: BasisBatch, *, want_primal: bool = True
    ) -> SolvedTrials:
        """Solve several trials, trial ``k`` at ``states[k]`` under opening ``k`` of ``noise``.

        Args:
            program: the calling thread's instance, with all rows loaded.
            states: ``[trial, n_state]``.
            noise: one opening per trial.
            bases: where each trial starts.
            want_primal: whether primal values are needed.
        """
        form = self.form
        innovation, truncated, row_shift, exogenous = noise.innovation, None, noise.row_shift, noise.exogenous
        if self.truncates:
            pairs = [self.truncate(state, noise.innovation[k : k + 1]) for k, state in enumerate(states)]
            innovation, truncated = np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
            inflow_shift, exogenous = self._innovation_parts(innovation)
            row_shift = noise.demand_shift + inflow_shift
        bounds = TrialBounds(
            trial_shift=_products(form.state_to_rows, states) + row_shift,
            opening_shift=np.zeros((1, form.n_rows)),
            trial_cut=self._cuts.sides(_products(form.exogenous_from_state, states) + exogenous),
            opening_cut=np.zeros((1, self._cuts.n_rows)),
        )
        return SolvedTrials(states, innovation, truncated, program.solve_trials(bounds, bases, want_primal=want_primal))

    def solve_tree(self, program: HighsProgram, states: Array, bases: BasisBatch) -> SolvedTrials:
        """Solve several trials, each at its state under every opening of the stage's tree."""
        form, noise = self.form, self.openings
        if self.truncates:
            solved: list[Solved] = []
            for k, state in enumerate(states):
                try:
                    solved.append(self.solve(program, state, noise, Basis(bases.columns[k], bases.rows[k])))
                except SolverError as error:
                    error.trial = k
                    raise
            return SolvedTrials(states, noise.innovation, None, _joined(tuple(solved)), tuple(solved))
        bounds = TrialBounds(
            trial_shift=_products(form.state_to_rows, states),
            opening_shift=noise.row_shift,
            trial_cut=self._cuts.sides(_products(form.exogenous_from_state, states)),
            opening_cut=self._cuts.tree_sides,
        )
        return SolvedTrials(states, noise.innovation, None, program.solve_trials(bounds, bases))

    def trial_objectives(self, solved: SolvedTrials) -> Array:
        """Optimal values, ``[trial, opening]`` in $."""
        return solved.results.objective * self.form.cost_scale

    def slopes(self, solved: SolvedTrials, weights: Array) -> Array:
        """`slope` for several trials, ``[trial, n_state]``.

        Args:
            solved: trials.
            weights: ``[trial, opening]``.
        """
        if solved.one_by_one is not None:
            return np.array([self.slope(one, weights[k]) for k, one in enumerate(solved.one_by_one)])
        form = self.form
        gradient: Array = kernel.gradients(
            weights,
            solved.results.row_dual,
            form.n_rows,
            *_parts(form.state_to_rows),
            self._cuts.pulls(weights, solved.results.row_dual),
            *_parts(form.exogenous_from_state),
            form.template.n_state,
        )
        return gradient * form.cost_scale

    def outgoing_states(self, solved: SolvedTrials) -> Array:
        """States that leave the stage, ``[trial, n_state]``; storage is kept within its bounds against round-off."""
        form = self.form
        states: Array = kernel.outgoing_states(
            solved.states,
            solved.innovation,
            solved.results.primal[:, 0],
            self._in_lp,
            form.state_column[self._in_lp],
            form.column_lower,
            form.column_upper,
            form.exogenous,
            *_parts(form.exogenous_from_state),
            *_parts(form.exogenous_from_innovation),
        )
        return states

    def immediate_costs(self, solved: SolvedTrials) -> Array:
        """Cost of the stage itself in $, without the future, ``[trial]``."""
        costs: Array = kernel.costs_of(self._stage_cost, solved.results.primal[:, 0])
        return costs * self.form.cost_scale

    def future_costs(self, solved: SolvedTrials) -> Array:
        """Cost in $ that the policy expects after the stage, seen from its end, ``[trial]``."""
        future: Array = kernel.costs_of(self.form.future_weight, solved.results.primal[:, 0][:, self.form.future])
        return future * self.form.cost_scale

    def add_binding_counts(self, solved: SolvedTrials, tolerance: float, counts: NDArray[np.int64]) -> None:
        """Add to ``counts[cut row]`` in how many (trial, opening) pairs each cut was binding."""
        kernel.add_binding(solved.results.row_dual, self.form.n_rows, tolerance, counts)

    def binding_counts(self, solved: Solved, tolerance: float) -> NDArray[np.int64]:
        """In how many openings each cut row was binding, ``[cut row]``."""
        counts: NDArray[np.int64] = kernel.count_binding(solved.results.row_dual[:, self.form.n_rows :], tolerance)
        return counts

    def _gradient(self, duals: Array) -> Array:
        form = self.form
        gradient = np.zeros(form.template.n_state)
        _add_transpose_product(form.state_to_rows, duals[: form.n_rows], gradient)
        pull = self._cuts.pull(duals[form.n_rows :])
        _add_transpose_product(form.exogenous_from_state, pull, gradient)
        return gradient

    def _innovation_gradient(self, duals: Array) -> Array:
        form = self.form
        gradient = np.zeros(form.template.n_hydros)
        _add_transpose_product(form.innovation_to_rows, duals[: form.n_rows], gradient)
        pull = self._cuts.pull(duals[form.n_rows :])
        _add_transpose_product(form.exogenous_from_innovation, pull, gradient)
        return gradient

    def _lag_part(self, per_inflow: Array) -> Array:
        n = self.form.template.n_hydros
        part = np.zeros(self.form.template.n_state)
        for lag in range(self.form.template.n_past_inflows):
            part[n * (1 + lag) : n * (2 + lag)] = per_inflow * self.psi[:, lag]
        return part

    def truncate(self, state: Array, innovation: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Innovations ``[opening, hydro]`` with negative inflows raised to zero, and where that was done."""
        n = self.form.template.n_hydros
        lag_term = np.zeros(n)
        for lag in range(self.form.template.n_past_inflows):
            lag_term += self.psi[:, lag] * state[n * (1 + lag) : n * (2 + lag)]
        truncated = innovation + lag_term < 0.0
        return np.where(truncated, -lag_term, innovation), truncated

    def _innovation_parts(self, innovation: Array) -> tuple[Array, Array]:
        rows = _products(self.form.innovation_to_rows, innovation)
        return rows, _products(self.form.exogenous_from_innovation, innovation)


def _product(matrix: object, x: Array) -> Array:
    result: Array = kernel.sparse_product(matrix.indptr, matrix.indices, matrix.data, x)  # type: ignore[attr-defined]
    return result


def _products(matrix: object, vectors: Array) -> Array:
    result: Array = kernel.sparse_products(*_parts(matrix), vectors)
    return result


def _parts(matrix: object) -> tuple[NDArray[np.int32], NDArray[np.int32], Array]:
    return matrix.indptr, matrix.indices, matrix.data  # type: ignore[attr-defined]


def _joined(solved: tuple[Solved, ...]) -> TrialResults:
    results = [one.results for one in solved]
    return TrialResults(
        objective=np.array([r.objective for r in results]),
        row_dual=np.array([r.row_dual for r in results]),
        primal=np.empty((0, 0, 0)),
        bases=BasisBatch(np.array([r.basis.columns for r in results]), np.array([r.basis.rows for r in results])),
        retries=sum(r.retries for r in results),
        relaxed=np.array([r.relaxed for r in results]),
        fallbacks=sum(r.fallbacks for r in results),
        pivots=sum(r.pivots for r in results),
    )


def _add_transpose_product(matrix: object, y: Array, out: Array) -> None:
    kernel.add_sparse_transpose_product(matrix.indptr, matrix.indices, matrix.data, y, out)  # type: ignore[attr-defined]


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
