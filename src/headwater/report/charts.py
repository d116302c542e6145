"""The pictures of a page as JSON: numbers are short, and lists that many share written once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headwater.report.drawing import Drawing

DIGITS = 6
"""Significant digits of the numbers of a page."""

_SHARED_FROM = 6
"""Lists of texts from this length on are written once."""


class Charts:
    """Pictures by key."""

    def __init__(self) -> None:
        self._charts: dict[str, str] = {}
        self._places: dict[str, int] = {}

    def add(self, key: str, drawing: Drawing) -> None:
        """Add a picture; the page finds it by its key."""
        self._charts[key] = as_json(self._compact(drawing.to_dict()))

    def items(self) -> Mapping[str, str]:
        """Key -> JSON, safe within a ``script`` element."""
        return self._charts

    @property
    def shared(self) -> str:
        """The lists that pictures refer to, as a JSON list."""
        return "[" + ",".join(self._places) + "]"

    def _compact(self, value: Any) -> Any:
        if isinstance(value, float):
            return short(value)
        if isinstance(value, Mapping):
            return {key: self._compact(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            if len(value) >= _SHARED_FROM and all(isinstance(one, str | int) for one in value):
                return {"$": self._places.setdefault(as_json(list(value)), len(self._places))}
            return [self._compact(one) for one in value]
        return value


def short(value: float) -> float | int:
    """A number with few digits."""
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def as_json(value: Any) -> str:
    """JSON that no page takes for mark-up."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
