"""From a deck to a case directory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.case.starter import write_new_case
from headwater.case.starter_parts import Starter, usual_penalties
from headwater.imports.newave.changes import read_changes
from headwater.imports.newave.deck import Deck
from headwater.imports.newave.diversions import as_they_are
from headwater.imports.newave.hydro_limits import hydro_bounds, read_withdrawals
from headwater.imports.newave.hydros import (
    HydroSystem,
    geometry_rows,
    hydro_entry,
    initial_storage,
    production_entry,
)
from headwater.imports.newave.inflows import history_columns, read_recent, read_records
from headwater.imports.newave.leftovers import account_for_the_rest
from headwater.imports.newave.losses import add_losses
from headwater.imports.newave.network import Network, read_network
from headwater.imports.newave.registry import read_registry
from headwater.imports.newave.report import ImportReport
from headwater.imports.newave.restrictions import (
    Restrictions,
    add_exchange_groups,
    add_plant_sets,
    read_least_generation,
)
from headwater.imports.newave.rivers import read_expansions, read_rivers
from headwater.imports.newave.settings import (
    Effort,
    Settings,
    config_file,
    read_settings,
    stages_file,
)
from headwater.imports.newave.thermals import ThermalPlant, read_orders, read_thermals
from headwater.imports.newave.water_costs import WaterCosts, accumulate, read_penalties

REPORT_NAME = "import-report.md"


@dataclass(frozen=True)
class NewaveImport:
    """A deck that has become a case.

    Attributes:
        case: the new directory.
        report: what became of every file of the deck.
        counts: what the case has how many of.
    """

    case: Path
    report: ImportReport
    counts: dict[str, int]


def import_newave(
    deck: str | os.PathLike[str],
    case: str | os.PathLike[str],
    *,
    forward_passes: int = 8,
    iterations: int | None = None,
    scenarios: int | None = None,
    force: bool = False,
) -> NewaveImport:
    """Make a case of individual plants from a NEWAVE deck.

    Args:
        deck: directory with the files of the deck.
        case: directory of the case; made when it does not exist.
        forward_passes: trajectories of an iteration.
        iterations: at most; those of the deck when not given.
        scenarios: of the simulation; those of the deck when not given.
        force: write into a directory that is not empty.

    Returns:
        The case and what became of every file; the same table lies in the case as ``import-
        report.md``.

    Raises:
        DeckError: files are missing, cut, or hold what they should not.
        UsageError: there is no such deck, the case directory is not empty, or the extra ``newave``
            is not installed.
    """
    source = Deck(Path(deck))
    settings = read_settings(source)
    starter = Starter("", _EXPLANATION.format(name=(settings.general.nome_caso or "").strip()))
    network = read_network(source, settings)
    starter.files |= network.files
    starter.tables |= network.tables
    thermals = read_thermals(source, settings)
    read_orders(source, thermals, settings)
    _add_thermals(starter, thermals)
    if settings.on("perdas_rede_transmissao"):
        add_losses(source, network.lines, starter.files["system/lines.json"]["lines"])
    _add_hydros(source, settings, network, starter)
    starter.files["initial_conditions.json"]["gnl_pipeline"] = [
        {"thermal_id": plant.code, "stage_offset": offset, "committed_mw": ordered}
        for plant in thermals
        for offset, ordered in enumerate(plant.ordered_mw, 1)
    ]
    starter.files["stages.json"] = stages_file(source, settings)
    effort = Effort(forward_passes, iterations, scenarios)
    starter.files["config.json"] = config_file(source, settings, effort)
    starter.files["penalties.json"] = usual_penalties(network.deficit_segments)
    root = write_new_case(case, "NEWAVE deck", lambda: starter, force=force)
    account_for_the_rest(source)
    source.report.write(root / REPORT_NAME)
    return NewaveImport(root, source.report, _counts(starter, settings))


_EXPLANATION = """Made from the NEWAVE deck *{name}* by `headwater import newave`. `import-
report.md` says what became of every file
of the deck: what was read, what has another form here, what was left out, and why. Plants and
    submarkets have the numbers of the deck.
