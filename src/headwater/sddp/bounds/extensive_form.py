"""The whole study as one linear program over its opening tree: what training converges to.

Every node of the tree has the decisions of its stage; what leaves a node enters its children. In a
study with regimes a node belongs to a regime, and its children are the openings of all regimes that
can follow, with the product of both probabilities::

    V[n] = cost . y[n] + discount * R[n]        cost from the node on
    R[n] = the risk measure of the children's V, as its linear form
    row_lower + shift <= A y[n] <= row_upper + shift,   shift = C x[parent of n] + G w[n]

It grows with the product of the openings of all stages, so it is for small studies: a check of
training that does not use cuts, passes or batches (the stage programs are the same).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.core.risk_forms import LinearForm
from headwater.errors import SolverError, UsageError
from headwater.lp import StageForm
from headwater.lp.explain import minimise
from headwater.lp.future_cost import Outlook
from headwater.model import CutFormulation, Study
from headwater.model.regime_changes import chain_of
from headwater.sddp.bounds.state_coupling import by_opening, outgoing
from headwater.sddp.cuts.risk import among
from headwater.sddp.stage.problem import StageProblem
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
        n_nodes=program.n_nodes,
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
            if among(stage.risk, [np.zeros((2, 1))]).epigraph(probability, 0.0) is None
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


@dataclass(eq=False)
class _Nodes:
    """The nodes of the tree that lie at one stage in one regime.

    They stand together by their parents, whose regimes are in order, and then by opening.

    Attributes:
        problem: what is solved in each.
        n: how many there are.
        parents: nodes that they follow, with the first child of each group; none at the root.
        decisions, states, costs: first columns.
    """

    problem: StageProblem
    n: int = 0
    parents: list[tuple[_Nodes, int]] = field(default_factory=list)
    decisions: int = 0
    states: int = 0
    costs: int = 0

    @property
    def form(self) -> StageForm:
        """The program of each."""
        return self.problem.form

    @property
    def n_openings(self) -> int:
        """Openings of the stage in the regime."""
        return len(self.problem.openings)


@dataclass(eq=False)
class _Branching:
    """How the children of some nodes add up.

    Attributes:
        parent: the nodes; ``None`` for the root.
        children: nodes of each regime that follows, with the first of them.
        risk: linear form of the risk measure over the openings of all of them.
        extra: first of the columns that it needs.
    """

    parent: _Nodes | None
    children: list[tuple[_Nodes, int]]
    risk: LinearForm
    extra: int = 0

    @property
    def n_parents(self) -> int:
        """How often it is needed."""
        return 1 if self.parent is None else self.parent.n

    @property
    def n_extra(self) -> int:
        """Columns that it needs each time."""
        return len(self.risk.all_weights) - len(self.risk.weights)


class _Program:
    """The program under construction; all money in that of the solver."""

    def __init__(self, problems: StudyProblems, max_columns: int) -> None:
        self.problems = problems
        self.n_state = problems.layout.dimension
        self._scale = problems.stages[0].form.cost_scale
        self._stages: list[list[_Nodes]] = []
        self._branchings: list[_Branching] = []
        self.n_columns = 0
        for t in range(problems.n_stages):
            self._grow(t)
        self.n_nodes = sum(nodes.n for stage in self._stages for nodes in stage)
        if self.n_columns > max_columns:
            raise UsageError(
                f"the program of the whole study would have {self.n_columns:,} columns for "
                f"{self.n_nodes:,} nodes, and {max_columns:,} are allowed: take fewer stages "
                "or openings, or allow more"
            )
        self.cost = np.zeros(self.n_columns)
        self.lower = np.full(self.n_columns, -np.inf)
        self.upper = np.full(self.n_columns, np.inf)
        self.n_rows = 0
        self._entries: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
        self._limits: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def _grow(self, t: int) -> None:
        """Count the nodes of a stage and give them columns."""
        problems = self.problems
        each = {q: _Nodes(one.stages[t]) for q, one in enumerate(problems.each)}
        parents: list[_Nodes | None] = [None] if t == 0 else [*self._stages[-1]]
        branchings = []
        for parent in parents:
            row = self._shares(t, parent)
            children, shares = [], []
            for q in np.flatnonzero(row > 0.0).tolist():
                nodes = each[q]
                children.append((nodes, nodes.n))
                if parent is not None:
                    nodes.parents.append((parent, nodes.n))
                nodes.n += (1 if parent is None else parent.n) * nodes.n_openings
                shares.append(row[q] * nodes.problem.opening_weights.probability)
            noise = [problems.each[q].uncertainty.tree.noise[t] for q in np.flatnonzero(row > 0.0)]
            risk = among(problems.system.stages[t].risk, noise)
            outlook = Outlook(tuple(np.concatenate(shares).tolist()), risk)
            branchings.append(_Branching(parent, children, outlook.linear_form(-np.inf)))
        self._stages.append([nodes for nodes in each.values() if nodes.n])
        for nodes in self._stages[-1]:
            nodes.decisions = self._columns(nodes.n * nodes.form.n_columns)
            nodes.states = self._columns(nodes.n * self.n_state)
            nodes.costs = self._columns(nodes.n)
        for branching in branchings:
            branching.extra = self._columns(branching.n_parents * branching.n_extra)
        self._branchings += branchings

    def _shares(self, t: int, parent: _Nodes | None) -> NDArray[np.float64]:
        """Probabilities of the regimes of a stage for nodes of the stage before."""
        problems = self.problems
        if not problems.regimes:
            return np.ones(1)
        chain = chain_of(problems.system)
        if parent is None:
            return chain.first()
        before = [one.stages[t - 1] for one in problems.regimes].index(parent.problem)
        row: NDArray[np.float64] = chain.after(problems.system.stages[t - 1].id)[before]
        return row

    def _columns(self, n: int) -> int:
        """Take the next columns; returns the first."""
        first, self.n_columns = self.n_columns, self.n_columns + n
        return first

    def assemble(self) -> None:
        """Add all rows."""
        for t, stage in enumerate(self._stages):
            for nodes in stage:
                form, n = nodes.form, nodes.n
                own = slice(nodes.decisions, nodes.decisions + n * form.n_columns)
                self.lower[own] = np.tile(form.column_lower, n)
                self.upper[own] = np.tile(form.column_upper, n)
                self._add_stage(nodes)
                if t == len(self._stages) - 1:
                    self._add_costs(nodes)
        for branching in self._branchings:
            self._add_risk(branching)

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

    def _add_stage(self, nodes: _Nodes) -> None:
        """Rows of the stage programs, and what leaves them."""
        form, n, k = nodes.form, nodes.n, nodes.n_openings
        noise, n_groups = nodes.problem.openings, nodes.n // nodes.n_openings
        shift = noise.row_shift / nodes.problem.scaling.row
        low, high = (
            np.tile(side + shift, (n_groups, 1)).ravel()
            for side in (form.row_lower, form.row_upper)
        )
        own = sp.eye_array(n)
        left = np.tile(noise.exogenous, (n_groups, 1))
        pick, of_state = outgoing(form)
        leaving = np.zeros((n, self.n_state))
        leaving[:, form.exogenous] = left
        to_rows, to_state = by_opening(nodes.problem, of_state)
        rows: list[tuple[Any, int]] = [(sp.kron(own, form.matrix), nodes.decisions)]
        out: list[tuple[Any, int]] = [
            (sp.eye_array(n * self.n_state), nodes.states),
            (sp.kron(own, -pick), nodes.decisions),
        ]
        if not nodes.parents:
            first = self.problems.initial_state
            moved = to_rows @ first
            low, high = low + moved, high + moved
            leaving = leaving + (to_state @ first).reshape(leaving.shape)
        for parent, start in nodes.parents:
            followed = np.arange(parent.n)
            from_parent = sp.coo_array(
                (np.ones(parent.n), (start // k + followed, followed)), shape=(n_groups, parent.n)
            )
            rows.append((sp.kron(from_parent, -to_rows), parent.states))
            out.append((sp.kron(from_parent, -to_state), parent.states))
        self._add(low, high, *rows)
        self._add(leaving.ravel(), leaving.ravel(), *out)

    def _add_costs(self, nodes: _Nodes, *future: tuple[Any, int]) -> None:
        """Cost of each node: that of its decisions, and what follows."""
        own, paid = sp.eye_array(nodes.n), nodes.form.stage_cost[None, :]
        scaled = paid * (nodes.form.cost_scale / self._scale)
        none = np.zeros(nodes.n)
        self._add(none, none, (own, nodes.costs), (sp.kron(own, -scaled), nodes.decisions), *future)

    def _add_risk(self, branching: _Branching) -> None:
        """How the children of nodes add up for these."""
        risk, extra, n_extra = branching.risk, branching.extra, branching.n_extra
        n_weights, n_parents = len(risk.weights), branching.n_parents
        own = sp.eye_array(n_parents)
        ends = np.cumsum([nodes.n_openings for nodes, _ in branching.children])
        shares = [
            (slice(int(end) - nodes.n_openings, int(end)), nodes.costs + start)
            for (nodes, start), end in zip(branching.children, ends, strict=True)
        ]
        if n_extra:
            limits = [np.full(len(one.weights), one.lower / self._scale) for one in risk.extra]
            self.lower[extra : extra + n_parents * n_extra] = np.tile(
                np.concatenate(limits), n_parents
            )
        if risk.rows:
            table = np.zeros((len(risk.rows), n_weights + n_extra))
            for number, row in enumerate(risk.rows):
                for column, value in row:
                    table[number, column] += value
            count = n_parents * len(risk.rows)
            self._add(
                np.zeros(count),
                np.full(count, np.inf),
                *((sp.kron(own, table[:, share]), first) for share, first in shares),
                (sp.kron(own, table[:, n_weights:]), extra),
            )
        weights, more = risk.weights[None, :], risk.all_weights[None, n_weights:]
        if branching.parent is None:
            for share, first in shares:
                self.cost[first : first + share.stop - share.start] = risk.weights[share]
            self.cost[extra : extra + n_extra] = more
            return
        discount = branching.parent.form.template.discount
        future = [(sp.kron(own, -discount * weights[:, share]), first) for share, first in shares]
        if n_extra:
            future.append((sp.kron(own, -discount * more), extra))
        self._add_costs(branching.parent, *future)
