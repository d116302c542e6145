"""What hydro plants cost, and the limits that they may break at a price."""

from __future__ import annotations

from headwater.core.parts import Cost, Violation
from headwater.equipment.hydro import seepage

COSTS = (
    Cost(
        "storage_violation_cost",
        "storage below its minimum",
        "violation",
        families=("storage_slack",),
        of_stage=True,
        place=4,
    ),
    Cost(
        "filling_target_cost",
        "filling target missed",
        "violation",
        families=(
            "filling_slack",
            "retention_slack",
        ),
        of_stage=True,
        place=5,
    ),
    Cost(
        "hydro_violation_cost",
        "sum of the six hydro violations that follow; not to be added to them",
        "violation",
        total_of=(
            "outflow_violation_below_cost",
            "outflow_violation_above_cost",
            "turbined_violation_cost",
            "generation_violation_cost",
            "evaporation_violation_cost",
            "withdrawal_violation_cost",
        ),
        place=6,
    ),
    Cost(
        "outflow_violation_below_cost",
        "outflow below its minimum",
        families=("outflow_below_slack",),
        place=7,
    ),
    Cost(
        "outflow_violation_above_cost",
        "outflow above its maximum",
        families=("outflow_above_slack",),
        place=8,
    ),
    Cost(
        "turbined_violation_cost",
        "turbined flow below its minimum",
        families=("turbined_slack",),
        place=9,
    ),
    Cost(
        "generation_violation_cost",
        "hydro generation below its minimum",
        families=("generation_slack",),
        place=10,
    ),
    Cost(
        "evaporation_violation_cost",
        "evaporation and seepage other than modelled",
        families=(
            "evaporation_short",
            "evaporation_beyond",
        ),
        of_stage=True,
        read=seepage.violation_cost,
        place=11,
    ),
    Cost(
        "withdrawal_violation_cost",
        "withdrawal other than scheduled",
        families=(
            "withdrawal_short",
            "withdrawal_beyond",
        ),
        of_stage=True,
        place=12,
    ),
    Cost(
        "inflow_penalty_cost",
        "water bought to make up for negative inflow",
        "violation",
        families=("inflow_slack",),
        of_stage=True,
        place=13,
    ),
    Cost("spillage_cost", "spillage", "regularization", families=("spillage",), place=15),
    Cost(
        "diversion_cost",
        "water sent through diversions",
        "regularization",
        families=("diversion",),
        place=16,
    ),
    Cost(
        "fpha_turbined_cost",
        "turbined flow",
        "regularization",
        families=("turbined",),
        place=17,
    ),
)

VIOLATIONS = (
    Violation("filling_target", "filling target missed", "hm3", ("filling_slack",), place=0),
    Violation(
        "storage_below_minimum",
        "storage below its minimum (dead volume used)",
        "hm3",
        ("storage_slack",),
        place=1,
    ),
    Violation(
        "bought_inflow",
        "water bought to make up for negative inflow",
        "m3/s",
        ("inflow_slack",),
        place=2,
    ),
    Violation(
        "filling_inflow",
        "less kept back for the filling than asked",
        "m3/s",
        ("retention_slack",),
        place=3,
    ),
    Violation(
        "outflow_below_minimum",
        "outflow below its minimum",
        "m3/s",
        ("outflow_below_slack",),
        place=4,
    ),
    Violation(
        "outflow_above_maximum",
        "outflow above its maximum",
        "m3/s",
        ("outflow_above_slack",),
        place=5,
    ),
    Violation(
        "turbined_below_minimum",
        "turbined flow below its minimum",
        "m3/s",
        ("turbined_slack",),
        place=6,
    ),
    Violation(
        "generation_below_minimum",
        "generation below its minimum",
        "MW",
        ("generation_slack",),
        place=7,
    ),
    Violation(
        "evaporation",
        "evaporation other than modelled",
        "m3/s",
        ("evaporation_short", "evaporation_beyond"),
        place=8,
    ),
    Violation(
        "withdrawal",
        "withdrawal other than scheduled",
        "m3/s",
        ("withdrawal_short", "withdrawal_beyond"),
        place=9,
    ),
)
