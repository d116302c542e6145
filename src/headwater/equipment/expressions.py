"""Expressions in fields of equipment: sums of quantities of a block, as in user constraints."""

from __future__ import annotations

from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import FieldError
from headwater.core.program import Combination, LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.user_constraint import quantity
from headwater.errors import ModelError
from headwater.model import ExpressionError, parse_expression


def parses(text: str) -> None:
    """Refuse a text that is no expression.

    Raises:
        FieldError: where it breaks, and what was expected there.
    """
    try:
        parse_expression(text)
    except ExpressionError as error:
        fix = "write a sum such as 0.4 * thermal_generation(3) + 0.9 * thermal_generation(5)"
        raise FieldError("HW205", str(error), fix) from None


def combination_of(
    build: LpBuilder, ctx: StageContext, text: str, k: int
) -> tuple[Combination, float]:
    """What an expression is in block ``k``: columns with coefficients, and a constant.

    Raises:
        ModelError: it names what does not exist, or what has no value of a block.
    """
    expression = parse_expression(text)
    terms: Combination = []
    total = expression.constant
    for term in expression.terms:
        if term.block_id is not None and term.block_id != k:
            continue
        named = EQUIPMENT.quantities.get(term.quantity)
        if named is not None and named[1].of_stage:
            raise ModelError(
                f"'{text}' names '{term.quantity}({term.entity_id})', which has one value for the "
                "stage; take a quantity that has a value in every block"
            )
        combination, constant = quantity(build, ctx, term.quantity, term.entity_id, k)
        total += term.coefficient * constant
        terms.extend((column, term.coefficient * value) for column, value in combination)
    return terms, total
