"""Water on its way between plants: by hand, against a second formulation, from files to results."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

import headwater as hw
import headwater.model as m
from case_builder import TinyCase, tiny_case
from extensive_form import extensive_form_value
from headwater.api import run_simulation
from headwater.case import validate_case
from headwater.equipment.hydro.travel import shares
from headwater.results import load_results
from headwater.sddp import train_policy
from physics_systems import quickly, travelling
from slopes import check_slopes
from small_systems import study
from upper_bounds import bounded

START, DEAR, LOAD = date(2024, 5, 1), 100.0, 100.0
M3S_HOUR = 0.0036


def river(
    stages: tuple[m.Stage, ...],
    *,
    storage: float,
    turbined: float,
    delay: float | None = 24.0,
    past: tuple[m.PastDefluence, ...] = (),
    below_hm3: float = 0.0,
) -> m.System:
    """A reservoir without inflow, a plant without storage below, and dear power for the rest."""
    costs = m.HydroPenalties(spillage_cost=0.0)
    above = m.Hydro(
        0, 0, storage, turbined, turbined, "above", productivity_mw_per_m3s=1.0, downstream_id=1
    )
    below = m.Hydro(1, 0, below_hm3, 1e3, 1e3, "below", productivity_mw_per_m3s=1.0)
    return m.System(
        stages=stages,
        buses=(m.Bus(0, "town", (m.DeficitSegment(None, 1000.0),)),),
        hydros=(dataclasses.replace(above, travel_time_hours=delay), below),
        thermals=(m.Thermal.flat(0, 0, 1e3, DEAR, name="dear"),),
        penalties=m.Penalties(hydro=costs),
        initial=m.InitialConditions(storage_hm3={0: storage, 1: 0.0}, past_defluences=past),
        inflow_statistics=tuple(
            m.InflowStatistics(h, stage.id, 0.0, 0.0) for h in (0, 1) for stage in stages
        ),
        load_statistics=tuple(m.LoadStatistics(0, stage.id, LOAD, 0.0) for stage in stages),
    )


def hourly(sizes: tuple[int, ...], hours: float = 1.0) -> tuple[m.Stage, ...]:
    """Stages of so many blocks that follow each other, on days that are not asked for."""
    return tuple(
        m.Stage(
            t,
            START + timedelta(days=t),
            START + timedelta(days=t + 1),
            tuple(m.Block(hours) for _ in range(size)),
            n_openings=1,
            block_mode=m.BlockMode.CHRONOLOGICAL,
        )
        for t, size in enumerate(sizes)
    )


def months(n: int, blocks: tuple[float, ...] = (720.0,)) -> tuple[m.Stage, ...]:
    """Stages of 30 days whose blocks occur side by side."""
    return tuple(
        m.Stage(
            t,
            START + timedelta(days=30 * t),
            START + timedelta(days=30 * (t + 1)),
            tuple(m.Block(hours) for hours in blocks),
            n_openings=1,
        )
        for t in range(n)
    )


def saved_mwh(of: m.System, **training: object) -> float:
    """Energy that water makes in place of dear power."""
    hours = sum(stage.hours for stage in of.stages)
    bound = hw.train(study(of, iterations=12, **training), threads=1).lower_bound
    return hours * LOAD - bound / DEAR


DAYS = {
    "one stage of 48 hours": (48,),
    "two stages of 24 hours": (24, 24),
    "a stage of 7 hours, and one of 41": (7, 41),
    "48 stages of an hour": (1,) * 48,
}


@pytest.mark.parametrize("name", DAYS)
def test_two_plants_a_day_apart_in_hours(name: str):
    """1,000 m3/s h of water, 30 m3/s at most: 720 are released on the first day and pass the
    plant below on the second; 10 m3/s of the day before pass it on the first.
    """
    yesterday = m.PastDefluence(0, START - timedelta(days=1), START, 10.0)
    of = river(hourly(DAYS[name]), storage=1000.0 * M3S_HOUR, turbined=30.0, past=(yesterday,))
    assert saved_mwh(of, forward_passes=1) == pytest.approx(1000.0 + 720.0 + 240.0, rel=1e-9)


@pytest.mark.parametrize("blocks", [(720.0,), (300.0, 420.0)])
def test_two_plants_a_day_apart_in_months(blocks: tuple[float, ...]):
    """10,000 m3/s h of water, 10 m3/s at most: 7,200 in the first month, of which a thirtieth
    arrives in the second; of the 2,800 of the second, a thirtieth arrives too late.
    """
    yesterday = m.PastDefluence(0, START - timedelta(days=2), START, 5.0)
    of = river(months(2, blocks), storage=10_000 * M3S_HOUR, turbined=10.0, past=(yesterday,))
    expected = 10_000 + 7_200 + 2_800 * 29 / 30 + 5 * 24
    assert saved_mwh(of) == pytest.approx(expected, rel=1e-9)


def test_a_delay_of_more_than_a_stage_reaches_over_several():
    """45 days: the water of the first month arrives half in the second and half in the third."""
    of = river(months(3), storage=720.0 * M3S_HOUR, turbined=1.0, delay=45 * 24.0)
    assert saved_mwh(of) == pytest.approx(720.0 + 720.0, rel=1e-9)
    made = study(of, iterations=12)
    policy = hw.train(made, threads=1)
    assert policy.layout.names[2:] == (
        "travelling_water_0_cell_1",
        "travelling_water_0_cell_2",
    )
    found = hw.simulate(policy, made, n_scenarios=1, threads=1).table("travelling_water")
    assert found["released_hm3"].to_list() == pytest.approx([2.592, 0.0, 0.0], abs=1e-9)
    assert found["arrived_hm3"].to_list() == pytest.approx([0.0, 1.296, 1.296], abs=1e-9)
    assert found["final_hm3"].to_list() == pytest.approx([2.592, 1.296, 0.0], abs=1e-9)
    # an hm3 more that is to arrive makes 1 / 0.0036 MWh of dear power needless
    assert found["value_per_hm3"][1] == pytest.approx(DEAR / M3S_HOUR)
    below = hw.simulate(policy, made, n_scenarios=1, threads=1).table("hydros")
    arriving = below.filter(hydro_id=1)["inflow_m3s"].to_list()
    assert arriving == pytest.approx([0.0, 0.5, 0.5], abs=1e-9)


def test_shares_of_what_is_released_add_up_to_what_arrives():
    rng = np.random.default_rng(3)
    for _ in range(50):
        sources = rng.uniform(0.5, 9.0, 4)
        targets, delay = rng.uniform(0.5, 9.0, 30), float(rng.uniform(0.0, 12.0))
        found = shares(sources, targets, delay)
        assert found.sum(axis=1) == pytest.approx(1.0)
        # evenly released water arrives evenly
        arrived = (sources @ found)[np.cumsum(targets) < delay + sources.sum()]
        begins = np.cumsum(targets)[: len(arrived)] - targets[: len(arrived)]
        wanted = targets[: len(arrived)] - np.clip(delay - begins, 0.0, targets[: len(arrived)])
        assert arrived == pytest.approx(wanted)


@pytest.mark.parametrize("averse", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_random_rivers_cost_what_a_second_formulation_says(seed: int, averse: bool):
    made = travelling(seed, averse=averse)
    exact = extensive_form_value(made.system, made.config)
    assert train_policy(made).lower_bound == pytest.approx(exact, rel=1e-7)


def test_slopes_lie_between_the_one_sided_finite_differences():
    blocks = {"travelling_water": (5.0, 40.0), "storage": (20.0, 60.0)}
    check_slopes(quickly(travelling(2)), blocks)


def test_the_order_of_plants_changes_nothing():
    made = travelling(1)
    turned = dataclasses.replace(
        made, system=dataclasses.replace(made.system, hydros=made.system.hydros[::-1])
    )
    assert hw.extensive_form(turned).cost == hw.extensive_form(made).cost


def test_the_upper_bound_closes_on_the_lower_one():
    of = river(months(3), storage=20_000 * M3S_HOUR, turbined=15.0, delay=240.0)
    policy = hw.train(bounded(study(of, iterations=15, method="penalty")), threads=1)
    assert policy.training is not None
    assert policy.training.iterations[-1].upper_bound == pytest.approx(policy.lower_bound, rel=1e-6)


def case_with(root: Path, hours: float | None = 36.0) -> TinyCase:
    case = tiny_case(root)
    case.hydros[0]["travel_time_hours"] = hours
    case.initial["past_defluences"] = [
        {"hydro_id": 0, "start_date": "2023-12-30", "end_date": "2024-01-01", "value_m3s": 20.0}
    ]
    return case


def test_a_travel_time_of_a_case_goes_through_policy_and_results(tmp_path: Path):
    case = hw.load_case(case_with(tmp_path / "case").write())
    policy = hw.train(case, threads=1)
    hw.save_policy(policy, tmp_path / "policy")
    stored = hw.load_policy(tmp_path / "policy")
    assert stored.layout.names[-1] == "travelling_water_0_cell_1"
    run_simulation(case, stored, tmp_path / "out", n_scenarios=3, threads=1)
    found = load_results(tmp_path / "out").table("travelling_water")
    kept = found["initial_hm3"] + found["released_hm3"] - found["arrived_hm3"]
    assert found["final_hm3"].to_list() == pytest.approx(kept.to_list())
    first = found.filter(stage_id=0)["initial_hm3"].to_list()
    assert first == pytest.approx([36.0 * 20.0 * M3S_HOUR] * 3)


WRONG = {
    "HW571": lambda case: case.hydros[1].update(travel_time_hours=5.0),
    "HW204": lambda case: case.initial["past_defluences"][0].update(end_date="2024-01-02"),
    "HW301": lambda case: case.initial["past_defluences"][0].update(hydro_id=9),
}


@pytest.mark.parametrize("code", WRONG)
def test_what_is_wrong_is_found(tmp_path: Path, code: str):
    case = case_with(tmp_path)
    WRONG[code](case)
    assert [finding.code for finding in validate_case(case.write()).errors] == [code]


@pytest.mark.parametrize(
    ("hours", "message"),
    [(None, "the plant has no travel time"), (100.0, "outflows of the last 48 hours")],
)
def test_past_outflows_that_do_not_fit_are_told(tmp_path: Path, hours: float | None, message: str):
    report = validate_case(case_with(tmp_path, hours).write())
    (finding,) = [one for one in report.warnings if one.code == "HW572"]
    assert message in finding.message
