"""How findings name an entity: by what it is, its id and its name."""

from __future__ import annotations

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
