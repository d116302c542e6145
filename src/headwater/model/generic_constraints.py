"""Linear constraints written by the user over named quantities of the system.

Grammar (white space is free, names are case-sensitive)::

    expression := ["+" | "-"] term { ("+" | "-") term }
    term       := number ["*"] reference | reference | number
    reference  := quantity "(" entity id ["," block id] ")"

A bare number is a constant and moves to the right-hand side. Repeated references add up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import BlockId, Id, Ref, StageId, Unit, in_file
from headwater.errors import ModelError
from headwater.model.magnitudes import LARGEST_NUMBER
from headwater.model.stages import Stage


class Sense(Enum):
    """Direction of a constraint."""

    GREATER_EQUAL = ">="
    LESS_EQUAL = "<="
    EQUAL = "=="


class BlockAggregation(Enum):
    """What a constraint without a block means for block quantities.

    A row per block, their sum, their weighted mean.
    """

    PER_BLOCK = "per_block"
    SUM = "sum"
    AVERAGE = "average"


@dataclass(frozen=True, slots=True)
class Term:
    """``coefficient * quantity(entity_id, block_id)``.

    ``block_id`` ``None`` takes the block of the row.
    """

    coefficient: float
    quantity: str
    entity_id: int
    block_id: int | None = None


@dataclass(frozen=True, slots=True)
class Expression:
    """A sum of terms and a constant."""

    terms: tuple[Term, ...]
    constant: float = 0.0


@dataclass(frozen=True, slots=True)
class GenericConstraint:
    """A user constraint, hard or soft.

    ``slack_cost`` (per unit and hour) makes it soft, ``None`` keeps it hard.
    """

    id: int
    expression: Expression
    sense: Sense
    name: str = ""
    description: str = ""
    slack_cost: float | None = None
    block_aggregation: BlockAggregation = BlockAggregation.PER_BLOCK


@in_file(order=("constraint_id", "stage_id", "block_id"))
@dataclass(frozen=True, slots=True)
class GenericConstraintBound:
    """Right-hand side of a constraint at a stage, for one block or (``None``) for every block."""

    constraint_id: Annotated[Id, Ref("user_constraint"), "user constraint"]
    stage_id: StageId
    bound: Annotated[float, Unit("unit of the expression"), "right-hand side"]
    block_id: BlockId = None


def resolve_right_hand_sides(
    constraints: Sequence[GenericConstraint],
    entries: Sequence[GenericConstraintBound],
    stages: Sequence[Stage],
    stage_index: Mapping[int, int],
) -> Mapping[int, Mapping[int, Mapping[int | None, float]]]:
    """Bounds of user constraints.

    Stage id -> constraint id -> block id (``None`` for every block) -> bound.

    Raises:
        ModelError: a bound names a constraint, a stage or a block that does not exist.
    """
    known = {constraint.id for constraint in constraints}
    bounds: dict[int, dict[int, dict[int | None, float]]] = {}
    for entry in entries:
        where = f"constraint {entry.constraint_id} has a bound at stage {entry.stage_id}"
        if entry.constraint_id not in known:
            raise ModelError(f"{where}, but there is no such constraint")
        if entry.stage_id not in stage_index:
            raise ModelError(f"{where}, but there is no such stage")
        n_blocks = len(stages[stage_index[entry.stage_id]].blocks)
        if entry.block_id is not None and not 0 <= entry.block_id < n_blocks:
            raise ModelError(
                f"{where} for block {entry.block_id}, but that stage has blocks 0 to {n_blocks - 1}"
            )
        bounds.setdefault(entry.stage_id, {}).setdefault(entry.constraint_id, {})[
            entry.block_id
        ] = entry.bound
    return bounds


class ExpressionError(ModelError):
    """An expression does not parse; ``column`` is the 1-based position of the offending text."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"column {column}: {message}")
        self.column = column


_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|"
    r"(?P<mark>[-+*(),]))"
)


def parse_expression(text: str) -> Expression:
    """Parse a constraint expression.

    Raises:
        ExpressionError: with the column and what was expected there.
    """
    return _Parser(text).expression()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        position = 0
        stripped = len(text.rstrip())
        while position < stripped:
            match = _TOKEN.match(text, position)
            if match is None:
                start = position + len(text[position:]) - len(text[position:].lstrip())
                raise ExpressionError(f"unexpected character {text[start]!r}", start + 1)
            kind = str(match.lastgroup)
            self.tokens.append((kind, match.group(kind), match.start(kind) + 1))
            position = match.end()
        self.next = 0

    def peek(self) -> tuple[str, str, int]:
        return (
            self.tokens[self.next]
            if self.next < len(self.tokens)
            else ("end", "", len(self.text) + 1)
        )

    def take(self) -> tuple[str, str, int]:
        token = self.peek()
        self.next += 1
        return token

    def expect(self, mark: str) -> None:
        _, value, column = self.take()
        if value != mark:
            raise ExpressionError(f"expected {mark!r}, got {value or 'the end'!r}", column)

    def integer(self, what: str) -> int:
        kind, value, column = self.take()
        if kind != "number" or not value.isdigit():
            raise ExpressionError(
                f"expected {what} (a whole number), got {value or 'the end'!r}", column
            )
        return int(value)

    def expression(self) -> Expression:
        merged: dict[tuple[str, int, int | None], float] = {}
        constant = 0.0
        sign = -1.0 if self.peek()[1] == "-" else 1.0
        if self.peek()[1] in ("+", "-"):
            self.take()
        while True:
            coefficient, reference = self.term()
            if reference is None:
                constant += sign * coefficient
            else:
                merged[reference] = merged.get(reference, 0.0) + sign * coefficient
            kind, value, column = self.take()
            if kind == "end":
                break
            if value not in ("+", "-"):
                raise ExpressionError(f"expected '+' or '-', got {value!r}", column)
            sign = 1.0 if value == "+" else -1.0
        terms = tuple(Term(value, *key) for key, value in merged.items())
        return Expression(terms, constant)

    def term(self) -> tuple[float, tuple[str, int, int | None] | None]:
        kind, value, column = self.peek()
        coefficient = 1.0
        if kind == "number":
            self.take()
            coefficient = float(value)
            if coefficient > LARGEST_NUMBER:
                raise ExpressionError(
                    f"expected a number up to {LARGEST_NUMBER:g}, got {value}", column
                )
            starred = self.peek()[1] == "*"
            if starred:
                self.take()
            if self.peek()[0] != "name":
                if starred:
                    raise ExpressionError("expected a quantity after '*'", self.peek()[2])
                return coefficient, None
        elif kind != "name":
            raise ExpressionError(
                f"expected a number or a quantity, got {value or 'the end'!r}", column
            )
        return coefficient, self.reference()

    def reference(self) -> tuple[str, int, int | None]:
        _, name, column = self.take()
        if name not in EQUIPMENT.quantities:
            known = ", ".join(sorted(EQUIPMENT.quantities))
            raise ExpressionError(f"unknown quantity '{name}' (known: {known})", column)
        self.expect("(")
        entity_id = self.integer("an entity id")
        block_id = None
        if self.peek()[1] == ",":
            comma = self.take()
            if EQUIPMENT.quantities[name][1].of_stage:
                raise ExpressionError(
                    f"'{name}' has one value per stage and takes no block", comma[2]
                )
            block_id = self.integer("a block id")
        self.expect(")")
        return name, entity_id, block_id
