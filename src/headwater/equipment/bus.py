"""Buses: where power is balanced, load is served or not, and excess is disposed of."""

from __future__ import annotations

from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import (
    Column,
    Cost,
    EntityFile,
    Equipment,
    Quantity,
    ResultTable,
    Words,
)
from headwater.model.entities import Bus

_TABLES = (
    ResultTable(
        "buses",
        "scenario, stage, block and bus",
        (
            Column("load_mw", "MW", "load"),
            Column("load_mwh", "MWh", "load energy of the block"),
            Column("deficit_mw", "MW", "unserved load"),
            Column("deficit_mwh", "MWh", "unserved energy of the block"),
            Column("excess_mw", "MW", "power disposed of"),
            Column("excess_mwh", "MWh", "energy disposed of in the block"),
            Column("spot_price", "$/MWh", "marginal cost of energy, current value"),
        ),
        place=3,
    ),
)

_COSTS = (
    Cost("deficit_cost", "unserved load", "recourse", place=2),
    Cost(
        "excess_cost",
        "excess energy and negative net generation of production planes",
        "recourse",
        place=3,
    ),
)

EQUIPMENT.add(
    Equipment(
        "bus",
        "buses",
        Bus,
        EntityFile("system/buses.json", "buses", place=0, required=True),
        Words("bus", "buses", "Bus"),
        code=2,
        place=0,
        tables=_TABLES,
        costs=_COSTS,
        quantities=(
            Quantity("bus_deficit"),
            Quantity("bus_excess"),
        ),
    )
)
