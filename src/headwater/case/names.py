"""How findings name things: entities by kind, id and name.

What was probably meant by an unknown word.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headwater.arrays import FrozenDict
from headwater.core.equipment import EQUIPMENT

LABELS: Mapping[str, str] = FrozenDict(
    {part.file.key: part.words.label for part in EQUIPMENT.by_file()}
)
"""Key of a list of entities -> the word for one of them."""

LABEL_OF_COLUMN: Mapping[str, str] = FrozenDict(
    {
        "hydro_id": "Hydro",
        "bus_id": "Bus",
        "thermal_id": "Thermal",
        "line_id": "Line",
        "station_id": "Pumping station",
        "contract_id": "Contract",
        "ncs_id": "Source",
        "source_id": "Source",
        "constraint_id": "Constraint",
    }
)
"""Column of a table, or field of a list, -> the word for the entity that it names."""

WITH_ID = re.compile(rf"(?P<label>{'|'.join(LABELS.values())}) (?P<id>\d+)(?=$|,)")
"""An entity by kind and id at the beginning of a text."""

_LONGEST = 40


def entity_label(kind: str, entity_id: int, name: str | None) -> str:
    """An entity in words, e.g. ``Hydro 3 "Sobradinho"``.

    Without the name where it has none or it only repeats the id.

    Args:
        kind: word for its kind, e.g. ``"Hydro"``.
        entity_id: its id.
        name: its name; what cannot be printed is left out of it, and long ones are shortened.
    """
    shown = "".join(letter for letter in name or "" if letter.isprintable()).strip()
    if len(shown) > _LONGEST:
        shown = shown[: _LONGEST - 3] + "..."
    return (
        f'{kind} {entity_id} "{shown}"'
        if shown and shown != str(entity_id)
        else f"{kind} {entity_id}"
    )


def nearest_word(word: str, known: Iterable[str]) -> str | None:
    """The known word closest to ``word``, if any is close."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return close[0] if close else None


def entity_at(data: Any, steps: Sequence[str | int]) -> str | None:
    """The entity that a place in a JSON file belongs to, e.g. ``"Hydro 3"``.

    ``None`` where it belongs to none.

    Args:
        data: content of the file.
        steps: keys and positions that lead to the place.
    """
    if (
        len(steps) < 2
        or not isinstance(steps[0], str)
        or not isinstance(steps[1], int)
        or not isinstance(data, dict)
    ):
        return None
    items = data.get(steps[0])
    item = items[steps[1]] if isinstance(items, list) and steps[1] < len(items) else None
    if not isinstance(item, dict):
        return None
    named = [("id", LABELS[steps[0]])] if steps[0] in LABELS else list(LABEL_OF_COLUMN.items())
    for key, label in named:
        entity_id = item.get(key)
        if isinstance(entity_id, int) and not isinstance(entity_id, bool):
            return entity_label(
                label, entity_id, item["name"] if isinstance(item.get("name"), str) else None
            )
    return None
