"""A network that PyPSA optimises with the future cost of a policy decides as the policy does."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import headwater as hw
from headwater.case.load import case_of
from pypsa_networks import (
    cascade,
    monthly,
    one_bus,
    pd,
    solve,
    their_warnings,
    two_buses,
    years,
)

pytestmark = their_warnings

SAME = 1e-6
HM3_PER_MWH = 0.0036
CASCADE_WATER = {"upper": 1.0, "lower": 2.0}


def policy_of(case: hw.Case, iterations: int = 4) -> hw.Policy:
    return hw.train(case.with_(iterations=iterations), threads=1, progress=False)


@cache
def one_bus_policy(seed: int) -> hw.Policy:
    return policy_of(hw.pypsa.from_network(one_bus(seed), inflow=years({"ridge": 120.0}, seed)))


def changed(case: hw.Case, **risk: Any) -> hw.Case:
    """The case with cuts of single openings, and another risk measure."""
    documents = case.documents
    documents.files["config.json"]["training"]["cut_formulation"] = "multi"
    for stage in documents.files["stages.json"]["stages"]:
        stage.update(risk)
    return case_of(documents, case.name)


@pytest.mark.versions
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_bus_costs_what_the_policy_says_and_water_is_worth_the_same(seed: int) -> None:
    n, policy = one_bus(seed), one_bus_policy(seed)
    stage, step = 1 + seed % 2, 10.0
    start = float(n.storage_units.state_of_charge_initial["ridge"])
    n.storage_units_t.inflow.loc[n.snapshots[stage], "ridge"] = 77.0 + seed

    found = solve(n, n.snapshots[[stage]], lambda n, _: hw.pypsa.add_future_cost(n, policy, stage))

    def cost(content: float) -> float:
        state = {"ridge": content * HM3_PER_MWH}
        return policy.decide(state, inflows={"ridge": 77.0 + seed}, stage=stage).total_cost

    assert found == pytest.approx(cost(start), rel=SAME)
    worth = hw.pypsa.water_values(n, policy).loc["ridge"]
    # the cost is convex, so that its slope at the state lies between those on both sides
    least = (cost(start) - cost(start + step)) / step
    most = (cost(start - step) - cost(start)) / step
    assert least - 1e-3 <= worth.start_per_mwh <= most + 1e-3
    assert worth.start_per_hm3 == pytest.approx(worth.start_per_mwh / HM3_PER_MWH)
    left = float(n.storage_units_t.state_of_charge.loc[n.snapshots[stage], "ridge"])
    ends = [
        policy.water_values({"ridge": (left + shift) * HM3_PER_MWH}, stage)["ridge"]
        for shift in (step, -step)
    ]
    assert ends[0] - 1e-3 <= worth.end_per_hm3 <= ends[1] + 1e-3


def test_the_last_stage_has_no_future() -> None:
    n, policy = one_bus(1), one_bus_policy(1)
    last = n.snapshots[[-1]]

    with_cuts = solve(n, last, lambda n, _: hw.pypsa.add_future_cost(n, policy, 4))

    assert with_cuts == pytest.approx(solve(n, last), rel=1e-12)


def test_money_of_another_kind_changes_nothing_else() -> None:
    n, policy = one_bus(2), one_bus_policy(2)
    stage = n.snapshots[[1]]
    own = solve(n, stage, lambda n, _: hw.pypsa.add_future_cost(n, policy, 1))
    worth = hw.pypsa.water_values(n, policy).loc["ridge"]
    other = one_bus(2)
    other.generators.marginal_cost /= 4.0
    other.storage_units.spill_cost /= 4.0

    found = solve(
        other, stage, lambda n, _: hw.pypsa.add_future_cost(n, policy, 1, exchange_rate=4.0)
    )

    assert found == pytest.approx(own / 4.0, rel=SAME)
    rated = hw.pypsa.water_values(other, policy, exchange_rate=4.0).loc["ridge"]
    assert rated.start_per_mwh == pytest.approx(worth.start_per_mwh / 4.0, rel=1e-6)
    assert rated.start_per_hm3 == pytest.approx(worth.start_per_hm3, rel=1e-6)


def test_past_inflows_are_an_input_where_the_state_holds_them() -> None:
    n = two_buses()
    record = years({"ridge": 60.0, "gorge": 30.0}, 5, count=30)
    water = {"ridge": 0.7, "gorge": 1.2}
    case = hw.pypsa.from_network(
        n, inflow=record, inflow_model="autoregressive", productivity=water
    )
    policy = policy_of(case.with_(openings=6))
    depth = policy.layout.block("inflow_lag").depth
    assert depth >= 1
    past = {"ridge": [55.0, 40.0, 30.0, 20.0, 10.0, 9.0][:depth], "gorge": [22.0] * depth}
    n.storage_units.loc[["ridge", "gorge"], "inflow"] = [66.0, 21.0]

    found = solve(
        n,
        n.snapshots[[1]],
        lambda n, _: hw.pypsa.add_future_cost(n, policy, "2027-02", past_inflows=past),
    )

    state = policy.state(
        {"ridge": 30_000.0 * HM3_PER_MWH / 0.7, "gorge": 9_000.0 * HM3_PER_MWH / 1.2},
        otherwise="initial",
        inflows={name: [value / water[name] for value in own] for name, own in past.items()},
    )
    decision = policy.decide(state, inflows={"ridge": 66.0 / 0.7, "gorge": 21.0 / 1.2}, stage=1)
    assert found == pytest.approx(decision.total_cost, rel=SAME)
    if depth > 1:
        n.optimize.create_model(n.snapshots[[1]])
        with pytest.raises(hw.UsageError, match="past_inflows"):
            hw.pypsa.add_future_cost(n, policy, 1)


@pytest.mark.filterwarnings("ignore::headwater.pypsa.TranslationWarning")
@pytest.mark.parametrize("risk", [{}, {"risk_measure": {"cvar": {"alpha": 0.8, "lambda": 0.5}}}])
def test_a_cascade_of_stores_with_cuts_of_single_openings(risk: dict[str, Any]) -> None:
    n = cascade()
    record = years({"upper": 50.0}, 3, count=6)
    case = hw.pypsa.from_network(n, inflow=record, productivity=CASCADE_WATER)
    policy = policy_of(changed(case, **risk))
    n.generators_t.p_max_pu.loc[n.snapshots[2], "upper river"] = 61.0 / 80.0

    found = solve(n, n.snapshots[[2]], lambda n, _: hw.pypsa.add_future_cost(n, policy, 2))

    decision = policy.decide(inflows={"upper": 61.0, "lower": 7.5}, stage=2)
    assert found == pytest.approx(decision.total_cost, rel=SAME)
    assert set(hw.pypsa.water_values(n, policy).index) == {"upper", "lower", "battery"}


def test_days_within_a_stage_follow_each_other() -> None:
    rng = np.random.default_rng(8)
    n = monthly(1)
    days = pd.date_range("2027-03-01", periods=12, freq="D")
    n.set_snapshots(days)
    n.snapshot_weightings.loc[:, :] = 24.0
    n.add("Bus", "main")
    n.add("Load", "load", bus="main", p_set=rng.uniform(80.0, 160.0, 12))
    n.add(
        "StorageUnit",
        "ridge",
        bus="main",
        p_nom=100.0,
        p_min_pu=0.0,
        max_hours=20.0,
        inflow=np.repeat([60.0, 50.0, 45.0], 4),
        state_of_charge_initial=900.0,
    )
    n.add("Generator", "gas", bus="main", p_nom=60.0, marginal_cost=rng.uniform(30.0, 60.0, 12))
    n.add("Generator", "shedding", bus="main", p_nom=300.0, marginal_cost=700.0)
    starts = ["2027-03-01", "2027-03-05", "2027-03-09", "2027-03-13"]
    samples = pd.concat(
        {("ridge", i): pd.Series(rng.uniform(20.0, 100.0, 3).repeat(4), days) for i in range(5)},
        axis=1,
    )
    case = hw.pypsa.from_network(n, inflow=samples, stages=starts, blocks="snapshots")
    policy = policy_of(case)

    found = solve(n, days[:4], lambda n, _: hw.pypsa.add_future_cost(n, policy, 0))

    decision = policy.decide(inflows={"ridge": 60.0}, stage=0)
    assert found == pytest.approx(decision.total_cost, rel=SAME)


def test_power_divides_over_a_loop_of_lines_as_in_pypsa() -> None:
    n = monthly(3)
    n.add("Bus", ["a", "b", "c"], v_nom=110.0)
    n.add(
        "Line",
        ["ab", "bc", "ca"],
        bus0=["a", "b", "c"],
        bus1=["b", "c", "a"],
        x=[9.0, 4.0, 6.0],
        s_nom=[40.0, 60.0, 35.0],
    )
    n.add("Load", "load", bus="c", p_set=110.0)
    n.add(
        "StorageUnit",
        "ridge",
        bus="a",
        p_nom=90.0,
        p_min_pu=0.0,
        max_hours=500.0,
        inflow=50.0,
        state_of_charge_initial=20_000.0,
    )
    n.add(
        "Generator",
        ["gas", "shedding"],
        bus=["b", "c"],
        p_nom=[70.0, 200.0],
        marginal_cost=[40.0, 600.0],
    )
    policy = policy_of(hw.pypsa.from_network(n, inflow=years({"ridge": 50.0}, 4)))

    found = solve(n, n.snapshots[[0]], lambda n, _: hw.pypsa.add_future_cost(n, policy, 0))

    decision = policy.decide(inflows={"ridge": 50.0}, stage=0)
    assert found == pytest.approx(decision.total_cost, rel=SAME)


class TestWhatCannotBeAdded:
    def test_without_a_model(self) -> None:
        with pytest.raises(hw.UsageError, match="create_model"):
            hw.pypsa.add_future_cost(one_bus(1), one_bus_policy(1), 0)

    def test_twice_to_one_reservoir_and_names_that_do_not_exist(self) -> None:
        n, policy = one_bus(1), one_bus_policy(1)
        n.optimize.create_model(n.snapshots[[0]])
        with pytest.raises(
            hw.UnknownNameError, match="no storage unit or store 'rigde'; it has ridge"
        ):
            hw.pypsa.add_future_cost(n, policy, 0, {"rigde": "ridge"})
        with pytest.raises(hw.UnknownNameError, match="no plant or battery 'Ridge'"):
            hw.pypsa.add_future_cost(n, policy, 0, {"ridge": "Ridge"})
        with pytest.raises(hw.UsageError, match="exchange_rate must be above 0"):
            hw.pypsa.add_future_cost(n, policy, 0, exchange_rate=0.0)
        with pytest.raises(hw.UsageError, match="no component 'inflow_0_lag_1'"):
            hw.pypsa.add_future_cost(n, policy, 0, others={"inflow_0_lag_1": 3.0})
        with pytest.raises(hw.UsageError, match="has no future cost in the model"):
            hw.pypsa.water_values(n, policy)

        hw.pypsa.add_future_cost(n, policy, 0)

        with pytest.raises(hw.UsageError, match="'ridge' has a future cost in this model already"):
            hw.pypsa.add_future_cost(n, policy, 0)

    def test_to_a_reservoir_that_returns_to_its_first_content(self) -> None:
        n = one_bus(1)
        n.storage_units.cyclic_state_of_charge = True
        n.optimize.create_model(n.snapshots[[0]])
        with pytest.raises(hw.UsageError, match="'ridge' is cyclic"):
            hw.pypsa.add_future_cost(n, one_bus_policy(1), 0)

    def test_where_no_name_of_the_policy_is_in_the_network(self) -> None:
        n = cascade()
        n.optimize.create_model(n.snapshots[[0]])
        with pytest.raises(hw.UsageError, match=r"no storage .* called .*\(ridge\)"):
            hw.pypsa.add_future_cost(n, one_bus_policy(1), 0)
