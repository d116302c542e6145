"""The expressions of user constraints."""

from __future__ import annotations

import pytest

from headwater.model import ExpressionError, Term, parse_expression


def test_terms_constants_and_signs():
    expression = parse_expression(
        "- 2 * hydro_storage(0) + thermal_generation(1, 0) + 3 line_exchange(2) - 5e1 + 1"
    )
    assert expression.terms == (
        Term(-2.0, "hydro_storage", 0),
        Term(1.0, "thermal_generation", 1, 0),
        Term(3.0, "line_exchange", 2),
    )
    assert expression.constant == -49.0


def test_repeated_references_add_up():
    assert parse_expression("bus_deficit(0) + 2 bus_deficit(0)").terms == (
        Term(3.0, "bus_deficit", 0),
    )


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "expected a number or a quantity"),
        ("hydro_power(0)", 1, "unknown quantity 'hydro_power'"),
        ("hydro_storage(0, 1)", 16, "takes no block"),
        ("hydro_storage(x)", 15, "an entity id"),
        ("2 *", 4, "expected a quantity after"),
        ("hydro_storage(0) hydro_storage(1)", 18, "expected '\\+' or '-'"),
        ("hydro_storage(0) / 2", 18, "unexpected character '/'"),
        ("hydro_storage(1.5)", 15, "a whole number"),
        ("hydro_storage(0", 16, "expected '\\)'"),
    ],
)
def test_what_does_not_parse_is_shown_with_its_place(text: str, column: int, message: str):
    with pytest.raises(ExpressionError, match=message) as caught:
        parse_expression(text)
    assert caught.value.column == column
