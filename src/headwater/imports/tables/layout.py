"""Which sheets a case has and what their columns are, made from the schemas of its files.

A list of objects in a JSON file is a sheet, a row an object; what lies deeper is a column with a
dotted name (``reservoir.max_storage_hm3``, ``blocks.1.hours``). A table of the case is a sheet with
its own columns. All else is a row of the sheet ``settings``: file, key, value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from headwater.case.json_schema import json_schemas
from headwater.case.manifest import JSON_FILES
from headwater.case.parts import shape_of
from headwater.case.tables import TABLES, Column, Kind
from headwater.core.fields import fields_of

Path = tuple[str | int, ...]
"""Way to a value in a file; numbers count the entries of lists from 0."""

SETTINGS = "settings"
SETTINGS_COLUMNS = ("file", "key", "value")
_LONGEST_NAME = 31
"""Excel takes no longer names of sheets."""


@dataclass(frozen=True)
class Leaf:
    """What a cell may hold.

    Attributes:
        kinds: ``integer``, ``number``, ``string``, ``boolean``, ``date``; the first that fits.
        words: the words that a text must be one of; empty where any will do.
        required: whether the object that it belongs to needs it in all its forms.
        nullable: whether an empty cell means nothing, and not that it was forgotten.
        meaning, unit: of the value.
        reference: kind of entity whose id it is; empty for other values.
        by_id: whether a number is the id of an entity even where one is called by that number.
    """

    kinds: tuple[str, ...]
    words: tuple[str, ...] = ()
    required: bool = False
    nullable: bool = False
    meaning: str = ""
    unit: str = ""
    reference: str = ""
    by_id: bool = False


@dataclass(frozen=True)
class ListSheet:
    """A list of objects in a JSON file.

    Attributes:
        name: of the sheet.
        file: of the case.
        place: keys that lead to the list.
        nodes: schemas of an entry.
        references: dotted path without numbers -> kind of entity that it names.
    """

    name: str
    file: str
    place: tuple[str, ...]
    nodes: tuple[Mapping[str, Any], ...]
    references: Mapping[str, str] = field(default_factory=dict)

    def leaf(self, path: Path) -> Leaf | None:
        """What a column may hold; ``None`` where there is no such column."""
        return leaf_at(self.file, self.nodes, path, self.references)

    def required_keys(self, path: Path) -> list[str]:
        """Keys that an object inside an entry needs."""
        here = list(self.nodes)
        for step in path:
            here = [below for node in here for below in _step(self.file, node, step)]
        return _needed(here)

    @property
    def columns(self) -> list[tuple[str, ...]]:
        """Paths of the plain values of an entry, without those of lists."""
        return list(_plain_paths(self.file, self.nodes, ()))


def sheet_name(name: str) -> str:
    """A name that Excel takes."""
    return name[:_LONGEST_NAME]


@cache
def list_sheets() -> Mapping[str, ListSheet]:
    """Name of a sheet -> the list that it holds."""
    found: dict[str, ListSheet] = {}
    for file in JSON_FILES:
        root = _root(file)
        references = dict(_references(file))
        for place, nodes in _lists(file, (root,), ()):
            prefix = ".".join(place) + "."
            own = {
                key.removeprefix(prefix): kind
                for key, kind in references.items()
                if key.startswith(prefix)
            }
            name = sheet_name(place[-1] if place[-1] not in found else ".".join(place))
            found[name] = ListSheet(name, file, place, nodes, own)
    return found


@cache
def table_sheets() -> Mapping[str, str]:
    """Name of a sheet -> the table that it holds."""
    return {sheet_name(name.rsplit("/", 1)[-1].removesuffix(".parquet")): name for name in TABLES}


def setting_leaf(file: str, path: Path) -> Leaf | None:
    """What a value outside the lists of a file may be."""
    return leaf_at(file, (_root(file),), path, dict(_references(file)))


def table_leaf(column: Column) -> Leaf:
    """What the cells of a column of a table may be."""
    kinds = {Kind.WHOLE: "integer", Kind.NUMBER: "number", Kind.DATE: "date"}
    return Leaf(
        (kinds[column.kind],),
        required=column.required,
        nullable=not column.required,
        meaning=column.meaning,
        unit=column.unit,
        reference=column.ref if column.ref not in ("stage", "block", "season") else "",
    )


def leaf_at(
    file: str,
    nodes: Iterable[Mapping[str, Any]],
    path: Path,
    references: Mapping[str, str],
) -> Leaf | None:
    """What a value may be that some schemas describe; ``None`` where none does."""
    required = False
    here = list(nodes)
    for step in path:
        required = step in _needed(here)
        here = [below for node in here for below in _step(file, node, step)]
    plain = [node for node in here if node.get("type") not in ("object", "array", "null", None)]
    plain += [node for node in here if "enum" in node or "const" in node]
    if not plain:
        return None
    kinds = dict.fromkeys(
        "date" if node.get("format") == "date" else node.get("type", "string") for node in plain
    )
    words = [word for node in plain for word in node.get("enum", [node.get("const")]) if word]
    dotted = ".".join(str(step) for step in path if isinstance(step, str))
    first = next((node for node in here if node.get("description")), {})
    return Leaf(
        tuple(sorted(kinds, key=("integer", "number", "date", "boolean", "string").index)),
        tuple(dict.fromkeys(map(str, words))) if len(kinds) == 1 else (),
        required,
        any(node.get("type") == "null" for node in here),
        first.get("description", ""),
        first.get("x-unit", ""),
        _entity(references.get(dotted, "")),
    )


def _needed(nodes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Keys that an object needs in all forms that it may have."""
    forms = [node.get("required", ()) for node in nodes if "properties" in node]
    return [key for key in forms[0] if all(key in form for form in forms)] if forms else []


