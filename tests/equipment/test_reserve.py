"""Reserves: costs by hand and by a program of one's own, from a case directory to results."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize

import headwater as hw
import headwater.model as m
from case_builder import TinyCase, tiny_case
from headwater.api import run_simulation
from headwater.case import validate_case
from headwater.equipment.battery import Battery
from headwater.equipment.reserve import Reserve, ReserveProvider, ReserveRequirement, Room
from headwater.errors import ModelError
from headwater.results import load_results
from small_systems import random_system, stages, study

HOURS = 100.0
CHEAP, DEAR = ReserveProvider("thermal_generation(0)"), ReserveProvider("thermal_generation(1)")


def system(load_mw: float | tuple[float, ...], *reserves: object, **others: object) -> m.System:
    """A bus with 10 MW at 10 $/MWh and 10 MW at 100 $/MWh."""
    loads = load_mw if isinstance(load_mw, tuple) else (load_mw,)
    made = stages(len(loads), (60.0, 40.0))
    return m.System(
        stages=made,
        buses=(m.Bus(0, "town", (m.DeficitSegment(None, 1000.0),)),),
        thermals=(m.Thermal.flat(0, 0, 10.0, 10.0), m.Thermal.flat(1, 0, 10.0, 100.0)),
        load_statistics=tuple(
            m.LoadStatistics(0, s.id, load, 0.0) for s, load in zip(made, loads, strict=True)
        ),
        equipment=reserves,
        **others,
    )


def cost_per_hour(of: m.System) -> float:
    made = study(of, iterations=6)
    lower = hw.train(made, threads=1).lower_bound
    assert lower == pytest.approx(hw.extensive_form(made).cost, rel=1e-9)
    return lower / HOURS


def test_room_above_is_kept_free():
    """4 MW of reserve, of which the dear plant may hold 1.5: the cheap one keeps 2.5 free."""
    limited = dataclasses.replace(DEAR, max_reserve_mw=1.5)
    reserve = Reserve(1, (CHEAP, limited), requirement_mw=4.0)
    assert cost_per_hour(system(8.0, reserve)) == pytest.approx(7.5 * 10.0 + 0.5 * 100.0)


def test_room_below_needs_power_that_can_be_taken_back():
    """The dear plant alone can be turned down, so 3 MW of it run."""
    reserve = Reserve(1, (DEAR,), room=Room.BELOW, requirement_mw=3.0)
    assert cost_per_hour(system(8.0, reserve)) == pytest.approx(5.0 * 10.0 + 3.0 * 100.0)


def test_what_cannot_be_held_is_paid_for():
    reserve = Reserve(1, (CHEAP,), requirement_mw=4.0, shortage_cost=30.0)
    # a MW of reserve costs 90 $ where it takes cheap power away: 2 MW are free, 2 are short
    assert cost_per_hour(system(8.0, reserve)) == pytest.approx(80.0 + 2.0 * 30.0)


def test_holding_may_have_a_price():
    priced = dataclasses.replace(DEAR, cost_per_mwh=7.0)
    reserve = Reserve(1, (priced,), requirement_mw=4.0)
    assert cost_per_hour(system(8.0, reserve)) == pytest.approx(80.0 + 28.0)


def test_zones_share_the_room_of_a_provider():
    """Two zones of 3 MW each: together 6 MW of the 10 of each plant are held."""
    first = Reserve(1, (CHEAP,), requirement_mw=3.0)
    again = Reserve(2, (ReserveProvider(" thermal_generation( 0 )"),), requirement_mw=3.0)
    assert cost_per_hour(system(8.0, first)) == pytest.approx(7.0 * 10.0 + 1.0 * 100.0)
    assert cost_per_hour(system(8.0, first, again)) == pytest.approx(4.0 * 10.0 + 4.0 * 100.0)


def test_the_others_cover_the_largest():
    """What one plant gives must be free on the other: no limit at 8 MW, but at 12."""
    reserve = Reserve(1, (CHEAP, DEAR), covers_largest=True, shortage_cost=1e4)
    assert cost_per_hour(system(8.0, reserve)) == pytest.approx(80.0)
    # 10 - g0 >= g1 and 10 - g1 >= g0, so of 12 MW 2 are not served
    assert cost_per_hour(system(12.0, reserve)) == pytest.approx(100.0 + 2.0 * 1000.0)


def test_the_requirement_is_a_share_of_the_load_of_some_buses_and_another_at_single_stages():
    factors = m.StageOverrides.from_rows(
        [{"bus_id": 0, "stage_id": 0, "block_id": 1, "factor": 0.5}], entity="bus_id"
    )
    reserve = Reserve(
        1,
        (CHEAP,),
        requirement_mw=1.0,
        load_share=0.25,
        bus_ids=(0,),
        requirement_by_stage=(ReserveRequirement(1, 0.0),),
    )
    of = system((8.0, 8.0), reserve, load_factors=factors)
    # 8 MW ask for 3 MW and leave 7, 4 MW ask for 2 MW; in the second stage 2 MW are there anyway
    hours = (60.0 * (7.0 * 10.0 + 100.0), 40.0 * 40.0, 100.0 * 80.0)
    assert cost_per_hour(of) * HOURS == pytest.approx(sum(hours))
    elsewhere = dataclasses.replace(reserve, bus_ids=(7,))
    none = dataclasses.replace(of, equipment=(elsewhere,))
    assert cost_per_hour(none) * HOURS == pytest.approx(60.0 * 80.0 + 40.0 * 40.0 + 100.0 * 80.0)


def test_a_battery_and_a_group_of_plants_hold_reserve():
    battery = Battery(3, 0, 500.0, 4.0, 4.0, initial_energy_mwh=500.0)
    held = (ReserveProvider("battery_discharge(3)"),)
    reserve = Reserve(1, held, requirement_mw=3.0)
    # 1 MW of the battery is left to run; the rest of its energy is lost at the end
    assert cost_per_hour(system(8.0, battery, reserve)) == pytest.approx(70.0 + 0.01)
    group = ReserveProvider("thermal_generation(0) + thermal_generation(1)", capacity_mw=12.0)
    assert cost_per_hour(
        system(8.0, Reserve(1, (group,), requirement_mw=5.0, shortage_cost=20.0))
    ) == pytest.approx(80.0 + 20.0)


def test_a_power_without_limit_asks_for_one():
    endless = Reserve(1, (ReserveProvider("bus_deficit(0)"),), requirement_mw=3.0)
    with pytest.raises(ModelError, match=r"'bus_deficit\(0\)' holds reserve and has no limit"):
        hw.train(study(system(8.0, endless)))


@pytest.mark.parametrize("seed", range(8))
def test_a_stage_costs_what_a_program_of_ones_own_says(seed: int):
    """Four thermal plants, two zones up and one down, with limits, prices and cover."""
    rng = np.random.default_rng(seed)
    n, load = 4, float(rng.uniform(20.0, 45.0))
    most, price = rng.uniform(5.0, 20.0, n), rng.uniform(5.0, 90.0, n)
    limit, fee = rng.uniform(0.5, 8.0, (3, n)), rng.uniform(0.0, 5.0, (3, n))
    need, penalty = rng.uniform(1.0, 12.0, 3), rng.uniform(20.0, 400.0, 3)
    reserves = tuple(
        Reserve(
            z,
            tuple(
                ReserveProvider(
                    f"thermal_generation({i})", float(limit[z, i]), None, float(fee[z, i])
                )
                for i in range(n)
            ),
            room=Room.BELOW if z == 2 else Room.ABOVE,
            requirement_mw=float(need[z]),
            covers_largest=z == 1,
            shortage_cost=float(penalty[z]),
        )
        for z in range(3)
    )
    of = dataclasses.replace(
        system(load, *reserves),
        thermals=tuple(m.Thermal.flat(i, 0, float(most[i]), float(price[i])) for i in range(n)),
    )
    # columns: power, deficit, excess, reserve [zone, plant], shortage
    cost = np.concatenate(
        [price, [1000.0, m.Penalties().excess_cost_per_mwh], fee.ravel(), penalty]
    )
    upper = np.concatenate([most, [np.inf, np.inf], limit.ravel(), [np.inf] * 3])
    place = lambda z, i: n + 2 + z * n + i
    rows, sides = [], []

    def row(entries: dict[int, float], most_of: float) -> None:
        line = np.zeros(len(cost))
        for column, value in entries.items():
            line[column] += value
        rows.append(line)
        sides.append(most_of)

    for z in range(3):
        short = n + 2 + 3 * n + z
        row({**{place(z, i): -1.0 for i in range(n)}, short: -1.0}, -need[z])
        if z == 1:
            for j in range(n):
                others = {place(z, i): -1.0 for i in range(n) if i != j}
                row({**others, short: -1.0, j: 1.0}, 0.0)
    for i in range(n):
        row({i: 1.0, place(0, i): 1.0, place(1, i): 1.0}, most[i])
        row({i: -1.0, place(2, i): 1.0}, 0.0)
    balance = np.zeros((1, len(cost)))
    balance[0, : n + 2] = [*[1.0] * n, 1.0, -1.0]
    found = scipy.optimize.linprog(
        cost, np.array(rows), sides, balance, [load], [(0.0, one) for one in upper]
    )
    assert cost_per_hour(of) == pytest.approx(found.fun, rel=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_plants_with_water_hold_reserve_too(seed: int):
    """With reservoirs, lags and several stages, training comes to the optimum over the tree."""
    of = random_system(seed)
    providers = tuple(
        ReserveProvider(f"{name}({one.id})")
        for name, kind in (("hydro_generation", of.hydros), ("thermal_generation", of.thermals))
        for one in kind
    )
    reserve = Reserve(1, providers, requirement_mw=15.0, load_share=0.05, shortage_cost=200.0)
    made = study(dataclasses.replace(of, equipment=(reserve,)), iterations=80, forward_passes=4)
    free = study(of, iterations=80, forward_passes=4)
    exact = hw.extensive_form(made).cost
    assert hw.train(made, threads=1).lower_bound == pytest.approx(exact, rel=1e-6)
    assert exact >= hw.extensive_form(free).cost * (1 - 1e-14)  # equal but for the last bit


def case_with(tmp_path: Path, **changes: object) -> TinyCase:
    case = tiny_case(tmp_path)
    entry = {
        "id": 2,
        "name": "Spinning",
        "providers": [{"power": "hydro_generation(0)"}, {"power": "thermal_generation(1)"}],
        "requirement_mw": 5.0,
        "requirement_by_stage": [{"stage_id": 1, "requirement_mw": 8.0}],
        **changes,
    }
    case.files["system/reserves.json"] = {"reserves": [entry]}
    return case


def test_a_reserve_of_a_case_is_trained_and_simulated(tmp_path: Path):
    case = hw.load_case(case_with(tmp_path / "case").write())
    run_simulation(case, hw.train(case, threads=1), tmp_path / "out", n_scenarios=3, threads=1)
    results = load_results(tmp_path / "out")
    zones, each = results.table("reserves"), results.table("reserve_providers")
    assert sorted(set(zones["required_mw"])) == [5.0, 8.0]
    assert set(zones["reserve_name"]) == {"Spinning"}
    assert (zones["held_mw"] + zones["shortage_mw"] >= zones["required_mw"] - 1e-6).all()
    keys = ["scenario_id", "stage_id", "block_id"]
    total = each.group_by(keys).agg(held="held_mw").sort(keys)
    assert [sum(values) for values in total["held"]] == pytest.approx(
        zones.sort(keys)["held_mw"].to_list(), abs=1e-7
    )
    names = hw.stage_program(case, 0).rows
    assert any("hydro_generation(0)" in name for name in names)


WRONG = {
    "HW205": {"providers": [{"power": "hydro_storage(0)"}]},
    "HW301": {"providers": [{"power": "hydro_generation(9)"}]},
    "HW204": {"requirement_mw": -1.0},
    "HW207": {"size": 1.0},
}


@pytest.mark.parametrize("code", WRONG)
def test_what_is_wrong_with_a_reserve_is_found(tmp_path: Path, code: str):
    (finding,) = validate_case(case_with(tmp_path, **WRONG[code]).write()).errors
    assert (finding.code, finding.file) == (code, "system/reserves.json")
    assert str(finding.entity).startswith('Reserve 2 "Spinning"')


def test_a_bus_that_does_not_exist_is_found(tmp_path: Path):
    (finding,) = validate_case(case_with(tmp_path, bus_ids=[0, 55]).write()).errors
    assert (finding.code, finding.path) == ("HW301", "reserves[0].bus_ids[1]")


@pytest.mark.parametrize(
    ("ids", "message"), [([0, 7], "not a study stage"), ([1, 1], "more than once")]
)
def test_a_stage_of_no_study_or_given_twice_is_found(tmp_path: Path, ids: list[int], message: str):
    given = [{"stage_id": one, "requirement_mw": 1.0} for one in ids]
    (finding,) = validate_case(case_with(tmp_path, requirement_by_stage=given).write()).errors
    assert (finding.code, finding.path) == ("HW302", "reserves[0].requirement_by_stage[1].stage_id")
    assert message in finding.message
