"""The trace of a training as a Parquet table: one row per iteration, one column per field of the record."""

from __future__ import annotations

import dataclasses
import io
from typing import Any, get_args, get_type_hints

import polars as pl

from headwater.errors import PolicyError
from headwater.sddp.records import IterationRecord


def encode_history(history: tuple[IterationRecord, ...]) -> bytes:
    """The file; records inside records become structures."""
    frame = pl.DataFrame([dataclasses.asdict(record) for record in history], infer_schema_length=None)
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=3)
    return buffer.getvalue()


def decode_history(content: bytes | memoryview, name: str) -> tuple[IterationRecord, ...]:
    """The records; columns of later versions are passed over, columns that are missing take their defaults.

    Args:
        content: the whole file.
        name: shown in messages.

    Raises:
        PolicyError: it is no such table.
    """
    try:
        return tuple(_record(IterationRecord, row) for row in pl.read_parquet(io.BytesIO(bytes(content))).to_dicts())
    except (pl.exceptions.PolarsError, OSError, TypeError) as error:
        raise PolicyError(f"HW808 {name}: damaged ({error})") from None


def _record(kind: Any, row: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], row[name]) for name in row if name in hints})


def _value(hint: Any, value: Any) -> Any:
    """A value as its field has it: lists become tuples, structures become records."""
    if isinstance(value, list):
        inner = get_args(hint)[0]
        return tuple(_value(inner, item) for item in value)
    return _record(hint, value) if isinstance(value, dict) else value
