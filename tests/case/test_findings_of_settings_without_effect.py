"""Settings that have an effect only beside others are told where they have none."""

from __future__ import annotations

from typing import Any

import pytest

from case_builder import constraint, production, tiny_case
from headwater.case import Severity, validate_case
from headwater.case.schema_config import SIMULATION_TABLES
from headwater.case.settings import NEEDS, default_of
from headwater.results.simulation_schemas import SIMULATION_SCHEMAS

VALUES: dict[str, Any] = {
    "policy.path": "other/policy",
    "policy.stage_map": {"shift": 1},
    "policy.trust": True,
    "policy.purge_after": 3,
    "policy.validate_compatibility": False,
    "policy.boundary": {"path": "other", "source_stage": 1},
    "policy.checkpointing.interval_minutes": 5.0,
    "policy.checkpointing.interval_iterations": 5,
    "training.cut_selection.method": "level1",
    "training.cut_selection.memory_window": 5,
    "training.cut_selection.domination_epsilon": 1e-3,
    "training.cut_selection.check_frequency": 3,
    "training.archive_memory_limit_mb": 10.0,
    "training.stopping_mode": "all",
    "training.cycle.tolerance": 0.01,
    "upper_bound_evaluation.lipschitz.mode": "fixed",
    "upper_bound_evaluation.lipschitz.fallback_value": 4.0,
    "upper_bound_evaluation.lipschitz.scale_factor": 2.0,
    "estimation.order_selection": "aic",
    "estimation.history_resolution": "monthly",
    "estimation.max_coefficient_magnitude": 3.0,
    "estimation.mode_rounding_m3s": 1.0,
    "stochastic.noise_sharing": "none",
    "simulation.num_stages": 30,
    "simulation.tables": ["hydros"],
    "simulation.partitioning": "scenario",
}
"""Values of settings that are neither numbers nor switches whose default tells another value."""

CYCLE = {
    "type": "cyclic",
    "annual_discount_rate": 0.1,
    "transitions": [
        {"source_id": 0, "target_id": 1, "probability": 1.0},
        {"source_id": 1, "target_id": 0, "probability": 1.0},
    ],
}


def another_value(path: str) -> Any:
    if path in VALUES:
        return VALUES[path]
    if path.endswith("selection_mode"):
        return "random"
    if path.endswith("couple_classes"):
        return True
    if path.endswith("initial_lags"):
        return "study"
    default = default_of(path)
    return not default if isinstance(default, bool) else default + 1


def give(case, path, value):
    section = case.files["config.json"]
    *steps, last = path.split(".")
    for key in steps:
        section = section.setdefault(key, {})
    section[last] = value


def unmet(case, path):
    """What takes the need of a setting away, where the tiny case meets it."""
    if path == "policy.boundary":
        case.files["stages.json"]["policy_graph"] = CYCLE
    if path in ("simulation.tables", "simulation.partitioning"):
        give(case, "simulation.detail", "summary")
    if path == "exports.states":
        give(case, "training.enabled", False)
    if path == "upper_bound_evaluation.lipschitz.mode":
        give(case, "upper_bound_evaluation.lipschitz.fallback_value", 4.0)


PATHS = [(path, need) for need in NEEDS for path in need.settings]


def found(case, path):
    return [
        one
        for one in validate_case(case.write())
        if one.code in ("HW716", "HW717") and one.path == path
    ]


@pytest.mark.parametrize(("path", "need"), PATHS, ids=[path for path, _ in PATHS])
def test_a_setting_whose_need_is_not_met_is_told(tmp_path, path, need):
    case = tiny_case(tmp_path)
    unmet(case, path)
    give(case, path, another_value(path))
    (finding,) = found(case, path)
    assert (finding.file, finding.code, finding.severity) == (
        "config.json",
        need.code,
        need.severity,
    )
    assert need.needs.replace("`", "'") in finding.message


