"""Layers 3 and 4: ids that do not exist and tables that do not cover what they must."""

from __future__ import annotations

import pytest

from case_builder import (
    ar_row,
    codes_of,
    constraint,
    geometry,
    opening_rows,
    plane,
    production,
    tiny_case,
)
from headwater.case import load_case, validate_case


def entity(kind, index, **values):
    file, key = f"system/{kind}.json", kind
    return lambda case: case.files[file][key][index].update(values)


def rows(name, *new):
    return lambda case: case.tables.setdefault(name, []).extend(new)


def initial(**values):
    return lambda case: case.initial.update(values)


def json_file(name, content):
    return lambda case: case.files.__setitem__(name, content)


def both(*changes):
    return lambda case: [change(case) for change in changes]


def factors(key, entity_key, **block):
    def make(entity_id=0, stage_id=0, block_id=0):
        entry = {
            entity_key: entity_id,
            "stage_id": stage_id,
            "block_factors": [{"block_id": block_id, **block}],
        }
        return {key: [entry]}

    return make


load_factors = factors("load_factors", "bus_id", factor=1.1)
exchange_factors = factors("exchange_factors", "line_id", direct_factor=1.0, reverse_factor=0.5)
group = {
    "name": "g",
    "entities": [{"type": "inflow", "id": 0}, {"type": "inflow", "id": 7}],
    "matrix": [[1, 0], [0, 1]],
}
profiles = {
    "default": {
        "correlation_groups": [{**group, "entities": [{"type": "load", "id": 0}], "matrix": [[1]]}]
    }
}

