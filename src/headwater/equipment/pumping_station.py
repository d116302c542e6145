r"""Pumping stations: water lifted from one reservoir to another with power taken from a bus.

    min_flow <= p[j, k] <= max_flow      power  kappa p[j, k]

The flow leaves the balance of the source and enters that of the destination; pumping itself has no
cost, its power is paid for where it is generated. A station with an absent plant at either end is
absent.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headwater.core.equipment import EQUIPMENT
from headwater.core.flows import BusFlow
from headwater.core.ids import ABSENT
from headwater.core.parts import (
    OPERATIVE_STATE,
    Advice,
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
from headwater.core.program import Combination, LpBuilder
from headwater.core.stage_tables import StageTable
from headwater.core.wording import listed
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import reservoirs
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.model import OperativeState, PumpingStation, System


def works(ctx: StageContext, j: int) -> bool:
    """Whether a station operates and both of its plants hold water."""
    station, index = ctx.system.pumping_stations[j], ctx.system.hydro_index
    ends = (index[station.source_hydro_id], index[station.destination_hydro_id])
    return ctx.operating("pumping_stations", j) and all(ctx.present(h) for h in ends)


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``p[j, k]`` in m3/s."""
    limits = ctx.system.bounds.pumping_station
    flow = build.column_family("pumping", (len(ctx.system.pumping_stations), ctx.n_blocks))
    for j in range(len(ctx.system.pumping_stations)):
        if works(ctx, j):
            for k in range(ctx.n_blocks):
                flow[j, k] = build.column(limits.min_m3s[j, ctx.t], limits.max_m3s[j, ctx.t])


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Flow moves water, power loads the bus."""
    bus, index = ctx.system.network.bus["pumping_stations"], ctx.system.hydro_index
    for j, station in enumerate(ctx.system.pumping_stations):
        for k in range(ctx.n_blocks):
            column = int(build.columns["pumping"][j, k])
            if column == ABSENT:
                continue
            reservoirs.put_block_flow(build, ctx, index[station.source_hydro_id], k, column, 1.0)
            reservoirs.put_block_flow(
                build, ctx, index[station.destination_hydro_id], k, column, -1.0
            )
            build.put(build.rows["load"][bus[j], k], column, -station.consumption_mw_per_m3s)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``pumping_stations``.

    The cost is imputed: energy at the marginal cost of the bus, paid where it is generated.
    """
    stations = read.system.pumping_stations
    flow = read.values(s, "pumping")
    power = flow * np.array([station.consumption_mw_per_m3s for station in stations])
    return {
        "pumped_flow_m3s": flow,
        "pumped_volume_hm3": flow * read.ctx.block_hm3[None, :, None],
        "power_consumption_mw": power,
        "energy_consumption_mwh": power * read.hours,
        "pumping_cost": imputed_cost(read, s),
    }


def imputed_cost(read: StageReader, s: StageSolutions) -> np.ndarray:
    """Energy of every station in $, ``[scenario, block, station]``.

    Valued at the marginal cost of its bus.
    """
    consumption = np.array(
        [station.consumption_mw_per_m3s for station in read.system.pumping_stations], np.float64
    )
    dual = np.swapaxes(s.load_dual, 1, 2)[:, :, read.system.network.bus["pumping_stations"]]
    cost: np.ndarray = read.values(s, "pumping") * consumption * dual
    return cost


def total_imputed_cost(read: StageReader, s: StageSolutions) -> np.ndarray:
    """The same over all stations, ``[scenario, block]``."""
    cost: np.ndarray = imputed_cost(read, s).sum(axis=2)
    return cost


def power(build: LpBuilder, ctx: StageContext, j: int, k: int) -> tuple[Combination, float]:
    """Power that a station takes in a block."""
    column = int(build.columns["pumping"][j, k])
    rate = ctx.system.pumping_stations[j].consumption_mw_per_m3s
    return [] if column == ABSENT else [(column, rate)], 0.0


def minimum_flows(system: System) -> Iterator[str]:
    """Stations that must pump."""
    ids = [
        s.id
        for j, s in enumerate(system.pumping_stations)
        if (system.bounds.pumping_station.min_m3s[j] > 0.0).any()
    ]
    if ids:
        yield (
            f"pumping station(s) {listed(ids)} have a minimum flow, which an empty source "
            "reservoir cannot give"
        )


def absent_ends(system: System) -> Iterator[str]:
    """Stations that rest for want of a plant."""
    states = system.operative_states
    present = np.isin(states["hydros"], (OperativeState.OPERATING, OperativeState.FILLING))
    for j, station in enumerate(system.pumping_stations):
        ends = [
            system.hydro_index[i] for i in (station.source_hydro_id, station.destination_hydro_id)
        ]
        idle = (states["pumping_stations"][j] == OperativeState.OPERATING) & ~present[ends].all(
            axis=0
        )
        stages = [system.stages[t].id for t in np.flatnonzero(idle)]
        if stages:
            yield (
                f"pumping station {station.id} rests at stage(s) {listed(stages)}, where one of "
                "its plants is absent"
            )


_TABLES = (
    ResultTable(
        "pumping_stations",
        "scenario, stage, block and pumping station",
        (
            Column("pumped_flow_m3s", "m3/s", "pumped flow"),
            Column("pumped_volume_hm3", "hm3", "pumped volume of the block"),
            Column("power_consumption_mw", "MW", "power taken from the bus"),
            Column("energy_consumption_mwh", "MWh", "energy of the block"),
            Column(
                "pumping_cost",
                "$",
                "energy at the spot price; imputed, not part of the immediate cost",
            ),
            OPERATIVE_STATE,
        ),
        read_table,
        place=4,
    ),
)

_COSTS = (
    Cost(
        "pumping_cost",
        "energy of pumping at the spot price; imputed, not part of the immediate cost",
        "imputed",
        read=total_imputed_cost,
        place=20,
    ),
)

EQUIPMENT.add(
    Equipment(
        "pumping_station",
        "pumping_stations",
        PumpingStation,
        EntityFile(
            "system/pumping_stations.json", "pumping_stations", place=5, meaning="pumping stations"
        ),
        Words("pumping station", "pumping stations", "Pumping station"),
        code=4,
        place=4,
        stage_tables=(
            StageTable(
                "constraints/pumping_bounds.parquet",
                "station_id",
                held_in="pumping_bound_overrides",
                place=3,
            ),
        ),
        flows=(
            BusFlow(
                "pumping",
                "pumping",
                "pumping_stations",
                "energy_consumption_mwh",
                takes=True,
                place=10,
            ),
        ),
        limits=(Limit(8, "flow", "max_m3s", "min_m3s"),),
        capacity=(("max_flow_m3s", "m3/s"),),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(
            Quantity("pumping_flow", (("pumping", 1.0),)),
            Quantity("pumping_power", combine=power),
        ),
        pieces=(
            Piece(Phase.COLUMNS, declare_columns, place=6),
            Piece(Phase.TERMS, put_terms, place=8),
        ),
        families=(
            Family("pumping", "pumped flow of {0}", "m3/s", floor="flow of pumping station"),
        ),
        advice=(Advice(minimum_flows, place=1), Advice(absent_ends, place=5)),
    )
)
