r"""Load that may be put off: what is not served now is owed, and served later.

owed[a] = owed_in[a] + sum_k tau_k (put_off[a, k] - served[a, k])      MWh
cost  tau_k cost put_off[a, k]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import BusId, Name, NonNegative, OwnId, PerStage
from headwater.core.flows import BusFlow
from headwater.core.parts import (
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
from headwater.core.repairs import RepairedStage, Room
from headwater.core.state import StateBlock
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.model import System

BOUNDS = "constraints/deferrable_load_bounds.parquet"


@dataclass(frozen=True, slots=True)
class DeferrableLoad:
    """Load of a bus that waits, up to a limit."""

    id: OwnId
    bus_id: BusId
    max_power_mw: Annotated[
        NonNegative, PerStage(BOUNDS), "largest power that is put off, or served later"
    ]
    max_owed_mwh: Annotated[NonNegative, "most energy that may be owed"]
    name: Name = ""
    cost_per_mwh: Annotated[NonNegative, "cost of energy that is put off"] = 0.0


def state(system: System, n_lags: int, n_accumulators: int) -> Iterator[StateBlock]:
    loads = system.of(DeferrableLoad)
    yield StateBlock(
        "owed_energy",
        "MWh",
        ("deferrable_load_id",),
        tuple((load.id,) for load in loads),
        priced=True,
        initial=lambda: np.zeros(len(loads)),
    )


def declare_owed(build: LpBuilder, ctx: StageContext) -> None:
    loads = ctx.system.of(DeferrableLoad)
    owed = build.column_family("owed_energy", len(loads))
    owed[:] = [build.column(0.0, load.max_owed_mwh) for load in loads]
    build.leave("owed_energy", owed)


def declare_power(build: LpBuilder, ctx: StageContext) -> None:
    loads, limits = ctx.system.of(DeferrableLoad), ctx.system.values(DeferrableLoad)
    put_off, served = (
        build.column_family(name, (len(loads), ctx.n_blocks)) for name in ("put_off", "served_late")
    )
    for a, load in enumerate(loads):
        for k, hours in enumerate(ctx.block_hours):
            most = limits.max_power_mw[a, ctx.t]
            put_off[a, k] = build.column(0.0, most, hours * load.cost_per_mwh)
            served[a, k] = build.column(0.0, most)


def declare_balance(build: LpBuilder, ctx: StageContext) -> None:
    place = ctx.layout.places("owed_energy")
    rows = build.row_family("owed_balance", len(place))
    for a in range(len(place)):
        rows[a] = build.equality()
        build.put(rows[a], build.columns["owed_energy"][a], 1.0)
        build.put_state(rows[a], place[a], -1.0)
        for k, hours in enumerate(ctx.block_hours):
            build.put(rows[a], build.columns["put_off"][a, k], -hours)
            build.put(rows[a], build.columns["served_late"][a, k], hours)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    for a, bus in enumerate(ctx.bus("deferrable_loads")):
        for k in range(ctx.n_blocks):
            build.put(build.rows["load"][bus, k], build.columns["put_off"][a, k], 1.0)
            build.put(build.rows["load"][bus, k], build.columns["served_late"][a, k], -1.0)


def repairs(stage: RepairedStage) -> Iterator[Room]:
    """What is owed less is not served late or not owed on; what is owed more, not put off."""
    for row in stage.rows("owed_balance"):
        yield stage.room(row, -1.0, "owed_energy", "served_late")
        yield stage.room(row, 1.0, "owed_energy", "put_off")


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    return {
        "put_off_mw": read.values(s, "put_off"),
        "served_late_mw": read.values(s, "served_late"),
        "owed_mwh": read.repeat(read.stage_values(s, "owed_energy")),
    }


EQUIPMENT.add(
    Equipment(
        "deferrable_load",
        "deferrable_loads",
        DeferrableLoad,
        EntityFile(
            "system/deferrable_loads.json", "deferrable_loads", meaning="loads that may be put off"
        ),
        Words("deferrable load", "deferrable loads", "Deferrable load"),
        code=101,
        capacity=(("max_power_mw", "MW"),),
        tables=(
            ResultTable(
                "deferrable_loads",
                "scenario, stage, block and deferrable load",
                (
                    Column("put_off_mw", "MW", "power that is not served now"),
                    Column("served_late_mw", "MW", "power that serves what was owed"),
                    Column("owed_mwh", "MWh", "energy owed at the end of the stage"),
                ),
                read_table,
            ),
        ),
        costs=(Cost("deferral_cost", "load that is put off", "regularization", ("put_off",)),),
        quantities=(Quantity("owed_energy", (("owed_energy", 1.0),), of_stage=True),),
        state=state,
        pieces=(
            Piece(Phase.STATE_COLUMNS, declare_owed),
            Piece(Phase.COLUMNS, declare_power),
            Piece(Phase.STATE_ROWS, declare_balance),
            Piece(Phase.TERMS, put_terms),
        ),
        families=(Family("owed_energy", "energy owed by {0}", "MWh"),),
        flows=(
            BusFlow("put_off", "load put off", "deferrable_loads", "put_off_mw"),
            BusFlow(
                "served_late", "load served late", "deferrable_loads", "served_late_mw", takes=True
            ),
        ),
        repairs=repairs,
    )
)
