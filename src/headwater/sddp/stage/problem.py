"""One stage as the algorithm sees it.

Solve it at a state under some noise, read its slope, give it more cuts.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.core.choices import RiskMeasure
from headwater.lp import Scaling, StageForm, StageTemplate, scaling_of
from headwater.model import SolverOptions
from headwater.sddp.cuts.pool import CutPool
from headwater.sddp.cuts.risk import OpeningWeights
from headwater.sddp.kernels import cut_kernel
from headwater.sddp.kernels import trial_kernel as kernel
from headwater.sddp.stage.batches import NewCuts, NoiseBatch, Solved, SolvedTrials
from headwater.sddp.stage.cut_rows import CutRows
from headwater.sddp.stage.scaled_form import (
    bounds_of_openings,
    noise_of,
    scaled_program,
    stage_arrays,
)
from headwater.solver import (
    NOT_PROVEN,
    AppendedRows,
    Basis,
    BasisBatch,
    HighsProgram,
    KernelScratch,
    TrialResults,
    TrialSolutions,
)
from headwater.solver.packing_kernel import Packed

_NONE = np.empty(0, np.int64)


class StageProblem:
    """The solvable program of one stage with its cuts.

    Shared by threads; each solves with a `HighsProgram` of its own.

    Args:
        form: the program.
        pool: cuts that bound the stage's future cost.
        psi: ``[hydro, lag]`` autoregressive coefficients, for truncation; zero for accumulators.
        truncates: whether negative inflows are raised to zero.
        batched: whether openings are re-optimised together; otherwise one by one, as the reference.
        slots: cuts that the program starts with, ascending; ``None`` takes the active ones.
        scaling: units of the solver; ``None`` chooses them.
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
        scaling: Scaling | None = None,
    ) -> None:
        self.form = form
        self.pool = pool
        self.psi = psi
        self.truncates = truncates
        self.batched = batched
        self.scaling = scaling_of(form) if scaling is None else scaling
        self._arrays = stage_arrays(form, self.scaling, psi, truncates=truncates)
        self._program = scaled_program(form, self.scaling)
        self._cuts = CutRows(pool, self._arrays, self._program)
        self._opening_noise: NoiseBatch | None = None
        self._weights: OpeningWeights | None = None
        self.append_cuts(pool.active_slots() if slots is None else slots)

    @property
    def template(self) -> StageTemplate:
        """The canonical program."""
        return self.form.template

    def new_program(
        self, options: SolverOptions, scratch: KernelScratch | None = None
    ) -> HighsProgram:
        """A solver instance for one thread, with the working memory that its programs share."""
        return HighsProgram(
            self._program,
            self.rows,
            batched=self.batched,
            scratch=scratch,
            max_attempts=options.retry_max_attempts,
            time_budget_seconds=options.retry_time_budget_seconds,
        )

    def kernel_sizes(self, n_cuts: int) -> tuple[int, int, int, int, int]:
        """Sizes of the program with so many rows of cuts, see `KernelScratch.of`."""
        program = self._program
        return (
            program.n_columns,
            program.n_rows,
            n_cuts,
            len(self.rows.columns),
            len(program.values),
        )

    def noise_batch(
        self,
        innovation: Array,
        load_mw: Array,
        available_mw: Array,
        factor: Array | None = None,
    ) -> NoiseBatch:
        """Prepare the right-hand sides of some openings.

        Args:
            innovation: ``[opening, hydro]`` inflow without its lag term, m3/s.
            load_mw: ``[opening, bus, block]``.
            available_mw: ``[opening, source, block]``.
            factor: ``[opening, hydro]`` that the lag term is multiplied by, where it is at all.
        """
        return noise_of(
            self.form, self.scaling, self._arrays, innovation, load_mw, available_mw, factor
        )

    def set_openings(self, noise: NoiseBatch, probability: Array, risk: RiskMeasure) -> None:
        """Fix the openings of the stage's tree.

        What they add to each cut is then computed once per cut.

        Args:
            noise: openings.
            probability: ``[opening]``.
            risk: weighs their costs.
        """
        self._opening_noise, self._weights = (
            noise,
            OpeningWeights(risk, probability, self.form.cost_scale),
        )
        self._cuts.set_tree(noise.arrays(), self._weights)

    @property
    def rows(self) -> AppendedRows:
        """The cuts as rows of the program."""
        return self._cuts.entries

    @property
    def view(self) -> Packed:
        """The stage as compiled code sees it; another one when an array has moved."""
        return self._cuts.view

    def make_room(self, n_cuts: int) -> None:
        """Make room for more cuts, in the pool and as rows."""
        self.pool.make_room(n_cuts)
        self._cuts.make_room(n_cuts)

    @property
    def room_for_cuts(self) -> int:
        """Rows of cuts that there is room for."""
        return self._cuts.capacity

    def note_rows(self, n_cuts: int) -> None:
        """Count rows of cuts that compiled code wrote behind the last one."""
        self._cuts.note_rows(n_cuts)

    @property
    def n_rows(self) -> int:
        """Rows of the program with all cuts."""
        return self.form.n_rows + self._cuts.n_rows

    @property
    def row_slots(self) -> NDArray[np.int64]:
        """Slots of the cuts that are rows of the program, ``[cut row]``."""
        return self._cuts.slots

    @property
    def opening_weights(self) -> OpeningWeights:
        """How the costs of the openings of the stage's tree are weighed."""
        if self._weights is None:
            raise RuntimeError("the stage has no openings yet")
        return self._weights

    @property
    def openings(self) -> NoiseBatch:
        """The openings of the stage's tree."""
        if self._opening_noise is None:
            raise RuntimeError("the stage has no openings yet")
        return self._opening_noise

    def append_cuts(self, slots: NDArray[np.int64]) -> None:
        """Turn cuts of the pool into rows, in the given order."""
        if len(slots):
            self._cuts.append(slots)

    def with_cuts(self, slots: NDArray[np.int64]) -> StageProblem:
        """A problem of its own on the same pool.

        With the rows of some of its cuts, active or not.
        """
        twin = StageProblem(
            self.form,
            self.pool,
            self.psi,
            truncates=self.truncates,
            batched=self.batched,
            slots=slots,
            scaling=self.scaling,
        )
        weights = self.opening_weights
        twin.set_openings(self.openings, weights.probability, weights.measure)
        return twin

    def doubtful_rows(self) -> NDArray[np.int64]:
        """Rows of cuts that may be wrong, ascending, the first cut being 0."""
        if not self.pool.any_unproven:
            return _NONE
        return np.flatnonzero(self.pool.unproven[self.row_slots])

    def drop_inactive_cuts(self) -> NDArray[np.bool_]:
        """Take the rows of deactivated cuts out of the program.

        Returns which of the rows of cuts stayed, ``[cut row]``.
        """
        kept: NDArray[np.bool_] = self.pool.active[self.row_slots]
        if not kept.all():
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
        room, of_tree = self._trial_room(len(noise)), noise is self._opening_noise
        lowers, uppers = bounds_of_openings(
            self._cuts.view, self._cuts.n_rows, noise, state, of_tree, room
        )
        return Solved(
            state, noise, program.solve_openings(lowers, uppers, basis, want_primal=want_primal)
        )

    def _trial_room(self, n_openings: int) -> kernel.TrialRoom:
        form = self.form
        return kernel.trial_room(
            n_openings, form.n_rows, self._cuts.n_rows, len(form.exogenous), form.template.n_hydros
        )

    def slope(self, solved: Solved, weights: Array) -> Array:
        """Gradient of the weighted optimal value, ``[n_state]`` in $ per unit.

        The gradient is with respect to the incoming state.

        All duals act: rows through the way the state enters their bounds, cuts through the
        exogenous outgoing state. The inflow of a truncated opening does not depend on the lags, so
        its part is taken out again.
        """
        row_dual = solved.results.row_dual[None, :]
        slope: Array = self._slopes(
            solved.noise.arrays(), solved.state[None, :], weights[None, :], row_dual
        )[0]
        return slope

    def objective(self, solved: Solved) -> Array:
        """Optimal values, ``[opening]`` in $."""
        return solved.results.objective * self.form.cost_scale

    def solve_each(
        self,
        program: HighsProgram,
        states: Array,
        noise: NoiseBatch,
        bases: BasisBatch,
        *,
        openings: NDArray[np.int64] | None = None,
    ) -> SolvedTrials:
        """Solve several trials, each under an opening of its own, with primal values.

        Trial ``k`` is at ``states[k]``.

        Args:
            program: the calling thread's instance, with all rows loaded.
            states: ``[trial, n_state]``.
            noise: openings.
            bases: where each trial starts; there may be more rows.
            openings: ``[trial]`` places in ``noise``; ``None`` for as many openings as trials, in
                their order.
        """
        chosen = np.arange(len(states)) if openings is None else openings
        innovation = np.empty((len(states), noise.innovation.shape[1]))
        truncated = np.empty(innovation.shape, np.bool_)
        results = self._solve_trials(
            program, states, noise.arrays(), chosen[:, None], False, bases, innovation, truncated
        )
        return SolvedTrials(states, innovation, truncated if self.truncates else None, results)

    def solve_tree(self, program: HighsProgram, states: Array, bases: BasisBatch) -> SolvedTrials:
        """Solve several trials, each at its state under every opening of the stage's tree."""
        noise = self.openings
        openings = np.empty((len(states), len(noise)), np.int64)
        openings[:] = np.arange(len(noise))
        none = np.empty((0, 0)), np.empty((0, 0), np.bool_)
        results = self._solve_trials(program, states, noise.arrays(), openings, True, bases, *none)
        return SolvedTrials(states, noise.innovation, None, results)

    def _solve_trials(
        self,
        program: HighsProgram,
        states: Array,
        noise: kernel.NoiseArrays,
        openings: NDArray[np.int64],
        of_tree: bool,
        bases: BasisBatch,
        innovation: Array,
        truncated: NDArray[np.bool_],
    ) -> TrialResults:
        """Solve trials under ``openings[trial, opening]``, places in ``noise``.

        Arguments and answers are those of `kernel.solve_trials`.
        """
        view, n_cuts = (
            self._cuts.view,
            self._cuts.n_rows,
        )  # the view, not its block alone, keeps the arrays alive
        block = view.block
        n_trials, n_openings = openings.shape
        want_primal, room = not of_tree, self._trial_room(n_openings)
        solutions = TrialSolutions.empty(
            n_trials, n_openings, self.n_rows, self.form.n_columns, want_primal=want_primal
        )

        def bounds(k: int) -> tuple[Array, Array]:
            own, flags = (room.raised, room.flags) if of_tree else (innovation[k], truncated[k])
            kernel.bounds_of_trial(
                block, n_cuts, noise, openings[k], states[k], of_tree, own, flags, room
            )
            return room.row_lowers, room.row_uppers

        started = time.perf_counter()
        if self.batched:
            effort, scratch = program.kernel_arguments()
            n_left, n_pivots = kernel.solve_trials(
                block, n_cuts, noise, openings, of_tree, states, bases.columns, bases.rows, effort,
                innovation, truncated, room, solutions, scratch.block,
            )  # fmt: skip
        else:
            solutions.outcome.fill(NOT_PROVEN)
            n_left, n_pivots = solutions.outcome.size, 0
        seconds = time.perf_counter() - started
        return program.finish_trials(
            solutions,
            bases,
            bounds,
            want_primal=want_primal,
            n_left=n_left,
            n_pivots=n_pivots,
            seconds=seconds,
        )

    def primals(self, solved: SolvedTrials) -> Array:
        """Solutions of trials with an opening each, ``[trial, column]`` in the units of the case.

        Money stays scaled.
        """
        return solved.results.primal[:, 0] * self.scaling.column

    def row_duals(self, solved: SolvedTrials) -> Array:
        """Duals of the rows without cuts, ``[trial, row]``, in $ per unit of the case.

        Every trial has one opening.
        """
        duals: Array = solved.results.row_dual[:, 0, : self.form.n_rows] * (
            self.scaling.row * self.form.cost_scale
        )
        return duals

    def trial_objectives(self, solved: SolvedTrials) -> Array:
        """Optimal values, ``[trial, opening]`` in $."""
        return solved.results.objective * self.form.cost_scale

    def trial_costs(self, solved: SolvedTrials) -> Array:
        """Costs of the points that were found, ``[trial, opening]`` in $.

        Optimal values, from above where there is a gap.
        """
        costs = solved.results.objective.copy()
        for gap in solved.results.gaps:
            costs[gap.trial, gap.opening] += gap.gap
        return costs * self.form.cost_scale

    def slopes(self, solved: SolvedTrials, weights: Array) -> Array:
        """`slope` for several trials, ``[trial, n_state]``.

        Args:
            solved: trials.
            weights: ``[trial, opening]``.
        """
        none = np.empty((len(solved.innovation), 0))
        noise = kernel.NoiseArrays(solved.innovation, none, none, none, none)
        return self._slopes(noise, solved.states, weights, solved.results.row_dual)

    def _slopes(
        self, noise: kernel.NoiseArrays, states: Array, weights: Array, row_dual: Array
    ) -> Array:
        slopes, room = np.empty(states.shape), self._slope_room(weights.shape[1])
        cut_kernel.slopes_of_trials(
            self._cuts.view.block,
            self._cuts.n_rows,
            noise,
            states,
            weights,
            row_dual,
            room,
            slopes,
        )
        return slopes

    def _slope_room(self, n_openings: int) -> cut_kernel.SlopeRoom:
        return cut_kernel.slope_room(
            n_openings, self.n_rows, len(self.form.exogenous), self.form.template.n_hydros
        )

    def make_cuts(
        self,
        solved: SolvedTrials,
        cuts: NewCuts,
        *,
        doubtful: NDArray[np.int64],
        binding: NDArray[np.int64],
        tolerance: float,
    ) -> None:
        """Cuts for the stage before, from trials solved under all openings of the tree.

        They are weighed by the risk measure of the stage.

        Args:
            solved: the trials.
            cuts: where to.
            doubtful: ``[cut row]`` rows of cuts that may be wrong.
            binding: ``[cut row]`` in how many (trial, opening) pairs each row of a cut was binding,
                added to.
            tolerance: a cut is binding when its multiplier is larger, in scaled money.
        """
        results = solved.results
        cut_kernel.make_cuts(
            self._cuts.view.block, self._cuts.n_rows, solved.states, results.objective,
            results.row_dual, results.n_bounded(), tolerance, doubtful,
            self._slope_room(len(self.openings)), cuts.intercepts, cuts.slopes, cuts.quality,
            cuts.leaning, binding,
        )  # fmt: skip
        self.opening_weights.raise_error()

    def weigh(
        self, objective: Array, row_dual: Array, tolerance: float
    ) -> tuple[float, NDArray[np.int64]]:
        """Value in $ of a state that was solved under all openings of the tree.

        And in how many openings each row of a cut was binding.

        Args:
            objective: ``[opening]`` in scaled money.
            row_dual: ``[opening, row]``.
            tolerance: a cut is binding when its multiplier is larger, in scaled money.
        """
        binding, room = np.zeros(self._cuts.n_rows, np.int64), self._slope_room(len(objective))
        value = cut_kernel.weigh_trial(
            self._cuts.view.block, len(binding), objective, row_dual, tolerance, room, binding
        )
        self.opening_weights.raise_error()
        return float(value), binding

    def record_binding(self, binding: NDArray[np.int64], iteration: int) -> None:
        """Note in the pool how often rows of cuts were binding in an iteration, ``[cut row]``."""
        cut_kernel.record_binding(self._cuts.view.block, binding, iteration)

    def leave(self, solved: SolvedTrials) -> tuple[Array, Array, Array]:
        """What trials with an opening each leave the stage with.

        Returns:
            Outgoing states ``[trial, n_state]``, storage kept within its bounds against round-off;
            cost of the stage itself in $, ``[trial]``; cost in $ that the policy expects after the
            stage, seen from its end, ``[trial]``.
        """
        states = solved.states
        outgoing, costs, future = (
            np.empty(states.shape),
            np.empty(len(states)),
            np.empty(len(states)),
        )
        kernel.leave_stage(
            self._cuts.view.block,
            states,
            solved.innovation,
            solved.results.primal,
            outgoing,
            costs,
            future,
        )
        return outgoing, costs, future

    def innovations(self, state: Array, noise: NoiseBatch) -> tuple[Array, NDArray[np.bool_]]:
        """Innovations ``[opening, hydro]`` at a state, negative inflows raised to zero.

        And where that was done.
        """
        innovation = np.empty(noise.innovation.shape)
        raised = np.empty(noise.innovation.shape, np.bool_)
        for w in range(len(noise)):
            kernel.innovate(self._arrays, state, noise.arrays(), w, innovation[w], raised[w])
        return innovation, raised
