"""One run of validation tells all problems.

A broken reference hides nothing, and what cannot run is named.
"""

from __future__ import annotations

import copy
from datetime import date

import numpy as np
import pytest

from case_builder import ar_row, codes_of, tiny_case
from full_case import full_case
from headwater.case import validate_case
from headwater.case.judging import all_rules


def test_a_bus_that_is_missing_hides_no_other_problem(tmp_path):
    case = tiny_case(tmp_path)
    case.thermals[1]["bus_id"] = 9
    case.tables["constraints/hydro_bounds"] = [
        {"hydro_id": 0, "stage_id": 1, "min_storage_hm3": 300.0}
    ]
    case.files["penalties.json"]["hydro"]["storage_violation_below_cost"] = 10.0
    case.tables["scenarios/load_seasonal_stats"][0]["mean_mw"] *= 730.0
    report = validate_case(case.write())
    assert codes_of(report.errors) == {"HW301", "HW549"}
    assert codes_of(report.warnings) == {"HW611", "HW620", "HW623"}
    assert report.skipped == ()


@pytest.mark.parametrize(
    "breaking",
    [
        lambda case: case.hydros[0].update(downstream_id=7),
        lambda case: case.hydros[0].update(bus_id=7),
        lambda case: case.hydros[1].update(downstream_id=0),  # a circle
        lambda case: case.hydros.append(dict(case.hydros[0])),
        lambda case: case.initial["storage"].append({"hydro_id": 8, "value_hm3": 1.0}),
        lambda case: case.tables["scenarios/load_seasonal_stats"].append(
            {"bus_id": 0, "stage_id": 7, "mean_mw": 1.0, "std_mw": 0.0}
        ),
        lambda case: case.tables["constraints/thermal_bounds"].append(
            {
                "thermal_id": 1,
                "stage_id": 0,
                "block_id": 5,
                "max_generation_mw": 1.0,
                "cost_per_mwh": None,
            }
        ),
        lambda case: case.files["system/lines.json"]["lines"][0].update(target_bus_id=4),
        lambda case: case.stages.append(dict(case.stages[1])),
        lambda case: case.files["config.json"]["training"].update(forward_passes="two"),
    ],
)
def test_advice_on_penalties_is_given_whatever_else_is_broken(tmp_path, breaking):
    case = tiny_case(tmp_path)
    case.files["penalties.json"]["hydro"]["storage_violation_below_cost"] = 10.0
    breaking(case)
    report = validate_case(case.write())
    assert report.errors
    assert "HW611" in codes_of(report)


def test_what_cannot_run_is_named(tmp_path):
    root = tiny_case(tmp_path).write()
    (root / "system" / "thermals.json").write_text("{")
    report = validate_case(root)
    assert codes_of(report.errors) == {"HW202"}
    study_rules = {f"{rule.code} {rule.check.__name__}" for rule in all_rules()[1]}
    assert study_rules <= set(report.skipped)
    assert "HW514 segment_costs" in report.skipped
    assert "HW309 line_ends" not in report.skipped
    assert f"{len(report.skipped)} checks could not run until the errors are mended: HW" in str(
        report
    )
    assert "HW514" in report.skipped_sentence()


def test_a_table_of_scenarios_that_does_not_parse_leaves_the_rules_about_the_system(tmp_path):
    case = tiny_case(tmp_path)
    case.files["penalties.json"]["hydro"]["storage_violation_below_cost"] = 10.0
    root = case.write()
    (root / "scenarios" / "load_seasonal_stats.parquet").write_text("nothing")
    report = validate_case(root)
    assert "HW611" in codes_of(report)
    assert "HW620 load_against_capacity" in report.skipped
    assert "HW611 storage_over_deficit" not in report.skipped


def test_findings_name_plants_by_id_and_name(tmp_path):
    case = tiny_case(tmp_path)
    case.hydros[1].update(name="Sobradinho", bus_id=5)
    (finding,) = validate_case(case.write()).errors
    assert finding.entity == 'Hydro 1 "Sobradinho"'


