r"""Pumping stations: water lifted from one reservoir to another with power taken from a bus.

    min_flow <= p[j, k] <= max_flow      power  kappa p[j, k]

The flow leaves the balance of the source and enters that of the destination; pumping itself has no cost, its power is paid for
where it is generated. A station with an absent plant at either end is absent.
"""

from __future__ import annotations

import numpy as np

from headwater.core.program import ABSENT, LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import reservoirs
from headwater.equipment.reading import Columns, StageReader, StageSolutions


def works(ctx: StageContext, j: int) -> bool:
    """Whether a station operates and both of its plants hold water."""
    station, index = ctx.system.pumping_stations[j], ctx.system.hydro_index
    ends = (index[station.source_hydro_id], index[station.destination_hydro_id])
    return ctx.operating("pumping_stations", j) and all(ctx.present(h) for h in ends)


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``p[j, k]`` in m3/s."""
    limits = ctx.system.bounds.pumping
    flow = build.column_family("pumping", (len(ctx.system.pumping_stations), ctx.n_blocks))
    for j in range(len(ctx.system.pumping_stations)):
        if works(ctx, j):
            for k in range(ctx.n_blocks):
                flow[j, k] = build.column(limits.min_flow_m3s[j, ctx.t], limits.max_flow_m3s[j, ctx.t])


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Flow moves water, power loads the bus."""
    bus, index = ctx.system.network.pumping_bus, ctx.system.hydro_index
    for j, station in enumerate(ctx.system.pumping_stations):
        for k in range(ctx.n_blocks):
            column = int(build.columns["pumping"][j, k])
            if column == ABSENT:
                continue
            reservoirs.put_block_flow(build, ctx, index[station.source_hydro_id], k, column, 1.0)
            reservoirs.put_block_flow(build, ctx, index[station.destination_hydro_id], k, column, -1.0)
            build.put(build.rows["load"][bus[j], k], column, -station.consumption_mw_per_m3s)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``pumping_stations``; the cost is imputed: energy at the marginal cost of the bus, paid where it is generated."""
    stations = read.system.pumping_stations
    if not stations:
        return {}
    flow = read.values(s, "pumping")
    power = flow * np.array([station.consumption_mw_per_m3s for station in stations])
    return read.flat(
        s,
        "pumping_station_id",
        [station.id for station in stations],
        {
            "pumped_flow_m3s": flow,
            "pumped_volume_hm3": flow * read.ctx.block_hm3[None, :, None],
            "power_consumption_mw": power,
            "energy_consumption_mwh": power * read.hours,
            "pumping_cost": imputed_cost(read, s),
            "operative_state_code": read.states("pumping_stations", flow),
        },
    )


def imputed_cost(read: StageReader, s: StageSolutions) -> np.ndarray:
    """Energy of every station at the marginal cost of its bus, ``[scenario, block, station]`` in $."""
    consumption = np.array([station.consumption_mw_per_m3s for station in read.system.pumping_stations], np.float64)
    dual = np.swapaxes(s.load_dual, 1, 2)[:, :, read.system.network.pumping_bus]
    cost: np.ndarray = read.values(s, "pumping") * consumption * dual
    return cost
