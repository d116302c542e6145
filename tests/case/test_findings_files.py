"""Layers 1 and 2: files that are missing, unreadable, malformed or out of range are
reported with code and place.
"""

from __future__ import annotations

import json
import os

import polars as pl
import pytest

from case_builder import codes_of, tiny_case
from headwater.case import Severity, load_case, validate_case
from headwater.errors import CaseError


def errors_of(root, **options):
    return validate_case(root, **options).errors


def test_the_tiny_case_is_spotless(tmp_path):
    assert validate_case(tiny_case(tmp_path).write(), strict=True).findings == ()


def test_a_directory_that_does_not_exist_is_one_error(tmp_path):
    (finding,) = errors_of(tmp_path / "nowhere")
    assert finding.code == "HW101"


def test_a_required_file_that_is_missing_is_named(tmp_path):
    root = tiny_case(tmp_path).write()
    (root / "system" / "lines.json").unlink()
    report = validate_case(root)
    assert [(f.code, f.file) for f in report.errors] == [("HW101", "system/lines.json")]
    assert any("HW309" in name for name in report.skipped)


def test_a_directory_in_place_of_a_file_is_reported(tmp_path):
    root = tiny_case(tmp_path).write()
    (root / "penalties.json").unlink()
    (root / "penalties.json").mkdir()
    assert codes_of(errors_of(root)) == {"HW102"}


def test_a_table_given_twice_is_refused(tmp_path):
    case = tiny_case(tmp_path)
    case.write()
    assert codes_of(errors_of(case.write(csv=True))) == {"HW103"}


def test_an_unknown_data_file_is_an_error_with_the_nearest_name(tmp_path):
    root = tiny_case(tmp_path).write()
    (root / "scenarios" / "inflow_seasonal_stat.csv").write_text("a\n1\n")
    (root / "system" / "notes.md").write_text("free")
    (finding,) = validate_case(root).findings
    assert (finding.code, finding.severity) == ("HW104", Severity.ERROR)
    assert "scenarios/inflow_seasonal_stats.csv" in finding.fix


BROKEN_TEXT = {
    "syntax": b'{"lines": [',
    "empty": b"",
    "not utf-8": b'{"lines": ["\xff\xfe"]}',
    "duplicate key": b'{"lines": [], "lines": []}',
    "not a number": b'{"lines": NaN}',
    "infinity": b'{"lines": -Infinity}',
    "deep": b'{"lines":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
    "deep objects": b'{"lines":' * 1_000_000,
    "utf-16": '{"lines": []}'.encode("utf-16"),
    "latin": '{"lines": [], "_note": "S\u00e3o"}'.encode("latin-1"),
    "half a surrogate": b'{"lines": ["\\ud800"]}',
    "endless number": b'{"lines": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("content", BROKEN_TEXT.values(), ids=BROKEN_TEXT)
def test_broken_json_is_one_error_in_its_file(tmp_path, content):
    root = tiny_case(tmp_path).write()
    (root / "system" / "lines.json").write_bytes(content)
    assert [(f.code, f.file) for f in errors_of(root)] == [("HW202", "system/lines.json")]


def test_a_byte_order_mark_is_tolerated(tmp_path):
    root = tiny_case(tmp_path).write()
    file = root / "system" / "lines.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert validate_case(root).ok


def test_a_list_at_the_top_is_not_a_file_of_the_format(tmp_path):
    root = tiny_case(tmp_path).write()
    (root / "system" / "lines.json").write_text("[]")
    assert codes_of(errors_of(root)) == {"HW201"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "HW202"),
        (b" \n", "HW202"),
        (b"thermal_id,stage_id\n1,1,5\n", "HW202"),
        (b"\xff\xfe\x00", "HW202"),
        (b"thermal_id,stage_id\none,1\n", "HW206"),
        (b"thermal_id,stage_id\n1.5,1\n", "HW206"),
        (b"thermal_id;stage_id\n1;1\n", "HW201"),
        (b"thermal_id,thermal_id,stage_id\n1,1,1\n", "HW207"),
    ],
)
def test_a_damaged_csv_table_is_reported(tmp_path, content, code):
    case = tiny_case(tmp_path)
    del case.tables["constraints/thermal_bounds"]
    root = case.write()
    (root / "constraints" / "thermal_bounds.csv").write_bytes(content)
    found = errors_of(root)
    assert code in codes_of(found), [str(finding) for finding in found]
    assert {finding.file for finding in found} == {"constraints/thermal_bounds.csv"}


