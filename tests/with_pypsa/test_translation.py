"""What becomes of a PyPSA network in a study, and what is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

import headwater as hw
from pypsa_networks import cascade, monthly, one_bus, pd, their_warnings, two_buses, years

pytestmark = their_warnings


def table(case: hw.Case, name: str) -> pl.DataFrame:
    return case.documents.tables[f"{name}.parquet"]


def test_units_follow_from_the_productivity() -> None:
    n = two_buses()
    case = hw.pypsa.from_network(n, productivity={"ridge": 0.5, "gorge": 2.0})

    ridge, gorge = case.system.hydros["ridge"], case.system.hydros["gorge"]

    # 600 h of 120 MW; a m3/s stands for 0.5 MW, so that a MWh is 0.0036 / 0.5 hm3
    assert ridge.max_storage_hm3 == pytest.approx(120.0 * 600.0 * 0.0036 / 0.5)
    assert ridge.productivity_mw_per_m3s == pytest.approx(0.5 * 0.9)
    assert ridge.max_turbined_m3s * 0.5 * 0.9 == pytest.approx(120.0)
    assert gorge.max_storage_hm3 == pytest.approx(80.0 * 300.0 * 0.0036 / 2.0)
    storage = case.documents.files["initial_conditions.json"]["storage"]
    start = {entry["hydro_id"]: entry["value_hm3"] for entry in storage}
    assert start[ridge.id] == pytest.approx(30_000.0 * 0.0036 / 0.5)
    inflows = table(case, "scenarios/external_inflow_scenarios")
    assert inflows.filter(hydro_id=ridge.id)["value_m3s"].to_list() == pytest.approx([120.0] * 5)
    assert inflows.filter(hydro_id=gorge.id)["value_m3s"].to_list() == pytest.approx([15.0] * 5)
    pump = case.system.pumping_stations["gorge (pump)"]
    assert pump.max_flow_m3s == pytest.approx(40.0 * 0.85 / 2.0)
    assert pump.consumption_mw_per_m3s == pytest.approx(2.0 / 0.85)


def test_years_of_a_record_are_openings_of_every_month() -> None:
    n = one_bus(1)
    days = pd.date_range("1990-01-01", "1993-04-30", freq="D")
    record = pd.DataFrame({"ridge": np.random.default_rng(1).uniform(10.0, 50.0, len(days))}, days)

    case = hw.pypsa.from_network(n, inflow=record, productivity=2.0)

    found = table(case, "scenarios/external_inflow_scenarios")
    means = record["ridge"].resample("MS").mean()
    for scenario, year in enumerate((1990, 1991, 1992)):  # 1993 has no May
        rows = found.filter(scenario_id=scenario).sort("stage_id")
        assert rows["value_m3s"].to_list() == pytest.approx(
            (means[f"{year}-01" : f"{year}-05"] / 2.0).to_list()
        )
    assert found["scenario_id"].max() == 2
    assert [stage.n_openings for stage in case.system.stages] == [3] * 5


def test_samples_are_matched_by_their_label_and_others_keep_their_inflow() -> None:
    n = two_buses(2)
    drawn = {("ridge", "wet"): [90.0, 80.0], ("ridge", "dry"): [20.0, 10.0]}
    case = hw.pypsa.from_network(n, inflow=pd.DataFrame(drawn, index=n.snapshots))

    found = table(case, "scenarios/external_inflow_scenarios").sort(
        "hydro_id", "scenario_id", "stage_id"
    )

    assert found.filter(hydro_id=0)["value_m3s"].to_list() == [90.0, 80.0, 20.0, 10.0]
    assert found.filter(hydro_id=1)["value_m3s"].to_list() == [30.0] * 4


def test_load_levels_keep_the_energy_and_put_the_highest_load_first() -> None:
    n = monthly(1)
    hours = pd.date_range("2027-01-01", "2027-02-28 23:00", freq="h")
    n.set_snapshots(hours)
    n.snapshot_weightings.loc[:, :] = 1.0
    n.add("Bus", "main")
    load = 100.0 + 30.0 * np.sin(np.arange(len(hours)) / 24.0 * 2.0 * np.pi)
    n.add("Load", ["one", "other"], bus="main", p_set=np.array([load, 0.5 * load]).T)
    n.add("Generator", "gas", bus="main", p_nom=400.0, marginal_cost=20.0)
    n.add("Generator", "sun", bus="main", p_nom=50.0, p_max_pu=np.clip(load / 200.0, 0.0, 1.0))

    case = hw.pypsa.from_network(n, blocks=4)

    system = case.system
    january = system.stages[0]
    assert [block.hours for block in january.blocks] == [186.0] * 4
    factors = system.load_factor[0, 0]
    mean = table(case, "scenarios/load_seasonal_stats")["mean_mw"][0]
    assert mean == pytest.approx(1.5 * load[: 31 * 24].mean())
    levels = np.sort(1.5 * load[: 31 * 24])[::-1].reshape(4, -1).mean(axis=1)
    assert mean * factors == pytest.approx(levels)
    assert (np.diff(factors) < 0.0).all()
    assert np.average(system.ncs_factor[0, 0]) == pytest.approx(1.0)


def test_weeks_and_days_of_ones_own_choice_are_stages() -> None:
    n = one_bus(3)
    days = pd.date_range("2028-02-20", periods=28, freq="D")
    n.set_snapshots(days)
    n.snapshot_weightings.loc[:, :] = 24.0
    record = pd.DataFrame({"ridge": np.arange(800.0)}, pd.date_range("2001-01-01", periods=800))

    weeks = hw.pypsa.from_network(n, stages="week", inflow=record)
    chosen = hw.pypsa.from_network(n, stages=["2028-02-20", "2028-02-29", "2028-03-19"])

    assert [s.start_date.isoformat() for s in weeks.system.stages] == [
        "2028-02-20",
        "2028-02-27",
        "2028-03-05",
        "2028-03-12",
    ]
    assert [(s.end_date - s.start_date).days for s in chosen.system.stages] == [9, 19]
    found = table(weeks, "scenarios/external_inflow_scenarios").filter(stage_id=0, scenario_id=0)
    # 20 to 26 February 2001 are the days 50 to 56 of the record
    assert found["value_m3s"].to_list() == [53.0]


def test_a_year_that_repeats_has_no_end() -> None:
    n = one_bus(1, months=12)
    case = hw.pypsa.from_network(n, repeats=True, discount_rate=0.1)
    assert case.system.horizon.is_cyclic


def test_what_is_only_nearly_the_same_is_said_by_name() -> None:
    with pytest.warns(hw.pypsa.TranslationWarning, match="Link 'upper spill'.*whatever its p_nom"):
        case = hw.pypsa.from_network(cascade(), productivity={"upper": 1.0, "lower": 2.0})
    assert case.system.hydros["upper"].downstream_id == case.system.hydros["lower"].id
    n = one_bus(1, months=1)
    n.set_snapshots(pd.date_range("2027-01-01", periods=31, freq="D"))
    n.snapshot_weightings.loc[:, :] = 24.0
    n.add("StorageUnit", "battery", bus="main", p_nom=5.0, max_hours=2.0)
    n.storage_units_t.inflow["ridge"] = np.arange(31.0)
    with pytest.warns(hw.pypsa.TranslationWarning) as told:
        hw.pypsa.from_network(n, blocks=3)
    texts = [str(one.message) for one in told]
    assert any("'ridge': its inflow is the mean of the stage" in text for text in texts)
    assert any("'battery': its content is limited at the end" in text for text in texts)
    assert told[0].filename == __file__


def _set(kind: str, name: str, **values: Any) -> Callable[[Any], None]:
    def change(n: Any) -> None:
        for attribute, value in values.items():
            n.components[kind].static.loc[name, attribute] = value

    return change


def _add(kind: str, name: str, **values: Any) -> Callable[[Any], None]:
    return lambda n: n.add(kind, name, **values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            _set("Generator", "gas", committable=True),
            "'gas': committable is not translated; set it",
        ),
        (_set("Generator", "gas", p_nom_extendable=True), "'gas': p_nom_extendable .* fix the cap"),
        (_set("Generator", "gas", ramp_limit_up=0.2), "'gas': ramp_limit_up is not translated"),
        (_set("Generator", "gas", e_sum_max=9.0), "'gas': e_sum_max is not translated"),
        (_set("Generator", "gas", p_set=9.0), "'gas': p_set is not translated"),
        (_set("Generator", "gas", marginal_cost=-9.0), "'gas': marginal_cost must not be negative"),
        (_set("Generator", "gas", marginal_cost_quadratic=1.0), "'gas': marginal_cost_quadratic"),
        (_set("Generator", "gas", p_min_pu=2.0), "'gas': limits must be 0 <= p_min_pu <= p_max_pu"),
        (_set("Generator", "gas", sign=-1.0), "Generator 'gas': sign must be 1"),
        (_set("Load", "load", sign=1.0), "'load': a load must not be negative"),
        (_set("StorageUnit", "ridge", cyclic_state_of_charge=True), "'ridge': cyclic_state_of_ch"),
        (_set("StorageUnit", "ridge", standing_loss=0.01), "'ridge': standing_loss"),
        (_set("StorageUnit", "ridge", p_min_pu=0.1), "'ridge': p_min_pu above 0"),
        (_set("StorageUnit", "ridge", marginal_cost_storage=0.1), "'ridge': marginal_cost_storage"),
        (_add("Store", "tank", bus="main", e_nom=9.0), "Store 'tank': a store needs a bus of its"),
        (_add("Link", "heat", bus0="main", bus1="b", efficiency=3.0), "'heat': efficiency must be"),
        (_add("Link", "x", bus0="main", bus1="b", bus2="main"), "'x': a link has two buses"),
        (_add("Link", "x", bus0="main", bus1="b", p_min_pu=-1, efficiency=0.9), "'x': a link that"),
        (_add("Link", "x", bus0="main", bus1="b", p_min_pu=0.5), "'x': limits must be p_min_pu"),
        (_add("Link", "x", bus0="main", bus1="b", p_nom_extendable=True), "'x': p_nom_extendable"),
        (_add("ShuntImpedance", "coil", bus="main"), "ShuntImpedance 'coil': a study has no Shunt"),
        (_add("GlobalConstraint", "co2", constant=5.0), "GlobalConstraint 'co2': a study has no"),
        (_add("Transformer", "t", bus0="main", bus1="b", phase_shift=5.0), "'t': phase_shift is"),
    ],
)
def test_what_a_study_cannot_hold_is_refused_by_name(
    change: Callable[[Any], None], message: str
) -> None:
    n = one_bus(1)
    n.storage_units_t.inflow = n.storage_units_t.inflow.clip(lower=0.0)
    n.loads_t.p_set = n.loads_t.p_set.clip(lower=1.0)
    n.add("Bus", "b")
    change(n)
    with pytest.raises(hw.UsageError, match=message):
        hw.pypsa.from_network(n)


def test_everything_that_is_refused_stands_in_one_message() -> None:
    n = cascade()
    n.generators.loc[["gas", "oil"], "committable"] = True
    n.stores.e_cyclic = True
    n.links.loc["pump", "marginal_cost"] = 1.0
    with pytest.raises(hw.UsageError) as refused:
        hw.pypsa.from_network(n)
    text = str(refused.value)
    assert "Generator 'gas', Generator 'oil': committable" in text
    assert "Store 'upper', Store 'lower': e_cyclic" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_add("Link", "second", bus0="upper water", bus1="main"), "'second': a store has one link"),
        (_add("Link", "up", bus0="lower water", bus1="upper water"), "'upper'|'lower'"),
        (
            _add("Load", "taken", bus="upper water", p_set=3.0),
            "'taken': a load on the bus of a sto",
        ),
        (_add("Store", "other", bus="upper water", e_nom=1.0), "'other': there is another store"),
        (_set("Link", "upper turbine", bus2="main"), "'upper turbine': bus2 must be the bus of a"),
        (_set("Link", "upper turbine", efficiency2=1.0), "'upper.*': water arrives in full"),
        (_set("Link", "pump", marginal_cost=1.0), "Store 'upper': filling must have no cost"),
    ],
)
@pytest.mark.filterwarnings("ignore::headwater.pypsa.TranslationWarning")
def test_stores_that_no_river_can_be_are_refused(
    change: Callable[[Any], None], message: str
) -> None:
    n = cascade()
    change(n)
    with pytest.raises((hw.UsageError, hw.CaseError), match=message):
        hw.pypsa.from_network(n, productivity={"upper": 1.0, "lower": 2.0})


def _with_snapshots(index: Any) -> Any:
    n = one_bus(1)
    n.set_snapshots(index)
    return n


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inflow": 3.0}, "a table by date"),
        ({"inflow": pd.DataFrame({"ridge": [1.0]})}, "the index holds no dates"),
        ({"inflow": years({"rigde": 1.0}, 1)}, "'rigde', and the network has no .* it has ridge"),
        ({"inflow": years({"ridge": 1.0}, 1)[:3]}, "no year of the record"),
        ({"inflow": years({"ridge": np.nan}, 1)}, "without a finite number"),
        ({"inflow_model": "par"}, "one of years, autoregressive, got 'par'"),
        ({"inflow_model": "autoregressive"}, "needs a record by date"),
        ({"stages": "year"}, "stages are 'month', 'week', 'day'"),
        ({"stages": ["2027-01-01", "2027-03-01"]}, "leave out snapshots"),
        ({"stages": ["2027-03-01"]}, "first days of stages must rise"),
        ({"stages": ["2027-01-01", "2027-01-09", "2027-06-01", "2027-06-02"]}, "has no snapshot"),
        ({"stages": 7}, "given by their first days"),
        ({"blocks": 0}, "a number of load levels"),
        ({"productivity": {"gorge": 1.0}}, "productivity of 'ridge' must be"),
        ({"productivity": -1.0}, "above 0, got -1.0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(hw.UsageError, match=message):
        hw.pypsa.from_network(one_bus(1), **arguments)


def test_snapshots_without_dates_or_with_weights_that_differ_are_refused() -> None:
    with pytest.raises(hw.UsageError, match="need dates"):
        hw.pypsa.from_network(_with_snapshots(range(5)))
    n = one_bus(1)
    n.snapshot_weightings["stores"] = 1.0
    with pytest.raises(hw.UsageError, match="the same for 'objective' and 'stores'"):
        hw.pypsa.from_network(n)


def test_a_bus_that_does_not_exist_is_named() -> None:
    n = one_bus(1)
    n.generators.loc["gas", "bus"] = "mian"
    with pytest.raises(hw.UsageError, match="no bus 'mian'"):
        hw.pypsa.from_network(n)


def test_inactive_components_take_no_part() -> None:
    n = one_bus(1)
    n.generators.loc["oil", "active"] = False
    assert "oil" not in hw.pypsa.from_network(n).system.thermals.names
