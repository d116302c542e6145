r"""Batteries: energy kept from stage to stage, charged from and discharged to a bus.

    e[b] = keep(T) e_in[b] + sum_k tau_k (eta_c c[b, k] - d[b, k] / eta_d)      a row per battery
    0 <= e <= max_energy      0 <= c <= max_charge      0 <= d <= max_discharge
    cost  tau_k cost d[b, k]        keep(h) = (1 - self_discharge) ** h

Where blocks are parallel, energy is limited at the end of the stage. Chronological blocks have a
row and an energy each, which the next block begins with. A battery that is closed ends every stage
with its initial energy. One that has not entered keeps its initial energy; one that has left holds
none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

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
    Labeller,
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
    self_discharge_per_hour: Annotated[
        float, Ge(0), Lt(1), Unit("1/h"), "share of the stored energy that is lost in an hour"
    ] = 0.0
    closed_within_stage: Annotated[
        bool, "whether every stage ends with the initial energy, so that none links the stages"
    ] = False

    def kept(self, hours: float) -> float:
        """Share of the stored energy that is left after so many hours."""
        return float((1.0 - self.self_discharge_per_hour) ** hours)


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
    for b, battery in enumerate(batteries):
        closed = battery.closed_within_stage and ctx.operating("batteries", b)
        least = battery.initial_energy_mwh if closed else 0.0
        energy[b] = build.column(least, least if closed else battery.max_energy_mwh)
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
    if _follow(ctx):
        between = build.column_family("battery_block_energy", (len(batteries), ctx.n_blocks - 1))
        for b, battery in enumerate(batteries):
            for k in range(ctx.n_blocks - 1 if ctx.operating("batteries", b) else 0):
                between[b, k] = build.column(0.0, battery.max_energy_mwh)


def _follow(ctx: StageContext) -> bool:
    """Whether some blocks of a stage follow others, so that energy is limited between them."""
    return ctx.chronological and ctx.n_blocks > 1 and len(ctx.system.of(Battery)) > 0


def _energy_after(build: LpBuilder, ctx: StageContext, b: int, k: int) -> int:
    """Column of the energy that block ``k`` ends with."""
    if _follow(ctx) and k < ctx.n_blocks - 1:
        return int(build.columns["battery_block_energy"][b, k])
    return int(build.columns["battery_energy"][b])


def declare_balance_rows(build: LpBuilder, ctx: StageContext) -> None:
    """The energy balance of every battery: of the stage, or of its first chronological block."""
    batteries, place = ctx.system.of(Battery), ctx.layout.places("battery_energy")
    rows = build.row_family("battery_balance", len(batteries))
    for b, battery in enumerate(batteries):
        row = rows[b] = build.equality()
        if not ctx.operating("batteries", b):
            build.put(row, build.columns["battery_energy"][b], 1.0)
            build.shift_row(row, 0.0 if ctx.gone("batteries", b) else -battery.initial_energy_mwh)
            continue
        blocks = [0] if _follow(ctx) else list(range(ctx.n_blocks))
        build.put(row, _energy_after(build, ctx, b, blocks[-1]), 1.0)
        build.put_state(row, place[b], -battery.kept(float(ctx.block_hours[blocks].sum())))
        _put_powers(build, ctx, row, b, blocks)


def declare_later_balance_rows(build: LpBuilder, ctx: StageContext) -> None:
    """The energy balances of the second and later chronological blocks."""
    if not _follow(ctx):
        return
    batteries = ctx.system.of(Battery)
    rows = build.row_family("battery_block_balance", (len(batteries), ctx.n_blocks - 1))
    for b, battery in enumerate(batteries):
        for k in range(1, ctx.n_blocks if ctx.operating("batteries", b) else 1):
            row = rows[b, k - 1] = build.equality()
            build.put(row, _energy_after(build, ctx, b, k), 1.0)
            kept = battery.kept(float(ctx.block_hours[k]))
            build.put(row, _energy_after(build, ctx, b, k - 1), -kept)
            _put_powers(build, ctx, row, b, [k])


def _put_powers(
    build: LpBuilder, ctx: StageContext, row: int, b: int, blocks: Sequence[int]
) -> None:
    """Energy that is stored in some blocks, and that is released."""
    battery = ctx.system.of(Battery)[b]
    for k in blocks:
        hours = float(ctx.block_hours[k])
        build.put(row, build.columns["battery_charge"][b, k], -hours * battery.charge_efficiency)
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
    What a block keeps changes the balance of the next one.
    """
    later = stage.form.template.rows.get("battery_block_balance")
    for b, row in enumerate(stage.rows("battery_balance")):
        chain = [row]
        if later is not None and (later[b] != ABSENT).all():
            chain += [int(one) for one in stage.form.row_positions(later[b])]
        for place, here in enumerate(chain):
            needs = frozenset(chain[place + 1 : place + 2])
            yield replace(_room(stage, here, -1.0, "battery_discharge"), needs=needs)
            yield replace(_room(stage, here, 1.0, "battery_charge"), needs=needs)


def _room(stage: RepairedStage, row: int, sign: float, power: str) -> Room:
    """The room of a balance in which a power gives way, or the energy that the block ends with."""
    names = ("battery_energy", "battery_block_energy")
    known = [name for name in names if name in stage.form.template.columns]
    energies = np.concatenate([np.ravel(stage.columns(name)) for name in known])
    powers = np.ravel(stage.columns(power))
    movers = tuple(
        stage.moves(column, sign / value)
        for column, value in stage.entries(row)
        if (column in powers or (column in energies and value > 0.0)) and not stage.is_fixed(column)
    )
    return Room(row, sign, movers)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``batteries``."""
    initial = read.repeat(read.incoming(s, "battery_energy"))
    final = read.repeat(read.stage_values(s, "battery_energy"))
    if _follow(read.ctx):
        between = read.values(s, "battery_block_energy")
        n_batteries = len(read.system.of(Battery))
        there = [b for b in range(n_batteries) if read.ctx.operating("batteries", b)]
        initial[:, 1:, there] = final[:, :-1, there] = between[:, :, there]
    return {
        "charge_mw": read.values(s, "battery_charge"),
        "discharge_mw": read.values(s, "battery_discharge"),
        "energy_initial_mwh": initial,
        "energy_final_mwh": final,
        "energy_value_per_mwh": read.repeat(read.worth(s, "battery_energy")),
    }


def label_later_blocks(_: StageContext, batteries: Sequence[str]) -> Labeller:
    """Battery and block of a balance; the first one of the stage stands in another family."""
    return lambda index: [batteries[index[0]], str(index[1] + 1)]


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
                    Column(
                        "energy_initial_mwh",
                        "MWh",
                        "stored energy at the start of the stage, or of the chronological block",
                    ),
                    Column(
                        "energy_final_mwh",
                        "MWh",
                        "stored energy at the end of the stage, or of the chronological block",
                    ),
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
            Piece(Phase.ROWS, declare_later_balance_rows),
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
            Family("battery_block_energy", "block energy of {0}", "MWh"),
            Family("battery_balance", "the energy balance of {0}", "MWh", is_row=True),
            Family(
                "battery_block_balance",
                "the energy balance of {0}",
                "MWh",
                is_row=True,
                labels=label_later_blocks,
            ),
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
