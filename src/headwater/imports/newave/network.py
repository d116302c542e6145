"""Submarkets as buses, exchanges as lines, loads and small plants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from headwater.imports.newave.deck import Deck, DeckError, Row
from headwater.imports.newave.horizon import Horizon
from headwater.imports.newave.settings import Settings

_LEAST_FACTOR = 1e-6
"""Load factors must be above zero."""


@dataclass
class Network:
    """What a deck says of submarkets.

    Attributes:
        files: JSON file -> content.
        tables: table -> rows.
        lines: from and to -> id of the line and whether the flow runs its way.
        dearest_deficit: highest cost of a deficit.
        deficit_segments: steps of its cost, of the first submarket.
    """

    files: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lines: dict[tuple[int, int], tuple[int, bool]] = field(default_factory=dict)
    dearest_deficit: float = 0.0
    deficit_segments: list[dict[str, Any]] = field(default_factory=list)


def read_network(deck: Deck, settings: Settings) -> Network:
    """Submarkets, exchanges, loads and small plants.

    Raises:
        DeckError: there is no submarket, or a load or a deficit cost is missing.
    """
    system = deck.read("sistema", "Sistema", "submarkets, deficit, exchanges, loads, small plants")
    patamar = deck.read("patamar", "Patamar")
    network = Network()
    loads = _add_loads(deck, settings, network, system, patamar)
    _add_buses(deck, network, deck.rows("sistema", system.custo_deficit), loads, settings.horizon)
    _add_lines(deck, settings, network, deck.rows("sistema", system.limites_intercambio), patamar)
    _add_small_plants(deck, settings, network, system, patamar)
    return network


def _add_buses(
    deck: Deck,
    network: Network,
    rows: list[Row],
    loads: Mapping[int, list[float]],
    horizon: Horizon,
) -> None:
    """Buses with the steps of their deficit cost; depths are shares of the mean load."""
    by_market: dict[int, list[Row]] = {}
    for row in rows:
        by_market.setdefault(row["codigo_submercado"], []).append(row)
    if not by_market:
        raise DeckError(f"{deck.name('sistema')}: no submarket with a deficit cost could be read")
    buses, deep = [], False
    for code, steps in sorted(by_market.items()):
        used = [(row["custo"], row["corte"] or 0.0) for row in steps if row["custo"]]
        bus: dict[str, Any] = {"id": code, "name": str(steps[0]["nome_submercado"] or code).strip()}
        if used:
            mean = sum(loads.get(code, [0.0])) / horizon.n_stages
            deep = deep or len(used) > 1
            segments = [
                {"depth_mw": share * mean, "cost": cost}
                for cost, share in used[:-1]
                if share * mean > 0.0
            ]
            bus["deficit_segments"] = [*segments, {"depth_mw": None, "cost": used[-1][0]}]
            network.dearest_deficit = max(network.dearest_deficit, used[-1][0])
            network.deficit_segments = network.deficit_segments or bus["deficit_segments"]
        elif loads.get(code):
            raise DeckError(
                f"{deck.name('sistema')}: submarket {code} has a load and no deficit cost; at "
                "least one is expected"
            )
        buses.append(bus)
    if deep:
        deck.report.approximate(
            deck.name("sistema"),
            "depths of deficit steps are shares of the mean load of the study, not of each month",
        )
    network.files["system/buses.json"] = {"buses": buses}


def _add_loads(
    deck: Deck, settings: Settings, network: Network, system: Any, patamar: Any
) -> dict[int, list[float]]:
    """Loads of buses with additional ones; returns them by submarket and stage."""
    horizon, name = settings.horizon, deck.name("sistema")
    markets: dict[int, dict[date, float]] = {}
    for row in deck.rows("sistema", system.mercado_energia):
        if row["valor"] is not None:
            markets.setdefault(row["codigo_submercado"], {})[row["data"]] = row["valor"]
    if not markets:
        raise DeckError(
            f"{name}: no load could be read; a block MERCADO DE ENERGIA TOTAL is expected"
        )
    loads: dict[int, list[float]] = {}
    for code, by_month in markets.items():
        values = horizon.by_stage(by_month)
        if None in values:
            day = horizon.months[values.index(None)]
            raise DeckError(
                f"{name}: the load of submarket {code} in {day:%m/%Y} is expected (is the file "
                "cut?)"
            )
        loads[code] = [value or 0.0 for value in values]
    _add_additional(deck, settings, loads)
    without = {
        row["codigo_submercado"] for row in deck.rows("sistema", system.custo_deficit)
    } - set(loads)
    network.tables["scenarios/load_seasonal_stats"] = [
        {"bus_id": code, "stage_id": stage, "mean_mw": value, "std_mw": 0.0}
        for code, values in sorted(
            {**loads, **dict.fromkeys(without, [0.0] * horizon.n_stages)}.items()
        )
        for stage, value in enumerate(values)
    ]
    factors = _by_level(deck.rows("patamar", patamar.carga_patamares), "codigo_submercado", horizon)
    network.files["scenarios/load_factors.json"] = {
        "load_factors": [
            {
                "bus_id": code,
                "stage_id": stage,
                "block_factors": [
                    {"block_id": block, "factor": max(by_stage[stage] or 1.0, _LEAST_FACTOR)}
                    for block, by_stage in enumerate(levels)
                ],
            }
            for code, levels in factors.items()
            if code in loads
            for stage in range(horizon.n_stages)
        ]
    }
    return loads


def _add_additional(deck: Deck, settings: Settings, loads: dict[int, list[float]]) -> None:
    if not deck.has("c_adic"):
        return
    name = deck.name("c_adic")
    if not settings.on("considera_carga_adicional", otherwise=True):
        deck.report.ignore(name, "switched off in the settings")
        return
    sums: dict[tuple[int, str], dict[date, float]] = {}
    for row in deck.table(
        "c_adic", "Cadic", "cargas", "additional loads, with the shape of the load"
    ):
        if row["valor"] is not None:
            key = (row["codigo_submercado"], str(row["razao"]))
            by_month = sums.setdefault(key, {})
            by_month[row["data"]] = by_month.get(row["data"], 0.0) + row["valor"]
    for (code, _), by_month in sums.items():
        if code not in loads:
            deck.report.leave_out(name, f"a load of submarket {code}, which has no market")
            continue
        for stage, value in enumerate(settings.horizon.by_stage(by_month)):
            loads[code][stage] += value or 0.0


def _add_lines(
    deck: Deck, settings: Settings, network: Network, rows: list[Row], patamar: Any
) -> None:
    horizon = settings.horizon
    limits: dict[tuple[int, int], dict[bool, dict[date, float]]] = {}
    least = False
    for row in rows:
        if row["valor"] is None:
            continue
        if row["flag"]:
            least = True
            continue
        pair = limits.setdefault((row["submercado_de"], row["submercado_para"]), {})
        pair.setdefault(row["sentido"] == 0, {})[row["data"]] = row["valor"]
    if least:
        deck.report.leave_out(deck.name("sistema"), "least exchanges that must flow")
    entries, bounds = [], []
    for number, ((source, target), directions) in enumerate(limits.items()):
        network.lines[source, target] = (number, True)
        network.lines[target, source] = (number, False)
        flows = {way: horizon.by_stage(directions.get(way, {})) for way in (True, False)}
        most = {
            way: max((value or 0.0 for value in values), default=0.0)
            for way, values in flows.items()
        }
        entries.append(
            {
                "id": number,
                "name": f"{source}-{target}",
                "source_bus_id": source,
                "target_bus_id": target,
                "capacity": {"direct_mw": most[True], "reverse_mw": most[False]},
            }
        )
        bounds += [
            {
                "line_id": number,
                "stage_id": stage,
                "direct_mw": flows[True][stage] or 0.0,
                "reverse_mw": flows[False][stage] or 0.0,
            }
            for stage in range(horizon.n_stages)
        ]
    network.files["system/lines.json"] = {"lines": entries}
    network.tables["constraints/line_bounds"] = bounds
    _add_exchange_factors(network, deck.rows("patamar", patamar.intercambio_patamares), horizon)


def _add_exchange_factors(network: Network, rows: list[Row], horizon: Horizon) -> None:
    factors: dict[tuple[int, bool], dict[int, dict[date, float]]] = {}
    for row in rows:
        line = network.lines.get((row["submercado_de"], row["submercado_para"]))
        if line is not None and row["valor"] is not None:
            factors.setdefault(line, {}).setdefault(row["patamar"], {})[row["data"]] = row["valor"]
    by_stage = {
        (line, level): horizon.by_stage(by_month)
        for line, levels in factors.items()
        for level, by_month in levels.items()
    }
    levels = sorted({level for _, level in by_stage})
    entries = []
    for number in sorted({line[0] for line, _ in by_stage}):
        for stage in range(horizon.n_stages):
            blocks = [
                {
                    "block_id": level - 1,
                    "direct_factor": _factor(by_stage, (number, True), level, stage),
                    "reverse_factor": _factor(by_stage, (number, False), level, stage),
                }
                for level in levels
            ]
            entries.append({"line_id": number, "stage_id": stage, "block_factors": blocks})
    if entries:
        network.files["constraints/exchange_factors.json"] = {"exchange_factors": entries}


def _factor(
    by_stage: Mapping[tuple[tuple[int, bool], int], list[float | None]],
    line: tuple[int, bool],
    level: int,
    stage: int,
) -> float:
    values = by_stage.get((line, level))
    value = None if values is None else values[stage]
    return 1.0 if value is None else max(value, 0.0)


def _add_small_plants(
    deck: Deck, settings: Settings, network: Network, system: Any, patamar: Any
) -> None:
    """Power of small plants, wind and sun that is not simulated: available, free to be cut."""
    horizon = settings.horizon
    series: dict[tuple[int, int, str], dict[date, float]] = {}
    for row in deck.rows("sistema", system.geracao_usinas_nao_simuladas):
        if row["valor"] is not None:
            key = (row["codigo_submercado"], int(row["indice_bloco"] or 0), str(row["fonte"] or ""))
            by_month = series.setdefault(key, {})
            by_month[row["data"]] = by_month.get(row["data"], 0.0) + row["valor"]
    levels = _small_levels(deck, patamar, horizon)
    sources, bounds, factors = [], [], []
    names = {bus["id"]: bus["name"] for bus in network.files["system/buses.json"]["buses"]}
    for number, ((market, block, kind), by_month) in enumerate(series.items()):
        values = [value or 0.0 for value in horizon.by_stage(by_month)]
        shape = levels.get((market, block), [])
        tops = [
            max([level[stage] or 1.0 for level in shape] or [1.0])
            for stage in range(horizon.n_stages)
        ]
        label = kind.strip() if kind.strip() not in ("", "None") else "SMALL PLANTS"
        sources.append(
            {
                "id": number,
                "name": f"{label} {names.get(market, market)}",
                "bus_id": market,
                "max_generation_mw": max(a * b for a, b in zip(values, tops, strict=True)),
            }
        )
        bounds += [
            {"ncs_id": number, "stage_id": stage, "available_generation_mw": value}
            for stage, value in enumerate(values)
        ]
        factors += [
            {
                "ncs_id": number,
                "stage_id": stage,
                "block_factors": [
                    {"block_id": n, "factor": 1.0 if level[stage] is None else level[stage]}
                    for n, level in enumerate(shape)
                ],
            }
            for stage in range(horizon.n_stages)
            if shape
        ]
    if sources:
        network.files["system/non_controllable_sources.json"] = {
            "non_controllable_sources": sources
        }
        network.tables["constraints/ncs_bounds"] = bounds
    if factors:
        network.files["scenarios/non_controllable_factors.json"] = {
            "non_controllable_factors": factors
        }


def _small_levels(
    deck: Deck, patamar: Any, horizon: Horizon
) -> dict[tuple[int, int], list[list[float | None]]]:
    """Submarket and block -> factors of small plants, ``[level][stage]``."""
    found: dict[tuple[int, int], dict[int, dict[date, float]]] = {}
    for row in deck.rows("patamar", patamar.usinas_nao_simuladas):
        if row["valor"] is not None:
            key = (row["codigo_submercado"], int(row["indice_bloco"] or 0))
            found.setdefault(key, {}).setdefault(row["patamar"], {})[row["data"]] = row["valor"]
    return {
        key: [horizon.by_stage(levels[level]) for level in sorted(levels)]
        for key, levels in found.items()
    }


def _by_level(rows: list[Row], key: str, horizon: Horizon) -> dict[int, list[list[float | None]]]:
    """Entity -> factors, ``[level][stage]``."""
    found: dict[int, dict[int, dict[date, float]]] = {}
    for row in rows:
        if row["valor"] is not None:
            levels = found.setdefault(row[key], {})
            levels.setdefault(row["patamar"], {})[row["data"]] = row["valor"]
    return {
        entity: [horizon.by_stage(levels[level]) for level in sorted(levels)]
        for entity, levels in found.items()
    }
