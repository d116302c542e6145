"""Asking a policy by names of plants and dates of stages."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headwater as hw
import headwater.model as m
from headwater.equipment.recorded_state import founding_layout
from small_systems import random_system
from small_systems import study as built
from trained_policies import small_study, trained


@cache
def named() -> hw.Policy:
    """The trained policy with names of its plants, bound to the study with these names."""
    system = small_study().system
    hydros = [
        dataclasses.replace(h, name=name)
        for h, name in zip(system.hydros, ("Ridge", "Gorge", "Weir"), strict=True)
    ]
    study = dataclasses.replace(small_study(), system=dataclasses.replace(system, hydros=hydros))
    layout = study.system.state_layout(trained().layout.block("inflow_lag").depth)
    return hw.Policy.of(dataclasses.replace(trained(), layout=layout), study)


STORAGES = {"Ridge": 11.0, "Gorge": 22.0, "Weir": 33.0}


def by_hand() -> Any:
    state = np.zeros(named().layout.dimension)
    state[:3] = 11.0, 22.0, 33.0
    return state


def test_values_by_name_are_those_of_the_array():
    first, last = named().stages[0], named().stages[-1]
    for stage in (first.stage_id, first.start_date, str(first.start_date), str(first.stage_id)):
        assert named().value(STORAGES, stage, otherwise=0.0) == named().value(
            first.stage_id, by_hand()
        )
    assert named().value(by_hand(), last.stage_id) == 0.0


def test_state_and_stage_may_change_places():
    stage = named().stages[1].start_date
    assert named().value(stage, by_hand()) == named().value(by_hand(), stage)
    assert named().water_values(stage, STORAGES, otherwise=0.0) == named().water_values(
        STORAGES, stage, otherwise=0.0
    )


def test_water_values_come_back_as_the_state_was_given():
    given = named().water_values({"Weir": 33.0, "Ridge": 11.0, 1: 22.0}, 0, otherwise=0.0)
    array = named().water_values(by_hand(), 0)
    assert isinstance(array, np.ndarray)
    assert given == dict(zip(("Ridge", "Gorge", "Weir"), array.tolist(), strict=True))


def test_a_state_takes_past_inflows_by_name():
    state = named().state(STORAGES, 0.0, inflows={"Gorge": 7.0})
    expected = by_hand()
    expected[
        named().layout.names.index(f"inflow_{named().layout.block('storage').ids[1]}_lag_1")
    ] = 7.0
    assert state.tolist() == expected.tolist()
    with pytest.raises(
        hw.UsageError, match="2 past inflows are given for Gorge, and the state has 1"
    ):
        named().state(STORAGES, 0.0, inflows={"Gorge": [7.0, 8.0]})


def test_what_is_not_named_is_asked_for_or_that_of_the_initial_state():
    with pytest.raises(
        hw.UsageError,
        match=r"no value is given for Gorge, Weir, inflow_0_lag_1.*otherwise='initial'",
    ):
        named().value({"Ridge": 1.0}, 0)
    expected = named().initial_state
    expected[0] = 1.0
    assert named().state({"Ridge": 1.0}, "initial").tolist() == expected.tolist()


def test_components_are_named_as_before():
    assert named().state({"storage_0": 1.0}, 2.0).tolist() == [1.0] + [2.0] * (
        named().layout.dimension - 1
    )
    with pytest.raises(
        hw.UnknownNameError,
        match=r"the state has no component 'storage_77'; it has storage_0, storage_1",
    ):
        named().state({"storage_77": 1.0}, 0.0)


def test_unknown_names_say_what_was_meant():
    with pytest.raises(
        hw.UnknownNameError, match=r"there is no hydro 'Rigde'; did you mean 'Ridge'\?"
    ):
        named().value({"Rigde": 1.0}, 0, otherwise=0.0)
    with pytest.raises(hw.UnknownNameError, match="there is no stage '1999-01'"):
        named().cuts("1999-01")
    assert len(named().cuts(str(named().stages[0].start_date))) == len(named().cuts(0))


def test_names_travel_with_the_policy_to_disk_and_back(tmp_path: Path):
    hw.save_policy(named(), tmp_path)
    loaded = hw.load_policy(tmp_path)
    assert loaded.study is None
    assert loaded.value(STORAGES, 0, otherwise=0.0) == named().value(STORAGES, 0, otherwise=0.0)
    with pytest.raises(
        hw.PolicyError, match=r"does not know its study: load_policy\(DIR, load_case\(CASE\)\)"
    ):
        loaded.decide()


def test_a_loaded_policy_is_bound_to_the_study_that_it_fits(tmp_path: Path):
    hw.save_policy(named(), tmp_path)
    study = named().study
    assert study is not None
    assert hw.load_policy(tmp_path, study).decide().cost == named().decide().cost
    assert hw.load_policy(tmp_path).with_study(study).decide().cost == named().decide().cost
    with pytest.raises(hw.PolicyError, match="HW805 stages"):
        hw.load_policy(tmp_path, built(random_system(3, n_stages=2)))


def test_policies_are_compared_in_the_same_scenarios():
    early = hw.train(small_study(), m.TrainingConfig(1, (m.IterationLimit(1),)), threads=1)
    found = trained().compare(early, scenarios=30, threads=1)
    first, second = (
        hw.simulate(p, small_study(), n_scenarios=30, threads=1) for p in (trained(), early)
    )
    differences = second.summary.total_cost - first.summary.total_cost
    assert found.differences.tolist() == differences.tolist()
    assert found.difference == pytest.approx(second.mean_cost - first.mean_cost)
    assert found.ci95 == pytest.approx(1.96 * np.std(differences, ddof=1) / 30**0.5)
    assert found.frame().height == 30
    assert "on average over 30 scenarios" in str(found)


def test_a_policy_is_as_good_as_itself():
    found = trained().compare(trained(), scenarios=5, threads=1)
    assert (found.difference, found.ci95) == (0.0, 0.0)
    assert "may be chance" in str(found)


def test_policies_of_other_systems_are_not_compared():
    layout = founding_layout((0, 1, 9), trained().layout.block("inflow_lag").depth)
    with pytest.raises(hw.PolicyError, match="HW801 hydros"):
        trained().compare(dataclasses.replace(trained(), layout=layout), scenarios=2)
