"""What cannot stand together, what lacks something it needs, and what has no effect.

One change to the full case each.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from case_builder import TinyCase
from full_case import KeptCase, full_case
from headwater.case import validate_case

CONFIG, STAGES, INITIAL = "config.json", "stages.json", "initial_conditions.json"
HYDROS, THERMALS = "system/hydros.json", "system/thermals.json"
MODELS = "system/hydro_production_models.json"
CORRELATION = "scenarios/correlation.json"
CONSTRAINTS = "constraints/generic_constraints.json"
OPENINGS, CHANCES = "scenarios/noise_openings", "scenarios/opening_probabilities"
HISTORY = "scenarios/inflow_history"
PLANES = "system/fpha_hyperplanes.parquet"
VALID_FROM, VALID_TO, VALID_FLOW = (
    f"fpha_hyperplanes[1].{name}"
    for name in ("valid_v_min_hm3", "valid_v_max_hm3", "valid_q_max_m3s")
)
EXTERNAL = "scenarios/external_load_scenarios"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> TinyCase:
    case = full_case(tmp_path_factory.mktemp("full"))
    case.write()
    return case


@pytest.fixture
def case(plain: TinyCase) -> Iterator[TinyCase]:
    kept = KeptCase(plain)
    yield kept
    kept.take_back()


GROUP = "profiles.default.correlation_groups[0]"


def put(file: str, *path: Any, value: Any):
    """A change that sets one value of a JSON file."""

    def change(case: TinyCase) -> None:
        holder = case.files[file]
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = value

    return change


def add(file: str, *path: Any, value: Any):
    """A change that appends to a list of a JSON file."""

    def change(case: TinyCase) -> None:
        holder = case.files[file]
        for key in path:
            holder = holder[key]
        holder.append(value)

    return change


def drop(file: str, *path: Any):
    """A change that removes a key of a JSON file, or an entry of a list."""

    def change(case: TinyCase) -> None:
        holder = case.files[file]
        for key in path[:-1]:
            holder = holder[key]
        del holder[path[-1]]

    return change


def rows(table: str, keep):
    """A change that keeps some rows of a table."""
    return lambda case: case.tables.__setitem__(
        table, [row for row in case.tables[table] if keep(row)]
    )


def cells(table: str, where, **values: Any):
    """A change of some rows of a table."""
    return lambda case: [row.update(values) for row in case.tables[table] if where(row)]


def both(*changes):
    return lambda case: [change(case) for change in changes]


SOURCE = ("training", "scenario_source")
SEASONAL, RANGES = ("production_models", 1), ("production_models", 0)
RIVERS = ("profiles", "default", "correlation_groups", 0)
FIT = (*SEASONAL, "seasons", 0, "fpha_config")
RULES = ("training", "stopping_rules")
LIMITS = "constraints/thermal_bounds"
LIMITS_FILE = f"{LIMITS}.parquet"
INFLOW_SCHEME = "training.scenario_source.inflow.scheme"
POINTS = (HYDROS, "hydros", 1, "tailrace", "points")
FLAT = {"outflow_m3s": 0.0, "height_m": 201.0}

ERRORS = [
    # settings that do not go together
    (
        "HW205",
        put(CONFIG, *SOURCE, "historical_years", value={"from": 2003, "to": 2001}),
        CONFIG,
        "training.scenario_source.historical_years",
    ),
    (
        "HW205",
        put(CONFIG, *SOURCE, "inflow", "scheme", value="external"),
        CONFIG,
        "training.scenario_source",
    ),
    ("HW201", drop(CONFIG, *RULES, 1, "type"), CONFIG, "training.stopping_rules[1]"),
    (
        "HW205",
        put(CONFIG, *RULES, 1, "type", value="time_limt"),
        CONFIG,
        "training.stopping_rules[1]",
    ),
    (
        "HW205",
        put(MODELS, *FIT, "fitting_window", "volume_min_percentile", value=0.1),
        MODELS,
        "production_models[1].seasons[0].fpha_config.fitting_window",
    ),
    ("HW201", drop(MODELS, *FIT), MODELS, "production_models[1].seasons[0]"),
    (
        "HW205",
        put(MODELS, *SEASONAL, "seasons", 0, "productivity_override", value=0.5),
        MODELS,
        "production_models[1].seasons[0]",
    ),
    (
        "HW205",
        put(MODELS, *SEASONAL, "seasons", 2, "fpha_config", value={"source": "computed"}),
        MODELS,
        "production_models[1].seasons[2]",
    ),
    ("HW201", drop(MODELS, *RANGES, "stage_ranges"), MODELS, "production_models[0]"),
    ("HW201", drop(MODELS, *SEASONAL, "seasons"), MODELS, "production_models[1]"),
    ("HW205", put(MODELS, *RANGES, "seasons", value=[]), MODELS, "production_models[0]"),
    ("HW201", drop(MODELS, *SEASONAL, "default_model"), MODELS, "production_models[1]"),
    ("HW205", put(MODELS, *RANGES, "default_model", value="fpha"), MODELS, "production_models[0]"),
    (
        "HW208",
        add(
            MODELS,
            "production_models",
            value={
                "hydro_id": 1,
                "selection_mode": "seasonal",
                "default_model": "fpha",
                "seasons": [],
            },
        ),
        MODELS,
        "production_models[2].hydro_id",
    ),
    ("HW212", put(CORRELATION, *RIVERS, "entities", 0, "type", value="load"), CORRELATION, GROUP),
    ("HW208", put(CORRELATION, *RIVERS, "entities", 0, "id", value=0), CORRELATION, GROUP),
    (
        "HW208",
        put(CORRELATION, "profiles", "default", "correlation_groups", 1, "name", value="rivers"),
        CORRELATION,
        "profiles.default",
    ),
    (
        "HW208",
        add(
            CORRELATION,
            "profiles",
            "wet",
            "correlation_groups",
            value={"name": "x", "entities": [{"type": "inflow", "id": 0}], "matrix": [[1.0]]},
        ),
        CORRELATION,
        "profiles.wet",
    ),
    (
        "HW208",
        add(CORRELATION, "schedule", value={"stage_id": 1, "profile_name": "default"}),
        CORRELATION,
        "schedule[2].stage_id",
    ),
    (
        "HW302",
        put(CORRELATION, "schedule", 0, "stage_id", value=9),
        CORRELATION,
        "schedule[0].stage_id",
    ),
    (
        "HW301",
        put(CORRELATION, "schedule", 0, "profile_name", value="dry"),
        CORRELATION,
        "schedule[0].profile_name",
    ),
    (
        "HW301",
        lambda case: case.files[CORRELATION]["profiles"].update(
            dry=case.files[CORRELATION]["profiles"].pop("default")
        ),
        CORRELATION,
        "profiles",
    ),
    (
        "HW301",
        put(CORRELATION, *RIVERS, "entities", 0, "id", value=9),
        CORRELATION,
        f"{GROUP}.entities[0].id",
    ),
    (
        "HW201",
        drop(CONSTRAINTS, "constraints", 0, "slack", "penalty"),
        CONSTRAINTS,
        "constraints[0].slack",
    ),
    (
        "HW301",
        put(CONSTRAINTS, "constraints", 0, "expression", value="hydro_turbined(1, 3)"),
        CONSTRAINTS,
        "constraints[0].expression",
    ),
    (
        "HW564",
        put(CONSTRAINTS, "constraints", 0, "expression", value="contract_export(0)"),
        CONSTRAINTS,
        "constraints[0].expression",
    ),
    (
        "HW565",
        put(CONSTRAINTS, "constraints", 0, "block_aggregation", value="sum"),
        "constraints/generic_constraint_bounds.parquet",
        "generic_constraint_bounds[4].block_id",
    ),
    (
        "HW301",
        put(MODELS, *SEASONAL, "seasons", 0, "season_id", value=12),
        MODELS,
        "production_models[1].seasons[0].season_id",
    ),
    (
        "HW302",
        put(STAGES, "policy_graph", "transitions", 1, "target_id", value=9),
        STAGES,
        "policy_graph.transitions[1].target_id",
    ),
    (
        "HW302",
        put(MODELS, *RANGES, "stage_ranges", 0, "end_stage_id", value=9),
        MODELS,
        "production_models[0].stage_ranges[0].end_stage_id",
    ),
    (
        "HW304",
        put(STAGES, "pre_study_stages", 0, "season_id", value=12),
        STAGES,
        "pre_study_stages[0].season_id",
    ),
    (
        "HW208",
        add(
            STAGES,
            "season_definitions",
            "seasons",
            value={"id": 3, "label": "again", "month_start": 4},
        ),
        STAGES,
        "season_definitions.seasons[12].id",
    ),
    # figures that are no curve, no date, no past
    ("HW213", put(*POINTS, value=[]), HYDROS, "hydros[1].tailrace.points"),
    ("HW213", put(*POINTS, 1, value=FLAT), HYDROS, "hydros[1].tailrace.points"),
    ("HW213", put(*POINTS, 1, "height_m", value=199.0), HYDROS, "hydros[1].tailrace.points"),
    (
        "HW213",
        put(HYDROS, "hydros", 0, "hydraulic_losses", "value", value=1.0),
        HYDROS,
        "hydros[0].hydraulic_losses.value",
    ),
    (
        "HW213",
        put(HYDROS, "hydros", 2, "hydraulic_losses", "value_m", value=-1.0),
        HYDROS,
        "hydros[2].hydraulic_losses.value_m",
    ),
    (
        "HW201",
        drop(HYDROS, "hydros", 0, "hydraulic_losses", "type"),
        HYDROS,
        "hydros[0].hydraulic_losses",
    ),
    (
        "HW518",
        both(
            drop(HYDROS, "hydros", 1, "generation", "productivity_mw_per_m3s"),
            drop(MODELS, *RANGES, "stage_ranges", 1, "productivity_override"),
        ),
        HYDROS,
        "hydros[1].generation.productivity_mw_per_m3s",
    ),
    (
        "HW204",
        put(INITIAL, "recent_observations", 0, "end_date", value="2023-12-20"),
        INITIAL,
        "recent_observations[0]",
    ),
    (
        "HW204",
        put(INITIAL, "recent_observations", 1, "end_date", value="2024-01-02"),
        INITIAL,
        "recent_observations[1].end_date",
    ),
    (
        "HW204",
        put(INITIAL, "storage", 0, "value_hm3", value=10**400),
        INITIAL,
        "storage[0].value_hm3",
    ),
    (
        "HW407",
        put(INITIAL, "past_inflows", 2, "season_ids", value=[11, 12]),
        INITIAL,
        "past_inflows[2].season_ids",
    ),
    (
        "HW407",
        put(INITIAL, "past_inflows", 2, "season_ids", value=[10, 11]),
        INITIAL,
        "past_inflows[2].season_ids",
    ),
    (
        "HW208",
        add(
            INITIAL, "gnl_pipeline", value={"thermal_id": 2, "stage_offset": 1, "committed_mw": 6.0}
        ),
        INITIAL,
        "gnl_pipeline",
    ),
    ("HW563", drop(INITIAL, "gnl_pipeline", 1), INITIAL, "gnl_pipeline"),
    (
        "HW563",
        add(
            INITIAL, "gnl_pipeline", value={"thermal_id": 2, "stage_offset": 3, "committed_mw": 6.0}
        ),
        INITIAL,
        "gnl_pipeline",
    ),
    ("HW563", put(INITIAL, "gnl_pipeline", 0, "committed_mw", value=56.0), INITIAL, "gnl_pipeline"),
    (
        "HW562",
        cells(
            LIMITS,
            lambda row: row["thermal_id"] == 2 and row["block_id"] == 1,
            min_generation_mw=56.0,
            max_generation_mw=58.0,
        ),
        LIMITS_FILE,
        None,
    ),
    (
        "HW561",
        cells(
            LIMITS, lambda row: row["thermal_id"] == 1 and row["stage_id"] == 2, cost_per_mwh=9.0
        ),
        LIMITS_FILE,
        None,
    ),
    (
        "HW515",
        cells(
            LIMITS,
            lambda row: row["thermal_id"] == 1 and row["stage_id"] == 2,
            max_generation_mw=70.5,
        ),
        LIMITS_FILE,
        None,
    ),
    (
        "HW549",
        cells("constraints/contract_bounds", lambda row: row["stage_id"] == 2, min_mw=8.5),
        "constraints/contract_bounds.parquet",
        None,
    ),
    (
        "HW549",
        cells("constraints/pumping_bounds", lambda row: row["stage_id"] == 2, min_m3s=4.5),
        "constraints/pumping_bounds.parquet",
        None,
    ),
    # tables with holes
    ("HW546", rows(EXTERNAL, lambda row: row["stage_id"] != 2), f"{EXTERNAL}.parquet", None),
    (
        "HW546",
        rows(
            EXTERNAL, lambda row: (row["stage_id"], row["scenario_id"], row["bus_id"]) != (1, 1, 1)
        ),
        f"{EXTERNAL}.parquet",
        None,
    ),
    (
        "HW546",
        lambda case: case.tables.pop(EXTERNAL),
        CONFIG,
        "training.scenario_source.load.scheme",
    ),
    (
        "HW403",
        rows(OPENINGS, lambda row: (row["stage_id"], row["opening_index"]) != (3, 0)),
        f"{OPENINGS}.parquet",
        None,
    ),
    (
        "HW403",
        cells(
            OPENINGS, lambda row: row["stage_id"] == 3 and row["entity_index"] == 8, entity_index=9
        ),
        f"{OPENINGS}.parquet",
        None,
    ),
    (
        "HW403",
        rows(OPENINGS, lambda row: row["stage_id"] != 3 or row["entity_index"] < 7),
        f"{OPENINGS}.parquet",
        None,
    ),
    ("HW403", rows(CHANCES, lambda row: row["opening_index"] != 2), f"{CHANCES}.parquet", None),
    (
        "HW403",
        cells(CHANCES, lambda row: row["opening_index"] == 2, probability=0.4),
        f"{CHANCES}.parquet",
        None,
    ),
    (
        "HW556",
        rows(HISTORY, lambda row: row["hydro_id"] or row["date"].month != 12),
        CONFIG,
        INFLOW_SCHEME,
    ),
    (
        "HW556",
        rows(
            HISTORY,
            lambda row: (
                row["hydro_id"]
                or (row["date"].year not in (2002, 2003) and row["date"] != date(2001, 4, 1))
            ),
        ),
        CONFIG,
        INFLOW_SCHEME,
    ),
    ("HW556", lambda case: case.tables.pop(HISTORY), CONFIG, INFLOW_SCHEME),
    (
        "HW559",
        put(STAGES, "stages", 2, "sampling_method", value="selective"),
        STAGES,
        "stages[2].sampling_method",
    ),
]


def named(problems):
    count: dict[str, int] = {}
    for code, *rest in problems:
        count[code] = count.get(code, 0) + 1
        yield pytest.param(code, *rest, id=f"{code}-{count[code]}")


@pytest.mark.parametrize(("code", "change", "file", "path"), list(named(ERRORS)))
def test_the_one_error_is_found_where_it_is(case, code, change, file, path):
    change(case)
    errors = validate_case(case.write()).errors
    assert {finding.code for finding in errors} == {code}, [str(finding) for finding in errors]
    assert (file, path) in {(finding.file, finding.path) for finding in errors}, [
        str(finding) for finding in errors
    ]
    assert all(finding.message and finding.fix for finding in errors)


def lone_bus(case: TinyCase) -> None:
    case.files["system/buses.json"]["buses"].append({"id": 2, "name": "C"})
    case.tables["scenarios/load_seasonal_stats"] += [
        {"bus_id": 2, "stage_id": t, "mean_mw": 0.0, "std_mw": 0.0} for t in range(4)
    ]


def almost(off: float):
    """A matrix of three rivers of which two agree and one does not, by a little or by far."""

    def change(case: TinyCase) -> None:
        group = case.files[CORRELATION]["profiles"]["default"]["correlation_groups"][0]
        group["entities"].append({"type": "inflow", "id": 2})
        group["matrix"] = [[1.0, off, -off], [off, 1.0, off], [-off, off, 1.0]]

    return change


WARNINGS = [
    ("HW539", almost(0.52), CORRELATION, f"{GROUP}.matrix"),
    ("HW542", lambda case: None, INITIAL, "recent_observations[0]"),
    (
        "HW566",
        cells("system/fpha_hyperplanes", lambda row: row["plane_id"] == 1, valid_v_min_hm3=11.0),
        PLANES,
        VALID_FROM,
    ),
    (
        "HW566",
        cells("system/fpha_hyperplanes", lambda row: row["plane_id"] == 1, valid_v_max_hm3=99.0),
        PLANES,
        VALID_TO,
    ),
    (
        "HW566",
        cells("system/fpha_hyperplanes", lambda row: row["plane_id"] == 1, valid_q_max_m3s=99.0),
        PLANES,
        VALID_FLOW,
    ),
    (
        "HW604",
        cells(
            "constraints/ncs_bounds", lambda row: row["ncs_id"] == 0, available_generation_mw=0.0
        ),
        "system/non_controllable_sources.json",
        None,
    ),
    ("HW604", lone_bus, "system/buses.json", None),
    (
        "HW547",
        rows(EXTERNAL, lambda row: row["stage_id"] != 2 or row["scenario_id"] != 2),
        f"{EXTERNAL}.parquet",
        None,
    ),
]


@pytest.mark.parametrize(("code", "change", "file", "path"), list(named(WARNINGS)))
def test_the_one_more_warning_is_found_where_it_is(case, plain, code, change, file, path):
    usual = {finding.code for finding in validate_case(plain.root)}
    change(case)
    report = validate_case(case.write())
    assert report.ok, str(report)
    assert {finding.code for finding in report} - usual <= {code}
    assert (code, file, path) in {
        (finding.code, finding.file, finding.path) for finding in report
    }, str(report)


def test_correlations_that_contradict_each_other_by_far_are_an_error(case):
    almost(0.9)(case)
    (finding,) = validate_case(case.write()).errors
    assert (finding.code, finding.path) == ("HW540", f"{GROUP}.matrix")


@pytest.mark.parametrize(
    "change", [drop(STAGES, "stages", 2, "season_id"), drop(STAGES, "season_definitions")]
)
def test_a_replay_of_history_needs_seasons(case, change):
    for name in ("scenarios/inflow_ar_coefficients", "scenarios/inflow_annual_component"):
        case.tables.pop(name)
    for row in case.tables["scenarios/inflow_seasonal_stats"]:
        row["ar_order"] = 0
    for name in ("stages", "pre_study_stages"):
        for stage in case.files[STAGES][name]:
            stage["season_id"] = stage.get("season_id")
    change(case)
    case.files["config.json"]["simulation"]["scenario_source"]["inflow"] = {"scheme": "in_sample"}
    codes = {(finding.code, finding.path) for finding in validate_case(case.write()).errors}
    assert ("HW556", INFLOW_SCHEME) in codes
