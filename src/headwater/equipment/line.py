"""Lines: two-way interconnections of buses, with losses."""

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
from headwater.model.entities import Line

_TABLES = (
    ResultTable(
        "exchanges",
        "scenario, stage, block and line",
        (
            Column("direct_flow_mw", "MW", "sent from source to target"),
            Column("reverse_flow_mw", "MW", "sent from target to source"),
            Column("net_flow_mw", "MW", "direct minus reverse"),
            Column("net_flow_mwh", "MWh", "net energy of the block"),
            Column("losses_mw", "MW", "sent and not received"),
            Column("losses_mwh", "MWh", "lost energy of the block"),
            Column("exchange_cost", "$", "cost of exchange"),
            OPERATIVE_STATE,
        ),
        place=2,
    ),
)

_COSTS = (Cost("exchange_cost", "exchanges", "regularization", place=19),)

EQUIPMENT.add(
    Equipment(
        "line",
        "lines",
        Line,
        EntityFile("system/lines.json", "lines", place=1, required=True),
        Words("line", "lines", "Line"),
        code=3,
        place=1,
        capacity=(("direct_capacity_mw", "MW direct"), ("reverse_capacity_mw", "MW reverse")),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(
            Quantity("line_direct"),
            Quantity("line_reverse"),
            Quantity("line_exchange"),
        ),
    )
)
