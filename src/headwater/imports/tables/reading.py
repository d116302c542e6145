"""The files of a case out of sheets, with the place of every value for messages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from headwater.case.documents import Documents
from headwater.case.manifest import JSON_FILES
from headwater.case.names import nearest_word
from headwater.case.parts import KINDS
from headwater.case.report import Collector
from headwater.case.shapes import write_path
from headwater.case.tables import TABLES, Kind
from headwater.imports.tables.cells import Mistake, Names, value_of
from headwater.imports.tables.layout import (
    SETTINGS,
    SETTINGS_COLUMNS,
    Leaf,
    ListSheet,
    Path,
    list_sheets,
    required_lists,
    setting_leaf,
    table_leaf,
    table_sheets,
)
from headwater.imports.tables.paths import path_of, put
from headwater.imports.tables.sheets import Said, Sheet, plain_word
from headwater.imports.tables.wide import widened

Json = dict[str, Any]
_NO_NAMES = Names({})
_ABOUT_UNITS = re.compile(r"^[\[(]?(MW|MWh|hm3|hm³|m3/s|m³/s|h|km2|mm|%|\$/?\S*|-)[\])]?$")


@dataclass
class Reading:
    """What has been read so far.

    Attributes:
        collector: is told what is wrong.
        said: what was recognised.
        files: JSON file -> its content.
        tables: table -> its rows.
        places: (file, dotted path) -> sheet and cell, for messages about the whole case.
    """

    collector: Collector
    said: Said
    files: dict[str, Json] = field(default_factory=dict)
    tables: dict[str, list[Json]] = field(default_factory=dict)
    places: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    names: Names = _NO_NAMES

    def documents(self) -> Documents:
        """The files of the case; required ones are there, if only with empty lists."""
        for sheet in list_sheets().values():
            if JSON_FILES[sheet.file] or sheet.file in self.files:
                _put_missing_list(self.files.setdefault(sheet.file, {}), sheet)
        types = {Kind.WHOLE: pl.Int64(), Kind.NUMBER: pl.Float64(), Kind.DATE: pl.Date()}
        frames = {}
        for name, rows in self.tables.items():
            schema: dict[str, Any] = {
                column.name: types[column.kind]
                for column in TABLES[name].columns
                if any(column.name in row for row in rows)
            }
            frames[name] = pl.DataFrame(rows, schema=schema) if schema else pl.DataFrame()
        return Documents(self.files, {name: frame for name, frame in frames.items() if len(frame)})

    def mistake(self, sheet: Sheet, where: str, problem: Mistake) -> None:
        """Report a cell."""
        self.collector.error(
            problem.code, sheet.shown, problem.message, path=where, fix=problem.fix
        )


def read_case(sheets: list[Sheet], collector: Collector, said: Said) -> Reading:
    """Read all sheets; what is wrong is told to the collector."""
    reading = Reading(collector, said)
    known = {plain_word(name): name for name in (SETTINGS, *list_sheets(), *table_sheets())}
    found: dict[str, Sheet] = {}
    for sheet in sheets:
        name = known.get(plain_word(sheet.name))
        if name is None:
            _unknown_sheet(sheet, list(known.values()), collector)
        elif name in found:
            message = f"'{name}' is given twice, also as {found[name].shown}"
            collector.error("HW103", sheet.shown, message, fix="keep one of the two")
        else:
            found[name] = sheet
            _general_mistakes(sheet, reading)
    reading.names = _names(found)
    for name, sheet in found.items():
        if name == SETTINGS:
            _read_settings(sheet, reading)
        elif name in list_sheets():
            _read_list(sheet, list_sheets()[name], reading)
        else:
            _read_table(sheet, table_sheets()[name], reading)
    return reading


def _unknown_sheet(sheet: Sheet, known: list[str], collector: Collector) -> None:
    close = nearest_word(plain_word(sheet.name), known)
    fix = f"did you mean '{close}'? If not, " if close else ""
    fix += "let its name begin with _ to leave it out"
    collector.error("HW104", sheet.shown, f"no sheet of a case is called '{sheet.name}'", fix=fix)


def _general_mistakes(sheet: Sheet, reading: Reading) -> None:
    for area in sheet.merged:
        message = "merged cells hold one value, and the others are empty"
        fix = "unmerge them and fill in every cell"
        reading.collector.error("HW206", sheet.shown, message, path=f"cells {area}", fix=fix)
    for address in sheet.formulas:
        message = "the value of this formula is not stored in the file"
        fix = "open the workbook in Excel and save it, or type the value"
        reading.collector.error("HW206", sheet.shown, message, path=f"cell {address}", fix=fix)
    if sheet.rows and sheet.rows[0][1] and _tells_units(sheet.rows[0][1]):
        reading.said.hear("a row of units is left out", sheet.name)
        sheet.rows = sheet.rows[1:]


def _tells_units(row: list[Any]) -> bool:
    texts = [cell for cell in row if cell is not None]
    return bool(texts) and all(isinstance(cell, str) and _ABOUT_UNITS.match(cell) for cell in texts)


def _names(found: dict[str, Sheet]) -> Names:
    """Names of the entities and their ids: those given, or else the places of the rows."""
    ids: dict[str, dict[str, int]] = {}
    for kind, (_, key, _) in KINDS.items():
        sheet = found.get(key)
        if sheet is None:
            continue
        columns = {plain_word(heading): i for i, heading in enumerate(sheet.headings)}
        name, own = columns.get("name"), columns.get("id")
        ids[kind] = {}
        for position, (_, row) in enumerate(sheet.rows):
            text = _at(row, name)
            number = _at(row, own) if own is not None else position
            if text is not None and isinstance(number, int | float | str):
                try:
                    ids[kind].setdefault(str(text), int(float(number)))
                except ValueError:
                    continue  # reported where the row is read
    return Names(ids)


def _at(row: list[Any], column: int | None) -> Any:
    return row[column] if column is not None and column < len(row) else None


def _read_settings(sheet: Sheet, reading: Reading) -> None:
    columns = {plain_word(heading): i for i, heading in enumerate(sheet.headings)}
    missing = [name for name in SETTINGS_COLUMNS if name not in columns]
    if missing:
        reading.collector.error(
            "HW201",
            sheet.shown,
            f"the column '{missing[0]}' is required and was not found",
            fix="name the columns file, key and value",
        )
        return
    for number, row in sheet.rows:
        file, key, cell = (_at(row, columns[name]) for name in SETTINGS_COLUMNS)
        where = sheet.cell(number, columns["value"])
        if file not in JSON_FILES:
            close = nearest_word(str(file), JSON_FILES)
            fix = f"did you mean '{close}'?" if close else "name a JSON file of the case"
            reading.mistake(
                sheet,
                sheet.cell(number, columns["file"]),
                Mistake("HW207", f"'{file}' is not a file of a case", fix),
            )
            continue
        path = path_of(str(key or ""))
        leaf = setting_leaf(file, path)
        if leaf is None:
            problem = Mistake("HW207", f"'{key}' is not a known key of {file}", "correct the key")
            reading.mistake(sheet, sheet.cell(number, columns["key"]), problem)
            continue
        content = reading.files.setdefault(file, {})
        _read_cell(sheet, where, cell, leaf, reading, (file, content, path, path))


def _read_list(sheet: Sheet, known: ListSheet, reading: Reading) -> None:
    paths: dict[int, tuple[Path, Leaf]] = {}
    for column, heading in enumerate(sheet.headings):
        found = _column_of(heading, known)
        if found is None:
            if heading:
                _unknown_column(
                    sheet, column, [".".join(map(str, p)) for p in known.columns], reading
                )
            continue
        paths[column] = found
    content = reading.files.setdefault(known.file, {})
    items = _list_of(content, known.place)
    required = [
        (".".join(map(str, path)), leaf)
        for path in known.columns
        if len(path) == 1 and (leaf := known.leaf(path)) is not None and leaf.required
    ]
    given = {path for path, _ in paths.values()}
    for name, leaf in required:
        if (name,) not in given and name != "id" and not leaf.nullable and not _later(name, given):
            fix = "add the column"
            message = f"the column '{_friendly(name, leaf)}' is required and was not found"
            reading.collector.error("HW201", sheet.shown, message, fix=fix)
    seen: dict[str, int] = {}
    for number, row in sheet.rows:
        item: Json = {}
        prefix: Path = (*known.place, len(items))
        for column, (path, leaf) in paths.items():
            where = sheet.cell(number, column)
            place = (known.file, item, path, (*prefix, *path))
            _read_cell(sheet, where, _at(row, column), leaf, reading, place)
        _complete(item, known, ())
        if known.leaf(("id",)) is not None:
            item.setdefault("id", len(items))
        called = item.get("name")
        if called and known.file in {file for file, _, _ in KINDS.values()}:
            if called in seen:
                problem = Mistake(
                    "HW208",
                    f"'{called}' stands in the rows {seen[called]} and {number}",
                    "give every row a name of its own",
                )
                reading.mistake(sheet, f"row {number}", problem)
            seen.setdefault(called, number)
        reading.places[known.file, write_path(prefix)] = sheet.shown, f"row {number}"
        items.append(item)


def _later(name: str, given: set[Path]) -> bool:
    """Whether an object is given by parts of it."""
    return any(path and path[0] == name for path in given)


def _column_of(heading: str, known: ListSheet) -> tuple[Path, Leaf] | None:
    """Path of a column; ids of entities may stand without the ending."""
    for text in (heading, f"{heading}_id"):
        path = path_of(_as_known(text, known))
        leaf = known.leaf(path)
        if leaf is not None and (text == heading or leaf.reference):
            return path, replace(leaf, by_id=plain_word(heading).endswith("_id"))
    return None


def _as_known(text: str, known: ListSheet) -> str:
    """A heading in the spelling of the format, where it differs in case or blanks alone."""
    spelled = {plain_word(".".join(path)): ".".join(path) for path in known.columns}
    return spelled.get(plain_word(text), text)


def _unknown_column(sheet: Sheet, column: int, known: list[str], reading: Reading) -> None:
    heading = sheet.headings[column]
    last = {name.rsplit(".", 1)[-1]: name for name in known}
    close = nearest_word(plain_word(heading), known) or nearest_word(plain_word(heading), last)
    fix = (
        f"did you mean '{last.get(close, close)}'? If not, remove the column"
        if close
        else "remove the column"
    )
    reading.collector.error(
        "HW207",
        sheet.shown,
        f"'{heading}' is not a known column",
        path=f"column {sheet.cell(1, column).split()[1][:-1].rstrip(',')}" if heading else None,
        fix=fix,
    )


def _read_cell(
    sheet: Sheet,
    where: str,
    cell: Any,
    leaf: Leaf,
    reading: Reading,
    place: tuple[str, Json, Path, Path],
) -> None:
    """Read a cell into a document: file, object, path in the object, path in the file."""
    file, content, path, whole = place
    try:
        value = value_of(cell, leaf, reading.names, decimal_comma=sheet.decimal_comma)
    except Mistake as problem:
        reading.mistake(sheet, where, problem)
        return
    reading.places[file, write_path(whole)] = sheet.shown, where
    if value is not None:
        in_json = isinstance(value, date) and file in JSON_FILES
        put(content, path, value.isoformat() if in_json else value)
    elif leaf.required and len(path) == 1 and not leaf.nullable and path != ("id",):
        fix = "fill in the cell"
        reading.mistake(sheet, where, Mistake("HW206", "expected a value, got an empty cell", fix))


def _list_of(content: Json, place: tuple[str, ...]) -> list[Any]:
    here: Any = content
    for step in place[:-1]:
        here = here.setdefault(step, {})
    items: list[Any] = here.setdefault(place[-1], [])
    return items


def _put_missing_list(content: Json, sheet: ListSheet) -> None:
    """An empty list where the format asks for one at the top of a file."""
    if (
        len(sheet.place) == 1
        and sheet.place[0] not in content
        and sheet.place[0] in required_lists(sheet.file)
    ):
        content[sheet.place[0]] = []


def _complete(value: Any, known: ListSheet, path: Path) -> None:
    """Give objects what they need and no cell says: numbers in their list, and nothing at all."""
    if isinstance(value, list):
        for i, one in enumerate(value):
            _complete(one, known, (*path, i))
    elif isinstance(value, dict):
        for key in known.required_keys(path):
            leaf = known.leaf((*path, key))
            if leaf is None or key in value:
                continue
            if key in ("id", "block_id") and path:
                value[key] = path[-1]
            elif leaf.nullable:
                value[key] = None
        for key, one in value.items():
            _complete(one, known, (*path, key))


def _friendly(name: str, leaf: Leaf) -> str:
    return name.removesuffix("_id") if leaf.reference else name


def _read_table(sheet: Sheet, name: str, reading: Reading) -> None:
    table = TABLES[name]
    narrow = widened(sheet, name, reading.collector, reading.said)
    if narrow is None:
        return
    columns: dict[int, Any] = {}
    for column, heading in enumerate(narrow.headings):
        found = next(
            (
                one
                for one in table.columns
                if plain_word(heading) in (one.name, one.name.removesuffix("_id"))
            ),
            None,
        )
        if found is None:
            if heading:
                _unknown_column(narrow, column, list(table.names), reading)
            continue
        columns[column] = found
    given = {column.name for column in columns.values()}
    for one in table.columns:
        if one.required and one.name not in given:
            name_shown = _friendly(one.name, table_leaf(one))
            message = f"the column '{name_shown}' is required and was not found"
            reading.collector.error("HW201", sheet.shown, message, fix="add the column")
    leaves = {
        place: replace(table_leaf(column), by_id=plain_word(narrow.headings[place]).endswith("_id"))
        for place, column in columns.items()
    }
    rows = reading.tables.setdefault(name, [])
    stem = name.rsplit("/", 1)[-1].removesuffix(".parquet")
    for number, row in narrow.rows:
        item: Json = {}
        for place, column in columns.items():
            where = narrow.cell(number, place)
            _read_cell(
                narrow,
                where,
                _at(row, place),
                leaves[place],
                reading,
                (name, item, (column.name,), (f"{stem}", len(rows), column.name)),
            )
        rows.append(item)
