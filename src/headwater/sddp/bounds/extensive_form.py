"""The whole study as one linear program over its opening tree: what training converges to.

Every node of the tree has the decisions of its stage; what leaves a node enters its children::

    V[n] = cost . y[n] + discount * R[n]        cost from the node on
    R[n] = the risk measure of the children's V, as its linear form
    row_lower + shift <= A y[n] <= row_upper + shift,   shift = C x[parent of n] + G w[n]

It grows with the product of the openings of all stages, so it is for small studies: a check of
training that does not use cuts, passes or batches (the stage programs are the same).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.errors import SolverError, UsageError
from headwater.lp import StageForm
from headwater.lp.explain import minimise
from headwater.lp.future_cost import Outlook
from headwater.model import CutFormulation, Study
from headwater.sddp.stage.problems import StudyProblems, build_problems

MOST_COLUMNS = 400_000
"""Columns of the largest program that is solved unless another number is asked for."""


@dataclass(frozen=True)
class ExtensiveForm:
    """The optimum of a study over its whole opening tree.

    Attributes:
        cost: present value of the optimal cost in $, under the risk measures of the stages, before
            the openings of the first stage are known: what the lower bound converges to.
        n_nodes: nodes of the tree.
        n_rows, n_columns: of the program.
        seconds: that building and solving it took.
    """

    cost: float
    n_nodes: int
    n_rows: int
    n_columns: int
    seconds: float


def solve_extensive_form(study: Study, max_columns: int = MOST_COLUMNS) -> ExtensiveForm:
    """Build and solve the program of a whole study.

    Args:
        study: what is operated.
        max_columns: of the largest program that is built.

    Raises:
        UsageError: the study is no linear program over a finite tree, or one that is too large.
        SolverError: the program has no optimum.
    """
    began = time.perf_counter()
    single = replace(study.config.training, cut_formulation=CutFormulation.SINGLE)
    _refuse_what_has_none(study)
    problems = build_problems(replace(study, config=replace(study.config, training=single)))
    program = _Program(problems, max_columns)
    program.assemble()
    found = minimise(
        program.cost, program.matrix(), *program.row_limits(), program.lower, program.upper
    )
    if found is None:
        raise SolverError(
            "the program of the whole study has no optimum: 'headwater run' names the stage and why"
        )
    return ExtensiveForm(
        cost=float(program.cost @ found[0]) * problems.stages[0].form.cost_scale,
        n_nodes=sum(program.n_nodes),
        n_rows=program.n_rows,
        n_columns=program.n_columns,
        seconds=time.perf_counter() - began,
    )


def _refuse_what_has_none(study: Study) -> None:
    """Refuse studies that are no linear program over a finite tree.

    Raises:
        UsageError: with the reason.
    """
    why = ""
    probability = np.array([0.5, 0.5])
    curved = sorted(
        {
            stage.risk.type
            for stage in study.system.stages
            if stage.risk.epigraph(probability, 0.0) is None
        }
    )
    if study.system.horizon.is_cyclic:
        why = "its horizon repeats, so its tree has no end; give it a horizon that ends"
    elif study.config.inflow_non_negativity.truncates:
        why = (
            "it cuts negative inflows off, which is not linear; "
            "set modeling.inflow_non_negativity.method to 'penalty'"
        )
    elif study.config.policy.boundary is not None:
        why = "its end is valued by the cuts of another policy; remove policy.boundary"
    elif curved:
        why = f"the risk measure {curved[0]!r} has no linear form; take another for this check"
    if why:
        raise UsageError(f"this study is not a linear program over its opening tree: {why}")


class _Program:
    """The program under construction; all money in that of the solver."""

    def __init__(self, problems: StudyProblems, max_columns: int) -> None:
        self.problems = problems
        self.forms: list[StageForm] = [stage.form for stage in problems.stages]
        tree = problems.uncertainty.tree
        openings = [tree.n_openings(t) for t in range(len(self.forms))]
        self.n_nodes = [math.prod(openings[: t + 1]) for t in range(len(openings))]
        self.n_state = problems.layout.dimension
        self.risks = [
            Outlook(tuple(tree.probability[t]), stage.risk).linear_form(-np.inf)
            for t, stage in enumerate(problems.study.system.stages)
        ]
        parents = [1, *self.n_nodes[:-1]]
        # of each stage: decisions, outgoing states, costs, and what its risk measure needs
        widths = [
            (n * form.n_columns, n * self.n_state, n, p * (len(risk.all_weights) - k))
            for n, p, k, form, risk in zip(
                self.n_nodes, parents, openings, self.forms, self.risks, strict=True
            )
        ]
        self.n_columns = sum(map(sum, widths))
        if self.n_columns > max_columns:
            raise UsageError(
                f"the program of the whole study would have {self.n_columns:,} columns for "
                f"{sum(self.n_nodes):,} nodes, and {max_columns:,} are allowed: take fewer stages "
                "or openings, or allow more"
            )
        starts = np.concatenate([[0], np.cumsum(widths)])
        self.starts = starts[:-1].reshape(len(widths), 4)
        self.cost = np.zeros(self.n_columns)
        self.lower = np.full(self.n_columns, -np.inf)
        self.upper = np.full(self.n_columns, np.inf)
        self.n_rows = 0
        self._entries: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
        self._limits: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def assemble(self) -> None:
        """Add all rows."""
        for t, form in enumerate(self.forms):
            n, stage = self.n_nodes[t], self.starts[t]
            self.lower[stage[0] : stage[1]] = np.tile(form.column_lower, n)
            self.upper[stage[0] : stage[1]] = np.tile(form.column_upper, n)
            self._add_stage(t)
            self._add_risk(t)

    def matrix(self) -> sp.csr_array:
        """All rows, ``[row, column]``."""
        rows, columns, values = (
            np.concatenate([entry[place] for entry in self._entries]) for place in range(3)
        )
        return sp.csr_array((values, (rows, columns)), shape=(self.n_rows, self.n_columns))

    def row_limits(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Lower and upper limit of every row."""
        low, high = zip(*self._limits, strict=True)
        return np.concatenate(low), np.concatenate(high)

    def _add(self, low: Any, high: Any, *blocks: tuple[Any, int]) -> None:
        """Add rows made of matrices that begin at the given columns."""
        for block, column in blocks:
            found = sp.coo_array(block)
            self._entries.append((found.row + self.n_rows, found.col + column, found.data))
        self._limits.append((np.asarray(low, float), np.asarray(high, float)))
        self.n_rows += len(self._limits[-1][0])

    def _add_stage(self, t: int) -> None:
        """Rows of the stage programs, and what leaves them."""
        form, n = self.forms[t], self.n_nodes[t]
        decisions, states, _, _ = self.starts[t]
        noise = self.problems.stages[t].openings
        k = len(noise.innovation)
        parents = n // k
        scaling = self.problems.stages[t].scaling
        shift = noise.row_shift / scaling.row
        low, high = (
            np.tile(side + shift, (parents, 1)).ravel() for side in (form.row_lower, form.row_upper)
        )
        own = sp.eye_array(n)
        from_parent = sp.kron(sp.eye_array(parents), np.ones((k, 1)))
        left = np.tile(noise.exogenous, (parents, 1))
        pick, of_state = self._outgoing(form)
        leaving = np.zeros((n, self.n_state))
        leaving[:, form.exogenous] = left
        rows: list[tuple[Any, int]] = [(sp.kron(own, form.matrix), decisions)]
        out: list[tuple[Any, int]] = [
            (sp.eye_array(n * self.n_state), states),
            (sp.kron(own, -pick), decisions),
        ]
        if t == 0:
            first = self.problems.initial_state
            moved = np.tile(form.state_to_rows @ first, n)
            low, high = low + moved, high + moved
            leaving = leaving + of_state @ first
        else:
            before = self.starts[t - 1][1]
            rows.append((sp.kron(from_parent, -form.state_to_rows), before))
            out.append((sp.kron(from_parent, -of_state), before))
        self._add(low, high, *rows)
        self._add(leaving.ravel(), leaving.ravel(), *out)

    def _outgoing(self, form: StageForm) -> tuple[sp.csr_array, sp.csr_array]:
        """What leaves a stage, from its columns and from the state that entered it."""
        held = np.flatnonzero(form.state_column >= 0)
        pick = sp.csr_array(
            (np.ones(len(held)), (held, form.state_column[held])),
            shape=(self.n_state, form.n_columns),
        )
        spread = sp.csr_array(
            (np.ones(len(form.exogenous)), (form.exogenous, np.arange(len(form.exogenous)))),
            shape=(self.n_state, len(form.exogenous)),
        )
        return pick, sp.csr_array(spread @ form.exogenous_from_state)

    def _add_risk(self, t: int) -> None:
        """Costs of the nodes of a stage, and how its openings add up for the node before."""
        form, risk, n = self.forms[t], self.risks[t], self.n_nodes[t]
        _, _, costs, extra = self.starts[t]
        n_extra = len(risk.all_weights) - len(risk.weights)
        parents = n // len(risk.weights)
        if n_extra:
            limits = [np.full(len(one.weights), one.lower / form.cost_scale) for one in risk.extra]
            self.lower[extra : extra + parents * n_extra] = np.tile(np.concatenate(limits), parents)
        if risk.rows:
            table = np.zeros((len(risk.rows), len(risk.weights) + n_extra))
            for number, row in enumerate(risk.rows):
                for column, value in row:
                    table[number, column] += value
            own = sp.eye_array(parents)
            count = parents * len(risk.rows)
            self._add(
                np.zeros(count),
                np.full(count, np.inf),
                (sp.kron(own, table[:, : len(risk.weights)]), costs),
                (sp.kron(own, table[:, len(risk.weights) :]), extra),
            )
        weights, more = risk.weights[None, :], risk.all_weights[None, len(risk.weights) :]
        if t == 0:
            self.cost[costs : costs + n] = risk.weights
            self.cost[extra : extra + n_extra] = more
        else:
            before, discount = self.starts[t - 1], self.forms[t - 1].template.discount
            own = sp.eye_array(parents)
            self._add(
                np.zeros(parents),
                np.zeros(parents),
                (own, before[2]),
                (sp.kron(own, -self.forms[t - 1].stage_cost[None, :]), before[0]),
                (sp.kron(own, -discount * weights), costs),
                *([(sp.kron(own, -discount * more), extra)] if n_extra else []),
            )
        if t == len(self.forms) - 1:
            own = sp.eye_array(n)
            self._add(
                np.zeros(n),
                np.zeros(n),
                (own, costs),
                (sp.kron(own, -form.stage_cost[None, :]), self.starts[t][0]),
            )
