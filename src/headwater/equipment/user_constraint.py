r"""User constraints: linear in named quantities, with priced slack where the user allows it.

A right-hand side without a block makes one row per block when the constraint names a block quantity
without block (the quantity takes the block of the row), else one row for the stage; a right-hand
side for a block makes one row, and wins over the one without block. With an aggregation there is
one row for the stage, in which a block quantity without block stands for its sum over the blocks,
or its mean weighted by hours. Slack costs ``penalty * hours of the row``. Rows that name storage
are part of the rows that cuts may depend on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.core.ids import ABSENT
from headwater.core.parts import (
    Advice,
    Column,
    Cost,
    EntityFile,
    Equipment,
    Family,
    Labeller,
    Phase,
    Piece,
    ResultTable,
    Violation,
    Words,
)
from headwater.core.program import Combination, LpBuilder
from headwater.core.wording import listed
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.errors import ModelError
from headwater.model import BlockAggregation, GenericConstraint, OperativeState, Sense, System, Term


@dataclass(frozen=True)
class GenericRow:
    """One row to build.

    Attributes:
        constraint: position of its constraint.
        block: block of the row, ``None`` for the whole stage.
        unqualified: what a block quantity without block stands for: blocks and their weights.
        bound: right-hand side.
        hours: hours that the slack is paid for.
    """

    constraint: int
    block: int | None
    unqualified: tuple[tuple[int, float], ...]
    bound: float
    hours: float


def rows_of_stage(ctx: StageContext) -> list[GenericRow]:
    """The rows that the right-hand sides of this stage call for, by constraint and block."""
    return ctx.kept("rows of user constraints", _rows_of_stage)


def _rows_of_stage(ctx: StageContext) -> list[GenericRow]:
    bounds = ctx.system.right_hand_sides.get(ctx.stage.id, {})
    rows: list[GenericRow] = []
    for position, constraint in enumerate(ctx.system.generic_constraints):
        given = bounds.get(constraint.id, {})
        if constraint.block_aggregation is not BlockAggregation.PER_BLOCK:
            rows.extend(_aggregated(ctx, position, constraint, given))
            continue
        per_block = any(
            term.block_id is None and not _of_stage(term) for term in constraint.expression.terms
        )
        if None in given and not per_block:
            rows.append(GenericRow(position, None, (), given[None], ctx.hours))
        for k in range(ctx.n_blocks):
            bound = given.get(k, given.get(None) if per_block else None)
            if bound is not None:
                rows.append(GenericRow(position, k, ((k, 1.0),), bound, float(ctx.block_hours[k])))
    return rows


def _aggregated(
    ctx: StageContext,
    position: int,
    constraint: GenericConstraint,
    given: Mapping[int | None, float],
) -> Iterator[GenericRow]:
    if given.keys() - {None}:
        raise ModelError(
            f"constraint {constraint.id} aggregates over blocks "
            f"({constraint.block_aggregation.value}), so its bounds cannot name a block (stage "
            f"{ctx.stage.id})"
        )
    if None in given:
        mean = constraint.block_aggregation is BlockAggregation.AVERAGE
        weights = ctx.block_hours / ctx.hours if mean else np.ones(ctx.n_blocks)
        yield GenericRow(position, None, tuple(enumerate(weights.tolist())), given[None], ctx.hours)


def names_storage(constraint: GenericConstraint) -> bool:
    """Whether the constraint refers to storage."""
    return any(term.quantity == "hydro_storage" for term in constraint.expression.terms)


def declare_slack_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Slack columns in row order; equalities have one for each side."""
    rows = rows_of_stage(ctx)
    plus = build.column_family("generic_slack", len(rows))
    minus = build.column_family("generic_slack_minus", len(rows))
    for r, row in enumerate(rows):
        constraint = ctx.system.generic_constraints[row.constraint]
        if constraint.slack_cost is not None:
            cost = constraint.slack_cost * row.hours
            plus[r] = build.column(cost=cost)
            if constraint.sense is Sense.EQUAL:
                minus[r] = build.column(cost=cost)


def declare_rows(build: LpBuilder, ctx: StageContext, *, with_storage: bool) -> None:
    """Rows of the constraints that name storage, or of the others."""
    rows = rows_of_stage(ctx)
    positions = build.rows.get("generic")
    if positions is None:
        positions = build.row_family("generic", len(rows))
    for r, row in enumerate(rows):
        constraint = ctx.system.generic_constraints[row.constraint]
        if names_storage(constraint) == with_storage:
            positions[r] = _declare_row(build, ctx, constraint, row, r)


