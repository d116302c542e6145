"""Thermal plants: convex cost, some of them dispatched ahead."""

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
from headwater.model.entities import Thermal

_TABLES = (
    ResultTable(
        "thermals",
        "scenario, stage, block and thermal plant",
        (
            Column("generation_mw", "MW", "power"),
            Column("generation_mwh", "MWh", "energy of the block"),
            Column("generation_cost", "$", "cost of generation"),
            Column("is_gnl", "-", "whether dispatch is decided ahead", "flag"),
            Column(
                "gnl_committed_mw",
                "MW",
                "power committed earlier for this stage; null for ordinary plants",
                nullable=True,
            ),
            Column(
                "gnl_decision_mw",
                "MW",
                "power ordered now; null for ordinary plants",
                nullable=True,
            ),
            OPERATIVE_STATE,
        ),
        place=1,
    ),
)

_COSTS = (Cost("thermal_cost", "thermal generation", "resource", place=0),)

EQUIPMENT.add(
    Equipment(
        "thermal",
        "thermals",
        Thermal,
        EntityFile("system/thermals.json", "thermals", place=3, required=True),
        Words("thermal", "thermal plants", "Thermal"),
        code=1,
        place=3,
        capacity=(("max_generation_mw", "MW"),),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(Quantity("thermal_generation"),),
    )
)
