"""What the water of a deck is worth in energy, to be compared with what its engineers know.

Natural flows make energy in every plant that they pass, stored water in the plant of its reservoir
and in those below; each plant's part counts for the submarket of the plant. Beyond the border of an
equivalent reservoir no more counts than the fictitious copy of the reservoir there may hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.imports.newave.hydros import HydroSystem
from headwater.model.water_energy import HM3_PER_M3S_HOUR

_HM3_OF_A_MONTH = HM3_PER_M3S_HOUR * 730.5
"""What 1 m3/s carries in a month of the mean year; energies are stated in MW months."""


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
    water = MarketWater(system)
    largest = water.largest_mw_months()
    now = water.stored_mw_months(storage_hm3)
    arriving, usual = (
        water.inflow_mw({code: flows[plant.station] for code, plant in system.rivers.items()})
        for flows in (recent, mean_flow)
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


class MarketWater:
    """Water as energy by submarket, at the plants and productivities of a stage.

    Args:
        system: the plants.
    """

    def __init__(self, system: HydroSystem) -> None:
        self._system = system
        self._productivities = {code: system.productivities(code) for code in system.rivers}
        self._entries = {code: system.entry_stage(code) or 0 for code in system.rivers}

    def stored_mw_months(
        self, storage_hm3: Mapping[int, float], stage: int = 0
    ) -> dict[int, float]:
        """Energy of the water above the smallest storages of plants."""
        energy: dict[int, float] = {}
        own = self._at(stage)
        for code in own:
            low, high = self._system.registry[code].storage_limits_hm3
            if high <= low:
                continue
            useful = max(storage_hm3.get(code, 0.0) - low, 0.0)
            beyond = min(useful, self._system.beyond_hm3.get(code, useful))
            ree = self._system.rivers[code].ree
            below: int | None = code
            while below is not None:
                river = self._system.rivers[below]
                flow = (useful if river.ree == ree else beyond) / _HM3_OF_A_MONTH
                energy[river.submarket] = energy.get(river.submarket, 0.0) + flow * own.get(
                    below, 0.0
                )
                below = river.downstream
        return energy

    def largest_mw_months(self, stage: int = 0) -> dict[int, float]:
        """Energy of full reservoirs."""
        plants = self._system.registry.items()
        return self.stored_mw_months(
            {code: plant.storage_limits_hm3[1] for code, plant in plants}, stage
        )

    def inflow_mw(self, flows_m3s: Mapping[int, float], stage: int = 0) -> dict[int, float]:
        """Energy of natural flows by plant, each of the whole river above it."""
        energy: dict[int, float] = {}
        for code, productivity in self._at(stage).items():
            market = self._system.rivers[code].submarket
            energy[market] = energy.get(market, 0.0) + flows_m3s[code] * productivity
        return energy

    def _at(self, stage: int) -> dict[int, float]:
        """MW per m3/s of the plants that are there."""
        return {
            code: values[stage]
            for code, values in self._productivities.items()
            if self._entries[code] <= stage
        }