@pytest.mark.parametrize("path", sorted({path for path, need in PATHS if need.code == "HW717"}))
def test_a_setting_that_is_given_as_it_is_anyway_is_let_pass(tmp_path, path):
    default = default_of(path)
    if default is not None:
        case = tiny_case(tmp_path)
        unmet(case, path)
        give(case, path, default)
        assert found(case, path) == []


MET = {
    "policy.path": lambda case: give(case, "policy.mode", "warm_start"),
    "policy.stage_map": lambda case: give(case, "policy.mode", "warm_start"),
    "policy.purge_after": lambda case: give(case, "policy.mode", "warm_start"),
    "training.cycle.tolerance": lambda case: case.files["stages.json"].update(policy_graph=CYCLE),
    "simulation.num_stages": lambda case: case.files["stages.json"].update(policy_graph=CYCLE),
    "policy.boundary": lambda case: None,
    "policy.checkpointing.interval_iterations": lambda case: give(
        case, "policy.checkpointing.enabled", True
    ),
    "training.cut_selection.method": lambda case: give(
        case, "training.cut_selection.enabled", True
    ),
    "training.cut_selection.memory_window": lambda case: case.training.update(
        cut_selection={"enabled": True, "method": "lml1"}
    ),
    "training.archive_memory_limit_mb": lambda case: give(case, "exports.states", True),
    "training.stopping_mode": lambda case: case.training["stopping_rules"].append(
        {"type": "time_limit", "seconds": 9.0}
    ),
    "upper_bound_evaluation.lipschitz.scale_factor": lambda case: give(
        case, "upper_bound_evaluation.enabled", True
    ),
    "modeling.linearized_head_passes": lambda case: case.hydros[0]["generation"].update(
        model="linearized_head"
    ),
    "stochastic.experimental": lambda case: case.stages[0].update(sampling_method="selective"),
    "simulation.tables": lambda case: None,
    "exports.states": lambda case: None,
    "training.scenario_source.inflow.selection_mode": lambda case: case.training.update(
        scenario_source={"seed": 1, "inflow": {"scheme": "external"}}
    ),
}


@pytest.mark.parametrize("path", MET)
def test_a_setting_whose_need_is_met_has_its_effect(tmp_path, path):
    case = tiny_case(tmp_path)
    MET[path](case)
    give(case, path, another_value(path))
    assert found(case, path) == []


def test_estimation_needs_a_record_to_estimate_from(tmp_path):
    case = tiny_case(tmp_path)
    give(case, "estimation.max_order", 3)
    assert len(found(case, "estimation.max_order")) == 1
    from datetime import date

    case.tables["scenarios/inflow_history"] = [
        {"hydro_id": 0, "date": date(2000, 1, 1), "value_m3s": 4.0}
    ]
    assert found(case, "estimation.max_order") == []


def test_strict_validation_takes_them_as_errors(tmp_path):
    case = tiny_case(tmp_path)
    give(case, "policy.trust", True)
    (finding,) = validate_case(case.write(), strict=True).errors
    assert (finding.code, finding.severity) == ("HW717", Severity.ERROR)


def test_every_setting_of_the_table_exists():
    for path, _ in PATHS:
        default_of(path)
    with pytest.raises(KeyError):
        default_of("training.cut_selection.no_such_thing")


def test_a_table_of_results_that_does_not_exist_is_an_error_with_the_nearest_name(tmp_path):
    case = tiny_case(tmp_path)
    give(case, "simulation.tables", ["hydros", "thermal"])
    (finding,) = validate_case(case.write()).errors
    assert (finding.code, finding.path) == ("HW205", "simulation.tables[1]")
    assert "'thermals'" in finding.fix


def test_the_tables_that_may_be_chosen_are_those_that_are_written():
    always = {"scenario_summary", "stage_summary", "simulation_lp_gaps"}
    assert set(SIMULATION_TABLES) | always == {schema.name for schema in SIMULATION_SCHEMAS}


