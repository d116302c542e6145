"""The registry of tables."""

from __future__ import annotations

import pytest

from headwater.core.equipment import EQUIPMENT
from headwater.lp.readout import CATEGORIES
from headwater.results import SCHEMAS, TIMING_COLUMNS


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_column_says_what_it_is_once(name: str):
    schema = SCHEMAS[name]
    columns = [column.name for column in schema.columns]
    assert len(set(columns)) == len(columns)
    assert set(schema.sort_keys) <= set(columns)
    for column in schema.columns:
        assert column.unit
        assert column.description


def test_every_cost_component_has_a_column():
    columns = [column.name for column in SCHEMAS["costs"].columns]
    assert columns[7:] == [cost.name for cost in EQUIPMENT.costs]


def test_every_category_of_costs_has_a_column_in_the_summary():
    columns = {column.name for column in SCHEMAS["scenario_summary"].columns}
    assert {f"{name}_cost" for name in CATEGORIES} <= columns


def test_timing_columns_exist():
    assert set(TIMING_COLUMNS) <= {column.name for column in SCHEMAS["convergence"].columns}


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("_m3s", "m3/s"),
        ("_hm3", "hm3"),
        ("_mw", "MW"),
        ("_mwh", "MWh"),
        ("_per_mwh", "$/MWh"),
        ("_cost", "$"),
        ("_ms", "ms"),
        ("_mb", "MB"),
    ],
)
def test_units_agree_with_names(name: str, unit: str):
    exceptions = {
        "productivity_mw_per_m3s": "MW/(m3/s)",
        "value_per_hm3": "$/hm3",
        "water_value_per_hm3": "$/hm3",
    }
    seen = 0
    for schema in SCHEMAS.values():
        for column in schema.columns:
            if column.name.endswith(name) and not (
                name == "_mwh" and column.name.endswith("_per_mwh")
            ):
                assert column.unit == exceptions.get(column.name, unit), (schema.name, column.name)
                seen += 1
    assert seen
