"""The value of a cell, or why it has none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from headwater.case.names import nearest_word
from headwater.imports.tables.layout import Leaf
from headwater.imports.tables.sheets import plain_word

_FAULTS = {"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#NV", "#N/D"}
_NOTHING = {"-", "--", "n/a", "na", "nan", "null", "none", "?", "n.d.", "s/d", "..."}
_YES = {"true", "yes", "1", "x", "sim", "si", "verdadeiro", "verdadero", "wahr", "ja", "vrai"}
_NO = {"false", "no", "0", "nao", "falso", "falsch", "nein", "faux"}
_EXCEL_START, _EXCEL_DAYS = date(1899, 12, 30), (20_000, 80_000)
_WITH_UNIT = re.compile(r"([+-]?[\d.,\s']*\d)\s*([A-Za-z$€/³3%][\w$€/³%]*)")
_DATE = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(?:[ T]00:00(?::00)?(?:\.0+)?)?")


class Mistake(Exception):  # noqa: N818 - it is told to the user, and ends nothing
    """What is wrong with a cell.

    Attributes:
        code: of the finding.
        message, fix: see `headwater.case.report.Finding`.
    """

    def __init__(self, code: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.code, self.message, self.fix = code, message, fix


@dataclass(frozen=True)
class Names:
    """Names of the entities of a system, with their ids, by kind."""

    ids: Mapping[str, Mapping[str, int]]

    def id_of(self, kind: str, given: Any, *, by_id: bool = False) -> int:
        """Id of an entity that a cell names, by name or number.

        Args:
            kind: of the entity.
            given: the cell.
            by_id: whether a number is an id even where an entity is called by it.

        Raises:
            Mistake: there is none of that name.
        """
        known = self.ids.get(kind, {})
        number = _whole(given)
        text = str(given if number is None else number).strip()
        if by_id and number is not None:
            return number
        if text in known:
            return known[text]
        if number is not None:
            return number
        close = nearest_word(text, known)
        same = next((name for name in known if plain_word(name) == plain_word(text)), close)
        word = kind.replace("_", " ")
        message = f"there is no {word} '{text}'"
        if plain_word(text) in (
            "total",
            "totals",
            "sum",
            "soma",
            "suma",
            "summe",
            "mean",
            "average",
        ):
            raise Mistake("HW301", message, "remove the row of totals: every row is one entity")
        listed = ", ".join(list(known)[:6]) or "none"
        fix = f"did you mean '{same}'?" if same else f"name one of those there are: {listed}"
        raise Mistake("HW301", message, fix)


def value_of(cell: Any, leaf: Leaf, names: Names, *, decimal_comma: bool = False) -> Any:
    """What a cell says; ``None`` where it is empty.

    Args:
        cell: text, number, date or truth.
        leaf: what it may be.
        names: of the entities, for cells that name one.
        decimal_comma: whether the sheet writes numbers with decimal commas.

    Raises:
        Mistake: it is none of what it may be.
    """
    if cell is None or (
        isinstance(cell, str) and cell.lower() in _NOTHING and leaf.kinds != ("string",)
    ):
        return None
    if isinstance(cell, str) and cell.upper() in _FAULTS:
        raise Mistake(
            "HW206",
            f"the formula of this cell failed: {cell}",
            "mend the formula, or type the value",
        )
    if leaf.reference:
        return names.id_of(leaf.reference, cell, by_id=leaf.by_id)
    problems: list[Mistake] = []
    for kind in leaf.kinds:
        try:
            return _READERS[kind](cell, leaf, decimal_comma)
        except Mistake as problem:
            problems.append(problem)
    raise problems[0]


def _whole(cell: Any) -> int | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float) and float(cell).is_integer():
        return int(cell)
    if isinstance(cell, str) and re.fullmatch(r"[+-]?\d+(?:[.,]0+)?", cell.strip()):
        return int(re.split(r"[.,]", cell)[0])
    return None


def _integer(cell: Any, leaf: Leaf, comma: bool) -> int:
    whole = _whole(cell)
    if whole is not None:
        return whole
    number = _number(cell, leaf, comma)
    if number.is_integer():
        return int(number)
    raise Mistake(
        "HW206", f"expected a whole number, got {_shown(cell)}", "write a number without decimals"
    )


def _number(cell: Any, leaf: Leaf, comma: bool) -> float:
    if isinstance(cell, bool):
        raise Mistake("HW206", f"expected a number, got {_shown(cell)}", "write a number")
    if isinstance(cell, int | float):
        return float(cell)
    if isinstance(cell, date):
        raise Mistake(
            "HW206",
            f"expected a number, got the date {cell:%Y-%m-%d}",
            "format the cell as a number: Excel took it for a date",
        )
    text = str(cell).strip()
    found = _read_number(text, comma)
    if found is not None:
        return found
    with_unit = _WITH_UNIT.fullmatch(text)
    if with_unit:
        number, unit = with_unit[1].strip(), with_unit[2]
        if unit == "%":
            raise Mistake(
                "HW206",
                f"expected a number, got '{text}'",
                f"write the number without %: {number} or its hundredth, as the column asks",
            )
        expected = f", and the column is in {leaf.unit}" if leaf.unit else ""
        raise Mistake(
            "HW206",
            f"expected a number alone, got '{text}'",
            f"write {number} without the unit{expected}",
        )
    raise Mistake(
        "HW206", f"expected a number, got {_shown(cell)}", "write a number, or leave the cell empty"
    )


def _read_number(text: str, comma: bool) -> float | None:
    """A number in a text; ``None`` where it is none.

    Raises:
        Mistake: a mark may divide thousands or be the decimal one.
    """
    plain = text.replace(" ", "").replace("\u202f", "").replace("'", "")
    point, other = (",", ".") if comma else (".", ",")
    if other in plain:
        groups = rf"[+-]?\d{{1,3}}(?:\{other}\d{{3}})+"
        if re.fullmatch(rf"{groups}\{point}\d+", plain) or (
            plain.count(other) > 1 and re.fullmatch(groups, plain)
        ):
            plain = plain.replace(other, "")
        elif re.fullmatch(groups, plain):
            whole = plain.replace(other, "")
            raise Mistake(
                "HW206",
                f"'{text}' may be {whole} or {plain.replace(other, '.')}",
                f"write {whole}, or {plain.replace(other, point)} if it is a small number",
            )
        elif re.fullmatch(rf"[+-]?\d*\{other}\d+", plain) and comma:
            pass  # a number with a point among others with commas
        else:
            return None
    plain = plain.replace(",", ".")
    return (
        float(plain) if re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", plain) else None
    )


def _date(cell: Any, leaf: Leaf, comma: bool) -> date:
    del leaf, comma
    if isinstance(cell, datetime):
        if (cell.hour, cell.minute, cell.second) != (0, 0, 0):
            raise Mistake("HW206", f"expected a date, got {cell}", "write the day without a time")
        return cell.date()
    if isinstance(cell, date):
        return cell
    number = _whole(cell)
    if number is not None and _EXCEL_DAYS[0] <= number <= _EXCEL_DAYS[1]:
        return _EXCEL_START + timedelta(days=number)  # as Excel counts days
    text = str(cell).strip()
    found = _DATE.fullmatch(text)
    if found is None:
        raise Mistake(
            "HW206", f"expected a date, got {_shown(cell)}", "write it as 31/01/2027 or 2027-01-31"
        )
    first, middle, last = (int(part) for part in found.groups())
    year_first = len(found[1]) == 4
    if not year_first and len(found[3]) != 4:
        raise Mistake(
            "HW206",
            f"the year of the date '{text}' has two digits",
            "write it with four: 31/01/2027",
        )
    year, month, day = (first, middle, last) if year_first else (last, middle, first)
    try:
        return date(year, month, day)
    except ValueError:
        if not year_first and month > 12 and day <= 12:
            raise Mistake(
                "HW206",
                f"'{text}' has the month {month}: days come first",
                f"write {month:02d}/{day:02d}/{year}",
            ) from None
        raise Mistake("HW206", f"there is no day '{text}'", "correct the date") from None


def _boolean(cell: Any, leaf: Leaf, comma: bool) -> bool:
    del leaf, comma
    if isinstance(cell, bool):
        return cell
    word = plain_word(str(cell))
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Mistake("HW206", f"expected true or false, got {_shown(cell)}", "write true or false")


def _string(cell: Any, leaf: Leaf, comma: bool) -> str:
    del comma
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell)
    if not leaf.words or text in leaf.words:
        return text
    same = next((word for word in leaf.words if plain_word(word) == plain_word(text)), None)
    if same is not None:
        return same
    close = nearest_word(text, leaf.words)
    fix = f"did you mean '{close}'?" if close else "use one of the known words"
    raise Mistake("HW205", f"expected {' or '.join(leaf.words)}, got {_shown(cell)}", fix)


def _shown(cell: Any) -> str:
    return repr(cell)[:60] if isinstance(cell, str) else str(cell)


_READERS = {
    "integer": _integer,
    "number": _number,
    "date": _date,
    "boolean": _boolean,
    "string": _string,
}
