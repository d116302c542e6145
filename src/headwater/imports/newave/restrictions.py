"""Limits of a deck that are user constraints of the case.

Groups of exchanges (``AGRINT.DAT``), sets of hydro plants (``RE.DAT``), and the least generation of
plants where it differs between load levels (``GHMIN.DAT``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from headwater.imports.newave.deck import Deck
from headwater.imports.newave.horizon import Horizon
from headwater.imports.newave.rivers import RiverPlant
from headwater.imports.newave.settings import Settings
from headwater.imports.newave.water_costs import WaterCosts

_ALL_LEVELS = 0


@dataclass
class Restrictions:
    """User constraints and their right-hand sides.

    Attributes:
        entries: of ``constraints/generic_constraints.json``.
        bounds: rows of ``constraints/generic_constraint_bounds``.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    bounds: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        name: str,
        terms: Iterable[tuple[float, str]],
        bounds: Mapping[tuple[int, int | None], float],
        *,
        sense: str = "<=",
        penalty: float | None = None,
    ) -> None:
        """Add a constraint.

        Args:
            name: for people.
            terms: factors and quantities.
            bounds: stage and block, ``None`` for all blocks -> right-hand side.
            sense: relation to it.
            penalty: cost of breaking it in $ per unit and hour; ``None`` where it is hard.
        """
        number = len(self.entries)
        expression = " + ".join(f"{factor!r} * {quantity}" for factor, quantity in terms)
        slack: dict[str, Any] = {"enabled": penalty is not None}
        if penalty is not None:
            slack["penalty"] = penalty
        self.entries.append(
            {
                "id": number,
                "name": name,
                "expression": expression.replace("+ -", "- "),
                "sense": sense,
                "slack": slack,
            }
        )
        self.bounds += [
            {"constraint_id": number, "stage_id": stage, "block_id": block, "bound": bound}
            for (stage, block), bound in sorted(
                bounds.items(), key=lambda one: (one[0][0], -1 if one[0][1] is None else one[0][1])
            )
        ]


def add_exchange_groups(
    deck: Deck,
    settings: Settings,
    lines: Mapping[tuple[int, int], tuple[int, bool]],
    restrictions: Restrictions,
) -> None:
    """Limits on sums of directed exchanges."""
    if not deck.has("agrint"):
        return
    name = deck.name("agrint")
    if not settings.on("agrupamento_livre"):
        deck.report.ignore(name, "switched off in the settings")
        return
    found = deck.read("agrint", "Agrint", "limits on sums of exchanges")
    groups: dict[int, list[tuple[float, str]]] = {}
    for row in deck.rows("agrint", found.agrupamentos):
        pair = (row["submercado_de"], row["submercado_para"])
        if pair not in lines:
            deck.report.leave_out(
                name, f"an exchange from {pair[0]} to {pair[1]}, which does not exist"
            )
            continue
        number, direct = lines[pair]
        quantity = f"{'line_direct' if direct else 'line_reverse'}({number})"
        factor = 1.0 if row["coeficiente"] is None else float(row["coeficiente"])
        groups.setdefault(row["agrupamento"], []).append((factor, quantity))
    limits: dict[int, dict[tuple[int, int | None], float]] = {}
    names: dict[int, str] = {}
    for row in deck.rows("agrint", found.limites_agrupamentos):
        if row["valor"] is None:
            continue
        group = row["agrupamento"]
        names.setdefault(group, str(row["comentario"] or "").strip())
        for stage in range(settings.horizon.n_stages):
            if settings.horizon.covers(stage, row["data_inicio"], row["data_fim"]):
                limits.setdefault(group, {})[stage, row["patamar"] - 1] = row["valor"]
    n_blocks = len(settings.block_hours[0])
    for group, terms in groups.items():
        bounds = {
            place: bound
            for place, bound in limits.get(group, {}).items()
            if place[1] is not None and place[1] < n_blocks
        }
        if bounds:
            label = names.get(group) or f"exchanges {group}"
            restrictions.add(label, terms, bounds)


