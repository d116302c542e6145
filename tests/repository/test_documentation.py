"""The documentation points at things that exist and names what it must name."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
import tomllib
import typing
from pathlib import Path

import polars as pl
import pytest
import typer

import headwater
from headwater import errors
from headwater.case import load_case
from headwater.case.features import FEATURES
from headwater.case.manifest import JSON_FILES, TABLE_FILES
from headwater.cli.app import app
from headwater.core.equipment import EQUIPMENT
from headwater.results import SCHEMAS
from headwater.sddp import events
from headwater_bench.command import app as bench_app

LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
TOP_LEVEL = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")


def pages_of(root: Path) -> list[Path]:
    pages = (
        [root / name for name in TOP_LEVEL]
        + sorted((root / "docs").rglob("*.md"))
        + sorted((root / "examples").rglob("*.md"))
    )
    assert len(pages) >= 12
    return pages


def anchors_of(page: Path) -> set[str]:
    """Anchors of the headings of a page, as the site makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def section(page: Path, heading: str) -> str:
    """Text under a heading, up to the next one of the same level."""
    text = page.read_text(encoding="utf-8")
    assert f"\n## {heading}\n" in text, f"{page.name} has no section '{heading}'"
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def test_every_relative_link_leads_to_a_file_and_a_heading(root: Path) -> None:
    broken, checked = [], 0
    for page in pages_of(root):
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            if link.startswith(("http://", "https://")):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            checked += 1
            if not target.exists() or (anchor and anchor not in anchors_of(target)):
                broken.append(f"{page.relative_to(root)}: {link}")
    assert checked > 20
    assert broken == []


def test_pages_of_the_site_link_to_each_other_only(root: Path) -> None:
    docs = root / "docs"
    outside = [
        link
        for page in docs.rglob("*.md")
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if not link.startswith("http")
        and not (page.parent / link.partition("#")[0]).resolve().is_relative_to(docs)
    ]
    assert outside == []


def test_navigation_lists_every_page_once(root: Path) -> None:
    navigation = (root / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    listed = re.findall(r": (\S+\.md)$", navigation, re.MULTILINE)
    pages = [page.relative_to(root / "docs").as_posix() for page in (root / "docs").rglob("*.md")]
    assert len(pages) >= 9
    assert sorted(listed) == sorted(pages)


def test_every_dependency_has_its_reason(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    rows = re.findall(
        r"^\| ([\w-]+) \| (?:`(\w+)` \| )?(\S.*) \|$",
        (root / "CONTRIBUTING.md").read_text(),
        re.MULTILINE,
    )
    reasons = {(name, extra): reason for name, extra, reason in rows}
    wanted = [(requirement, "") for requirement in project["dependencies"]]
    wanted += [
        (requirement, extra)
        for extra, requirements in extras.items()
        for requirement in requirements
    ]
    assert len(wanted) > 10
    missing = [
        key
        for requirement, extra in wanted
        if (key := (re.split(r"[\[<>=~! ]", requirement)[0], extra)) not in reasons
    ]
    assert missing == []


def test_every_refused_feature_is_documented(root: Path) -> None:
    text = section(root / "docs" / "model.md", "What is known and refused").lower()
    assert [feature.name for feature in FEATURES if feature.name.lower() not in text] == []


def test_every_quantity_of_user_constraints_is_documented(root: Path) -> None:
    text = (
        (root / "docs" / "model.md")
        .read_text(encoding="utf-8")
        .split("### User constraints")[1]
        .split("\n## ")[0]
    )
    assert EQUIPMENT.quantities.keys() <= set(re.findall(r"`(\w+)`", text))


def test_every_file_of_a_case_is_documented_with_its_necessity(root: Path) -> None:
    rows = re.findall(
        r"^\| `([\w/]+\.(?:json|parquet))` \| (yes|) ?\|",
        section(root / "docs" / "case-format.md", "The files"),
        re.M,
    )
    documented = {name: required == "yes" for name, required in rows}
    assert documented == {**JSON_FILES, **dict.fromkeys(TABLE_FILES, False)}


def test_every_result_column_is_documented(root: Path) -> None:
    page = root / "docs" / "reference" / "result-tables.md"
    missing = [
        f"{name}.{column.name}"
        for name, schema in SCHEMAS.items()
        for column in schema.columns
        if not re.search(
            rf"^\| {column.name} \| .* \| \S.* \|$",
            section(page, schema.place.rstrip("/")),
            re.MULTILINE,
        )
    ]
    assert sum(len(schema.columns) for schema in SCHEMAS.values()) > 80
    assert missing == []


def test_every_place_of_a_table_is_in_the_tree_of_results(root: Path) -> None:
    tree = (
        (root / "docs" / "results.md")
        .read_text(encoding="utf-8")
        .split("```text")[1]
        .split("```")[0]
    )
    assert [
        schema.place
        for schema in SCHEMAS.values()
        if not re.search(rf"\b{_last(schema.place)}", tree)
    ] == []


def _last(place: str) -> str:
    return place.removeprefix("simulation/") if place.endswith("/") else place.rpartition("/")[2]


def test_every_exit_code_is_documented(root: Path) -> None:
    documented = {
        int(code)
        for code in re.findall(
            r"^\| (\d+) \|", section(root / "docs" / "command-line.md", "Exit codes"), re.M
        )
    }
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.HeadwaterError)
    ]
    assert len(kinds) > 5
    assert {kind.exit_code for kind in kinds} <= documented
    assert {64, 75, 130} <= documented


