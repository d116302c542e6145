"""Cases in the dialect of Cobre 0.18 load as those of 0.5 do, and are written.

Figures that stand in these tests without a source are those that Cobre 0.18.0 itself gives.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from full_case import full_case
from headwater.case import convert_case, load_case
from headwater.equipment.unit_group import UnitGroup
from headwater.errors import CaseError
from headwater.model import Penalties
from newer_dialect import bound, converted, edit, newer_case, requires_converter, table
from shared_data import ORIGINALS, SHARED, requires_shared

pytestmark = requires_shared

PUBLISHED = sorted(path.name for path in ORIGINALS.glob("*")) if ORIGINALS.is_dir() else []
EXPECTED = (
    json.loads((SHARED / "cases" / "expected.json").read_text()) if ORIGINALS.is_dir() else {}
)
WITH_PLANES = {"d05-fpha-constant-head", "d07-fpha-computed"}
"""The converter leaves production planes out, so that it makes no whole case of these."""

CONVERTIBLE = [name for name in PUBLISHED if name not in WITH_PLANES]
FIGURES = [name for name in CONVERTIBLE if "lower_bound" in EXPECTED[name]]
HYDROS, CONFIG, STAGES = "system/hydros.json", "config.json", "stages.json"
CONSTRAINTS = "constraints/generic_constraints.json"
LIMITS = "constraints/generic_constraint_bounds.parquet"


def apart_from_penalties(system):
    return dataclasses.replace(system, penalties=Penalties())


@requires_converter
@pytest.mark.parametrize("name", CONVERTIBLE)
def test_a_converted_case_is_the_published_one_but_for_what_the_converter_sets(name, tmp_path):
    ours, theirs = (
        load_case(ORIGINALS / name),
        load_case(converted(ORIGINALS / name, tmp_path / "c")),
    )
    assert apart_from_penalties(theirs.system) == apart_from_penalties(ours.system)
    assert theirs.config.training == ours.config.training
    hydro = dataclasses.replace(
        theirs.system.penalties.hydro,
        fpha_turbined_cost=ours.system.penalties.hydro.fpha_turbined_cost,
        inflow_nonnegativity_cost=ours.system.penalties.hydro.inflow_nonnegativity_cost,
    )
    assert dataclasses.replace(theirs.system.penalties, hydro=hydro) == ours.system.penalties


@requires_converter
@pytest.mark.parametrize("name", FIGURES)
def test_a_converted_case_gives_the_published_figure(name, tmp_path):
    expected = EXPECTED[name]
    found = bound(converted(ORIGINALS / name, tmp_path / "c"))
    assert found == pytest.approx(expected["lower_bound"], abs=expected["abs"])


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_case_written_and_read_again_is_the_same_to_the_byte(name, tmp_path):
    newer = newer_case(name, tmp_path)
    plain, back = tmp_path / "plain", tmp_path / "back"
    convert_case(ORIGINALS / name, plain)
    convert_case(newer, back)
    before, after = load_case(plain), load_case(back)
    assert after.system == before.system
    assert after.config == before.config
    system = [one for one in plain.rglob("*.*") if one.name != "config.json"]
    assert {one: one.read_bytes() for one in system if one.suffix == ".parquet"} == {
        one: (back / one.relative_to(plain)).read_bytes()
        for one in system
        if one.suffix == ".parquet"
    }


@pytest.mark.parametrize("seed", [2, 5])
def test_a_stranger_written_and_read_again_is_the_same(seed, tmp_path):
    program = SHARED / "strangers" / "make_case.py"
    sizes = ["--hydros", "5", "--lags", "3", "--stages", "6", "--openings", "4", "--thermals", "6"]
    command = [sys.executable, program, tmp_path / "old", *sizes, "--seed", str(seed)]
    subprocess.run(command, check=True, capture_output=True)
    convert_case(tmp_path / "old", tmp_path / "newer", to="cobre-0.18")
    before, after = load_case(tmp_path / "old"), load_case(tmp_path / "newer")
    assert after.system == before.system


def test_what_has_no_place_in_the_newer_dialect_is_named_and_nothing_is_written(tmp_path):
    source = full_case(tmp_path / "old").write()
    with pytest.raises(CaseError) as refused:
        convert_case(source, tmp_path / "newer", to="cobre-0.18")
    for word in ("each direction", "exchange_factors", "weight", "opening_probabilities"):
        assert word in str(refused.value)
    assert not (tmp_path / "newer").exists()


def test_settings_that_are_left_out_are_said(tmp_path, caplog):
    newer_case("1dtoy", tmp_path)
    assert caplog.text == ""
    edit(tmp_path, "1dtoy/config.json", lambda c: None)
    convert_case(ORIGINALS / "1dtoy", tmp_path / "plain")
    edit(tmp_path / "plain", CONFIG, lambda c: c["training"].update(threads=1))
    convert_case(tmp_path / "plain", tmp_path / "again", to="cobre-0.18")
    assert "training.threads" in caplog.text


@pytest.mark.parametrize(
    ("day", "entry"),
    [("1900-01-01", None), ("2024-01-01", None), ("2024-01-15", 1), ("2024-02-01", 1)],
)
def test_a_plant_is_there_from_the_first_stage_that_begins_on_its_date(day, entry, tmp_path):
    case = newer_case("d01-thermal-dispatch", tmp_path)
    edit(
        case,
        "system/thermals.json",
        lambda f: f["thermals"][0].update(operational_start_date=day),
    )
    assert load_case(case).system.thermals[0].entry_stage_id == entry


def groups(*limits):
    """Unit groups by their largest flow and power."""

    def change(file):
        hydro = file["hydros"][0]
        plain = hydro["unit_groups"][0]
        hydro["unit_groups"] = [
            {**plain, "id": i, "max_turbined_m3s": flow, "max_generation_mw": power}
            for i, (flow, power) in enumerate(limits)
        ]

    return change


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ([(25.0, 25.0), (25.0, 25.0)], 2626111.1111111),
        ([(12.5, 12.5), (12.5, 12.5)], 4015000.0),
        ([(40.0, 10.0), (10.0, 40.0)], 4380000.0),
        ([(20.0, 20.0)], 4380000.0),
    ],
)
def test_the_groups_of_a_plant_limit_it_each_by_its_water_and_its_power(limits, expected, tmp_path):
    case = newer_case("d02-single-hydro", tmp_path)
    edit(case, HYDROS, groups(*limits))
    assert bound(case) == pytest.approx(expected)


@pytest.mark.parametrize("column", ["max_turbined_m3s", "max_generation_mw"])
def test_a_limit_of_the_only_group_at_a_stage_is_that_of_the_plant(column, tmp_path):
    case = newer_case("d02-single-hydro", tmp_path)
    name = "constraints/hydro_unit_group_bounds.parquet"
    table(case, name, hydro_id=[0], hydro_unit_group_id=[0], stage_id=[0], **{column: [10.0]})
    assert bound(case) == pytest.approx(3650000.0)


def test_turbining_may_cost_something_without_planes_too(tmp_path):
    case = newer_case("d02-single-hydro", tmp_path)
    edit(case, "penalties.json", lambda f: f["hydro"].update(turbined_cost=5.0))
    edit(case, HYDROS, lambda f: f["hydros"][0].pop("penalties", None))
    assert load_case(case).system.penalties.hydro.turbined_cost == 5.0
    assert bound(case) == pytest.approx(2947500.0)
    again = convert_case(case, tmp_path / "again", to="cobre-0.18")
    assert load_case(again).system == load_case(case).system


@pytest.mark.parametrize(
    ("place", "expected"),
    [("stage 0", 2611454.584787), ("stage 1", 2626111.111111), ("transition", 2611454.584787)],
)
def test_a_stage_may_have_a_discount_rate_of_its_own(place, expected, tmp_path):
    case = newer_case("d02-single-hydro", tmp_path)

    def change(file):
        rate = {"annual_discount_rate_override": 0.12}
        if place == "transition":
            step = {"source_id": 0, "target_id": 1, "probability": 1.0, **rate}
            file["policy_graph"]["transitions"] = [step]
        else:
            file["stages"][int(place[-1])].update(rate)

    edit(case, STAGES, change)
    assert bound(case) == pytest.approx(expected)


def test_nodes_that_are_the_stages_by_other_names_are_the_stages(tmp_path):
    case = newer_case("d02-single-hydro", tmp_path)
    nodes = [{"id": 10, "stage_id": 0}, {"id": 20, "stage_id": 1}]
    steps = [{"source_id": 10, "target_id": 20, "probability": 1.0}]
    edit(case, STAGES, lambda f: f["policy_graph"].update(nodes=nodes, transitions=steps))
    assert [one.target_id for one in load_case(case).system.policy_graph.transitions] == [1]


@pytest.mark.parametrize(
    ("expression", "low", "high", "expected"),
    [
        ("thermal_generation(0)", None, [10.0, 10.0], 15330000.0),
        ("thermal_generation(0)", [10.0, 10.0], [10.0, 10.0], 15330000.0),
        ("thermal_generation(0) <= 10", None, None, 15330000.0),
        ("thermal_generation(0) <= 10", None, [5.0, None], 11862500.0),
        ("thermal_generation(0) <= 10", [2.0, 2.0], [-1.0, -1.0], 16717000.0),
        ("thermal_generation(0) == 10", None, [2.0, 2.0], 12556000.0),
        ("0 - thermal_generation(0) >= -10", [-2.0, None], None, 13943000.0),
        ("thermal_generation(0) - 2 <= 8", None, [3.0, 3.0], 11169000.0),
        ("2 * thermal_generation(0) <= 10 + thermal_generation(0)", None, None, 15330000.0),
        ("@k * thermal_generation(0)", None, [20.0, 20.0], 15330000.0),
        ("@s * thermal_generation(0)", None, [20.0, 20.0], 8395000.0),
        ("thermal_generation(0) <= @k", None, None, 26426000.0),
        ("thermal_generation(0) <= 5 * @k", None, None, 15330000.0),
        ("2 * @e <= 20", None, None, 15330000.0),
    ],
)
def test_limits_stand_in_expressions_and_in_rows_and_add_up(
    expression, low, high, expected, tmp_path
):
    case = newer_case("d13-generic-constraint", tmp_path)
    parameters = [
        {"id": 0, "name": "k", "kind": "constant", "value": 2.0},
        {"id": 1, "name": "s", "kind": "per_stage", "values": [[0, 1.0], [1, 2.0]]},
    ]
    edit(
        case,
        "constraints/generic_parameters.json",
        lambda f: f.update(scalar_parameters=parameters),
    )
    edit(case, CONSTRAINTS, lambda f: f["constraints"][0].update(expression=expression))
    named = [{"name": "e", "expression": "thermal_generation(0)"}]
    edit(case, CONSTRAINTS, lambda f: f.update(expressions=named))
    ends = {"bound_lower": low, "bound_upper": high}
    given = {key: value for key, value in ends.items() if value is not None}
    table(case, LIMITS, constraint_id=[1, 1], stage_id=[0, 1], **given)
    assert bound(case) == pytest.approx(expected)


def test_a_productivity_may_stand_in_a_table_and_change_from_stage_to_stage(tmp_path):
    case = newer_case("d02-single-hydro", tmp_path)

    def without(file):
        for entry in file["production_models"]:
            for rule in entry["stage_ranges"]:
                del rule["productivity_mw_per_m3s"]

    edit(case, "system/hydro_production_models.json", without)
    name = "system/hydro_energy_productivity.parquet"
    values = [1.0, 0.5]
    table(case, name, hydro_id=[0, 0], stage_id=[0, 1], equivalent_productivity_mw_per_m3s=values)
    system = load_case(case).system
    rules = system.production_models[0].rules
    found = [
        system.hydros[0].productivity_mw_per_m3s
        if rule.productivity_mw_per_m3s is None
        else rule.productivity_mw_per_m3s
        for rule in rules
    ]
    assert found == values


def test_plants_dispatched_ahead_and_what_they_deliver_at_first(tmp_path):
    case = newer_case("d01-thermal-dispatch", tmp_path)
    edit(
        case,
        "system/thermals.json",
        lambda f: f["thermals"][0].update(anticipated_config={"lead_time_hours": 744.0}),
    )
    window = {"start_date": "2024-01-01", "end_date": "2024-02-01"}
    sent = [{"thermal_id": 0, "value_mw": 3.0, **window}]
    edit(case, "initial_conditions.json", lambda f: f.update(past_anticipated_commitments=sent))
    system = load_case(case).system
    assert system.thermals[0].gnl_lag_stages == 1
    assert system.initial.gnl_pipeline_mw == {(0, 1): 3.0}
    again = convert_case(case, tmp_path / "again", to="cobre-0.18")
    assert load_case(again).system == system


def test_all_combinations_of_openings_are_one_where_every_stage_has_one(tmp_path):
    case = newer_case("d02-single-hydro", tmp_path)
    edit(case, CONFIG, lambda f: f["training"].update(selection={"method": "enumerated"}))
    assert load_case(case).config.training.forward_passes == 1


def test_water_that_travels_and_what_is_on_its_way_at_the_start(tmp_path):
    case = newer_case("d03-two-hydro-cascade", tmp_path)
    edit(case, HYDROS, lambda f: f["hydros"][0].update(travel_time_hours=48.0))
    window = {"start_date": "2023-12-28", "end_date": "2024-01-01"}
    sent = [{"hydro_id": 0, "value_m3s": 12.0, **window}]
    edit(case, "initial_conditions.json", lambda f: f.update(past_defluences=sent))
    system = load_case(case).system
    assert system.hydros[0].travel_time_hours == 48.0
    assert [one.value_m3s for one in system.initial.past_defluences] == [12.0]
    again = convert_case(case, tmp_path / "again", to="cobre-0.18")
    assert load_case(again).system == system


def test_groups_at_several_buses_deliver_at_each(tmp_path):
    case = newer_case("d04-transmission", tmp_path)

    def split(file):
        plain = file["hydros"][0]["unit_groups"][0]
        half = {key: value / 2 for key, value in plain.items() if key.startswith(("min_", "max_"))}
        file["hydros"][0]["unit_groups"] = [
            {**plain, **half, "id": i, "bus_id": bus_id} for i, bus_id in enumerate((0, 1))
        ]

    before = load_case(case).system.hydros[0]
    edit(case, HYDROS, split)
    system = load_case(case).system
    assert system.hydros[0] == before
    found = [(one.hydro_id, one.bus_id, one.max_generation_mw) for one in system.of(UnitGroup)]
    assert found == [(before.id, bus_id, before.max_generation_mw / 2) for bus_id in (0, 1)]


@pytest.mark.parametrize("curtailed", [True, False])
def test_sources_may_have_to_run(curtailed, tmp_path):
    case = newer_case("d15-non-controllable-source", tmp_path)
    file = "system/non_controllable_sources.json"
    key = {"allow_curtailment": curtailed}
    edit(case, file, lambda f: f["non_controllable_sources"][0].update(key))
    assert load_case(case).system.non_controllables[0].allow_curtailment is curtailed
    again = convert_case(case, tmp_path / "again", to="cobre-0.18")
    assert load_case(again).system == load_case(case).system
