"""The judge: a whole study as one linear program over every node of its opening tree.

A node is a history of openings. Each node repeats the columns and rows of its stage with right-hand
sides of its own, and is tied to its parent by storage and by the commitments of plants dispatched
ahead: inflows, with all their lags, follow from the history and are numbers. The program is written
from the formulas of the system; of the product it uses only `headwater.model` and the openings and
inflow numbers of `headwater.stochastic`. It shares nothing with the stage problems and the
decomposition that it judges.

Not covered, and refused: plants that enter, leave or fill, evaporation, diversions, contracts,
pumping, uncontrolled sources, plants dispatched ahead that enter or leave, fitted planes,
truncated inflows, cyclic horizons.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from extensive_form_stage import StageProgram, cells_in_time, sparse, stage_program
from headwater.equipment.battery import Battery
from headwater.model import (
    GraphType,
    InflowNoise,
    MixedCVaR,
    OperativeState,
    ProductionKind,
    Sense,
    StudyConfig,
    System,
)
from headwater.stochastic import Uncertainty, build_uncertainty

MOST_LEAVES = 20_000

Array = np.ndarray


def extensive_form_value(
    system: System,
    config: StudyConfig,
    tree_seed: int | None = None,
    risk: MixedCVaR | None = None,
    proven_to: float = 1e-6,
) -> float:
    """Optimal cost in $, seen before the openings of the first stage: what a
    converged lower bound equals.

    Args:
        system: what is operated.
        config: for the treatment of negative inflows and, unless given, the seed of the tree.
        tree_seed: seed of the opening tree.
        risk: measure of all stages, in place of their own.
        proven_to: share of the value that its duals may leave unproven.
    """
    pipeline, ahead = (
        system.initial.gnl_pipeline_mw,
        [j for j in system.thermals if j.gnl_lag_stages is not None],
    )
    committed = [pipeline[j.id, offset + 1] for j in ahead for offset in range(j.gnl_lag_stages)]
    released = [
        hm3
        for h, plant in enumerate(system.hydros)
        if plant.travel_time_hours
        for _, _, hm3, _ in cells_in_time(system, h)
    ]
    energy = [battery.initial_energy_mwh for battery in system.of(Battery)]
    state = np.concatenate([system.initial_storage_hm3, committed, released, energy])
    return _solve(
        system, config, tree_seed, risk, first=0, state=state, lags=None, proven_to=proven_to
    )


def stage_value(
    system: System,
    config: StudyConfig,
    stage_id: int,
    storage_hm3: Iterable[float],
    lags_m3s: Array | None = None,
    tree_seed: int | None = None,
    risk: MixedCVaR | None = None,
) -> float:
    """Optimal cost in $ of everything after ``stage_id``, as money of the next stage.

    Args:
        storage_hm3: ``[hydro]`` at the end of the stage.
        lags_m3s: ``[lag, hydro]`` at the end of the stage, row 0 the inflow of the stage itself;
            ``None`` only without lags.
    """
    first = system.stage_index[stage_id] + 1
    assert not system.initial.gnl_pipeline_mw, (
        "the state of a later stage is storage and past inflows"
    )
    return _solve(system, config, tree_seed, risk, first, np.asarray(storage_hm3, float), lags_m3s)


def _solve(
    system: System,
    config: StudyConfig,
    tree_seed: int | None,
    risk: MixedCVaR | None,
    first: int,
    state: Array,
    lags: Array | None,
    proven_to: float = 1e-6,
) -> float:
    _refuse_what_is_not_covered(system, config)
    seed = config.training.tree_seed if tree_seed is None else tree_seed
    u = build_uncertainty(
        system,
        seed,
        source=config.training.scenario_source,
        inflow_noise=config.inflow_noise,
    )
    if lags is None:
        assert first == 0 or u.inflow.n_lags == 0, "the past inflows of a later stage must be given"
        lags = u.inflow.initial_lags_m3s
    stages = range(first, len(system.stages))
    n_leaves = int(np.prod([len(u.tree.probability[t]) for t in stages]))
    assert n_leaves <= MOST_LEAVES, (
        f"the tree has {n_leaves} leaves, too many for one linear program"
    )
    program = _LinearProgram()
    measures = {t: risk if risk is not None else system.stages[t].risk for t in stages}
    averse = any(
        measure.weight > 0.0 and measure.tail_fraction < 1.0 for measure in measures.values()
    )
    history = np.asarray(lags, float)[None]  # [parent, lag, hydro]
    probability = np.ones(1)  # [parent]
    discount = 1.0
    before: StageProgram | None = None
    for t in stages:
        eta, p = u.tree.noise[t], u.tree.probability[t]
        n_parents, n_openings = len(history), len(p)
        n_nodes = n_parents * n_openings
        inflow = _inflows(system, config, u, t, history).reshape(n_nodes, -1)  # [node, hydro]
        load = np.tile(u.load_mw(t, eta), (n_parents, 1, 1))  # [node, bus, block]
        stage = stage_program(system, config, t)
        children = sp.kron(sp.eye(n_parents), np.ones((n_openings, 1)))  # [node, parent]
        _add_nodes(program, stage, t, inflow, load, children, before, state)
        if averse:
            _add_outcomes(
                program, stage, t, n_parents, p, measures[t], system, last=t == stages[-1]
            )
        else:
            probability = np.kron(probability, p)
            program.columns["x", t].cost[:] = np.kron(probability, discount * np.array(stage.cost))
        discount *= system.discount_factors[t]
        older = np.repeat(history, n_openings, axis=0)
        if u.inflow.memory is None:
            history = np.concatenate([inflow[:, None], older], axis=1)[:, : history.shape[1]]
        else:
            history = u.inflow.next_memory_m3s(t, older, inflow)
        before = stage
    if averse:
        program.columns["risk-adjusted", first].cost[:] = 1.0
    return program.solve(proven_to)


def _inflows(system: System, config: StudyConfig, u: Uncertainty, t: int, history: Array) -> Array:
    """Inflow of every opening after every past, ``[parent, opening, hydro]``, by its formula."""
    base, sigma, eta = u.inflow.base[t], u.inflow.sigma[t], u.tree.noise[t][:, u.layout.inflow]
    past = np.einsum("hl,nlh->nh", u.inflow.psi[t], history)[:, None]
    if config.inflow_noise is InflowNoise.NORMAL:
        return past + (base + sigma * eta)[None]
    rows = {(row.hydro_id, row.stage_id): row for row in system.inflow_statistics}
    mean = np.array([rows[h.id, system.stages[t].id].mean_m3s for h in system.hydros])
    whole = (config.inflow_noise is InflowNoise.MULTIPLICATIVE) | (base <= 0.0)
    spread = np.sqrt(np.log(1.0 + (sigma / np.where(whole, mean, base)) ** 2))
    factor = np.exp(spread * eta - spread**2 / 2.0)[None]
    return np.where(whole, (base + past) * factor, base * factor + past)


@dataclass
class _ColumnBlock:
    lower: Array
    upper: Array
    cost: Array


@dataclass
class _LinearProgram:
    """``min cost x`` over blocks of columns; every row block names the column blocks it touches."""

    columns: dict[Hashable, _ColumnBlock] = field(default_factory=dict)
    rows: dict[Sense, list[tuple[dict[Hashable, sp.sparray], Array]]] = field(
        default_factory=lambda: {Sense.EQUAL: [], Sense.LESS_EQUAL: []}
    )

    def add_columns(
        self, key: Hashable, size: int, lower: Array | float = 0.0, upper: Array | float = np.inf
    ) -> None:
        self.columns[key] = _ColumnBlock(
            np.broadcast_to(lower, size), np.broadcast_to(upper, size), np.zeros(size)
        )

    def add_rows(self, sense: Sense, blocks: dict[Hashable, sp.sparray], rhs: Array) -> None:
        if len(rhs):
            self.rows[sense].append((blocks, rhs))

    def _stacked(self, sense: Sense) -> tuple[sp.csr_array | None, Array | None]:
        if not self.rows[sense]:
            return None, None
        start = dict(
            zip(
                self.columns,
                np.cumsum([0, *(len(c.cost) for c in self.columns.values())]),
                strict=False,
            )
        )
        data, row, column, top = [], [], [], 0
        for blocks, rhs in self.rows[sense]:
            for key, matrix in blocks.items():
                coo = sp.coo_array(matrix)
                assert coo.shape == (len(rhs), len(self.columns[key].cost))
                data.append(coo.data)
                row.append(coo.row + top)
                column.append(coo.col + start[key])
            top += len(rhs)
        shape = (top, sum(len(c.cost) for c in self.columns.values()))
        matrix = sp.csr_array(
            (np.concatenate(data), (np.concatenate(row), np.concatenate(column))), shape=shape
        )
        return matrix, np.concatenate([rhs for _, rhs in self.rows[sense]])

    def solve(self, proven_to: float) -> float:
        """Optimal value, of which duals prove all but a share of ``proven_to``."""
        a_eq, b_eq = self._stacked(Sense.EQUAL)
        a_ub, b_ub = self._stacked(Sense.LESS_EQUAL)
        cost, lower, upper = (
            np.concatenate([getattr(block, name) for block in self.columns.values()])
            for name in ("cost", "lower", "upper")
        )
        bounds = np.column_stack([lower, upper])
        options = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9}
        said = []
        for method in ("highs", "highs-ipm"):
            result = linprog(
                cost,
                A_ub=a_ub,
                b_ub=b_ub,
                A_eq=a_eq,
                b_eq=b_eq,
                bounds=bounds,
                method=method,
                options=options,
            )
            if result.status != 0:
                said.append(result.message)
                continue
            rows = [(a_ub, b_ub, result.ineqlin), (a_eq, b_eq, result.eqlin)]
            bound = _dual_bound(cost, lower, upper, rows, result.x)
            if result.fun - bound <= proven_to * abs(result.fun) + 1e-12 * float(
                np.abs(cost * result.x).sum()
            ):
                return float(result.fun)
            said.append(f"the optimum lies between {bound} and {result.fun}")
        raise AssertionError(f"the extensive form was not solved: {'; '.join(said)}")


def _dual_bound(
    cost: Array,
    lower: Array,
    upper: Array,
    rows: list[tuple[sp.csr_array | None, Array | None, Any]],
    point: Array,
) -> float:
    """What the duals of the rows prove about the least cost, whatever the
    solver says of its own answer.
    """
    bound, reduced = 0.0, cost.copy()
    for matrix, rhs, told in rows:
        if matrix is not None:
            duals = np.minimum(told.marginals, 0.0) if told is rows[0][2] else told.marginals
            bound += float(rhs @ duals)
            reduced -= matrix.T @ duals
    end = np.where(reduced > 0.0, lower, upper)
    rounding = np.isinf(end) & (
        np.abs(reduced) <= 1e-8 * (np.abs(cost) + 1.0)
    )  # such a column stays where it is
    end = np.where(rounding | (reduced == 0.0), point, end)
    return bound + float((reduced * end).sum())


def _add_nodes(
    program: _LinearProgram,
    stage: StageProgram,
    t: int,
    inflow: Array,
    load: Array,
    children: sp.sparray,
    before: StageProgram | None,
    state: Array,
) -> None:
    """Columns and rows of all nodes of stage ``t``, nodes ordered by parent, then opening."""
    n_nodes = len(inflow)
    program.add_columns(
        ("x", t),
        n_nodes * len(stage.index),
        np.tile(stage.lower, n_nodes),
        np.tile(stage.upper, n_nodes),
    )
    for sense, rows in stage.rows.items():
        rhs = np.tile([row[3] for row in rows], (n_nodes, 1))
        for r, (name, *_) in enumerate(rows):
            if name[:1] == ("load",):
                rhs[:, r] += load[:, name[1], name[2]]
            elif name[:1] == ("water",):
                rhs[:, r] += name[2] * inflow[:, name[1]]
        blocks = {("x", t): sp.kron(sp.eye(n_nodes), stage.matrix(sense))}
        incoming = stage.incoming_matrix(sense)
        if before is None:
            rhs -= incoming @ state
        else:
            held = [(i, before.index[name], 1.0) for i, name in enumerate(before.leaving)]
            pick = sparse(held, (len(held), len(before.index)))
            blocks["x", t - 1] = sp.kron(children, incoming @ pick)
        program.add_rows(sense, blocks, rhs.ravel())


def _add_outcomes(
    program: _LinearProgram,
    stage: StageProgram,
    t: int,
    n_parents: int,
    p: Array,
    measure: MixedCVaR,
    system: System,
    *,
    last: bool,
) -> None:
    """Outcome of each node, and its measure
    ``(1 - w) E[Z] + w min_a {a + E[(Z - a)+] / k}`` at each parent.
    """
    n_nodes, weight = n_parents * len(p), measure.weight
    program.add_columns(("outcome", t), n_nodes, lower=-np.inf)
    program.add_columns(("risk-adjusted", t), n_parents, lower=-np.inf)
    program.add_columns(("threshold", t), n_parents, lower=-np.inf)
    program.add_columns(("above threshold", t), n_nodes)
    definition = {
        ("outcome", t): sp.eye(n_nodes),
        ("x", t): -sp.kron(sp.eye(n_nodes), np.array(stage.cost)[None]),
    }
    if not last:  # the measures of the children are columns of the next stage
        definition["risk-adjusted", t + 1] = -system.discount_factors[t] * sp.eye(n_nodes)
    program.add_rows(Sense.EQUAL, definition, np.zeros(n_nodes))
    expectation = sp.kron(sp.eye(n_parents), p[None])
    program.add_rows(
        Sense.EQUAL,
        {
            ("risk-adjusted", t): sp.eye(n_parents),
            ("outcome", t): -(1.0 - weight) * expectation,
            ("threshold", t): -weight * sp.eye(n_parents),
            ("above threshold", t): -weight / measure.tail_fraction * expectation,
        },
        np.zeros(n_parents),
    )
    children = sp.kron(sp.eye(n_parents), np.ones((len(p), 1)))
    program.add_rows(
        Sense.LESS_EQUAL,
        {
            ("outcome", t): sp.eye(n_nodes),
            ("threshold", t): -children,
            ("above threshold", t): -sp.eye(n_nodes),
        },
        np.zeros(n_nodes),
    )


def _refuse_what_is_not_covered(system: System, config: StudyConfig) -> None:
    unusual = {
        "plants that enter, leave or fill": (
            system.operative_states["hydros"] != OperativeState.OPERATING
        ).any(),
        "evaporation": any(hydro.evaporation is not None for hydro in system.hydros),
        "diversions": any(hydro.diversion is not None for hydro in system.hydros),
        "contracts": bool(system.contracts),
        "pumping": bool(system.pumping_stations),
        "uncontrolled sources": bool(system.non_controllables),
        "plants dispatched ahead that enter or leave": any(
            thermal.gnl_lag_stages is not None and (states != OperativeState.OPERATING).any()
            for thermal, states in zip(
                system.thermals, system.operative_states["thermals"], strict=True
            )
        ),
        "truncated inflows": config.inflow_non_negativity.truncates,
        "planes that must be fitted": any(
            production.kind is ProductionKind.FPHA and not production.planes
            for plant in system.production
            for production in plant
        ),
        "cyclic horizons": system.policy_graph.type is not GraphType.FINITE_HORIZON,
    }
    if refused := [name for name, present in unusual.items() if present]:
        raise NotImplementedError(f"the extensive form does not cover: {', '.join(refused)}")
