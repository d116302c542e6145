"""Phase shifters, curves of losses and failures of lines: by hand, and against angles."""

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
from headwater.equipment.contingency import Contingency, outage_shares
from headwater.errors import ModelError
from headwater.sddp import train_policy
from physics_systems import meshed, quickly
from slopes import check_slopes
from small_systems import stages, study

HOURS, CHEAP, DEAR = 100.0, 10.0, 50.0


def ring(
    *changes: dict[str, Any], load: float = 100.0, most: float = 60.0, others: tuple[Any, ...] = ()
) -> m.System:
    """Three buses in a ring of equal lines; cheap power at 0, the load and dear power at 2."""
    ends = ((0, 2), (0, 1), (1, 2))
    lines = tuple(
        m.Line(i, *pair, most, most, reactance_pu=0.1, exchange_cost_per_mwh=0.0, **change)
        for i, (pair, change) in enumerate(zip(ends, (*changes, {}, {}, {})[:3], strict=True))
    )
    return m.System(
        stages=stages(1, (HOURS,)),
        buses=tuple(m.Bus(b) for b in range(3)),
        lines=lines,
        thermals=(m.Thermal.flat(0, 0, 200.0, CHEAP), m.Thermal.flat(1, 2, 200.0, DEAR)),
        load_statistics=(m.LoadStatistics(2, 0, load, 0.0),),
        equipment=others,
    )


def cheap_mw(of: m.System) -> float:
    bound = hw.train(study(of, iterations=3), threads=1).lower_bound
    (load,) = (row.mean_mw for row in of.load_statistics)
    return (load * DEAR - bound / HOURS) / (DEAR - CHEAP)


def test_a_phase_shifter_sends_power_the_long_way():
    """Without it 60 MW of the direct line are two thirds of 90. An angle of s degrees in the long
    way takes from the direct line what 100 pi s / 180 MW over 0.3 are.
    """
    assert cheap_mw(ring()) == pytest.approx(90.0)
    turned = ring({}, {"min_phase_shift_degrees": -1.0, "max_phase_shift_degrees": 1.0})
    moved = 100.0 * 3.141592653589793 / 180.0 / 0.3
    assert cheap_mw(turned) == pytest.approx(90.0 + 1.5 * moved)
    fixed = ring({}, {"min_phase_shift_degrees": -1.0, "max_phase_shift_degrees": -1.0})
    assert cheap_mw(fixed) == pytest.approx(90.0 - 1.5 * moved)


def test_the_angle_of_a_shifter_is_told():
    made = study(ring({}, {"max_phase_shift_degrees": 1.0}), iterations=3)
    found = hw.simulate(hw.train(made, threads=1), made, n_scenarios=1, threads=1)
    assert found.table("phase_shifters")["line_id"].to_list() == [1]
    assert found.table("phase_shifters")["phase_shift_degrees"].to_list() == pytest.approx([1.0])


def test_losses_grow_with_the_flow():
    """40 MW lose 1 MW, 20 more lose 2 more; the rest of the load is dear."""
    curve = (m.LossPoint(40.0, 1.0), m.LossPoint(60.0, 3.0))
    of = ring({"loss_curve": curve}, {"exit_stage_id": 0}, {"exit_stage_id": 0})
    made = study(of, iterations=3)
    policy = hw.train(made, threads=1)
    assert policy.lower_bound == pytest.approx(HOURS * (60.0 * CHEAP + 43.0 * DEAR))
    told = hw.simulate(policy, made, n_scenarios=1, threads=1).table("exchanges")
    assert told["losses_mw"].to_list() == pytest.approx([3.0, 0.0, 0.0])


def test_losses_are_no_place_to_throw_power_away():
    """50 MW must be given where nobody needs more than 10: a line loses at most its curve."""
    must = m.Thermal.flat(0, 0, 50.0, CHEAP, min_generation_mw=50.0)
    of = ring({"loss_curve": (m.LossPoint(60.0, 6.0),)}, load=10.0)
    of = dataclasses.replace(of, thermals=(must,), lines=of.lines[:1])
    made = study(of, iterations=3)
    told = hw.simulate(hw.train(made, threads=1), made, n_scenarios=1, threads=1)
    (line,) = told.table("exchanges").to_dicts()
    sent = line["direct_flow_mw"] + line["reverse_flow_mw"]
    assert line["losses_mw"] == pytest.approx(0.1 * sent)


def test_the_others_bear_a_failure():
    """If the direct line fails, the long way must carry everything: 60 MW, or 72 for a while."""
    assert cheap_mw(ring(others=(Contingency(4, 0),))) == pytest.approx(60.0)
    for_a_while = Contingency(4, 0, limit_factor=1.2)
    assert cheap_mw(ring(others=(for_a_while,))) == pytest.approx(72.0)
    watched = Contingency(4, 1, watched_line_ids=(2,))  # a line that carries nothing then
    assert cheap_mw(ring(others=(watched,))) == pytest.approx(90.0)


