"""Energy contracts: import, export, and the bound on the future that revenue asks for."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest

import headwater.model as m
from headwater.lp import future_cost_lower_bounds
from operated import inflows, operate, reservoir, system

IMPORT, EXPORT = m.ContractKind.IMPORT, m.ContractKind.EXPORT


def test_a_dear_import_serves_what_the_cheap_plant_cannot() -> None:
    """Load 100: thermal 60 MW at 50, import 30 MW at 80, deficit 10 MW at 1000, 100 h.

    (60 * 50 + 30 * 80 + 10 * 1000) * 100 = 1 540 000.
    """
    found = operate(
        system(
            thermals=(m.Thermal.flat(0, 0, 60.0, 50.0),),
            contracts=(m.EnergyContract(3, 0, IMPORT, 80.0, 30.0),),
        )
    )
    assert found.lower_bound == pytest.approx(1_540_000.0)
    assert found.column("contracts", "power_mw") == pytest.approx([30.0])
    assert found.column("contracts", "total_cost") == pytest.approx([240_000.0])
    assert found.column("costs", "contract_cost") == pytest.approx([240_000.0])
    assert found.column("costs", "immediate_cost") == pytest.approx([1_540_000.0])


def test_export_earns_its_price_and_its_minimum_is_served_by_deficit_if_need_be() -> None:
    """Thermal 130 MW at 50; export at most 40 at -60: 30 are sold, 130 * 50 - 30 * 60 = 4700 $/h.

    With 100 MW of thermal and an export of at least 20, 20 MW of load go unserved: 100 * 50 - 20 *
    60 + 20 * 1000 = 23 800.
    """
    sell = m.EnergyContract(1, 0, EXPORT, -60.0, 40.0)
    rich = operate(system(thermals=(m.Thermal.flat(0, 0, 130.0, 50.0),), contracts=(sell,)))
    assert rich.lower_bound == pytest.approx(470_000.0)
    bound = dataclasses.replace(sell, min_mw=20.0)
    poor = operate(system(thermals=(m.Thermal.flat(0, 0, 100.0, 50.0),), contracts=(bound,)))
    assert poor.lower_bound == pytest.approx(2_380_000.0)
    assert poor.column("contracts", "energy_mwh") == pytest.approx([2000.0])


def test_the_bound_on_the_future_lets_revenue_through() -> None:
    """Nothing but 36 hm3 of water and an export of 40 MW at -30 and -70: all 100 m3/s are
    kept for the dear stage.

    40 MW over 100 h need 14.4 hm3 a stage, so both stages sell 40 MW: -(30 + 70) * 40 * 100 =
    -400 000. With 14.4 hm3 the second stage alone sells: -280 000.
    """
    sell = m.EnergyContract(1, 0, EXPORT, -30.0, 40.0)
    price = m.StageOverrides.from_rows(
        [{"contract_id": 1, "stage_id": 1, "price_per_mwh": -70.0}], entity="contract_id"
    )
    for water, expected in ((36.0, -400_000.0), (14.4, -280_000.0)):
        traded = system(
            2,
            load=0.0,
            hydros=(reservoir(),),
            contracts=(sell,),
            contract_bound_overrides=price,
            initial=m.InitialConditions(storage_hm3={0: water}),
            inflow_statistics=inflows(h0=(0.0, 0.0)),
        )
        assert future_cost_lower_bounds(traded).tolist() == [-280_000.0, 0.0]
        found = operate(traded)
        assert found.lower_bound == pytest.approx(expected)
        assert found.column("contracts", "price_per_mwh") == [-30.0, -70.0]


def earning(
    days: tuple[int, ...], prices: tuple[float, ...], *, back_to: int | None = None
) -> m.System:
    """Stages of several lengths, discounted at 60 % a year, in which 40 MW are sold
    at a price of the stage.
    """
    first = date(2024, 1, 1)
    ends = [first + timedelta(sum(days[: t + 1])) for t in range(len(days))]
    stages = tuple(
        m.Stage(t, start, end, (m.Block(24.0 * n),))
        for t, (start, end, n) in enumerate(zip([first, *ends[:-1]], ends, days, strict=True))
    )
    chain = [m.Transition(t, t + 1) for t in range(len(days) - 1)]
    graph = m.PolicyGraph(annual_discount_rate=0.6)
    if back_to is not None:
        steps = (*chain, m.Transition(len(days) - 1, back_to))
        graph = dataclasses.replace(graph, type=m.GraphType.CYCLIC, transitions=steps)
    rows = [
        {"contract_id": 1, "stage_id": t, "price_per_mwh": -price} for t, price in enumerate(prices)
    ]
    return system(
        len(days),
        stages=stages,
        policy_graph=graph,
        contracts=(m.EnergyContract(1, 0, EXPORT, -1.0, 40.0),),
        contract_bound_overrides=m.StageOverrides.from_rows(rows, entity="contract_id"),
    )


def test_the_bound_on_the_future_is_discounted_by_the_stages_that_pass() -> None:
    """What a later stage earns counts from the start of the next one.

    Discounted by the days of those between, not its own.
    """
    days, prices = (31, 10, 90, 5), (3.0, 7.0, 20.0, 90.0)
    earned = [40.0 * 24.0 * n * price for n, price in zip(days, prices, strict=True)]
    factor = [1.6 ** (-n / 365.25) for n in days]
    found = future_cost_lower_bounds(earning(days, prices))
    by_hand = [
        -(earned[1] + factor[1] * (earned[2] + factor[2] * earned[3])),
        -(earned[2] + factor[2] * earned[3]),
        -earned[3],
        0.0,
    ]
    assert found == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("back_to", [0, 1, 3])
def test_the_bound_on_a_future_that_repeats_is_the_sum_over_many_turns(back_to: int) -> None:
    days, prices = (31, 10, 90, 5), (3.0, 7.0, 20.0, 90.0)
    earned = [40.0 * 24.0 * n * price for n, price in zip(days, prices, strict=True)]
    factor = [1.6 ** (-n / 365.25) for n in days]
    found = future_cost_lower_bounds(earning(days, prices, back_to=back_to))
    for t in range(len(days)):
        total, weight, position = 0.0, 1.0, t
        while weight > 1e-12:
            position = position + 1 if position + 1 < len(days) else back_to
            total += weight * earned[position]
            weight *= factor[position]
        assert found[t] == pytest.approx(-total, rel=1e-9)


def test_a_contract_is_idle_outside_its_life() -> None:
    deal = m.EnergyContract(1, 0, IMPORT, 80.0, 30.0, entry_stage_id=1, exit_stage_id=2)
    found = operate(system(3, contracts=(deal,)))
    assert found.column("contracts", "power_mw") == pytest.approx([0.0, 30.0, 0.0])
    assert found.column("contracts", "operative_state_code") == [0, 2, 3]
