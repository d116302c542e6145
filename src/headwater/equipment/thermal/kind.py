"""Thermal plants: convex cost, some of them dispatched ahead."""

from __future__ import annotations

from headwater.core.equipment import EQUIPMENT
from headwater.core.flows import BusFlow
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
from headwater.core.stage_tables import StageTable
from headwater.equipment.thermal import ahead, commitment, generation, ramps
from headwater.model.entities import Thermal, ThermalInFile

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
        generation.read_table,
        place=1,
    ),
    ResultTable(
        "commitments",
        "scenario, stage, block and thermal plant that starts and stops",
        (
            Column("thermal_id", "-", "id of the plant", "whole"),
            Column("share_on", "-", "share of the plant that is on"),
            Column("share_started", "-", "share that started with the block"),
            Column("start_cost", "$", "cost of starts, part of the thermal cost"),
        ),
        commitment.read_table,
        by_entity=False,
        block="some",
        sort=("scenario_id", "stage_id", "block_id", "thermal_id"),
    ),
)

_COSTS = (
    Cost(
        "thermal_cost",
        "thermal generation",
        "resource",
        ("thermal_segment",),
        read=commitment.total_start_cost,
        place=0,
    ),
)

_FAMILIES = (
    Family("thermal_segment", "generation of {0}", "MW"),
    Family("gnl_commitment", "the commitment of {0}", "MW", labels=ahead.label_commitments),
    Family("gnl_order", "the order of {0}", "MW", labels=ahead.label_orders),
    Family(
        "gnl_fixing",
        "the commitment of {0}",
        "MW",
        is_row=True,
        shown="gnl_commitment",
        labels=ahead.label_commitments,
    ),
    Family(
        "gnl_coupling",
        "the delivery of what was ordered from {0}",
        "MW",
        is_row=True,
        labels=ahead.label_orders,
    ),
    Family("ramp", "the ramp of {0}", "MW", is_row=True),
    Family("thermal_on", "share of {0} that is on", ""),
    Family("thermal_start", "share of {0} that starts", ""),
    Family("thermal_stable", "the stable power of {0}", "MW", is_row=True),
    Family("thermal_maximum", "the power of what is on of {0}", "MW", is_row=True),
    Family("thermal_starts", "the starts of {0}", "", is_row=True),
    Family("thermal_up_time", "the time that {0} stays on", "", is_row=True),
    Family("thermal_down_time", "the time that {0} stays off", "", is_row=True),
)

EQUIPMENT.add(
    Equipment(
        "thermal",
        "thermals",
        Thermal,
        EntityFile(
            "system/thermals.json",
            "thermals",
            place=3,
            required=True,
            meaning="thermal plants; may be empty",
            form=ThermalInFile,
        ),
        Words("thermal", "thermal plants", "Thermal"),
        code=1,
        place=3,
        stage_tables=(
            StageTable(
                "constraints/thermal_bounds.parquet",
                key_meaning="thermal plant",
                held_in="thermal_bound_overrides",
                place=1,
            ),
        ),
        flows=(BusFlow("thermal", "thermal", "thermals", "generation_mwh", place=2),),
        limits=(Limit(6, "generation or power", "max_generation_mw", "min_generation_mw"),),
        capacity=(("max_generation_mw", "MW"),),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(Quantity("thermal_generation", (("thermal_segment", 1.0),)),),
        state=ahead.state,
        pieces=(
            Piece(Phase.STATE_COLUMNS, ahead.declare_commitment_columns, place=2),
            Piece(Phase.COLUMNS, generation.declare_columns, place=0),
            Piece(Phase.COLUMNS, ahead.declare_order_columns, place=1),
            Piece(Phase.STATE_ROWS, ahead.declare_fixing_rows, place=2),
            Piece(Phase.ROWS, ahead.declare_coupling_rows, place=3),
            Piece(Phase.COLUMNS, commitment.declare_columns),
            Piece(Phase.ROWS, ramps.declare_rows),
            Piece(Phase.ROWS, commitment.declare_rows),
            Piece(Phase.TERMS, generation.put_terms, place=0),
        ),
        families=_FAMILIES,
        advice=(Advice(generation.short_segments, place=6), Advice(ramps.unused_ramps)),
        lowest_cost=generation.lowest_cost,
        repairs=ahead.delivery_rooms,
    )
)
