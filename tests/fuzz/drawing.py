"""Draws changes that know what a case is made of: numbers, ids, dates, keys, rows, files."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import polars as pl

from fuzz import systems
from fuzz.case_files import CaseFiles
from fuzz.steps import TYPES, Step
from headwater.case import json_schemas

NAN, INFINITY = float("nan"), float("inf")
EXTREMES = (
    *(0, 1, -1, 2, 0.5, -0.5, 1e-9, 1e9, -999, -999.0, 9999.0),
    *(
        1e300,
        -1e300,
        1e200,
        1e150,
        1e20,
        1e-20,
        1e-300,
        5e-324,
        1.7976931348623157e308,
        NAN,
        INFINITY,
        -INFINITY,
    ),
    *(2**31 - 1, 2**31, -(2**31), 2**53 + 1, 2**63, 10**40),
)
FACTORS = (
    -1,
    0.0,
    0.5,
    0.999999,
    1.000001,
    2,
    1e-3,
    1e3,
    730.0,
    1e-6,
    1e6,
    1e-12,
    1e12,
    3.6,
    1 / 3.6,
)
"""Signs, units (hours of a month, litres, MWh, GJ) and sizes."""
TEXTS = (
    *(
        "",
        " ",
        "x",
        "0",
        "1e300",
        "NaN",
        "null",
        "true",
        "=1+1",
        "@cmd",
        "../../etc",
        "a/b",
        "a,b;c\td",
        '"',
        "\\",
    ),
    *(
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
        "\x00",
        "\r\n",
        "\u202e\u200b",
        "Itaipú ação 水 😀",
        "\ud800",
        "x" * 5000,
    ),
)
DATES = (
    *(
        "2024-02-30",
        "2024-13-01",
        "0001-01-01",
        "9999-12-31",
        "1899-12-31",
        "2024-1-1",
        "01/02/2024",
        "2024-01-01T00:00:00Z",
    ),
    *(
        "2024-02-29",
        "2023-12-31",
        "2024-06-01",
        "2026-01-31",
        "2024",
        "24-01-01",
        "",
        None,
        20240101,
    ),
)
WRONG = (None, True, False, "", [], {}, [[]], {"a": None}, "text", 0)
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "latin-1", "cp037", "utf-7", "utf-8-sig")
DOCUMENTS = (
    "",
    "null",
    "[]",
    "{}",
    "{",
    "}",
    "NaN",
    "0",
    '"x"',
    '{"a": 1, "a": 2}',
    "[" * 100_000,
    "\ufeff{}",
    "{}{}",
    "//\n{}",
)
A_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass
class Sketch:
    """A case that is being changed: what the next change may look at.

    Attributes:
        files: the case, before all changes.
        random: source of all choices.
        ids: whole numbers that the case uses as ids.
    """

    files: CaseFiles
    random: Random
    ids: tuple[int, ...]

    def table(self) -> str | None:
        """A table of the case that has rows."""
        found = [name for name, frame in self.files.tables.items() if frame.height and frame.width]
        return self.random.choice(found) if found else None

    def file(self) -> str:
        """A file of the case, with its suffix."""
        return self.random.choice(
            [*self.files.documents, *(f"{name}.parquet" for name in self.files.tables)]
        )


def draw(files: CaseFiles, random: Random) -> list[Step]:
    """One to four changes of a case."""
    ids = {
        e["id"]
        for _, e in _nodes(files.documents)
        if isinstance(e, dict) and type(e.get("id")) is int
    }
    sketch = Sketch(files, random, (*sorted(ids), max(ids, default=0) + 1))
    kinds, weights = zip(*_KINDS.items(), strict=True)
    steps: list[Step] = []
    for _ in range(random.choices((1, 2, 3, 4), (60, 25, 10, 5))[0]):
        steps += random.choices(kinds, weights)[0](sketch)
    return steps


def _nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [(path, value), *(found for key, item in inner for found in _nodes(item, (*path, key)))]


def _node(
    sketch: Sketch, *, kind: type | tuple[type, ...] = object
) -> tuple[str, tuple[Any, ...], Any] | None:
    """File, path and value of something in a document.

    Every kind of place is as likely as another, however often it occurs.
    """
    name = sketch.random.choice(sorted(sketch.files.documents))
    by_place: dict[systems.Place, list[tuple[tuple[Any, ...], Any]]] = {}
    for path, value in _nodes(sketch.files.documents[name])[1:]:
        if isinstance(value, kind):
            by_place.setdefault(systems.generalised(path), []).append((path, value))
    if not by_place:
        return None
    return (name, *sketch.random.choice(by_place[sketch.random.choice(sorted(by_place))]))


def _value(sketch: Sketch) -> list[Step]:
    """Another value in the place of one."""
    found = _node(sketch, kind=(int, float, str, bool, type(None)))
    if found is None:
        return []
    name, path, value = found
    step = {"file": name, "path": list(path)}
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and sketch.random.random() < 0.4
    ):
        return [{"do": "scale", **step, "factor": sketch.random.choice(FACTORS)}]
    return [{"do": "set", **step, "value": _other(sketch, path[-1], value)}]


def _other(sketch: Sketch, key: Any, value: Any) -> Any:
    """Something like a value, or nothing like it."""
    random = sketch.random
    if random.random() < 0.12:
        return random.choice((*WRONG, str(value), [value]))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        if str(key) == "id" or str(key).endswith(("_id", "_ids")):
            return random.choice((*sketch.ids, *sketch.ids, -1, 99, 2**31, 0.5, str(value)))
        near = (value + 1, value - 1, value / 2, -value)
        return random.choice((*near, *EXTREMES))
    if isinstance(value, str):
        if A_DATE.match(value):
            others = [
                v
                for _, v in _nodes(sketch.files.documents["stages.json"])
                if isinstance(v, str) and A_DATE.match(v)
            ]
            return random.choice((*DATES, *others))
        words = [v for v in _all_words() if v != value]
        return random.choice((*TEXTS, value + "x", value.upper(), *random.sample(words, 12)))
    return random.choice((*EXTREMES, *TEXTS, *WRONG))


@cache
def _all_words() -> tuple[str, ...]:
    """Short words that stand anywhere in the systems, enumerations among them."""
    found = {
        v
        for values in systems.donors().values()
        for v in values
        if isinstance(v, str) and len(v) < 40
    }
    enumerated = {
        v
        for _, v in _nodes(json_schemas())
        if isinstance(v, str) and re.fullmatch(r"[a-z0-9_]{2,30}", v)
    }
    return tuple(sorted(found | enumerated))


def _transplant(sketch: Sketch) -> list[Step]:
    """A value of another system in its place, or beside what is there."""
    found = _node(sketch)
    if found is None:
        return []
    name, path, _ = found
    values = systems.donors().get((name, systems.generalised(path)), [])
    if not values:
        return []
    return [
        {
            "do": "set",
            "file": name,
            "path": list(path),
            "value": copy.deepcopy(sketch.random.choice(values)),
        }
    ]


def _another_key(sketch: Sketch) -> list[Step]:
    """A key that an object does not have, with the value of another system or one that its schema
    allows; or an unknown one.
    """
    name = sketch.random.choice(["config.json", *sorted(sketch.files.documents)])
    if name not in sketch.files.documents:
        return []
    objects = [
        (path, value)
        for path, value in _nodes(sketch.files.documents[name])
        if isinstance(value, dict)
    ]
    by_place: dict[systems.Place, list[tuple[tuple[Any, ...], Any]]] = {}
    for path, value in objects:
        by_place.setdefault(systems.generalised(path), []).append((path, value))
    if not by_place:
        return []
    place = sketch.random.choice(sorted(by_place))
    path, holder = sketch.random.choice(by_place[place])
    if sketch.random.random() < 0.1:
        key = sketch.random.choice(
            ("unknown", "_comment", "Id", "storage", "max_storage", "", "\x1b[31m")
        )
        return [
            {
                "do": "set",
                "file": name,
                "path": [*path, key],
                "value": sketch.random.choice((1, "x", None, {})),
            }
        ]
    given = {
        key[1][-1]: values
        for key, values in systems.donors().items()
        if key[0] == name
        and len(key[1]) == len(place) + 1
        and key[1][:-1] == place
        and key[1][-1] != "*"
    }
    schemas = _properties(name, place)
    missing = sorted({*given, *schemas} - set(holder))
    if not missing:
        return []
    key = sketch.random.choice(missing)
    donated = given.get(key, [])
    if donated and (key not in schemas or sketch.random.random() < 0.7):
        value = copy.deepcopy(sketch.random.choice(donated))
    else:
        value = _allowed(sketch, schemas.get(key, {}), json_schemas_of(name))
    return [{"do": "set", "file": name, "path": [*path, key], "value": value}]


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    return json_schemas()


def json_schemas_of(name: str) -> dict[str, Any]:
    """Schema of a file; empty for one that the case format does not know."""
    return _schemas().get(name, {})


def _resolved(schema: Any, root: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives of a schema, with references followed."""
    if not isinstance(schema, dict):
        return []
    if "$ref" in schema:
        return _resolved(root.get("$defs", {}).get(schema["$ref"].rpartition("/")[2], {}), root)
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    return [one for choice in choices for one in _resolved(choice, root)] if choices else [schema]


