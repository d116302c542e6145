"""``headwater report --xlsx``: the figures of a run as a workbook of summary tables."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from headwater import files
from headwater.errors import ResultsError, UsageError
from headwater.results.reader import Results, load_results
from headwater.results.schemas import SCHEMAS

DEFAULT_NAME = "report.xlsx"
"""Name of the workbook in the output directory of a run."""

MISSING_OPENPYXL = "workbooks need openpyxl: pip install 'headwater[report]'"

_WIDEST = 40
"""Letters of the widest column."""

_LONGEST_TEXT = 32_767
"""Letters that a cell can hold."""


def write_workbook(directory: str | Path, out: str | Path | None = None) -> Path:
    """Write the summary tables of a run as a workbook, for Excel and the like.

    A sheet for the run as a whole, for iterations, for scenarios, and for the means of plants,
    buses and lines by stage; the first row of each has names and units. A text is a text, also
    where it begins with ``=``.

    Args:
        directory: output directory of a run.
        out: the workbook; ``None`` writes ``report.xlsx`` into the directory.

    Returns:
        The workbook.

    Raises:
        ResultsError: there are no results, or the workbook cannot be written.
        UsageError: openpyxl is not installed.

    Examples:
        >>> hw.write_workbook("output", "plan.xlsx")
    """
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise UsageError(MISSING_OPENPYXL) from error
    results = load_results(directory)
    target = results.directory / DEFAULT_NAME if out is None else Path(out)
    workbook = Workbook()
    workbook.remove(workbook.active)
    for title, frame in _sheets(results):
        _fill(workbook.create_sheet(title), frame)
    content = io.BytesIO()
    workbook.save(content)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(target, content.getvalue())
    except OSError as error:
        raise ResultsError(f"the workbook cannot be written to {target}: {error}") from error
    return target


def _sheets(results: Results) -> Iterator[tuple[str, pl.DataFrame]]:
    """Titles and tables, the run as a whole first."""
    yield "run", pl.DataFrame(results.facts(), ["what", "value"], orient="row")
    if results.has_training:
        yield "iterations", results.convergence
    if results.has_simulation:
        yield "scenarios", results.summary
        for name in results.tables:
            if "scenario_id" in SCHEMAS[name].sort_keys:
                yield name, _mean_over_scenarios(results, name)


def _mean_over_scenarios(results: Results, name: str) -> pl.DataFrame:
    """A table of the simulation, as means over the scenarios."""
    schema = SCHEMAS[name]
    keys = [key for key in schema.sort_keys if key != "scenario_id"]
    lazy = results.scan(name)
    types = lazy.collect_schema()
    numbers = {column.name for column in schema.columns if types.get(column.name) == pl.Float64}
    words = [
        column
        for column in types
        if column not in numbers and column not in keys and not column.endswith(("_id", "_code"))
    ]
    return (
        lazy.group_by(keys)
        .agg(
            *(pl.col(column).first() for column in words),
            *(pl.col(column).mean() for column in types if column in numbers),
        )
        .sort(keys)
        .select(*keys, *words, *(column for column in types if column in numbers))
        .collect()
    )


def _fill(sheet: Any, frame: pl.DataFrame) -> None:
    """Write a table with headings into a sheet."""
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    for number, column in enumerate(frame.columns, start=1):
        cell = sheet.cell(1, number, column)
        cell.font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(number)].width = min(_WIDEST, len(column) + 3)
    for row, values in enumerate(frame.iter_rows(), start=2):
        for number, value in enumerate(values, start=1):
            _write(sheet.cell(row, number), value)
    sheet.freeze_panes = "A2"


def _write(cell: Any, value: Any) -> None:
    """Write a value; a text is never a formula, and what a sheet cannot hold is left out."""
    if isinstance(value, str):
        cell.value = _without_control_letters(value)
        cell.data_type = "s"
    elif value is not None and not (isinstance(value, float) and not math.isfinite(value)):
        cell.value = value


def _without_control_letters(text: str) -> str:
    """A text as a sheet can hold it."""
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")[:_LONGEST_TEXT]