def test_a_column_of_another_type_is_reported(tmp_path):
    root = tiny_case(tmp_path).write()
    file = root / "constraints" / "thermal_bounds.parquet"
    pl.read_parquet(file).with_columns(pl.col("max_generation_mw").cast(pl.String)).write_parquet(
        file
    )
    (finding,) = errors_of(root)
    assert (finding.code, finding.path) == ("HW201", "thermal_bounds.max_generation_mw")


def test_two_names_of_one_column_contradict_each_other(tmp_path):
    case = tiny_case(tmp_path)
    source = {"id": 0, "name": "W", "bus_id": 0, "max_generation_mw": 9.0}
    case.files["system/non_controllable_sources.json"] = {"non_controllable_sources": [source]}
    row = {"ncs_id": 0, "source_id": 0, "stage_id": 0, "curtailment_cost": 1.0}
    case.tables["constraints/penalty_overrides_ncs"] = [row]
    (finding,) = errors_of(case.write())
    assert (finding.code, finding.path) == ("HW702", "ncs_id")


def test_a_table_with_an_older_name_is_read_and_pointed_out(tmp_path):
    case = tiny_case(tmp_path)
    row = {"stage_id": 0, "scenario_id": 0, "value_m3s": 1.0}
    case.tables["scenarios/external_scenarios"] = [{**row, "hydro_id": hydro} for hydro in (0, 1)]
    loaded = load_case(case.write())
    assert [(f.code, f.file) for f in loaded.report] == [
        ("HW701", "scenarios/external_scenarios.parquet")
    ]
    assert loaded.system.external_inflows.entity_ids == (0, 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
@pytest.mark.parametrize("name", ["penalties.json", "constraints/thermal_bounds.parquet"])
def test_a_file_that_may_not_be_read_is_reported(tmp_path, name):
    root = tiny_case(tmp_path).write()
    (root / name).chmod(0)
    assert [(f.code, f.file) for f in errors_of(root)] == [("HW102", name)]


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"PAR1" + bytes(50) + b"PAR1"], ids=["empty", "text", "magic only"]
)
def test_a_damaged_table_is_one_error(tmp_path, content):
    root = tiny_case(tmp_path).write()
    (root / "constraints" / "thermal_bounds.parquet").write_bytes(content)
    assert [(f.code, f.file) for f in errors_of(root)] == [
        ("HW202", "constraints/thermal_bounds.parquet")
    ]


def set_in(*path, value):
    """A change that sets one value of a JSON file."""

    def change(case):
        holder = case.files[path[0]]
        for key in path[1:-1]:
            holder = holder[key]
        holder[path[-1]] = value

    return change


def drop(*path):
    """A change that removes one key of a JSON file."""

    def change(case):
        holder = case.files[path[0]]
        for key in path[1:-1]:
            holder = holder[key]
        del holder[path[-1]]

    return change


HYDRO = ("system/hydros.json", "hydros", 0)
THERMAL = ("system/thermals.json", "thermals", 0)
STAGE = ("stages.json", "stages", 0)
TRAINING = ("config.json", "training")
CVAR = {"alpha": 0.95, "lambda": 0.5}

