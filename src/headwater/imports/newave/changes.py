"""Changes of hydro plants (``MODIF.DAT``): cards of a keyword and its numbers.

The file is free text with more keywords than inewave knows; read here, so that none is dropped in
silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from headwater.arrays import FrozenDict
from headwater.imports.newave.deck import Deck, DeckError


@dataclass(frozen=True)
class Change:
    """One card.

    Attributes:
        keyword: ``VMAXT`` and the like.
        month: from which it holds; ``None`` for cards without a date.
        values: its numbers.
        in_percent: whether they are percentages of the useful volume.
        line: where it stands.
    """

    keyword: str
    month: date | None
    values: tuple[float, ...]
    in_percent: bool
    line: int


@dataclass(frozen=True)
class PlantChanges:
    """The cards of one plant in the order of the file."""

    cards: tuple[Change, ...] = ()

    def last(self, keyword: str) -> Change | None:
        """The last card without a date."""
        found = [card for card in self.cards if card.keyword == keyword and card.month is None]
        return found[-1] if found else None

    def value(self, keyword: str, otherwise: float) -> float:
        """Its number, or another where there is no such card."""
        card = self.last(keyword)
        return otherwise if card is None else card.values[0]

    def of_sets(self, keyword: str) -> Iterator[tuple[float, int]]:
        """Values of cards about sets of turbines, with the number of the set from 1."""
        for card in self.cards:
            if card.keyword == keyword:
                yield card.values[0], int(card.values[1])

    def dated(self, keyword: str) -> list[Change]:
        """Cards that hold from a month on."""
        return [card for card in self.cards if card.keyword == keyword and card.month is not None]


@dataclass
class _Reading:
    plants: dict[int, list[Change]] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_changes(deck: Deck) -> dict[int, PlantChanges]:
    """Plant code -> its cards; no plant where the deck has no such file.

    Raises:
        DeckError: a card lacks numbers, or has something else in their place.
    """
    if not deck.has("modif"):
        deck.report.miss("MODIF.DAT", "no changes of hydro plants")
        return {}
    name, reading = deck.name("modif"), _Reading()
    plant: int | None = None
    for number, line in enumerate(deck.lines("modif"), 1):
        words = line.replace("'", " ").split()
        if number <= _HEADINGS or not words or words[0] == "9999":
            continue
        if words[0].upper() == "USINA":
            plant = _plant(words, name, number, reading)
        elif plant is not None:
            _add(words, plant, name, number, reading)
    if reading.problems:
        raise DeckError("\n".join(reading.problems[:10]))
    deck.report.read(name, f"changes of {len(reading.plants)} plants")
    for keyword, count in reading.unknown.items():
        deck.report.leave_out(name, f"{count} cards {keyword}: {_NOT_USED.get(keyword, 'unknown')}")
    return {code: PlantChanges(tuple(cards)) for code, cards in reading.plants.items()}


def _plant(words: Sequence[str], name: str, number: int, reading: _Reading) -> int | None:
    if len(words) > 1 and words[1].isdigit():
        reading.plants.setdefault(int(words[1]), [])
        return int(words[1])
    found = words[1] if len(words) > 1 else "nothing"
    reading.problems.append(f"{name} line {number}: USINA needs the code of a plant, got {found}")
    return None


def _add(words: Sequence[str], plant: int, name: str, number: int, reading: _Reading) -> None:
    keyword = words[0].upper()
    card = CARDS.get(keyword)
    if card is None:
        reading.unknown[keyword] = reading.unknown.get(keyword, 0) + 1
        return
    numbers = [_number(word) for word in words[1 : 1 + card.n_words]]
    if len(numbers) < card.n_words or None in numbers:
        reading.problems.append(
            f"{name} line {number}: {keyword} of plant {plant} needs {card.expects}, got "
            f"'{' '.join(words[1:])}'"
        )
        return
    values = [value for value in numbers if value is not None]
    month = None
    if card.dated:
        if not 1 <= values[0] <= 12 or not 1900 <= values[1] <= 9999:
            reading.problems.append(
                f"{name} line {number}: {keyword} of plant {plant} needs {card.expects}, got "
                f"'{' '.join(words[1:])}'"
            )
            return
        month = date(int(values[1]), int(values[0]), 1)
        values = values[2:]
    in_percent = "%" in words
    reading.plants[plant].append(Change(keyword, month, tuple(values), in_percent, number))


def _number(word: str) -> float | None:
    try:
        return float(word.upper().replace("D", "E").replace(",", "."))
    except ValueError:
        return None


@dataclass(frozen=True)
class _Card:
    n_words: int
    expects: str
    dated: bool = False


_HEADINGS = 2
_VALUE = _Card(1, "a number")
_OF_SET = _Card(2, "a number and the number of a set of turbines")
_POLYNOMIAL = _Card(5, "five coefficients")
_DATED = _Card(3, "month, year and a number", dated=True)

CARDS: Mapping[str, _Card] = FrozenDict(
    {
        "VOLMIN": _VALUE,
        "VOLMAX": _VALUE,
        "NUMCNJ": _VALUE,
        "NUMMAQ": _OF_SET,
        "POTEFE": _OF_SET,
        "PRODESP": _VALUE,
        "TEIF": _VALUE,
        "IP": _VALUE,
        "PERDHIDR": _VALUE,
        "COEFEVAP": _Card(2, "millimetres and the number of a month"),
        "COTAREA": _POLYNOMIAL,
        "VOLCOTA": _POLYNOMIAL,
        "VAZMIN": _VALUE,
        "CFUGA": _DATED,
        "CMONT": _DATED,
        "VMAXT": _DATED,
        "VMINT": _DATED,
        "VAZMINT": _DATED,
        "VAZMAXT": _DATED,
        "TURBMAXT": _DATED,
        "TURBMINT": _DATED,
        "VMINP": _DATED,
    }
)
"""Keywords that have an effect, and what follows them."""

_NOT_USED: Mapping[str, str] = FrozenDict(
    {
        "NUMBAS": "base units say nothing about limits",
        "NUMPOS": "gauging stations are those of CONFHD",
    }
)
