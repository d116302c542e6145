"""The canonical linear program of a stage: state first, then the future cost, then decisions.

Columns (``N`` hydros, ``L`` past inflows of each; commitments of plants dispatched ahead)::

    [0, N)           outgoing storage
    N + l N + h      incoming past inflow l of hydro h
    N (1 + L) + i    incoming commitment i, then what has been gathered of periods under way
    n_state          future cost

Then thermals, lines, buses, inflows, hydros, their slacks, contracts, pumping stations,
non-controllable sources, slacks of constraints.

Rows, those first that may depend on the incoming state::

    [0, N)           water balance
    N + l N + h      lag fixing
    N (1 + L) + i    commitment fixing, then accumulator fixing
    then             planes, constraints that name storage, evaporation

Then load balances, inflow equations, balances of later blocks, delivery of what was ordered, soft
limits, storage floors, filling, availability, other constraints. Cuts are appended below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headwater.arrays import Array, Indices
from headwater.core.equipment import EQUIPMENT
from headwater.core.ids import ABSENT
from headwater.core.parts import Phase
from headwater.core.program import LpBuilder
from headwater.core.state import StateLayout
from headwater.equipment.context import StageContext
from headwater.errors import ModelError
from headwater.lp import future_cost
from headwater.model import InflowNonNegativity, System

if TYPE_CHECKING:
    import scipy.sparse as sp


@dataclass(frozen=True)
class StageTemplate:
    """``min cost . x`` subject to rows and bounds, before state, noise and cuts; money in $.

    Attributes:
        t: stage position.
        n_hydros: hydros of the system.
        n_lags: inflow lags of the state, accumulators included.
        n_past_inflows: leading ones that are past inflows.
        layout: what each component of the state is.
        discount: one-step discount factor, the cost of the future.
        future: ``[column of the future cost]`` positions: theta alone, or a column per opening and
            what the tail needs.
        outlook: how the openings of the next stage add up, where each has a column; ``None`` for
            theta alone.
        matrix: ``[row, column]`` by column.
        cost, column_lower, column_upper: ``[column]``.
        row_lower, row_upper: ``[row]`` for incoming state, innovation, load and availability of
            zero.
        sensitivity: ``[row, state]``; ``sensitivity @ x_in`` is added to both bounds of the rows.
        n_cut_relevant: rows from here on do not depend on the incoming state.
        out_column: ``[state]`` column that holds each component of the outgoing state.
        columns, rows: families of positions, e.g. ``columns["turbined"][hydro, block]``; -1 where
            absent.
        known_columns, known_rows: columns that follow from incoming state and noise alone, and the
            rows that define them.
    """

    t: int
    n_hydros: int
    n_lags: int
    n_past_inflows: int
    layout: StateLayout
    discount: float
    future: Indices
    outlook: future_cost.Outlook | None
    matrix: sp.csc_array
    cost: Array
    column_lower: Array
    column_upper: Array
    row_lower: Array
    row_upper: Array
    sensitivity: sp.csr_array
    n_cut_relevant: int
    out_column: Indices
    columns: Mapping[str, Indices]
    rows: Mapping[str, Indices]
    known_columns: Indices
    known_rows: Indices

    @property
    def n_state(self) -> int:
        """Length of the state."""
        return self.layout.dimension

    @property
    def n_transfer(self) -> int:
        """Leading columns that are copied into the next incoming state.

        They are storages and all lags but the oldest.
        """
        return self.n_hydros * (1 + max(self.n_lags - 1, 0))

    @property
    def theta(self) -> int:
        """First column of the future cost; the only one without an outlook."""
        return int(self.future[0])

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.cost)

    @property
    def n_static(self) -> int:
        """Number of rows without cuts."""
        return len(self.row_lower)

    def __repr__(self) -> str:
        return (
            f"<StageTemplate {self.t}: {self.n_static} rows, {self.n_columns} columns, "
            f"{self.matrix.nnz} non-zeros>"
        )


def build_stage_template(
    system: System,
    t: int,
    psi: Array,
    *,
    inflow_method: InflowNonNegativity = InflowNonNegativity.PENALTY,
    theta_lower: float = 0.0,
    has_future: bool | None = None,
    outlook: future_cost.Outlook | None = None,
    memory: tuple[Array, Array] | None = None,
    n_past_inflows: int | None = None,
    productivity: Array | None = None,
) -> StageTemplate:
    """Build the canonical program of stage position ``t``.

    Args:
        system: the power system.
        t: stage position.
        psi: ``[hydro, lag]`` autoregressive coefficients of the stage.
        inflow_method: treatment of negative inflow.
        theta_lower: lower bound of the future cost in $.
        has_future: whether anything follows the stage; ``None`` for what the horizon says.
        outlook: openings of the next stage, each with a column of its own; ``None`` for one column.
        memory: how past inflows move on, as in `StageContext`; ``None`` where they grow older by
            one.
        n_past_inflows: leading lags that are past inflows, the others being accumulators; ``None``
            for all.
        productivity: ``[hydro]`` in MW per m3/s in place of that of the system, for plants without
            planes.

    Raises:
        HeadwaterError: as `declare_stage`.
    """
    declared = declare_stage(
        system,
        t,
        psi,
        inflow_method=inflow_method,
        theta_lower=theta_lower,
        has_future=has_future,
        outlook=outlook,
        memory=memory,
        n_past_inflows=n_past_inflows,
        productivity=productivity,
    )
    ctx, lp = declared.context, declared.build.assemble()
    return StageTemplate(
        t=t,
        n_hydros=ctx.n_hydros,
        n_lags=ctx.n_lags,
        n_past_inflows=ctx.n_past_inflows,
        layout=ctx.layout,
        discount=declared.discount,
        future=declared.future,
        outlook=outlook,
        matrix=lp.matrix,
        cost=lp.cost,
        column_lower=lp.column_lower,
        column_upper=lp.column_upper,
        row_lower=lp.row_lower,
        row_upper=lp.row_upper,
        sensitivity=lp.sensitivity,
        n_cut_relevant=declared.n_cut_relevant,
        out_column=declared.out_column,
        columns=lp.columns,
        rows=lp.rows,
        known_columns=lp.known_columns,
        known_rows=lp.known_rows,
    )


@dataclass(frozen=True)
class DeclaredStage:
    """All columns, rows and coefficients of a stage, not yet put together in matrices.

    Its fields are those of `StageTemplate`.
    """

    build: LpBuilder
    context: StageContext
    discount: float
    future: Indices
    n_cut_relevant: int
    out_column: Indices


def declare_stage(
    system: System,
    t: int,
    psi: Array,
    *,
    inflow_method: InflowNonNegativity = InflowNonNegativity.PENALTY,
    theta_lower: float = 0.0,
    has_future: bool | None = None,
    outlook: future_cost.Outlook | None = None,
    memory: tuple[Array, Array] | None = None,
    n_past_inflows: int | None = None,
    productivity: Array | None = None,
) -> DeclaredStage:
    """All of `build_stage_template` that can fail, with the same arguments.

    Its matrices are put together from what this gives.

    Raises:
        ModelError: what the system says of the stage cannot be written as a program.
    """
    ctx = StageContext(
        system=system,
        t=t,
        psi=psi,
        inflow_method=inflow_method,
        memory=memory,
        fixed_productivity=productivity,
        n_accumulators=0 if n_past_inflows is None else psi.shape[1] - n_past_inflows,
    )
    build = LpBuilder(ctx.layout.dimension)
    discount = float(system.discount_factors[t])
    if has_future is None:
        has_future = system.horizon.successor(t) is not None
    _declare(Phase.STATE_COLUMNS, build, ctx)
    future = future_cost.declare_columns(
        build, lower=theta_lower, discount=discount, has_future=has_future, outlook=outlook
    )
    _declare(Phase.COLUMNS, build, ctx)
    _declare(Phase.STATE_ROWS, build, ctx)
    n_cut_relevant = build.n_rows
    _declare(Phase.ROWS, build, ctx)
    future_cost.declare_rows(build, outlook)
    _declare(Phase.TERMS, build, ctx)
    if build.last_row_with_state() >= n_cut_relevant:
        raise ModelError("a row outside the cut-relevant region depends on the incoming state")
    out_column = _outgoing(build, ctx.layout)
    return DeclaredStage(build, ctx, discount, future, n_cut_relevant, out_column)


def _declare(phase: Phase, build: LpBuilder, ctx: StageContext) -> None:
    for piece in EQUIPMENT.pieces(phase):
        piece.declare(build, ctx)


def _outgoing(build: LpBuilder, layout: StateLayout) -> Indices:
    """Column of every component of the state that leaves the stage."""
    for block in layout.blocks:
        columns = build.outgoing.get(block.name, ())
        if len(columns) != len(block.owners) or ABSENT in columns:
            raise ModelError(
                f"the state has {len(block.owners)} components '{block.name}', "
                "which not all leave the stage"
            )
    return np.concatenate(
        [np.empty(0, np.int64), *(build.outgoing[block.name] for block in layout.blocks)]
    )
