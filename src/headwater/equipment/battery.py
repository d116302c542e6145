r"""Batteries: energy kept from stage to stage, charged from and discharged to a bus.

    e[b] = e_in[b] + sum_k tau_k (eta_c c[b, k] - d[b, k] / eta_d)      MWh, one row per battery
    0 <= e <= max_energy      0 <= c <= max_charge      0 <= d <= max_discharge
    cost  tau_k cost d[b, k]

Energy is limited at the end of the stage, not between its blocks. A battery that has not entered
keeps its initial energy; one that has left holds none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
from annotated_types import Gt, Le

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import (
    BusId,
    EntryStage,
    ExitStage,
    Name,
    NonNegative,
    Ordered,
    OwnId,
    PerStage,
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
    Limit,
    Phase,
    Piece,
    Quantity,
    ResultTable,
    Words,
)
from headwater.core.program import LpBuilder
from headwater.core.repairs import RepairedStage, Room
from headwater.core.state import StateBlock
from headwater.core.stores import Store
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.model import System

BOUNDS = "constraints/battery_bounds.parquet"
Efficiency = Annotated[float, Gt(0), Le(1)]


@in_file(checks=(Ordered("initial_energy_mwh", "max_energy_mwh"),))
@dataclass(frozen=True, slots=True)
class Battery:
    """Stores energy at a bus, with losses on the way in and on the way out."""

    id: OwnId
    bus_id: BusId
    max_energy_mwh: Annotated[NonNegative, "largest stored energy"]
    max_charge_mw: Annotated[NonNegative, PerStage(BOUNDS), "largest power taken from the bus"]
    max_discharge_mw: Annotated[NonNegative, PerStage(BOUNDS), "largest power given to the bus"]
    name: Name = ""
    charge_efficiency: Annotated[Efficiency, "energy stored for each MWh taken"] = 1.0
    discharge_efficiency: Annotated[Efficiency, "energy given for each MWh released"] = 1.0
    initial_energy_mwh: Annotated[NonNegative, "stored energy before the first stage"] = 0.0
    cost_per_mwh: Annotated[
        NonNegative, "cost of energy given, which keeps it from cycling for nothing"
    ] = 0.01
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None


def state(system: System, n_lags: int, n_accumulators: int) -> Iterator[StateBlock]:
    """Stored energy of every battery; how far inflow models look back does not matter."""
    del n_lags, n_accumulators
    batteries = system.of(Battery)
    yield StateBlock(
        "battery_energy",
        "MWh",
        ("battery_id",),
        tuple((one.id,) for one in batteries),
        words="batteries",
        priced=True,
        entity_names=batteries.names,
        initial=partial(_initial, batteries),
        box=partial(_box, batteries),
    )


def _initial(batteries: tuple[Battery, ...]) -> Array:
    return np.array([one.initial_energy_mwh for one in batteries], np.float64)


def _box(batteries: tuple[Battery, ...]) -> tuple[Array, Array]:
    return np.zeros(len(batteries)), np.array([one.max_energy_mwh for one in batteries], np.float64)


def declare_energy_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``e[b]`` in MWh, of absent batteries as well.

    The state has one shape at every stage.
    """
    batteries = ctx.system.of(Battery)
    energy = build.column_family("battery_energy", len(batteries))
    energy[:] = [build.column(0.0, battery.max_energy_mwh) for battery in batteries]
    build.leave("battery_energy", energy)


def declare_power_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``c[b, k]``, ``d[b, k]`` in MW."""
    batteries, limits = ctx.system.of(Battery), ctx.system.values(Battery)
    shape = (len(batteries), ctx.n_blocks)
    charge, discharge = (
        build.column_family("battery_charge", shape),
        build.column_family("battery_discharge", shape),
    )
    for b, battery in enumerate(batteries):
        for k, hours in enumerate(ctx.block_hours if ctx.operating("batteries", b) else ()):
            charge[b, k] = build.column(0.0, limits.max_charge_mw[b, ctx.t])
            discharge[b, k] = build.column(
                0.0, limits.max_discharge_mw[b, ctx.t], hours * battery.cost_per_mwh
            )


def declare_balance_rows(build: LpBuilder, ctx: StageContext) -> None:
    """The energy balance of every battery."""
    batteries, place = ctx.system.of(Battery), ctx.layout.places("battery_energy")
    rows = build.row_family("battery_balance", len(batteries))
    for b, battery in enumerate(batteries):
        row = rows[b] = build.equality()
        build.put(row, build.columns["battery_energy"][b], 1.0)
        if not ctx.operating("batteries", b):
            build.shift_row(row, 0.0 if ctx.gone("batteries", b) else -battery.initial_energy_mwh)
            continue
        build.put_state(row, place[b], -1.0)
        for k, hours in enumerate(ctx.block_hours):
            build.put(
                row, build.columns["battery_charge"][b, k], -hours * battery.charge_efficiency
            )
            build.put(
                row, build.columns["battery_discharge"][b, k], hours / battery.discharge_efficiency
            )


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Power taken from and given to the bus."""
    for b, bus in enumerate(ctx.bus("batteries")):
        for k in range(ctx.n_blocks):
            if build.columns["battery_charge"][b, k] != ABSENT:
                build.put(build.rows["load"][bus, k], build.columns["battery_charge"][b, k], -1.0)
                build.put(build.rows["load"][bus, k], build.columns["battery_discharge"][b, k], 1.0)


