"""Which hydro plants a deck has, and how their rivers run without its fictitious ones.

Decks for equivalent reservoirs cut rivers at the borders: the last plant has no plant downstream
    there, and a fictitious copy
of every reservoir above, with the same gauging station and no turbines, stands on the other side.
Individual plants need the copies left out and the rivers joined again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from headwater.imports.newave.deck import Deck, DeckError, Row
from headwater.imports.newave.horizon import Horizon, later


@dataclass(frozen=True)
class RiverPlant:
    """A plant of the configuration.

    Attributes:
        code: its number.
        name: its name.
        station: gauging station with its natural inflow.
        downstream: code of the plant that receives its water; ``None`` at the end of a river.
        ree: its equivalent reservoir.
        submarket: where its power goes.
        initial_percent: storage at the beginning in % of the useful volume.
        exists: whether it has turbines at the beginning (``EX``, or ``EE`` where more will come).
        expands: whether turbines come later (``EE``, ``NE``).
        modified: whether the cards of MODIF hold.
        history: first and last year of its record.
        copy: code of its fictitious copy beyond the border of its equivalent reservoir.
    """

    code: int
    name: str
    station: int
    downstream: int | None
    ree: int
    submarket: int
    initial_percent: float
    exists: bool
    expands: bool
    modified: bool
    history: tuple[int, int]
    copy: int | None = None


@dataclass(frozen=True)
class Expansion:
    """A row of the expansion of hydro plants (``EXPH.DAT``).

    Attributes:
        filling_from: month in which the filling of the dead volume begins.
        filling_months: how long it takes.
        filled_percent: share of the dead volume that is there already.
        units: month, power in MW and number of the set of every turbine that comes.
    """

    filling_from: date | None
    filling_months: int
    filled_percent: float
    units: tuple[tuple[date, float, int], ...]

    @property
    def entry(self) -> date | None:
        """First month of a plant that is not there yet: after the filling, or of the first unit."""
        if self.filling_from is not None:
            return later(self.filling_from, self.filling_months)
        return min((month for month, _, _ in self.units), default=None)


def read_rivers(
    deck: Deck, expansions: Mapping[int, Expansion], horizon: Horizon
) -> dict[int, RiverPlant]:
    """Plants that the case has, by code in ascending order; those that begin after it are left out.

    Raises:
        DeckError: a plant names an equivalent reservoir that does not exist, or rivers run in a
            circle.
    """
    rows = deck.table("confhd", "Confhd", "usinas", "hydro plants and rivers")
    name = deck.name("confhd")
    if not rows:
        raise DeckError(
            f"{name}: no hydro plant could be read; expected one a line after two lines of headings"
        )
    submarkets = {
        row["codigo"]: row["submercado"]
        for row in deck.table("ree", "Ree", "rees", "submarket of every REE")
    }
    kept: dict[int, RiverPlant] = {}
    fictitious, absent, late = [], [], []
    for row in rows:
        code, status = row["codigo_usina"], str(row["usina_existente"] or "").upper()
        if is_fictitious(row):
            fictitious.append(row)
        elif status not in ("EX", "EE") and code not in expansions:
            absent.append(row)
        elif status not in ("EX", "EE") and _begins_after(expansions[code], horizon):
            late.append(row)
        else:
            kept[code] = _plant(row, status, submarkets, name, deck.name("ree"))
    links = {row["codigo_usina"]: row["codigo_usina_jusante"] or 0 for row in rows}
    copies = {row["posto"]: row["codigo_usina"] for row in fictitious}
    joined = {
        code: replace(
            plant,
            downstream=_downstream(code, plant, kept, links, fictitious, name),
            copy=copies.get(plant.station),
        )
        for code, plant in kept.items()
    }
    _refuse_circles(joined, name)
    _tell(deck, fictitious, joined, links)
    for left_out, reason in (
        (absent, "plants that do not exist and have no expansion"),
        (late, "plants that begin after the last stage"),
    ):
        if left_out:
            listed = ", ".join(str(row["nome_usina"]).strip() for row in left_out)
            deck.report.leave_out(name, f"{reason}: {listed}")
    return dict(sorted(joined.items()))


def _tell(
    deck: Deck,
    fictitious: Sequence[Row],
    plants: Mapping[int, RiverPlant],
    links: Mapping[int, int],
) -> None:
    """Say which rivers are joined, and which end in nothing."""
    name = deck.name("confhd")
    if fictitious:
        deck.report.approximate(name, _joined_note(fictitious, plants, links))
    lost = [
        f"{plant.name} (to {links[code]})"
        for code, plant in plants.items()
        if links[code] and links[code] not in links
    ]
    if lost:
        deck.report.approximate(
            name,
            "rivers end where the plant downstream is not in the file (is it cut?): "
            f"{', '.join(lost)}",
        )


def read_expansions(deck: Deck) -> dict[int, Expansion]:
    """Plant code -> its expansion."""
    if not deck.has("exph"):
        return {}
    found: dict[int, Expansion] = {}
    for row in deck.table("exph", "Exph", "expansoes", "filling and turbines that come"):
        one = found.get(row["codigo_usina"], Expansion(None, 0, 0.0, ()))
        if row["data_inicio_enchimento"] is not None:
            one = replace(
                one,
                filling_from=row["data_inicio_enchimento"],
                filling_months=int(row["duracao_enchimento"] or 0),
                filled_percent=float(row["volume_morto"] or 0.0),
            )
        if row["data_entrada_operacao"] is not None:
            unit = (
                row["data_entrada_operacao"],
                float(row["potencia_instalada"] or 0.0),
                int(row["conjunto_maquina_entrada"] or 1),
            )
            one = replace(one, units=(*one.units, unit))
        found[row["codigo_usina"]] = one
    return found


def _begins_after(expansion: Expansion, horizon: Horizon) -> bool:
    return expansion.entry is not None and horizon.stage_of(expansion.entry) >= horizon.n_stages


def is_fictitious(row: Row) -> bool:
    """Whether a row of the configuration is the copy of a reservoir beyond a border."""
    return str(row["nome_usina"] or "").strip().upper().startswith("FICT")


def upstream_stations(plants: Mapping[int, RiverPlant]) -> dict[int, frozenset[int]]:
    """Plant code -> the gauging stations of the plants directly above, each once."""
    above: dict[int, set[int]] = {code: set() for code in plants}
    for plant in plants.values():
        if plant.downstream is not None:
            above[plant.downstream].add(plant.station)
    return {code: frozenset(stations) for code, stations in above.items()}


def _plant(
    row: Row, status: str, submarkets: Mapping[int, int], file: str, ree_file: str
) -> RiverPlant:
    code, ree = row["codigo_usina"], row["ree"]
    if ree not in submarkets:
        raise DeckError(
            f"{file}: plant {code} belongs to the equivalent reservoir {ree}, which {ree_file} "
            "does not have "
            f"(it has {', '.join(str(one) for one in sorted(submarkets))})"
        )
    return RiverPlant(
        code=code,
        name=str(row["nome_usina"] or code).strip(),
        station=row["posto"],
        downstream=None,
        ree=ree,
        submarket=submarkets[ree],
        initial_percent=float(row["volume_inicial_percentual"] or 0.0),
        exists=status in ("EX", "EE"),
        expands=status in ("EE", "NE"),
        modified=bool(row["usina_modificada"]),
        history=(row["ano_inicio_historico"] or 1931, row["ano_fim_historico"] or 9999),
    )


def _downstream(
    code: int,
    plant: RiverPlant,
    kept: Mapping[int, RiverPlant],
    links: Mapping[int, int],
    fictitious: Sequence[Row],
    file: str,
) -> int | None:
    """The next plant of the case down the river, past those left out and over borders."""
    below = _first_kept(code, links[code], kept, links, file)
    if below is None:
        copies = [row for row in fictitious if row["posto"] == plant.station]
        found = [_first_kept(code, links[row["codigo_usina"]], kept, links, file) for row in copies]
        below = next((one for one in found if one is not None and one != code), None)
    return below


def _first_kept(
    code: int, below: int, kept: Mapping[int, RiverPlant], links: Mapping[int, int], file: str
) -> int | None:
    passed: set[int] = set()
    while below and below not in kept:
        if below in passed:
            raise DeckError(
                f"{file}: the river below plant {code} runs in a circle through plant {below}"
            )
        passed.add(below)
        below = links.get(below, 0)
    return below or None


def _refuse_circles(plants: Mapping[int, RiverPlant], file: str) -> None:
    for code in plants:
        passed, below = {code}, plants[code].downstream
        while below is not None:
            if below in passed:
                raise DeckError(
                    f"{file}: the river below plant {code} runs in a circle through plant {below}"
                )
            passed.add(below)
            below = plants[below].downstream


def _joined_note(
    fictitious: Sequence[Row], plants: Mapping[int, RiverPlant], links: Mapping[int, int]
) -> str:
    joins = [
        f"{plant.name} to {plants[plant.downstream].name}"
        for plant in plants.values()
        if plant.downstream is not None and not links[plant.code]
    ]
    text = f"{len(fictitious)} fictitious plants left out"
    return f"{text}, rivers joined again: {', '.join(joins)}" if joins else text
