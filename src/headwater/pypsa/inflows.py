"""Inflows of a study out of a table of years or samples, or of the network itself."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

import numpy as np

from headwater.arrays import Array
from headwater.core.wording import listed
from headwater.errors import UsageError
from headwater.pypsa.reservoirs import Reservoir
from headwater.pypsa.time_axis import TimeAxis

InflowModel = Literal["years", "autoregressive"]

_FORMS = (
    "a table by date with a column for each reservoir, or with columns (reservoir, sample) over "
    "the snapshots"
)


def columns_by_reservoir(table: Any, reservoirs: Sequence[Reservoir]) -> dict[str, list[Any]]:
    """Columns of a table of inflows by the name of their reservoir.

    Raises:
        UsageError: the table has no dates, or a column belongs to no reservoir.
    """
    index = getattr(table, "index", None)
    if index is None or not hasattr(table, "columns"):
        raise UsageError(f"inflows are {_FORMS}, got {type(table).__name__}")
    if not str(index.dtype).startswith("datetime64"):
        raise UsageError(f"inflows are {_FORMS}: the index holds no dates but {list(index[:3])}")
    owner = {name: one.name for one in reservoirs for name in (one.name, *one.inflow_names)}
    found: dict[str, list[Any]] = {}
    for column in table.columns:
        name = column[0] if isinstance(column, tuple) else column
        if name not in owner:
            raise UsageError(
                f"inflows are given for '{name}', and the network has no reservoir of that name; "
                f"it has {listed(sorted(set(owner.values())))}"
            )
        found.setdefault(owner[name], []).append(column)
    if not np.isfinite(table.to_numpy(np.float64)).all():
        raise UsageError("the table of inflows has cells without a finite number")
    return found


def openings(table: Any, reservoirs: Sequence[Reservoir], axis: TimeAxis) -> dict[str, Array]:
    """Equally likely inflows of each reservoir, ``[opening, stage]`` in units per hour.

    Years of a record are openings of every stage that they cover; samples over the snapshots are
    openings as they are. A reservoir that the table leaves out has its inflow of the network in all
    of them.

    Args:
        table: ``None`` for the inflows of the network alone.
        reservoirs: those with inflow.
        axis: stages.

    Raises:
        UsageError: the table does not fit the reservoirs or the stages.
    """
    own = {one.name: np.array(axis.by_stage(one.inflow)) for one in reservoirs}
    if table is None:
        return {name: values[None, :] for name, values in own.items()}
    columns = columns_by_reservoir(table, reservoirs)
    samples = isinstance(table.columns[0], tuple)
    given = _samples(table, columns, axis) if samples else _years(table, columns, axis)
    count = len(next(iter(given.values())))
    return {
        name: given[name] if name in given else np.repeat(values[None, :], count, axis=0)
        for name, values in own.items()
    }


def monthly_record(
    table: Any, reservoirs: Sequence[Reservoir], axis: TimeAxis
) -> dict[str, list[tuple[date, float]]]:
    """Monthly means before the study by reservoir, from which an autoregressive model is estimated.

    Raises:
        UsageError: stages are not months, a reservoir has no record, or none lies before the study.
    """
    if any(day.day != 1 for day in axis.bounds):
        raise UsageError(
            "an autoregressive model needs months as stages, which begin on the first: take "
            "inflow_model='years' or whole months"
        )
    if table is None or isinstance(table.columns[0], tuple):
        raise UsageError(
            "an autoregressive model needs a record by date with a column for each reservoir"
        )
    columns = columns_by_reservoir(table, reservoirs)
    missing = [one.name for one in reservoirs if one.name not in columns]
    if missing:
        raise UsageError(
            "an autoregressive model needs a record of every reservoir with inflow; it lacks "
            f"{listed(missing)}"
        )
    days = table.index.values.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    wanted = np.unique(months[days < np.datetime64(axis.bounds[0])])
    if not len(wanted):
        raise UsageError(f"the record of inflows has no date before the study ({axis.bounds[0]})")
    firsts = [month.astype("datetime64[D]").astype(object) for month in wanted]
    return {
        name: [
            (first, float(values[months == month].mean()))
            for first, month in zip(firsts, wanted, strict=True)
        ]
        for name, values in _summed(table, columns).items()
    }


def _summed(table: Any, columns: Mapping[str, list[Any]]) -> dict[str, Array]:
    return {name: table[own].to_numpy(np.float64).sum(axis=1) for name, own in columns.items()}


def _years(table: Any, columns: Mapping[str, list[Any]], axis: TimeAxis) -> dict[str, Array]:
    """Means over the stages in every year of a record that covers all of them."""
    days = table.index.values.astype("datetime64[D]")
    values = _summed(table, columns)
    years = range(int(str(days.min())[:4]), int(str(days.max())[:4]) + 1)
    rows: dict[str, list[list[float]]] = {name: [] for name in values}
    for year in years:
        spans = [
            _in_year(start, end, year)
            for start, end in zip(axis.bounds, axis.bounds[1:], strict=False)
        ]
        inside = [(days >= first) & (days < last) for first, last in spans]
        if all(chosen.any() for chosen in inside):
            for name, own in values.items():
                rows[name].append([float(own[chosen].mean()) for chosen in inside])
    if not next(iter(rows.values())):
        raise UsageError(
            f"no year of the record of inflows ({days.min()} to {days.max()}) has values in every "
            "stage: the record must be as fine as the stages and hold whole years"
        )
    return {name: np.array(own) for name, own in rows.items()}


def _in_year(start: date, end: date, year: int) -> tuple[Any, Any]:
    """The same days in another year."""
    shift = year - start.year
    first, last = (np.datetime64(_moved(day, day.year + shift), "D") for day in (start, end))
    return first, last


def _moved(day: date, year: int) -> date:
    leap = calendar.isleap(year)
    return day.replace(
        year=year, day=28 if (day.month, day.day, leap) == (2, 29, False) else day.day
    )


def _samples(table: Any, columns: Mapping[str, list[Any]], axis: TimeAxis) -> dict[str, Array]:
    """Means over the stages of samples over the snapshots."""
    if len(table) != len(axis.hours):
        raise UsageError(
            f"samples of inflows need a row for each of the {len(axis.hours)} snapshots, got "
            f"{len(table)}"
        )
    labels = {name: [column[1] for column in own] for name, own in columns.items()}
    first = next(iter(labels.values()))
    for name, own in labels.items():
        if set(own) != set(first):
            raise UsageError(
                f"every reservoir needs the same samples: '{name}' has {listed(own)}, others "
                f"{listed(first)}"
            )
    return {
        name: np.array(
            [axis.by_stage(table[(name_given, label)].to_numpy(np.float64)) for label in first]
        )
        for name, own in columns.items()
        for name_given in {column[0] for column in own}
    }
