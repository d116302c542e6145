"""Regimes in case directories: what is read, what is complained of, and what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from case_builder import TinyCase, codes_of, tiny_case
from headwater.case import describe_case, load_case, validate_case

CHAIN: dict[str, Any] = {
    "names": ["dry", "wet"],
    "initial_probabilities": [0.4, 0.6],
    "matrix": [[0.8, 0.2], [0.3, 0.7]],
}
DRY = "regimes/dry/scenarios/inflow_seasonal_stats"


def with_regimes(root: Path, **changes: Any) -> TinyCase:
    """The tiny case with two regimes; the inflows of the dry one are halved."""
    case = tiny_case(root)
    graph = case.files["stages.json"].setdefault(
        "policy_graph", {"type": "finite_horizon", "annual_discount_rate": 0.0}
    )
    graph["regimes"] = {**CHAIN, **changes}
    rows = case.tables["scenarios/inflow_seasonal_stats"]
    case.tables[DRY] = [{**row, "mean_m3s": row["mean_m3s"] / 2} for row in rows]
    (root / DRY).parent.mkdir(parents=True)
    return case


def test_a_regime_has_the_files_of_its_directory_and_those_of_the_case(tmp_path):
    case = load_case(with_regimes(tmp_path).write())
    system = case.system
    assert system.policy_graph.regimes.names == ("dry", "wet")
    dry, wet = system.in_regime("dry"), system.in_regime("wet")
    assert [set(one) for one in system.regime_changes] == [{"inflow_statistics"}, set()]
    for own, given in zip(dry.inflow_statistics, wet.inflow_statistics, strict=True):
        assert own.mean_m3s == given.mean_m3s / 2
    assert wet.inflow_statistics == system.inflow_statistics
    assert tmp_path / f"{DRY}.parquet" in case.input_files
    assert case.in_regime("dry").system == dry


def test_regimes_survive_being_written_anew(tmp_path):
    case = load_case(with_regimes(tmp_path / "case").write())
    again = load_case(case.scale_load(1.5).save(tmp_path / "again"))
    assert again.system.regime_changes == case.system.regime_changes
    assert again.system == case.scale_load(1.5).system


def test_what_a_regime_changes_is_described(tmp_path):
    sections = describe_case(load_case(with_regimes(tmp_path).write()))
    told = {row[0]: row[1] for section in sections for row in section.rows}
    assert told["regimes"] == "dry, wet"
    assert told["regime dry"] == "own inflow_statistics"
    assert told["regime wet"] == "as the case"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"initial_probabilities": [0.4, 0.5]}, "HW216"),
        ({"initial_probabilities": [1.0]}, "HW216"),
        ({"matrix": [[1.0, 0.0]]}, "HW216"),
        ({"matrix": [[0.8, 0.1], [0.3, 0.7]]}, "HW216"),
        ({"names": ["dry", "dry"]}, "HW208"),
        ({"names": ["dry", "we/t"]}, "HW204"),
        ({"matrices": [{"stage_id": 99, "matrix": [[1.0, 0.0], [0.0, 1.0]]}]}, "HW302"),
    ],
)
def test_a_chain_that_is_none_is_told_with_its_code(tmp_path, changes, code):
    report = validate_case(with_regimes(tmp_path, **changes).write())
    assert code in codes_of(report.errors)


def test_a_chain_without_sums_is_told_by_its_place(tmp_path):
    report = validate_case(with_regimes(tmp_path, initial_probabilities=[0.4, 0.5]).write())
    assert "HW216" in codes_of(report.errors)
    finding = next(one for one in report.errors if one.code == "HW216")
    assert (finding.file, finding.path) == ("stages.json", "policy_graph.regimes")
    assert "add up to 1" in finding.message


def test_files_of_a_regime_are_checked_like_those_of_the_case(tmp_path):
    case = with_regimes(tmp_path)
    case.tables[DRY][0]["hydro_id"] = 77
    report = validate_case(case.write())
    assert {one.file for one in report.errors} == {f"{DRY}.parquet"}
    assert any("77" in one.message for one in report.errors)


@pytest.mark.parametrize(
    "file", ["regimes/fog/scenarios/load_factors.json", "regimes/dry/system/hydros.json"]
)
def test_files_that_no_regime_has_are_told(tmp_path, file):
    root = with_regimes(tmp_path).write()
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text("{}", encoding="utf-8")
    report = validate_case(root)
    assert [(one.code, one.file) for one in report.errors] == [("HW104", file)]


def test_directories_of_regimes_without_a_chain_are_told(tmp_path):
    case = with_regimes(tmp_path)
    del case.files["stages.json"]["policy_graph"]["regimes"]
    report = validate_case(case.write())
    assert [(one.code, one.file) for one in report.errors] == [("HW104", f"{DRY}.parquet")]


def test_settings_that_exclude_regimes_are_told(tmp_path):
    case = with_regimes(tmp_path)
    case.training["cut_formulation"] = "multi"
    report = validate_case(case.write())
    told = [one for one in report.warnings if one.code == "HW710"]
    assert len(told) == 1
    assert "regimes together with" in told[0].message
