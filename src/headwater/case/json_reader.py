"""Reading one JSON file strictly.

Encoding, duplicate keys, numbers that are not numbers, absurd nesting.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headwater.case.report import Collector

KEEP_NULL = frozenset({"depth_mw"})
"""Keys whose ``null`` is a value of its own; everywhere else ``null`` means "not given"."""

MAX_DEPTH = 100
"""Deepest nesting read; the format itself needs less than ten levels."""


class _JsonError(ValueError):
    """Something the standard parser lets through."""


def read_json(root: Path, file: str, collector: Collector) -> dict[str, Any] | None:
    """Read a JSON object, without its comments and nulls.

    Keys that start with ``_`` and ``$schema``/``$comment`` are dropped, as are keys whose value is
    ``null``.

    Returns:
        The object, or ``None`` after reporting why there is none (HW102, HW201, HW202).
    """
    try:
        raw = (root / file).read_bytes()
    except OSError as error:
        collector.error(
            "HW102",
            file,
            f"the file cannot be read: {error.strerror or error}",
            fix="check its permissions",
        )
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        collector.error(
            "HW202",
            file,
            f"expected UTF-8 text, got the byte 0x{raw[error.start]:02x} at position {error.start}",
            fix="save the file with UTF-8 encoding",
        )
        return None
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        value = _clean(value, 0)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        collector.error(
            "HW202", file, f"expected JSON, but at {where}: {error.msg}", fix="correct the syntax"
        )
        return None
    except RecursionError:
        collector.error(
            "HW202",
            file,
            f"the values are nested deeper than {MAX_DEPTH} levels",
            fix="flatten the file",
        )
        return None
    except ValueError as error:
        collector.error("HW202", file, str(error), fix="correct the file")
        return None
    if not isinstance(value, dict):
        collector.error(
            "HW201",
            file,
            f"expected a JSON object at the top, got {describe(value)}",
            fix="wrap the content in { ... }",
        )
        return None
    return value


def describe(value: object) -> str:
    """A short text for a value in a message."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)} values"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of more than 60 digits"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result and not key.startswith("_"):
            raise _JsonError(
                f"the key {describe(key)} appears twice in one object; expected each key once"
            )
        result[key] = value
    return result


def _constant(name: str) -> Any:
    raise _JsonError(f"expected a finite number, got {name}")


def _clean(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        return {
            _text(key): _clean(item, depth + 1)
            for key, item in value.items()
            if not key.startswith("_")
            and key not in ("$schema", "$comment")
            and (item is not None or key in KEEP_NULL)
        }
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise _JsonError(
            f"expected text, got half a surrogate pair in {ascii(value)[:60]}"
        ) from None
    return value
