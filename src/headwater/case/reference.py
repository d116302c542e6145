"""Reference pages of the case format.

They are made from its schemas, its tables and the registry of rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from headwater.case.codes import code_table
from headwater.case.json_schema import json_schemas
from headwater.case.manifest import JSON_FILES, TABLE_FILES
from headwater.case.settings import NEEDS
from headwater.case.shapes import DESCRIPTIVE_KEYS
from headwater.case.tables import TABLES, UNSIGNED_COLUMNS, Column, Kind
from headwater.core.fields import INT32_MAX

_NOTE = "<!-- Made by scripts/make-reference; change the schemas, not this page. -->"
_HEAD = "| Field | Type | Unit | Default | Range | Meaning |\n| --- | --- | --- | --- | --- | --- |"
_GROUPS = {
    "root-files": ("Files at the top", ""),
    "system-files": ("Files of system/", "system/"),
    "scenario-files": ("Files of scenarios/", "scenarios/"),
    "constraint-files": ("Files of constraints/", "constraints/"),
}


_EXAMPLE = {
    "root-files": """import json
from pathlib import Path

print(Path("examples/four-subsystems/config.json").read_text())""",
    "system-files": """import json
from pathlib import Path

hydros = json.loads(Path("examples/four-subsystems/system/hydros.json").read_text())
print(json.dumps(hydros["hydros"][1], indent=2))""",
    "scenario-files": """import polars as pl

pl.read_parquet("examples/four-subsystems/scenarios/inflow_seasonal_stats.parquet").head()""",
    "constraint-files": """import polars as pl

pl.read_parquet("examples/four-subsystems/constraints/hydro_bounds.parquet").head()""",
    "settings": """import json
from pathlib import Path

import headwater as hw

hw.examples.load("one-reservoir").save("mine")
config = json.loads(Path("mine/config.json").read_text())
config["simulation"] = {"enabled": False, "num_scenarios": 50}
Path("mine/config.json").write_text(json.dumps(config))
print(hw.validate_case("mine"))""",
    "codes": """from pathlib import Path

import headwater as hw

