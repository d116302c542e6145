"""The JSON Schemas that editors use accept what the reader accepts and name what it names."""

from __future__ import annotations

import json
import re

import pytest

from case_builder import rich_case
from headwater.case import TEMPLATES, json_schemas, write_schemas, write_starter
from headwater.case.manifest import JSON_FILES

pytestmark = pytest.mark.versions

TYPES = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
BOUNDS = {
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "exclusiveMinimum": lambda value, limit: value > limit,
    "exclusiveMaximum": lambda value, limit: value < limit,
}


def fits(value, schema, root):
    """Whether a value follows a schema: the part of JSON Schema that the schemas use."""
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    checks = [not fits(value, schema["not"], root)] if "not" in schema else []
    checks += [
        any(fits(value, branch, root) for branch in schema[key])
        for key in ("anyOf", "oneOf")
        if key in schema
    ]
    if "type" in schema:
        checks.append(
            isinstance(value, TYPES[schema["type"]])
            and (not isinstance(value, bool) or schema["type"] == "boolean")
        )
    if "enum" in schema:
        checks.append(value in schema["enum"])
    if "const" in schema:
        checks.append(value == schema["const"])
    if isinstance(value, int | float) and not isinstance(value, bool):
        checks += [test(value, schema[key]) for key, test in BOUNDS.items() if key in schema]
    if isinstance(value, list):
        checks += [fits(item, schema.get("items", True), root) for item in value]
    if isinstance(value, dict):
        properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        checks += [key in value for key in schema.get("required", ())]
        for key, item in value.items():
            matching = [inner for pattern, inner in patterns.items() if re.search(pattern, key)]
            below = properties.get(
                key, matching[0] if matching else schema.get("additionalProperties", True)
            )
            checks.append(fits(item, below, root))
    return all(checks)


def test_there_is_a_schema_for_every_json_file():
    assert json_schemas().keys() == JSON_FILES.keys()


def test_valid_cases_follow_the_schemas(tmp_path):
    schemas = json_schemas()
    roots = [
        rich_case(tmp_path / "rich").write(),
        *(write_starter(tmp_path / name, name) for name in TEMPLATES),
    ]
    files = [
        (root / name, schema)
        for root in roots
        for name, schema in schemas.items()
        if (root / name).exists()
    ]
    assert len(files) > 30
    assert [
        path for path, schema in files if not fits(json.loads(path.read_text()), schema, schema)
    ] == []


WRONG = {
    "unknown key": ("config.json", lambda content: content["training"].update(forward_pases=3)),
    "range": ("config.json", lambda content: content["training"].update(forward_passes=0)),
    "missing": ("config.json", lambda content: content["training"].pop("forward_passes")),
    "gone": ("config.json", lambda content: content.update(exports={"cuts": True})),
    "word": ("stages.json", lambda content: content["stages"][0].update(sampling_method="sa")),
    "risk": ("stages.json", lambda content: content["stages"][0].update(risk_measure="expectaton")),
    "type": ("system/hydros.json", lambda content: content["hydros"][0].update(bus_id="0")),
}


@pytest.mark.parametrize(("name", "change"), WRONG.values(), ids=WRONG)
def test_what_the_reader_refuses_breaks_the_schema(tmp_path, name, change):
    content, schema = rich_case(tmp_path).files[name], json_schemas()[name]
    assert fits(content, schema, schema)
    change(content)
    assert not fits(content, schema, schema)


def test_comments_nulls_and_the_plain_expectation_follow_the_schema(tmp_path):
    schema = json_schemas()["stages.json"]
    content = rich_case(tmp_path).files["stages.json"]
    content["_note"] = 1
    content["pre_study_stages"] = None
    content["stages"][0] |= {"risk_measure": "expectation", "_why": "plain"}
    assert fits(content, schema, schema)


def references_in(part):
    if isinstance(part, dict):
        yield from (
            value
            for value in part.values()
            if isinstance(value, str) and value.startswith("#/$defs/")
        )
        part = part.values()
    for below in part if isinstance(part, list | type({}.values())) else ():
        yield from references_in(below)


def test_definitions_are_named_after_the_keys_that_lead_to_them():
    schemas = json_schemas()
    for schema in schemas.values():
        named = set(references_in(schema))
        assert named == {f"#/$defs/{name}" for name in schema.get("$defs", {})}
        assert all(name == name.lower() for name in named)
    assert {"hydros", "hydros.reservoir", "hydros.tailrace.piecewise"} <= schemas[
        "system/hydros.json"
    ]["$defs"].keys()


def test_schemas_are_written_one_by_one(tmp_path):
    paths = write_schemas(tmp_path)
    assert len(paths) == len(JSON_FILES)
    assert (
        json.loads((tmp_path / "system" / "hydros.schema.json").read_text())["title"]
        == "system/hydros.json"
    )
