"""Thermal plants of a deck: what each may give and what it costs at every stage."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from headwater.imports.newave.deck import Deck, DeckError, Row
from headwater.imports.newave.horizon import Horizon
from headwater.imports.newave.settings import Settings

_LATER_YEARS = 13
"""Column of the least generation for the years after the first."""


@dataclass
class ThermalPlant:
    """A thermal plant.

    Attributes:
        code: its number.
        name: its name.
        submarket: where its power goes.
        max_mw, min_mw, cost: by stage.
        lag: stages between order and delivery; none where it is dispatched as the others are.
        ordered_mw: what is ordered already, of the first stages.
    """

    code: int
    name: str
    submarket: int
    max_mw: list[float] = field(default_factory=list)
    min_mw: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    lag: int | None = None
    ordered_mw: list[float] = field(default_factory=list)

    def entry(self) -> dict[str, Any]:
        """The entry of ``system/thermals.json``."""
        entry: dict[str, Any] = {
            "id": self.code,
            "name": self.name,
            "bus_id": self.submarket,
            "generation": {"min_mw": min(self.min_mw), "max_mw": max(self.max_mw)},
            "cost_per_mwh": self.cost[0],
        }
        if self.lag is not None:
            entry["gnl_config"] = {"lag_stages": self.lag}
        return entry

    def bounds(self) -> list[dict[str, Any]]:
        """Rows of ``constraints/thermal_bounds``."""
        return [
            {
                "thermal_id": self.code,
                "stage_id": stage,
                "min_generation_mw": least,
                "max_generation_mw": most,
                "cost_per_mwh": cost,
            }
            for stage, (least, most, cost) in enumerate(
                zip(self.min_mw, self.max_mw, self.cost, strict=True)
            )
        ]


@dataclass(frozen=True)
class _Figures:
    """Figures of a plant at one stage."""

    power_mw: float
    factor: float
    forced: float
    planned: float
    least_mw: float

    def most_mw(self, away_mw: float, *, maintained: bool) -> float:
        planned = 0.0 if maintained else self.planned
        share = _share(self.factor) * (1.0 - _share(self.forced)) * (1.0 - _share(planned))
        return max(self.power_mw - away_mw, 0.0) * share


def read_thermals(deck: Deck, settings: Settings) -> list[ThermalPlant]:
    """Thermal plants of the configuration that have power at some stage, by ascending code.

    Raises:
        DeckError: a plant lacks figures or a cost.
    """
    horizon = settings.horizon
    configuration = deck.table("conft", "Conft", "usinas", "thermal plants")
    if not configuration:
        deck.report.read(deck.name("conft"), "no thermal plant")
    figures = _figures(deck)
    expansions: dict[int, list[Row]] = {}
    if deck.has("expt"):
        for row in deck.table("expt", "Expt", "expansoes", "changes of thermal plants by date"):
            expansions.setdefault(row["codigo_usina"], []).append(row)
    years = int(settings.general.num_anos_manutencao_utes or 0)
    away = _maintenance(deck, horizon) if years else {}
    costs = _costs(deck, horizon)
    plants, cut = [], set()
    for row in sorted(configuration, key=lambda one: int(one["codigo_usina"])):
        code = row["codigo_usina"]
        plant = ThermalPlant(code, str(row["nome_usina"] or code).strip(), row["submercado"])
        if code not in figures:
            raise DeckError(
                f"{deck.name('term')}: a row of plant {code} {plant.name} is expected, since "
                f"{deck.name('conft')} has it"
            )
        plant.cost = _cost_of(deck, row, costs)
        for stage, day in enumerate(horizon.months):
            now = _at_stage(figures[code], expansions.get(code, ()), horizon, stage)
            maintained = day.year < horizon.first.year + years
            most = now.most_mw(
                away.get((code, stage), 0.0) if maintained else 0.0, maintained=maintained
            )
            if now.least_mw > most + 1e-6:
                cut.add(plant.name)
            plant.max_mw.append(most)
            plant.min_mw.append(min(now.least_mw, most))
        plants.append(plant)
    _tell(deck, plants, cut)
    return [plant for plant in plants if max(plant.max_mw) > 0.0]


def _tell(deck: Deck, plants: Sequence[ThermalPlant], cut: set[str]) -> None:
    idle = [plant.name for plant in plants if max(plant.max_mw) <= 0.0]
    if idle:
        deck.report.leave_out(
            deck.name("conft"), f"{len(idle)} plants without power at any stage: {', '.join(idle)}"
        )
    if cut:
        deck.report.approximate(
            deck.name("term"),
            "the least generation is lowered to the largest, months of outages included, of "
            f"{', '.join(sorted(cut))}",
        )


def _figures(deck: Deck) -> dict[int, list[Row]]:
    """Plant code -> rows of its months, and the one of later years."""
    found: dict[int, list[Row]] = {}
    for row in deck.table("term", "Term", "usinas", "capacities, outages and least generation"):
        found.setdefault(row["codigo_usina"], []).append(row)
    return found


def _at_stage(
    rows: Sequence[Row], expansion: Sequence[Row], horizon: Horizon, stage: int
) -> _Figures:
    """Figures of a plant: those of the registry, or of its expansion where it has rows there.

    Power and least generation of plants with rows of their own in the expansion come from there
    alone.
    """
    day = horizon.months[stage]
    month = day.month if day.year == horizon.first.year else _LATER_YEARS
    least = next((row["geracao_minima"] for row in rows if row["mes"] == month), None) or 0.0
    kinds = {str(row["tipo"]).strip() for row in expansion}
    first = rows[0]
    values = {
        "POTEF": 0.0 if "POTEF" in kinds else first["potencia_instalada"] or 0.0,
        "FCMAX": 100.0
        if first["fator_capacidade_maximo"] is None
        else first["fator_capacidade_maximo"],
        "TEIFT": first["teif"] or 0.0,
        "IPTER": first["indisponibilidade_programada"] or 0.0,
        "GTMIN": 0.0 if "GTMIN" in kinds else least,
    }
    for row in expansion:
        if row["modificacao"] is not None and horizon.covers(
            stage, row["data_inicio"], row["data_fim"]
        ):
            values[str(row["tipo"]).strip()] = row["modificacao"]
    return _Figures(
        values["POTEF"], values["FCMAX"], values["TEIFT"], values["IPTER"], values["GTMIN"]
    )


def _share(percent: float) -> float:
    return min(max(percent, 0.0), 100.0) / 100.0


def _maintenance(deck: Deck, horizon: Horizon) -> dict[tuple[int, int], float]:
    """Plant code and stage -> mean power that is away for maintenance."""
    if not deck.has("manutt"):
        return {}
    away: dict[tuple[int, int], float] = {}
    for row in deck.table("manutt", "Manutt", "manutencoes", "maintenance by days of each month"):
        if row["data_inicio"] is None or row["codigo_usina"] is None:
            continue
        for offset in range(int(row["duracao"] or 0)):
            day: date = row["data_inicio"] + timedelta(days=offset)
            stage = horizon.stage_of(day)
            if 0 <= stage < horizon.n_stages:
                days = calendar.monthrange(day.year, day.month)[1]
                place = (row["codigo_usina"], stage)
                away[place] = away.get(place, 0.0) + float(row["potencia"] or 0.0) / days
    return away


def _costs(deck: Deck, horizon: Horizon) -> dict[int, list[float]]:
    """Class -> cost at every stage."""
    found = deck.read("clast", "Clast", "costs by year, and their changes for some months")

    by_year: dict[int, dict[int, float]] = {}
    for row in deck.rows("clast", found.usinas):
        if row["valor"] is not None:
            by_year.setdefault(row["codigo_usina"], {})[row["indice_ano_estudo"]] = row["valor"]
    costs = {}
    for code, years in by_year.items():
        last = max(years)
        costs[code] = [
            years.get(min(horizon.year_index(stage) + 1, last), years[last])
            for stage in range(horizon.n_stages)
        ]
    for row in deck.rows("clast", found.modificacoes):
        if row["codigo_usina"] in costs and row["custo"] is not None:
            for stage in range(horizon.n_stages):
                if horizon.covers(stage, row["data_inicio"], row["data_fim"]):
                    costs[row["codigo_usina"]][stage] = row["custo"]
    return costs


def _cost_of(deck: Deck, row: Row, costs: Mapping[int, list[float]]) -> list[float]:
    name, code = row["classe"] or row["codigo_usina"], row["codigo_usina"]
    if name not in costs:
        raise DeckError(
            f"{deck.name('clast')}: a cost of class {name} is expected, since plant {code} of "
            f"{deck.name('conft')} has it"
        )
    return costs[name]


def read_orders(deck: Deck, plants: Sequence[ThermalPlant], settings: Settings) -> None:
    """Mark plants that are dispatched ahead, and what is ordered already."""
    if not deck.has("adterm"):
        return
    name = deck.name("adterm")
    if not settings.on("despacho_antecipado_gnl"):
        deck.report.ignore(name, "switched off in the settings")
        return
    orders: dict[int, dict[int, dict[int, float]]] = {}
    for row in deck.table(
        "adterm", "Adterm", "despachos", "plants dispatched ahead, and orders under way"
    ):
        levels = orders.setdefault(row["codigo_usina"], {}).setdefault(row["lag"], {})
        levels[row["patamar"]] = row["valor"] or 0.0
    flat, last = True, settings.horizon.n_stages - 1
    for plant in (one for one in plants if one.code in orders):
        lags = orders[plant.code]
        plant.lag = max(lags)
        for stage in range(plant.lag):
            levels = lags.get(stage + 1, {})
            hours = settings.block_hours[min(stage, last)]
            mean = sum(hours[n] * levels.get(n + 1, 0.0) for n in range(len(hours))) / sum(hours)
            flat = flat and len(set(levels.values())) <= 1
            plant.ordered_mw.append(mean)
            if stage <= last:
                plant.max_mw[stage] = max(plant.max_mw[stage], mean)
                plant.min_mw[stage] = min(plant.min_mw[stage], mean)
    if not flat:
        deck.report.approximate(
            name, "orders that differ by load level are their mean: the same in all levels"
        )
