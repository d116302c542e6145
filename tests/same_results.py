"""What it means for two runs to have the same results: equal files, apart from timings."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from headwater.results import SCHEMAS


def content(path: Path) -> bytes:
    """Bytes of a file of results; of a table with timings, its rows without them."""
    schema = SCHEMAS.get(path.stem) if path.suffix == ".parquet" else None
    if schema is None or not schema.timing_columns:
        return path.read_bytes()
    return pl.read_parquet(path).drop(schema.timing_columns).write_ndjson().encode()


def contents(directory: Path, *patterns: str) -> dict[str, bytes]:
    """Content of the files below a directory that match, by relative path."""
    found = {path for pattern in patterns or ("**/*",) for path in directory.glob(pattern) if path.is_file()}
    return {path.relative_to(directory).as_posix(): content(path) for path in sorted(found)}
