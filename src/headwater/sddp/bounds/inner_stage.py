r"""The stage program with the inner approximation of the future cost in place of cuts.

To the columns of a stage come weights ``w`` of the vertices and, for every component of the
outgoing state, how far it lies above (``up``) or below (``down``) their mean; to its rows::

    sum_i w_i points_i + up - down = outgoing state        (one row per component)
    sum_i w_i = 1        theta = sum_i w_i values_i + above . up + below . down

Components of the outgoing state that are no decision stand on the right-hand side, as they do in
cuts. Components that cost nothing either way have no row. The result is a stage program like any
other, without cuts.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from headwater.errors import PolicyError
from headwater.lp import StageForm, make_form
from headwater.sddp.bounds.vertices import VERTICES, InnerApproximation, StageVertices
from headwater.sddp.cuts.policy import Policy
from headwater.sddp.cuts.pool import CutPool
from headwater.sddp.stage.cold_bases import ColdBases
from headwater.sddp.stage.problem import StageProblem
from headwater.sddp.stage.problems import StudyProblems, stage_template


def inner_of(policy: Policy) -> InnerApproximation:
    """The inner approximation that a policy carries.

    Raises:
        PolicyError: it carries none.
    """
    stored = None if policy.progress is None else policy.progress.parts.get(VERTICES)
    if stored is None:
        raise PolicyError(
            "simulation.policy_type is 'inner', but the policy has no inner approximation: train "
            "it with upper_bound_evaluation.enabled, and for enough iterations to reach its "
            "initial_iteration"
        )
    return InnerApproximation.from_arrays(stored)


def inner_problems(problems: StudyProblems, inner: InnerApproximation) -> StudyProblems:
    """The study with the inner approximation of the future cost at every stage that has one."""
    for t, vertices in enumerate(inner.stages):
        problems = with_inner_stage(problems, t, vertices)
    return problems


def with_inner_stage(problems: StudyProblems, t: int, vertices: StageVertices) -> StudyProblems:
    """The study with the inner approximation at stage position ``t``.

    Without vertices the stage stays as it is.
    """
    if not len(vertices.values):
        return problems
    stages, pools = list(problems.stages), list(problems.pools)
    stages[t] = inner_stage(problems, t, vertices)
    pools[t] = stages[t].pool
    return replace(
        problems, stages=tuple(stages), pools=tuple(pools), cold_bases=ColdBases(problems.n_stages)
    )


def inner_stage(problems: StudyProblems, t: int, vertices: StageVertices) -> StageProblem:
    """Stage position ``t`` with the inner approximation of what follows it."""
    outer, uncertainty = problems.stages[t], problems.uncertainty
    form = _inner_form(_with_one_future(problems, t), vertices)
    problem = StageProblem(
        form,
        CutPool(problems.layout.dimension, 0),
        outer.psi,
        truncates=outer.truncates,
        batched=outer.batched,
    )
    noise = uncertainty.tree.noise[t]
    openings = problem.noise_batch(
        uncertainty.innovation_m3s(t, noise),
        uncertainty.load_mw(t, noise),
        uncertainty.available_mw(t, noise),
        uncertainty.lag_factor(t, noise),
    )
    problem.set_openings(openings, uncertainty.tree.probability[t], outer.opening_weights.measure)
    return problem


def _with_one_future(problems: StudyProblems, t: int) -> StageForm:
    """The LP of a stage with one column for the future cost.

    Whether or not its cuts tell openings apart.
    """
    outer = problems.stages[t]
    if outer.template.outlook is None:
        return outer.form
    has_future = problems.successor(t) is not None
    template = stage_template(
        problems.study, problems.uncertainty, t, 0.0, None, has_future=has_future
    )
    return make_form(
        template,
        problems.study.config.training.formulation,
        outer.form.cost_scale,
        outer.form.money,
    )


def _inner_form(form: StageForm, vertices: StageVertices) -> StageForm:
    scale, n_columns, n_rows = form.cost_scale, form.n_columns, form.n_rows
    priced = np.flatnonzero((vertices.above > 0.0) | (vertices.below > 0.0))
    n_points, n_priced = len(vertices.values), len(priced)
    weights, up, down = (n_columns + offset for offset in (0, n_points, n_points + n_priced))

    unity = sp.eye_array(n_priced)
    meets = sp.hstack(
        [sp.csr_array((n_priced, n_columns)), vertices.points[:, priced].T, unity, -unity]
    ).tolil()
    column = form.state_column[priced]
    decided = np.flatnonzero(column >= 0)
    meets[decided, column[decided]] = -1.0
    closing = np.zeros((2, n_columns + n_points + 2 * n_priced))
    closing[0, weights:up] = 1.0
    closing[1, form.future] = -1.0
    closing[1, weights:up] = vertices.values / scale
    closing[1, up:down] = vertices.above[priced] / scale
    closing[1, down:] = vertices.below[priced] / scale
    old = sp.hstack([form.matrix, sp.csc_array((n_rows, n_points + 2 * n_priced))])
    matrix = sp.csc_array(sp.vstack([old, meets, sp.csr_array(closing)]))
    matrix.sort_indices()

    place = np.full(len(form.state_column), -1)
    place[form.exogenous] = np.arange(len(form.exogenous))
    pick = sp.csr_array(
        (np.ones(int((column < 0).sum())), (np.flatnonzero(column < 0), place[priced[column < 0]])),
        shape=(n_priced + 2, len(form.exogenous)),
    )
    sides = np.concatenate([np.zeros(n_priced), [1.0, 0.0]])
    added = np.zeros(n_points + 2 * n_priced)
    lower, upper = form.column_lower.copy(), form.column_upper.copy()
    lower[form.future], upper[form.future] = -np.inf, np.inf
    return replace(
        form,
        matrix=matrix,
        cost=np.concatenate([form.cost, added]),
        column_lower=np.concatenate([lower, added]),
        column_upper=np.concatenate([upper, np.ones(n_points), np.full(2 * n_priced, np.inf)]),
        row_lower=np.concatenate([form.row_lower, sides]),
        row_upper=np.concatenate([form.row_upper, sides]),
        state_to_rows=_below(form.state_to_rows, pick @ form.exogenous_from_state),
        innovation_to_rows=_below(form.innovation_to_rows, pick @ form.exogenous_from_innovation),
    )


def _below(above: sp.csr_array, rows: sp.sparray) -> sp.csr_array:
    stacked = sp.csr_array(sp.vstack([above, rows]))
    stacked.sort_indices()
    return stacked