def test_the_flow_after_a_failure_is_told():
    made = study(ring(others=(Contingency(4, 0, "L0 fails"),)), iterations=3)
    told = hw.simulate(hw.train(made, threads=1), made, n_scenarios=1, threads=1)
    found = told.table("contingencies")
    assert found["line_id"].to_list() == [1, 2]
    assert found["flow_after_mw"].to_list() == pytest.approx([60.0, 60.0])
    assert found["limit_mw"].to_list() == [60.0, 60.0]


def test_shares_of_a_failed_line_go_the_other_way_round():
    assert outage_shares(ring(), [0, 1, 2], 0) == pytest.approx([0.0, 1.0, 1.0])
    assert outage_shares(ring(), [0, 1, 2], 2) == pytest.approx([1.0, -1.0, 0.0])


def test_a_line_that_nothing_replaces_cannot_fail():
    of = ring({}, {}, {"exit_stage_id": 0}, others=(Contingency(4, 1),))
    with pytest.raises(ModelError, match="contingency 4: nothing else connects the ends of line 1"):
        hw.train(study(of))


@pytest.mark.parametrize("averse", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_meshed_systems_cost_what_a_program_with_angles_says(seed: int, averse: bool):
    """Batteries, rivers with travel times and demand responses take part as well."""
    made = meshed(seed, averse=averse)
    exact = extensive_form_value(made.system, made.config)
    assert train_policy(made).lower_bound == pytest.approx(exact, rel=1e-7)


def test_slopes_lie_between_the_one_sided_finite_differences():
    check_slopes(quickly(meshed(1)), {"storage": (20.0, 60.0), "travelling_water": (5.0, 40.0)})


def test_the_order_of_lines_changes_nothing():
    made = meshed(2)
    turned = dataclasses.replace(made.system, lines=made.system.lines[::-1])
    other = dataclasses.replace(made, system=turned)
    assert hw.extensive_form(other).cost == hw.extensive_form(made).cost


def case_with(root: Path, line: dict[str, Any], **failure: Any) -> TinyCase:
    case = tiny_case(root)
    (first,) = case.files["system/lines.json"]["lines"]
    second = {**first, "id": 1, "name": "AB2"}
    first |= {"reactance_pu": 0.1, **line}
    second["reactance_pu"] = 0.2
    case.files["system/lines.json"]["lines"] = [first, second]
    one = {"id": 0, "name": "AB fails", "line_id": 0, **failure}
    case.files["system/contingencies.json"] = {"contingencies": [one]}
    return case


def test_a_case_is_read_and_trained(tmp_path: Path):
    line = {
        "min_phase_shift_degrees": -2.0,
        "max_phase_shift_degrees": 3.0,
        "loss_curve": [{"flow_mw": 20.0, "losses_mw": 0.5}, {"flow_mw": 40.0, "losses_mw": 2.0}],
    }
    case = hw.load_case(case_with(tmp_path, line, limit_factor=1.1).write())
    assert case.system.lines[0].loss_curve[1] == m.LossPoint(40.0, 2.0)
    assert case.system.of(Contingency)[0].limit_factor == 1.1
    policy = hw.train(case, threads=1)
    found = hw.simulate(policy, case, n_scenarios=2, threads=1)
    after = found.table("contingencies")
    assert set(after["line_id"]) == {1}
    assert float(after["flow_after_mw"].abs().max()) <= 1.1 * 40.0 + 1e-6


WRONG: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a curve that bends down": (
        "HW215",
        {"loss_curve": [{"flow_mw": 20.0, "losses_mw": 2.0}, {"flow_mw": 40.0, "losses_mw": 3.0}]},
        {},
    ),
    "a curve that runs back": (
        "HW215",
        {"loss_curve": [{"flow_mw": 20.0, "losses_mw": 2.0}, {"flow_mw": 20.0, "losses_mw": 3.0}]},
        {},
    ),
    "a shifter without a reactance": (
        "HW215",
        {"max_phase_shift_degrees": 3.0, "reactance_pu": None},
        {},
    ),
    "shifts the wrong way round": ("HW211", {"min_phase_shift_degrees": 3.0}, {}),
    "a line that does not exist": ("HW301", {}, {"line_id": 7}),
    "no room at all": ("HW204", {}, {"limit_factor": 0.0}),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(tmp_path: Path, name: str):
    code, line, failure = WRONG[name]
    report = validate_case(case_with(tmp_path, line, **failure).write())
    assert [finding.code for finding in report.errors] == [code]
