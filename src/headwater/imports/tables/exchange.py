"""Making a case of a workbook or a directory of CSV files, and the other way round."""

from __future__ import annotations

import dataclasses
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from headwater.case import Case, load_case
from headwater.case.load import case_of
from headwater.case.report import Collector, Finding, Report
from headwater.case.starter import write_starter
from headwater.errors import CaseError, UsageError
from headwater.imports.tables.reading import Reading, read_case
from headwater.imports.tables.sheets import Said, read_sheets
from headwater.imports.tables.writing import pages_of, write_book, write_directory

_BOOK = ".xlsx"


@dataclass(frozen=True)
class ImportedTables:
    """A case that was made of sheets.

    Attributes:
        case: the case.
        said: what was recognised in the files: separators, decimal commas, encodings, wide tables.
        path: directory that it was written to.
    """

    case: Case
    said: tuple[str, ...]
    path: Path


def import_table(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> ImportedTables:
    """Make a case directory of a workbook, or of a directory of CSV files.

    Args:
        source: ``BOOK.xlsx``, or a directory with a CSV file for each sheet.
        target: new directory.

    Raises:
        UsageError: there is no such workbook, or ``target`` holds something already.
        CaseError: sheets or cells are wrong; the report names sheet, row and column of each.

    Examples:
        >>> import_table("system.xlsx", "case").case.system
    """
    book, directory = Path(source), Path(target)
    collector, said = Collector(), Said()
    sheets = read_sheets(book, collector, said)
    reading = read_case(sheets, collector, said)
    if collector.has_errors:
        raise _refused(book, collector.report(book.name))
    try:
        case = case_of(reading.documents(), directory.name)
    except CaseError as error:
        report = error.report
        assert isinstance(report, Report)
        raise _refused(book, _placed(report, reading, book.name)) from None
    case = dataclasses.replace(case, report=_placed(case.report, reading, directory.name))
    return ImportedTables(case, said.sentences, case.save(directory))


def export_table(case: str | os.PathLike[str] | Case, target: str | os.PathLike[str]) -> Path:
    """Write a case as a workbook (``.xlsx``) or as CSV files into a new directory.

    Args:
        case: a case, or its directory.
        target: ``BOOK.xlsx``, or a directory that does not exist yet or is empty.

    Raises:
        CaseError: the case has errors.
        UsageError: ``target`` exists, or openpyxl is missing.

    Examples:
        >>> export_table("case", "case.xlsx")
    """
    loaded, path = case if isinstance(case, Case) else load_case(case), Path(target)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"'{path}' exists; choose another name")
    pages = pages_of(loaded.documents)
    if path.suffix.lower() == _BOOK:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_book(pages, path)
    elif path.suffix:
        raise UsageError(f"'{path.name}' is neither a .xlsx workbook nor the name of a directory")
    else:
        write_directory(pages, path)
    return path


def write_table_starter(target: str | os.PathLike[str], template: str) -> Path:
    """Write a starter case as a workbook or CSV files, to be filled in.

    Args:
        target: ``BOOK.xlsx``, or a new directory.
        template: see ``headwater init --list``.

    Raises:
        UsageError: there is no such template, or ``target`` exists.

    Examples:
        >>> write_table_starter("mine.xlsx", "one-reservoir")
    """
    with tempfile.TemporaryDirectory() as directory:
        case = write_starter(Path(directory) / "case", template)
        return export_table(case, target)


def _refused(book: Path, report: Report) -> CaseError:
    listed = "\n".join(f"  {finding}" for finding in report.errors)
    return CaseError(f"'{book}' makes no case:\n{listed}", report)


def _placed(report: Report, reading: Reading, name: str) -> Report:
    """A report on the case with sheets and cells for files and keys, as far as they are known."""
    findings = tuple(_in_sheets(one, reading) for one in report.findings)
    return dataclasses.replace(report, case=name, findings=findings)


def _in_sheets(finding: Finding, reading: Reading) -> Finding:
    path = finding.path or ""
    while path:
        place = reading.places.get((finding.file, path))
        if place is not None:
            return dataclasses.replace(finding, file=place[0], path=place[1])
        path = re.sub(r"(\.[^.\[\]]*|\[\d+\]|^[^.\[\]]*)$", "", path)
    return finding
