"""What is published beside the code agrees with it: the recipe and the citation."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import headwater

yaml = pytest.importorskip("yaml")

CALLED = {"highsbox": "highs", "flatbuffers": "python-flatbuffers"}
"""Packages that have another name with conda."""


def read(root: Path, name: str) -> dict:
    return yaml.safe_load((root / name).read_text(encoding="utf-8"))


def test_the_recipe_has_the_dependencies_of_the_package(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {
        CALLED.get(one.name, one.name): one.specifier
        for one in map(Requirement, project["dependencies"])
        if one.marker is None
    }
    declared["python"] = SpecifierSet(project["requires-python"])
    recipe = read(root, "recipe/recipe.yaml")
    found = {
        name: SpecifierSet(versions)
        for name, versions in (line.split(" ", 1) for line in recipe["requirements"]["run"])
    }
    assert found == declared
    (command,) = recipe["build"]["python"]["entry_points"]
    assert dict([command.split(" = ")]) == project["scripts"]
    assert recipe["context"]["version"] == headwater.__version__
    assert (root / recipe["about"]["license_file"]).is_file()


def test_the_citation_names_version_and_license(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = read(root, "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    assert (cited["version"], cited["license"]) == (headwater.__version__, project["license"])
    assert cited["keywords"] == project["keywords"]
    assert all(re.fullmatch(r"[\w. -]+", one["name"]) for one in cited["authors"])
