"""Names of entities in what `SystemBuilder.add` is given, turned into the ids of files."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import fields_of
from headwater.core.parts import Equipment
from headwater.core.wording import listed
from headwater.errors import UsageError

_NAMED = re.compile(r"(\w+)\(\s*(['\"])(.*?)\2")
IdOf = Callable[[str, str], int]
"""Kind and name of an entity -> its id."""


def kind_of(name: str) -> Equipment:
    """The kind of equipment of a name.

    Raises:
        UsageError: there is none.
    """
    for part in EQUIPMENT:
        if part.name == name:
            return part
    known = listed(sorted(part.name for part in EQUIPMENT))
    raise UsageError(f"there is no kind of equipment '{name}'; known: {known}")


def with_ids(part: Equipment, fields: dict[str, Any], id_of: IdOf) -> dict[str, Any]:
    """The fields of an entity with ids in place of names.

    Names may stand where a field refers to another entity (``bus="North"`` or ``bus_id="North"``)
    and, in quotes, in expressions (``"2 * thermal_generation('Gas')"``).

    Raises:
        UnknownNameError: there is no entity of a name.
    """
    kind: Any = part.entity
    found = dict(fields)
    for spec in fields_of(kind):
        key, target = spec.place[-1], spec.reference
        if not target or target == "stage":
            continue
        short = key.removesuffix("_id")
        if short != key and short in found and key not in found:
            found[key] = found.pop(short)
        if key in found:
            found[key] = _ids(found[key], target, id_of)
    return {key: _in_expressions(value, id_of) for key, value in found.items()}


def _ids(given: Any, kind: str, id_of: IdOf) -> Any:
    if isinstance(given, str):
        return id_of(kind, given)
    return [_ids(one, kind, id_of) for one in given] if isinstance(given, list | tuple) else given


def _in_expressions(value: Any, id_of: IdOf) -> Any:
    if isinstance(value, dict):
        return {key: _in_expressions(item, id_of) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_in_expressions(item, id_of) for item in value]
    if not isinstance(value, str):
        return value

    def numbered(match: re.Match[str]) -> str:
        quantity, name = match[1], match[3]
        named = EQUIPMENT.quantities.get(quantity)
        return match[0] if named is None else f"{quantity}({id_of(named[0].name, name)}"

    return _NAMED.sub(numbered, value)
