"""Cases as sheets: a workbook with notes at its headings, or CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from headwater.case.documents import Documents
from headwater.case.parts import KINDS
from headwater.case.tables import TABLES, Kind
from headwater.errors import UsageError
from headwater.imports.tables.layout import (
    SETTINGS,
    SETTINGS_COLUMNS,
    Leaf,
    ListSheet,
    list_sheets,
    setting_leaf,
    table_leaf,
    table_sheets,
)
from headwater.imports.tables.layout import Path as Way
from headwater.imports.tables.paths import text_of
from headwater.imports.tables.sheets import MISSING_OPENPYXL, write_csv
from headwater.imports.tables.wide import VALUE

_MOST_ROWS = 1_048_575
_MOST_STAGES = 400
"""Tables over more stages are written long."""


@dataclass
class Page:
    """A sheet that is to be written.

    Attributes:
        name: of the sheet.
        headings: of its columns.
        rows: cells; ``None`` for nothing.
        notes: heading -> what the column means.
    """

    name: str
    headings: list[str]
    rows: list[list[Any]]
    notes: dict[str, str] = field(default_factory=dict)


def pages_of(documents: Documents) -> list[Page]:
    """The sheets that hold all that the files of a case say; comments are left out."""
    names = _names(documents)
    settings: list[list[Any]] = []
    lists: dict[str, Page] = {}
    held = {(one.file, one.place): one for one in list_sheets().values()}
    for file, content in documents.files.items():
        for path, value in _plain(content, ()):
            if isinstance(value, list) and (file, path) in held:
                if value:
                    lists[held[file, path].name] = _list_page(held[file, path], value, names)
            else:
                settings.extend(
                    [file, text_of(leaf), one] for leaf, one in _leaves(value, path, file)
                )
    pages = [Page(SETTINGS, list(SETTINGS_COLUMNS), settings, _setting_notes())]
    pages += [lists[name] for name in list_sheets() if name in lists]
    for name, table in table_sheets().items():
        frame = documents.tables.get(table)
        if frame is not None and len(frame):
            pages.append(_table_page(name, table, frame, names))
    return pages


def write_book(pages: Sequence[Page], target: Path) -> None:
    """Write a workbook.

    Raises:
        UsageError: openpyxl is missing, or a sheet has more rows than Excel takes.
    """
    try:
        import openpyxl
        from openpyxl.comments import Comment
        from openpyxl.styles import Font
    except ImportError:
        raise UsageError(MISSING_OPENPYXL) from None
    for page in pages:
        if len(page.rows) > _MOST_ROWS:
            raise UsageError(
                f"the sheet '{page.name}' has {len(page.rows)} rows, more than Excel takes: write "
                "CSV files into a directory"
            )
    book = openpyxl.Workbook()
    first = book.active
    first.title = "read me"
    for line in _READ_ME:
        first.append([line])
    first.column_dimensions["A"].width = 110
    for page in pages:
        sheet = book.create_sheet(page.name)
        sheet.append(page.headings)
        for number, row in enumerate(page.rows, 2):
            sheet.append(row)
            _keep_all_digits(sheet, number, row)
        for column, heading in enumerate(page.headings, 1):
            cell = sheet.cell(1, column)
            cell.font = Font(bold=True)
            if page.notes.get(heading):
                cell.comment = Comment(page.notes[heading], "Headwater")
            sheet.column_dimensions[cell.column_letter].width = min(max(len(heading) + 2, 9), 40)
        sheet.freeze_panes = "A2"
    book.save(target)


def _keep_all_digits(sheet: Any, number: int, row: Sequence[Any]) -> None:
    """Write numbers whole that the library would cut to 16 digits, so that they come back."""
    for column, value in enumerate(row, 1):
        if isinstance(value, float) and float(f"{value:.16g}") != value:
            cell = sheet.cell(number, column)
            cell.value, cell.data_type = repr(value), "n"


def write_directory(pages: Sequence[Page], target: Path) -> None:
    """Write a CSV file for each sheet."""
    for page in pages:
        rows = [page.headings, *([_text(cell) for cell in row] for row in page.rows)]
        write_csv(target, page.name, rows)


_READ_ME = (
    "A case of Headwater: one sheet a kind, one row an entity. Point at a heading for its meaning.",
    "Make a case of it with: headwater import table BOOK.xlsx CASE",
    "Plants and buses are named; without a column id they are numbered in the order of their rows.",
    "Headings with dots lie deeper: blocks.1.hours are the hours of the first block, and so on.",
    "Sheets whose name begins with _ are left out, and so is this one. An empty cell says nothing.",
    "inflow_history may have a row a year, with columns 1 to 12; other tables a column a stage.",
    "All other settings stand on the sheet settings: file, key, value.",
)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return (
        cell.isoformat()
        if isinstance(cell, date)
        else repr(cell)
        if isinstance(cell, float)
        else str(cell)
    )


def _names(documents: Documents) -> Mapping[str, Mapping[int, str]]:
    """Kind -> id -> name, of kinds whose entities all have names of their own."""
    found: dict[str, dict[int, str]] = {}
    for kind, (file, key, _) in KINDS.items():
        entries = documents.files.get(file, {}).get(key, [])
        names = {entry["id"]: str(entry.get("name") or "") for entry in entries}
        plain = all(
            name == name.strip() and name and not _is_number(name) for name in names.values()
        )
        if plain and len(set(names.values())) == len(names):
            found[kind] = names
    return found


def _is_number(name: str) -> bool:
    return name.replace(".", "").replace(",", "").isdigit()


def _plain(content: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Lists and values of a file that no list holds; keys that are comments are left out."""
    for key, value in content.items():
        if key.startswith(("_", "$")):
            continue
        if isinstance(value, dict):
            yield from _plain(value, (*path, key))
        else:
            yield (*path, key), value


