"""What NEWAVE answered: means by submarket and month from its output files, as inewave reads them.

Taken are the tables of ``nwlistop`` (a file for each submarket or equivalent reservoir), the table
of means ``MEDIAS-MERC.CSV`` where a table is not there, and the bound in ``pmo.dat``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from headwater.arrays import FrozenDict
from headwater.imports.newave.deck import Row, plain_rows
from headwater.imports.newave.horizon import later

Series = dict[date, float]
"""Month -> mean over the series of the simulation."""

_FOLDERS = ("saidas", "out", "output", "nwlistop")
"""Folders beside a deck in which runs leave their output files."""


@dataclass(frozen=True)
class Quantity:
    """What is compared.

    Attributes:
        name: in tables and files.
        meaning: in words.
        unit: of both sides.
        variables: its names in the table of means.
    """

    name: str
    meaning: str
    unit: str
    variables: tuple[str, ...]


STORED = Quantity("stored_energy", "stored energy at the end", "MW months", ("EARMF", "EARMFM"))
STORED_SHARE = Quantity("stored_share", "the same, of the largest", "%", ("EARMFP", "EARMFPM"))
INFLOW = Quantity("inflow_energy", "natural inflow energy", "MW", ("EAFB", "EAFBM"))
HYDRO = Quantity("hydro_generation", "hydro generation", "MW", ("GHTOT", "GHTOTM"))
THERMAL = Quantity("thermal_generation", "thermal generation", "MW", ("GTERM", "GTTOT"))
PRICE = Quantity("marginal_cost", "marginal cost", "$/MWh", ("CMARG", "CMARGM", "CMO"))
QUANTITIES = (STORED, STORED_SHARE, INFLOW, HYDRO, THERMAL, PRICE)


@dataclass
class Answers:
    """What was found in output files.

    Attributes:
        means: quantity and submarket -> month -> value.
        sources: quantity and submarket -> name of the file.
        read: names of the files that something was taken from.
        notes: what could not be read or matched, and why.
        bound: last lower bound, as ``pmo.dat`` states it.
    """

    means: dict[tuple[str, int], Series] = field(default_factory=dict)
    sources: dict[tuple[str, int], str] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bound: float | None = None

    def take(self, quantity: Quantity, market: int, values: Series, source: str) -> None:
        """Keep values, unless an earlier file gave some for this quantity and submarket."""
        if (quantity.name, market) not in self.means:
            self.means[quantity.name, market] = values
            self.sources[quantity.name, market] = source


@dataclass(frozen=True)
class Places:
    """What output files are matched with.

    Attributes:
        months: of the study.
        markets: name of a submarket -> its number.
        reservoirs: name of an equivalent reservoir -> submarket.
        block_hours: hours of the load levels by month.
    """

    months: Sequence[date]
    markets: Mapping[str, int]
    reservoirs: Mapping[str, int]
    block_hours: Mapping[date, Sequence[float]]


@dataclass(frozen=True)
class _Table:
    """Files of ``nwlistop`` with one quantity."""

    quantity: Quantity
    pattern: re.Pattern[str]
    reader: str
    of_month: Callable[[list[Row], Places], Series]
    by_reservoir: bool = False
    old_layout: str = ""


def read_answers(directory: Path, places: Places) -> Answers:
    """Read what there is in a directory, and in the folder of outputs in it.

    Args:
        directory: with the output files.
        places: what they are matched with.

    Returns:
        Means by quantity, submarket and month; a file that cannot be read is a note.
    """
    answers = Answers()
    found = sorted(_files(directory), key=lambda path: path.name.lower())
    for table in _TABLES:
        _read_table(
            table, [path for path in found if table.pattern.fullmatch(path.name)], places, answers
        )
    for path in found:
        if path.name.lower() == "medias-merc.csv":
            _read_means(path, places, answers)
        elif path.name.lower() == "pmo.dat":
            _read_bound(path, answers)
    return answers


def _files(directory: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if path.is_file():
            yield path
        elif path.name.lower() in _FOLDERS and path.is_dir():
            yield from (inner for inner in path.iterdir() if inner.is_file())


def _read_table(table: _Table, files: Sequence[Path], places: Places, answers: Answers) -> None:
    sums: dict[int, Series] = {}
    names: dict[int, list[str]] = {}
    known = places.reservoirs if table.by_reservoir else places.markets
    for path in files:
        try:
            content = _inewave(path, table)
            name = str((content.ree if table.by_reservoir else content.submercado) or "").strip()
            values = table.of_month(list(plain_rows(content.valores)), places)
        except Exception as problem:  # inewave raises whatever its parts raise
            answers.notes.append(
                f"{path.name}: cannot be read ({type(problem).__name__}: {problem})"
            )
            continue
        market = known.get(name.upper())
        if market is None:
            answers.notes.append(f"{path.name}: it is of '{name}', which the deck does not name")
        elif not values:
            answers.notes.append(f"{path.name}: no value in the months of the study")
        else:
            total = sums.setdefault(market, {})
            for month, value in values.items():
                total[month] = total.get(month, 0.0) + value
            names.setdefault(market, []).append(path.name)
            answers.read.append(path.name)
    for market, series in sums.items():
        listed = names[market]
        source = listed[0] if len(listed) == 1 else f"{listed[0]} to {listed[-1]}"
        answers.take(table.quantity, market, series, source)


def _inewave(path: Path, table: _Table) -> Any:
    import inewave.nwlistop

    reader = getattr(inewave.nwlistop, table.reader)
    old = bool(table.old_layout) and _version(path) < _WIDE_COSTS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of inewave about its own libraries
        return reader.read(str(path), version=table.old_layout if old else None)


def _version(path: Path) -> tuple[int, ...]:
    """Version of NEWAVE that wrote a file; the newest where its heading does not say."""
    with path.open("rb") as file:
        heading = b"".join(file.readline() for _ in range(3)).decode("latin-1")
    found = re.search(r"VERS[AÃ]O\s+(\d+(?:\.\d+)*)", heading, re.IGNORECASE)
    return tuple(int(part) for part in found[1].split(".")) if found else _WIDE_COSTS


_WIDE_COSTS = (29, 4, 1)
"""Version since which columns of marginal costs are wider."""


def _mean_of_series(rows: list[Row], places: Places) -> Series:
    """Mean over the series of each month of the study."""
    wanted, sums = set(places.months), dict[date, list[float]]()
    for row in rows:
        if row["data"] in wanted and row["valor"] is not None:
            sums.setdefault(row["data"], []).append(row["valor"])
    return {month: sum(values) / len(values) for month, values in sorted(sums.items())}


def _sum_of_levels(rows: list[Row], places: Places) -> Series:
    """Mean over the series of the sum over load levels; tables state shares of the month."""
    total = [row for row in rows if str(row["patamar"]).strip().upper() == "TOTAL"]
    if total:
        return _mean_of_series(total, places)
    levels = {row["patamar"] for row in rows}
    parts = [
        _mean_of_series([row for row in rows if row["patamar"] == level], places)
        for level in levels
    ]
    return {
        month: sum(part.get(month, 0.0) for part in parts) for month in sorted(set().union(*parts))
    }


def _mean_of_levels(rows: list[Row], places: Places) -> Series:
    """Mean over the series and over load levels, weighted with their hours."""
    by_level = {
        int(level): _mean_of_series([row for row in rows if row["patamar"] == level], places)
        for level in {row["patamar"] for row in rows}
        if str(level).strip().isdigit()
    }
    means: Series = {}
    for month in places.months:
        hours = places.block_hours[month]
        levels = {
            level: series[month]
            for level, series in by_level.items()
            if month in series and level <= len(hours)
        }
        if levels:
            weight = sum(hours[level - 1] for level in levels)
            means[month] = sum(hours[n - 1] * cost for n, cost in levels.items()) / weight
    return means


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"{name}\.out", re.IGNORECASE)


_TABLES = (
    _Table(STORED, _pattern(r"earmfm\d+"), "Earmfm", _mean_of_series),
    _Table(STORED_SHARE, _pattern(r"earmfpm\d+"), "Earmfpm", _mean_of_series),
    _Table(INFLOW, _pattern(r"eafbm\d+"), "Eafbm", _mean_of_series),
    _Table(HYDRO, _pattern(r"ghtotm\d+"), "Ghtotm", _sum_of_levels),
    _Table(HYDRO, _pattern(r"ghtot\d+"), "Ghtot", _sum_of_levels, by_reservoir=True),
    _Table(THERMAL, _pattern(r"gttot\d+"), "Gttot", _sum_of_levels),
    _Table(PRICE, _pattern(r"cmarg\d+-med"), "Cmargmed", _mean_of_series, old_layout="28"),
    _Table(PRICE, _pattern(r"cmarg\d+"), "Cmarg", _mean_of_levels, old_layout="27"),
)
"""In the order in which they are preferred."""

NAMES: Mapping[str, str] = FrozenDict(
    {
        STORED.name: "earmfmNNN.out",
        STORED_SHARE.name: "earmfpmNNN.out",
        INFLOW.name: "eafbmNNN.out",
        HYDRO.name: "ghtotmNNN.out or ghtotNNN.out",
        THERMAL.name: "gttotNNN.out",
        PRICE.name: "cmargNNN-med.out or cmargNNN.out",
    }
)
"""Quantity -> files that have it."""


def _read_means(path: Path, places: Places, answers: Answers) -> None:
    """The table of means: a column for each variable, a row for each stage and submarket."""
    import inewave.nwlistop

    try:
        rows = list(plain_rows(inewave.nwlistop.Mediasmerc.read(str(path)).valores))
    except Exception as problem:  # pandas and inewave raise whatever their parts raise
        answers.notes.append(f"{path.name}: cannot be read ({type(problem).__name__}: {problem})")
        return
    first = places.months[0]
    known = set(places.markets.values())
    used: set[str] = set()
    for quantity in QUANTITIES:
        series: dict[int, Series] = {}
        for row in rows:
            market, month = row["codigo_submercado"], later(first, int(row["estagio"]) - 1)
            names = [name for name in quantity.variables if row.get(name) is not None]
            if names and market in known and month in places.block_hours:
                used.add(names[0])
                series.setdefault(market, {})[month] = row[names[0]]
        for market, values in series.items():
            answers.take(quantity, market, values, path.name)
    if used:
        answers.read.append(path.name)
    others = sorted({str(name) for row in rows for name in row} - used - _KEYS)
    if others:
        answers.notes.append(f"{path.name}: not compared: {', '.join(others)}")


_KEYS = frozenset({"codigo_submercado", "estagio"})


def _read_bound(path: Path, answers: Answers) -> None:
    """Last lower bound of the table of convergence."""
    import inewave.newave

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = list(plain_rows(inewave.newave.Pmo.read(str(path)).convergencia))
    except Exception as problem:  # inewave raises whatever its parts raise
        answers.notes.append(f"{path.name}: cannot be read ({type(problem).__name__}: {problem})")
        return
    bounds = [row["zinf"] for row in rows if row["zinf"]]
    if bounds:
        answers.bound = bounds[-1]
        answers.read.append(path.name)
    else:
        answers.notes.append(f"{path.name}: it has no table of convergence")
