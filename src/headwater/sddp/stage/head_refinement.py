"""Stages whose productivity follows the storage of each trial.

A program of its own for every solve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.errors import SolverError
from headwater.lp import LinearHead, StageForm, build_stage_template, linear_heads, make_form
from headwater.model import Study
from headwater.sddp.stage.batches import NoiseBatch, SolvedTrials
from headwater.sddp.stage.problem import StageProblem
from headwater.solver import BasisBatch, TrialResults


@dataclass(frozen=True)
class HeadRefinement:
    """One stage with plants that use the linearised head.

    The matrix is linear in the productivity of each plant, and a column of turbined flow belongs to
    one plant; so two programs, one unit of productivity apart, give the matrix for any
    productivity.

    Attributes:
        study: system and configuration.
        problem: the stage with constant productivity.
        heads: the plants.
        slope: ``[row, column]`` change of the matrix per unit of productivity.
        turbined: per plant, the columns of its turbined flow.
    """

    study: Study
    problem: StageProblem
    heads: tuple[LinearHead, ...]
    slope: sp.csc_array
    turbined: tuple[NDArray[np.int64], ...]

    @classmethod
    def of_stage(cls, study: Study, problem: StageProblem) -> HeadRefinement | None:
        """The refinement of a stage; ``None`` where no plant uses the linearised head."""
        template, form = problem.template, problem.form
        heads = linear_heads(study.system, template.t)
        if not heads:
            return None
        raised = np.array(
            [stages[template.t].productivity_mw_per_m3s for stages in study.system.production]
        )
        raised[[head.hydro for head in heads]] += 1.0
        other = build_stage_template(
            study.system,
            template.t,
            problem.psi,
            inflow_method=study.config.inflow_non_negativity,
            productivity=raised,
            outlook=template.outlook,
        )
        own = form.matrix[: len(form.rows), : len(form.columns)]
        slope = sp.csc_array(
            make_form(other, study.config.training.formulation, form.cost_scale, form.money).matrix
            - own
        )
        slope.resize(form.matrix.shape)
        slope.eliminate_zeros()
        place = np.full(template.n_columns, -1, np.int64)
        place[form.columns] = np.arange(len(form.columns))
        return cls(
            study,
            problem,
            heads,
            slope,
            tuple(place[template.columns["turbined"][head.hydro]] for head in heads),
        )

    def solve_each(self, states: Array, noise: NoiseBatch, bases: BasisBatch) -> SolvedTrials:
        """Solve trials with the productivity that the storage of each gives.

        Args:
            states: ``[trial, n_state]``.
            noise: one opening per trial.
            bases: where each trial starts.

        Raises:
            SolverError: with the trial.
        """
        productivity = np.full((len(states), self.problem.template.n_hydros), np.nan)
        solved = []
        for k, state in enumerate(states):
            storages = state[: self.problem.template.n_hydros]
            for _ in range(self.study.config.simulation.linearized_head_passes):
                values = self._productivities(storages)
                try:
                    one = self._solve(values, k, state, noise, bases)
                except SolverError as error:
                    error.trial = k
                    raise
                storages = (
                    state[: len(storages)] + self.problem.leave(one)[0][0, : len(storages)]
                ) / 2.0
            productivity[k, [head.hydro for head in self.heads]] = values
            solved.append(one)
        return _joined(solved, productivity)

    def problem_at(self, state: Array) -> StageProblem:
        """The stage with the productivity that the storage of one incoming state gives."""
        return self._changed(self._productivities(state))

    def _productivities(self, storages: Array) -> list[float]:
        return [float(head.at(storages[head.hydro])) for head in self.heads]

    def _changed(self, values: list[float]) -> StageProblem:
        problem = self.problem
        return StageProblem(
            self._form(values), problem.pool, problem.psi, truncates=problem.truncates,
            batched=problem.batched, scaling=problem.scaling,
        )  # fmt: skip

    def _solve(
        self, values: list[float], k: int, state: Array, noise: NoiseBatch, bases: BasisBatch
    ) -> SolvedTrials:
        changed = self._changed(values)
        program = changed.new_program(self.study.config.training.solver)
        try:
            start = BasisBatch(bases.columns[k : k + 1], bases.rows[k : k + 1])
            return changed.solve_each(program, state[None, :], noise.alone(k), start)
        finally:
            program.close()

    def _form(self, values: list[float]) -> StageForm:
        form, limits = self.problem.form, self.study.system.bounds.hydro
        step = np.zeros(form.n_columns)
        upper = form.column_upper.copy()
        t = self.problem.template.t
        for head, columns, value in zip(self.heads, self.turbined, values, strict=True):
            step[columns] = value - head.productivity
            flow = limits.max_turbined_m3s[head.hydro, t]
            upper[columns] = (
                flow if value <= 0.0 else min(flow, limits.max_generation_mw[head.hydro, t] / value)
            )
        matrix = sp.csc_array(form.matrix + self.slope @ sp.diags_array(step))
        matrix.sort_indices()
        return replace(form, matrix=matrix, column_upper=upper)


def _joined(solved: list[SolvedTrials], productivity: Array) -> SolvedTrials:
    results = [one.results for one in solved]
    return SolvedTrials(
        states=np.concatenate([one.states for one in solved]),
        innovation=np.concatenate([one.innovation for one in solved]),
        truncated=None
        if solved[0].truncated is None
        else np.concatenate([one.truncated for one in solved]),
        results=TrialResults(
            objective=np.concatenate([r.objective for r in results]),
            row_dual=np.concatenate([r.row_dual for r in results]),
            primal=np.concatenate([r.primal for r in results]),
            bases=BasisBatch(
                np.concatenate([r.bases.columns for r in results]),
                np.concatenate([r.bases.rows for r in results]),
            ),
            retries=sum(r.retries for r in results),
            gaps=tuple(gap._replace(trial=k) for k, r in enumerate(results) for gap in r.gaps),
            fallbacks=sum(r.fallbacks for r in results),
            pivots=sum(r.pivots for r in results),
        ),
        productivity=productivity,
    )