def _entity(kind: str) -> str:
    """Stages and seasons have no names: they keep their numbers."""
    return "" if kind in ("stage", "season") else kind


@cache
def _schemas() -> Mapping[str, Mapping[str, Any]]:
    return json_schemas()


def _root(file: str) -> Mapping[str, Any]:
    return _schemas()[file]


def branches(file: str, node: Any) -> Iterator[Mapping[str, Any]]:
    """The forms that a value may take, with what the key itself says of it."""
    if not isinstance(node, Mapping):
        return
    about = {key: node[key] for key in ("description", "x-unit") if key in node}
    if "$ref" in node:
        target = _root(file)["$defs"][node["$ref"].removeprefix("#/$defs/")]
        for one in branches(file, target):
            yield {**one, **about}
        return
    options = [one for key in ("anyOf", "oneOf") for one in node.get(key, ())]
    if not options:
        yield node
    for option in options:
        for one in branches(file, option):
            yield {**one, **about}


def _step(file: str, node: Mapping[str, Any], step: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(step, int):
        yield from branches(file, node.get("items"))
        return
    known = node.get("properties", {})
    if step in known:
        yield from branches(file, known[step])
    elif isinstance(node.get("additionalProperties"), Mapping):
        yield from branches(file, node["additionalProperties"])


def _lists(
    file: str, nodes: Iterable[Mapping[str, Any]], place: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], tuple[Mapping[str, Any], ...]]]:
    """Lists of objects that no list holds: their places and the schemas of their entries."""
    for node in nodes:
        for key, value in node.get("properties", {}).items():
            forms = list(branches(file, value))
            entries = [one for form in forms for one in branches(file, form.get("items"))]
            objects = tuple(one for one in entries if "properties" in one)
            if objects:
                yield (*place, key), objects
            else:
                inner = [form for form in forms if "properties" in form]
                yield from _lists(file, inner, (*place, key))


def _plain_paths(
    file: str, nodes: Iterable[Mapping[str, Any]], place: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    seen: set[str] = set()
    for node in nodes:
        for key, value in node.get("properties", {}).items():
            if key in seen or value is True:
                continue
            seen.add(key)
            forms = list(branches(file, value))
            objects = [form for form in forms if "properties" in form]
            if any(form.get("type") not in ("object", "array", "null") for form in forms):
                yield (*place, key)
            if objects:
                yield from _plain_paths(file, objects, (*place, key))


def _references(file: str) -> Iterator[tuple[str, str]]:
    """Dotted places of ids of entities in a file, each with the kind that it names."""
    shape = shape_of(file)
    yield from _references_below(shape, "")


def _references_below(shape: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    declared = getattr(shape, "declares", None)
    for spec in () if declared is None else fields_of(declared):
        if spec.in_files and spec.reference:
            yield prefix + ".".join(spec.place), spec.reference
    for name, value in shape.model_fields.items():
        for inner in _models(value.annotation):
            yield from _references_below(inner, f"{prefix}{value.alias or name}.")


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


@cache
def required_lists(file: str) -> frozenset[str]:
    """Lists at the top of a file that the format asks for, be they empty."""
    return frozenset(_root(file).get("required", ()))
