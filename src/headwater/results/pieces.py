"""The pieces that results are written from: a table, a JSON file, the dictionaries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from headwater import files
from headwater.errors import ResultsError

SUCCESS = "_SUCCESS"
"""Empty file whose presence says that a part of the results is complete."""


def without_results(directory: Path) -> str:
    """What is said of a directory without results; where they may be meant, if that is a case."""
    text = (
        f"{directory} holds no results of a run (no training/{SUCCESS} and no simulation/{SUCCESS})"
    )
    below = directory / "output"
    if any((below / part / SUCCESS).is_file() for part in ("training", "simulation")):
        text += f"; did you mean {below}?"
    return text


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a table; the same table always gives the same bytes."""
    frame.write_parquet(
        path, compression="zstd", compression_level=3, statistics=True, row_group_size=100_000
    )


@contextmanager
def said_with_place(directory: Path) -> Iterator[None]:
    """Turn a failure to write into a `ResultsError` that names the directory."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        raise ResultsError(f"results cannot be written to {directory}: {error}") from error


def write_warnings(path: Path, warnings: Sequence[str]) -> None:
    """Write warnings, one JSON object a line; a code at the beginning of a text stands apart."""
    from headwater.sddp.events import WarningRaised

    path.parent.mkdir(parents=True, exist_ok=True)
    found = map(WarningRaised.of, warnings)
    lines = [json.dumps({"code": warning.code, "message": warning.message}) for warning in found]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write a value, dataclasses included, as JSON that people can read."""
    from headwater.results.metadata import to_json

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(to_json(value), indent=2, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
    )


def read_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        ResultsError: it cannot be read, or holds something else.
    """
    try:
        value = json.loads(files.read_regular(path))
    except (OSError, ValueError, RecursionError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise ResultsError(f"{path}: expected a JSON object")
    return value
