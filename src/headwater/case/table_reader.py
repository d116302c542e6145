"""Reading one table, Parquet or CSV, into the canonical columns and types."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headwater.case.names import LABEL_OF_COLUMN, nearest_word
from headwater.case.report import Collector
from headwater.case.tables import Column, Kind, Table
from headwater.model.magnitudes import largest_of

ROW = "__row__"
"""Column that keeps the position of a row in its file, for messages."""

_DTYPES: dict[Kind, Any] = {Kind.WHOLE: pl.Int64(), Kind.NUMBER: pl.Float64(), Kind.DATE: pl.Date()}
_MAX_CELLS = 20


def read_table(root: Path, file: str, table: Table, collector: Collector) -> pl.DataFrame | None:
    """Read a table with the columns of ``table``, int64, float64 and date, sorted by its key.

    Optional columns that the file lacks are filled with nulls. `ROW` holds the row number in the
    file.

    Returns:
        The table, or ``None`` after reporting why it cannot be used.
    """
    frame = _open(root, file, collector)
    if frame is None:
        return None
    stem = file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    frame = _rename(frame, table, file, collector)
    sound = True
    columns: list[pl.Series] = []
    for column in table.columns:
        if column.name not in frame.columns:
            if column.required:
                present = ", ".join(frame.columns[:12]) or "none"
                message = (
                    f"the column '{column.name}' is required and was not found (columns: {present})"
                )
                collector.error(
                    "HW201", file, message, path=f"{stem}.{column.name}", fix="add the column"
                )
                sound = False
            columns.append(
                pl.Series(column.name, [None] * frame.height, dtype=_DTYPES[column.kind])
            )
            continue
        series = _convert(frame.get_column(column.name), column, file, stem, collector)
        sound = sound and series is not None
        if series is not None:
            columns.append(series)
    if not sound:
        return None
    result = pl.DataFrame(columns).with_columns(
        pl.Series(ROW, range(frame.height), dtype=pl.Int64())
    )
    if not _values_fit(result, table, file, stem, collector):
        return None
    if table.key and not _keys_unique(result, table, file, stem, collector):
        return None
    return result.sort([*table.key, ROW], nulls_last=False) if table.key else result


def complete_columns(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """A table with all its known columns; those that it lacks are empty."""
    absent = [column for column in table.columns if column.name not in frame.columns]
    return frame.with_columns(
        [pl.lit(None, dtype=_DTYPES[column.kind]).alias(column.name) for column in absent]
    )


def _open(root: Path, file: str, collector: Collector) -> pl.DataFrame | None:
    path = root / file
    try:
        if file.endswith(".csv"):
            content = path.read_bytes()
            if not content.strip():
                collector.error(
                    "HW202",
                    file,
                    "expected a header row, got an empty file",
                    fix="write the column names",
                )
                return None
            content.decode("utf-8-sig")
            return pl.read_csv(
                content, infer_schema=False, encoding="utf8", truncate_ragged_lines=False
            )
        if not _is_whole_parquet(path):
            message = "expected a Parquet table, got something else or a file that was cut short"
            collector.error("HW202", file, message, fix="write the file anew")
            return None
        return pl.read_parquet(path, use_statistics=False, glob=False)
    except OSError as error:
        collector.error(
            "HW102",
            file,
            f"the file cannot be read: {error.strerror or error}",
            fix="check its permissions",
        )
    except UnicodeDecodeError as error:
        message = (
            "expected UTF-8 text, got the byte "
            f"0x{content[error.start]:02x} at position {error.start}"
        )
        collector.error("HW202", file, message, fix="save the file with UTF-8 encoding")
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except (
        BaseException
    ) as error:  # damaged files can also make the reader panic, which is not an Exception
        reason = str(error).strip().splitlines()
        kind = "CSV" if file.endswith(".csv") else "Parquet"
        collector.error(
            "HW202",
            file,
            f"expected a {kind} table: {(reason or ['unreadable'])[0][:200]}",
            fix="write the file anew",
        )
    return None


def _is_whole_parquet(path: Path) -> bool:
    """Whether both ends of a file are those of a Parquet file.

    Damaged files are best kept from the decoder.
    """
    size = path.stat().st_size
    if size < 12:
        return False
    with path.open("rb") as stream:
        head = stream.read(4)
        stream.seek(-8, os.SEEK_END)
        length, tail = int.from_bytes(stream.read(4), "little"), stream.read(4)
    return head == tail == b"PAR1" and 0 < length <= size - 12


def _rename(frame: pl.DataFrame, table: Table, file: str, collector: Collector) -> pl.DataFrame:
    for old, new in table.aliases:
        if old in frame.columns:
            if new in frame.columns:
                message = f"'{old}' is an older name of '{new}', and both columns are given"
                collector.error("HW702", file, message, path=old, fix=f"remove '{old}'")
                frame = frame.drop(old)
                continue
            collector.warning(
                "HW701",
                file,
                f"the column '{old}' is an older name of '{new}'",
                path=old,
                fix="rename it",
            )
            frame = frame.rename({old: new})
    for name in frame.columns:
        if name not in table.names and not name.startswith("_"):
            guess = nearest_word(name, table.names)
            fix = (
                f"did you mean '{guess}'? If not, remove the column"
                if guess
                else "remove the column"
            )
            collector.error("HW207", file, f"'{name}' is not a known column", path=name, fix=fix)
    return frame


def _convert(
    series: pl.Series, column: Column, file: str, stem: str, collector: Collector
) -> pl.Series | None:
    """Cast a column safely; a cell that would change its meaning is reported."""
    dtype, target = series.dtype, _DTYPES[column.kind]
    if dtype == pl.Null:
        return series.cast(target)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        series, dtype = series.cast(pl.String()), pl.String()
    is_text = dtype == pl.String
    accepted = {
        Kind.WHOLE: dtype.is_integer() or (is_text and file.endswith(".csv")),
        Kind.NUMBER: dtype.is_numeric() or (is_text and file.endswith(".csv")),
        Kind.DATE: is_text or dtype == pl.Date or isinstance(dtype, pl.Datetime),
    }[column.kind]
    if not accepted:
        message = (
            f"expected {column.kind.value} in the column '{column.name}', got the type {dtype}"
        )
        collector.error(
            "HW201",
            file,
            message,
            path=f"{stem}.{column.name}",
            fix="write the column with another type",
        )
        return None
    before = series
    if is_text:
        before = series = series.str.strip_chars()
        if column.kind is Kind.WHOLE:
            series = pl.select(
                pl.when(series.str.contains(r"^[+-]?[0-9]+$")).then(series)
            ).to_series()
        elif column.kind is Kind.DATE:
            series = pl.select(
                pl.when(series.str.contains(r"^\d{4}-\d{2}-\d{2}$")).then(series)
            ).to_series()
            series = series.str.to_date("%Y-%m-%d", strict=False)
    elif isinstance(dtype, pl.Datetime):
        naive = series.dt.replace_time_zone(None)
        midnight = naive.dt.truncate("1d") == naive
        series = pl.select(pl.when(midnight).then(naive.dt.date())).to_series()
    cast = series.cast(target, strict=False).alias(column.name)
    if cast.null_count() == before.null_count():
        return cast
    lost = (cast.is_null() & before.is_not_null()).arg_true().to_list()
    for row in lost[:_MAX_CELLS]:
        message = f"expected {column.kind.value}, got {str(before[row])[:60]!r}"
        collector.error(
            "HW206", file, message, path=f"{stem}[{row}].{column.name}", fix="correct the cell"
        )
    return None


def _values_fit(
    frame: pl.DataFrame, table: Table, file: str, stem: str, collector: Collector
) -> bool:
    sound = True
    for column in table.columns:
        series = frame.get_column(column.name)
        n_empty = series.null_count()
        if column.required and n_empty:
            for row in series.is_null().arg_true().to_list():
                message = "expected a value in a required column, got an empty cell"
                path, entity = f"{stem}[{row}].{column.name}", _entity_of(frame, row)
                collector.error(
                    "HW206", file, message, path=path, entity=entity, fix="fill in the cell"
                )
                sound = False
        if column.kind is Kind.DATE:
            continue
        if n_empty == len(series):
            continue
        values = (series.fill_null(0) if n_empty else series).to_numpy()
        largest = largest_of(column.name)
        wrong = ~(np.abs(values) <= largest)
        if column.low is not None:
            wrong |= (values <= column.low) if column.above else (values < column.low)
        if column.high is not None:
            wrong |= values > column.high
        if n_empty:
            wrong &= series.is_not_null().to_numpy()
        for row in np.flatnonzero(wrong).tolist():
            huge = abs(values[row]) > largest
            expected = f"a number within ±{largest:g}" if huge else column.expected
            message = f"expected {expected}, got {values[row]:g}"
            path, entity = f"{stem}[{row}].{column.name}", _entity_of(frame, row)
            collector.error(
                "HW204", file, message, path=path, entity=entity, fix="correct the cell"
            )
            sound = False
    return sound


def _entity_of(frame: pl.DataFrame, row: int) -> str | None:
    """The entity that a row of the file is about, e.g. ``"Hydro 3"``.

    The rows are in the order of the file.
    """
    for column, label in LABEL_OF_COLUMN.items():
        if column in frame.columns:
            entity_id = frame.get_column(column)[row]
            return None if entity_id is None else f"{label} {entity_id}"
    return None


def _keys_unique(
    frame: pl.DataFrame, table: Table, file: str, stem: str, collector: Collector
) -> bool:
    key = list(table.key)
    among_equal = frame.select(key).is_duplicated()
    if not among_equal.any():
        return True
    repeated = frame.filter(among_equal).sort([*key, ROW])
    for (*values,), rows in repeated.group_by(key, maintain_order=True):
        named = ", ".join(
            f"{name} {value}" for name, value in zip(key, values, strict=True) if value is not None
        )
        listed = rows.get_column(ROW).to_list()
        message = (
            f"expected one row for {named}, got {len(listed)} (rows "
            f"{', '.join(map(str, listed[:10]))})"
        )
        entity = _entity_of(frame, listed[1])
        collector.error(
            "HW208",
            file,
            message,
            path=f"{stem}[{listed[1]}]",
            entity=entity,
            fix="keep one of the rows",
        )
    return False