hw.examples.load("one-reservoir").save("mine")
Path("mine/penalties.json").unlink()
print(hw.validate_case("mine"))""",
}
"""Code on the pages, which runs when the site is built."""


def _example(slug: str) -> str:
    return f"```python\n{_EXAMPLE[slug]}\n```"


def reference_pages() -> dict[str, str]:
    """File name of a page -> its text in Markdown."""
    pages = {f"{slug}.md": _page(slug, title, prefix) for slug, (title, prefix) in _GROUPS.items()}
    return {**pages, "settings.md": _settings(), "codes.md": _codes()}


def _page(slug: str, title: str, prefix: str) -> str:
    schemas = json_schemas()
    blocks = [_NOTE, f"# {title}", "In the example:", _example(slug)]
    for name, required in JSON_FILES.items():
        if name.startswith(prefix) if prefix else "/" not in name:
            blocks += [
                f"## {name}",
                "Required." if required else "Optional.",
                _table(_json_rows(schemas[name])),
            ]
    for name in TABLE_FILES:
        if prefix and name.startswith(prefix):
            key = ", ".join(f"`{column}`" for column in TABLES[name].key)
            about = f"Optional table. One row for each {key}." if key else "Optional table."
            blocks += [f"## {name}", about, _table(_column_rows(name))]
    return "\n\n".join(blocks) + "\n"


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    return "\n".join(
        [_HEAD, *(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows)]
    )


def _settings() -> str:
    text = (
        "Some settings of `config.json` have an effect only beside others. Where what they need "
        "is missing,\n"
        "`headwater validate` says so with the code in the first column: HW717 is a warning (an "
        "error with `--strict`),\n"
        "HW716 an error. A setting that is given with the value that it has anyway is let pass. A "
        "setting that is not\n"
        "listed here always has an effect."
    )
    rows = [
        f"| {need.code} | {', '.join(f'`{path}`' for path in need.settings)} | {need.needs} |"
        for need in NEEDS
    ]
    head = "| Code | Settings | What they need |\n| --- | --- | --- |"
    return (
        "\n\n".join(
            [
                _NOTE,
                "# Settings that need others",
                text,
                _example("settings"),
                "\n".join([head, *rows]),
            ]
        )
        + "\n"
    )


def _codes() -> str:
    rows = [
        f"| {entry.code} | {entry.severity} | {entry.meaning} | "
        f"{', '.join(f'`{file}`' for file in entry.files)} |"
        for entry in code_table()
    ]
    text = (
        "Every finding of `headwater validate` has one of these codes. Their first digit is the "
        "layer: 1 files, 2 fields,\n"
        "3 references, 4 coverage, 5 contradictions, 6 quality, 7 compatibility."
    )
    head = "| Code | Severity | What must hold | Files it needs |\n| --- | --- | --- | --- |"
    parts = [_NOTE, "# Codes of findings", text, _example("codes"), "\n".join([head, *rows])]
    return "\n\n".join(parts) + "\n"


def _json_rows(root: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    yield from _object_rows(root, root, "")


def _object_rows(
    schema: dict[str, Any], root: dict[str, Any], path: str
) -> Iterator[tuple[str, ...]]:
    required = schema.get("required", ())
    for key, field in schema.get("properties", {}).items():
        if field is True and key in {*DESCRIPTIVE_KEYS, "$schema", "$comment"}:
            continue
        branches = [branch for branch in _branches(field, root) if branch.get("type") != "null"]
        default = "required" if key in required else _default(field)
        limits = "; ".join(dict.fromkeys(text for branch in branches if (text := _range(branch))))
        kinds = " or ".join(dict.fromkeys(_type(branch, root) for branch in branches))
        name = f"{path}{key}"
        yield f"`{name}`", kinds, field.get("x-unit", ""), default, limits, field["description"]
        for branch in branches:
            yield from _below(branch, root, name)


def _below(schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[tuple[str, ...]]:
    if schema.get("type") == "array":
        for branch in _branches(schema["items"], root):
            yield from _below(branch, root, f"{path}[]")
    elif "properties" in schema:
        kind = schema["properties"].get("type", {})
        tag = f" ({kind['const']})" if isinstance(kind, dict) and "const" in kind else ""
        yield from _object_rows(schema, root, f"{path}{tag}.")
    elif isinstance(schema.get("additionalProperties"), dict):
        for branch in _branches(schema["additionalProperties"], root):
            yield from _below(branch, root, f"{path}.NAME")


def _branches(schema: Any, root: dict[str, Any]) -> list[dict[str, Any]]:
    """The forms that a value may take, with references followed."""
    if not isinstance(schema, dict):
        return []
    if "$ref" in schema:
        return _branches(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return [branch for option in schema[key] for branch in _branches(option, root)]
    return [schema]


def _type(schema: dict[str, Any], root: dict[str, Any]) -> str:
    words = {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "true or false",
        "object": "object",
    }
    if schema.get("format") == "date":
        return "date"
    if schema.get("type") == "array":
        inner = " or ".join(
            dict.fromkeys(_type(branch, root) for branch in _branches(schema["items"], root))
        )
        return f"list of {inner}"
    if "not" in schema:
        return "nothing"
    return words.get(schema.get("type", ""), "any")


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    return "" if value is None or isinstance(value, dict | list) else f"`{json.dumps(value)}`"


def _range(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    low = next(
        (
            f"{sign} {schema[key]:g}"
            for key, sign in (("minimum", ">="), ("exclusiveMinimum", ">"))
            if key in schema
        ),
        "",
    )
    high = next(
        (
            f"{sign} {schema[key]:g}"
            for key, sign in (("maximum", "<="), ("exclusiveMaximum", "<"))
            if _bounded(schema, key)
        ),
        "",
    )
    few = f"at least {schema['minItems']}" if "minItems" in schema else ""
    return ", ".join(text for text in (low, high, few) if text)


def _bounded(schema: dict[str, Any], key: str) -> bool:
    return key in schema and schema[key] < INT32_MAX


def _column_rows(name: str) -> Iterator[tuple[str, ...]]:
    for column in TABLES[name].columns:
        need = "required" if column.required else ""
        yield (
            f"`{column.name}`",
            _column_type(column),
            column.unit,
            need,
            _column_range(column),
            column.meaning,
        )


def _column_type(column: Column) -> str:
    if column.kind is Kind.WHOLE:
        return "uint32" if column.name in UNSIGNED_COLUMNS else "int32"
    return "float64" if column.kind is Kind.NUMBER else "date32"


def _column_range(column: Column) -> str:
    low = (
        ""
        if column.low is None or column.low < -INT32_MAX
        else f"{'>' if column.above else '>='} {column.low:g}"
    )
    high = "" if column.high is None or column.high >= INT32_MAX else f"<= {column.high:g}"
    return ", ".join(text for text in (low, high) if text)
