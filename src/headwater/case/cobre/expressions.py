"""User constraints of the newer dialect: parameters, named expressions, limits in the expression.

Grammar (white space is free)::

    constraint := sum [ ("<=" | ">=" | "==") sum ]
    sum        := ["+" | "-"] product { ("+" | "-") product }
    product    := factor { "*" factor }
    factor     := number | "@" name | quantity "(" entity id { "," option } ")"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<at>@[A-Za-z_]\w*)|"
    r"(?P<name>[A-Za-z_]\w*)|(?P<relation><=|>=|==)|(?P<mark>[-+*(),=]))"
)
_DEEPEST = 20

Reference = tuple[str, int, int | None]
"""Quantity, id of the entity, block."""


class GrammarError(ValueError):
    """What was expected in an expression and where."""


@dataclass(frozen=True)
class Selected:
    """A quantity with an option that only plants of several buses have."""

    reference: Reference
    bus_id: int


Factor = float | str | Reference | Selected
"""A number, a name that stands for something else, or a quantity."""


@dataclass(frozen=True)
class Constraint:
    """What a text says: products on the left, and on the right of a relation."""

    left: tuple[tuple[float, tuple[Factor, ...]], ...]
    relation: str | None = None
    right: tuple[tuple[float, tuple[Factor, ...]], ...] = ()

    @property
    def names(self) -> set[str]:
        """Names of parameters and expressions in it."""
        products = (*self.left, *self.right)
        return {one for _, factors in products for one in factors if isinstance(one, str)}


@dataclass
class Sum:
    """Quantities with their coefficients, and a constant."""

    terms: dict[Reference, float] = field(default_factory=dict)
    constant: float = 0.0

    def add(self, other: Sum, factor: float) -> None:
        """Add a multiple of another sum."""
        for reference, coefficient in other.terms.items():
            self.terms[reference] = self.terms.get(reference, 0.0) + factor * coefficient
        self.constant += factor * other.constant

    @property
    def text(self) -> str:
        """The quantities, as an expression of this project writes them."""
        pieces = [
            f"{'-' if coefficient < 0 else '+'} {abs(coefficient)!r} * {name}({entity_id}"
            f"{'' if block is None else f', {block}'})"
            for (name, entity_id, block), coefficient in self.terms.items()
        ]
        return " ".join(pieces).removeprefix("+ ").replace("- ", "-", 1 if pieces else 0)


def parse(text: str) -> Constraint:
    """What an expression says.

    Raises:
        GrammarError: it does not follow the grammar.
    """
    return _Parser(text).constraint()


def evaluate(
    products: tuple[tuple[float, tuple[Factor, ...]], ...],
    parameter: Callable[[str], float | None],
    named: Mapping[str, Constraint],
    depth: int = 0,
) -> Sum:
    """The sum that products make.

    Args:
        products: of an expression.
        parameter: value of a name, ``None`` where it is no parameter.
        named: expressions by their names.
        depth: how deep expressions are nested.

    Raises:
        GrammarError: a name that nothing has, a product of two quantities, or expressions that
            contain themselves.
    """
    if depth > _DEEPEST:
        raise GrammarError("expressions that contain each other")
    result = Sum()
    for sign, factors in products:
        coefficient, linear = sign, None
        for one in factors:
            value: Any = parameter(one) if isinstance(one, str) else one
            if value is None:
                if one not in named:
                    raise GrammarError(f"'@{one}', which is no parameter and no expression")
                value = evaluate(named[str(one)].left, parameter, named, depth + 1)
            if isinstance(value, float):
                coefficient *= value
            elif linear is not None:
                raise GrammarError("a product of two quantities")
            else:
                linear = value if isinstance(value, Sum) else Sum({_plain(value): 1.0})
        result.add(Sum({}, 1.0) if linear is None else linear, coefficient)
    return result


def _plain(value: Reference | Selected) -> Reference:
    return value.reference if isinstance(value, Selected) else value


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                raise GrammarError(f"position {position + 1}: an unexpected character")
            kind = str(match.lastgroup)
            self.tokens.append((kind, match.group(kind)))
            position = match.end()
        self.next = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.next] if self.next < len(self.tokens) else ("end", "the end")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.next += 1
        return token

    def expect(self, text: str) -> None:
        _, got = self.take()
        if got != text:
            raise GrammarError(f"'{got}' where '{text}' was expected")

    def whole(self) -> int:
        _, got = self.take()
        if not got.isdigit():
            raise GrammarError(f"'{got}' where a whole number was expected")
        return int(got)

    def constraint(self) -> Constraint:
        left = self.sum()
        kind, relation = self.take()
        if kind == "end":
            return Constraint(left)
        if kind != "relation":
            raise GrammarError(f"'{relation}' where '+', '-' or a relation was expected")
        right = self.sum()
        if self.peek()[0] != "end":
            raise GrammarError(f"'{self.peek()[1]}' where the end was expected")
        return Constraint(left, relation, right)

    def sum(self) -> tuple[tuple[float, tuple[Factor, ...]], ...]:
        products = []
        sign = 1.0
        if self.peek()[1] in ("+", "-"):
            sign = -1.0 if self.take()[1] == "-" else 1.0
        while True:
            factors = [self.factor()]
            while self.peek()[1] == "*":
                self.take()
                factors.append(self.factor())
            products.append((sign, tuple(factors)))
            if self.peek()[1] not in ("+", "-"):
                return tuple(products)
            sign = -1.0 if self.take()[1] == "-" else 1.0

    def factor(self) -> Factor:
        kind, got = self.take()
        if kind == "number":
            return float(got)
        if kind == "mark" and got == "-":
            value = self.factor()
            if not isinstance(value, float):
                raise GrammarError("'-' before something that is no number")
            return -value
        if kind == "at":
            return got[1:]
        if kind != "name":
            raise GrammarError(f"'{got}' where a number, a name or a quantity was expected")
        return self.reference(got)

    def reference(self, name: str) -> Factor:
        self.expect("(")
        entity_id, block, bus_id = self.whole(), None, None
        while self.peek()[1] == ",":
            self.take()
            if self.peek() == ("name", "bus"):
                self.take()
                self.expect("=")
                bus_id = self.whole()
            else:
                block = self.whole()
        self.expect(")")
        reference = (name, entity_id, block)
        return reference if bus_id is None else Selected(reference, bus_id)
