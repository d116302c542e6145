"""Columns of the text files of a deck, and the search for what is no number where one belongs.

The package that reads the files takes what it cannot read for empty. So that a slip of a pen does
not become a plant without a reservoir, the columns with numbers are looked at first, and every one
that holds something else is named by its line.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from headwater.arrays import FrozenDict
from headwater.errors import CaseError

_MOST_SHOWN = 10
"""Problems of one file that a message lists."""


@dataclass(frozen=True)
class Column:
    """A column with a number.

    Attributes:
        name: what it means.
        start: position of its first character, from 0.
        size: number of characters.
        whole: whether the number is whole.
        needed: whether it may not be empty.
    """

    name: str
    start: int
    size: int
    whole: bool = False
    needed: bool = False


@dataclass(frozen=True)
class Table:
    """The rows of a file that are checked.

    Attributes:
        columns: what they hold.
        rows: what a line looks like that is such a row; others are let pass.
        skip: lines at the top that are headings.
    """

    columns: tuple[Column, ...]
    rows: re.Pattern[str]
    skip: int


def check_text(key: str, name: str, lines: Sequence[str]) -> None:
    """Look for columns of a file that hold no number.

    Args:
        key: which file.
        name: its name in messages.
        lines: of the file.

    Raises:
        CaseError: with line, columns, what was expected and what stands there.
    """
    problems = [
        problem for table in TABLES.get(key, ()) for problem in _problems(table, name, lines)
    ]
    if problems:
        more = len(problems) - _MOST_SHOWN
        listed = problems[:_MOST_SHOWN] + ([f"and {more} more of this kind"] if more > 0 else [])
        raise CaseError("\n".join(listed))


def _problems(table: Table, name: str, lines: Sequence[str]) -> Iterator[str]:
    for number, line in enumerate(lines[table.skip :], table.skip + 1):
        if not table.rows.match(line) or line.strip() in _ENDS:
            continue
        for column in table.columns:
            text = line[column.start : column.start + column.size].strip()
            place = (
                f"{name} line {number}, columns {column.start + 1} to {column.start + column.size}"
            )
            kind = "a whole number" if column.whole else "a number"
            if text and not _is_number(text, whole=column.whole):
                yield f"{place}: {column.name} must be {kind}, got '{text}'"
            elif not text and column.needed:
                yield f"{place}: {column.name} is missing; expected {kind} (is the line cut?)"


def _is_number(text: str, *, whole: bool) -> bool:
    return bool((_WHOLE if whole else _NUMBER).fullmatch(text))


_ENDS = ("999", "9999", "99999")
"""Lines that end a table."""
_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?")
_YEAR_ROW = re.compile(r"\s{0,3}(\d{4}|POS)\s")
_PLANT_ROW = re.compile(r"\s{0,4}\d")
_NAMED_ROW = re.compile(r"\s{0,4}\d{1,4}\s+[^\s\d]|\s{0,3}\d{1,4} \S")


def _code(name: str, start: int, size: int) -> Column:
    return Column(name, start, size, whole=True, needed=True)


def _months(start: int, step: int, size: int, meaning: str) -> tuple[Column, ...]:
    return tuple(
        Column(f"{meaning} of {calendar.month_name[n + 1]}", start + step * n, size)
        for n in range(12)
    )


TABLES: Mapping[str, tuple[Table, ...]] = FrozenDict(
    {
        "confhd": (
            Table(
                (
                    _code("the code of the plant", 1, 4),
                    _code("the gauging station", 19, 4),
                    Column("the plant downstream", 25, 4, whole=True),
                    _code("the equivalent reservoir", 30, 4),
                    Column("the initial volume in %", 35, 6),
                    Column("whether it is modified", 49, 4, whole=True),
                    Column("the first year of history", 58, 4, whole=True),
                    Column("the last year of history", 67, 4, whole=True),
                ),
                _NAMED_ROW,
                2,
            ),
        ),
        "conft": (
            Table(
                (
                    _code("the code of the plant", 1, 4),
                    _code("the submarket", 21, 4),
                    Column("the class", 35, 4, whole=True),
                ),
                _NAMED_ROW,
                2,
            ),
        ),
        "term": (
            Table(
                (
                    _code("the code of the plant", 1, 3),
                    Column("the installed power", 19, 5, needed=True),
                    Column("the largest factor", 25, 4),
                    Column("the forced outage rate", 31, 6),
                    Column("the scheduled outage rate", 38, 6),
                    *_months(45, 7, 6, "the least generation"),
                    Column("the least generation of later years", 129, 6),
                ),
                _NAMED_ROW,
                2,
            ),
        ),
        "expt": (Table((Column("the new value", 11, 8, needed=True),), _PLANT_ROW, 2),),
        "manutt": (
            Table(
                (
                    _code("the code of the plant", 17, 3),
                    Column("the duration in days", 49, 3, whole=True, needed=True),
                    Column("the power", 55, 7, needed=True),
                ),
                re.compile(r".{17}\s*\d"),
                2,
            ),
        ),
        "ree": (
            Table(
                (_code("the equivalent reservoir", 1, 3), _code("the submarket", 18, 3)),
                _NAMED_ROW,
                3,
            ),
        ),
        "dsvagua": (
            Table(
                (
                    _code("the year", 0, 4),
                    _code("the code of the plant", 6, 3),
                    *_months(9, 7, 7, "the flow"),
                ),
                re.compile(r"\d{4}\s"),
                2,
            ),
        ),
        "vazpast": (
            Table(
                (_code("the gauging station", 1, 4), *_months(18, 10, 10, "the inflow")),
                _NAMED_ROW,
                3,
            ),
        ),
        "sistema": (Table(_months(7, 8, 7, "the value"), _YEAR_ROW, 6),),
        "c_adic": (Table(_months(6, 8, 8, "the load"), re.compile(r"(\d{4}|POS)\s"), 2),),
        "cvar": (Table(_months(7, 7, 6, "the value"), re.compile(r"\s(\d{4}|POS)\s"), 4),),
    }
)
"""Key of a file -> its rows with numbers."""
