"""Rewriting a case: one spelling, one order, exact types, and the same meaning."""

from __future__ import annotations

import random

import polars as pl
import pytest

from case_builder import rich_case
from full_case import full_case
from headwater.case import convert_case, load_case
from headwater.errors import CaseError, UsageError
from published import case_directory


def content_of(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def founding(case):
    """The case in older spellings."""
    case.training["seed"] = case.training.pop("tree_seed")
    generation = case.thermals[0].pop("generation")
    case.thermals[0] |= {
        "min_generation_mw": generation["min_mw"],
        "max_generation_mw": generation["max_mw"],
    }
    case.files["system/buses.json"]["buses"][0]["penalties"] = {"excess_cost": 0.3}
    return case


def test_a_converted_case_means_the_same_and_says_nothing_in_older_words(tmp_path):
    source = founding(rich_case(tmp_path / "old")).write(csv=True)
    target = convert_case(source, tmp_path / "new")
    before, after = load_case(source), load_case(target)
    assert before.system == after.system
    assert before.config == after.config
    assert "HW701" in {finding.code for finding in before.report}
    assert "HW701" not in {finding.code for finding in after.report}
    assert not list(target.rglob("*.csv"))


def test_a_case_with_every_file_and_key_is_converted_without_loss(tmp_path):
    source = full_case(tmp_path / "old").write(csv=True)
    target = convert_case(source, tmp_path / "new")
    before, after = load_case(source), load_case(target)
    assert before.system == after.system
    assert before.config == after.config
    names = {path.relative_to(source).with_suffix("") for path in source.rglob("*.*")}
    assert {path.relative_to(target).with_suffix("") for path in target.rglob("*.*")} == names


def test_converting_twice_changes_nothing(tmp_path):
    once = convert_case(founding(rich_case(tmp_path / "old")).write(), tmp_path / "once")
    assert content_of(convert_case(once, tmp_path / "twice")) == content_of(once)


def test_the_order_of_entries_and_rows_leaves_no_trace(tmp_path):
    plain, mixed = rich_case(tmp_path / "plain"), rich_case(tmp_path / "mixed")
    chance = random.Random(1)
    for entries in (mixed.hydros, mixed.thermals, mixed.stages, *mixed.tables.values()):
        chance.shuffle(entries)
    mixed.files["system/hydros.json"]["hydros"] = [
        dict(reversed(hydro.items())) for hydro in mixed.hydros
    ]
    first, second = (
        convert_case(case.write(), tmp_path / f"{i}") for i, case in enumerate((plain, mixed))
    )
    names = [
        "system/hydros.json",
        "system/thermals.json",
        "stages.json",
        "scenarios/inflow_seasonal_stats.parquet",
    ]
    assert [content_of(first)[name] for name in names] == [
        content_of(second)[name] for name in names
    ]


def test_tables_have_the_exact_types_of_the_format(tmp_path):
    target = convert_case(rich_case(tmp_path / "old").write(csv=True), tmp_path / "new")
    openings = pl.read_parquet(target / "scenarios" / "noise_openings.parquet")
    assert openings.schema == {
        "stage_id": pl.Int32(),
        "opening_index": pl.UInt32(),
        "entity_index": pl.UInt32(),
        "value": pl.Float64(),
    }


def test_the_rows_of_a_correlation_matrix_stay_with_their_members(tmp_path):
    source = rich_case(tmp_path / "old").write()
    target = convert_case(source, tmp_path / "new")
    assert load_case(source).system.correlation == load_case(target).system.correlation


def test_a_directory_with_something_in_it_is_not_touched(tmp_path):
    source = rich_case(tmp_path / "old").write()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not an empty directory"):
        convert_case(source, tmp_path / "new")
    assert content_of(tmp_path / "new") == {"mine.txt": b"mine"}


def test_a_case_with_errors_is_not_converted_and_leaves_nothing_behind(tmp_path):
    case = rich_case(tmp_path / "old")
    case.hydros[0]["bus_id"] = 9
    with pytest.raises(CaseError, match="HW301"):
        convert_case(case.write(), tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("name", ["1dtoy", "4ree"])
def test_a_published_case_is_converted(tmp_path, name):
    source = case_directory(name)
    target = convert_case(source, tmp_path / "new")
    assert load_case(source).system == load_case(target).system
