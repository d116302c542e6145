"""JSON Schemas of the JSON files, made from the models that read them.

With them editors complete and check what is typed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from headwater.case.parts import SHAPES, shape_of
from headwater.case.shapes import DESCRIPTIVE_KEYS
from headwater.errors import ResultsError

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFINITION = "#/$defs/"


def json_schemas() -> dict[str, dict[str, Any]]:
    """File name (``"system/hydros.json"``) -> its JSON Schema, in the canonical spelling.

    Examples:
        >>> hw.json_schemas()["system/hydros.json"]["title"]
    """
    return {name: _schema(name) for name in SHAPES}


def write_schemas(directory: str | os.PathLike[str]) -> list[Path]:
    """Write one ``<file>.schema.json`` for each JSON file of a case below ``directory``.

    Args:
        directory: made where it does not exist.

    Returns:
        What was written.

    Raises:
        ResultsError: it cannot be written.

    Examples:
        >>> hw.write_schemas("schemas")
    """
    target = Path(directory)
    try:
        return _written_schemas(target)
    except OSError as error:
        raise ResultsError(f"schemas cannot be written to {target}: {error}") from error


def _written_schemas(directory: Path) -> list[Path]:
    written = []
    for name, schema in json_schemas().items():
        path = directory / f"{name.removesuffix('.json')}.schema.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
        )
        written.append(path)
    return written


def _schema(name: str) -> dict[str, Any]:
    shape = shape_of(name)
    schema = shape.model_json_schema(by_alias=True)
    for part in (schema, *schema.get("$defs", {}).values()):
        _explain(part)
        _open_for_comments(part)
        for word in ("title", "description"):
            part.pop(word, None)
    _name_definitions(schema)
    return {"$schema": _DIALECT, "title": name, **schema}


def _name_definitions(schema: dict[str, Any]) -> None:
    """Rename definitions after the keys that lead to them.

    The names of the classes that they were made from are of no use to a reader.
    """
    definitions = schema.get("$defs", {})
    names = {old: name for name, old in _definitions_in_use(schema, definitions, "", {}).items()}
    _rename(schema, names)
    schema["$defs"] = dict(
        sorted((names[old], definition) for old, definition in definitions.items())
    )


def _definitions_in_use(
    part: Any, definitions: dict[str, Any], path: str, found: dict[str, str]
) -> dict[str, str]:
    """Name -> the definition that is first met there.

    Of several forms under one key each bears its type.
    """
    if isinstance(part, list):
        for item in part:
            _definitions_in_use(item, definitions, path, found)
    elif isinstance(part, dict):
        if "$ref" in part and (old := part["$ref"].rsplit("/", 1)[1]) not in found.values():
            tag = definitions[old]["properties"].get("type", {})
            name = f"{path}.{tag['const']}" if isinstance(tag, dict) and "const" in tag else path
            found[name] = old
            _definitions_in_use(definitions[old], definitions, path, found)
        for word, value in part.items():
            if word == "properties":
                for key, below in value.items():
                    _definitions_in_use(below, definitions, f"{path}.{key}" if path else key, found)
            elif word != "$defs":
                _definitions_in_use(value, definitions, path, found)
    return found


def _rename(part: Any, names: dict[str, str]) -> None:
    """Let every reference below ``part`` lead to the new name of its definition."""
    for key, value in list(part.items() if isinstance(part, dict) else enumerate(part)):
        if isinstance(value, dict | list):
            _rename(value, names)
        elif isinstance(value, str) and value.startswith(_DEFINITION):
            part[key] = _DEFINITION + names[value.removeprefix(_DEFINITION)]


def _explain(schema: dict[str, Any]) -> None:
    """Put the meaning and the unit of every key behind what it may hold."""
    for value in schema.get("properties", {}).values():
        unit = value.pop("x-unit", "")
        value["description"] = value.pop("description", "")
        if unit:
            value["x-unit"] = unit


def _open_for_comments(schema: dict[str, Any]) -> None:
    """Allow what the reader lets through everywhere.

    Comments, descriptive keys, and null for keys that may be left out.
    """
    properties = schema.get("properties")
    if properties is None:
        return
    required = schema.get("required", ())
    for key, value in properties.items():
        value.pop("title", None)
        if key not in required and not _allows_null(value):
            described = {
                word: value.pop(word)
                for word in ("description", "default", "x-unit")
                if word in value
            }
            properties[key] = {"anyOf": [value, {"type": "null"}], **described}
    for key in ("$schema", "$comment", *sorted(DESCRIPTIVE_KEYS)):
        properties.setdefault(key, True)
    schema["patternProperties"] = {"^_": True}


def _allows_null(schema: dict[str, Any]) -> bool:
    return (
        schema.get("type") == "null"
        or schema.get("not") == {}
        or any(_allows_null(branch) for branch in schema.get("anyOf", ()))
    )