JSON_PROBLEMS = [
    ("HW201", drop(*TRAINING, "forward_passes"), "training.forward_passes"),
    ("HW201", drop(*HYDRO, "generation", "productivity_mw_per_m3s"), "hydros[0].generation"),
    ("HW201", set_in(*HYDRO, "bus_id", value="0"), "hydros[0].bus_id"),
    ("HW201", set_in(*HYDRO, "bus_id", value=0.0), "hydros[0].bus_id"),
    ("HW201", set_in(*HYDRO, "bus_id", value=True), "hydros[0].bus_id"),
    ("HW201", set_in(*HYDRO, "reservoir", value=[]), "hydros[0].reservoir"),
    ("HW201", set_in(*HYDRO, "bus_id", value=None), "hydros[0].bus_id"),
    ("HW201", drop(*THERMAL, "cost_per_mwh"), "thermals[0]"),
    (
        "HW201",
        set_in(*TRAINING, "stopping_rules", value=[{"type": "iteration_limit"}]),
        "training.stopping_rules[0].limit",
    ),
    ("HW204", set_in(*HYDRO, "bus_id", value=-1), "hydros[0].bus_id"),
    ("HW204", set_in(*HYDRO, "bus_id", value=2**31), "hydros[0].bus_id"),
    (
        "HW204",
        set_in(*HYDRO, "generation", "productivity_mw_per_m3s", value=-1),
        "hydros[0].generation.productivity_mw_per_m3s",
    ),
    (
        "HW204",
        set_in(*HYDRO, "reservoir", "max_storage_hm3", value=10**400),
        "hydros[0].reservoir.max_storage_hm3",
    ),
    ("HW204", set_in(*STAGE, "start_date", value="2024-02-30"), "stages[0].start_date"),
    ("HW204", set_in(*STAGE, "end_date", value="2023-12-31"), "stages[0]"),
    ("HW204", set_in(*STAGE, "num_scenarios", value=0), "stages[0].num_scenarios"),
    ("HW204", set_in(*STAGE, "blocks", value=[]), "stages[0].blocks"),
    (
        "HW204",
        set_in(*STAGE, "risk_measure", value={"cvar": {"alpha": 1.0, "lambda": 0.5}}),
        "stages[0].risk_measure.cvar",
    ),
    (
        "HW205",
        set_in(*STAGE, "risk_measure", value={"cvar": {**CVAR, "tail_fraction": 0.1}}),
        "stages[0].risk_measure.cvar",
    ),
    ("HW205", set_in(*STAGE, "risk_measure", value="expectaton"), "stages[0].risk_measure"),
    ("HW205", set_in(*STAGE, "sampling_method", value="sa"), "stages[0].sampling_method"),
    ("HW205", set_in(*TRAINING, "stopping_mode", value="some"), "training.stopping_mode"),
    (
        "HW205",
        set_in(*TRAINING, "stopping_rules", value=[{"type": "time_limit", "seconds": 1}]),
        "training.stopping_rules",
    ),
    (
        "HW205",
        set_in(*TRAINING, "scenario_source", value={"load": {"scheme": "out_of_sample"}}),
        "training.scenario_source",
    ),
    (
        "HW205",
        set_in(*TRAINING, "scenario_source", value={"load": {"scheme": "historical"}}),
        "training.scenario_source.load.scheme",
    ),
    (
        "HW205",
        set_in(*TRAINING, "cut_selection", value={"enabled": True}),
        "training.cut_selection",
    ),
    (
        "HW205",
        set_in("config.json", "simulation", value={"output_path": "x"}),
        "simulation.output_path",
    ),
    ("HW205", set_in("config.json", "exports", value={"cuts": True}), "exports.cuts"),
    ("HW207", set_in(*TRAINING, "forward_pases", value=3), "training.forward_pases"),
    (
        "HW207",
        set_in(*HYDRO, "reservoir", "max_storage", value=3),
        "hydros[0].reservoir.max_storage",
    ),
    ("HW207", set_in("config.json", "compat", value={}), "compat"),
    (
        "HW209",
        set_in("penalties.json", "bus", "deficit_segments", 1, "depth_mw", value=10.0),
        "bus.deficit_segments",
    ),
    (
        "HW209",
        set_in("penalties.json", "bus", "deficit_segments", 0, "cost", value=9000.0),
        "bus.deficit_segments",
    ),
    ("HW210", set_in(*STAGE, "blocks", 1, "id", value=2), "stages[0].blocks"),
    ("HW211", set_in(*HYDRO, "reservoir", "min_storage_hm3", value=101.0), "hydros[0].reservoir"),
    ("HW211", set_in(*HYDRO, "outflow", "min_outflow_m3s", value=501.0), "hydros[0].outflow"),
    (
        "HW211",
        set_in(*HYDRO, "generation", "min_turbined_m3s", value=101.0),
        "hydros[0].generation",
    ),
    ("HW211", set_in(*THERMAL, "generation", "min_mw", value=61.0), "thermals[0].generation"),
    (
        "HW213",
        set_in(*HYDRO, "efficiency", value={"type": "constant", "value": 1.1}),
        "hydros[0].efficiency.value",
    ),
    (
        "HW213",
        set_in(*HYDRO, "tailrace", value={"type": "polynomial", "coefficients": []}),
        "hydros[0].tailrace.coefficients",
    ),
    (
        "HW214",
        set_in(*HYDRO, "evaporation", value={"coefficients_mm": [1.0] * 11}),
        "hydros[0].evaporation.coefficients_mm",
    ),
    (
        "HW214",
        set_in(
            *HYDRO,
            "evaporation",
            value={"coefficients_mm": [1.0] * 12, "reference_volumes_hm3": [5.0] * 12},
        ),
        "hydros[0]",
    ),
    (
        "HW702",
        set_in(*THERMAL, "cost_segments", value=[{"capacity_mw": 60.0, "cost_per_mwh": 1.0}]),
        "thermals[0]",
    ),
]


