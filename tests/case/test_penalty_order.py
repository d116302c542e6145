"""Penalties are compared in energy, and what Headwater writes itself keeps their order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from case_builder import tiny_case
from headwater.case import TEMPLATES, validate_case, write_starter
from headwater_bench.synthetic import SyntheticSize, write_synthetic
from shared_data import SHARED, requires_shared

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "four-subsystems"
ORDER = {f"HW61{n}" for n in (0, 1, 2, 3, 4, 6, 7)}


def out_of_order(case):
    return [finding for finding in validate_case(case) if finding.code in ORDER]


def penalties(case):
    return case.files["penalties.json"]["hydro"]


def test_dead_storage_is_compared_with_deficit_in_the_energy_of_its_water(tmp_path):
    """The upper plant: 1 hm3 makes (0.5 + 0.5) / 0.0036 = 277.8 MWh, so 1 million $/hm3 are 3600
    $/MWh, deficit costs 5000.
    """
    case = tiny_case(tmp_path)
    penalties(case)["storage_violation_below_cost"] = 1_000_000.0
    (finding,) = out_of_order(case.write())
    assert finding.code == "HW611"
    assert (
        'Hydro 0 "H0", stage 0: 1,000,000 $/hm3 = 3,600 $/MWh, against 5,000 $/MWh'
        in finding.message
    )
    assert "2 times" in finding.message
    assert (
        "1,390,000 $/hm3" in finding.fix
    )  # 5000 / 0.0036 = 1,388,889, the next number of three digits


def test_the_deficit_of_a_bus_further_down_the_river_counts(tmp_path):
    case = tiny_case(tmp_path)
    penalties(case)["storage_violation_below_cost"] = 1_400_000.0
    case.hydros[1]["bus_id"] = 1
    case.files["system/buses.json"]["buses"][1]["deficit_segments"] = [
        {"depth_mw": None, "cost": 6000.0}
    ]
    (finding,) = out_of_order(case.write())
    assert "1,400,000 $/hm3 = 5,040 $/MWh, against 6,000 $/MWh" in finding.message


def test_a_plant_without_dead_storage_has_none_to_protect(tmp_path):
    case = tiny_case(tmp_path)
    penalties(case)["storage_violation_below_cost"] = 1.0
    for hydro in case.hydros:
        hydro["reservoir"]["min_storage_hm3"] = 0.0
    assert out_of_order(case.write()) == []


@pytest.mark.parametrize(
    ("code", "cost", "value"),
    [
        ("HW611", "storage_violation_below_cost", 10_000.0),
        ("HW612", "outflow_violation_below_cost", 4_000.0),
        ("HW612", "generation_violation_below_cost", 9_000.0),
        ("HW612", "evaporation_violation_cost", 2_600.0),
        ("HW613", "turbined_violation_below_cost", 15.0),
        ("HW613", "generation_violation_below_cost", 11.0),
        ("HW614", "spillage_cost", 30.0),
    ],
)
def test_the_value_that_a_finding_names_puts_the_costs_in_order(tmp_path, code, cost, value):
    case = tiny_case(tmp_path)
    penalties(case)[cost] = value
    (finding,) = out_of_order(case.write())
    assert finding.code == code
    named = float(re.search(r"([\d,.]+) \$", finding.fix)[1].replace(",", ""))
    assert (
        0.3 * value < named < 200 * value
        if code in ("HW611", "HW613")
        else 0.1 * value < named < value
    )
    penalties(case)[cost] = named
    assert out_of_order(case.write()) == []


def test_a_cost_of_power_below_the_cheapest_thermal_is_in_order(tmp_path):
    case = tiny_case(tmp_path)
    case.files["penalties.json"]["line"]["exchange_cost"] = 20.0
    (finding,) = out_of_order(case.write())
    assert finding.path == "line.exchange_cost"
    assert 'Line 0 "AB", stage 0: 20 against 20 $/MWh' in finding.message
    case.files["penalties.json"]["line"]["exchange_cost"] = 19.9
    assert out_of_order(case.write()) == []


@pytest.mark.parametrize("template", TEMPLATES)
def test_starters_keep_the_order(tmp_path, template):
    assert out_of_order(write_starter(tmp_path / "case", template)) == []


@pytest.mark.parametrize(
    "size",
    [
        SyntheticSize(),
        SyntheticSize(hydros=30, cascade=3, buses=3, fpha_share=0.5, seed=4, stages=4),
        SyntheticSize(hydros=25, cascade=25, thermals=5, seed=9, stages=3),
        SyntheticSize(hydros=1, cascade=1, lags=0, stages=2, seed=3),
    ],
)
def test_generated_cases_keep_the_order(tmp_path, size):
    assert out_of_order(write_synthetic(tmp_path / "case", size)) == []


def test_the_example_keeps_the_order():
    assert out_of_order(EXAMPLE) == []


@requires_shared
def test_the_penalties_of_a_starter_serve_longer_rivers_as_well(tmp_path):
    template = write_starter(tmp_path / "template", "from-history")
    script = SHARED / "strangers" / "planner_case.py"
    subprocess.run([sys.executable, script, tmp_path / "case", template], check=True)
    assert out_of_order(tmp_path / "case") == []
