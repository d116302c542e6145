"""The trace of a training as JSON: one object per iteration, with the fields of the record.

Numbers come back to the last bit. A damaged Parquet file can end the process that reads it; JSON
cannot.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any, get_args, get_type_hints

from headwater.errors import PolicyError
from headwater.sddp.records.training import Account, IterationRecord


def encode_trace(history: tuple[IterationRecord, ...]) -> bytes:
    """The file; numbers that JSON does not know are texts."""
    lines = [json.dumps(_plain(dataclasses.asdict(record)), allow_nan=False) for record in history]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def decode_trace(content: bytes | memoryview, name: str) -> tuple[IterationRecord, ...]:
    """The records of a trace.

    Fields of later versions are passed over, fields that are missing take their defaults.

    Args:
        content: the whole file.
        name: shown in messages.

    Raises:
        PolicyError: it is no such file.
    """
    try:
        return tuple(_record(IterationRecord, row) for row in json.loads(bytes(content)))
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise PolicyError(f"HW808 {name}: damaged ({error})") from None


def encode_account(account: Account) -> bytes:
    """The file of an account."""
    return (json.dumps(_plain(dataclasses.asdict(account)), allow_nan=False) + "\n").encode()


def decode_account(content: bytes | memoryview, name: str) -> Account:
    """The account, as `decode_trace` reads records.

    Raises:
        PolicyError: it is no such file.
    """
    try:
        account: Account = _record(Account, json.loads(bytes(content)))
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise PolicyError(f"HW808 {name}: damaged ({error})") from None
    return account


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _record(kind: Any, row: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(
        **{name: _value(hints[name], value) for name, value in row.items() if name in hints}
    )


def _value(hint: Any, value: Any) -> Any:
    """A value as its field has it: lists become tuples, objects become records."""
    if isinstance(value, list):
        inner = get_args(hint)[0]
        return tuple(_value(inner, item) for item in value)
    kinds = get_args(hint) or (hint,)  # a field that may be empty has several
    if isinstance(value, dict):
        record = next((kind for kind in kinds if dataclasses.is_dataclass(kind)), None)
        return value if record is None else _record(record, value)
    found = float(value) if isinstance(value, str) and float in kinds else value
    if not any(_is_of(kind, found) for kind in kinds):
        raise TypeError(f"{value!r} where {hint} is expected")
    return found


def _is_of(kind: Any, value: Any) -> bool:
    """Whether a value may stand in a field of a kind.

    Whole numbers are numbers, and truth values are no numbers.
    """
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind) if isinstance(kind, type) else True
