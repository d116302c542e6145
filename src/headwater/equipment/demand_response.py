r"""Demand that answers to prices: load that is given up at a price, or put off within a stage.

    0 <= d[i, k, s] <= max_mw of step s             cost  tau_k price_s d[i, k, s]
    sum_s d[i, k, s] <= mean load of the bus in the block
    0 <= off[i, k] <= max_shift_mw                  cost  tau_k shift_cost off[i, k]
    0 <= on[i, k] <= max_recovery_mw
    sum_k tau_k (on - recovery off)[i, k] = 0       of every stage

What is given up or put off counts as power at the bus, what is made good as load. Elastic demand is
the same: each step of the demand curve is load that is given up where power costs more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import (
    BusId,
    EntryStage,
    ExitStage,
    Name,
    NonNegative,
    OwnId,
    Unit,
    in_file,
)
from headwater.core.flows import BusFlow
from headwater.core.ids import ABSENT
from headwater.core.parts import (
    OPERATIVE_STATE,
    Column,
    Cost,
    EntityFile,
    Equipment,
    Family,
    Phase,
    Piece,
    Quantity,
    ResultTable,
    Words,
)
from headwater.core.program import LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.model import System


@in_file()
@dataclass(frozen=True, slots=True)
class DemandStep:
    """Load that is given up where power costs more than it is worth."""

    max_mw: Annotated[NonNegative, "load of the step"]
    price_per_mwh: Annotated[NonNegative, "what it is worth"]


@in_file()
@dataclass(frozen=True, slots=True)
class DemandResponse:
    """Load of a bus that is given up at a price, or put off to other blocks of the stage."""

    id: OwnId
    bus_id: BusId
    name: Name = ""
    steps: Annotated[tuple[DemandStep, ...], "load that is given up, in steps of its price"] = ()
    max_shift_mw: Annotated[NonNegative, "most load that is put off"] = 0.0
    max_recovery_mw: Annotated[
        NonNegative | None, "most load that makes it good; as much as is put off when not given"
    ] = None
    recovery_factor: Annotated[
        NonNegative, Unit("MWh/MWh"), "energy that makes good a MWh that is put off"
    ] = 1.0
    shift_cost_per_mwh: Annotated[NonNegative, "cost of energy that is put off"] = 0.0
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None

    @property
    def recovery_mw(self) -> float:
        """Most load that makes good what was put off."""
        return self.max_shift_mw if self.max_recovery_mw is None else self.max_recovery_mw


def mean_load_mw(system: System, t: int, bus_id: int) -> Array:
    """Mean load of a bus at a stage, ``[block]``; infinite where statistics do not say it."""
    n_blocks, stage_id = len(system.stages[t].blocks), system.stages[t].id
    means = [
        row.mean_mw
        for row in system.load_statistics
        if (row.bus_id, row.stage_id) == (bus_id, stage_id)
    ]
    if not means:
        return np.full(n_blocks, np.inf)
    factors = system.load_factor[system.bus_index[bus_id], t, :n_blocks]
    found: Array = np.maximum(means[0] * factors, 0.0)
    return found


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns of every step, and of load that is put off and made good, in MW."""
    responses = ctx.system.of(DemandResponse)
    n_steps = max((len(one.steps) for one in responses), default=0)
    shape = (len(responses), ctx.n_blocks)
    given_up = build.column_family("demand_reduction", (*shape, n_steps))
    off, on = (build.column_family(name, shape) for name in ("demand_shift", "demand_recovery"))
    for i, one in enumerate(responses):
        if not ctx.operating("demand_responses", i):
            continue
        left = mean_load_mw(ctx.system, ctx.t, one.bus_id)
        order = sorted(range(len(one.steps)), key=lambda s: one.steps[s].price_per_mwh)
        for k, hours in enumerate(ctx.block_hours):
            for s in order:
                most = min(one.steps[s].max_mw, float(left[k]))
                left[k] -= most
                given_up[i, k, s] = build.column(0.0, most, hours * one.steps[s].price_per_mwh)
            if one.max_shift_mw > 0.0:
                off[i, k] = build.column(0.0, one.max_shift_mw, hours * one.shift_cost_per_mwh)
                on[i, k] = build.column(0.0, one.recovery_mw)


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """What is put off is made good within the stage."""
    off, on = build.columns["demand_shift"], build.columns["demand_recovery"]
    responses = ctx.system.of(DemandResponse)
    rows = build.row_family("demand_recovery", len(responses))
    for i, one in enumerate(responses):
        if ctx.n_blocks and off[i, 0] != ABSENT:
            rows[i] = build.equality()
            for k, hours in enumerate(ctx.block_hours):
                build.put(rows[i], int(on[i, k]), hours)
                build.put(rows[i], int(off[i, k]), -hours * one.recovery_factor)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """What is not used counts as power at the bus, what is made good as load."""
    for i, bus in enumerate(ctx.bus("demand_responses")):
        for k in range(ctx.n_blocks):
            load = int(build.rows["load"][bus, k])
            less = [*build.columns["demand_reduction"][i, k], build.columns["demand_shift"][i, k]]
            for columns, sign in ((less, 1.0), ([build.columns["demand_recovery"][i, k]], -1.0)):
                for column in columns:
                    if column != ABSENT:
                        build.put(load, int(column), sign)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``demand_responses``."""
    return {
        "reduction_mw": read.values(s, "demand_reduction").sum(axis=3),
        "shift_mw": read.values(s, "demand_shift"),
        "recovery_mw": read.values(s, "demand_recovery"),
        "cost": read.priced(s, "demand_reduction").sum(axis=3) + read.priced(s, "demand_shift"),
    }


EQUIPMENT.add(
    Equipment(
        "demand_response",
        "demand_responses",
        DemandResponse,
        EntityFile(
            "system/demand_responses.json",
            "demand_responses",
            meaning="load that is given up at a price, or put off",
        ),
        Words("demand response", "demand responses", "Demand response"),
        code=11,
        capacity=(("max_shift_mw", "MW put off"),),
        tables=(
            ResultTable(
                "demand_responses",
                "scenario, stage, block and demand response",
                (
                    Column("reduction_mw", "MW", "load that is given up"),
                    Column("shift_mw", "MW", "load that is put off"),
                    Column("recovery_mw", "MW", "load that makes good what was put off"),
                    Column("cost", "$", "worth of what is given up, and cost of putting off"),
                    OPERATIVE_STATE,
                ),
                read_table,
            ),
        ),
        costs=(
            Cost(
                "demand_response_cost",
                "load that is given up or put off",
                "resource",
                ("demand_reduction", "demand_shift"),
            ),
        ),
        quantities=(
            Quantity("demand_reduction", (("demand_reduction", 1.0),)),
            Quantity("demand_shift", (("demand_shift", 1.0),)),
            Quantity("demand_recovery", (("demand_recovery", 1.0),)),
        ),
        pieces=(
            Piece(Phase.COLUMNS, declare_columns),
            Piece(Phase.ROWS, declare_rows),
            Piece(Phase.TERMS, put_terms),
        ),
        families=(
            Family("demand_reduction", "load of {0} that is given up", "MW"),
            Family("demand_shift", "load of {0} that is put off", "MW"),
            Family("demand_recovery", "load of {0} that is made good", "MW"),
            Family("demand_recovery", "what {0} makes good", "MWh", is_row=True),
        ),
        flows=(
            BusFlow(
                "demand_reduction",
                "demand response",
                "demand_responses",
                "reduction_mw",
                color="#b58db6",
                place=5,
            ),
            BusFlow(
                "demand_shift",
                "load put off",
                "demand_responses",
                "shift_mw",
                color="#cdb4ce",
                place=5,
            ),
            BusFlow(
                "demand_recovery",
                "load made good",
                "demand_responses",
                "recovery_mw",
                takes=True,
                color="#cdb4ce",
                place=11,
            ),
        ),
    )
)
