"""Limits of hydro plants by stage: storage, flows, turbines that come, water for others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from headwater.imports.newave.deck import Deck
from headwater.imports.newave.horizon import Horizon
from headwater.imports.newave.hydros import HydroSystem
from headwater.imports.newave.registry import Plant
from headwater.imports.newave.rivers import RiverPlant, is_fictitious

NO_LIMIT = 90_000.0
"""Flows from which on a card means that there is no limit."""


def hydro_bounds(
    system: HydroSystem,
    withdrawals: Mapping[int, list[float]],
    least_generation: Mapping[int, list[float | None]],
) -> list[dict[str, Any]]:
    """Rows of ``constraints/hydro_bounds``: what differs from the entry of a plant."""
    rows = []
    for code in system.rivers:
        columns = _columns(system, code)
        columns["water_withdrawal_m3s"] = list(withdrawals.get(code, ()))
        columns["min_generation_mw"] = list(least_generation.get(code, ()))
        used = {name: values for name, values in columns.items() if values}
        for stage in range(system.horizon.n_stages):
            row = {name: values[stage] for name, values in used.items()}
            if any(value is not None for value in row.values()):
                rows.append({"hydro_id": code, "stage_id": stage, **row})
    return rows


def read_withdrawals(
    deck: Deck, rivers: Mapping[int, RiverPlant], horizon: Horizon
) -> dict[int, list[float]]:
    """Water taken at every stage, by plant; below zero where water is added."""
    if not deck.has("dsvagua"):
        return {}
    rows = deck.table(
        "dsvagua", "Dsvagua", "desvios", "water for other uses, summed by plant and month"
    )
    configuration = deck.table("confhd", "Confhd", "usinas")
    links = {row["codigo_usina"]: row["codigo_usina_jusante"] or 0 for row in configuration}
    copies = {row["codigo_usina"] for row in configuration if is_fictitious(row)}
    sums: dict[int, dict[date, float]] = {}
    moved, lost = set(), set()
    for row in rows:
        code, value = row["codigo_usina"], row["valor"]
        if value is None or code is None or code in copies:
            continue
        place = _present(code, rivers, links) if row["considera_desvio_usina_NC"] != 0 else code
        if place not in rivers:
            lost.add(code)
            continue
        if place != code:
            moved.add(code)
        by_month = sums.setdefault(place, {})
        by_month[row["data"]] = by_month.get(row["data"], 0.0) - value
    name = deck.name("dsvagua")
    if copies & {row["codigo_usina"] for row in rows}:
        deck.report.leave_out(
            name, "rows of fictitious plants, which repeat those of the plants that they stand for"
        )
    if moved:
        deck.report.approximate(
            name,
            "plants that are not in the case: charged to the next plant downstream: "
            f"{_listed(moved)}",
        )
    if lost:
        deck.report.leave_out(name, f"rows of plants that are not in the case: {_listed(lost)}")
    return {
        code: [value or 0.0 for value in horizon.by_stage(by_month)]
        for code, by_month in sums.items()
    }


def _present(code: int, rivers: Mapping[int, RiverPlant], links: Mapping[int, int]) -> int:
    passed = set()
    while code not in rivers and code not in passed and links.get(code):
        passed.add(code)
        code = links[code]
    return code


def _listed(codes: set[int]) -> str:
    return ", ".join(str(code) for code in sorted(codes))


def _columns(system: HydroSystem, code: int) -> dict[str, list[Any]]:
    plant = system.registry[code]
    low, high = plant.storage_limits_hm3
    turbines = system.turbines(code)
    columns: dict[str, list[Any]] = {}
    if high > low:
        top = _storage(system, plant, "VMAXT", high)
        bottom = _storage(system, plant, "VMINT", low)
        columns["max_storage_hm3"] = top
        columns["min_storage_hm3"] = (
            [min(b, t) for b, t in zip(bottom or [low] * len(top), top, strict=True)]
            if top
            else bottom
        )
    outflow = system.steps(code, "VAZMINT", plant.min_outflow_m3s)
    columns["min_outflow_m3s"] = _unless_constant(outflow, plant.min_outflow_m3s)
    columns["max_outflow_m3s"] = _limits(system.steps(code, "VAZMAXT", NO_LIMIT))
    flows = [flow for _, flow in turbines]
    most = system.steps(code, "TURBMAXT", NO_LIMIT)
    columns["max_turbined_m3s"] = _unless_constant(
        [min(one, limit) for one, limit in zip(flows, most, strict=True)], max(flows)
    )
    least = system.steps(code, "TURBMINT", 0.0)
    columns["min_turbined_m3s"] = _unless_constant(least, 0.0)
    powers = [power for power, _ in turbines]
    columns["max_generation_mw"] = _unless_constant(powers, max(powers))
    return {name: values for name, values in columns.items() if values}


def _storage(system: HydroSystem, plant: Plant, keyword: str, start: float) -> list[float]:
    """Storage of a dated card at every stage; empty where the plant has none."""
    cards = plant.changes.dated(keyword)
    changes = [
        (card.month, plant.storage_of(card.values[0], in_percent=card.in_percent)) for card in cards
    ]
    low, high = plant.storage_limits_hm3
    values = system.horizon.steps(changes, start, by_season=system.by_season.get(keyword, True))
    return [float(np.clip(value, low, high)) for value in values] if changes else []


def _limits(values: list[float]) -> list[float | None]:
    found = [None if value >= NO_LIMIT else value for value in values]
    return found if any(value is not None for value in found) else []


def _unless_constant(values: list[float], entry: float) -> list[float]:
    return values if any(abs(value - entry) > 0.0 for value in values) else []