ERRORS = [
    ("HW208", lambda case: case.hydros.append(dict(case.hydros[0])), "hydros[2].id"),
    (
        "HW208",
        lambda case: case.files["system/buses.json"]["buses"].append({"id": 1, "name": "C"}),
        "buses[2].id",
    ),
    (
        "HW208",
        lambda case: case.initial["storage"].append({"hydro_id": 0, "value_hm3": 1.0}),
        "storage[2].hydro_id",
    ),
    ("HW208", initial(filling_storage=[{"hydro_id": 0, "value_hm3": 1.0}]), "filling_storage"),
    ("HW301", entity("lines", 0, target_bus_id=5), "lines[0].target_bus_id"),
    ("HW301", entity("hydros", 0, downstream_id=5), "hydros[0].downstream_id"),
    (
        "HW301",
        entity("hydros", 0, diversion={"downstream_id": 5, "max_flow_m3s": 1}),
        "hydros[0].diversion.downstream_id",
    ),
    ("HW301", entity("thermals", 0, bus_id=5), "thermals[0].bus_id"),
    (
        "HW301",
        initial(past_inflows=[{"hydro_id": 5, "values_m3s": [1.0]}]),
        "past_inflows[0].hydro_id",
    ),
    (
        "HW301",
        initial(gnl_pipeline=[{"thermal_id": 9, "stage_offset": 1, "committed_mw": 1}]),
        "gnl_pipeline[0].thermal_id",
    ),
    (
        "HW301",
        rows("constraints/hydro_bounds", {"hydro_id": 5, "stage_id": 0, "max_storage_hm3": 1.0}),
        "hydro_bounds[0].hydro_id",
    ),
    (
        "HW301",
        rows(
            "constraints/penalty_overrides_ncs",
            {"source_id": 0, "stage_id": 0, "curtailment_cost": 1.0},
        ),
        None,
    ),
    (
        "HW301",
        rows(
            "constraints/thermal_bounds",
            {"thermal_id": 0, "stage_id": 0, "block_id": 2, "max_generation_mw": 1.0},
        ),
        "thermal_bounds[2].block_id",
    ),
    ("HW301", json_file("scenarios/load_factors.json", load_factors(block_id=2)), None),
    (
        "HW301",
        json_file("scenarios/load_factors.json", load_factors(entity_id=8)),
        "load_factors[0].bus_id",
    ),
    (
        "HW301",
        json_file("constraints/exchange_factors.json", exchange_factors(entity_id=8)),
        "exchange_factors[0].line_id",
    ),
    (
        "HW302",
        json_file("constraints/exchange_factors.json", exchange_factors(stage_id=8)),
        "exchange_factors[0].stage_id",
    ),
    (
        "HW301",
        json_file(
            "scenarios/correlation.json",
            {"method": "spectral", "profiles": {"p": {"correlation_groups": [group]}}},
        ),
        None,
    ),
    (
        "HW301",
        json_file(
            "scenarios/correlation.json",
            {
                "method": "spectral",
                "profiles": profiles,
                "schedule": [{"stage_id": 0, "profile_name": "q"}],
            },
        ),
        "schedule[0].profile_name",
    ),
    (
        "HW301",
        rows(
            "constraints/generic_constraint_bounds",
            {"constraint_id": 3, "stage_id": 0, "block_id": None, "bound": 1.0},
        ),
        None,
    ),
    ("HW301", production(hydro_id=5), "production_models[0].hydro_id"),
    ("HW302", production(start_stage_id=9), "production_models[0].stage_ranges[0].start_stage_id"),
    (
        "HW302",
        rows("constraints/line_bounds", {"line_id": 0, "stage_id": 7, "direct_mw": 1.0}),
        "line_bounds[0].stage_id",
    ),
    (
        "HW302",
        rows(
            "scenarios/load_seasonal_stats",
            {"bus_id": 0, "stage_id": 7, "mean_mw": 1.0, "std_mw": 0.0},
        ),
        None,
    ),
    ("HW303", entity("thermals", 0, entry_stage_id=7), "thermals[0].entry_stage_id"),
    ("HW309", entity("lines", 0, target_bus_id=0), "lines[0]"),
    ("HW311", entity("hydros", 0, downstream_id=0), "hydros[0].downstream_id"),
    ("HW601", entity("hydros", 1, downstream_id=0), None),
    ("HW529", entity("thermals", 0, entry_stage_id=1, exit_stage_id=1), "thermals[0]"),
    ("HW529", entity("hydros", 0, filling={"start_stage_id": 0}), "hydros[0]"),
    ("HW401", lambda case: case.tables["scenarios/inflow_seasonal_stats"].pop(), None),
    ("HW402", lambda case: case.tables["scenarios/load_seasonal_stats"].pop(), None),
    ("HW403", rows("scenarios/noise_openings", *opening_rows(stages=(0,))), None),
    ("HW403", rows("scenarios/noise_openings", *opening_rows(width=3)), None),
    ("HW403", rows("scenarios/noise_openings", *opening_rows()[:-1]), None),
    (
        "HW403",
        both(
            rows("scenarios/noise_openings", *opening_rows()),
            rows(
                "scenarios/opening_probabilities",
                *({"stage_id": 0, "opening_index": i, "probability": 0.3} for i in range(4)),
            ),
        ),
        None,
    ),
    (
        "HW404",
        both(production(source="computed"), rows("system/hydro_geometry", geometry(0, 10.0))),
        None,
    ),
    ("HW405", production(source="precomputed"), None),
    (
        "HW407",
        initial(past_inflows=[{"hydro_id": 0, "values_m3s": [1.0], "season_ids": [0, 1]}]),
        "past_inflows[0]",
    ),
]


@pytest.mark.parametrize(
    ("code", "change", "path"), ERRORS, ids=[f"{row[0]}-{i}" for i, row in enumerate(ERRORS)]
)
def test_a_broken_reference_or_gap_is_the_only_error(tmp_path, code, change, path):
    found = validate_case(tiny_case(tmp_path).edit(change)).errors
    assert codes_of(found) == {code}, [str(finding) for finding in found]
    if path is not None:
        assert path in {finding.path for finding in found}


def test_seasons_of_stages_are_defined_where_seasons_are(tmp_path):
    case = tiny_case(tmp_path)
    seasons = [{"id": 0, "label": "January", "month_start": 1}]
    case.files["stages.json"]["season_definitions"] = {"cycle_type": "monthly", "seasons": seasons}
    case.stages[0]["season_id"], case.stages[1]["season_id"] = 0, 1
    (finding,) = validate_case(case.write()).errors
    assert (finding.code, finding.path) == ("HW304", "stages[1].season_id")


