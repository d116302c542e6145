"""What only shows when models are made of a case is reported by validation, with a code."""

from __future__ import annotations

import pytest

import headwater as hw
from case_builder import ar_row, codes_of, tiny_case
from full_case import full_case
from headwater.case import validate_case
from headwater.errors import UnsupportedFeatureError


def with_lags(case):
    case.tables["scenarios/inflow_ar_coefficients"] = [ar_row(0, 1, lag, 0.2) for lag in (1, 2)]
    case.initial["past_inflows"] = [{"hydro_id": 0, "values_m3s": [30.0, 31.0]}]
    for stage in case.stages:
        stage["state_variables"] = {"inflow_lags": True}


def impossible_coefficients(case):
    with_lags(case)
    for row in case.tables["scenarios/inflow_ar_coefficients"]:
        row |= {"coefficient": 0.9, "residual_std_ratio": None}
    for stage in case.stages:
        stage["season_id"] = 0


def torn_seasons(case):
    seasons = [
        {"id": 0, "label": "a", "month_start": 1, "month_end": 5},
        {"id": 1, "label": "b", "month_start": 7, "month_end": 12},
    ]
    case.files["stages.json"]["season_definitions"] = {"cycle_type": "custom", "seasons": seasons}
    for stage in case.stages:
        stage["season_id"] = 0


BEYOND_THE_FILES = {
    "a lag without statistics": (with_lags, "lag 2 of stage 1 needs the mean and deviation"),
    "coefficients without a residual": (impossible_coefficients, "imply a residual variance"),
    "seasons that leave days out": (torn_seasons, "do not fill the year"),
}


@pytest.mark.parametrize(("change", "text"), BEYOND_THE_FILES.values(), ids=BEYOND_THE_FILES)
def test_models_that_cannot_be_made_are_an_error_before_a_run(tmp_path, change, text):
    root = tiny_case(tmp_path).edit(change)
    assert validate_case(root).ok
    (finding,) = hw.validate_case(root).errors
    assert finding.code == "HW560"
    assert text in finding.message
    with pytest.raises(hw.ModelError, match=text):
        hw.train(hw.load_case(root))


def test_combinations_that_are_not_built_are_a_warning(tmp_path):
    def refuse(study):
        raise UnsupportedFeatureError(["this with that"])

    report = validate_case(tiny_case(tmp_path).write(), rehearse=refuse)
    assert report.ok
    assert codes_of(report) == {"HW710"}
    assert "this with that" in str(report)


def test_a_case_with_errors_or_unbuilt_features_is_not_rehearsed(tmp_path):
    def unwanted(study):
        raise AssertionError

    case = tiny_case(tmp_path)
    case.hydros[0]["bus_id"] = 9
    assert codes_of(validate_case(case.write(), rehearse=unwanted)) == {"HW301"}


def test_a_case_with_every_file_and_key_can_be_run(tmp_path):
    root = full_case(tmp_path / "case").write()
    assert hw.validate_case(root).ok
    result = hw.run(root, tmp_path / "output", threads=1)
    assert 1 <= len(result.policy.training.iterations) <= 7
    assert len(hw.load_results(tmp_path / "output").table("hydros")) == 6 * 5 * (3 * 4)
