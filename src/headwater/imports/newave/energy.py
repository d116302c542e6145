"""What the water of a deck is worth in energy, to be compared with what its engineers know.

Natural flows make energy in every plant that they pass, stored water in the plant of its reservoir
and in those below; each plant's part counts for the submarket of the plant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headwater.imports.newave.hydros import HydroSystem
from headwater.model.water_energy import HM3_PER_M3S_HOUR

_MEAN_MONTH_HOURS = 730.5
"""Hours of a month of the mean year, in which energies are stated (MW months)."""


@dataclass(frozen=True)
class PlantEnergy:
    """A hydro plant in figures that are known by heart.

    Attributes:
        name: its name.
        capacity_mw: power of all its turbines, those to come included, less outages.
        productivity: MW per m3/s at the first stage.
        mean_inflow_m3s: natural flow of the record on average.
        mean_power_mw: power at the mean flow, as far as the turbines take it.
    """

    name: str
    capacity_mw: float
    productivity: float
    mean_inflow_m3s: float
    mean_power_mw: float


@dataclass(frozen=True)
class MarketEnergy:
    """The water of a submarket as energy, in MW months.

    Attributes:
        name: of the submarket.
        largest_stored: with full reservoirs.
        stored: at the beginning of the study.
        inflow: natural inflow of the month before the study.
        mean_inflow: natural inflow of the record in that month of the year, on average.
    """

    name: str
    largest_stored: float
    stored: float
    inflow: float
    mean_inflow: float


@dataclass(frozen=True)
class Energies:
    """What is known by heart of plants and submarkets."""

    plants: tuple[PlantEnergy, ...]
    markets: tuple[MarketEnergy, ...]


def plant_energies(system: HydroSystem, mean_flow: Mapping[int, float]) -> list[PlantEnergy]:
    """All plants; ``mean_flow`` is by gauging station."""
    found = []
    for code, river in system.rivers.items():
        turbines, productivity = system.turbines(code), system.productivities(code)[0]
        power, flow = max(turbines)
        inflow = mean_flow[river.station]
        mean_power = min(power, productivity * min(inflow, flow))
        found.append(PlantEnergy(river.name, power, productivity, inflow, mean_power))
    return found


def market_energies(
    system: HydroSystem,
    names: Mapping[int, str],
    storage_hm3: Mapping[int, float],
    recent: Mapping[int, float],
    mean_flow: Mapping[int, float],
) -> list[MarketEnergy]:
    """Submarkets that have hydro plants.

    Args:
        system: the plants.
        names: of submarkets by number.
        storage_hm3: at the beginning, by plant.
        recent: natural flows of the month before the study, by gauging station.
        mean_flow: mean flows of that month of the year, by gauging station.
    """
    own = {code: system.productivities(code)[0] for code in system.rivers}
    there = [code for code in system.rivers if system.rivers[code].exists]

    def stored(of: Callable[[int], float]) -> dict[int, float]:
        energy: dict[int, float] = {}
        for code in there:
            low, high = system.registry[code].storage_limits_hm3
            if high <= low:
                continue
            flow = max(of(code) - low, 0.0) / (HM3_PER_M3S_HOUR * _MEAN_MONTH_HOURS)
            below: int | None = code
            while below is not None:
                market = system.rivers[below].submarket
                if below in there:
                    energy[market] = energy.get(market, 0.0) + flow * own[below]
                below = system.rivers[below].downstream
        return energy

    def inflow(flows: Mapping[int, float]) -> dict[int, float]:
        energy: dict[int, float] = {}
        for code in there:
            market = system.rivers[code].submarket
            energy[market] = (
                energy.get(market, 0.0) + flows[system.rivers[code].station] * own[code]
            )
        return energy

    largest = stored(lambda code: system.registry[code].storage_limits_hm3[1])
    now, arriving, usual = (
        stored(lambda code: storage_hm3.get(code, 0.0)),
        inflow(recent),
        inflow(mean_flow),
    )
    return [
        MarketEnergy(
            names.get(market, str(market)),
            largest.get(market, 0.0),
            now.get(market, 0.0),
            arriving[market],
            usual[market],
        )
        for market in sorted(arriving)
    ]