def _leaves(value: Any, path: Way, file: str) -> Iterator[tuple[Way, Any]]:
    """Values below a place, each with its path."""
    if isinstance(value, dict):
        for key, one in value.items():
            if not key.startswith(("_", "$")):
                yield from _leaves(one, (*path, key), file)
    elif isinstance(value, list):
        for i, one in enumerate(value):
            yield from _leaves(one, (*path, i), file)
    elif value is not None:
        leaf = setting_leaf(file, path) if file else None
        yield path, _cell(value, leaf)


def _cell(value: Any, leaf: Leaf | None) -> Any:
    if leaf is not None and leaf.kinds == ("date",) and isinstance(value, str):
        return date.fromisoformat(value)
    return value


def _list_page(known: ListSheet, items: Sequence[Mapping[str, Any]], names: Any) -> Page:
    rows: list[dict[Way, Any]] = []
    for item in items:
        rows.append(dict(_leaves(item, (), "")))
    order: dict[Way, int] = {path: i for i, path in enumerate(known.columns)}
    paths = sorted(
        {path for row in rows for path in row},
        key=lambda path: (
            order.get(path, order.get(path[:1], len(order))),
            [(isinstance(step, str), str(step).zfill(6)) for step in path],
        ),
    )
    leaves = {path: known.leaf(path) or Leaf(("string",)) for path in paths}
    headings, notes = [], {}
    for path in paths:
        leaf = leaves[path]
        text = text_of(path)
        if leaf.reference in names:
            text = text.removesuffix("_id")
        headings.append(text)
        notes[text] = note_of(leaf)
    cells = [
        [_named(_cell(row.get(path), leaves[path]), leaves[path], names) for path in paths]
        for row in rows
    ]
    return Page(known.name, headings, cells, notes)


def _named(value: Any, leaf: Leaf, names: Mapping[str, Mapping[int, str]]) -> Any:
    if value is None or leaf.reference not in names:
        return value
    return names[leaf.reference].get(value, value)


def note_of(leaf: Leaf) -> str:
    """What a column means, for people."""
    kinds = {"integer": "whole number", "string": "text", "boolean": "true or false"}
    kind = " or ".join(kinds.get(one, one) for one in leaf.kinds)
    unit = f" in {leaf.unit}" if leaf.unit else ""
    words = f": {', '.join(leaf.words)}" if leaf.words else ""
    need = "required" if leaf.required and not leaf.nullable else "may be empty"
    named = f"; name or id of a {leaf.reference.replace('_', ' ')}" if leaf.reference else ""
    return f"{leaf.meaning} ({kind}{unit}{words}; {need}{named})"


def _setting_notes() -> dict[str, str]:
    return {
        "file": "JSON file of the case",
        "key": "where in the file; entries of lists are numbered from 1",
        "value": "number, text, date, true or false",
    }


def _table_page(name: str, table: str, frame: pl.DataFrame, names: Any) -> Page:
    columns = {column.name: column for column in TABLES[table].columns}
    kept = [one for one in frame.columns if one in columns and frame[one].null_count() < len(frame)]
    leaves = {one: table_leaf(columns[one]) for one in kept}
    headings = {
        one: one.removesuffix("_id") if leaves[one].reference in names else one for one in kept
    }
    shown = frame.select(
        [
            pl.Series(
                headings[one], [_named(value, leaves[one], names) for value in frame[one].to_list()]
            )
            for one in kept
        ]
    )
    notes = {headings[one]: note_of(leaves[one]) for one in kept}
    dates = [headings[one] for one in kept if columns[one].kind is Kind.DATE]
    if dates and len(kept) == 3 and all(day.day == 1 for day in shown[dates[0]].to_list()):
        return _year_page(name, shown, dates[0], notes)
    keys = [one for one in TABLES[table].key if one in kept]
    whole = frame.select(kept).null_count().sum_horizontal().item() == 0
    if len(keys) == 2 and keys[1] == "stage_id" and whole:
        stages = sorted(frame["stage_id"].unique().to_list())
        if len(stages) <= _MOST_STAGES and len(frame) % len(stages) == 0 and stages[0] >= 0:
            return _stage_page(name, shown, headings[keys[0]], stages, notes)
    return Page(name, list(shown.columns), [list(row) for row in shown.rows()], notes)


def _year_page(name: str, shown: pl.DataFrame, day: str, notes: dict[str, str]) -> Page:
    entity, value = (one for one in shown.columns if one != day)
    held: dict[tuple[Any, int], list[Any]] = {}
    for one, when, number in shown.select(entity, day, value).rows():
        held.setdefault((one, when.year), [None] * 12)[when.month - 1] = number
    rows = [[one, year, *months] for (one, year), months in held.items()]
    headings = [entity, "year", *map(str, range(1, 13))]
    return Page(name, headings, rows, {**notes, "1": f"January: {notes[value]}"})


def _stage_page(
    name: str, shown: pl.DataFrame, entity: str, stages: Sequence[int], notes: dict[str, str]
) -> Page:
    values = [one for one in shown.columns if one not in (entity, "stage_id")]
    held: dict[tuple[Any, str], dict[int, Any]] = {}
    for row in shown.select(entity, "stage_id", *values).rows():
        for value, number in zip(values, row[2:], strict=True):
            held.setdefault((row[0], value), {})[row[1]] = number
    rows = [[*key, *(numbers.get(t) for t in stages)] for key, numbers in held.items()]
    about = "; ".join(f"{value}: {notes[value]}" for value in values)
    return Page(name, [entity, VALUE, *map(str, stages)], rows, {**notes, VALUE: about})
