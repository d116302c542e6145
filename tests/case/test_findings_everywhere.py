"""In a case that has every file, each reference, each stage id, each row and each setting is broken
once, and found there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from case_builder import TinyCase
from full_case import N_STAGES, KeptCase, full_case
from headwater.case import validate_case
from headwater.case.rules_references import FACTORS, JSON_REFERENCES, TABLE_REFERENCES
from headwater.case.tables import TABLES, Column, Kind
from headwater.core.equipment import EQUIPMENT
from newer_kinds import add_newer_kinds

FREE = 77
"""An id that nothing has."""

ENTITY_FILES = {
    "bus": ("system/buses.json", "buses"),
    "line": ("system/lines.json", "lines"),
    "hydro": ("system/hydros.json", "hydros"),
    "thermal": ("system/thermals.json", "thermals"),
    "non_controllable": ("system/non_controllable_sources.json", "non_controllable_sources"),
    "pumping_station": ("system/pumping_stations.json", "pumping_stations"),
    "contract": ("system/energy_contracts.json", "contracts"),
    "user_constraint": ("constraints/generic_constraints.json", "constraints"),
    "battery": ("system/batteries.json", "batteries"),
    "stock": ("system/stocks.json", "stocks"),
    "reserve": ("system/reserves.json", "reserves"),
    "contingency": ("system/contingencies.json", "contingencies"),
    "demand_response": ("system/demand_responses.json", "demand_responses"),
    "unit_group": ("system/unit_groups.json", "unit_groups"),
}
LINKING = (
    "max_ramp_up_mw_per_hour",
    "max_ramp_down_mw_per_hour",
    "min_stable_mw",
    "start_cost",
    "min_up_hours",
    "min_down_hours",
)
"""Keys of thermal plants that ask for blocks one after the other in every stage of their life."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> TinyCase:
    case = full_case(tmp_path_factory.mktemp("full"))
    add_newer_kinds(case)
    case.write()
    return case


@pytest.fixture
def case(plain: TinyCase) -> Iterator[TinyCase]:
    kept = KeptCase(plain)
    yield kept
    kept.take_back()


def assert_only(case: TinyCase, code: str, file: str, path: str | None) -> None:
    """The case has one kind of error, and it is found at the place."""
    errors = validate_case(case.write()).errors
    assert {finding.code for finding in errors} == {code}, [str(finding) for finding in errors]
    assert (file, path) in {(finding.file, finding.path) for finding in errors}, [
        str(finding) for finding in errors
    ]
    assert all(finding.message and finding.fix for finding in errors)


def test_the_full_case_has_no_error(case):
    assert validate_case(case.write()).errors == ()


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, field, _ in JSON_REFERENCES])
def test_an_entity_that_names_what_does_not_exist_is_found(case, kind, field):
    file, key = ENTITY_FILES[kind]
    *sections, last = field.split(".")
    holder = case.files[file][key][0]
    for section in sections:
        holder = holder[section]
    is_list = isinstance(holder.get(last), list)
    holder[last] = [FREE] if is_list else FREE
    assert_only(case, "HW301", file, f"{key}[0].{field}{'[0]' if is_list else ''}")


@pytest.mark.parametrize(
    ("name", "column"), [(name, column) for name, column, _ in TABLE_REFERENCES]
)
def test_a_row_that_names_what_does_not_exist_is_found(case, name, column):
    table = name.removesuffix(".parquet")
    rows = case.tables[table]
    rows.append({**rows[0], column: FREE})
    assert_only(case, "HW301", name, f"{table.rsplit('/', 1)[1]}[{len(rows) - 1}].{column}")


@pytest.mark.parametrize(
    "name", [name for name, table in TABLES.items() if "stage_id" in table.names]
)
def test_a_row_of_a_stage_that_does_not_exist_is_found(case, name):
    table = name.removesuffix(".parquet")
    rows = case.tables[table]
    rows.append({**rows[0], "stage_id": FREE})
    errors = validate_case(case.write()).errors
    place = f"{table.rsplit('/', 1)[1]}[{len(rows) - 1}].stage_id"
    assert ("HW302", name, place) in {
        (finding.code, finding.file, finding.path) for finding in errors
    }


@pytest.mark.parametrize("name", [name for name, table in TABLES.items() if table.key])
def test_a_row_that_is_there_twice_is_found(case, name):
    table = name.removesuffix(".parquet")
    rows = case.tables[table]
    rows.append(dict(rows[0]))
    assert_only(case, "HW208", name, f"{table.rsplit('/', 1)[1]}[{len(rows) - 1}]")


def found(case: TinyCase, code: str) -> set[tuple[str, str | None]]:
    """File and place of all errors, which have one code."""
    errors = validate_case(case.write()).errors
    assert {finding.code for finding in errors} == {code}, [str(finding) for finding in errors]
    return {(finding.file, finding.path) for finding in errors}


