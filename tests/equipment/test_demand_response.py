"""Demand that answers to prices: by hand, against a second formulation, from files to results."""

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
from headwater.equipment.demand_response import DemandResponse, DemandStep
from headwater.sddp import train_policy
from physics_systems import quickly, storing
from slopes import check_slopes
from small_systems import stages, study

CHEAP, DEAR, SHED = 10.0, 100.0, 1000.0


def town(loads: tuple[float, ...], *responses: DemandResponse) -> m.System:
    """10 MW of cheap and 10 MW of dear power, in blocks of other lengths."""
    hours = tuple(40.0 + 20.0 * k for k in range(len(loads)))
    factors = [
        {"bus_id": 0, "stage_id": 0, "block_id": k, "factor": load} for k, load in enumerate(loads)
    ]
    return m.System(
        stages=stages(1, hours),
        buses=(m.Bus(0, "town", (m.DeficitSegment(None, SHED),)),),
        thermals=(
            m.Thermal.flat(0, 0, 10.0, CHEAP, name="cheap"),
            m.Thermal.flat(1, 0, 10.0, DEAR, name="dear"),
        ),
        load_statistics=(m.LoadStatistics(0, 0, 1.0, 0.0),),
        load_factors=m.StageOverrides.from_rows(factors, entity="bus_id"),
        equipment=responses,
    )


def outcome(of: m.System) -> tuple[float, dict[str, list[Any]]]:
    made = study(of, iterations=3)
    policy = hw.train(made, threads=1)
    found = hw.simulate(policy, made, n_scenarios=1, threads=1).table("demand_responses")
    return policy.lower_bound, found.to_dict(as_series=False)


def test_load_is_given_up_where_power_costs_more_than_it_is_worth():
    """Of 15 MW, three are worth 60 $ and are given up; four are worth 400 $ and are served."""
    steps = (DemandStep(4.0, 400.0), DemandStep(3.0, 60.0))
    cost, table = outcome(town((15.0,), DemandResponse(3, 0, "shops", steps)))
    assert cost == pytest.approx(40.0 * (10.0 * CHEAP + 2.0 * DEAR + 3.0 * 60.0))
    assert table["reduction_mw"] == pytest.approx([3.0])
    assert table["cost"] == pytest.approx([40.0 * 3.0 * 60.0])
    assert table["demand_response_name"] == ["shops"]


def test_dearer_steps_take_the_place_of_a_deficit():
    steps = (DemandStep(4.0, 400.0), DemandStep(3.0, 60.0))
    cost, table = outcome(town((28.0,), DemandResponse(3, 0, steps=steps)))
    assert table["reduction_mw"] == pytest.approx([7.0])
    served = 10.0 * CHEAP + 10.0 * DEAR
    assert cost == pytest.approx(40.0 * (served + 3.0 * 60.0 + 4.0 * 400.0 + 1.0 * SHED))


def test_no_more_is_given_up_than_the_mean_load_of_the_block():
    """A step of 50 MW at a bus of 6 MW is no plant for the others."""
    of = town((6.0,), DemandResponse(3, 0, steps=(DemandStep(50.0, 1.0),)))
    cost, table = outcome(of)
    assert table["reduction_mw"] == pytest.approx([6.0])
    assert cost == pytest.approx(40.0 * 6.0 * 1.0)


def test_load_is_put_off_to_the_cheap_block_and_made_good_there():
    """6 MW over 40 h become 6 * 40 * 1.25 MWh over the 60 h of the other block."""
    of = town((18.0, 4.0), DemandResponse(3, 0, max_shift_mw=6.0, recovery_factor=1.25))
    cost, table = outcome(of)
    assert table["shift_mw"] == pytest.approx([6.0, 0.0])
    assert table["recovery_mw"] == pytest.approx([0.0, 5.0])
    assert cost == pytest.approx(40.0 * (10.0 * CHEAP + 2.0 * DEAR) + 60.0 * 9.0 * CHEAP)


@pytest.mark.parametrize("averse", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_random_systems_cost_what_a_second_formulation_says(seed: int, averse: bool):
    """Batteries and rivers with travel times take part as well."""
    made = storing(seed, averse=averse)
    exact = extensive_form_value(made.system, made.config)
    assert train_policy(made).lower_bound == pytest.approx(exact, rel=1e-7)


def test_slopes_lie_between_the_one_sided_finite_differences():
    check_slopes(quickly(storing(1)), {"battery_energy": (20.0, 150.0), "storage": (20.0, 60.0)})


def test_the_order_of_entities_changes_nothing():
    made = storing(2)
    turned = dataclasses.replace(made.system, equipment=made.system.equipment[::-1])
    other = dataclasses.replace(made, system=turned)
    assert hw.extensive_form(other).cost == hw.extensive_form(made).cost


def case_with(root: Path, **changes: Any) -> TinyCase:
    case = tiny_case(root)
    entry = {
        "id": 3,
        "name": "Shops",
        "bus_id": 0,
        "steps": [{"max_mw": 4.0, "price_per_mwh": 1.0}],
        "max_shift_mw": 5.0,
        **changes,
    }
    case.files["system/demand_responses.json"] = {"demand_responses": [entry]}
    return case


def test_a_case_is_read_and_trained_and_its_cost_told(tmp_path: Path):
    case = hw.load_case(case_with(tmp_path).write())
    (one,) = case.system.of(DemandResponse)
    assert (one.recovery_mw, one.steps) == (5.0, (DemandStep(4.0, 1.0),))
    policy = hw.train(case, threads=1)
    found = hw.simulate(policy, case, n_scenarios=2, threads=1)
    told = found.table("demand_responses")["cost"].sum()
    assert found.table("costs")["demand_response_cost"].sum() == pytest.approx(told)
    assert told > 0.0


WRONG = {
    "HW204": {"steps": [{"max_mw": -1.0, "price_per_mwh": 9.0}]},
    "HW301": {"bus_id": 9},
    "HW207": {"max_shift": 3.0},
}


@pytest.mark.parametrize("code", WRONG)
def test_what_is_wrong_is_found(tmp_path: Path, code: str):
    report = validate_case(case_with(tmp_path, **WRONG[code]).write())
    assert [finding.code for finding in report.errors] == [code]
