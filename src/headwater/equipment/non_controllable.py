"""Non-controllable sources: wind, sun, small hydro, used up to what is available."""

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
from headwater.model.entities import NonControllableSource

_TABLES = (
    ResultTable(
        "non_controllables",
        "scenario, stage, block and non-controllable source",
        (
            Column("generation_mw", "MW", "power"),
            Column("generation_mwh", "MWh", "energy of the block"),
            Column("available_mw", "MW", "power that was available"),
            Column("curtailment_mw", "MW", "available and not used"),
            Column("curtailment_mwh", "MWh", "curtailed energy of the block"),
            Column("curtailment_cost", "$", "cost of curtailment"),
            OPERATIVE_STATE,
        ),
        place=6,
    ),
)

_COSTS = (Cost("curtailment_cost", "curtailed availability", "regularization", place=18),)

EQUIPMENT.add(
    Equipment(
        "non_controllable",
        "non_controllables",
        NonControllableSource,
        EntityFile("system/non_controllable_sources.json", "non_controllable_sources", place=4),
        Words("non-controllable source", "non-controllable sources", "Source"),
        code=7,
        place=6,
        capacity=(("max_generation_mw", "MW"),),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(
            Quantity("non_controllable_generation"),
            Quantity("non_controllable_curtailment"),
        ),
    )
)