EXPORT = {
    "id": 3,
    "name": "sell",
    "bus_id": 0,
    "type": "export",
    "limits": {"min_mw": 0.0, "max_mw": 5.0},
}


@pytest.mark.parametrize(
    ("kind", "price", "n"), [("export", 30.0, 1), ("export", -30.0, 0), ("import", 30.0, 0)]
)
def test_a_positive_price_of_an_export_is_a_cost_and_told(tmp_path, kind, price, n):
    case = tiny_case(tmp_path)
    contract = {**EXPORT, "type": kind, "price_per_mwh": price}
    case.files["system/energy_contracts.json"] = {"contracts": [contract]}
    report = [one for one in validate_case(case.write()) if one.code == "HW619"]
    assert [(one.severity, one.entity) for one in report] == [
        (Severity.WARNING, 'Contract 3 "sell"')
    ] * n
    if n:
        assert "the export costs 30 $/MWh at stages 0, 1" in report[0].message


def test_a_positive_price_of_one_stage_is_told_in_its_file(tmp_path):
    case = tiny_case(tmp_path)
    case.files["system/energy_contracts.json"] = {"contracts": [{**EXPORT, "price_per_mwh": -30.0}]}
    case.tables["constraints/contract_bounds"] = [
        {"contract_id": 3, "stage_id": 1, "price_per_mwh": 12.0}
    ]
    (finding,) = [one for one in validate_case(case.write()) if one.code == "HW619"]
    assert finding.file == "constraints/contract_bounds.parquet"
    assert "12 $/MWh at stages 1" in finding.message


@pytest.mark.parametrize(
    "expression", ["1e14*hydro_storage(9)", "hydro_storage(0) + 0 thermal_generation(7)"]
)
def test_a_term_about_nothing_is_an_error_whatever_its_coefficient(tmp_path, expression):
    (finding,) = validate_case(tiny_case(tmp_path).edit(constraint(expression))).errors
    assert (finding.code, finding.path) == ("HW301", "constraints[0].expression")
    assert "does not exist" in finding.message


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("post_study_stages.json", "HW104"),
        ("generic_parameters.json", "HW104"),
        ("system/electrolysers.json", "HW104"),
        ("scenarios/inflow_seasonal_stat.csv", "HW104"),
        ("_notes.json", None),
        (".settings.json", None),
        ("config.schema.json", None),
        ("notes.md", None),
    ],
)
def test_a_data_file_that_is_not_understood_is_an_error(tmp_path, name, code):
    root = tiny_case(tmp_path).write()
    (root / name).write_text("{}")
    assert [(one.code, one.file) for one in validate_case(root).errors] == (
        [(code, name)] if code else []
    )


@pytest.mark.parametrize("first", ["2024-01-31", "2024-01-01"])
def test_stages_that_overlap_are_an_error(tmp_path, first):
    case = tiny_case(tmp_path)
    case.stages[1]["start_date"] = first
    codes = {one.code for one in validate_case(case.write()).errors}
    assert codes == {"HW526"}


def test_a_stage_before_the_study_that_reaches_into_it_is_an_error(tmp_path):
    case = tiny_case(tmp_path)
    case.files["stages.json"]["pre_study_stages"] = [
        {"id": -1, "start_date": "2023-12-01", "end_date": "2024-01-02"}
    ]
    (finding,) = validate_case(case.write()).errors
    assert (finding.code, finding.path) == ("HW526", "pre_study_stages[0].end_date")


def test_the_production_that_a_plant_uses_at_some_stages_counts(tmp_path):
    case = tiny_case(tmp_path)
    give(case, "modeling.linearized_head_passes", 2)
    assert len(found(case, "modeling.linearized_head_passes")) == 1
    production()(case)
    case.files["system/hydro_production_models.json"]["production_models"][0]["stage_ranges"][0][
        "model"
    ] = "linearized_head"
    assert found(case, "modeling.linearized_head_passes") == []