"""


def _add_thermals(starter: Starter, thermals: Iterable[ThermalPlant]) -> None:
    starter.files["system/thermals.json"] = {"thermals": [plant.entry() for plant in thermals]}
    starter.tables["constraints/thermal_bounds"] = [
        row for plant in thermals for row in plant.bounds()
    ]


def _add_hydros(deck: Deck, settings: Settings, network: Network, starter: Starter) -> None:
    horizon = settings.horizon
    expansions = read_expansions(deck)
    rivers = read_rivers(deck, expansions)
    changes = read_changes(deck)
    used = {
        code: cards for code, cards in changes.items() if code in rivers and rivers[code].modified
    }
    registry = read_registry(deck, list(rivers), used)
    first_year = int(settings.general.ano_inicial_historico or 1931)
    records = read_records(deck, rivers, horizon, first_year)
    stations = {one.station for one in rivers.values()} | {one.station for one in registry.values()}
    rivers, canals = as_they_are(deck, rivers, registry, records.natural(stations))
    by_season = {
        "VMAXT": settings.on("sazonaliza_vmaxt", otherwise=True),
        "VMINT": settings.on("sazonaliza_vmint", otherwise=True),
        "CFUGA": settings.on("sazonaliza_cfuga_cmont", otherwise=True),
        "CMONT": settings.on("sazonaliza_cfuga_cmont", otherwise=True),
    }
    system = HydroSystem(horizon, rivers, registry, expansions, canals, by_season)
    best = {code: max(system.productivities(code)) for code in rivers}
    costs = WaterCosts(
        network.dearest_deficit, accumulate(best, rivers), rivers, read_penalties(deck)
    )
    files, tables = starter.files, starter.tables
    files["system/hydros.json"] = {"hydros": [hydro_entry(system, code, costs) for code in rivers]}
    models = [production_entry(system, code) for code in rivers]
    files["system/hydro_production_models.json"] = {
        "production_models": [model for model in models if model is not None]
    }
    tables["system/hydro_geometry"] = [
        row for plant in registry.values() for row in geometry_rows(plant)
    ]
    withdrawals = (
        read_withdrawals(deck, rivers, horizon)
        if settings.on("outros_usos_da_agua", otherwise=True)
        else {}
    )
    restrictions = Restrictions()
    add_exchange_groups(deck, settings, network.lines, restrictions)
    add_plant_sets(deck, settings, rivers, restrictions)
    least = read_least_generation(deck, settings, costs, restrictions)
    if restrictions.entries:
        files["constraints/generic_constraints.json"] = {"constraints": restrictions.entries}
        tables["constraints/generic_constraint_bounds"] = restrictions.bounds
    bounds = hydro_bounds(system, withdrawals, least)
    tables["constraints/hydro_bounds"] = bounds
    tables["scenarios/inflow_history"] = history_columns(records, rivers)
    highest = {
        row["hydro_id"]: row["max_storage_hm3"]
        for row in bounds
        if row["stage_id"] == 0 and row.get("max_storage_hm3") is not None
    }
    storage, filling = initial_storage(system, highest)
    files["initial_conditions.json"] = {
        "storage": storage,
        "filling_storage": filling,
        "past_inflows": read_recent(deck, rivers, horizon, max(settings.max_order, 1)),
    }


def _counts(starter: Starter, settings: Settings) -> dict[str, int]:
    files = starter.files
    entries: dict[str, Any] = {
        "stages": files["stages.json"]["stages"],
        "hydro plants": files["system/hydros.json"]["hydros"],
        "thermal plants": files["system/thermals.json"]["thermals"],
        "buses": files["system/buses.json"]["buses"],
        "lines": files["system/lines.json"]["lines"],
    }
    return {name: len(values) for name, values in entries.items()} | {
        "load levels": len(settings.block_hours[0])
    }
