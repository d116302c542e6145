"""Groups of hydro units that deliver at several buses: by hand, and against another formulation."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
import headwater.model as m
from case_builder import TinyCase, tiny_case
from extensive_form import extensive_form_value
from headwater.case import validate_case
from headwater.equipment.unit_group import UnitGroup
from headwater.sddp import train_policy
from physics_systems import grouped, quickly
from slopes import check_slopes
from small_systems import stages, study

HOURS, DEAR, SHED = 100.0, 100.0, 1000.0


def border(*groups: UnitGroup, water: float = 40.0) -> m.System:
    """A plant at bus 0 with water for so many m3/s, two buses without a line, and dear power."""
    plant = m.Hydro(
        0,
        0,
        1e3,
        60.0,
        60.0,
        "Border",
        productivity_mw_per_m3s=1.0,
        costs=m.HydroCosts(generation_violation_below_cost=7.0, spillage_cost=0.0),
    )
    return m.System(
        stages=stages(1, (HOURS,)),
        buses=tuple(
            m.Bus(b, f"B{b}", (m.DeficitSegment(None, SHED),), excess_cost_per_mwh=1.0)
            for b in (0, 1)
        ),
        hydros=(plant,),
        thermals=tuple(m.Thermal.flat(b, b, 100.0, DEAR) for b in (0, 1)),
        initial=m.InitialConditions(storage_hm3={0: water * HOURS * 0.0036}),
        inflow_statistics=(m.InflowStatistics(0, 0, 0.0, 0.0),),
        load_statistics=tuple(m.LoadStatistics(b, 0, 25.0, 0.0) for b in (0, 1)),
        equipment=groups,
    )


def outcome(of: m.System) -> tuple[float, dict[str, list[Any]]]:
    made = study(of, iterations=3)
    policy = hw.train(made, threads=1)
    found = hw.simulate(policy, made, n_scenarios=1, threads=1).table("unit_groups")
    return policy.lower_bound, found.to_dict(as_series=False)


HERE, THERE = UnitGroup(1, 0, 0, 30.0, "60 Hz"), UnitGroup(2, 0, 1, 30.0, "50 Hz")


def test_a_plant_delivers_at_two_buses():
    """40 MW of water serve 50 MW of load at two buses that nothing else joins."""
    cost, table = outcome(border(HERE, THERE))
    assert cost == pytest.approx(HOURS * DEAR * 10.0)
    assert sum(table["generation_mw"]) == pytest.approx(40.0)
    assert table["elsewhere_mwh"][1] == pytest.approx(HOURS * table["generation_mw"][1])
    assert table["elsewhere_mwh"][0] == 0.0
    alone, _ = outcome(border(dataclasses.replace(HERE, max_generation_mw=60.0)))
    assert alone == pytest.approx(HOURS * (DEAR * 25.0))


def test_no_group_gives_more_than_it_can():
    cost, table = outcome(border(HERE, dataclasses.replace(THERE, max_generation_mw=12.0)))
    assert table["generation_mw"] == pytest.approx([25.0, 12.0])
    assert cost == pytest.approx(HOURS * DEAR * 13.0)


def test_operation_costs_what_a_group_costs_and_a_minimum_may_be_broken():
    """Power of the second group costs 2 $; 28 MW at least, or 7 $ for each that is missing."""
    dear = dataclasses.replace(THERE, cost_per_mwh=2.0, min_generation_mw=28.0)
    cost, table = outcome(border(HERE, dear, water=60.0))
    assert table["generation_mw"] == pytest.approx([25.0, 28.0])
    assert cost == pytest.approx(HOURS * (28.0 * 2.0 + 3.0 * 1.0))
    cost, table = outcome(border(HERE, dataclasses.replace(dear, cost_per_mwh=9.0), water=60.0))
    assert table["generation_mw"] == pytest.approx([25.0, 25.0])
    assert table["missing_mw"] == pytest.approx([0.0, 3.0])
    assert cost == pytest.approx(HOURS * (25.0 * 9.0 + 3.0 * 7.0))


def test_a_group_that_comes_later_gives_nothing_before():
    late = dataclasses.replace(THERE, entry_stage_id=1)
    _, table = outcome(border(HERE, late))
    assert table["generation_mw"] == pytest.approx([25.0, 0.0])


@pytest.mark.parametrize("averse", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_random_systems_cost_what_a_second_formulation_says(seed: int, averse: bool):
    """All the newer physics takes part as well."""
    made = grouped(seed, averse=averse)
    exact = extensive_form_value(made.system, made.config)
    assert train_policy(made).lower_bound == pytest.approx(exact, rel=1e-7)


def test_slopes_lie_between_the_one_sided_finite_differences():
    check_slopes(quickly(grouped(2)), {"storage": (20.0, 60.0)})


def case_with(root: Path, **changes: Any) -> TinyCase:
    case = tiny_case(root)
    entry = {"id": 1, "name": "East", "hydro_id": 0, "bus_id": 1, "max_generation_mw": 50.0}
    case.files["system/unit_groups.json"] = {"unit_groups": [entry | changes]}
    return case


def test_a_case_is_read_and_its_costs_told(tmp_path: Path):
    case = hw.load_case(case_with(tmp_path, cost_per_mwh=1.5).write())
    assert case.system.of(UnitGroup) == (UnitGroup(1, 0, 1, 50.0, "East", cost_per_mwh=1.5),)
    found = hw.simulate(hw.train(case, threads=1), case, n_scenarios=2, threads=1)
    told = found.table("unit_groups")["cost"].sum()
    assert told > 0.0
    assert found.table("costs")["unit_group_cost"].sum() == pytest.approx(told)


WRONG = {
    "HW301": {"hydro_id": 9},
    "HW211": {"min_generation_mw": 60.0},
    "HW204": {"cost_per_mwh": -1.0},
}


@pytest.mark.parametrize("code", WRONG)
def test_what_is_wrong_is_found(tmp_path: Path, code: str):
    report = validate_case(case_with(tmp_path, **WRONG[code]).write())
    assert [finding.code for finding in report.errors] == [code]
