"""All that a case says of its hydro plants, from all files of a deck that say something of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.arrays import Array
from headwater.case.starter_parts import Starter
from headwater.core.wording import listed
from headwater.imports.newave.changes import read_changes
from headwater.imports.newave.deck import Deck
from headwater.imports.newave.diversions import as_they_are
from headwater.imports.newave.energy import Energies, market_energies, plant_energies
from headwater.imports.newave.horizon import Horizon
from headwater.imports.newave.hydro_limits import hydro_bounds, read_withdrawals
from headwater.imports.newave.hydros import (
    HydroSystem,
    geometry_rows,
    hydro_entry,
    initial_storage,
    production_entry,
)
from headwater.imports.newave.inflows import (
    Records,
    history_columns,
    past_inflows,
    read_recent,
    read_records,
)
from headwater.imports.newave.least_storage import add_least_storage
from headwater.imports.newave.network import Network
from headwater.imports.newave.registry import read_registry
from headwater.imports.newave.restrictions import (
    Restrictions,
    add_exchange_groups,
    add_plant_sets,
    read_least_generation,
)
from headwater.imports.newave.rivers import read_expansions, read_rivers
from headwater.imports.newave.settings import Settings
from headwater.imports.newave.water_costs import WaterCosts, accumulate, read_penalties


def add_hydros(deck: Deck, settings: Settings, network: Network, starter: Starter) -> Energies:
    """Add hydro plants, their limits, restrictions and inflows to a case.

    Returns:
        What the water is worth in energy.

    Raises:
        DeckError: files of the deck are missing, or hold what they should not.
    """
    system, records = read_system(deck, settings)
    best = {code: max(system.productivities(code)) for code in system.rivers}
    costs = WaterCosts(
        network.dearest_deficit,
        accumulate(best, system.rivers),
        system.rivers,
        read_penalties(deck),
    )
    _add_plants(system, costs, starter)
    bounds = _add_limits(deck, settings, network, system, costs, starter)
    starter.tables["scenarios/inflow_history"] = history_columns(records, system.rivers)
    highest = {
        row["hydro_id"]: row["max_storage_hm3"]
        for row in bounds
        if row["stage_id"] == 0 and row.get("max_storage_hm3") is not None
    }
    storage, filling = initial_storage(system, highest)
    at_limit = [
        system.rivers[code].name
        for code, most in highest.items()
        if system.rivers[code].exists and _begins_above(system, code, most)
    ]
    if at_limit:
        deck.report.approximate(
            deck.name("modif"),
            f"the first largest storage (VMAXT) is below the initial one of {listed(at_limit)}: "
            "each begins at that limit",
        )
    recent = read_recent(deck, system.rivers)
    starter.files["initial_conditions.json"] = {
        "storage": storage,
        "filling_storage": filling,
        "past_inflows": past_inflows(
            recent, system.rivers, system.horizon, max(settings.max_order, 1)
        ),
    }
    names = {bus["id"]: bus["name"] for bus in starter.files["system/buses.json"]["buses"]}
    return _energies(system, names, storage, recent, records)


def _begins_above(system: HydroSystem, code: int, most_hm3: float) -> bool:
    """Whether the initial storage of a plant lies above a limit, by more than rounding."""
    percent = system.rivers[code].initial_percent
    return system.registry[code].storage_of(percent, in_percent=True) > most_hm3 * (1.0 + 1e-9)


def read_system(deck: Deck, settings: Settings) -> tuple[HydroSystem, Records]:
    """Hydro plants as a case has them, and the records of their rivers.

    Raises:
        DeckError: files of the deck are missing, or hold what they should not.
    """
    expansions = read_expansions(deck)
    rivers = read_rivers(deck, expansions, settings.horizon)
    copies = {river.copy: code for code, river in rivers.items() if river.copy is not None}
    used = {
        code: cards
        for code, cards in read_changes(deck).items()
        if code in copies or (code in rivers and rivers[code].modified)
    }
    registry = read_registry(deck, rivers, used, copies)
    beyond = {
        code: registry.pop(copy).useful_hm3 for copy, code in copies.items() if copy in registry
    }
    first_year = int(settings.general.ano_inicial_historico or 1931)
    records = read_records(deck, rivers, settings.horizon, first_year)
    stations = {one.station for one in rivers.values()} | {one.station for one in registry.values()}
    rivers, canals = as_they_are(deck, rivers, registry, records.natural(stations))
    by_season = {
        "VMAXT": settings.on("sazonaliza_vmaxt", otherwise=True),
        "VMINT": settings.on("sazonaliza_vmint", otherwise=True),
        "VMINP": settings.on("sazonaliza_vminp", otherwise=True),
        "CFUGA": settings.on("sazonaliza_cfuga_cmont", otherwise=True),
        "CMONT": settings.on("sazonaliza_cfuga_cmont", otherwise=True),
    }
    system = HydroSystem(settings.horizon, rivers, registry, expansions, canals, by_season, beyond)
    return system, records


def _add_plants(system: HydroSystem, costs: WaterCosts, starter: Starter) -> None:
    entries = [hydro_entry(system, code, costs) for code in system.rivers]
    models = [production_entry(system, code) for code in system.rivers]
    starter.files["system/hydros.json"] = {"hydros": entries}
    starter.files["system/hydro_production_models.json"] = {
        "production_models": [model for model in models if model is not None]
    }
    starter.tables["system/hydro_geometry"] = [
        row for plant in system.registry.values() for row in geometry_rows(plant)
    ]


def _add_limits(
    deck: Deck,
    settings: Settings,
    network: Network,
    system: HydroSystem,
    costs: WaterCosts,
    starter: Starter,
) -> list[dict[str, Any]]:
    """Limits of plants by stage, and user constraints; returns the former."""
    withdrawals: dict[int, list[float]] = {}
    if settings.on("outros_usos_da_agua", otherwise=True):
        withdrawals = read_withdrawals(deck, system.rivers, settings.horizon)
    restrictions = Restrictions()
    add_exchange_groups(deck, settings, network.lines, restrictions)
    add_plant_sets(deck, settings, system.rivers, restrictions)
    least = read_least_generation(deck, settings, costs, restrictions)
    add_least_storage(deck, settings, system, costs, restrictions)
    if restrictions.entries:
        constraints = {"constraints": restrictions.entries}
        starter.files["constraints/generic_constraints.json"] = constraints
        starter.tables["constraints/generic_constraint_bounds"] = restrictions.bounds
    bounds = hydro_bounds(system, withdrawals, least)
    starter.tables["constraints/hydro_bounds"] = bounds
    return bounds


def _energies(
    system: HydroSystem,
    names: Mapping[int, str],
    storage: list[dict[str, Any]],
    recent: Mapping[int, Array],
    records: Records,
) -> Energies:
    last = _month_before(system.horizon)
    natural = records.natural(river.station for river in system.rivers.values())
    mean = {station: float(flows.mean()) for station, flows in natural.items()}
    of_month = [day.month == last for day in records.months]
    usual = {station: float(flows[of_month].mean()) for station, flows in natural.items()}
    now = {station: float(flows[last - 1]) for station, flows in recent.items()}
    initial = {entry["hydro_id"]: entry["value_hm3"] for entry in storage}
    return Energies(
        tuple(plant_energies(system, mean)),
        tuple(market_energies(system, names, initial, now, usual)),
    )


def _month_before(horizon: Horizon) -> int:
    """Number of the month before the study."""
    return (horizon.first.month - 2) % 12 + 1
