"""How far two runs are apart: bounds, costs, and every number of every table, timings aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from headwater.errors import ResultsError, UsageError
from headwater.results.reader import Results, load_results
from headwater.results.schemas import SCHEMAS

_NUMBERS = ("lower_bound", "mean_cost", "deficit_mwh", "spillage_hm3")


@dataclass(frozen=True)
class Difference:
    """How far two runs are apart in one respect.

    Attributes:
        metric: ``lower_bound``, ``mean_cost``, ..., or the name of a table.
        first, second: the two numbers; of a table, in the place where they differ most.
        relative: largest ``|a - b| / max(1, |a|, |b|)``; infinite where one has rows or values that
            the other lacks.
        place: of a table, the column with the largest difference.
    """

    metric: str
    first: float | None
    second: float | None
    relative: float
    place: str = ""


def compare_results(
    one: Results | str | Path, other: Results | str | Path, metrics: Sequence[str] = ()
) -> list[Difference]:
    """Compare two runs.

    Args:
        one: results of the first, or its output directory.
        other: results of the second, or its output directory.
        metrics: what to compare; empty compares everything that both have.

    Raises:
        UsageError: there is no such metric.
        ResultsError: what is asked for is missing in one of them, or they have nothing in common.

    Examples:
        >>> max(found.relative for found in hw.compare_results("output", "earlier"))
    """
    one, other = (
        load_results(given) if isinstance(given, str | Path) else given for given in (one, other)
    )
    known = [
        *_NUMBERS,
        "convergence",
        "scenario_summary",
        "stage_summary",
        *dict.fromkeys((*one.tables, *other.tables)),
    ]
    unknown = [name for name in metrics if name not in known]
    if unknown:
        raise UsageError(
            f"there is nothing called {', '.join(unknown)} to compare (there is: "
            f"{', '.join(known)})"
        )
    found = []
    for name in metrics or known:
        there = _has(one, name), _has(other, name)
        if all(there):
            found.append(
                _numbers(one, other, name) if name in _NUMBERS else _tables(one, other, name)
            )
        elif any(there) or metrics:
            lacking = [
                str(results.directory)
                for results, has in zip((one, other), there, strict=True)
                if not has
            ]
            if metrics:
                raise ResultsError(f"{' and '.join(lacking)}: no {name} to compare")
            found.append(
                Difference(name, None, None, float("inf"), f"missing in {' and '.join(lacking)}")
            )
    if not found:
        raise ResultsError(
            f"{one.directory} and {other.directory} have nothing in common to compare"
        )
    return found


def _has(results: Results, name: str) -> bool:
    if name in ("lower_bound", "convergence"):
        return results.has_training
    return results.has_simulation and (
        name in (*_NUMBERS, "scenario_summary", "stage_summary") or name in results.tables
    )


def _numbers(one: Results, other: Results, name: str) -> Difference:
    first, second = _number(one, name), _number(other, name)
    if first is None or second is None:
        return Difference(name, first, second, 0.0 if first is second else float("inf"))
    return Difference(name, first, second, _relative(first, second))


def _number(results: Results, name: str) -> float | None:
    if name == "lower_bound":
        value = results.training_metadata["lower_bound"]["value"]
        return None if value is None else float(value)
    if name == "mean_cost":
        return float(results.simulation_metadata["cost"]["mean"])
    return float(results.summary[name].mean() or 0.0)  # type: ignore[arg-type]


def _relative(first: float, second: float) -> float:
    return abs(first - second) / max(1.0, abs(first), abs(second))


def _tables(one: Results, other: Results, name: str) -> Difference:
    frames = [_table(results, name) for results in (one, other)]
    schema = SCHEMAS[name]
    keys, columns = (
        schema.sort_keys,
        [c for c in schema.columns if not c.timing and c.name not in schema.sort_keys],
    )
    if not frames[0].select(keys).equals(frames[1].select(keys)):
        return Difference(name, frames[0].height, frames[1].height, float("inf"), "different rows")
    worst = Difference(name, None, None, 0.0)
    for column in columns:
        having = [column.name in frame.columns for frame in frames]
        if not any(having):
            continue  # of a kind of equipment that neither system has
        if not all(having):
            return Difference(name, None, None, float("inf"), column.name)
        a, b = frames[0][column.name], frames[1][column.name]
        if a.is_null().ne(b.is_null()).any() or (
            not column.dtype.is_numeric() and a.ne_missing(b).any()
        ):
            return Difference(name, None, None, float("inf"), column.name)
        if not column.dtype.is_numeric() or not len(a):
            continue
        x, y = a.cast(pl.Float64), b.cast(pl.Float64)
        scale = pl.DataFrame(
            {"x": x.abs(), "y": y.abs(), "one": pl.Series([1.0]).new_from_index(0, len(x))}
        ).max_horizontal()
        apart = ((x - y).abs() / scale).fill_null(0.0)
        at = apart.arg_max()
        if at is not None and apart[at] > worst.relative:
            worst = Difference(name, x[at], y[at], float(apart[at]), column.name)
    return worst


def _table(results: Results, name: str) -> pl.DataFrame:
    single = {
        "convergence": "convergence",
        "scenario_summary": "summary",
        "stage_summary": "stage_summary",
    }
    return getattr(results, single[name]) if name in single else results.table(name, names=False)