def test_a_name_cannot_write_to_the_terminal(tmp_path):
    case = tiny_case(tmp_path)
    case.hydros[1].update(name="\x1b[31mred\x1b[0m\u202e" + 60 * "x", bus_id=5)
    (finding,) = validate_case(case.write()).errors
    assert finding.entity.isprintable()
    assert len(finding.entity) < 60


@pytest.mark.parametrize("seed", range(12))
def test_whatever_references_are_broken_validation_ends_with_a_report(tmp_path, seed):
    """Random ids of a case with every kind of file lead nowhere.

    The broken ones are errors, and nothing is raised.
    """
    rng = np.random.default_rng(seed)
    case = full_case(tmp_path)
    ids = [
        (holder, key) for content in case.files.values() for holder, key in numbers_named(content)
    ]
    ids += [
        (row, key)
        for rows in case.tables.values()
        for row in rows
        for key in row
        if key.endswith("_id")
    ]
    for i in rng.choice(len(ids), size=int(rng.integers(1, 8)), replace=False):
        holder, key = ids[i]
        holder[key] = int(rng.integers(50, 90))
    report = validate_case(case.write())
    assert report.errors
    assert len(report.skipped) < 60


def numbers_named(value):
    """Places of all whole numbers whose key is an id."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, int) and (key == "id" or key.endswith("_id")):
                yield value, key
            yield from numbers_named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers_named(inner)


def test_the_files_that_were_read_are_not_changed_by_looking_for_more(tmp_path):
    from headwater.case.load import read_case_parts
    from headwater.case.repair import usable_parts

    case = tiny_case(tmp_path)
    case.thermals[1]["bus_id"] = 9
    parts = read_case_parts(case.write())
    before = copy.deepcopy(
        (parts.shapes, {name: frame.rows() for name, frame in parts.tables.items()})
    )
    left = usable_parts(parts)
    assert (parts.shapes, {name: frame.rows() for name, frame in parts.tables.items()}) == before
    assert left.ids("bus") == {0, 1, 9}
    assert parts.ids("bus") == {0, 1}


def test_problems_of_fields_and_cells_name_the_plant_as_well(tmp_path):
    case = tiny_case(tmp_path)
    case.hydros[1].update(name="Sobradinho", typo=1)
    case.hydros[1]["reservoir"]["max_storage_hm3"] = -1.0
    case.tables["constraints/hydro_bounds"] = [
        {"hydro_id": 1, "stage_id": 0, "max_turbined_m3s": -5.0}
    ]
    named = {(one.code, one.file): one.entity for one in validate_case(case.write()).errors}
    assert named == {
        ("HW207", "system/hydros.json"): 'Hydro 1 "Sobradinho"',
        ("HW204", "system/hydros.json"): 'Hydro 1 "Sobradinho"',
        ("HW204", "constraints/hydro_bounds.parquet"): 'Hydro 1 "Sobradinho"',
    }


def test_an_absurd_lag_takes_no_memory(tmp_path):
    """Two thousand million lags are a wrong figure, to be told in a moment."""
    case = tiny_case(tmp_path)
    case.tables["scenarios/inflow_ar_coefficients"] = [
        ar_row(0, stage, 2**31 - 1, 0.2) for stage in (0, 1)
    ]
    case.tables["scenarios/inflow_history"] = [
        {"hydro_id": h, "date": date(2000, 1, 1), "value_m3s": 4.0} for h in (0, 1)
    ]
    case.training["scenario_source"] = {"seed": 1, "inflow": {"scheme": "historical"}}
    months = [{"id": month, "label": str(month), "month_start": month + 1} for month in range(12)]
    case.files["stages.json"]["season_definitions"] = {"cycle_type": "monthly", "seasons": months}
    for season, stage in enumerate(case.stages):
        stage["season_id"] = season
    report = validate_case(case.write())
    assert {"HW531", "HW556"} <= codes_of(report.errors)