def repairs(stage: RepairedStage) -> Iterator[Room]:
    """Missing energy is not kept or not given; energy that is too much is kept, or not taken.

    What is kept and given is the incoming energy and what is taken, so there is enough to leave
    away; and without taking any, what is kept is at most the incoming energy, which has a place.
    """
    for row in stage.rows("battery_balance"):
        yield stage.room(row, -1.0, "battery_energy", "battery_discharge")
        yield stage.room(row, 1.0, "battery_energy", "battery_charge")


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``batteries``."""
    return {
        "charge_mw": read.values(s, "battery_charge"),
        "discharge_mw": read.values(s, "battery_discharge"),
        "energy_initial_mwh": read.repeat(read.incoming(s, "battery_energy")),
        "energy_final_mwh": read.repeat(read.stage_values(s, "battery_energy")),
        "energy_value_per_mwh": read.repeat(read.worth(s, "battery_energy")),
    }


EQUIPMENT.add(
    Equipment(
        "battery",
        "batteries",
        Battery,
        EntityFile("system/batteries.json", "batteries", meaning="batteries"),
        Words("battery", "batteries", "Battery"),
        code=8,
        capacity=(("max_energy_mwh", "MWh"), ("max_discharge_mw", "MW")),
        tables=(
            ResultTable(
                "batteries",
                "scenario, stage, block and battery",
                (
                    Column("charge_mw", "MW", "power taken from the bus"),
                    Column("discharge_mw", "MW", "power given to the bus"),
                    Column("energy_initial_mwh", "MWh", "stored energy at the start of the stage"),
                    Column("energy_final_mwh", "MWh", "stored energy at the end of the stage"),
                    Column(
                        "energy_value_per_mwh",
                        "$/MWh",
                        "worth of one more MWh at the start, current value",
                    ),
                    OPERATIVE_STATE,
                ),
                read_table,
            ),
        ),
        costs=(
            Cost(
                "battery_cost",
                "energy given by batteries",
                "regularization",
                ("battery_discharge",),
            ),
        ),
        quantities=(
            Quantity("battery_charge", (("battery_charge", 1.0),)),
            Quantity("battery_discharge", (("battery_discharge", 1.0),)),
            Quantity("battery_energy", (("battery_energy", 1.0),), of_stage=True),
        ),
        state=state,
        pieces=(
            Piece(Phase.STATE_COLUMNS, declare_energy_columns),
            Piece(Phase.COLUMNS, declare_power_columns),
            Piece(Phase.STATE_ROWS, declare_balance_rows),
            Piece(Phase.TERMS, put_terms),
        ),
        store=Store(
            "batteries",
            "energy_initial_mwh",
            "energy_final_mwh",
            "energy_value_per_mwh",
            "stored energy",
            "MWh",
        ),
        families=(
            Family("battery_energy", "stored energy of {0}", "MWh"),
            Family("battery_charge", "power that charges {0}", "MW"),
            Family("battery_discharge", "power that discharges {0}", "MW"),
            Family("battery_balance", "the energy balance of {0}", "MWh", is_row=True),
        ),
        flows=(
            BusFlow(
                "discharge", "batteries", "batteries", "discharge_mw", color="#4aa3a8", place=3
            ),
            BusFlow(
                "charge",
                "charging of batteries",
                "batteries",
                "charge_mw",
                takes=True,
                color="#a5d3d6",
                place=11,
            ),
        ),
        limits=(
            Limit(10, "charging power", "max_charge_mw"),
            Limit(12, "discharging power", "max_discharge_mw"),
        ),
        repairs=repairs,
    )
)
