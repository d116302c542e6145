"""User constraints: linear in named quantities, with priced slack where the user allows it."""

from __future__ import annotations

from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import (
    Column,
    Cost,
    EntityFile,
    Equipment,
    ResultTable,
    Words,
)
from headwater.model.generic_constraints import GenericConstraint

_TABLES = (
    ResultTable(
        "violations/generic",
        "scenario, stage and row of a user constraint",
        (
            Column("constraint_id", "-", "id of the user constraint", "whole"),
            Column("slack_value", "unit of the constraint", "violation"),
            Column("slack_cost", "$", "cost of the violation"),
            Column(
                "marginal_value",
                "$ per unit and hour",
                "change of cost when the bound grows by one unit for an hour",
            ),
        ),
        by_entity=False,
        block="some",
        sort=("scenario_id", "stage_id", "constraint_id", "block_id"),
        place=8,
    ),
)

_COSTS = (Cost("generic_violation_cost", "slack of user constraints", "violation", place=14),)

EQUIPMENT.add(
    Equipment(
        "user_constraint",
        "generic_constraints",
        GenericConstraint,
        EntityFile("constraints/generic_constraints.json", "constraints", place=7),
        Words("user constraint", "user constraints", "Constraint"),
        place=7,
        tables=_TABLES,
        costs=_COSTS,
    )
)
