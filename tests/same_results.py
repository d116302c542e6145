"""What it means for two runs to have the same results: equal files, apart from timings."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from headwater.results import SCHEMAS


def content(path: Path) -> bytes:
    """Bytes of a file of results; of a table with timings, its rows without them."""
    timing = [
        c
        for schema in SCHEMAS.values()
        if path.as_posix().endswith(schema.place)
        for c in schema.timing_columns
    ]
    return (
        pl.read_parquet(path).drop(timing).write_ndjson().encode() if timing else path.read_bytes()
    )


def contents(directory: Path, *patterns: str) -> dict[str, bytes]:
    """Content of the files below a directory that match, by relative path."""
    found = {
        path
        for pattern in patterns or ("**/*",)
        for path in directory.glob(pattern)
        if path.is_file()
    }
    return {path.relative_to(directory).as_posix(): content(path) for path in sorted(found)}
