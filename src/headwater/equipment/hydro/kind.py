"""Hydro plants: reservoir, turbines and place in the cascade."""

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
            Column("turbined_slack_m3s", "m3/s", "missing to the minimum turbined flow"),
            Column("outflow_slack_below_m3s", "m3/s", "missing to the minimum outflow"),
            Column("outflow_slack_above_m3s", "m3/s", "beyond the maximum outflow"),
            Column("generation_slack_mw", "MW", "missing to the minimum generation"),
            Column("storage_violation_below_hm3", "hm3", "missing to the minimum storage"),
            Column("filling_target_violation_hm3", "hm3", "missing to the filling target"),
            Column("evaporation_violation_pos_m3s", "m3/s", "evaporated beyond the model"),
            Column("evaporation_violation_neg_m3s", "m3/s", "evaporated short of the model"),
            Column("inflow_nonnegativity_slack_m3s", "m3/s", "water bought against negative inflow"),
            Column("water_withdrawal_violation_pos_m3s", "m3/s", "withdrawn beyond schedule"),
            Column("water_withdrawal_violation_neg_m3s", "m3/s", "withdrawn short of schedule"),
        ),
        place=0,
    ),
    ResultTable(
        "inflow_lags",
        "scenario, stage, river and lag",
        (
            Column("lag_index", "-", "periods back, from 1", "whole"),
            Column("inflow_m3s", "m3/s", "incremental inflow that many periods before the stage"),
        ),
        block="none",
        sort=("scenario_id", "stage_id", "hydro_id", "lag_index"),
        place=7,
    ),
)

_COSTS = (
    Cost("storage_violation_cost", "storage below its minimum", "violation", place=4),
    Cost("filling_target_cost", "filling target missed", "violation", place=5),
    Cost(
        "hydro_violation_cost",
        "sum of the six hydro violations that follow; not to be added to them",
        "violation",
        place=6,
    ),
    Cost("outflow_violation_below_cost", "outflow below its minimum", place=7),
    Cost("outflow_violation_above_cost", "outflow above its maximum", place=8),
    Cost("turbined_violation_cost", "turbined flow below its minimum", place=9),
    Cost("generation_violation_cost", "hydro generation below its minimum", place=10),
    Cost("evaporation_violation_cost", "evaporation other than modelled", place=11),
    Cost("withdrawal_violation_cost", "withdrawal other than scheduled", place=12),
    Cost("inflow_penalty_cost", "water bought against negative inflow", "violation", place=13),
    Cost("spillage_cost", "spillage", "regularization", place=15),
    Cost("diversion_cost", "water sent through diversions", "regularization", place=16),
    Cost(
        "fpha_turbined_cost",
        "turbined flow of plants with production planes",
        "regularization",
        place=17,
    ),
)

EQUIPMENT.add(
    Equipment(
        "hydro",
        "hydros",
        Hydro,
        EntityFile("system/hydros.json", "hydros", place=2, required=True),
        Words("hydro", "hydro plants", "Hydro"),
        code=0,
        place=2,
        capacity=(("max_generation_mw", "MW"),),
        tables=_TABLES,
        costs=_COSTS,
        quantities=(
            Quantity("hydro_storage", of_stage=True),
            Quantity("hydro_turbined"),
            Quantity("hydro_spillage"),
            Quantity("hydro_diversion"),
            Quantity("hydro_outflow"),
            Quantity("hydro_generation"),
            Quantity("hydro_evaporation", of_stage=True),
            Quantity("hydro_withdrawal", of_stage=True),
        ),
    )
)
