"""Pumping stations: water lifted from one reservoir to another with power taken from a bus."""

from __future__ import annotations

from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import (
    OPERATIVE_STATE,
    Column,
    Cost,
    EntityFile,
    Equipment,
    Quantity,
    ResultTable,
    Words,
)
from headwater.model.entities import PumpingStation

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
        place=4,
    ),
)

_COSTS = (
    Cost(
        "pumping_cost",
        "energy of pumping at the spot price; imputed, not part of the immediate cost",
        "imputed",
        place=20,
    ),
)

EQUIPMENT.add(
    Equipment(
        "pumping_station",
        "pumping_stations",
        PumpingStation,
        EntityFile("system/pumping_stations.json", "pumping_stations", place=5),
        Words("pumping station", "pumping stations", "Pumping station"),
        code=4,
        place=4,
        capacity=(("max_flow_m3s", "m3/s"),),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(
            Quantity("pumping_flow"),
            Quantity("pumping_power"),
        ),
    )
)
