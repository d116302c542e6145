"""From a deck to a case directory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.case.starter import write_new_case
from headwater.case.starter_parts import Starter, usual_penalties
from headwater.imports.newave.deck import Deck, DeckError
from headwater.imports.newave.energy import Energies
from headwater.imports.newave.hydro_files import add_hydros
from headwater.imports.newave.leftovers import account_for_the_rest
from headwater.imports.newave.losses import add_losses
from headwater.imports.newave.network import read_network
from headwater.imports.newave.opened import opened_deck
from headwater.imports.newave.report import ImportReport
from headwater.imports.newave.report_page import write_page
from headwater.imports.newave.settings import (
    Effort,
    Settings,
    config_file,
    read_settings,
    stages_file,
)
from headwater.imports.newave.thermals import ThermalPlant, read_orders, read_thermals

REPORT_NAME = "import-report.md"


@dataclass(frozen=True)
class NewaveImport:
    """A deck that has become a case.

    Attributes:
        case: the new directory.
        report: what became of every file of the deck.
        counts: what the case has how many of.
        energies: of plants and submarkets, to be compared with what is known of them.

    Examples:
        >>> made = import_newave("deck", "case")
        >>> made.case
    """

    case: Path
    report: ImportReport
    counts: dict[str, int]
    energies: Energies


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
        deck: directory with the files of the deck, or a zip file of them.
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

    Examples:
        >>> import_newave("deck", "case", iterations=200)
    """
    effort = Effort(forward_passes, iterations, scenarios)
    with opened_deck(deck) as source:
        settings = read_settings(source)
        starter, energies = _converted(source, settings, effort)
        root = write_new_case(case, "NEWAVE deck", lambda: starter, force=force)
        account_for_the_rest(source)
        write_page(root / REPORT_NAME, source.report, energies)
        return NewaveImport(root, source.report, _counts(starter, settings), energies)


def _converted(source: Deck, settings: Settings, effort: Effort) -> tuple[Starter, Energies]:
    """The files of the case, and what its water is worth in energy."""
    title = (settings.general.nome_caso or "").lstrip(_BYTE_ORDER_MARK).strip()
    starter = Starter("", _EXPLANATION.format(name=title))
    network = read_network(source, settings)
    starter.files |= network.files
    starter.tables |= network.tables
    thermals = read_thermals(source, settings)
    read_orders(source, thermals, settings)
    _add_thermals(starter, thermals)
    if settings.on("perdas_rede_transmissao"):
        add_losses(source, network.lines, starter.files["system/lines.json"]["lines"])
    energies = add_hydros(source, settings, network, starter)
    _refuse_unknown_markets(source, starter)
    starter.files["initial_conditions.json"]["gnl_pipeline"] = [
        {"thermal_id": plant.code, "stage_offset": offset, "committed_mw": ordered}
        for plant in thermals
        for offset, ordered in enumerate(plant.ordered_mw, 1)
    ]
    starter.files["stages.json"] = stages_file(source, settings)
    starter.files["config.json"] = config_file(source, settings, effort)
    starter.files["penalties.json"] = usual_penalties(network.deficit_segments)
    return starter, energies


_BYTE_ORDER_MARK = "\ufeff"
_EXPLANATION = """Made from the NEWAVE deck *{name}* by `headwater import newave`.
`import-report.md` says what became of every file of the deck: what was read, what has another form
here, what was left out, and why. Plants and submarkets have the numbers of the deck.
"""


def _add_thermals(starter: Starter, thermals: Iterable[ThermalPlant]) -> None:
    starter.files["system/thermals.json"] = {"thermals": [plant.entry() for plant in thermals]}
    starter.tables["constraints/thermal_bounds"] = [
        row for plant in thermals for row in plant.bounds()
    ]


def _refuse_unknown_markets(deck: Deck, starter: Starter) -> None:
    """Whatever names a submarket names one that the deck has.

    Raises:
        DeckError: something does not.
    """
    buses = {bus["id"] for bus in starter.files["system/buses.json"]["buses"]}
    for file, list_, key, place in _MARKETS:
        for entry in starter.files.get(file, {}).get(list_, ()):
            if entry[place] not in buses:
                raise DeckError(
                    f"{deck.name(key)}: {entry['name']} names the submarket {entry[place]}, which "
                    f"{deck.name('sistema')} does not have (it has {sorted(buses)})"
                )


_MARKETS = (
    ("system/lines.json", "lines", "sistema", "source_bus_id"),
    ("system/lines.json", "lines", "sistema", "target_bus_id"),
    ("system/thermals.json", "thermals", "conft", "bus_id"),
    ("system/hydros.json", "hydros", "ree", "bus_id"),
    ("system/non_controllable_sources.json", "non_controllable_sources", "sistema", "bus_id"),
)
"""File of the case, its list, file of the deck that says so, and the key with a submarket."""


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