@pytest.mark.parametrize("name", TABLES)
def test_a_required_column_cannot_have_gaps(case, name):
    table = name.removesuffix(".parquet")
    required = [column.name for column in TABLES[name].columns if column.required]
    for row, column in enumerate(required):
        case.tables[table].insert(row, {**case.tables[table][row], column: None})
    stem = table.rsplit("/", 1)[1]
    assert found(case, "HW206") == {
        (name, f"{stem}[{row}].{column}") for row, column in enumerate(required)
    }


@pytest.mark.parametrize("name", TABLES)
def test_a_required_column_cannot_be_left_out(case, name):
    table = name.removesuffix(".parquet")
    required = {column.name for column in TABLES[name].columns if column.required}
    case.tables[table] = [
        {key: row[key] for key in row if key not in required} | {"_note": 1.0}
        for row in case.tables[table]
    ]
    assert found(case, "HW201") == {
        (name, f"{table.rsplit('/', 1)[1]}.{column}") for column in required
    }


def outside(column: Column) -> float | None:
    """A value just outside the range of a column; ``None`` when it has no limit."""
    if column.kind is Kind.DATE or (column.low is None and column.high is None):
        return None
    if column.low is None:
        return column.high + 1.0
    if column.low <= -(2**31):
        return None
    return column.low if column.above else column.low - 1


@pytest.mark.parametrize("name", TABLES)
def test_a_cell_outside_its_range_is_found(case, name):
    table = name.removesuffix(".parquet")
    limited = [
        (column.name, outside(column))
        for column in TABLES[name].columns
        if outside(column) is not None
    ]
    for row, (column, value) in enumerate(limited):
        case.tables[table].insert(row, {**case.tables[table][row], column: value})
    stem = table.rsplit("/", 1)[1]
    wanted = {(name, f"{stem}[{row}].{column}") for row, (column, _) in enumerate(limited)}
    assert found(case, "HW204") == wanted


@pytest.mark.parametrize("kind", ENTITY_FILES)
def test_two_entities_with_one_id_are_found(case, kind):
    file, key = ENTITY_FILES[kind]
    entities = case.files[file][key]
    entities.append(dict(entities[0]))
    assert_only(case, "HW208", file, f"{key}[{len(entities) - 1}].id")


LIVING = [kind for kind in ENTITY_FILES if EQUIPMENT[kind].has_life]


def without_links(entity: dict[str, Any]) -> dict[str, Any]:
    """The entity, free to live in any stage."""
    for key in LINKING:
        entity.pop(key, None)
    return entity


@pytest.mark.parametrize("kind", LIVING)
@pytest.mark.parametrize("field", ["entry_stage_id", "exit_stage_id"])
def test_a_life_that_names_no_stage_is_found(case, kind, field):
    file, key = ENTITY_FILES[kind]
    last = without_links(case.files[file][key][-1])
    last |= (
        {"entry_stage_id": 0, "exit_stage_id": FREE}
        if field == "exit_stage_id"
        else {"entry_stage_id": N_STAGES + 1, "exit_stage_id": None}
    )
    assert_only(case, "HW303", file, f"{key}[{len(case.files[file][key]) - 1}].{field}")


@pytest.mark.parametrize("kind", LIVING)
def test_a_life_that_ends_before_it_begins_is_found(case, kind):
    file, key = ENTITY_FILES[kind]
    last = without_links(case.files[file][key][-1])
    last |= {"entry_stage_id": 2, "exit_stage_id": 2}
    assert_only(case, "HW529", file, f"{key}[{len(case.files[file][key]) - 1}]")


@pytest.mark.parametrize(("name", "key", "field"), [row[:3] for row in FACTORS])
@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("entity", "HW301"),
        ("stage", "HW302"),
        ("block", "HW301"),
        ("entry", "HW208"),
        ("twice", "HW208"),
    ],
)
def test_factors_of_nothing_and_factors_given_twice_are_found(case, name, key, field, what, code):
    entries = case.files[name][key]
    entry = entries[1]
    path = f"{key}[1]"
    if what == "entity":
        entry[field], path = FREE, f"{path}.{field}"
    elif what == "stage":
        entry["stage_id"], path = FREE, f"{path}.stage_id"
    elif what == "block":
        entry["block_factors"][2]["block_id"], path = 3, f"{path}.block_factors[2].block_id"
    elif what == "entry":
        entries.append(dict(entry))
        path = f"{key}[{len(entries) - 1}]"
    else:
        entry["block_factors"][2]["block_id"], path = 1, f"{path}.block_factors"
    assert_only(case, code, name, path)


@pytest.mark.parametrize(
    "key", ["storage", "filling_storage", "past_inflows", "recent_observations"]
)
def test_initial_conditions_of_nothing_are_found(case, key):
    entries = case.initial[key]
    entries.append({**entries[0], "hydro_id": FREE})
    assert_only(case, "HW301", "initial_conditions.json", f"{key}[{len(entries) - 1}].hydro_id")
