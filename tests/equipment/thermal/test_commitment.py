"""Starts and stops of thermal plants, relaxed: by hand, and against another formulation."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import headwater as hw
import headwater.model as m
from case_builder import tiny_case
from extensive_form import extensive_form_value
from headwater.case import validate_case
from headwater.errors import ModelError
from headwater.sddp import train_policy
from random_systems import random_study
from small_systems import stages, study

CHEAP, DEAR = 10.0, 100.0


def day(loads: tuple[float, ...], most: float, **changes: float) -> m.System:
    """Hours that follow each other: a cheap plant that starts and stops, and a dear one."""
    made = stages(1, (1.0,) * len(loads), block_mode=m.BlockMode.CHRONOLOGICAL)
    cheap = dataclasses.replace(m.Thermal.flat(0, 0, most, CHEAP, name="cheap"), **changes)
    factors = [
        {"bus_id": 0, "stage_id": 0, "block_id": k, "factor": load} for k, load in enumerate(loads)
    ]
    return m.System(
        stages=made,
        buses=(m.Bus(0, "town", (m.DeficitSegment(None, 1000.0),), excess_cost_per_mwh=500.0),),
        thermals=(cheap, m.Thermal.flat(1, 0, 100.0, DEAR, name="dear")),
        load_statistics=(m.LoadStatistics(0, 0, 1.0, 0.0),),
        load_factors=m.StageOverrides.from_rows(factors, entity="bus_id"),
    )


def bound(of: m.System) -> float:
    return hw.train(study(of, iterations=3), threads=1).lower_bound


def test_a_share_of_a_plant_starts_and_pays_for_it():
    """30 of 100 MW: 0.3 of a start, and 15 of its stable 50 MW are less than that."""
    of = day((0.0, 30.0, 0.0), 100.0, min_stable_mw=50.0, start_cost=1000.0)
    assert bound(of) == pytest.approx(0.3 * 1000.0 + 30.0 * CHEAP)
    made = study(of, iterations=3)
    found = hw.simulate(hw.train(made, threads=1), made, n_scenarios=1, threads=1)
    told = found.table("commitments")
    assert told["share_started"].to_list() == pytest.approx([0.0, 0.3, 0.0])
    assert told["start_cost"].to_list() == pytest.approx([0.0, 300.0, 0.0])
    assert found.table("costs")["thermal_cost"].sum() == pytest.approx(600.0)


def test_a_plant_that_must_stay_on_is_not_worth_a_start():
    """Each MW of it would ask for half a MW that nobody takes an hour later."""
    of = day((0.0, 30.0, 0.0), 100.0, min_stable_mw=50.0, start_cost=1000.0, min_up_hours=2.0)
    assert bound(of) == pytest.approx(30.0 * DEAR)


def test_a_plant_that_must_rest_serves_one_of_two_hours():
    free = day((30.0, 0.0, 30.0), 30.0, min_stable_mw=15.0, start_cost=1000.0)
    assert bound(free) == pytest.approx(60.0 * CHEAP + 1000.0)
    tired = day((30.0, 0.0, 30.0), 30.0, min_stable_mw=15.0, start_cost=1000.0, min_down_hours=2.0)
    assert bound(tired) == pytest.approx(30.0 * CHEAP + 30.0 * DEAR)


def starting(seed: int) -> m.Study:
    """A random system with blocks that follow each other, and plants that start and stop."""
    made, rng = random_study(seed), np.random.default_rng([seed, 9])
    system, hours = made.system, rng.uniform(1.0, 9.0, 5)
    loads = rng.uniform(0.3, 1.5, (2, 5))
    factors = [
        {"bus_id": bus, "stage_id": t.id, "block_id": k, "factor": float(loads[b, k])}
        for t in system.stages
        for b, bus in enumerate((1, 2))
        for k in range(5)
    ]
    blocks = tuple(m.Block(float(h)) for h in hours)
    mode = m.BlockMode.CHRONOLOGICAL
    more = dataclasses.replace(
        system,
        stages=tuple(
            dataclasses.replace(stage, blocks=blocks, block_mode=mode) for stage in system.stages
        ),
        thermals=tuple(
            dataclasses.replace(
                plant,
                min_stable_mw=float(rng.uniform(5.0, 25.0)),
                start_cost=float(rng.uniform(100.0, 4000.0)),
                min_up_hours=float(rng.uniform(0.0, 12.0)),
                min_down_hours=float(rng.uniform(0.0, 12.0)),
            )
            for plant in system.thermals
        ),
        load_factors=m.StageOverrides.from_rows(factors, entity="bus_id"),
        generic_constraints=(),
        generic_constraint_bounds=(),
    )
    return dataclasses.replace(made, system=more)


@pytest.mark.parametrize("seed", range(4))
def test_random_systems_cost_what_a_second_formulation_says(seed: int):
    made = starting(seed)
    exact = extensive_form_value(made.system, made.config)
    assert train_policy(made).lower_bound == pytest.approx(exact, rel=1e-7)


def test_the_order_of_plants_changes_nothing():
    made = starting(1)
    turned = dataclasses.replace(made.system, thermals=made.system.thermals[::-1])
    other = dataclasses.replace(made, system=turned)
    assert hw.extensive_form(other).cost == pytest.approx(hw.extensive_form(made).cost, rel=1e-12)


def test_parallel_blocks_are_refused(tmp_path: Path):
    of = day((1.0, 2.0), 10.0, start_cost=5.0)
    with pytest.raises(ModelError, match="thermal 0 starts and stops, and the blocks of stage 0"):
        hw.train(study(dataclasses.replace(of, stages=stages(1, (1.0, 1.0)))))
    case = tiny_case(tmp_path)
    case.thermals[0]["min_up_hours"] = 3.0
    assert [one.code for one in validate_case(case.write()).errors] == ["HW568"]
