"""Storage that the deck wants to keep: curves of least energy (``CURVA.DAT``) and ``VMINP`` cards.

Both are soft: falling short costs what the curve of the equivalent reservoir says for each MWh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from headwater.imports.newave.deck import Deck, Row
from headwater.imports.newave.hydros import HydroSystem
from headwater.imports.newave.restrictions import Restrictions
from headwater.imports.newave.settings import Settings
from headwater.imports.newave.water_costs import WaterCosts
from headwater.model.water_energy import HM3_PER_M3S_HOUR

_MEAN_MONTH_HOURS = 730.5
_EVERYTHING = 100.0


def add_least_storage(
    deck: Deck,
    settings: Settings,
    system: HydroSystem,
    costs: WaterCosts,
    restrictions: Restrictions,
) -> None:
    """Add a user constraint for every equivalent reservoir with a curve, and plant with cards.

    Both stand in MW months: 1 hm3 makes what the plant and those below it make of it.
    """
    carded = [code for code in system.rivers if system.registry[code].changes.dated("VMINP")]
    if not deck.has("curva"):
        if carded and settings.on("curva_aversao"):
            _leave_out_cards(deck, "there is no file of curves with their prices")
        return
    if not settings.on("curva_aversao"):
        deck.report.ignore(deck.name("curva"), "switched off in the settings")
        if carded:
            _leave_out_cards(deck, "switched off in the settings")
        return
    found = deck.read("curva", "Curva", "least stored energy of equivalent reservoirs, at a price")
    prices = {
        row["codigo_ree"]: row["penalidade"]
        for row in deck.rows("curva", found.custos_penalidades)
        if row["penalidade"]
    }
    curves = _curves(deck.rows("curva", found.curva_seguranca))
    _add_curves(system, costs, prices, curves, restrictions)
    for code in carded:
        if system.rivers[code].ree in prices:
            _add_cards(system, costs, code, prices[system.rivers[code].ree], restrictions)
    deck.report.approximate(
        deck.name("curva"), "the price holds at every stage, not only at the end of dry seasons"
    )


def _leave_out_cards(deck: Deck, reason: str) -> None:
    deck.report.leave_out(deck.name("modif"), f"least storages VMINP: {reason}")


def _curves(rows: Sequence[Row]) -> dict[int, dict[date, float]]:
    """Equivalent reservoir -> share of its energy in % by month."""
    curves: dict[int, dict[date, float]] = {}
    for row in rows:
        if row["valor"] is not None:
            curves.setdefault(row["codigo_ree"], {})[row["data"]] = row["valor"]
    return curves


def _mw_months(costs: WaterCosts, code: int) -> float:
    """Energy of 1 hm3 in the reservoir of a plant."""
    return costs.accumulated[code] / (HM3_PER_M3S_HOUR * _MEAN_MONTH_HOURS)


def _add_curves(
    system: HydroSystem,
    costs: WaterCosts,
    prices: Mapping[int, float],
    curves: Mapping[int, Mapping[date, float]],
    restrictions: Restrictions,
) -> None:
    for ree, by_month in curves.items():
        plants = [code for code, plant in system.rivers.items() if plant.ree == ree]
        weights = {code: _mw_months(costs, code) for code in plants}
        limits = {code: system.registry[code].storage_limits_hm3 for code in plants}
        weights = {
            code: w for code, w in weights.items() if w > 0.0 and limits[code][1] > limits[code][0]
        }
        if not weights or ree not in prices:
            continue
        empty = sum(weight * limits[code][0] for code, weight in weights.items())
        full = sum(weight * limits[code][1] for code, weight in weights.items())
        bounds: dict[tuple[int, int | None], float] = {
            (stage, None): empty + value / _EVERYTHING * (full - empty)
            for stage, value in enumerate(system.horizon.by_stage(by_month))
            if value
        }
        terms = [(weight, f"hydro_storage({code})") for code, weight in weights.items()]
        label = f"least stored energy of reservoir {ree}"
        restrictions.add(label, terms, bounds, sense=">=", penalty=prices[ree])


def _add_cards(
    system: HydroSystem, costs: WaterCosts, code: int, price: float, restrictions: Restrictions
) -> None:
    plant, weight = system.registry[code], _mw_months(costs, code)
    low, high = plant.storage_limits_hm3
    changes = [
        (card.month, plant.storage_of(card.values[0], in_percent=card.in_percent))
        for card in plant.changes.dated("VMINP")
    ]
    if weight <= 0.0 or high <= low:
        return
    values = system.horizon.steps(changes, low, by_season=system.by_season.get("VMINP", True))
    bounds: dict[tuple[int, int | None], float] = {
        (stage, None): weight * min(value, high)
        for stage, value in enumerate(values)
        if value > low
    }
    if bounds:
        label = f"least operating storage of {plant.name}"
        terms = [(weight, f"hydro_storage({code})")]
        restrictions.add(label, terms, bounds, sense=">=", penalty=price)
