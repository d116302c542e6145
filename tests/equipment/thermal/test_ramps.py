"""Ramps: by hand, against a second formulation, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import headwater as hw
import headwater.model as m
from case_builder import TinyCase, tiny_case
from extensive_form import extensive_form_value
from headwater.case import validate_case
from headwater.errors import ModelError
from headwater.lp import program_warnings
from headwater.sddp import train_policy
from random_systems import random_study
from small_systems import stages, study

CHEAP, DEAR = 10.0, 100.0


def day(
    hours: tuple[float, ...], loads: tuple[float, ...], excess: float = 500.0, **ramps: float
) -> m.System:
    """One stage of blocks that follow each other: a cheap plant with ramps, and a dear one."""
    made = stages(1, hours, block_mode=m.BlockMode.CHRONOLOGICAL)
    cheap = dataclasses.replace(m.Thermal.flat(0, 0, 100.0, CHEAP, name="cheap"), **ramps)
    factors = [
        {"bus_id": 0, "stage_id": 0, "block_id": k, "factor": load} for k, load in enumerate(loads)
    ]
    return m.System(
        stages=made,
        buses=(m.Bus(0, "town", (m.DeficitSegment(None, 1000.0),), excess_cost_per_mwh=excess),),
        thermals=(cheap, m.Thermal.flat(1, 0, 100.0, DEAR, name="dear")),
        load_statistics=(m.LoadStatistics(0, 0, 1.0, 0.0),),
        load_factors=m.StageOverrides.from_rows(factors, entity="bus_id"),
    )


def power(of: m.System) -> list[float]:
    made = study(of, iterations=3)
    found = hw.simulate(hw.train(made, threads=1), made, n_scenarios=1, threads=1)
    return found.table("thermals").filter(thermal_id=0)["generation_mw"].to_list()


def test_a_rise_is_limited_from_block_to_block():
    """30 MW an hour from 20 MW: 50, 80, and the dear plant gives the rest."""
    of = day((1.0, 1.0, 1.0), (20.0, 90.0, 90.0), max_ramp_up_mw_per_hour=30.0)
    assert power(of) == pytest.approx([20.0, 50.0, 80.0])
    expected = CHEAP * (20.0 + 50.0 + 80.0) + DEAR * (40.0 + 10.0)
    assert hw.train(study(of), threads=1).lower_bound == pytest.approx(expected)


def test_a_fall_is_limited_too_and_pays_for_what_nobody_takes():
    """From 80 MW at 30 MW an hour: holding 50 and 20 MW, where 10 are asked for, is dearer than
    giving less before.
    """
    of = day((1.0, 1.0, 1.0), (80.0, 10.0, 10.0), 1.0, max_ramp_down_mw_per_hour=30.0)
    # a MW more in the first hour saves 90 $, and costs 11 $ of excess in each of the others
    assert power(of) == pytest.approx([80.0, 50.0, 20.0])


def test_the_time_between_blocks_is_that_between_their_middles():
    of = day((2.0, 4.0), (20.0, 100.0), max_ramp_up_mw_per_hour=10.0)
    assert power(of) == pytest.approx([20.0, 50.0])


def test_a_plant_without_ramps_has_no_rows():
    free = day((1.0, 1.0), (20.0, 90.0))
    program = hw.stage_program(study(free), 0)
    assert not [name for name in program.rows if name.startswith("ramp")]
    held = hw.stage_program(study(day((1.0, 1.0), (2.0, 9.0), max_ramp_up_mw_per_hour=3.0)), 0)
    assert [name for name in held.rows if name.startswith("ramp")] == ["ramp[cheap,1]"]


def ramped(seed: int) -> m.Study:
    """A random system with blocks that follow each other, and ramps."""
    made, rng = random_study(seed), np.random.default_rng(seed)
    system = made.system
    hours = rng.uniform(100.0, 300.0, 3)
    return dataclasses.replace(
        made,
        system=dataclasses.replace(
            system,
            stages=tuple(
                dataclasses.replace(
                    stage,
                    blocks=tuple(m.Block(float(h)) for h in hours),
                    block_mode=m.BlockMode.CHRONOLOGICAL,
                )
                for stage in system.stages
            ),
            thermals=tuple(
                dataclasses.replace(
                    plant,
                    max_ramp_up_mw_per_hour=float(rng.uniform(0.01, 0.1)),
                    max_ramp_down_mw_per_hour=float(rng.uniform(0.01, 0.1)) if j else None,
                )
                for j, plant in enumerate(system.thermals)
            ),
            load_factors=m.StageOverrides.from_rows(
                [
                    {"bus_id": bus, "stage_id": t.id, "block_id": k, "factor": factor}
                    for t in system.stages
                    for bus in (1, 2)
                    for k, factor in enumerate(rng.uniform(0.3, 1.5, 3).tolist())
                ],
                entity="bus_id",
            ),
        ),
    )


@pytest.mark.parametrize("seed", range(4))
def test_random_systems_cost_what_a_second_formulation_says(seed: int):
    made = ramped(seed)
    exact = extensive_form_value(made.system, made.config)
    assert train_policy(made).lower_bound == pytest.approx(exact, rel=1e-7)
    free = tuple(
        dataclasses.replace(one, max_ramp_up_mw_per_hour=None, max_ramp_down_mw_per_hour=None)
        for one in made.system.thermals
    )
    without = dataclasses.replace(made.system, thermals=free)
    assert extensive_form_value(without, made.config) < exact


def test_the_order_of_plants_changes_nothing():
    made = ramped(1)
    turned = dataclasses.replace(
        made, system=dataclasses.replace(made.system, thermals=made.system.thermals[::-1])
    )
    assert hw.extensive_form(turned).cost == hw.extensive_form(made).cost


def test_a_system_built_in_code_with_parallel_blocks_is_refused():
    of = day((1.0, 1.0), (20.0, 90.0), max_ramp_up_mw_per_hour=30.0)
    parallel = dataclasses.replace(of, stages=stages(1, (1.0, 1.0)))
    with pytest.raises(ModelError, match="thermal 0 has ramps, and the blocks of stage 0 are par"):
        hw.train(study(parallel))


def case_with(root: Path, mode: str, hours: tuple[float, ...], **ramps: float) -> TinyCase:
    case = tiny_case(root)
    for stage in case.stages:
        total = sum(block["hours"] for block in stage["blocks"])
        stage["block_mode"] = mode
        stage["blocks"] = [
            {"id": k, "name": f"K{k}", "hours": total * share} for k, share in enumerate(hours)
        ]
    case.thermals[1] |= ramps
    return case


def test_ramps_of_a_case_are_read(tmp_path: Path):
    ramps = {"max_ramp_up_mw_per_hour": 5.0, "max_ramp_down_mw_per_hour": 6.0}
    case = hw.load_case(case_with(tmp_path, "chronological", (0.5, 0.5), **ramps).write())
    plant = case.system.thermals[1]
    assert (plant.max_ramp_up_mw_per_hour, plant.max_ramp_down_mw_per_hour) == (5.0, 6.0)
    assert any("ramp[" in name for name in hw.stage_program(case, 0).rows)


@pytest.mark.parametrize(
    ("mode", "ramp", "file", "message"),
    [
        ("parallel", 5.0, "system/thermals.json", "expected chronological blocks"),
        ("chronological", 0.01, "constraints/thermal_bounds.parquet", "block 1 asks for 50 to 60"),
    ],
)
def test_ramps_that_cannot_be_are_found(
    tmp_path: Path, mode: str, ramp: float, file: str, message: str
):
    case = case_with(tmp_path, mode, (0.5, 0.5), max_ramp_up_mw_per_hour=ramp)
    case.tables["constraints/thermal_bounds"] = [
        {"thermal_id": 1, "stage_id": 1, "block_id": 0, "max_generation_mw": 10.0},
        {"thermal_id": 1, "stage_id": 1, "block_id": 1, "min_generation_mw": 50.0},
    ]
    (finding,) = validate_case(case.write()).errors
    assert (finding.code, finding.file) == ("HW568", file)
    assert message in finding.message


def test_ramps_that_limit_nothing_are_told(tmp_path: Path):
    case = hw.load_case(
        case_with(tmp_path, "parallel", (1.0,), max_ramp_up_mw_per_hour=1.0).write()
    )
    assert any("which limit nothing" in one for one in program_warnings(case.system))
