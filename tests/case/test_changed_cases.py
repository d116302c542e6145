"""Cases with something changed, in memory and on disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headwater as hw
import headwater.model as m
from case_builder import tiny_case

CHANGES: dict[str, Callable[[Any], Any]] = {
    "settings": lambda s: s.with_(
        iterations=7, forward_passes=3, openings=5, seed=11, threads=2, scenarios=9
    ),
    "loads": lambda s: s.scale_load(1.25),
    "the load of a bus": lambda s: s.scale_load(
        0.5, bus=s.system.buses[1].name or s.system.buses[1].id
    ),
    "the start": lambda s: s.with_initial(
        {s.system.hydros[0].id: 12.5}, inflows={s.system.hydros[1].id: [3.0]}
    ),
    "nothing": lambda s: s.with_(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_case_means_what_the_changed_study_means_and_reads_back_equal(
    name: str, tmp_path: Path
):
    """The case changes its files, the study its entities: two ways to one system."""
    case = hw.load_case(tiny_case(tmp_path / "tiny").write())
    changed = CHANGES[name](case)
    study = CHANGES[name](m.Study(case.system, case.config, case.name))
    assert (changed.system, changed.config) == (study.system, study.config)
    assert ((changed.system, changed.config) == (case.system, case.config)) is (name == "nothing")
    again = hw.load_case(changed.save(tmp_path / "saved"))
    assert (again.system, again.config) == (changed.system, changed.config)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_what_was_replaced_in_the_case_before(name: str, tmp_path: Path):
    case = hw.load_case(tiny_case(tmp_path / "tiny").write())
    averse = tuple(
        dataclasses.replace(stage, risk=m.MixedCVaR(0.5, 0.2)) for stage in case.system.stages
    )
    config = dataclasses.replace(
        case.config, policy=dataclasses.replace(case.config.policy, stage_map=m.StageMap(shift=1))
    )
    replaced = dataclasses.replace(
        case, system=dataclasses.replace(case.system, stages=averse), config=config
    )
    changed = CHANGES[name](replaced)
    study = CHANGES[name](m.Study(replaced.system, replaced.config, replaced.name))
    assert (changed.system, changed.config) == (study.system, study.config)
    assert {stage.risk for stage in changed.system.stages} == {m.MixedCVaR(0.5, 0.2)}
    assert changed.config.policy.stage_map == m.StageMap(shift=1)


def test_changes_are_those_that_were_asked_for(tmp_path: Path):
    case = hw.load_case(tiny_case(tmp_path / "tiny").write())
    changed = CHANGES["settings"](case)
    assert changed.config.training.stopping_rules == (m.IterationLimit(7),)
    assert (changed.config.training.forward_passes, changed.config.training.tree_seed) == (3, 11)
    assert {stage.n_openings for stage in changed.system.stages} == {5}
    assert (changed.config.simulation.enabled, changed.config.simulation.n_scenarios) == (True, 9)
    means = [row.mean_mw for row in case.scale_load(1.25).system.load_statistics]
    assert means == [1.25 * row.mean_mw for row in case.system.load_statistics]
    start = CHANGES["the start"](case).system.initial
    assert start.storage_hm3[case.system.hydros[0].id] == 12.5
    assert start.past_inflows_m3s[case.system.hydros[1].id] == (3.0,)


def test_external_loads_are_scaled_too(tmp_path: Path):
    made = tiny_case(tmp_path / "tiny")
    buses = [bus["id"] for bus in made.files["system/buses.json"]["buses"]]
    made.tables["scenarios/external_load_scenarios"] = [
        {"stage_id": stage["id"], "scenario_id": s, "bus_id": bus, "value_mw": 10.0 + s}
        for stage in made.stages
        for s in range(2)
        for bus in buses
    ]
    made.files["config.json"]["training"]["scenario_source"] = {
        "load": {"scheme": "external"},
        "seed": 1,
    }
    case = hw.load_case(made.write())
    changed = case.scale_load(3.0, bus=buses[0])
    study = m.Study(case.system, case.config).scale_load(3.0, bus=buses[0])
    assert changed.system == study.system
    assert changed.system.external_loads is not None
    assert changed.system.external_loads.values[made.stages[0]["id"]].tolist() == [
        [30.0, 10.0],
        [33.0, 11.0],
    ]


def test_a_change_that_makes_no_sense_is_refused(tmp_path: Path):
    case = hw.load_case(tiny_case(tmp_path / "tiny").write())
    with pytest.raises(hw.UsageError, match="iterations must be at least 1, got 0"):
        case.with_(iterations=0)
    with pytest.raises(hw.UsageError, match="cannot be scaled by -1"):
        case.scale_load(-1)
    with pytest.raises(hw.UnknownNameError, match="there is no hydro 'Nowhere'"):
        case.with_initial({"Nowhere": 1.0})
    with pytest.raises(hw.CaseError, match="HW506"):
        case.with_initial({case.system.hydros[0].id: 1e9})


def test_a_case_whose_files_have_changed_since_is_not_written(tmp_path: Path):
    made = tiny_case(tmp_path / "tiny")
    case = hw.load_case(made.write())
    load = tmp_path / "tiny" / "scenarios" / "load_seasonal_stats.parquet"
    frame = pl.read_parquet(load).with_columns(pl.col("mean_mw") + 1.0)
    frame.write_parquet(load)
    with pytest.raises(hw.CaseError, match="does not mean the same; nothing was written"):
        case.save(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()