@pytest.mark.parametrize(
    ("code", "change", "path"), JSON_PROBLEMS, ids=[f"{p[0]} {p[2]}" for p in JSON_PROBLEMS]
)
def test_a_value_that_breaks_its_schema_is_reported_where_it_is(tmp_path, code, change, path):
    found = errors_of(tiny_case(tmp_path).edit(change))
    assert (code, path) in {(finding.code, finding.path) for finding in found}
    assert len(found) == 1
    assert found[0].message
    assert found[0].fix


def correlation(matrix, *, method="spectral"):
    group = {
        "name": "g",
        "entities": [{"type": "inflow", "id": 0}, {"type": "inflow", "id": 1}],
        "matrix": matrix,
    }
    return {"method": method, "profiles": {"default": {"correlation_groups": [group]}}}


MATRICES = {
    "not square": [[1.0, 0.5]],
    "diagonal": [[1.0, 0.5], [0.5, 0.9]],
    "not symmetric": [[1.0, 0.5], [0.4, 1.0]],
    "out of range": [[1.0, 1.5], [1.5, 1.0]],
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_a_matrix_that_is_no_correlation_is_refused(tmp_path, matrix):
    case = tiny_case(tmp_path)
    case.files["scenarios/correlation.json"] = correlation(matrix)
    assert codes_of(errors_of(case.write())) == {"HW212"}


def test_an_expression_that_does_not_parse_names_the_column(tmp_path):
    case = tiny_case(tmp_path)
    constraint = {
        "id": 0,
        "name": "c",
        "expression": "2 * hydro_turbind(0)",
        "sense": "<=",
        "slack": {"enabled": False},
    }
    case.files["constraints/generic_constraints.json"] = {"constraints": [constraint]}
    (finding,) = errors_of(case.write())
    assert finding.code == "HW203"
    assert "column 5" in finding.message


def test_all_problems_of_all_files_are_reported_together(tmp_path):
    case = tiny_case(tmp_path)
    case.hydros[0]["bus_id"] = -1
    case.hydros[1]["generation"]["model"] = "fphaa"
    case.thermals[1]["bus_id"] = 9
    case.training["forward_passes"] = 0
    found = {(finding.code, finding.path) for finding in errors_of(case.write())}
    assert found == {
        ("HW204", "hydros[0].bus_id"),
        ("HW205", "hydros[1].generation.model"),
        ("HW301", "thermals[1].bus_id"),
        ("HW204", "training.forward_passes"),
    }


def test_an_unknown_key_names_the_nearest_known_one_and_hides_nothing_else(tmp_path):
    case = tiny_case(tmp_path)
    case.training["forward_pases"] = 3
    case.hydros[0]["bus_id"] = 9
    case.files["config.json"]["modeling"]["inflow_non_negativity"]["metod"] = "none"
    found = {finding.path: finding for finding in errors_of(case.write())}
    assert "'forward_passes'" in found["training.forward_pases"].fix
    assert "'method'" in found["modeling.inflow_non_negativity.metod"].fix
    assert found["hydros[0].bus_id"].code == "HW301"


def test_comments_and_descriptions_may_stand_anywhere(tmp_path):
    case = tiny_case(tmp_path)
    for content in case.files.values():
        content |= {
            "$schema": "x",
            "$comment": 1,
            "_note": [1],
            "version": "1.0",
            "description": "d",
            "label": "l",
        }
    case.hydros[0]["_checked_by"] = "someone"
    case.hydros[0]["description"] = "upper"
    assert validate_case(case.write()).findings == ()


def test_null_means_not_given(tmp_path):
    case = tiny_case(tmp_path)
    case.initial["past_inflows"] = None
    case.files["system/lines.json"]["lines"][0]["losses_percent"] = None
    case.training["threads"] = None
    assert validate_case(case.write()).findings == ()


STATS = "scenarios/inflow_seasonal_stats"


def cell(column, value, row=2):
    return lambda case: case.tables[STATS][row].__setitem__(column, value)


TABLE_PROBLEMS = [
    (
        "HW201",
        lambda case: [row.pop("std_m3s") for row in case.tables[STATS]],
        "inflow_seasonal_stats.std_m3s",
    ),
    ("HW204", cell("std_m3s", -1.0), "inflow_seasonal_stats[2].std_m3s"),
    ("HW204", cell("mean_m3s", float("nan")), "inflow_seasonal_stats[2].mean_m3s"),
    ("HW206", cell("mean_m3s", None), "inflow_seasonal_stats[2].mean_m3s"),
    ("HW207", lambda case: [row.setdefault("mean", 1.0) for row in case.tables[STATS]], "mean"),
    (
        "HW208",
        lambda case: case.tables[STATS].append(dict(case.tables[STATS][0])),
        "inflow_seasonal_stats[4]",
    ),
]


@pytest.mark.parametrize("csv", [False, True], ids=["parquet", "csv"])
@pytest.mark.parametrize(
    ("code", "change", "path"), TABLE_PROBLEMS, ids=[p[0] + " " + p[2] for p in TABLE_PROBLEMS]
)
def test_a_bad_cell_or_column_is_reported_where_it_is(tmp_path, code, change, path, csv):
    case = tiny_case(tmp_path)
    change(case)
    found = errors_of(case.write(csv=csv))
    assert [(finding.code, finding.path) for finding in found] == [(code, path)]


def test_a_cell_that_is_no_number_is_reported_with_its_row(tmp_path):
    root = tiny_case(tmp_path).write(csv=True)
    file = root / "scenarios" / "load_seasonal_stats.csv"
    file.write_text(file.read_text().replace("70.0", "seventy", 1))
    (finding,) = errors_of(root)
    assert (finding.code, finding.path) == ("HW206", "load_seasonal_stats[0].mean_mw")
    assert "seventy" in finding.message


def test_the_report_has_an_order_and_a_cap_and_says_how_many_there_are(tmp_path):
    case = tiny_case(tmp_path)
    case.tables["constraints/hydro_bounds"] = [
        {"hydro_id": 100 + i, "stage_id": 0, "max_storage_hm3": 1.0} for i in range(50)
    ]
    report = validate_case(case.write())
    assert len(report.errors) == 20
    assert report.errors[-1].count == 31
    assert [f.path for f in report.errors[:3]] == [
        f"hydro_bounds[{row}].hydro_id" for row in range(3)
    ]
    assert report.to_json()["summary"]["errors"] == 50
    json.dumps(report.to_json())
    assert "50 errors" in str(report)
    assert report == validate_case(case.root)


def test_loading_a_broken_case_raises_with_the_report(tmp_path):
    case = tiny_case(tmp_path)
    case.hydros[0]["bus_id"] = 9
    with pytest.raises(CaseError, match="Hydro 0 references Bus 9") as caught:
        load_case(case.write())
    assert codes_of(caught.value.report.errors) == {"HW301"}
