"""How findings name things: entities by kind, id and name; what was probably meant by an unknown word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 40


def entity_label(kind: str, entity_id: int, name: str | None) -> str:
    """An entity in words, e.g. ``Hydro 3 "Sobradinho"``; without the name where it has none or it only repeats the id.

    Args:
        kind: word for its kind, e.g. ``"Hydro"``.
        entity_id: its id.
        name: its name; what cannot be printed is left out of it, and long ones are shortened.
    """
    shown = "".join(letter for letter in name or "" if letter.isprintable()).strip()
    if len(shown) > _LONGEST:
        shown = shown[: _LONGEST - 3] + "..."
    return f'{kind} {entity_id} "{shown}"' if shown and shown != str(entity_id) else f"{kind} {entity_id}"


def nearest_word(word: str, known: Iterable[str]) -> str | None:
    """The known word closest to ``word``, if any is close."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return close[0] if close else None
