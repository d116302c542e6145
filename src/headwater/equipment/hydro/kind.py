"""Hydro plants: reservoir, turbines and place in the cascade."""

from __future__ import annotations

from headwater.core.equipment import EQUIPMENT
from headwater.core.flows import BusFlow
from headwater.core.parts import (
    OPERATIVE_STATE,
    Advice,
    Column,
    EntityFile,
    Equipment,
    Limit,
    Phase,
    Piece,
    Quantity,
    ResultTable,
    Words,
)
from headwater.core.stage_tables import OtherColumn, StageTable
from headwater.equipment.hydro import (
    advice,
    columns,
    diversions,
    evaporation,
    filling,
    inflows,
    plants,
    readout,
    repairs,
    reservoirs,
    seepage,
    state,
    travel,
)
from headwater.equipment.hydro.costs import COSTS, VIOLATIONS
from headwater.equipment.hydro.families import FAMILIES
from headwater.model.entities import Hydro

_TABLES = (
    ResultTable(
        "hydros",
        "scenario, stage, block and hydro plant",
        (
            Column("turbined_m3s", "m3/s", "flow through the turbines"),
            Column("spillage_m3s", "m3/s", "flow past the turbines"),
            Column("outflow_m3s", "m3/s", "turbined plus spilled"),
            Column(
                "evaporation_m3s",
                "m3/s",
                "evaporated; null where it is not modelled",
                nullable=True,
            ),
            Column(
                "diverted_inflow_m3s",
                "m3/s",
                "received through diversions; null without any",
                nullable=True,
            ),
            Column(
                "diverted_outflow_m3s",
                "m3/s",
                "sent through the diversion; null without one",
                nullable=True,
            ),
            Column(
                "incremental_inflow_m3s",
                "m3/s",
                "natural inflow between this plant and those upstream",
            ),
            Column("inflow_m3s", "m3/s", "incremental inflow plus what arrives from upstream"),
            Column(
                "storage_initial_hm3",
                "hm3",
                "storage at the start of the stage, or of the chronological block",
            ),
            Column(
                "storage_final_hm3",
                "hm3",
                "storage at the end of the stage, or of the chronological block",
            ),
            Column("generation_mw", "MW", "net power"),
            Column("generation_mwh", "MWh", "net energy of the block"),
            Column(
                "productivity_mw_per_m3s",
                "MW/(m3/s)",
                "productivity in force; null with production planes",
                nullable=True,
            ),
            Column("spillage_cost", "$", "cost of spillage"),
            Column(
                "water_value_per_hm3",
                "$/hm3",
                "worth of one more hm3 at the start of the stage, current value",
            ),
            Column(
                "storage_binding_code",
                "-",
                "0 none, 1 at or below minimum, 2 at maximum, 3 both",
                "code",
            ),
            OPERATIVE_STATE,
            Column("turbined_slack_m3s", "m3/s", "shortfall below the minimum turbined flow"),
            Column("outflow_slack_below_m3s", "m3/s", "shortfall below the minimum outflow"),
            Column("outflow_slack_above_m3s", "m3/s", "excess above the maximum outflow"),
            Column("generation_slack_mw", "MW", "shortfall below the minimum generation"),
            Column("storage_violation_below_hm3", "hm3", "shortfall below the minimum storage"),
            Column("filling_target_violation_hm3", "hm3", "shortfall below the filling target"),
            Column("evaporation_violation_pos_m3s", "m3/s", "evaporated more than the model says"),
            Column("evaporation_violation_neg_m3s", "m3/s", "evaporated less than the model says"),
            Column(
                "inflow_nonnegativity_slack_m3s",
                "m3/s",
                "water bought to make up for negative inflow",
            ),
            Column("water_withdrawal_violation_pos_m3s", "m3/s", "withdrawn more than scheduled"),
            Column("water_withdrawal_violation_neg_m3s", "m3/s", "withdrawn less than scheduled"),
        ),
        readout.read_table,
        place=0,
    ),
    ResultTable(
        "inflow_lags",
        "scenario, stage, river and lag",
        (
            Column("lag_index", "-", "periods back, from 1", "whole"),
            Column("inflow_m3s", "m3/s", "incremental inflow that many periods before the stage"),
        ),
        inflows.read_lags,
        block="none",
        sort=("scenario_id", "stage_id", "hydro_id", "lag_index"),
        place=7,
    ),
    ResultTable(
        "seepage",
        "scenario, stage and hydro plant with seepage",
        (
            Column("seepage_m3s", "m3/s", "seepage to the plant downstream, mean of the stage"),
            Column("short_m3s", "m3/s", "seepage short of the model"),
            Column("beyond_m3s", "m3/s", "seepage beyond the model"),
        ),
        seepage.read_table,
        block="none",
        sort=("scenario_id", "stage_id", "hydro_id"),
    ),
    ResultTable(
        "travelling_water",
        "scenario, stage and hydro plant whose water travels",
        (
            Column("initial_hm3", "hm3", "on its way below the plant at the start of the stage"),
            Column("released_hm3", "hm3", "turbined and spilled in the stage"),
            Column("arrived_hm3", "hm3", "arrived below in the stage"),
            Column("final_hm3", "hm3", "on its way at the end of the stage"),
            Column(
                "value_per_hm3",
                "$/hm3",
                "worth of one more hm3 that is the next to arrive, current value",
            ),
        ),
        travel.read_table,
        block="none",
        sort=("scenario_id", "stage_id", "hydro_id"),
    ),
)


