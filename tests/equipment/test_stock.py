"""Stocks: budgets and deliveries by hand and by an extensive form, from a case directory through
policy and results.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize

import headwater as hw
import headwater.model as m
from case_builder import TinyCase, tiny_case
from headwater.api import run_simulation
from headwater.case import validate_case
from headwater.equipment.stock import Stock, StockSupply
from headwater.errors import ModelError
from headwater.results import load_results
from small_systems import stages, study
from upper_bounds import bounded

HOURS, CHEAP, DEAR, SHED = 100.0, 10.0, 100.0, 1000.0
BUDGET = Stock(
    4, "2 * thermal_generation(0)", "CO2", "t", initial_amount=2500.0, shortage_cost=500.0
)
"""1,250 MWh of the cheap plant, which emits 2 t for each."""


def system(loads: list[float], *stocks: Stock, n_openings: int = 1, **others: object) -> m.System:
    """A bus with 10 MW of cheap power that uses stocks, and 10 MW of dear power that does not."""
    made = stages(len(loads), (60.0, 40.0), n_openings)
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
        equipment=stocks,
        **others,
    )


def bound(of: m.System, **settings: object) -> float:
    made = study(of, **{"iterations": 20, "forward_passes": 2, **settings})
    lower = hw.train(made, threads=1).lower_bound
    assert lower == pytest.approx(hw.extensive_form(made).cost, rel=1e-9)
    return lower


def table(of: m.System) -> dict[str, list[float]]:
    made = study(of, iterations=20, forward_passes=2)
    policy = hw.train(made, threads=1)
    found = hw.simulate(policy, made, n_scenarios=1, threads=1).table("stocks")
    return found.unique(["stage_id"]).sort("stage_id").to_dict(as_series=False)


def test_a_budget_is_spent_over_all_stages():
    of = system([8.0, 8.0, 8.0], BUDGET)
    assert bound(of) == pytest.approx(1250.0 * CHEAP + (2400.0 - 1250.0) * DEAR)
    found = table(of)
    assert found["amount_initial"][0] == 2500.0
    assert found["amount_final"][-1] == pytest.approx(0.0, abs=1e-7)
    # one more tonne is half a MWh that is not dear
    assert found["value_per_unit"][:2] == pytest.approx([45.0, 45.0])


def test_more_than_the_budget_is_used_when_that_costs_less():
    cheap_breach = dataclasses.replace(BUDGET, shortage_cost=20.0)
    of = system([8.0, 8.0, 8.0], cheap_breach)
    assert bound(of) == pytest.approx(2400.0 * CHEAP + (2400.0 - 1250.0) * 2.0 * 20.0)
    assert sum(table(of)["shortage"]) == pytest.approx(2300.0)


def test_a_contract_is_paid_whether_it_is_taken_or_not():
    """80 units a stage must be bought at 3 $.

    60 can be kept, and the load is small in the first stage.
    """
    fuel = Stock(
        1,
        "thermal_generation(0)",
        max_amount=60.0,
        max_supply=80.0,
        min_supply=80.0,
        supply_cost=3.0,
        shortage_cost=None,
    )
    of = system([0.1, 8.0], fuel)
    used = (10.0, 140.0)
    expected = 2 * 80.0 * 3.0 + sum(used) * CHEAP + (800.0 - 140.0) * DEAR
    assert bound(of) == pytest.approx(expected)
    found = table(of)
    assert found["waste"] == pytest.approx([10.0, 0.0], abs=1e-7)
    assert found["amount_final"] == pytest.approx([60.0, 0.0], abs=1e-7)


def test_single_stages_have_supplies_of_their_own():
    ship = StockSupply(1, max_supply=500.0, supply_cost=1.0)
    fuel = Stock(1, "thermal_generation(0)", supply_by_stage=(ship,), shortage_cost=1e4)
    of = system([5.0, 5.0, 5.0], fuel)
    assert bound(of) == pytest.approx(500.0 * (DEAR + CHEAP + 1.0 + DEAR))
    assert table(of)["supply"] == pytest.approx([0.0, 500.0, 0.0], abs=1e-7)


def test_what_is_made_in_one_stage_is_used_in_another():
    """The dear plant makes what the cheap one needs: a use below zero."""
    fuel = Stock(1, "thermal_generation(0) - 0.5 * thermal_generation(1)", max_amount=1e4)
    of = system([6.0, 6.0], fuel)
    # a third of all energy is cheap: x = 0.5 (1200 - x)
    assert bound(of) == pytest.approx(400.0 * CHEAP + 800.0 * DEAR)


def test_a_constant_and_a_block_count_by_their_hours():
    """1 unit per hour is lost, and the plant uses fuel in the second block alone."""
    fuel = Stock(1, "1 + thermal_generation(0, 1)", initial_amount=340.0, shortage_cost=1e4)
    of = system([8.0], fuel)
    cheap = 60.0 * 8.0 + 240.0
    assert bound(of) == pytest.approx(cheap * CHEAP + (800.0 - cheap) * DEAR)


@pytest.mark.parametrize("seed", range(6))
def test_the_bound_is_the_optimum_of_the_whole_tree(seed: int):
    """Three stages with two loads each and two stocks, written out as one
    program without the package.
    """
    rng = np.random.default_rng(seed)
    stocks = tuple(
        Stock(
            s,
            f"{rate} * thermal_generation(0)",
            initial_amount=float(rng.uniform(0.0, 900.0)),
            max_amount=float(rng.uniform(900.0, 1500.0)),
            max_supply=float(rng.uniform(0.0, 400.0)),
            supply_cost=float(rng.uniform(0.0, 60.0)),
            shortage_cost=float(rng.uniform(100.0, 700.0)),
        )
        for s, rate in enumerate((0.7, 1.3))
    )
    mean, noise = rng.uniform(6.0, 18.0, 3), rng.uniform(-1.5, 1.5, (3, 2))
    of = dataclasses.replace(
        system(list(mean), *stocks, n_openings=2),
        load_statistics=tuple(m.LoadStatistics(0, t, mean[t], 2.0) for t in range(3)),
        given_openings=m.GivenOpenings({t: noise[t][:, None] for t in range(3)}),
    )
    loads = np.maximum(mean[:, None] + 2.0 * noise, 0.0)
    optimum = optimum_of_the_tree(stocks, (0.7, 1.3), loads)
    assert bound(of, iterations=40) == pytest.approx(optimum, rel=1e-7)
    averse = dataclasses.replace(
        of, stages=tuple(dataclasses.replace(s, risk=m.MixedCVaR(0.5, 0.5)) for s in of.stages)
    )
    assert bound(averse, iterations=40) >= optimum * (1.0 - 1e-9)


def optimum_of_the_tree(
    stocks: tuple[Stock, ...], rates: tuple[float, ...], loads: np.ndarray
) -> float:
    """Least expected cost over all histories of loads, which are equally likely."""
    cost: list[float] = []
    upper: list[float] = []
    equations: list[tuple[dict[int, float], float]] = []

    def column(price: float, most: float = np.inf) -> int:
        cost.append(price)
        upper.append(most)
        return len(cost) - 1

    def node(t: int, probability: float, before: list[int | float]) -> None:
        if t == len(loads):
            return
        for load in loads[t]:
            weight = probability / loads.shape[1]
            cheap = column(weight * HOURS * CHEAP, 10.0)
            others = [column(weight * HOURS * DEAR, 10.0), column(weight * HOURS * SHED)]
            excess = column(weight * HOURS * m.Penalties().excess_cost_per_mwh)
            equations.append(({cheap: 1.0, others[0]: 1.0, others[1]: 1.0, excess: -1.0}, load))
            after: list[int | float] = []
            for stock, rate, held in zip(stocks, rates, before, strict=True):
                final = column(0.0, stock.max_amount or np.inf)
                row = {
                    final: 1.0,
                    cheap: HOURS * rate,
                    column(weight * stock.supply_cost, stock.max_supply): -1.0,
                    column(weight * (stock.shortage_cost or 0.0)): -1.0,
                    column(0.0): 1.0,
                }
                if isinstance(held, int):
                    row[held] = -1.0
                equations.append((row, 0.0 if isinstance(held, int) else held))
                after.append(final)
            node(t + 1, weight, after)

    node(0, 1.0, [stock.initial_amount for stock in stocks])
    matrix = np.zeros((len(equations), len(cost)))
    for i, (row, _) in enumerate(equations):
        matrix[i, list(row)] = list(row.values())
    found = scipy.optimize.linprog(
        cost,
        A_eq=matrix,
        b_eq=[side for _, side in equations],
        bounds=[(0.0, most) for most in upper],
        method="highs",
    )
    assert found.status == 0
    return float(found.fun)


def test_the_upper_bound_takes_the_price_of_a_shortage_and_asks_for_one_without():
    made = study(system([8.0, 8.0, 8.0], BUDGET), iterations=20, forward_passes=2)
    policy = hw.train(bounded(made), threads=1)
    assert policy.training is not None
    assert policy.training.iterations[-1].upper_bound == pytest.approx(127_500.0, rel=1e-6)
    hard = system([8.0, 8.0, 8.0], dataclasses.replace(BUDGET, shortage_cost=None))
    with pytest.raises(ModelError, match=r"no price for the stock of stock 4 .*fallback_value"):
        hw.train(bounded(study(hard, iterations=2)), threads=1)


def test_a_shortage_is_told_among_what_was_broken():
    cheap_breach = dataclasses.replace(BUDGET, shortage_cost=20.0)
    made = study(system([8.0, 8.0, 8.0], cheap_breach), iterations=6)
    found = hw.simulate(hw.train(made, threads=1), made, n_scenarios=1, threads=1)
    (broken,) = found.record.violations
    assert (broken.kind, broken.name) == ("stock_shortage", "CO2")


def in_file(**changes: object) -> dict[str, object]:
    return {
        "id": 4,
        "name": "Gas",
        "unit": "GJ",
        "consumption": "0.5 * thermal_generation(0)",
        "initial_amount": 100.0,
        "shortage_cost": 900.0,
        **changes,
    }


def case_with(tmp_path: Path, **changes: object) -> TinyCase:
    case = tiny_case(tmp_path)
    case.files["system/stocks.json"] = {"stocks": [in_file(**changes)]}
    return case


def test_a_stock_of_a_case_is_trained_stored_and_simulated(tmp_path: Path):
    ship = {"stage_id": 1, "max_supply": 40.0, "supply_cost": 2.0}
    case = hw.load_case(case_with(tmp_path / "case", supply_by_stage=[ship]).write())
    (stock,) = case.system.of(Stock)
    assert stock.supply(1) == StockSupply(1, 40.0, 0.0, 2.0)
    assert stock.capacity(case.system) == 140.0
    policy = hw.train(case, threads=1)
    assert policy.layout.names[-1] == "stock_4"
    hw.save_policy(policy, tmp_path / "policy")
    stored = hw.load_policy(tmp_path / "policy")
    run_simulation(case, stored, tmp_path / "out", n_scenarios=3, threads=1)
    results = load_results(tmp_path / "out")
    found = results.table("stocks")
    assert set(found["stock_name"]) == {"Gas"}
    paid = results.table("costs").select("stock_supply_cost", "stock_shortage_cost").sum()
    each = found.unique(["scenario_id", "stage_id"])
    assert paid["stock_supply_cost"].item() == pytest.approx(2.0 * each["supply"].sum())
    assert paid["stock_shortage_cost"].item() == pytest.approx(900.0 * each["shortage"].sum())


def test_an_amount_may_stand_in_a_user_constraint():
    rule = m.GenericConstraint(1, m.parse_expression("stock_amount(4)"), m.Sense.GREATER_EQUAL)
    kept = m.GenericConstraintBound(1, 0, 2000.0)
    of = system([8.0, 8.0], BUDGET, generic_constraints=(rule,), generic_constraint_bounds=(kept,))
    assert table(of)["amount_final"][0] >= 2000.0 - 1e-7


WRONG = {
    "HW205": {"consumption": "0.5 * thermal_generation("},
    "HW211": {"initial_amount": 7.0, "max_amount": 5.0},
    "HW204": {"supply_cost": -1.0},
    "HW201": {"consumption": None},
}


@pytest.mark.parametrize("code", WRONG)
def test_what_is_wrong_with_a_stock_is_found(tmp_path: Path, code: str):
    case = case_with(tmp_path, **WRONG[code])
    entry = case.files["system/stocks.json"]["stocks"][0]
    if entry["consumption"] is None:
        del entry["consumption"]
    (finding,) = validate_case(case.write()).errors
    assert (finding.code, finding.file) == (code, "system/stocks.json")
    assert str(finding.entity).startswith('Stock 4 "Gas"')


@pytest.mark.parametrize(
    ("expression", "code", "message"),
    [
        (
            "thermal_generation(99)",
            "HW301",
            "Thermal 99 in 'thermal_generation(99)', which does not exist",
        ),
        ("thermal_power(0)", "HW205", "unknown quantity"),
        ("hydro_storage(0)", "HW205", "has one value for the stage"),
    ],
)
def test_a_use_of_what_does_not_exist_is_found(
    tmp_path: Path, expression: str, code: str, message: str
):
    (finding,) = validate_case(case_with(tmp_path, consumption=expression).write()).errors
    assert (finding.code, finding.path) == (code, "stocks[0].consumption")
    assert message in finding.message
    assert str(finding.entity).startswith('Stock 4 "Gas"')


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("thermal_generation(99)", "there is no thermal 99"),
        ("hydro_storage(0)", "has one value for the stage"),
    ],
)
def test_a_system_built_in_code_is_refused_as_well(expression: str, message: str):
    with pytest.raises(ModelError, match=message):
        hw.train(study(system([8.0], dataclasses.replace(BUDGET, consumption=expression))))
