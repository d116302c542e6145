"""Every starter case is valid to the letter, can be run as it is, and describes itself."""

from __future__ import annotations

import json

import pytest

from case_builder import rich_case
from full_case import full_case
from headwater.case import (
    TEMPLATES,
    describe_case,
    load_case,
    refused_features,
    template_summaries,
    validate_case,
    write_starter,
)
from headwater.errors import UsageError


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_starter_case_is_valid_to_the_letter_and_uses_nothing_unbuilt(tmp_path, template):
    root = write_starter(tmp_path / "new", template)
    assert validate_case(root, strict=True).findings == ()
    assert refused_features(load_case(root)) == []


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_starter_case_explains_itself(tmp_path, template):
    root = write_starter(tmp_path / "new", template)
    assert (root / "README.md").read_text().startswith(f"# {template}\n")
    assert "_comment" in json.loads((root / "config.json").read_text())
    assert template_summaries()[template]


def test_the_starter_cases_show_what_their_names_promise(tmp_path):
    systems = {name: load_case(write_starter(tmp_path / name, name)).system for name in TEMPLATES}
    assert len(systems["one-reservoir"].hydros) == 1
    assert len(systems["cascade-fpha"].fpha_planes) >= 3
    assert list(systems["cascade-fpha"].cascade.downstream) == [1, 2, -1]
    assert len(systems["subsystems"].lines) >= 3
    record = systems["from-history"]
    assert record.inflow_statistics == ()
    assert len(record.inflow_history) == 2 * 40 * 12
    for system in systems.values():
        factors = [[block.hours / stage.hours for block in stage.blocks] for stage in system.stages]
        means = (system.load_factor * factors).sum(axis=2)
        assert means == pytest.approx(1.0)


def test_a_directory_with_something_in_it_is_kept_unless_forced(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not an empty directory"):
        write_starter(tmp_path, "one-reservoir")
    write_starter(tmp_path, "one-reservoir", force=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert validate_case(tmp_path).ok


def test_an_unknown_template_names_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match="one-reservoir, cascade-fpha, subsystems"):
        write_starter(tmp_path / "new", "big")
    assert not (tmp_path / "new").exists()


def cells(case, title):
    section = next(section for section in describe_case(case) if section.title == title)
    assert all(len(row) == len(section.columns) for row in section.rows)
    return {row[0]: row[1:] for row in section.rows}


def test_a_description_adds_up_what_the_case_has(tmp_path):
    case = rich_case(tmp_path)
    case.thermals[1]["entry_stage_id"] = 1
    study = load_case(case.write())
    assert cells(study, "system")["thermal plants"] == ("2", "120 MW")
    assert cells(study, "system")["lines"] == ("1", "40 MW direct, 30 MW reverse")
    assert cells(study, "by bus")["0 A"] == ("100", "60", "0", "70")
    assert cells(study, "storage")["at the start"] == ("110 (50 % of the useful volume)",)
    assert cells(study, "horizon")["dates"] == ("2024-01-01 to 2024-03-01",)
    assert cells(study, "uncertainty")["autoregressive order"] == ("0 to 2",)
    active = next(section for section in describe_case(study) if section.title == "active when")
    assert active.rows == (
        ("Thermal 1 T1", "0", "non existing"),
        ("Thermal 1 T1", "1", "operating"),
    )
    assert cells(study, "values of single stages")["hydro bound"] == ("4", "0-1")


def test_a_description_counts_the_study_and_not_the_periods_before_it(tmp_path):
    study = load_case(full_case(tmp_path).write())
    uncertainty = cells(study, "uncertainty")
    assert uncertainty["mean inflow m3/s"] == ("210",)  # five plants of 40 to 44 m3/s
    assert uncertainty["autoregressive order"] == ("2",)
    assert uncertainty["annual terms"] == ("4 of 20 statistics",)
    assert uncertainty["history"] == ("300 observations, 2000-01-01 to 2004-12-01",)
    assert cells(study, "study")["stopping rules"] == (
        "iteration limit, time limit, bound stalling; any of them",
    )


def test_a_case_that_is_estimated_says_so(tmp_path):
    case = full_case(tmp_path)
    for name in ("inflow_seasonal_stats", "inflow_annual_component"):
        case.tables.pop(f"scenarios/{name}")
    assert cells(load_case(case.write()), "uncertainty")["mean inflow m3/s"] == ("from history",)
    case.tables.pop("scenarios/inflow_ar_coefficients")
    (tmp_path / "scenarios" / "inflow_ar_coefficients.parquet").unlink()
    assert cells(load_case(case.write()), "uncertainty")["inflow models"] == (
        "estimated from history",
    )
