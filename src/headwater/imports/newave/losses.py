"""Losses of exchanges (``LOSS.DAT``), which inewave does not read.

The file has four parts, each after a line ``FAT. PERDA ...`` and ended by 9999: losses of hydro
plants, of thermal plants, of submarkets and of exchanges. A part lists pairs of numbers, and below
each a year with twelve shares for each load level.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from headwater.imports.newave.deck import Deck, DeckError

_PART = re.compile(r"\s*FAT\.? *PERDA\s+(.*\S)", re.IGNORECASE)
_PAIR = re.compile(r"\s*(\d{1,4})\s+(\d{1,4})\s*$")
_YEAR = re.compile(r"\s*(\d{4})\s+(?=[\d.])")
_EXCHANGES = "INTERLIGACAO"
_END = "9999"


def add_losses(
    deck: Deck,
    lines: Mapping[tuple[int, int], tuple[int, bool]],
    entries: list[dict[str, object]],
) -> None:
    """Give lines of the case their losses: the mean over directions, months and load levels.

    Args:
        deck: with the file.
        lines: from and to -> id of the line and whether the flow runs its way.
        entries: of ``system/lines.json``, which get ``losses_percent``.

    Raises:
        DeckError: a line of shares holds something else.
    """
    if not deck.has("perda"):
        return
    name = deck.name("perda")
    found, others = _exchanges(deck)
    by_line: dict[int, list[float]] = {}
    for pair, values in found.items():
        if pair in lines:
            by_line.setdefault(lines[pair][0], []).extend(values)
    varies = any(max(values) - min(values) > 0.0 for values in by_line.values())
    for entry in entries:
        values = by_line.get(int(str(entry["id"])), [])
        if values:
            entry["losses_percent"] = 100.0 * sum(values) / len(values)
    deck.report.read(name, f"losses of {len(by_line)} exchanges")
    if varies:
        deck.report.approximate(
            name, "the same at all months and load levels and in both directions: their mean"
        )
    if others:
        deck.report.leave_out(name, f"losses of {', '.join(sorted(others))}")


def _exchanges(deck: Deck) -> tuple[dict[tuple[int, int], list[float]], set[str]]:
    """Shares that are lost by pair of submarkets, and the other parts that say something."""
    found: dict[tuple[int, int], list[float]] = {}
    others: set[str] = set()
    part, pair = "", None
    for number, line in enumerate(deck.lines("perda"), 1):
        heading, numbers = _PART.match(line), _PAIR.match(line)
        if heading:
            part, pair = heading[1].upper(), None
        elif line.strip() == _END or not part or not line.strip() or "X" in line.upper():
            continue
        elif numbers:
            pair = (int(numbers[1]), int(numbers[2]))
            if part != _EXCHANGES:
                others.add(part.lower())
        elif pair is not None and part == _EXCHANGES:
            year = _YEAR.match(line)
            text = line[year.end() :] if year else line
            found.setdefault(pair, []).extend(_shares(text, deck.name("perda"), number))
    return found, others


def _shares(text: str, name: str, number: int) -> list[float]:
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        raise DeckError(
            f"{name} line {number}: shares of the flow that are lost are expected, got "
            f"'{text.strip()}'"
        ) from None
    return [value for value in values if 0.0 <= value < 1.0]