def _declare_row(
    build: LpBuilder, ctx: StageContext, constraint: GenericConstraint, row: GenericRow, r: int
) -> int:
    lower = -np.inf if constraint.sense is Sense.LESS_EQUAL else row.bound
    upper = np.inf if constraint.sense is Sense.GREATER_EQUAL else row.bound
    index = build.row(lower, upper)
    build.shift_row(index, constraint.expression.constant)
    for term in constraint.expression.terms:
        for block, weight in _blocks(ctx, term, row):
            combination, constant = quantity(build, ctx, term.quantity, term.entity_id, block)
            build.shift_row(index, weight * term.coefficient * constant)
            for column, value in combination:
                build.put(index, column, weight * term.coefficient * value)
    plus, minus = build.columns["generic_slack"][r], build.columns["generic_slack_minus"][r]
    if plus != ABSENT:
        build.put(index, plus, -1.0 if constraint.sense is Sense.LESS_EQUAL else 1.0)
    if minus != ABSENT:
        build.put(index, minus, -1.0)
    return index


def _blocks(ctx: StageContext, term: Term, row: GenericRow) -> tuple[tuple[int, float], ...]:
    """Blocks that a term refers to in a row, each with its weight.

    Stage quantities are the same in every block.
    """
    if _of_stage(term):
        return ((0, 1.0),)
    if term.block_id is None:
        return row.unqualified
    if not 0 <= term.block_id < ctx.n_blocks:
        raise ModelError(
            f"'{term.quantity}({term.entity_id}, {term.block_id})' names a block that stage "
            f"{ctx.stage.id} does not have"
        )
    return ((term.block_id, 1.0),)


def _of_stage(term: Term) -> bool:
    """Whether the quantity of a term has one value for the stage."""
    found = EQUIPMENT.quantities.get(term.quantity)
    return found is not None and found[1].of_stage


def broken(read: StageReader, counted: Callable[[str], Array]) -> Array:
    """By how much each constraint is broken, ``[scenario, constraint]``: of its rows the worst."""
    slack = counted("generic_slack") + counted("generic_slack_minus")
    found = np.zeros((len(slack), len(read.system.generic_constraints)))
    for r, row in enumerate(rows_of_stage(read.ctx)):
        np.maximum(found[:, row.constraint], slack[:, r], out=found[:, row.constraint])
    return found


