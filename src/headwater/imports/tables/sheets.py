"""Sheets of a workbook, or the CSV files of a directory, as cells with their places."""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.case.report import Collector
from headwater.core.wording import listed
from headwater.errors import ResultsError, UsageError

MISSING_OPENPYXL = "workbooks need openpyxl: pip install 'headwater[excel]'"
_OTHER_BOOKS = {".xls", ".ods", ".xlsb", ".numbers", ".gsheet"}
_BOOKS = {".xlsx", ".xlsm"}
_SEPARATORS = (";", "\t", ",")
_COMMA = re.compile(r"[+-]?\d+(?:\.\d{3})*,(?:\d{1,2}|\d{4,})")
"""A number with a decimal comma for sure: three digits behind it may be thousands."""
_POINT = re.compile(r"[+-]?\d*\.(?:\d{1,2}|\d{4,})")
_ENCODINGS = {"utf-8-sig": "UTF-8 with a byte order mark", "utf-16": "UTF-16", "cp1252": "Latin-1"}


@dataclass
class Said:
    """What was recognised, with the sheets that it holds for."""

    heard: dict[str, list[str]] = field(default_factory=dict)

    def hear(self, what: str, sheet: str) -> None:
        """Note something of a sheet."""
        self.heard.setdefault(what, []).append(sheet)

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence for each thing."""
        return tuple(f"{what}: {listed(sheets)}" for what, sheets in self.heard.items())


@dataclass
class Sheet:
    """One sheet: a row of headings, and rows of cells below it.

    Attributes:
        name: of the sheet, or of the CSV file without its ending.
        shown: how messages call it.
        headings: texts of the first row that is not empty; empty where there is none.
        rows: number in the file (1 for the first line) and cells; empty rows are left out.
        decimal_comma: whether numbers in texts have a comma where others have a point.
        merged: ranges of merged cells.
        formulas: addresses of formulas whose value is not stored.
    """

    name: str
    shown: str
    headings: list[str] = field(default_factory=list)
    rows: list[tuple[int, list[Any]]] = field(default_factory=list)
    decimal_comma: bool = False
    merged: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()

    def cell(self, row: int, column: int) -> str:
        """Address of a cell, e.g. ``C7``, with its heading."""
        address = f"cell {letters(column)}{row}"
        heading = self.headings[column] if column < len(self.headings) else ""
        return f"{address}, column '{heading}'" if heading else address


def letters(column: int) -> str:
    """Name of a column by its position: A to Z, AA, ..."""
    text, left = "", column + 1
    while left:
        left, digit = divmod(left - 1, 26)
        text = chr(65 + digit) + text
    return text


def read_sheets(source: Path, collector: Collector, said: Said) -> list[Sheet]:
    """The sheets of a workbook, or of a directory of CSV files.

    Args:
        source: ``BOOK.xlsx``, or a directory.
        collector: is told what cannot be read.
        said: is told what was recognised.

    Raises:
        UsageError: there is nothing of the kind, or openpyxl is missing.
    """
    if source.is_dir():
        files = sorted(one for one in source.iterdir() if one.suffix.lower() in (".csv", ".txt"))
        books = [one.name for one in source.iterdir() if one.suffix.lower() in _BOOKS]
        if not files:
            hint = f"; it holds {books[0]}: give that file" if books else ""
            raise UsageError(f"'{source}' holds no CSV file{hint}")
        return [
            sheet
            for file in files
            if not file.name.startswith(("_", "."))
            if (sheet := _read_csv(file, collector, said)) is not None
        ]
    suffix = source.suffix.lower()
    if not source.exists():
        raise UsageError(f"'{source}' does not exist: give a workbook or a directory of CSV files")
    if suffix == ".csv":
        raise UsageError(f"'{source}' is one table: give the directory with all of them")
    if suffix in _OTHER_BOOKS or suffix not in _BOOKS:
        raise UsageError(
            f"'{source.name}' is not an .xlsx workbook: save it as one (.xlsx), or every "
            "sheet as CSV into a directory"
        )
    return list(_read_book(source, collector, said))


def _read_book(source: Path, collector: Collector, said: Said) -> Iterator[Sheet]:
    book, formulas = _open_book(source, values=True), _open_book(source, values=False)
    for page in book.worksheets:
        if page.title.startswith("_") or page.title.lower() in ("read me", "readme"):
            continue
        if page.sheet_state != "visible":
            said.hear("a hidden sheet is read as the others are", page.title)
        written = formulas[page.title]
        unknown = tuple(
            cell.coordinate
            for row in written.iter_rows()
            for cell in row
            if cell.data_type == "f" and page[cell.coordinate].value is None
        )
        sheet = Sheet(
            page.title.strip(),
            f"sheet '{page.title}'",
            merged=tuple(str(one) for one in page.merged_cells.ranges),
            formulas=unknown,
        )
        rows = [(row[0].row, [cell.value for cell in row]) for row in page.iter_rows() if row]
        texts = [cell for _, row in rows for cell in row if isinstance(cell, str)]
        sheet.decimal_comma = _has_decimal_commas(texts, likely=False)
        if sheet.decimal_comma:
            said.hear("numbers in texts, with decimal commas", sheet.name)
        _fill(sheet, rows, collector)
        yield sheet


def _open_book(source: Path, *, values: bool) -> Any:
    try:
        import openpyxl
    except ImportError:
        raise UsageError(MISSING_OPENPYXL) from None
    try:
        return openpyxl.load_workbook(source, data_only=values)
    except OSError as error:
        raise ResultsError(f"'{source}' cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise UsageError(
            f"'{source.name}' cannot be opened: it is damaged, protected by a password, or no "
            "Excel workbook; open it in Excel and save it again without a password"
        ) from error


def _read_csv(file: Path, collector: Collector, said: Said) -> Sheet | None:
    sheet = Sheet(file.stem.strip(), f"file '{file.name}'")
    try:
        text, encoding = _decoded(file.read_bytes())
    except OSError as error:
        raise ResultsError(f"'{file}' cannot be read: {error.strerror or error}") from error
    if not text.strip():
        collector.error(
            "HW202",
            sheet.shown,
            "expected a row of headings, got an empty file",
            fix="write the names of the columns into the first row",
        )
        return None
    first = "\n".join([line for line in text.splitlines() if line.strip()][:5])
    separator = max(_SEPARATORS, key=first.count)
    rows = list(enumerate(csv.reader(io.StringIO(text), delimiter=separator), 1))
    cells = [cell for _, row in rows for cell in row]
    sheet.decimal_comma = _has_decimal_commas(cells, likely=separator != ",")
    heard = [_ENCODINGS[encoding]] if encoding in _ENCODINGS else []
    heard += {";": ["';' between cells"], "\t": ["tabulators between cells"]}.get(separator, [])
    commas = sheet.decimal_comma and any(_COMMA.fullmatch(cell.strip()) for cell in cells)
    heard += ["decimal commas"] if commas else []
    if heard:
        said.hear(", ".join(heard), sheet.name)
    _fill(sheet, rows, collector)
    width = len(sheet.headings)
    for number, row in sheet.rows:
        if len(row) > width and any(str(cell or "").strip() for cell in row[width:]):
            message = f"row {number} has {len(row)} cells, and there are {width} headings"
            fix = "quote cells that hold the separator, or save the file with ';' between cells"
            collector.error("HW202", sheet.shown, message, path=f"row {number}", fix=fix)
    return sheet


def _has_decimal_commas(cells: Sequence[str], *, likely: bool) -> bool:
    """Whether numbers have decimal commas; where it may be either, what is likely counts."""
    texts = [cell.strip() for cell in cells]
    if any(_COMMA.fullmatch(text) for text in texts):
        return True
    return likely and not any(_POINT.fullmatch(text) for text in texts)


def _decoded(content: bytes) -> tuple[str, str]:
    """The text of a file, and its encoding where it is not plain UTF-8."""
    if content.startswith(b"\xef\xbb\xbf"):
        return content.decode("utf-8-sig"), "utf-8-sig"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16"), "utf-16"
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), "cp1252"


def _fill(sheet: Sheet, rows: Sequence[tuple[int, list[Any]]], collector: Collector) -> None:
    """Find the headings and the rows below them; titles above are no headings."""
    filled = [(n, [clean(cell) for cell in row]) for n, row in rows]
    filled = [(n, row) for n, row in filled if any(cell is not None for cell in row)]
    if not filled:
        return
    widths = [sum(cell is not None for cell in row) for _, row in filled]
    # a title is a lone cell above a table of several columns
    start = next((i for i, width in enumerate(widths) if width > 1), 0)
    if start and max(widths[:start]) > 1:
        start = 0
    headings = ["" if cell is None else str(cell).strip() for cell in filled[start][1]]
    while headings and not headings[-1]:
        headings.pop()
    sheet.headings, sheet.rows = headings, filled[start + 1 :]
    seen: dict[str, int] = {}
    for column, heading in enumerate(headings):
        key = plain_word(heading)
        if heading and key in seen:
            message = f"the heading '{heading}' stands twice, in the columns "
            message += f"{letters(seen[key])} and {letters(column)}"
            collector.error("HW208", sheet.shown, message, fix="rename or remove one of them")
        seen.setdefault(key, column)


def clean(cell: Any) -> Any:
    """A cell without blanks around it; ``None`` where nothing is in it."""
    if isinstance(cell, str):
        text = unicodedata.normalize("NFC", cell).replace("\u00a0", " ").strip()
        return text or None
    return cell


def plain_word(text: str) -> str:
    """A heading or name of a sheet without what people write differently: case, blanks, accents."""
    letters_only = unicodedata.normalize("NFKD", text.strip().lower())
    kept = "".join(one for one in letters_only if not unicodedata.combining(one))
    return re.sub(r"[\s\-]+", "_", kept)


def write_csv(directory: Path, name: str, rows: Sequence[Sequence[Any]]) -> None:
    """Write a sheet as a CSV file that Excel opens."""
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"{name}.csv"
    # with the mark Excel takes it for UTF-8
    with open(target, "w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream, lineterminator=os.linesep).writerows(rows)
