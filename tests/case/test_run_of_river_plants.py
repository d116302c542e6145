"""Plants without storage to speak of, and reservoirs without turbines."""

from __future__ import annotations

import pytest

import headwater as hw
from case_builder import codes_of, geometry, tiny_case


def with_evaporation(case, *volumes, low, high):
    plant = case.hydros[0]
    plant["reservoir"] = {"min_storage_hm3": low, "max_storage_hm3": high}
    plant["evaporation"] = {"coefficients_mm": [50.0] * 12}
    case.initial["storage"][0]["value_hm3"] = high
    case.tables["system/hydro_geometry"] = [geometry(0, volume) for volume in volumes]
    return case.write()


def test_a_lake_whose_storage_stays_needs_one_row_of_geometry(tmp_path):
    case = with_evaporation(tiny_case(tmp_path / "case"), 40.0, low=40.0, high=40.0)
    report = hw.validate_case(case)
    assert report.ok, str(report)


def test_a_lake_whose_storage_varies_needs_two(tmp_path):
    case = with_evaporation(tiny_case(tmp_path / "case"), 40.0, low=20.0, high=40.0)
    assert "HW404" in codes_of(hw.validate_case(case).errors)


def test_a_reservoir_without_turbines_has_no_productivity(tmp_path):
    case = tiny_case(tmp_path / "case")
    case.hydros[0]["generation"] |= {
        "productivity_mw_per_m3s": 0.0,
        "max_turbined_m3s": 0.0,
        "max_generation_mw": 0.0,
    }
    report = hw.validate_case(case.write())
    assert report.ok, str(report)
    policy = hw.train(case.root, progress=False, threads=1)
    made = hw.simulate(policy, n_scenarios=2, progress=False, threads=1).table("hydros")
    assert made.filter(made["hydro_id"] == 0)["generation_mw"].abs().max() == pytest.approx(0.0)


def test_planes_cannot_be_derived_from_a_productivity_of_zero(tmp_path):
    case = tiny_case(tmp_path / "case")
    case.hydros[0]["generation"] |= {"productivity_mw_per_m3s": 0.0}
    case.files["system/hydro_production_models.json"] = {
        "production_models": [
            {
                "hydro_id": 0,
                "selection_mode": "stage_ranges",
                "stage_ranges": [
                    {"model": "fpha", "start_stage_id": 0, "fpha_config": {"source": "computed"}}
                ],
            }
        ]
    }
    case.tables["system/hydro_geometry"] = [
        geometry(0, volume, height) for volume, height in ((0.0, 300.0), (100.0, 310.0))
    ]
    errors = hw.validate_case(case.write()).errors
    assert any("needs an efficiency, or a productivity" in one.message for one in errors)
