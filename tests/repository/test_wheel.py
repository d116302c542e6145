"""The package holds the product and nothing else: no benchmark, no generator of cases, no test."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "headwater"


def test_the_wheel_is_made_of_the_package_and_an_example():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    example = {"examples/four-subsystems": "headwater/examples/four-subsystems"}
    assert wheel == {
        "packages": ["src/headwater"],
        "exclude": ["ruff.toml"],
        "hooks": {"custom": {"path": "scripts/wheel_hook.py"}},
        "force-include": example,
    }


def test_the_package_holds_only_modules_formats_of_files_pieces_of_pages_and_the_mark_of_types():
    found = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if path.is_file()}
    found = {
        path
        for path in found
        if not any(part.startswith((".", "__pycache__")) for part in path.parts)
    }
    others = {
        path
        for path in found
        if path.parent != Path("report", "templates") and path.name != "ruff.toml"
    }
    assert {path.suffix for path in others} == {".py", ".fbs", ".typed"}
    names = {part.removesuffix(".py") for path in found for part in path.parts}
    assert not names & {"benchmark", "benchmarks", "synthetic", "tests", "conftest"}


def test_no_module_of_the_package_imports_what_lies_outside_it():
    outside = {
        path.stem
        for folder in ("benchmarks", "tests", "examples")
        for path in (ROOT / folder).iterdir()
    }
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += (
                [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            )
            assert not {name.split(".")[0] for name in names} & outside, path
