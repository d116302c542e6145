r"""User constraints: linear in named quantities, with priced slack where the user allows it.

A right-hand side without a block makes one row per block when the constraint names a block quantity without block (the quantity
takes the block of the row), else one row for the stage; a right-hand side for a block makes one row, and wins over the one
without block. Slack costs ``penalty * hours of the row``. Rows that name storage are part of the rows that cuts may depend on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headwater.errors import ModelError
from headwater.lp import hydro_plants, thermals
from headwater.lp.builder import ABSENT, LpBuilder
from headwater.lp.context import StageContext
from headwater.lp.thermals import Combination
from headwater.model import GenericConstraint, Sense, Term
from headwater.model.generic_constraints import STAGE_QUANTITIES


@dataclass(frozen=True)
class GenericRow:
    """One row to build: position of its constraint, block (``None``: the whole stage), right-hand side, hours."""

    constraint: int
    block: int | None
    bound: float
    hours: float


def rows_of_stage(ctx: StageContext) -> list[GenericRow]:
    """The rows that the right-hand sides of this stage call for, by constraint and block."""
    bounds: dict[int, dict[int | None, float]] = {}
    for entry in ctx.system.generic_constraint_bounds:
        if entry.stage_id == ctx.stage.id:
            bounds.setdefault(entry.constraint_id, {})[entry.block_id] = entry.bound
    rows = []
    for position, constraint in enumerate(ctx.system.generic_constraints):
        given = bounds.get(constraint.id, {})
        per_block = any(term.block_id is None and term.quantity not in STAGE_QUANTITIES for term in constraint.expression.terms)
        if None in given and not per_block:
            rows.append(GenericRow(position, None, given[None], ctx.hours))
        for k in range(ctx.n_blocks):
            bound = given.get(k, given.get(None) if per_block else None)
            if bound is not None:
                rows.append(GenericRow(position, k, bound, float(ctx.block_hours[k])))
    return rows


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


def _declare_row(build: LpBuilder, ctx: StageContext, constraint: GenericConstraint, row: GenericRow, r: int) -> int:
    lower = -np.inf if constraint.sense is Sense.LESS_EQUAL else row.bound
    upper = np.inf if constraint.sense is Sense.GREATER_EQUAL else row.bound
    index = build.row(lower, upper)
    build.shift_row(index, constraint.expression.constant)
    for term in constraint.expression.terms:
        for block in _blocks(ctx, term, row.block):
            combination, constant = quantity(build, ctx, term.quantity, term.entity_id, block)
            build.shift_row(index, term.coefficient * constant)
            for column, value in combination:
                build.put(index, column, term.coefficient * value)
    plus, minus = build.columns["generic_slack"][r], build.columns["generic_slack_minus"][r]
    if plus != ABSENT:
        build.put(index, plus, -1.0 if constraint.sense is Sense.LESS_EQUAL else 1.0)
    if minus != ABSENT:
        build.put(index, minus, -1.0)
    return index


def _blocks(ctx: StageContext, term: Term, row_block: int | None) -> Iterator[int | None]:
    if term.quantity in STAGE_QUANTITIES:
        yield None
        return
    block = term.block_id if term.block_id is not None else row_block
    if block is None or not 0 <= block < ctx.n_blocks:
        raise ModelError(f"'{term.quantity}({term.entity_id}, {block})' names a block that stage {ctx.stage.id} does not have")
    yield block


def quantity(build: LpBuilder, ctx: StageContext, name: str, entity_id: int, block: int | None) -> tuple[Combination, float]:
    """A named quantity as a combination of columns and a constant.

    Raises:
        ModelError: the quantity is not part of the stage problem.
    """
    system, columns = ctx.system, build.columns
    k = 0 if block is None else block
    if name.startswith("hydro_"):
        return _hydro_quantity(build, ctx, name, system.hydro_index[entity_id], k)
    if name == "thermal_generation":
        return thermals.generation(build, system.thermal_index[entity_id], k), 0.0
    if name.startswith("line_"):
        line = system.line_index[entity_id]
        direct, reverse = int(columns["line_direct"][line, k]), int(columns["line_reverse"][line, k])
        if direct == ABSENT:
            return [], 0.0
        return {
            "line_direct": [(direct, 1.0)],
            "line_reverse": [(reverse, 1.0)],
            "line_exchange": [(direct, 1.0), (reverse, -1.0)],
        }[name], 0.0
    if name == "bus_deficit":
        return [(int(c), 1.0) for c in columns["deficit"][system.bus_index[entity_id], k] if c != ABSENT], 0.0
    if name == "bus_excess":
        return [(int(columns["excess"][system.bus_index[entity_id], k]), 1.0)], 0.0
    raise ModelError(f"constraints over '{name}' are not built yet")


def _hydro_quantity(build: LpBuilder, ctx: StageContext, name: str, h: int, k: int) -> tuple[Combination, float]:
    columns = build.columns
    if name == "hydro_storage":
        return [(int(columns["storage"][h]), 1.0)], 0.0
    if name == "hydro_turbined":
        return [(int(columns["turbined"][h, k]), 1.0)], 0.0
    if name == "hydro_spillage":
        return [(int(columns["spillage"][h, k]), 1.0)], 0.0
    if name == "hydro_outflow":
        return hydro_plants.outflow(build, h, k), 0.0
    if name == "hydro_generation":
        return hydro_plants.generation(build, ctx, h, k), 0.0
    if name == "hydro_withdrawal":
        slacks = (("withdrawal_short", -1.0), ("withdrawal_beyond", 1.0))
        terms = [(int(columns[s][h]), sign) for s, sign in slacks if columns[s][h] != ABSENT]
        return terms, float(ctx.system.bounds.hydro.water_withdrawal_m3s[h, ctx.t])
    raise ModelError(f"constraints over '{name}' are not built yet")
