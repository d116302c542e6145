"""Batteries: costs by hand and by an extensive form, from a case directory
through policy and results.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.optimize

import headwater as hw
import headwater.model as m
from case_builder import TinyCase, tiny_case
from headwater.api import run_simulation
from headwater.case import json_schemas, validate_case
from headwater.case.describe import describe_case
from headwater.core.equipment import EQUIPMENT
from headwater.equipment.battery import Battery
from headwater.errors import ModelError, PolicyError
from headwater.lp.future_cost import future_cost_lower_bounds
from headwater.results import load_results
from headwater.results.dictionaries import bounds_frame
from headwater.sddp.bounds.prices import lipschitz_prices
from headwater.sddp.stage.problems import build_problems
from small_systems import stages, study
from upper_bounds import bounded

HOURS, CHEAP, DEAR, SHED = 100.0, 10.0, 100.0, 1000.0
EXCESS = m.Penalties().excess_cost_per_mwh
STORE = Battery(7, 0, 1000.0, 50.0, 50.0, "Big", charge_efficiency=0.8, discharge_efficiency=0.9)


def system(
    loads: list[float], *batteries: Battery, n_openings: int = 1, **others: object
) -> m.System:
    """A bus with 10 MW of cheap power, 10 MW of dear power, and batteries."""
    made = stages(len(loads), (HOURS,), n_openings)
    return m.System(
        stages=made,
        buses=(m.Bus(0, "town", (m.DeficitSegment(None, SHED),)),),
        thermals=(
            m.Thermal.flat(0, 0, 10.0, CHEAP, name="cheap"),
            m.Thermal.flat(1, 0, 10.0, DEAR, name="dear"),
        ),
        load_statistics=tuple(
            m.LoadStatistics(0, s.id, load, 0.0) for s, load in zip(made, loads, strict=True)
        ),
        equipment=batteries,
        **others,
    )


def trained(of: m.System, **settings: object) -> hw.Policy:
    return hw.train(study(of, **{"iterations": 12, "forward_passes": 2, **settings}), threads=1)


def simulated(of: m.System) -> dict[str, list[float]]:
    made = study(of, iterations=12, forward_passes=2)
    return (
        hw.simulate(hw.train(made, threads=1), made, n_scenarios=1, threads=1)
        .table("batteries")
        .to_dict(as_series=False)
    )


def test_what_is_charged_in_a_cheap_stage_is_given_in_a_dear_one() -> None:
    """5 of 10 cheap MW are free in the first stage.

    80 % of them arrive, and 90 % of that comes back.
    """
    stored = 5.0 * HOURS * 0.8
    given = stored * 0.9
    dear = 5.0 * HOURS - given
    expected = 20.0 * HOURS * CHEAP + dear * DEAR + given * 0.01
    of = system([5.0, 15.0], STORE)
    assert trained(of).lower_bound == pytest.approx(expected, rel=1e-9)
    table = simulated(of)
    assert table["charge_mw"] == pytest.approx([5.0, 0.0], abs=1e-9)
    assert table["discharge_mw"] == pytest.approx([0.0, given / HOURS], abs=1e-9)
    assert table["energy_initial_mwh"] == pytest.approx([0.0, stored], abs=1e-7)
    assert table["energy_final_mwh"] == pytest.approx([stored, 0.0], abs=1e-7)
    # one more MWh in the second stage gives 0.9 MWh in place of dear power
    assert table["energy_value_per_mwh"][1] == pytest.approx(0.9 * (DEAR - 0.01))
    assert table["battery_name"] == ["Big", "Big"]


def test_initial_energy_waits_until_entry_and_is_lost_at_exit() -> None:
    late = dataclasses.replace(STORE, initial_energy_mwh=200.0, entry_stage_id=1, exit_stage_id=2)
    table = simulated(system([15.0, 15.0, 15.0], late))
    assert table["energy_final_mwh"] == pytest.approx([200.0, 0.0, 0.0], abs=1e-7)
    assert table["discharge_mw"] == pytest.approx([0.0, 1.8, 0.0], abs=1e-9)
    assert table["operative_state_code"] == [0, 2, 3]
    kept = dataclasses.replace(late, max_discharge_mw=0.0)
    assert simulated(system([15.0, 15.0, 15.0], kept))["energy_final_mwh"] == pytest.approx(
        [200.0, 200.0, 0.0], abs=1e-7
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_is_the_optimum_of_the_extensive_form(seed: int) -> None:
    """Three stages with two loads each, written out as one program over the tree."""
    of, optimum = random_tree(seed)
    assert trained(of, iterations=30).lower_bound == pytest.approx(optimum, rel=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_the_upper_bound_prices_energy_and_holds(seed: int) -> None:
    """Nobody gives a price: what always repairs a change of the stored energy says it."""
    of, optimum = random_tree(seed)
    policy = hw.train(bounded(study(of, iterations=30, forward_passes=2)), threads=1)
    bounds = [one.upper_bound for one in policy.training.iterations]
    assert min(bounds) >= optimum * (1.0 - 1e-9)
    assert bounds[-1] == pytest.approx(optimum, rel=0.01)


def test_missing_energy_is_not_given_and_energy_too_much_is_not_taken() -> None:
    """By hand, before the last stage, where what is kept is worth nothing."""
    prices, certified = lipschitz_prices(
        build_problems(study(system([5.0, 15.0], STORE))),
        m.UpperBoundConfig(enabled=True, scale_factor=1.0),
    )
    assert certified
    # 0.9 MWh that is not given is not served either; 1 / 0.8 MWh that is not taken is too much
    assert prices[0].below == pytest.approx([0.9 * (SHED - 0.01)])
    assert prices[0].above == pytest.approx([EXCESS / 0.8])


def test_without_repairs_the_price_of_energy_is_asked_for_by_name(monkeypatch) -> None:
    silent = dataclasses.replace(EQUIPMENT["battery"], repairs=None)
    monkeypatch.setitem(EQUIPMENT._items, "battery", silent)
    made = study(system([5.0, 15.0], STORE))
    with pytest.raises(
        ModelError,
        match=r"no price for the battery energy of battery 7 .*lipschitz\.fallback_value",
    ):
        hw.train(bounded(made), threads=1)


def test_a_kind_that_may_earn_lowers_the_bound_of_the_future_cost(monkeypatch) -> None:
    of = system([5.0, 15.0, 15.0], STORE)
    assert future_cost_lower_bounds(of).tolist() == [0.0, 0.0, 0.0]
    earning = dataclasses.replace(EQUIPMENT["battery"], lowest_cost=lambda system, t: -7.0 * t)
    monkeypatch.setitem(EQUIPMENT._items, "battery", earning)
    assert future_cost_lower_bounds(of).tolist() == [-21.0, -14.0, 0.0]


def random_tree(seed: int) -> tuple[m.System, float]:
    """Two batteries and two loads a stage, with the least expected cost over the tree."""
    rng = np.random.default_rng(seed)
    batteries = tuple(
        Battery(
            10 * b,
            0,
            *rng.uniform(50.0, 900.0, 1),
            *rng.uniform(1.0, 9.0, 2),
            charge_efficiency=rng.uniform(0.6, 1.0),
            discharge_efficiency=rng.uniform(0.6, 1.0),
            initial_energy_mwh=rng.uniform(0.0, 50.0),
        )
        for b in range(2)
    )
    mean, noise = rng.uniform(8.0, 18.0, 3), rng.uniform(-1.5, 1.5, (3, 2))
    of = system(list(mean), *batteries, n_openings=2)
    of = dataclasses.replace(
        of,
        load_statistics=tuple(m.LoadStatistics(0, t, mean[t], 2.0) for t in range(3)),
        given_openings=m.GivenOpenings({t: noise[t][:, None] for t in range(3)}),
    )
    loads = np.maximum(mean[:, None] + 2.0 * noise, 0.0)
    return of, extensive_optimum(batteries, loads)


def extensive_optimum(batteries: tuple[Battery, ...], loads: np.ndarray) -> float:
    """Least expected cost over the tree of all histories of loads ``[stage, opening]``,
    which are equally likely.
    """
    cost: list[float] = []
    upper: list[float] = []
    equations: list[tuple[dict[int, float], float]] = []

    def column(price: float, most: float) -> int:
        cost.append(price)
        upper.append(most)
        return len(cost) - 1

    def node(t: int, probability: float, before: list[int | float]) -> None:
        if t == len(loads):
            return
        for load in loads[t]:
            weight = probability / loads.shape[1]
            balance = {
                column(weight * HOURS * price, most): 1.0
                for price, most in ((CHEAP, 10.0), (DEAR, 10.0), (SHED, np.inf))
            }
            balance[column(weight * HOURS * EXCESS, np.inf)] = -1.0
            after: list[int | float] = []
            for one, energy in zip(batteries, before, strict=True):
                charge, discharge = (
                    column(0.0, one.max_charge_mw),
                    column(weight * HOURS * 0.01, one.max_discharge_mw),
                )
                final = column(0.0, one.max_energy_mwh)
                row = {
                    final: 1.0,
                    charge: -HOURS * one.charge_efficiency,
                    discharge: HOURS / one.discharge_efficiency,
                }
                if isinstance(energy, int):
                    row[energy] = -1.0
                equations.append((row, 0.0 if isinstance(energy, int) else energy))
                balance[charge], balance[discharge] = -1.0, 1.0
                after.append(final)
            equations.append((balance, load))
            node(t + 1, weight, after)

    node(0, 1.0, [one.initial_energy_mwh for one in batteries])
    matrix = np.zeros((len(equations), len(cost)))
    for i, (row, _) in enumerate(equations):
        matrix[i, list(row)] = list(row.values())
    sides = [side for _, side in equations]
    found = scipy.optimize.linprog(
        cost, A_eq=matrix, b_eq=sides, bounds=[(0.0, most) for most in upper], method="highs"
    )
    assert found.status == 0
    return float(found.fun)


def test_equipment_in_the_wrong_place_or_of_no_kind_is_refused() -> None:
    of = system([5.0])
    assert of.of(Battery) == ()
    with pytest.raises(
        ModelError, match="thermal 3 belongs into 'thermals' of the system, not into 'equipment'"
    ):
        dataclasses.replace(of, equipment=(m.Thermal.flat(3, 0, 1.0, 1.0),))
    with pytest.raises(ModelError, match="str is not a kind of equipment"):
        dataclasses.replace(of, equipment=("battery",))
    with pytest.raises(ModelError, match=r"batteries: the key \(id\) = 7 appears more than once"):
        dataclasses.replace(of, equipment=(STORE, STORE))


def in_file(**changes: object) -> dict[str, object]:
    return {
        "id": 7,
        "name": "Big",
        "bus_id": 0,
        "max_energy_mwh": 500.0,
        "max_charge_mw": 20.0,
        "max_discharge_mw": 20.0,
        "discharge_efficiency": 0.9,
        "initial_energy_mwh": 100.0,
        **changes,
    }


def case_with(tmp_path: Path, **changes: object) -> TinyCase:
    case = tiny_case(tmp_path)
    case.files["system/batteries.json"] = {"batteries": [in_file(**changes)]}
    return case


def test_a_battery_of_a_case_is_trained_stored_and_simulated(tmp_path: Path) -> None:
    case = hw.load_case(case_with(tmp_path / "case").write())
    (battery,) = case.system.of(Battery)
    assert (battery.max_energy_mwh, battery.initial_energy_mwh, battery.charge_efficiency) == (
        500.0,
        100.0,
        1.0,
    )
    policy = hw.train(case, threads=1)
    assert policy.layout.names[-1] == "battery_energy_7"
    hw.save_policy(policy, tmp_path / "policy")
    stored = hw.load_policy(tmp_path / "policy")
    assert stored.layout == policy.layout
    state = np.full(policy.layout.dimension, 50.0)
    assert stored.value(0, state) == policy.value(0, state)
    run_simulation(case, stored, tmp_path / "out", n_scenarios=3, threads=1)
    results = load_results(tmp_path / "out")
    table, costs = results.table("batteries"), results.table("costs")
    assert set(table["battery_name"]) == {"Big"}
    assert table["energy_final_mwh"].is_between(-1e-9, 500.0 + 1e-9).all()
    given_mwh = table.join(block_hours(case.system), on=["stage_id", "block_id"]).select(
        pl.col("discharge_mw") * pl.col("hours")
    )
    assert given_mwh.sum().item() > 0.0
    assert costs["battery_cost"].sum() == pytest.approx(0.01 * given_mwh.sum().item())
    thermal = results.table("thermals")["generation_cost"].sum()
    assert costs["immediate_cost"].sum() >= thermal + costs["battery_cost"].sum() - 1e-6
    dictionaries = tmp_path / "out" / "simulation" / "dictionaries"
    assert json.loads((dictionaries / "codes.json").read_text())["entity_type"]["8"] == "battery"
    assert "8,7,Big,0" in (dictionaries / "entities.csv").read_text()
    assert "\nbatteries,charge_mw," in (dictionaries / "variables.csv").read_text()
    counts = {row[0]: row[1:] for row in describe_case(case)[0].rows}
    assert counts["batteries"] == ("1", "500 MWh, 20 MW")


def block_hours(of: m.System) -> pl.DataFrame:
    rows = [
        (stage.id, k, block.hours) for stage in of.stages for k, block in enumerate(stage.blocks)
    ]
    schema = {"stage_id": pl.Int32, "block_id": pl.Int32, "hours": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_results_of_a_case_without_batteries_do_not_speak_of_them(tmp_path: Path) -> None:
    case = hw.load_case(tiny_case(tmp_path / "case").write())
    run_simulation(case, hw.train(case, threads=1), tmp_path / "out", n_scenarios=1, threads=1)
    results = load_results(tmp_path / "out")
    assert "battery_cost" not in results.table("costs").columns
    assert "batteries" not in results.tables
    for file in (tmp_path / "out").rglob("dictionaries/*"):
        assert "batter" not in file.read_text(errors="ignore"), file


def test_a_policy_without_the_battery_of_a_study_is_refused() -> None:
    policy = trained(system([5.0, 15.0]))
    with pytest.raises(
        PolicyError, match=r"HW802 batteries: the policy has none, the study 1 \(7\)"
    ):
        hw.simulate(policy, study(system([5.0, 15.0], STORE)), n_scenarios=1)


WRONG = {
    "HW211": {"initial_energy_mwh": 501.0},
    "HW301": {"bus_id": 9},
    "HW303": {"entry_stage_id": 77},
    "HW529": {"entry_stage_id": 1, "exit_stage_id": 0},
    "HW204": {"charge_efficiency": 1.5},
    "HW207": {"volume": 1.0},
}


@pytest.mark.parametrize("code", WRONG)
def test_what_is_wrong_with_a_battery_is_found(tmp_path: Path, code: str) -> None:
    (finding,) = validate_case(case_with(tmp_path, **WRONG[code]).write()).errors
    assert finding.code == code
    assert finding.file == "system/batteries.json"
    assert finding.entity is not None
    assert finding.entity.startswith('Battery 7 "Big"')


def test_the_schema_of_batteries_says_what_they_are() -> None:
    schema = json.dumps(json_schemas()["system/batteries.json"])
    for field in dataclasses.fields(Battery):
        assert f'"{field.name}"' in schema


def test_a_user_constraint_limits_a_battery() -> None:
    rule = m.GenericConstraint(1, m.parse_expression("battery_energy(7)"), m.Sense.LESS_EQUAL)
    bound = m.GenericConstraintBound(1, 0, 123.0)
    table = simulated(
        system([5.0, 15.0], STORE, generic_constraints=(rule,), generic_constraint_bounds=(bound,))
    )
    assert table["energy_final_mwh"] == pytest.approx([123.0, 0.0], abs=1e-7)


def test_stage_values_of_batteries_hold_in_code_and_in_files(tmp_path: Path) -> None:
    """The battery may not give in the last stage, so what it took for it is lost."""
    still = m.StageOverrides.from_rows(
        [{"battery_id": 7, "stage_id": 1, "max_discharge_mw": 1.5}], entity="battery_id"
    )
    of = system([5.0, 15.0], STORE, stage_values={"constraints/battery_bounds.parquet": still})
    assert of.values(Battery).max_discharge_mw.tolist() == [[50.0, 1.5]]
    assert simulated(of)["discharge_mw"] == pytest.approx([0.0, 1.5], abs=1e-9)
    case = case_with(tmp_path / "case")
    case.tables["constraints/battery_bounds"] = [
        {"battery_id": 7, "stage_id": 1, "max_charge_mw": 0.25}
    ]
    loaded = hw.load_case(case.write()).system
    assert loaded.values(Battery).max_charge_mw[0].tolist() == [20.0, 0.25]
    frame = bounds_frame(loaded).filter(entity_type_code=8, stage_id=1)
    assert frame.select("bound_type_code", "lower_bound", "upper_bound").rows() == [
        (10, 0.0, 0.25),
        (12, 0.0, 20.0),
    ]


@pytest.mark.parametrize(
    ("code", "changes"),
    {
        "HW301": {"battery_id": 8},
        "HW302": {"stage_id": 99},
        "HW204": {"max_charge_mw": -1.0},
    }.items(),
)
def test_what_is_wrong_with_stage_values_of_batteries_is_found(
    tmp_path: Path, code: str, changes: dict[str, float]
) -> None:
    case = case_with(tmp_path)
    row = {"battery_id": 7, "stage_id": 1, "max_charge_mw": 0.25, **changes}
    case.tables["constraints/battery_bounds"] = [row]
    (finding,) = validate_case(case.write()).errors
    assert (finding.code, finding.file) == (code, "constraints/battery_bounds.parquet")


def test_stage_values_that_no_kind_has_are_refused() -> None:
    with pytest.raises(ModelError, match="no kind of equipment has a table of stage values 'x"):
        system([5.0], stage_values={"x.parquet": m.StageOverrides()})


def hours_of(loads: list[float], *batteries: Battery) -> m.System:
    """One stage of ten hours for each load, one after another."""
    made = stages(1, (10.0,) * len(loads), block_mode=m.BlockMode.CHRONOLOGICAL)
    factors = [
        {"bus_id": 0, "stage_id": 0, "block_id": k, "factor": load} for k, load in enumerate(loads)
    ]
    return dataclasses.replace(
        system([1.0], *batteries),
        stages=made,
        load_factors=m.StageOverrides.from_rows(factors, entity="bus_id"),
    )


def test_blocks_that_follow_each_other_give_only_what_is_there() -> None:
    """Dear first and cheap afterwards: nothing is there to be given, and 30 MWh have a place."""
    small = Battery(7, 0, 30.0, 50.0, 50.0, cost_per_mwh=0.0)
    assert trained(hours_of([15.0, 5.0], small)).lower_bound == pytest.approx(
        10.0 * (10.0 * CHEAP + 5.0 * DEAR + 5.0 * CHEAP)
    )
    of = hours_of([5.0, 15.0, 5.0, 15.0], small)
    dear = 2 * (50.0 - 30.0)
    cheap = 2 * (50.0 + 30.0 + 100.0)
    assert trained(of).lower_bound == pytest.approx(dear * DEAR + cheap * CHEAP)
    table = simulated(of)
    assert table["energy_initial_mwh"] == pytest.approx([0.0, 30.0, 0.0, 30.0], abs=1e-9)
    assert table["energy_final_mwh"] == pytest.approx([30.0, 0.0, 30.0, 0.0], abs=1e-9)


def test_what_is_stored_is_lost_hour_by_hour() -> None:
    leaky = Battery(
        7, 0, 1e3, 50.0, 50.0, initial_energy_mwh=40.0, self_discharge_per_hour=0.01, cost_per_mwh=0
    )
    left = 40.0 * 0.99**100
    # the second stage is the dear one, a hundred hours later
    of = system([10.0, 15.0], leaky)
    lost_again = left * 0.99**100
    expected = 1000.0 * CHEAP + 1000.0 * CHEAP + (500.0 - lost_again) * DEAR
    assert trained(of).lower_bound == pytest.approx(expected)


def test_a_closed_battery_ends_every_stage_as_it_began() -> None:
    """What it gives in a dear stage it must take in the same stage: it rests."""
    closed = dataclasses.replace(STORE, initial_energy_mwh=200.0, closed_within_stage=True)
    assert simulated(system([5.0, 15.0], closed))["energy_final_mwh"] == [200.0, 200.0]
    of = hours_of([5.0, 15.0], dataclasses.replace(closed, cost_per_mwh=0.0))
    # 50 cheap MWh are free before: 80 % are stored, 90 % of these come back
    given = 50.0 * 0.8 * 0.9
    assert trained(of).lower_bound == pytest.approx(200.0 * CHEAP + (50.0 - given) * DEAR)


def test_energy_has_a_price_in_blocks_that_follow_each_other() -> None:
    """The upper bound needs no price from the user, and closes."""
    made = study(hours_of([5.0, 15.0, 8.0], STORE), iterations=6)
    found = hw.train(bounded(made), threads=1)
    assert found.training is not None
    assert found.training.iterations[-1].upper_bound == pytest.approx(found.lower_bound, rel=1e-9)
