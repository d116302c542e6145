"""Rivers as they are: canals between plants, and water that others take.

Records of a deck tell what operators did.

Some gauging stations of a deck are artificial: they hold the natural flow less what a rule diverts,
and the station of the plant that receives it holds so much more. Two things make plants of their
own out of them.

* A plant with a canal in the registry, whose station there has more water than that of the
  configuration: both plants take the stations of the registry, and a canal joins them. It is as
  wide as the most that the records let pass.
* A plant whose station has a tenth less water, on average, than the stations above it: water leaves
  the river there in a way that the deck does not describe. The river is cut above the plant, which
  keeps the whole of its record as its own inflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from headwater.arrays import Array
from headwater.imports.newave.deck import Deck
from headwater.imports.newave.registry import Plant
from headwater.imports.newave.rivers import RiverPlant, upstream_stations

_LOST = 0.1
"""Share of the water above a plant that may be missing from its record: evaporation, rounding."""


@dataclass(frozen=True)
class Canal:
    """A way past the turbines of a plant to another one.

    Attributes:
        target: code of the plant that receives the water.
        max_flow_m3s: the most that it carries.
    """

    target: int
    max_flow_m3s: float


def as_they_are(
    deck: Deck,
    rivers: Mapping[int, RiverPlant],
    registry: Mapping[int, Plant],
    natural: Mapping[int, Array],
) -> tuple[dict[int, RiverPlant], dict[int, Canal]]:
    """Rivers with natural stations and cuts, and the canals of plants by code.

    Args:
        deck: whose report is told.
        rivers: plants of the configuration.
        registry: their figures.
        natural: records of the months that are used, by gauging station; all that plants name.
    """
    changed, canals = _with_canals(rivers, registry, natural)
    for code, canal in canals.items():
        deck.report.approximate(
            deck.name("vazoes"),
            f"{rivers[code].name} and {rivers[canal.target].name} have their natural records, and "
            "a canal of "
            f"{canal.max_flow_m3s:g} m3/s between them: the most that the records of the deck "
            "divert",
        )
    cut = _cut(changed, natural)
    for code, plant in changed.items():
        if plant.downstream in cut:
            changed[code] = replace(plant, downstream=None)
    for code in sorted(cut):
        deck.report.approximate(
            deck.name("vazoes"),
            f"the record of {rivers[code].name} has a tenth less water than those above it, or "
            "worse: the river is cut above this plant",
        )
    return changed, canals


def _with_canals(
    rivers: Mapping[int, RiverPlant], registry: Mapping[int, Plant], natural: Mapping[int, Array]
) -> tuple[dict[int, RiverPlant], dict[int, Canal]]:
    changed, canals = dict(rivers), {}
    for code, plant in rivers.items():
        target, station = registry[code].diverts_to, registry[code].station
        if target is None or target not in rivers or target in (plant.downstream, code):
            continue
        other = registry[target].station
        if not {station, plant.station, other, rivers[target].station} <= set(natural):
            continue
        diverted = natural[station] - natural[plant.station]
        if (
            np.mean(diverted) > 0.0
            and np.mean(natural[rivers[target].station] - natural[other]) > 0.0
        ):
            changed[code] = replace(plant, station=station)
            changed[target] = replace(changed[target], station=other)
            canals[code] = Canal(target, float(np.max(diverted)))
    return changed, canals


def _cut(rivers: Mapping[int, RiverPlant], natural: Mapping[int, Array]) -> set[int]:
    """Plants whose station has less water on average than those above it."""
    above = upstream_stations(rivers)
    found = set()
    for code, plant in rivers.items():
        others = above[code] - {plant.station}
        if not others or plant.station in above[code]:
            continue
        arriving = sum((natural[station] for station in sorted(others)), start=np.zeros(1))
        if float(np.mean(natural[plant.station])) < (1.0 - _LOST) * float(np.mean(arriving)):
            found.add(code)
    return found