@cache
def _properties(name: str, place: systems.Place) -> dict[str, Any]:
    """Key -> schema of an object at a place."""
    root = json_schemas_of(name)
    at = _resolved(root, root)
    for key in place:
        inner = [
            one.get("items") if key == "*" else one.get("properties", {}).get(key) for one in at
        ]
        at = [found for one in inner for found in _resolved(one, root)]
    return {
        key: one
        for found in at
        for key, one in found.get("properties", {}).items()
        if one is not True
    }


def _allowed(sketch: Sketch, schema: dict[str, Any], root: dict[str, Any], depth: int = 0) -> Any:
    """A value that a schema allows, near its limits, or nearly allows."""
    random, choices = sketch.random, _resolved(schema, root)
    if not choices or depth > 6:
        return None
    one = random.choice(choices)
    if "const" in one:
        return one["const"]
    if "enum" in one:
        return random.choice(one["enum"])
    kind = one.get("type")
    if kind == "object":
        required = one.get("required", ())
        keys = [
            k
            for k, v in one.get("properties", {}).items()
            if v is not True and (k in required or random.random() < 0.4)
        ]
        return {key: _allowed(sketch, one["properties"][key], root, depth + 1) for key in keys}
    if kind == "array":
        return [
            _allowed(sketch, one.get("items", {}), root, depth + 1)
            for _ in range(random.choice((0, 1, 1, 2, 3)))
        ]
    if kind in ("integer", "number"):
        low = one.get("minimum", one.get("exclusiveMinimum", 0))
        high = one.get("maximum", one.get("exclusiveMaximum", low + 10))
        ends = (low, high, low + 1, (low + high) / 2, random.uniform(low, high))
        value = random.choice((*ends, *ends, *EXTREMES))
        whole = kind == "integer" and isinstance(value, float) and abs(value) < 1e15
        return int(value) if whole else value
    if kind == "boolean":
        return random.random() < 0.5
    return (
        random.choice(("", "x", "2024-01-01", *_all_words()[:: max(1, len(_all_words()) // 20)]))
        if kind == "string"
        else None
    )


def _remove(sketch: Sketch) -> list[Step]:
    found = _node(sketch)
    return [] if found is None else [{"do": "delete", "file": found[0], "path": list(found[1])}]


def _entry(sketch: Sketch) -> list[Step]:
    """An entry of a list that is doubled, with its id or with a new one.

    Or the list the other way round or empty.
    """
    found = _node(sketch, kind=list)
    if found is None or not found[2]:
        return []
    name, path, entries = found
    step = {"file": name, "path": list(path)}
    kind = sketch.random.choice(["doubled", "doubled", "new", "new", "reversed", "empty"])
    if kind == "reversed":
        return [{"do": "reverse", **step}]
    if kind == "empty":
        return [{"do": "set", **step, "value": []}]
    position = sketch.random.randrange(len(entries))
    entry = copy.deepcopy(entries[position])
    if kind == "new" and isinstance(entry, dict) and "id" in entry:
        entry["id"] = sketch.ids[-1]
    return [{"do": "insert", "file": name, "path": [*path, position + 1], "value": entry}]


def _numeric(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if frame.schema[name].is_numeric()]


def _cell(sketch: Sketch) -> list[Step]:
    """Another value in a cell, in a column, or a column in other units."""
    table = sketch.table()
    if table is None:
        return []
    frame, random = sketch.files.tables[table], sketch.random
    column = random.choice(frame.columns)
    step = {"table": table, "column": column}
    kind = random.choice(["cell", "cell", "fill", "scale column"])
    if kind == "scale column" and column in _numeric(frame):
        return [{"do": kind, **step, "factor": random.choice(FACTORS)}]
    row = random.randrange(frame.height)
    present = frame.get_column(column)[row]
    if column in _numeric(frame):
        value = random.choice((None, _other(sketch, column, present if present is not None else 0)))
        value = value if isinstance(value, int | float | None) else -1
    else:
        value = None
    return [{"do": "cell" if kind == "cell" else "fill", **step, "row": row, "value": value}]


def _rows(sketch: Sketch) -> list[Step]:
    """Rows that are missing, doubled or in another order."""
    table = sketch.table()
    if table is None:
        return []
    height = sketch.files.tables[table].height
    step: Step = {"do": "rows", "table": table, "row": sketch.random.randrange(height)}
    kind = sketch.random.choice(["shuffled", "reversed", "doubled", "without", "without", "first"])
    if kind == "shuffled":
        return [{"do": "rows", "table": table, "seed": sketch.random.randrange(1000)}]
    return [{**step, "kind": kind, "count": sketch.random.choice((1, 1, 2, height))}]


def _columns(sketch: Sketch) -> list[Step]:
    """Columns of other types, other names, missing or added."""
    table = sketch.table()
    if table is None:
        return []
    step = {"table": table, "column": sketch.random.choice(sketch.files.tables[table].columns)}
    kind = sketch.random.choice(["retype", "retype", "rename column", "drop column", "add column"])
    if kind == "retype":
        return [{"do": kind, **step, "type": sketch.random.choice(sorted(TYPES))}]
    if kind == "rename column":
        return [
            {
                "do": kind,
                **step,
                "to": sketch.random.choice(
                    (step["column"].upper(), step["column"] + "s", "", "id")
                ),
            }
        ]
    if kind == "add column":
        others = sorted(
            {c for frame in sketch.files.tables.values() for c in frame.columns}
            | {"unknown", "block_id"}
        )
        return [
            {
                "do": kind,
                "table": table,
                "column": sketch.random.choice(others),
                "value": sketch.random.choice((0, 1, 1.5)),
            }
        ]
    return [{"do": kind, **step}]


def _foreign(sketch: Sketch) -> list[Step]:
    """A table or a document of another system."""
    random = sketch.random
    if random.random() < 0.5:
        table = random.choice(sorted(systems.whole_tables()))
        return [
            {
                "do": "table of",
                "table": table,
                "system": random.choice(systems.whole_tables()[table]),
            }
        ]
    name = random.choice(sorted({name for name, place in systems.donors() if place == ()}))
    found = [one for one in dict.fromkeys(systems.names()) if name in systems.system(one).documents]
    return [{"do": "file of", "file": name, "system": random.choice(found)}]


def _file(sketch: Sketch) -> list[Step]:
    """What happens to files.

    They are missing, swapped, cut off, spoilt, in another encoding, or no files.
    """
    random, name = sketch.random, sketch.file()
    kind = random.choice(
        ["drop file", "swap", "move", "cut", "junk", "encode", "text", "as csv", "node"]
    )
    step: Step = {"do": kind, "file": name}
    if kind == "swap":
        return [{**step, "other": sketch.file()}]
    if kind == "move":
        places = (
            "post_study_stages.json",
            "system/unknown.json",
            "notes.txt",
            "scenarios/unknown.parquet",
            name + "~",
        )
        return [{**step, "to": random.choice((name.upper(), *places))}]
    if kind == "cut":
        return [{**step, "share": random.random()}]
    if kind == "junk":
        return [
            {
                **step,
                "share": random.random(),
                "hex": random.randbytes(random.randint(1, 20)).hex(),
                "over": random.random() < 0.5,
            }
        ]
    if kind == "encode":
        return [
            {
                **step,
                "file": random.choice(sorted(sketch.files.documents)),
                "encoding": random.choice(ENCODINGS),
            }
        ]
    if kind == "text":
        return [
            {
                **step,
                "file": random.choice(sorted(sketch.files.documents)),
                "text": random.choice(DOCUMENTS),
            }
        ]
    if kind == "as csv":
        table = sketch.table()
        return (
            []
            if table is None
            else [{"do": kind, "table": table, "separator": random.choice((",", ",", ";", "\t"))}]
        )
    return (
        [step]
        if kind != "node"
        else [{**step, "kind": random.choice(("directory", "pipe", "loop", "dangling"))}]
    )


_KINDS: dict[Callable[[Sketch], list[Step]], int] = {
    _value: 30,
    _another_key: 18,
    _transplant: 12,
    _cell: 14,
    _remove: 6,
    _entry: 6,
    _rows: 5,
    _columns: 4,
    _foreign: 4,
    _file: 4,
}
"""What is drawn -> how often."""
