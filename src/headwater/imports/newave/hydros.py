"""Hydro plants of a deck as entries of ``system/hydros.json`` and the files around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from headwater.imports.newave.diversions import Canal
from headwater.imports.newave.horizon import Horizon
from headwater.imports.newave.registry import Plant
from headwater.imports.newave.rivers import Expansion, RiverPlant
from headwater.imports.newave.water_costs import WaterCosts
from headwater.model.water_energy import HM3_PER_M3S_HOUR

_GEOMETRY_POINTS = 11
"""Storages of a reservoir whose level and surface are given."""
_SAME = 1e-9
"""Productivities that differ by less are the same."""


@dataclass(frozen=True)
class HydroSystem:
    """What the deck says of its hydro plants.

    Attributes:
        horizon: stages.
        rivers: plants and their order along the rivers, by code.
        registry: the same plants with their figures.
        expansions: of those that grow.
        canals: ways past the turbines to other plants, by code.
        by_season: whether dated cards repeat their last year after the study.
        beyond_hm3: useful storage that counts as energy of other equivalent reservoirs, by code;
            that of the fictitious copy, which may be smaller.
    """

    horizon: Horizon
    rivers: Mapping[int, RiverPlant]
    registry: Mapping[int, Plant]
    expansions: Mapping[int, Expansion]
    canals: Mapping[int, Canal]
    by_season: Mapping[str, bool]
    beyond_hm3: Mapping[int, float]

    def steps(self, code: int, keyword: str, start: float) -> list[float]:
        """Value of a dated card at every stage."""
        cards = self.registry[code].changes.dated(keyword)
        changes = [(card.month, card.values[0]) for card in cards]
        return self.horizon.steps(changes, start, by_season=self.by_season.get(keyword, True))

    def entry_stage(self, code: int) -> int | None:
        """First stage of a plant that does not exist yet: after the filling, or the first unit."""
        if self.rivers[code].exists or code not in self.expansions:
            return None
        entry = self.expansions[code].entry
        return None if entry is None else max(self.horizon.stage_of(entry), 0) or None

    def filling_stage(self, code: int) -> int | None:
        """First stage of the filling of a dead volume; ``None`` where there is none."""
        entry, one = self.entry_stage(code), self.expansions.get(code)
        if entry is None or one is None or one.filling_from is None:
            return None
        first = max(self.horizon.stage_of(one.filling_from), 0)
        return first if first < entry else None

    def filling_flow(self, code: int, first: int) -> float:
        """Flow that fills in the given time what the dead volume lacks, in m3/s."""
        low, _ = self.registry[code].storage_limits_hm3
        hours = sum(
            self.horizon.hours(stage) for stage in range(first, self.entry_stage(code) or 0)
        )
        missing = low * (1.0 - self.expansions[code].filled_percent / 100.0)
        return max(missing, 0.0) / (HM3_PER_M3S_HOUR * hours)

    def turbines(self, code: int) -> list[tuple[float, float]]:
        """Power in MW and flow in m3/s of all turbines at every stage, less outages."""
        plant = self.registry[code]
        coming = self.expansions[code].units if code in self.expansions else ()
        counts = self._first_units(code, coming)
        sets = plant.sets
        values = []
        for day in self.horizon.months:
            here = [unit for unit in coming if unit[0] <= day]
            power = sum(n * one.power_mw for n, one in zip(counts, sets, strict=True))
            flow = sum(n * one.flow_m3s for n, one in zip(counts, sets, strict=True))
            power += sum(unit[1] or sets[unit[2] - 1].power_mw for unit in here)
            flow += sum(sets[unit[2] - 1].flow_m3s for unit in here)
            values.append((power * plant.availability, flow * plant.availability))
        return values

    def productivities(self, code: int) -> list[float]:
        """MW per m3/s at every stage."""
        plant = self.registry[code]
        levels = self.steps(code, "CMONT", plant.mean_level_m())
        tailraces = self.steps(code, "CFUGA", plant.tailrace_m)
        return [plant.productivity(*one) for one in zip(levels, tailraces, strict=True)]

    def _first_units(self, code: int, coming: tuple[tuple[date, float, int], ...]) -> list[int]:
        """Turbines of each set at the beginning of the study."""
        plant, river = self.registry[code], self.rivers[code]
        if not river.exists:
            return [0] * len(plant.sets)
        counts = [one.units for one in plant.sets]
        if not any(True for _ in plant.changes.of_sets("NUMMAQ")):
            for _, _, number in coming:  # the registry counts those that are still to come as well
                counts[number - 1] = max(counts[number - 1] - 1, 0)
        return counts


def hydro_entry(system: HydroSystem, code: int, costs: WaterCosts) -> dict[str, Any]:
    """The entry of a plant in ``system/hydros.json``."""
    plant, river = system.registry[code], system.rivers[code]
    low, high = plant.storage_limits_hm3
    turbines, productivities = system.turbines(code), system.productivities(code)
    entry: dict[str, Any] = {
        "id": code,
        "name": plant.name,
        "bus_id": river.submarket,
        "downstream_id": river.downstream,
        "entry_stage_id": system.entry_stage(code),
        "reservoir": {"min_storage_hm3": low, "max_storage_hm3": high},
        "outflow": {"min_outflow_m3s": plant.min_outflow_m3s},
        "generation": {
            "model": "constant_productivity",
            "productivity_mw_per_m3s": productivities[0],
            "min_turbined_m3s": 0.0,
            "max_turbined_m3s": max(flow for _, flow in turbines),
            "min_generation_mw": 0.0,
            "max_generation_mw": max(power for power, _ in turbines),
        },
        "penalties": costs.of(code),
    }
    if any(plant.evaporation_mm) and plant.area_km2(plant.level_m(np.array(high))) > 0.0:
        entry["evaporation"] = {"coefficients_mm": list(plant.evaporation_mm)}
    if code in system.canals:
        canal = system.canals[code]
        entry["diversion"] = {"downstream_id": canal.target, "max_flow_m3s": canal.max_flow_m3s}
    first = system.filling_stage(code)
    if first is not None:
        entry["filling"] = {
            "start_stage_id": first,
            "filling_inflow_m3s": system.filling_flow(code, first),
        }
    return {key: value for key, value in entry.items() if value is not None}


def geometry_rows(plant: Plant) -> list[dict[str, Any]]:
    """Rows of ``system/hydro_geometry``; a single one where the storage stays."""
    low, high = plant.storage_limits_hm3
    storage = np.linspace(low, high, _GEOMETRY_POINTS) if high > low else np.array([high])
    level = np.maximum.accumulate(np.atleast_1d(plant.level_m(storage)))
    area = np.maximum.accumulate(np.atleast_1d(plant.area_km2(level)))
    return [
        {"hydro_id": plant.code, "volume_hm3": v, "height_m": h, "area_km2": a}
        for v, h, a in zip(storage.tolist(), level.tolist(), area.tolist(), strict=True)
    ]


def production_entry(system: HydroSystem, code: int) -> dict[str, Any] | None:
    """The entry of a plant whose productivity changes in the file of production models."""
    values = system.productivities(code)
    starts = [0] + [
        stage for stage in range(1, len(values)) if abs(values[stage] - values[stage - 1]) > _SAME
    ]
    if len(starts) == 1:
        return None
    ends = [*(start - 1 for start in starts[1:]), None]
    return {
        "hydro_id": code,
        "selection_mode": "stage_ranges",
        "stage_ranges": [
            {
                "model": "constant_productivity",
                "start_stage_id": start,
                "end_stage_id": end,
                "productivity_override": values[start],
            }
            for start, end in zip(starts, ends, strict=True)
        ],
    }


def initial_storage(
    system: HydroSystem, highest: Mapping[int, float]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Entries of ``storage`` and of ``filling_storage`` in ``initial_conditions.json``.

    Args:
        system: the plants.
        highest: largest storage of the first stage of plants that have one of their own.
    """
    storage, filling = [], []
    for code, plant in system.registry.items():
        low, high = plant.storage_limits_hm3
        if system.filling_stage(code) is not None:
            value = low * system.expansions[code].filled_percent / 100.0
            filling.append({"hydro_id": code, "value_hm3": value})
            continue
        value = low if system.entry_stage(code) is not None else high
        if high > low and system.rivers[code].exists:
            value = plant.storage_of(system.rivers[code].initial_percent, in_percent=True)
        storage.append(
            {"hydro_id": code, "value_hm3": min(max(value, 0.0), highest.get(code, high))}
        )
    return storage, filling