EQUIPMENT.add(
    Equipment(
        "hydro",
        "hydros",
        Hydro,
        EntityFile(
            "system/hydros.json",
            "hydros",
            place=2,
            required=True,
            meaning="hydro plants; may be empty",
        ),
        Words("hydro", "hydro plants", "Hydro"),
        code=0,
        place=2,
        stage_tables=(
            StageTable(
                "constraints/hydro_bounds.parquet",
                key_meaning="hydro plant",
                more=(
                    OtherColumn(
                        "water_withdrawal_m3s",
                        "m3/s",
                        "water taken from the river for other uses; "
                        "negative for water that is added",
                    ),
                ),
                held_in="hydro_bound_overrides",
                place=0,
            ),
            StageTable(
                "constraints/penalty_overrides_hydro.parquet",
                key_meaning="hydro plant",
                held_in="hydro_penalty_overrides",
                place=9,
            ),
        ),
        flows=(BusFlow("hydro", "hydro", "hydros", "generation_mwh", place=0),),
        limits=(
            Limit(0, "storage", "max_storage_hm3", "min_storage_hm3"),
            Limit(2, "turbined flow", "max_turbined_m3s", "min_turbined_m3s"),
            Limit(4, "outflow", "max_outflow_m3s", "min_outflow_m3s"),
            Limit(6, "generation or power", "max_generation_mw", "min_generation_mw"),
        ),
        capacity=(("max_generation_mw", "MW"),),
        tables=_TABLES,
        costs=COSTS,
        quantities=(
            Quantity("hydro_storage", of_stage=True, combine=reservoirs.storage),
            Quantity("hydro_turbined", (("turbined", 1.0),)),
            Quantity("hydro_spillage", (("spillage", 1.0),)),
            Quantity("hydro_diversion", (("diversion", 1.0),), feature="diversion"),
            Quantity("hydro_outflow", (("turbined", 1.0), ("spillage", 1.0))),
            Quantity("hydro_generation", combine=plants.power),
            Quantity(
                "hydro_evaporation", (("evaporation", 1.0),), of_stage=True, feature="evaporation"
            ),
            Quantity("hydro_withdrawal", of_stage=True, combine=reservoirs.withdrawal),
        ),
        state=state.blocks,
        pieces=(
            Piece(Phase.STATE_COLUMNS, reservoirs.declare_storage_columns, place=0),
            Piece(Phase.STATE_COLUMNS, inflows.declare_lag_columns, place=1),
            Piece(Phase.STATE_COLUMNS, inflows.declare_accumulator_columns, place=3),
            Piece(Phase.STATE_COLUMNS, travel.declare_incoming_columns),
            Piece(Phase.COLUMNS, columns.declare, place=4),
            Piece(Phase.COLUMNS, inflows.declare_memory_columns, place=9),
            Piece(Phase.COLUMNS, travel.declare_outgoing_columns),
            Piece(Phase.COLUMNS, seepage.declare_columns),
            Piece(Phase.STATE_ROWS, reservoirs.declare_balance_rows, place=0),
            Piece(Phase.STATE_ROWS, inflows.declare_lag_rows, place=1),
            Piece(Phase.STATE_ROWS, inflows.declare_accumulator_rows, place=3),
            Piece(Phase.STATE_ROWS, plants.declare_plane_rows, place=4),
            Piece(Phase.STATE_ROWS, evaporation.declare_rows, place=6),
            Piece(Phase.STATE_ROWS, reservoirs.declare_parallel_balance_rows),
            Piece(Phase.STATE_ROWS, travel.declare_incoming_rows),
            Piece(Phase.STATE_ROWS, seepage.declare_rows),
            Piece(Phase.ROWS, inflows.declare_inflow_rows, place=1),
            Piece(Phase.ROWS, reservoirs.declare_later_balance_rows, place=2),
            Piece(Phase.ROWS, plants.declare_limit_rows, place=4),
            Piece(Phase.ROWS, reservoirs.declare_floor_rows, place=5),
            Piece(Phase.ROWS, filling.declare_rows, place=6),
            Piece(Phase.ROWS, inflows.declare_memory_rows, place=9),
            Piece(Phase.ROWS, travel.declare_outgoing_rows),
            Piece(Phase.TERMS, reservoirs.put_terms, place=3),
            Piece(Phase.TERMS, plants.put_terms, place=4),
            Piece(Phase.TERMS, diversions.put_terms, place=5),
            Piece(Phase.TERMS, evaporation.put_terms, place=6),
            Piece(Phase.TERMS, travel.put_terms),
            Piece(Phase.TERMS, seepage.put_terms),
        ),
        families=FAMILIES,
        advice=(
            Advice(advice.approximate_heads, place=0),
            Advice(advice.unreachable_filling, place=4),
            Advice(advice.few_planes, place=7),
            Advice(advice.unknown_outflows),
        ),
        violations=VIOLATIONS,
        repairs=repairs.water_rooms,
    )
)