def add_plant_sets(
    deck: Deck,
    settings: Settings,
    rivers: Mapping[int, RiverPlant],
    restrictions: Restrictions,
) -> None:
    """Limits on the generation of sets of hydro plants."""
    if not deck.has("re"):
        return
    name = deck.name("re")
    if not settings.on("restricoes_eletricas"):
        deck.report.ignore(name, "switched off in the settings")
        return
    found = deck.read("re", "Re", "limits on the generation of sets of hydro plants")
    sets: dict[int, list[int]] = {}
    for row in deck.rows("re", found.usinas_conjuntos):
        if row["codigo_usina"] in rivers:
            sets.setdefault(row["conjunto"], []).append(row["codigo_usina"])
        elif row["codigo_usina"]:
            deck.report.leave_out(
                name,
                f"plant {row['codigo_usina']} of set {row['conjunto']}, which is not in the case",
            )
    limits: dict[int, dict[tuple[int, int | None], float]] = {}
    labels: dict[int, str] = {}
    for row in deck.rows("re", found.restricoes):
        if row["restricao"] is None or None in (row["mes_inicio"], row["ano_inicio"]):
            continue
        begin = date(row["ano_inicio"], row["mes_inicio"], 1)
        end = date(row["ano_fim"], row["mes_fim"], 1) if row["ano_fim"] and row["mes_fim"] else None
        labels.setdefault(row["conjunto"], str(row["motivo"] or "").strip())
        block = None if (row["patamar"] or _ALL_LEVELS) == _ALL_LEVELS else row["patamar"] - 1
        for stage in range(settings.horizon.n_stages):
            if settings.horizon.covers(stage, begin, end):
                limits.setdefault(row["conjunto"], {})[stage, block] = row["restricao"]
    for number, codes in sets.items():
        if limits.get(number):
            label = labels.get(number) or f"plants {number}"
            terms = [(1.0, f"hydro_generation({code})") for code in codes]
            restrictions.add(label, terms, limits[number])


def read_least_generation(
    deck: Deck,
    settings: Settings,
    costs: WaterCosts,
    restrictions: Restrictions,
) -> dict[int, list[float | None]]:
    """Least generation by plant and stage; by load level it becomes a user constraint."""
    if not deck.has("ghmin"):
        return {}
    name, horizon = deck.name("ghmin"), settings.horizon
    if not settings.on("considera_ghmin"):
        deck.report.ignore(name, "switched off in the settings")
        return {}
    rows = deck.table("ghmin", "Ghmin", "geracoes", "least generation of the months that it names")
    plants: dict[int, dict[int, dict[date, float]]] = {}
    for row in rows:
        if row["geracao"] is None or row["data"] is None:
            continue
        if row["codigo_usina"] not in costs.rivers:
            deck.report.leave_out(name, f"plant {row['codigo_usina']}, which is not in the case")
            continue
        levels = plants.setdefault(row["codigo_usina"], {})
        levels.setdefault(row["patamar"] or _ALL_LEVELS, {})[row["data"]] = row["geracao"]
    flat: dict[int, list[float | None]] = {}
    for code, levels in plants.items():
        if _ALL_LEVELS in levels:
            flat[code] = _named_months(levels.pop(_ALL_LEVELS), horizon)
        bounds: dict[tuple[int, int | None], float] = {
            (stage, level - 1): value
            for level, by_month in levels.items()
            for stage, value in enumerate(_named_months(by_month, horizon))
            if value is not None
        }
        if bounds:
            label = f"least generation of {costs.rivers[code].name}"
            terms = [(1.0, f"hydro_generation({code})")]
            restrictions.add(label, terms, bounds, sense=">=", penalty=costs.per_mwh("GHMIN", code))
    return flat


def _named_months(by_month: Mapping[date, float], horizon: Horizon) -> list[float | None]:
    """Values of the months that a table names; after the study those of the year 9999 alone."""
    later = {day: value for day, value in by_month.items() if day.year > horizon.last_year}
    values = horizon.by_stage(later)
    return [by_month.get(day, value) for day, value in zip(horizon.months, values, strict=True)]
