"""A case in other units is the same case.

Its programs have the same optimum, times the factor of money.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

import headwater as hw
from case_builder import TinyCase, constraint, tiny_case
from full_case import full_case
from headwater.case.json_schema import json_schemas
from headwater.case.tables import TABLES, Kind
from unit_scaling import UNIT_OF_OTHERS, factor_of, scale_case, scaled_expression

WITHOUT_UNIT = {
    "alpha", "annual_coefficient", "bound_tol", "charge_efficiency", "coefficient", "coefficients",
    "confidence", "cut_activity_tolerance", "cvar_tail_fractions", "direct_factor",
    "discharge_efficiency", "distance_tol", "factor", "initial_amount",
    "initial_probabilities", "kappa", "lambda", "limit_factor",
    "load_share", "matrix", "max_amount", "max_coefficient_magnitude", "max_supply", "mean",
    "min_supply", "probability", "radius", "reactance_pu", "recovery_factor", "relative_tolerance",
    "residual_std_ratio", "reverse_factor", "scale_factor", "self_discharge_per_hour", "shares",
    "slope_m3s_per_hm3", "std",
    "tail_fraction", "tolerance", "value", "volume_max_percentile", "volume_min_percentile",
}  # fmt: skip
"""Keys of shares and of what is scaled in a way of its own (``coefficients`` of tailraces,
``tolerance`` of gaps).
"""


POWER_AND_TIME = (
    "_mw",
    "_mwh",
    "_mw_per_hour",
    "_degrees",
    "_m",
    "_mm",
    "hours",
    "seconds",
    "minutes",
    "_mb",
)
"""Endings of keys whose unit knows neither money nor water."""


def numbers_of(schema, root, found):
    """Names of all keys in a JSON schema that may hold a number that is not whole."""
    if not isinstance(schema, dict):
        return
    for key, field in schema.get("properties", {}).items():
        if may_be_number(field, root):
            found.add(key)
    for inner in schema.values():
        for one in inner if isinstance(inner, list) else [inner]:
            numbers_of(one, root, found)
    for inner in schema.get("properties", {}).values():
        numbers_of(inner, root, found)
    for inner in schema.get("$defs", {}).values():
        numbers_of(inner, root, found)


def may_be_number(field, root):
    if not isinstance(field, dict):
        return False
    if "$ref" in field:
        return may_be_number(root["$defs"][field["$ref"].split("/")[-1]], root)
    branches = [*field.get("anyOf", []), *field.get("oneOf", []), field.get("items")]
    return field.get("type") == "number" or any(may_be_number(branch, root) for branch in branches)


def optimum(program):
    rows = LinearConstraint(program.matrix, program.row_lower, program.row_upper)
    result = milp(
        program.cost, constraints=rows, bounds=Bounds(program.column_lower, program.column_upper)
    )
    assert result.status == 0, result.message
    return result.fun


def test_every_number_of_a_case_has_a_unit_or_is_known_to_have_none():
    keys = {
        column.name
        for table in TABLES.values()
        for column in table.columns
        if column.kind is Kind.NUMBER
    }
    for schema in json_schemas().values():
        numbers_of(schema, schema, keys)
    factors = {key: (factor_of(key, 2.0, 1.0), factor_of(key, 1.0, 2.0)) for key in keys}
    unmoved = {key for key, pair in factors.items() if pair == (1.0, 1.0)}
    power_and_time = {key for key in unmoved if key.endswith(POWER_AND_TIME)}
    others = {
        "weight",
        "annual_discount_rate",
        "annual_discount_rate_override",
        "losses_percent",
        "gamma_0",
        "bound",
    }
    assert unmoved - power_and_time - others == WITHOUT_UNIT
    assert set(UNIT_OF_OTHERS) <= keys


@pytest.mark.parametrize(
    ("money", "water"), [(64.0, 1.0), (1e-3, 1.0), (1.0, 0.125), (1.0, 1e3), (10.0, 1e-2)]
)
def test_the_programs_of_a_case_with_every_file_keep_their_optimum(tmp_path, money, water):
    source = without_weight_of_water(full_case(tmp_path / "full")).write()
    scaled = scale_case(source, tmp_path / "scaled", money, water)
    wanted = money * optimum(hw.stage_program(hw.load_case(source), 0))
    assert optimum(hw.stage_program(hw.load_case(scaled), 0)) == pytest.approx(wanted, rel=1e-9)


def test_a_power_of_two_and_back_leaves_the_system_as_it_was(tmp_path):
    source = without_weight_of_water(full_case(tmp_path / "full")).write()
    there = scale_case(source, tmp_path / "there", 2.0**9, 2.0**-7)
    back = scale_case(there, tmp_path / "back", 2.0**-9, 2.0**7)
    assert hw.load_case(there).system != hw.load_case(source).system
    assert hw.load_case(back).system == hw.load_case(source).system


def test_tables_as_text_are_scaled_like_others(tmp_path):
    text = scale_case(full_case(tmp_path / "a").write(csv=True), tmp_path / "text", 3.0, 1.0)
    binary = scale_case(full_case(tmp_path / "b").write(), tmp_path / "binary", 3.0, 1.0)
    assert hw.load_case(text).system == hw.load_case(binary).system


def test_a_cost_that_is_left_out_is_derived_in_the_new_units(tmp_path):
    case = tiny_case(tmp_path / "case")
    del case.files["penalties.json"]["hydro"]["inflow_nonnegativity_cost"]
    given = hw.load_case(case.write())
    scaled = hw.load_case(scale_case(case.root, tmp_path / "scaled", 4.0, 2.0))
    costs = (
        one.system.resolved_penalties.hydro["inflow_nonnegativity_cost"] for one in (given, scaled)
    )
    before, after = (np.asarray(cost) for cost in costs)
    assert (before > 0.0).all()
    assert after == pytest.approx(before * 4.0 / 2.0)


def test_an_expression_divides_its_water_and_keeps_its_power():
    text = "hydro_storage(0) - 0.5 * hydro_generation(1, 2) + 3 pumping_flow(4) - 7"
    assert scaled_expression(text, 4.0) == (
        "+ 0.25 * hydro_storage(0) - 0.5 * hydro_generation(1, 2) + 0.75 * pumping_flow(4) - 7.0"
    )


def test_an_absolute_gap_and_a_tailrace_are_scaled_in_their_own_ways(tmp_path):
    case = tiny_case(tmp_path / "case")
    case.training["stopping_rules"].append({"type": "gap", "tolerance": 100.0})
    case.files["config.json"]["upper_bound_evaluation"] = {"enabled": True}
    case.hydros[0]["tailrace"] = {"type": "polynomial", "coefficients": [300.0, 0.5, 0.25]}
    constraint("hydro_turbined(0)")(case)
    scaled = scale_case(case.write(), tmp_path / "scaled", 3.0, 2.0)
    rules = json.loads((scaled / "config.json").read_text())["training"]["stopping_rules"]
    assert rules[-1]["tolerance"] == 300.0
    assert hw.load_case(scaled).system.hydros[0].tailrace.coefficients == (300.0, 0.25, 0.0625)


def test_what_holds_the_weight_of_water_is_refused(tmp_path):
    source = full_case(tmp_path / "full").write()
    with pytest.raises(ValueError, match="weight of water"):
        scale_case(source, tmp_path / "scaled", 1.0, 2.0)
    case = tiny_case(tmp_path / "tiny")
    case.files["config.json"]["policy"] = {"boundary": {"path": "other", "source_stage": 3}}
    with pytest.raises(ValueError, match="another policy"):
        scale_case(case.write(), tmp_path / "also scaled", 2.0)


def without_weight_of_water(case: TinyCase) -> TinyCase:
    """The case without power that is computed from head and an efficiency."""
    for hydro in case.hydros:
        hydro.pop("efficiency", None)
        if hydro["generation"]["model"] == "linearized_head":
            hydro["generation"]["model"] = "constant_productivity"
    return case
