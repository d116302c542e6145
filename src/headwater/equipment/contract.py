"""Energy contracts: import from, or export to, a neighbour at a price."""

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
from headwater.model.entities import EnergyContract

_TABLES = (
    ResultTable(
        "contracts",
        "scenario, stage, block and contract",
        (
            Column("power_mw", "MW", "imported or exported power"),
            Column("energy_mwh", "MWh", "energy of the block"),
            Column("price_per_mwh", "$/MWh", "price in force, negative for revenue"),
            Column("total_cost", "$", "cost, negative for revenue"),
            OPERATIVE_STATE,
        ),
        place=5,
    ),
)

_COSTS = (Cost("contract_cost", "contracts, export revenue negative", "resource", place=1),)

EQUIPMENT.add(
    Equipment(
        "contract",
        "contracts",
        EnergyContract,
        EntityFile("system/energy_contracts.json", "contracts", place=6),
        Words("contract", "contracts", "Contract"),
        code=5,
        place=5,
        capacity=(("max_mw", "MW"),),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(
            Quantity("contract_import"),
            Quantity("contract_export"),
        ),
    )
)
