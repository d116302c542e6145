"""Deciding single stages with a policy, as its simulation does."""

from __future__ import annotations

import dataclasses
import pickle
from functools import cache

import numpy as np
import polars as pl
import pytest

import headwater as hw
import headwater.model as m
from headwater.stochastic import study_uncertainty
from small_systems import random_system, study
from trained_policies import small_study, trained

N_SCENARIOS = 340


@cache
def simulated() -> hw.Simulation:
    """A simulation of the trained policy."""
    return hw.simulate(policy(), threads=1)


class Rows:
    """The rows of a table by scenario and stage, as arrays: many small frames take long."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.schema = {name: dtype for name, dtype in frame.schema.items() if name != "scenario_id"}
        self._columns = {name: frame[name].to_numpy() for name in frame.columns}
        self._order = (
            frame["scenario_id"].to_numpy().astype(np.int64) * 1000 + frame["stage_id"].to_numpy()
        )

    def at(self, scenario: int, stage_id: int) -> dict[str, np.ndarray]:
        """Column -> values."""
        first, end = np.searchsorted(
            self._order, [scenario * 1000 + stage_id, scenario * 1000 + stage_id + 1]
        )
        return {name: values[first:end] for name, values in self._columns.items()}


def config() -> m.SimulationConfig:
    return m.SimulationConfig(enabled=True, n_scenarios=N_SCENARIOS)


def policy() -> hw.Policy:
    return hw.Policy.of(
        trained(),
        dataclasses.replace(
            small_study(), config=dataclasses.replace(small_study().config, simulation=config())
        ),
    )


def far_apart(mine: pl.DataFrame, rows: Rows, scenario: int, stage_id: int) -> float:
    """The largest relative difference of a table and the rows of a scenario and stage."""
    assert dict(mine.schema) == rows.schema
    theirs, worst = rows.at(scenario, stage_id), 0.0
    for name, dtype in mine.schema.items():
        a, b = mine[name].to_numpy(), theirs[name]
        if dtype == pl.Float64:
            assert np.array_equal(np.isnan(a), np.isnan(b))
            worst = max(
                worst, float(np.nanmax(np.abs(a - b) / np.maximum(1.0, np.abs(b)), initial=0.0))
            )
        else:
            assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), name
    return worst


@pytest.mark.parametrize("n_scenarios", [15, pytest.param(N_SCENARIOS, marks=pytest.mark.slow)])
def test_decisions_are_those_of_the_simulation(n_scenarios: int):
    """The longer one has more than a thousand states."""
    chosen = policy()
    tables = {name: Rows(simulated().table(name, names=False)) for name in simulated().tables}
    for scenario in range(n_scenarios):
        state = None
        for stage in chosen.stages:
            decision = chosen.decide(state, stage=stage.stage_id, scenario=scenario)
            state = decision.next_state
            for name, rows in tables.items():
                assert (
                    far_apart(decision.table(name, names=False), rows, scenario, stage.stage_id)
                    < 1e-9
                )


def test_tables_of_a_decision_have_the_columns_of_those_of_a_simulation():
    decision = policy().decide()
    assert decision.tables == simulated().tables
    for name in decision.tables:
        assert decision.table(name).columns == [
            c for c in simulated().table(name).columns if c != "scenario_id"
        ]


def test_inflows_and_loads_by_name_give_what_the_scenario_with_these_gives():
    chosen = policy()
    tables = {
        name: Rows(simulated().table(name, names=False)) for name in ("hydros", "buses", "costs")
    }
    state = chosen.initial_state
    for stage in chosen.stages:
        rows = {name: table.at(4, stage.stage_id) for name, table in tables.items()}
        hydros, buses = rows["hydros"], rows["buses"]
        inflows = dict(zip(hydros["hydro_id"], hydros["incremental_inflow_m3s"], strict=True))
        decision = chosen.decide(
            state,
            stage=stage.stage_id,
            inflows=inflows,
            loads={i: buses["load_mw"][buses["bus_id"] == i] for i in np.unique(buses["bus_id"])},
        )
        assert decision.total_cost == pytest.approx(rows["costs"]["total_cost"].sum(), rel=1e-9)
        found = decision.table("hydros", names=False)["incremental_inflow_m3s"].to_numpy()
        assert found == pytest.approx(hydros["incremental_inflow_m3s"], abs=1e-9)
        ends = hydros["block_id"] == hydros["block_id"].max()
        state = np.concatenate(
            [hydros["storage_final_hm3"][ends], hydros["incremental_inflow_m3s"][ends]]
        )


def test_a_decision_says_what_it_costs_and_what_things_are_worth_by_name():
    decision = policy().decide()
    costs = decision.table("costs")
    assert decision.cost == pytest.approx(costs["immediate_cost"].sum())
    assert decision.future_cost == pytest.approx(costs["future_cost"].sum())
    assert decision.total_cost == pytest.approx(costs["total_cost"].sum())
    hydros, buses = decision.table("hydros"), decision.table("buses")
    last = hydros.filter(pl.col("block_id") == hydros["block_id"].max())
    assert list(decision.storage_hm3.values()) == pytest.approx(last["storage_final_hm3"].to_list())
    assert list(decision.water_values.values()) == last["water_value_per_hm3"].to_list()
    for bus, prices in zip(small_study().system.buses, decision.prices.values(), strict=True):
        assert prices.tolist() == buses.filter(pl.col("bus_id") == bus.id)["spot_price"].to_list()
    assert "cost" in repr(decision)
    assert len(repr(decision)) < 200


def test_without_inflows_the_river_brings_what_is_expected_after_the_last_inflows():
    chosen = policy()
    plant = chosen.layout.block("storage").ids[0]
    low, high = (chosen.state({}, "initial", inflows={plant: past}) for past in (10.0, 30.0))
    flows = [
        chosen.decide(state).table("hydros")["incremental_inflow_m3s"][0] for state in (low, high)
    ]
    psi = study_uncertainty(small_study()).inflow.psi[0][0, 0]
    assert flows[1] - flows[0] == pytest.approx(20.0 * psi)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(hw.UnknownNameError, match="there is no hydro with id 99"):
        policy().decide(inflows={99: 1.0})
    with pytest.raises(hw.UnknownNameError, match="there is no bus 'Nowhere'"):
        policy().decide(loads={"Nowhere": 1.0})
    with pytest.raises(
        hw.UsageError,
        match=r"expected one number for bus '0', or \d for the blocks, got shape \(7,\)",
    ):
        policy().decide(loads={0: [1.0] * 7})
    with pytest.raises(hw.UsageError, match="numbered from 0, got -1"):
        policy().decide(scenario=-1)
    with pytest.raises(hw.UsageError, match=r"needs \d+ components, got shape \(2,\)"):
        policy().decide([1.0, 2.0])
    with pytest.raises(hw.UnknownNameError, match="there is no table 'hydro'; there are: "):
        policy().decide().table("hydro")


def test_a_load_of_one_number_is_shaped_by_the_factors_of_the_blocks():
    system, chosen = small_study().system, policy()
    bus = system.buses[0].id
    table = chosen.decide(loads={bus: 100.0}).table("buses").filter(pl.col("bus_id") == bus)
    n_blocks = len(system.stages[0].blocks)
    assert table["load_mw"].to_list() == pytest.approx(
        (100.0 * system.load_factor[0, 0, :n_blocks]).tolist()
    )


def test_sources_give_what_is_said_to_be_available():
    source = m.NonControllableSource(8, 1, 20.0, "Windy")
    made = study(
        dataclasses.replace(random_system(5), non_controllables=(source,)),
        iterations=2,
        method="penalty",
    )
    table = (
        hw.train(made, threads=1)
        .decide(availability={"Windy": [7.0, 9.0]})
        .table("non_controllables")
    )
    assert table["available_mw"].to_list() == [7.0, 9.0]
    assert table["non_controllable_name"].to_list() == ["Windy", "Windy"]


def test_a_policy_that_has_decided_can_be_copied_to_other_processes():
    chosen = hw.Policy.of(dataclasses.replace(trained(), study=None), small_study())
    cost = chosen.decide().cost
    bare = dataclasses.replace(chosen, study=None, training=None)
    assert "_decider" not in pickle.loads(pickle.dumps(bare)).__dict__
    assert dataclasses.replace(chosen).decide().cost == cost
