"""Values over time as people have them.

A number, twelve months, a list, a dated pandas or Polars series or table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from headwater.errors import UsageError

_FORMS = "a number, 12 values from January to December, one value for each stage, or values by date"


def values_by_stage(given: Any, starts: Sequence[date], what: str) -> list[float]:
    """One value for each stage.

    Args:
        given: a number for all; 12 values, January first, whenever the study begins; one value for
            each stage; or values by date (a mapping, or a pandas series), of which those at the
            first days of stages count. A mapping from 1 to 12 is by month.
        starts: first day of each stage.
        what: what the values are, for messages.

    Raises:
        UsageError: none of these, or a stage without value.
    """
    if isinstance(given, int | float | np.number):
        return _finite([float(given)] * len(starts), what)
    pairs = dated(given)
    if pairs is not None:
        known = dict(pairs)
        missing = [start for start in starts if start not in known]
        if missing:
            raise UsageError(
                f"{what}: no value is given for the stage that begins on "
                f"{missing[0]}; expected {_FORMS}"
            )
        return _finite([known[start] for start in starts], what)
    if isinstance(given, Mapping):
        if set(given) != set(range(1, 13)):
            raise UsageError(
                f"{what}: expected values for the months 1 to 12 or by date, got {list(given)[:4]}"
            )
        given = [given[month] for month in range(1, 13)]
    try:
        array = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"{what}: expected {_FORMS}, got {type(given).__name__}") from None
    if array.shape == (12,):
        return _finite([float(array[start.month - 1]) for start in starts], what)
    if array.shape != (len(starts),):
        raise UsageError(f"{what}: expected {_FORMS} ({len(starts)}), got shape {array.shape}")
    return _finite(array.tolist(), what)


def record_of(given: Any, start: date) -> list[tuple[date, float]] | None:
    """Dates and values of a record that ends before the study.

    ``None`` where it is no such record.
    """
    pairs = dated(given)
    return pairs if pairs and all(day < start for day, _ in pairs) else None


def dated(given: Any) -> list[tuple[date, float]] | None:
    """Dates and values of what has dates; ``None`` where it has none.

    A mapping from dates, a pandas series or table of one column with dates as index, or a table
    with a column of dates and one of numbers (pandas or Polars). Values that are missing are left
    out.
    """
    if isinstance(given, Mapping):
        keys = list(given)
        return (
            _pairs(keys, list(given.values()))
            if keys and all(isinstance(key, str | date) for key in keys)
            else None
        )
    if isinstance(given, pl.DataFrame):
        days = [name for name, dtype in given.schema.items() if dtype in (pl.Date, pl.Datetime)]
        numbers = [name for name, dtype in given.schema.items() if dtype.is_numeric()]
        return (
            _pairs(given[days[0]].to_list(), given[numbers[0]].to_list())
            if len(days) == len(numbers) == 1
            else None
        )
    index = getattr(given, "index", None)
    if index is None or callable(index):
        return None
    if hasattr(given, "columns"):  # a pandas table
        days = [name for name in given.columns if str(given[name].dtype).startswith("datetime")]
        numbers = [name for name in given.columns if given[name].dtype.kind in "fiu"]
        if len(numbers) != 1 or len(days) > 1:
            return None
        keys = list(given[days[0]]) if days else list(index)
        given = given[numbers[0]]
    else:
        keys = list(index)
    keys = [key.to_timestamp() if hasattr(key, "to_timestamp") else key for key in keys]
    return (
        _pairs(keys, list(given)) if keys and all(isinstance(key, date) for key in keys) else None
    )


def columns_of(given: Any) -> tuple[Any, Any] | None:
    """The columns ``mean`` and ``std`` of a table, or a pair of both.

    ``None`` where it is neither.
    """
    if isinstance(given, tuple) and len(given) == 2:
        return given[0], given[1]
    names = list(getattr(given, "columns", ()))
    if "mean" in names:
        return given["mean"], given["std"] if "std" in names else 0.0
    return None


def _pairs(keys: Sequence[Any], values: Sequence[Any]) -> list[tuple[date, float]]:
    try:
        days = [key if isinstance(key, date) else datetime.fromisoformat(key) for key in keys]
    except (TypeError, ValueError):
        raise UsageError(f"expected dates such as '2027-02-01', got {keys[0]!r}") from None
    whole = [day.date() if isinstance(day, datetime) else day for day in days]
    return [
        (day, float(value))
        for day, value in zip(whole, values, strict=True)
        if value is not None and not np.isnan(value)
    ]


def _finite(values: list[float], what: str) -> list[float]:
    if not np.isfinite(values).all():
        raise UsageError(f"{what}: expected finite numbers")
    return values