def test_every_error_is_documented(root: Path) -> None:
    text = section(root / "docs" / "python-api.md", "Errors")
    raised = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and name.endswith("Error")
    }
    assert len(raised) > 5
    assert {name for name in raised if f"{name}`" not in text} == set()


def test_python_on_the_pages_is_valid(root: Path) -> None:
    examples = [
        (page, code)
        for page in pages_of(root)
        for code in re.findall(
            r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
    ]
    assert len(examples) >= 5
    for page, code in examples:
        try:
            ast.parse(code)
        except SyntaxError as error:
            pytest.fail(f"{page.relative_to(root)}: {error}")


def test_names_of_the_package_on_the_pages_exist(root: Path) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in pages_of(root))
    named = set(re.findall(r"\bhw\.([A-Za-z_]+)", text))
    assert {"load_case", "train", "simulate", "load_results"} <= named
    assert {name for name in named if not hasattr(headwater, name)} == set()


def test_commands_and_options_on_the_page_exist(root: Path) -> None:
    rows = section_free_of(root / "docs" / "command-line.md", "Exit codes")
    commands = set(re.findall(r"`headwater ([a-z]+)[ `]", rows))
    options = set(re.findall(r"--[a-z][a-z-]+", rows))
    known = typer.main.get_command(app)
    assert commands == set(known.commands)
    inner = [
        one
        for command in known.commands.values()
        for one in getattr(command, "commands", {}).values()
    ]
    bench = typer.main.get_command(bench_app)
    parameters = [
        p for command in (known, *known.commands.values(), *inner, bench) for p in command.params
    ]
    assert options - {"--help", "--out"} == {  # --out is what --output was called
        name for p in parameters for name in p.opts if name.startswith("--")
    }


def test_what_the_command_line_does_is_done_from_python(root: Path) -> None:
    """Every command has a row, and what the row names can be called."""
    page = (root / "docs" / "python-api.md").read_text(encoding="utf-8")
    section = page.split("\n## What the command line does\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| (`headwater [^|]+) \| ([^|]+) \|$", section, re.MULTILINE))
    named = {word for cell in rows for word in re.findall(r"[a-z]+", cell)}
    known = typer.main.get_command(app)
    for name, command in known.commands.items():
        if name not in ("import", "export", "bench"):
            assert name in named, name
        for inner in () if name == "policy" else getattr(command, "commands", {}):
            assert f"{name} {inner}" in " ".join(rows), (name, inner)
    for cell in rows.values():
        for function in re.findall(r"`(headwater\.[\w.]+)\(", cell):
            module, _, attribute = function.rpartition(".")
            assert callable(getattr(importlib.import_module(module), attribute)), function


def section_free_of(page: Path, heading: str) -> str:
    """Text of a page before a heading."""
    return page.read_text(encoding="utf-8").split(f"\n## {heading}\n")[0]


def test_json_of_the_case_page_makes_a_case_that_loads(root: Path, tmp_path: Path) -> None:
    (config,) = re.findall(
        r"^```json\n(.*?)^```",
        (root / "docs" / "case-format.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    for file in (root / "examples" / "four-subsystems").rglob("*"):
        target = tmp_path / "case" / file.relative_to(root / "examples" / "four-subsystems")
        if file.suffix in (".json", ".parquet") and "output" not in file.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    (tmp_path / "case" / "config.json").write_text(config, encoding="utf-8")
    case = load_case(tmp_path / "case")
    assert (case.config.training.forward_passes, case.config.simulation.n_scenarios) == (4, 500)


def test_no_text_mentions_a_place_on_somebodys_machine(root: Path) -> None:
    places = re.compile(r"/(?:work|home|opt|root|Users)/\w")
    texts = [
        *pages_of(root),
        *(root / "scripts").iterdir(),
        *(root / "examples").rglob("*.py"),
        root / ".ci" / "run",
    ]
    found = [
        (text.name, match)
        for text in texts
        if text.is_file()
        for match in places.findall(text.read_text(encoding="utf-8"))
    ]
    assert found == []
    assert places.search("see /work/somewhere")


def test_tables_of_the_example_have_the_types_that_the_format_recommends(root: Path) -> None:
    tables = [
        t
        for t in sorted((root / "examples" / "four-subsystems").rglob("*.parquet"))
        if "output" not in t.parts
    ]
    assert len(tables) >= 7
    for table in tables:
        for column, kind in pl.read_parquet_schema(table).items():
            assert kind == (
                pl.Int32 if column.endswith("_id") or column == "lag" else pl.Float64
            ), (table.name, column)


def test_every_event_is_documented_with_its_fields(root: Path) -> None:
    text = (root / "docs" / "python-api.md").read_text(encoding="utf-8")
    for event in typing.get_args(events.Event):
        row = next(
            (line for line in text.splitlines() if line.startswith(f"| `{event.__name__}` |")), ""
        )
        assert [f.name for f in dataclasses.fields(event) if f"`{f.name}`" not in row] == [], (
            event.__name__
        )
