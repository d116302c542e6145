"""Wide tables, a row a year or a value, as the long ones of the format."""

from __future__ import annotations

import calendar
from typing import Any

from headwater.case.report import Collector
from headwater.case.tables import TABLES, Kind
from headwater.imports.tables.sheets import Said, Sheet, letters, plain_word

_OTHER_MONTHS = {
    "fev": 2, "abr": 4, "mai": 5, "ago": 8, "set": 9, "out": 10, "dez": 12,
    "ene": 1, "dic": 12, "sept": 9, "mrz": 3, "okt": 10,
}  # fmt: skip
_YEAR = ("year", "ano", "jahr", "annee")
VALUE = "value"
"""Column of a wide table over stages that says which value a row has."""


def month_of(heading: str) -> int | None:
    """The month that a heading names: 1 to 12, ``Jan``, ``January``, ``fev``."""
    word = plain_word(heading).rstrip(".")
    if word.isdigit():
        return int(word) if 1 <= int(word) <= 12 else None
    for month in range(1, 13):
        if word in (calendar.month_name[month].lower(), calendar.month_abbr[month].lower()):
            return month
    return _OTHER_MONTHS.get(
        word[:4] if word.startswith("sept") else word[:3] if len(word) >= 3 else ""
    )


def widened(sheet: Sheet, name: str, collector: Collector, said: Said) -> Sheet | None:
    """A sheet as the long table that it stands for; the same where it is long already.

    Args:
        sheet: of a table.
        name: of the table.
        collector: is told what is wrong with the headings.
        said: is told where the table is wide.
    """
    plain = [plain_word(heading) for heading in sheet.headings]
    year = next((i for i, heading in enumerate(plain) if heading in _YEAR), None)
    dates = [column.name for column in TABLES[name].columns if column.kind is Kind.DATE]
    if dates and year is not None:
        return _years(sheet, name, year, dates[0], collector, said)
    numbered = [i for i, heading in enumerate(plain) if heading.isdigit()]
    if (
        "stage_id" in TABLES[name].names
        and "stage_id" not in plain
        and "stage" not in plain
        and numbered
    ):
        return _stages(sheet, name, numbered, collector, said)
    return sheet


class _Long(Sheet):
    """The long form of a wide sheet, whose cells keep their addresses."""

    def cell(self, row: int, column: int) -> str:
        """Address in the wide sheet: row numbers are those of the long one."""
        return self.origin.get((row, column), f"row {row}")

    origin: dict[tuple[int, int], str]


def _years(
    sheet: Sheet, name: str, year: int, date_column: str, collector: Collector, said: Said
) -> Sheet | None:
    months = {
        i: month for i, h in enumerate(sheet.headings) if i != year and (month := month_of(h))
    }
    given = sorted(months.values())
    if given != list(range(1, 13)):
        missing = [calendar.month_abbr[m] for m in range(1, 13) if m not in given]
        what = f"lacks {', '.join(missing)}" if missing else "has a month twice"
        message = f"a table of years needs the twelve months as columns; this one {what}"
        fix = "name the columns 1 to 12 or Jan to Dec"
        collector.error("HW201", sheet.shown, message, fix=fix)
        return None
    value = next(c.name for c in TABLES[name].columns if c.kind is Kind.NUMBER)
    others = [i for i in range(len(sheet.headings)) if i != year and i not in months]
    made = _long(sheet, [*(sheet.headings[i] for i in others), date_column, value])
    seen: dict[tuple[Any, ...], int] = {}
    for number, cells_given in sheet.rows:
        row = [*cells_given, *[None] * (len(sheet.headings) - len(cells_given))]
        text = str(row[year]).strip().removesuffix(".0")
        if not (text.isdigit() and 1000 <= int(text) <= 9999):
            message = f"expected a year, got {row[year]!r}"
            collector.error(
                "HW206",
                sheet.shown,
                message,
                path=sheet.cell(number, year),
                fix="write it with four digits, or remove the row",
            )
            continue
        key = (*(row[i] for i in others), int(text))
        if key in seen:
            message = f"the year {text} stands in the rows {seen[key]} and {number}"
            collector.error(
                "HW208", sheet.shown, message, path=f"row {number}", fix="keep one of them"
            )
        seen.setdefault(key, number)
        for column, month in months.items():
            if row[column] is None:
                continue  # a record may begin or end within a year
            cells = [*((row[i], sheet.cell(number, i)) for i in others)]
            cells += [(f"{int(text):04d}-{month:02d}-01", sheet.cell(number, year))]
            cells += [(row[column], sheet.cell(number, column))]
            _append(made, cells)
    said.hear("a table of years and months", sheet.name)
    return made


def _stages(
    sheet: Sheet, name: str, numbered: list[int], collector: Collector, said: Said
) -> Sheet | None:
    table = TABLES[name]
    names = [plain_word(heading) for heading in sheet.headings]
    which = names.index(VALUE) if VALUE in names else None
    values = [c.name for c in table.columns if c.name not in table.key and c.kind is not Kind.DATE]
    others = [i for i in range(len(names)) if i not in numbered and i != which and names[i]]
    gathered: dict[tuple[Any, ...], dict[str, tuple[Any, str]]] = {}
    for number, cells_given in sheet.rows:
        row = [*cells_given, *[None] * (len(names) - len(cells_given))]
        value = values[0] if which is None else str(row[which] or "").strip()
        if value not in values:
            message = f"expected one of {', '.join(values)}, got {value!r}"
            where = sheet.cell(number, which or 0)
            collector.error("HW205", sheet.shown, message, path=where, fix="correct the word")
            continue
        for column in numbered:
            key = (*(row[i] for i in others), int(names[column]))
            held = gathered.setdefault(key, {})
            if value in held:
                message = f"{value} is given twice for the stage {names[column]}"
                where = f"row {number}"
                collector.error("HW208", sheet.shown, message, path=where, fix="keep one row")
                break
            if not held:
                held.update({str(i): (row[i], sheet.cell(number, i)) for i in others})
            held[value] = row[column], sheet.cell(number, column)
    present = [value for value in values if any(value in held for held in gathered.values())]
    made = _long(sheet, [*(sheet.headings[i] for i in others), "stage_id", *present])
    for key, held in gathered.items():
        cells = [held[str(i)] for i in others]
        cells.append((key[-1], f"column {letters(0)}"))
        cells += [held.get(value, (None, "a missing row")) for value in present]
        _append(made, cells)
    said.hear("a table over stages", sheet.name)
    return made


def _long(sheet: Sheet, headings: list[str]) -> _Long:
    made = _Long(sheet.name, sheet.shown, headings, [], sheet.decimal_comma)
    made.origin = {}
    return made


def _append(made: _Long, cells: list[tuple[Any, str]]) -> None:
    number = len(made.rows) + 1
    made.rows.append((number, [cell for cell, _ in cells]))
    made.origin.update({(number, column): where for column, (_, where) in enumerate(cells)})
