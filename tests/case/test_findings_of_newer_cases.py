"""What cases in the dialect of Cobre 0.18 ask for and Headwater lacks is named with its place."""

from __future__ import annotations

import copy
import json
import random

import pytest

import headwater as hw
from headwater.case import validate_case
from newer_dialect import edit, newer_case, table
from shared_data import requires_shared

pytestmark = requires_shared

CONFIG, STAGES = "config.json", "stages.json"


def found(root, code):
    return [one for one in validate_case(root) if one.code == code]


REFUSED = {
    "buses within the study": (
        "system/buses.json",
        lambda f: f["buses"][0].update(operational_start_date="2024-02-01"),
        "buses[0].operational_start_date",
    ),
    "nodes of a graph": (
        STAGES,
        lambda f: f["policy_graph"].update(nodes=[{"id": i, "stage_id": i // 2} for i in range(4)]),
        "policy_graph.nodes",
    ),
    "enumeration": (
        CONFIG,
        lambda f: f["training"].update(selection={"method": "enumerated"}),
        "training.selection",
    ),
    "hours that are no stages": (
        "system/thermals.json",
        lambda f: f["thermals"][0].update(anticipated_config={"lead_time_hours": 100.0}),
        "thermals[0].anticipated_config.lead_time_hours",
    ),
    "deliveries within a stage": (
        "initial_conditions.json",
        lambda f: f.update(
            past_anticipated_commitments=[
                {
                    "thermal_id": 0,
                    "start_date": "2024-01-03",
                    "end_date": "2024-01-05",
                    "value_mw": 1.0,
                }
            ]
        ),
        "past_anticipated_commitments[0]",
    ),
    "deliveries after the study": (
        "post_study_stages.json",
        lambda f: f.update(
            stages=[], thermal_bounds=[{"thermal_id": 0, "post_study_stage_index": 0}]
        ),
        None,
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_part_of_the_model_is_an_error_with_its_place(what, tmp_path):
    file, change, path = REFUSED[what]
    case = newer_case("1dtoy", tmp_path)
    edit(case, file, change)
    (one,) = found(case, "HW730")
    assert (one.file, one.path) == (file, path)
    assert one.code == "HW730"
    assert one.fix


def test_curves_of_tailraces_and_limits_of_blocks_are_refused(tmp_path):
    case = newer_case("1dtoy", tmp_path)
    table(case, "system/tailrace_curves.parquet", hydro_id=[0], family_id=[0])
    bounds = {"hydro_id": [0], "stage_id": [0], "block_id": [0], "max_turbined_m3s": [1.0]}
    table(case, "constraints/hydro_bounds.parquet", **bounds)
    assert {one.file for one in found(case, "HW730")} == {
        "system/tailrace_curves.parquet",
        "constraints/hydro_bounds.parquet",
    }


IDLE = {
    "training.solver.backward": lambda f: f["training"].update(
        solver={"backward": {"price": "row"}}
    ),
    "training.parallelism": lambda f: f["training"].update(
        parallelism={"backward_scheduler": {"method": "by_node"}}
    ),
    "simulation.solver": lambda f: f["simulation"].update(solver={"presolve": "on"}),
    "exports.fpha_deviation_points": lambda f: f.update(exports={"fpha_deviation_points": True}),
    "training.cut_selection.selection": lambda f: f["training"].update(
        cut_selection={"selection": {"method": "lml1", "tie_tolerance": 1e-6}}
    ),
}


@pytest.mark.parametrize("path", IDLE)
def test_what_changes_no_result_is_left_out_and_said(path, tmp_path):
    case = newer_case("1dtoy", tmp_path)
    edit(case, CONFIG, IDLE[path])
    (one,) = found(case, "HW731")
    assert one.path == path
    assert one.code == "HW731"
    assert validate_case(case).ok


def test_openings_in_a_table_count_where_the_configuration_asks_for_them(tmp_path):
    case = newer_case("1dtoy", tmp_path)
    rows = [(t, w) for t in range(4) for w in range(10)]
    columns = {
        "stage_id": [t for t, _ in rows],
        "opening_index": [w for _, w in rows],
        "entity_index": [0] * 40,
        "value": [0.1 * w for _, w in rows],
    }
    table(case, "scenarios/noise_openings.parquet", **columns)
    assert len(found(case, "HW731")) == 1
    assert hw.load_case(case).system.given_openings is None
    source = {"openings": {"source": "file"}}
    edit(case, CONFIG, lambda f: f["training"].update(scenario_source=source))
    assert found(case, "HW731") == []
    assert hw.load_case(case).system.given_openings is not None


def test_files_of_the_newer_dialect_alone_do_not_make_a_case_newer(tmp_path):
    case = hw.convert_case(newer_case("1dtoy", tmp_path), tmp_path / "plain")
    edit(case, "post_study_stages.json", lambda f: f.update(stages=[], thermal_bounds=[]))
    (one,) = validate_case(case).errors
    assert (one.code, one.file) == ("HW104", "post_study_stages.json")


WRONG = [None, True, -1, 1e300, "x", [], {}, [1], [{}], {"a": 1}]


def places(value, way=()):
    yield way
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items if isinstance(value, dict | list) else ():
        if isinstance(inner, dict | list):
            yield from places(inner, (*way, key))
        else:
            yield (*way, key)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_stands_in_a_newer_case_validation_does_not_raise(seed, tmp_path):
    case = newer_case("d13-generic-constraint", tmp_path)
    edit(
        case,
        "constraints/generic_parameters.json",
        lambda f: f.update(
            scalar_parameters=[{"id": 0, "name": "k", "kind": "constant", "value": 2.0}]
        ),
    )
    other = newer_case("d16-par1-lag-shift", tmp_path)
    chance = random.Random(seed)
    for root in (case, other):
        for file in sorted(root.rglob("*.json")):
            plain = json.loads(file.read_text())
            for way in chance.sample(
                list(places(plain))[1:], k=min(4, len(list(places(plain))) - 1)
            ):
                broken = copy.deepcopy(plain)
                holder = broken
                for key in way[:-1]:
                    holder = holder[key]
                holder[way[-1]] = chance.choice(WRONG)
                file.write_text(json.dumps(broken))
                validate_case(root)
            file.write_text(json.dumps(plain))
