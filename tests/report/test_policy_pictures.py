"""Pictures of policies show the slopes of the cuts, as the policy itself gives them."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headwater as hw
from headwater.errors import PolicyError, UnknownNameError, UsageError
from headwater.model import CutFormulation
from headwater.report.outcome import Outcome
from headwater.report.policy_pictures import WaterValues, mean_states, middle_states, water_values
from small_systems import random_system, study


@cache
def trained(formulation: str = "single") -> hw.Policy:
    one = study(random_system(3, n_openings=2), iterations=5, forward_passes=2, method="penalty")
    training = dataclasses.replace(one.config.training, cut_formulation=CutFormulation(formulation))
    config = dataclasses.replace(one.config, training=training)
    return hw.train(dataclasses.replace(one, config=config), threads=1)


@pytest.mark.parametrize("formulation", ["single", "multi"])
def test_drawn_water_values_are_those_of_the_policy_at_every_storage(formulation: str):
    policy = trained(formulation)
    states = middle_states(policy)
    values = WaterValues(policy, states)
    bounds = policy.study.system.bounds.hydro
    compared = 0
    for t, stage in enumerate(policy.stages[:-1]):
        for h in range(policy.layout.size("storage")):
            levels = np.linspace(bounds.min_storage_hm3[h, t], bounds.max_storage_hm3[h, t], 7)
            drawn = values.at(t, h, levels)
            for level, worth in zip(levels, drawn, strict=True):
                state = states[t].copy()
                state[h] = level
                expected = policy.water_values(state, stage.stage_id)[h]
                # where two cuts are equally high either slope is right
                nearby = [
                    policy.water_values(state + step, stage.stage_id)[h] for step in (-1e-9, 1e-9)
                ]
                assert any(
                    worth == pytest.approx(one, rel=1e-9, abs=1e-9) for one in (expected, *nearby)
                )
                compared += 1
    assert compared > 20


def test_water_is_worth_no_more_the_fuller_the_reservoir_all_else_equal():
    policy = trained()
    hydro = policy.study.system.hydros[0]
    worth = water_values(policy, hydro.id, policy.stages[0].stage_id).traces[0]["y"]
    assert len(worth) > 50
    assert (np.diff(worth) <= 1e-9).all()


def test_all_stages_are_a_table_of_those_with_a_future():
    policy = trained()
    (table,) = water_values(policy, policy.study.system.hydros[0].id).traces
    assert len(table["x"]) == len(policy.stages) - 1
    assert len(table["z"]) == len(table["y"]) == 25


def test_reservoirs_that_stand_elsewhere_change_what_water_is_worth():
    policy = trained()
    hydro, stage = policy.study.system.hydros[0], policy.stages[0].stage_id
    full = middle_states(policy)[0].copy()
    full[1 : policy.layout.size("storage")] = policy.study.system.bounds.hydro.max_storage_hm3[
        1:, 0
    ]
    usual, other = (
        water_values(policy, hydro.id, stage, state).traces[0]["y"] for state in (None, full)
    )
    assert usual != other
    with pytest.raises(UsageError, match="the state needs"):
        water_values(policy, hydro.id, stage, [1.0])


def test_states_of_the_scenarios_are_their_means_with_the_lags_of_the_next_stage(
    example_output: Path,
):
    outcome = Outcome.of_results(hw.load_results(example_output))
    policy = hw.load_policy(example_output / "policy")
    states = mean_states(outcome, policy.layout)
    names = policy.layout.names
    rows = outcome.rows("hydros", "storage_final_hm3").filter(
        (pl.col("hydro_id") == 3) & (pl.col("stage_id") == 6) & (pl.col("block_id") == 2)
    )
    assert states[6, names.index("storage_3")] == pytest.approx(rows["storage_final_hm3"].mean())
    lags = outcome.rows("inflow_lags", "inflow_m3s").filter(
        (pl.col("hydro_id") == 3) & (pl.col("stage_id") == 7)
    )
    for lag in (1, 2):
        mean = lags.filter(pl.col("lag_index") == lag)["inflow_m3s"].mean()
        assert states[6, names.index(f"inflow_3_lag_{lag}")] == pytest.approx(mean)
    own = outcome.rows("hydros", "incremental_inflow_m3s").filter(
        (pl.col("hydro_id") == 3) & (pl.col("stage_id") == 6) & (pl.col("block_id") == 0)
    )
    assert states[6, names.index("inflow_3_lag_1")] == pytest.approx(
        own["incremental_inflow_m3s"].mean()
    )


def test_a_policy_of_the_example_is_drawn_by_name_and_date(example_output: Path):
    pytest.importorskip("plotly", reason="plotly is not installed")
    policy = hw.load_policy(example_output / "policy", hw.load_case(example_output.parent / "case"))
    figure = policy.plot.water_values("Ridge", stage="2027-02")
    assert figure.layout.title.text == "Ridge: water value on 2027-03-01"
    assert figure.layout.yaxis.title.text == "worth of one more hm3, $/hm3"
    with pytest.raises(UnknownNameError, match="did you mean 'Ridge'"):
        policy.plot.water_values("Rigde")
    with pytest.raises(UnknownNameError, match="there is no stage '2031-02'"):
        policy.plot.water_values("Ridge", "2031-02")


def test_a_policy_without_its_study_says_how_to_give_it(example_output: Path):
    pytest.importorskip("plotly", reason="plotly is not installed")
    policy = hw.load_policy(example_output / "policy")
    with pytest.raises(PolicyError, match=r"hw\.load_policy\(directory, hw\.load_case\(case\)\)"):
        policy.plot.water_values("Ridge")
    with pytest.raises(UsageError, match=r"plot\.convergence\(\) draws that of a run"):
        policy.plot.convergence()


def test_the_training_of_a_policy_in_memory_is_drawn():
    pytest.importorskip("plotly", reason="plotly is not installed")
    policy = trained()
    bounds = [one.lower_bound for one in policy.training.iterations]
    figure = policy.plot.convergence()
    (line,) = (trace for trace in figure.data if trace.name == "lower bound")
    assert len(line.y) == len(bounds)
    assert line.y[-1] / line.y[0] == pytest.approx(bounds[-1] / bounds[0])
