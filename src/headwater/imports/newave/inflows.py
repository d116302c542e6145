"""Incremental inflows: what a gauging station sees less what those above it see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from headwater.arrays import Array
from headwater.imports.newave.deck import Deck, DeckError
from headwater.imports.newave.horizon import Horizon
from headwater.imports.newave.rivers import RiverPlant, upstream_stations

_BYTES = 4
_FIRST_YEAR = 1931
"""Of the records, whatever the deck."""


def incremental(natural: Mapping[int, Array], plants: Mapping[int, RiverPlant]) -> dict[int, Array]:
    """Plant code -> inflow between it and the plants above, from natural inflows.

    A station that several plants share counts once; a plant at the station of the one above it has
    none of its own.
    """
    above = upstream_stations(plants)
    found = {}
    for code, plant in plants.items():
        if plant.station in above[code]:
            found[code] = np.zeros_like(natural[plant.station])
        else:
            arriving = sum((natural[station] for station in sorted(above[code])), start=0.0)
            found[code] = natural[plant.station] - arriving
    return found


@dataclass(frozen=True)
class Records:
    """Natural flows of all gauging stations.

    Attributes:
        flows: ``[month, station]`` in m3/s, station 1 first.
        months: first days.
    """

    flows: Array
    months: list[date]

    def natural(self, stations: Iterable[int]) -> dict[int, Array]:
        """Flows of stations by number; those that do not exist are left out."""
        n_stations = self.flows.shape[1]
        return {one: self.flows[:, one - 1] for one in stations if 1 <= one <= n_stations}


def read_records(
    deck: Deck, plants: Mapping[int, RiverPlant], horizon: Horizon, first_year: int
) -> Records:
    """Records of the months that the history of the case has.

    Args:
        deck: with the records.
        plants: of the case.
        horizon: of the study; the history ends before it.
        first_year: from which it is used.

    Raises:
        DeckError: the records are cut, or lack a station.
    """
    path = deck.path("vazoes")
    n_stations = _stations_of(path.stat().st_size, path.name, horizon.first.year)
    flows = np.fromfile(path, "<i4").reshape(-1, n_stations).astype(np.float64)
    for plant in plants.values():
        if not 1 <= plant.station <= n_stations:
            raise DeckError(
                f"{path.name}: it has the gauging stations 1 to {n_stations}; "
                f"{deck.name('confhd')} asks for "
                f"{plant.station}, of plant {plant.code} {plant.name}"
            )
    months = [date(_FIRST_YEAR + n // 12, n % 12 + 1, 1) for n in range(len(flows))]
    last_year = min(plant.history[1] for plant in plants.values())
    first_year = max(first_year, *(plant.history[0] for plant in plants.values()))
    used = [first_year <= day.year <= last_year and day < horizon.first for day in months]
    kept = [day for day, keep in zip(months, used, strict=True) if keep]
    if not kept:
        raise DeckError(
            f"{path.name}: no month from {first_year} to {last_year} lies before the study, so "
            "that there is no history"
        )
    deck.report.read(
        path.name,
        f"{len(plants)} incremental records of {len(kept)} months, {kept[0].year} to "
        f"{kept[-1].year}",
    )
    return Records(flows[np.array(used)], kept)


def history_columns(records: Records, plants: Mapping[int, RiverPlant]) -> dict[str, Any]:
    """Columns of the history table: ``hydro_id``, ``date``, ``value_m3s``."""
    own = incremental(records.natural(plant.station for plant in plants.values()), plants)
    days = np.array(records.months, dtype="datetime64[D]")
    return {
        "hydro_id": np.repeat(np.array(list(own), np.int32), len(days)),
        "date": np.tile(days, len(own)),
        "value_m3s": np.concatenate(list(own.values())),
    }


def read_recent(deck: Deck, plants: Mapping[int, RiverPlant]) -> dict[int, Array]:
    """Natural flows of the twelve months before the study, ``[month]``, January first, by station.

    Raises:
        DeckError: a station is missing.
    """
    rows = deck.table("vazpast", "Vazpast", "tendencia", "inflows of the months before the study")
    recent: dict[int, Array] = {}
    for row in rows:
        values = recent.setdefault(row["codigo_usina"], np.full(12, np.nan))
        if row["mes"] is not None and row["valor"] is not None:
            values[row["mes"] - 1] = row["valor"]
    for plant in plants.values():
        if plant.station not in recent or np.isnan(recent[plant.station]).any():
            raise DeckError(
                f"{deck.name('vazpast')}: twelve months of gauging station {plant.station} are "
                f"expected for plant {plant.code} {plant.name}, and are not all there"
            )
    return recent


def past_inflows(
    recent: Mapping[int, Array], plants: Mapping[int, RiverPlant], horizon: Horizon, n_months: int
) -> list[dict[str, Any]]:
    """Entries of ``past_inflows``: the months before the study, the last one first."""
    order = [(horizon.first.month - 2 - lag) % 12 for lag in range(n_months)]
    return [
        {"hydro_id": code, "values_m3s": [float(values[n]) for n in order]}
        for code, values in incremental(recent, plants).items()
    ]


def _stations_of(size: int, name: str, year: int) -> int:
    """Stations of the file: 320, or 600 in later decks; what makes it end with the study."""
    years = {n: size / (12 * n * _BYTES) for n in (320, 600)}
    likely = min(years, key=lambda n: abs(_FIRST_YEAR + years[n] - 1 - year))
    if size == 0 or size % (12 * likely * _BYTES) or _FIRST_YEAR + years[likely] < year:
        raise DeckError(
            f"{name}: years of 12 months with 320 or 600 gauging stations in {_BYTES} bytes are "
            f"expected, from {_FIRST_YEAR} "
            f"to {year - 1} at least; the file has {size} bytes (is it cut?)"
        )
    return likely
