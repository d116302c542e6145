"""The pieces that results are written from: a table, a JSON file, the dictionaries."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from headwater.errors import ResultsError
from headwater.model import System
from headwater.results.metadata import to_json
from headwater.results.schemas import CODES, SCHEMAS

SUCCESS = "_SUCCESS"
"""Empty file whose presence says that a part of the results is complete."""

_ENTITY_TYPES = (("hydros", 0), ("thermals", 1), ("buses", 2), ("lines", 3), ("pumping_stations", 4), ("contracts", 5))


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a table; the same table always gives the same bytes."""
    frame.write_parquet(path, compression="zstd", compression_level=3, statistics=True, row_group_size=100_000)


@contextmanager
def said_with_place(directory: Path) -> Iterator[None]:
    """Turn what the system says when it cannot write into a `ResultsError` that names the directory."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        raise ResultsError(f"results cannot be written to {directory}: {error}") from error


def write_json(path: Path, value: Any) -> None:
    """Write a value, dataclasses included, as JSON that people can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(to_json(value), indent=2, allow_nan=False) + "\n")


def write_dictionaries(directory: Path, system: System) -> None:
    """Write what codes, ids and columns mean."""
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / "codes.json", dict(CODES))
    rows = [
        (code, entity.id, entity.name, getattr(entity, "bus_id", entity.id if kind == "buses" else ""))
        for kind, code in (*_ENTITY_TYPES, ("non_controllables", 7))
        for entity in getattr(system, kind)
    ]
    _write_csv(directory / "entities.csv", ("entity_type_code", "entity_id", "name", "bus_id"), rows)
    columns = [
        (schema.name, c.name, str(c.dtype), "yes" if c.nullable else "no", c.unit, c.description)
        for schema in SCHEMAS.values()
        for c in schema.columns
    ]
    header = ("table", "column", "type", "nullable", "unit", "description")
    _write_csv(directory / "variables.csv", header, columns)


def _write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.write_text(buffer.getvalue(), encoding="utf-8")
