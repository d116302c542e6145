"""What is known and refused stands on one page, and nothing is refused that does not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from headwater.case import code_table
from headwater.refusals import REFUSALS, refusals_table, refused

SOURCE = Path(__file__).resolve().parents[2] / "src" / "headwater"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "model.md"


def calls(name: str):
    """Calls of a function by name in all modules, with their file."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == name
            ):
                yield path, node


def test_the_page_holds_the_table():
    chapter = PAGE.read_text(encoding="utf-8").split("## What is known and refused\n")[1]
    assert refusals_table() in chapter


def test_nothing_is_refused_as_unbuilt_in_words_of_its_own():
    """Every sentence of an `UnsupportedFeatureError` comes from the table.

    Strings are not written where it is raised.
    """
    raised = list(calls("UnsupportedFeatureError"))
    assert len(raised) >= 4
    for path, call in raised:
        (argument,) = call.args
        strings = [
            node
            for node in ast.walk(argument)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        named = {
            node.value
            for inner in ast.walk(argument)
            if isinstance(inner, ast.Call) and getattr(inner.func, "id", "") == "refused"
            for node in inner.args
            if isinstance(node, ast.Constant)
        }
        assert {node.value for node in strings} <= named, path
    for path in {path for path, _ in raised}:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        appended = [
            node.args[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "append"
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "found"
        ]
        assert all(
            isinstance(node, ast.Call) and getattr(node.func, "id", "") == "refused"
            for node in appended
        ), path


def test_every_feature_that_validation_refuses_is_in_the_table():
    from headwater.case.features import FEATURES

    assert {feature.sentence for feature in FEATURES} <= {row.feature for row in REFUSALS.values()}


def test_every_row_that_is_not_built_yet_is_refused_somewhere():
    used = {
        node.args[0].value for _, node in calls("refused") if isinstance(node.args[0], ast.Constant)
    }
    assert {name for name, row in REFUSALS.items() if row.code == "HW710"} == used


def test_codes_of_the_table_exist_and_errors_about_settings_that_exclude_each_other_are_in_it():
    known = {entry.code for entry in code_table()}
    told = {row.code for row in REFUSALS.values()} - {"when training starts"}
    assert told <= known
    assert {"HW710", "HW716", "HW720", "HW721", "HW722", "HW559"} <= told


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_says_what_to_do_instead(name):
    assert REFUSALS[name].instead
    assert refused(name, "stage 3").endswith(": stage 3")