def slack_costs(read: StageReader, s: StageSolutions) -> NDArray[np.float64]:
    """What the slacks cost, ``[scenario, block]`` in $.

    Rows of the whole stage are shared by block hours.
    """
    costs = np.zeros((len(s.primal), read.ctx.n_blocks))
    paid = read.stage_priced(s, "generic_slack") + read.stage_priced(s, "generic_slack_minus")
    for r, row in enumerate(rows_of_stage(read.ctx)):
        if row.block is None:
            costs += paid[:, r, None] * (read.ctx.block_hours / read.ctx.hours)
        else:
            costs[:, row.block] += paid[:, r]
    return costs


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``violations/generic``, a row per constraint row of the stage.

    Block -1 is the whole stage. The marginal value is the change of cost per unit of the
    right-hand side and hour of the row.
    """
    rows = rows_of_stage(read.ctx)
    shape = (len(s.primal), len(rows))
    block = np.array([-1 if row.block is None else row.block for row in rows], np.int32)
    ids = np.array([read.system.generic_constraints[row.constraint].id for row in rows], np.int32)
    hours = np.array([row.hours for row in rows])
    return {
        "block_id": np.broadcast_to(block, shape),
        "constraint_id": np.broadcast_to(ids, shape),
        "slack_value": read.stage_values(s, "generic_slack")
        + read.stage_values(s, "generic_slack_minus"),
        "slack_cost": read.stage_priced(s, "generic_slack")
        + read.stage_priced(s, "generic_slack_minus"),
        "marginal_value": s.generic_dual / hours,
    }


def quantity(
    build: LpBuilder, ctx: StageContext, name: str, entity_id: int, k: int
) -> tuple[Combination, float]:
    """A named quantity in block ``k`` (ignored by quantities of the stage).

    It is given by columns with coefficients, and a constant.

    An entity that is absent at the stage, or lacks the feature (no channel, no lake surface),
    contributes nothing.

    Raises:
        ModelError: there is no such quantity or entity, or a contract is named as import and is an
            export, or the other way round.
    """
    if name not in EQUIPMENT.quantities:
        known = ", ".join(sorted(EQUIPMENT.quantities))
        raise ModelError(
            f"an expression names '{name}({entity_id})', which is not a quantity; known: {known}"
        )
    part, declared = EQUIPMENT.quantities[name]
    position = ctx.system.index_of(part.collection).get(entity_id)
    if position is None:
        raise ModelError(
            f"an expression names '{name}({entity_id})', but there is no "
            f"{part.words.one} {entity_id}"
        )
    return declared.combination(build, ctx, position, k)


def label_rows(ctx: StageContext, constraints: Sequence[str]) -> Labeller:
    """Constraint of a row, and its block where it has one."""
    labels = [
        [constraints[row.constraint], *([] if row.block is None else [str(row.block)])]
        for row in rows_of_stage(ctx)
    ]
    return lambda index: labels[index[0]]


def hard_constraints(system: System) -> Iterator[str]:
    """Constraints without slack."""
    ids = [
        constraint.id for constraint in system.generic_constraints if constraint.slack_cost is None
    ]
    if ids:
        yield (
            f"user constraint(s) {listed(ids)} have no slack: a stage that cannot "
            "satisfy them has no solution"
        )


def terms_without_meaning(system: System) -> Iterator[str]:
    """Terms that are always zero, or zero at some stages."""
    active = {bound.constraint_id for bound in system.generic_constraint_bounds}
    for constraint in system.generic_constraints:
        if constraint.id not in active:
            continue
        for term in constraint.expression.terms:
            part, declared = EQUIPMENT.quantities[term.quantity]
            if not part.has_life:
                continue
            kind = part.collection
            index = next(
                (
                    i
                    for i, entity in enumerate(getattr(system, kind))
                    if entity.id == term.entity_id
                ),
                None,
            )
            if index is None:
                continue
            entity = getattr(system, kind)[index]
            if declared.feature and getattr(entity, declared.feature) is None:
                yield (
                    f"constraint {constraint.id}: {term.quantity}({term.entity_id}) is 0, because "
                    f"the plant has no {declared.feature}"
                )
                continue
            codes = system.operative_states[kind][index]
            absent = ~np.isin(codes, (OperativeState.OPERATING, OperativeState.FILLING))
            bounded = {
                bound.stage_id
                for bound in system.generic_constraint_bounds
                if bound.constraint_id == constraint.id
            }
            stages = [
                stage.id
                for t, stage in enumerate(system.stages)
                if absent[t] and stage.id in bounded
            ]
            if stages:
                yield (
                    f"constraint {constraint.id}: {term.quantity}({term.entity_id}) is 0 at "
                    f"stage(s) {listed(stages)}, where it is absent"
                )


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
        read_table,
        by_entity=False,
        block="some",
        sort=("scenario_id", "stage_id", "constraint_id", "block_id"),
        place=8,
    ),
)

_COSTS = (
    Cost(
        "generic_violation_cost",
        "slack of user constraints",
        "violation",
        read=slack_costs,
        place=14,
    ),
)

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
        pieces=(
            Piece(Phase.COLUMNS, declare_slack_columns, place=8),
            Piece(Phase.STATE_ROWS, partial(declare_rows, with_storage=True), place=5),
            Piece(Phase.ROWS, partial(declare_rows, with_storage=False), place=8),
        ),
        families=(
            Family("generic_slack", "violation of user constraint {0}", "", labels=label_rows),
            Family(
                "generic_slack_minus",
                "violation of user constraint {0} the other way",
                "",
                labels=label_rows,
            ),
            Family(
                "generic",
                "user constraint {0}",
                "",
                is_row=True,
                shown="constraint",
                labels=label_rows,
            ),
        ),
        advice=(Advice(hard_constraints, place=2), Advice(terms_without_meaning, place=3)),
        violations=(
            Violation(
                "user_constraint",
                "user constraint broken",
                "units of the constraint",
                measure=broken,
                place=10,
            ),
        ),
    )
)