def test_pumping_stations_connect_two_reservoirs(tmp_path):
    case = tiny_case(tmp_path)
    station = {
        "id": 0,
        "name": "P",
        "bus_id": 0,
        "source_hydro_id": 0,
        "destination_hydro_id": 0,
        "consumption_mw_per_m3s": 0.1,
    }
    case.files["system/pumping_stations.json"] = {
        "pumping_stations": [{**station, "flow": {"min_m3s": 0, "max_m3s": 5}}]
    }
    assert codes_of(validate_case(case.write()).errors) == {"HW310"}


def test_a_cycle_of_rivers_lists_the_plants(tmp_path):
    case = tiny_case(tmp_path)
    case.hydros[1]["downstream_id"] = 0
    (finding,) = validate_case(case.write()).errors
    assert "0 -> 1 -> 0" in finding.message


def test_missing_lags_are_a_warning_that_names_plant_and_lags_and_an_error_under_strict(tmp_path):
    case = tiny_case(tmp_path)
    case.tables["scenarios/inflow_ar_coefficients"] = [
        ar_row(0, stage, lag, 0.2) for stage in (0, 1) for lag in (1, 2)
    ]
    case.initial["past_inflows"] = [{"hydro_id": 0, "values_m3s": [30.0]}]
    for stage in case.stages:
        stage["state_variables"] = {"inflow_lags": True}
    (finding,) = validate_case(case.write()).findings
    assert (finding.code, finding.entity, finding.severity.value) == (
        "HW406",
        'Hydro 0 "H0"',
        "warning",
    )
    assert "lags 2 " in finding.message
    assert codes_of(validate_case(case.root, strict=True).errors) == {"HW406"}


def test_lags_are_state_whatever_the_stages_say(tmp_path):
    case = tiny_case(tmp_path)
    case.tables["scenarios/inflow_ar_coefficients"] = [ar_row(0, 1, 1, 0.2)]
    case.initial["past_inflows"] = [{"hydro_id": 0, "values_m3s": [30.0]}]
    loaded = load_case(case.write())
    assert codes_of(loaded.report.warnings) == {"HW408"}
    assert all(stage.inflow_lags for stage in loaded.system.stages)


def test_given_openings_replace_the_number_of_scenarios(tmp_path):
    case = tiny_case(tmp_path)
    case.tables["scenarios/noise_openings"] = opening_rows(n_openings=3)
    loaded = load_case(case.write())
    assert codes_of(loaded.report.warnings) == {"HW548"}
    assert [stage.n_openings for stage in loaded.system.stages] == [3, 3]
    assert loaded.system.given_openings.noise[1].shape == (3, 2)


def test_terms_of_unknown_entities_are_errors(tmp_path):
    case = tiny_case(tmp_path)
    constraint("hydro_storage(0) + 2 hydro_storage(9)")(case)
    (finding,) = validate_case(case.write()).errors
    assert (finding.code, finding.path) == ("HW301", "constraints[0].expression")


def test_planes_of_one_stage_cover_that_stage_only(tmp_path):
    case = tiny_case(tmp_path)
    production(source="precomputed")(case)
    case.tables["system/fpha_hyperplanes"] = [plane(0, number, stage=0) for number in range(3)]
    (finding,) = validate_case(case.write()).errors
    assert finding.code == "HW405"
    assert "[1]" in finding.message


def test_scenarios_from_outside_are_numbered_as_one_likes(tmp_path):
    case = tiny_case(tmp_path)
    case.tables["scenarios/external_inflow_scenarios"] = [
        {
            "stage_id": stage,
            "scenario_id": number,
            "hydro_id": hydro,
            "value_m3s": 10.0 * hydro + number / 1e9,
        }
        for stage in (0, 1)
        for number in (2**31 - 1, 1931)
        for hydro in (0, 1)
    ]
    values = load_case(case.write()).system.external_inflows.values[0]
    assert values.shape == (2, 2)
    assert values[0, 0] < values[1, 0] < values[0, 1] < values[1, 1]
