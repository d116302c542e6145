"""Reservoirs: the balance along a cascade, scheduled withdrawal and addition, the soft floor."""

from __future__ import annotations

import dataclasses

import pytest

import headwater.model as m
from operated import inflows, operate, reservoir, system


def scheduled(
    flow: float, *, storage: float, inflow: float = 0.0, load: float = 0.0, **costs: float
) -> m.System:
    """One reservoir and ``flow`` m3/s to withdraw over 100 h (0.36 hm3 per m3/s)."""
    return system(
        load=load,
        hydros=(reservoir(costs=m.HydroCosts(**costs)),),
        initial=m.InitialConditions(storage_hm3={0: storage}),
        inflow_statistics=inflows(h0=(inflow,)),
        hydro_bound_overrides=m.StageOverrides.from_rows(
            [{"hydro_id": 0, "stage_id": 0, "water_withdrawal_m3s": flow}], entity="hydro_id"
        ),
    )


def test_what_a_reservoir_cannot_give_is_withdrawn_short_at_its_cost() -> None:
    """10 m3/s are 3.6 hm3, the reservoir has 2.88: 2 m3/s are missing, 2 * 70 * 100."""
    found = operate(scheduled(10.0, storage=2.88, water_withdrawal_violation_neg_cost=70.0))
    assert found.lower_bound == pytest.approx(14_000.0)
    assert found.column("hydros", "water_withdrawal_violation_neg_m3s") == pytest.approx([2.0])
    assert found.column("costs", "withdrawal_violation_cost") == pytest.approx([14_000.0])


def test_withdrawal_short_never_makes_water() -> None:
    """Water is worth 1000 $/MWh here and shortness costs 1.

    All 10 m3/s are kept for turbines, but not one more.
    """
    found = operate(
        scheduled(
            10.0,
            storage=18.0,
            load=100.0,
            water_withdrawal_violation_neg_cost=1.0,
            inflow_nonnegativity_cost=1e6,
        )
    )
    assert found.column("hydros", "water_withdrawal_violation_neg_m3s") == pytest.approx([10.0])
    assert found.lower_bound == pytest.approx(10 * 1 * 100 + 50 * 1000 * 100)


def test_water_that_is_added_may_be_refused_up_to_what_is_added() -> None:
    """100 hm3 are full; 10 m3/s come in addition and spilling them costs 9, refusing
    them 4 $ per m3/s and hour.
    """
    found = operate(
        scheduled(
            -10.0,
            storage=100.0,
            inflow=5.0,
            spillage_cost=9.0,
            water_withdrawal_violation_pos_cost=4.0,
        )
    )
    turbined = found.column("hydros", "turbined_m3s")[0]
    assert turbined == pytest.approx(0.0) or found.column("buses", "excess_mw")[0] == pytest.approx(
        turbined
    )
    assert found.column("hydros", "water_withdrawal_violation_pos_m3s") == pytest.approx([10.0])
    # 5 m3/s of inflow leave at the cheaper of 9 (spilled) and 10 (power nobody wants).
    assert found.lower_bound == pytest.approx(100 * (10 * 4 + 5 * 9))


def test_added_water_makes_power() -> None:
    """No water but 10 m3/s of addition: 10 MW of the 100 are served."""
    found = operate(scheduled(-10.0, storage=0.0, load=100.0, inflow_nonnegativity_cost=1e6))
    assert found.lower_bound == pytest.approx(90 * 1000 * 100)


def test_water_arrives_at_the_next_plant_in_the_same_stage() -> None:
    """36 hm3 above are 100 m3/s through 1 and 0.5 MW per m3/s: 150 MW."""
    pair = (reservoir(0, downstream_id=1), reservoir(1, productivity_mw_per_m3s=0.5))
    found = operate(
        system(
            load=200.0,
            hydros=pair,
            initial=m.InitialConditions(storage_hm3={0: 36.0, 1: 0.0}),
            inflow_statistics=inflows(h0=(0.0,), h1=(0.0,)),
        )
    )
    assert found.column("hydros", "generation_mw") == pytest.approx([100.0, 50.0])
    assert found.column("hydros", "inflow_m3s") == pytest.approx([0.0, 100.0])
    # One more hm3 above is 1/0.36 m3/s that cannot pass the turbines of the first plant but for the
    # second: nothing, as its turbines are full too; one less would cost 1.5 MW of deficit per m3/s.
    assert found.lower_bound == pytest.approx(50 * 1000 * 100)


def test_the_floor_is_soft_and_paid_per_hm3() -> None:
    """Minimum 30 hm3, 25 there: 5 hm3 are missing at 5000 $.

    Using 0.36 hm3 more would cost 1800 $ for 100 MWh at 1000.
    """
    plant = reservoir(min_storage_hm3=30.0)
    found = operate(
        system(
            load=0.0,
            hydros=(plant,),
            initial=m.InitialConditions(storage_hm3={0: 25.0}),
            inflow_statistics=inflows(h0=(0.0,)),
        )
    )
    assert found.lower_bound == pytest.approx(25_000.0)
    assert found.column("hydros", "storage_violation_below_hm3") == pytest.approx([5.0])
    assert found.column("hydros", "storage_binding_code") == [1]
    thirsty = operate(
        system(
            load=10.0,
            hydros=(plant,),
            initial=m.InitialConditions(storage_hm3={0: 25.0}),
            inflow_statistics=inflows(h0=(0.0,)),
        )
    )
    # 10 m3/s take 3.6 hm3: 18 000 $ instead of 1 000 000 $ of deficit.
    assert thirsty.lower_bound == pytest.approx((5.0 + 3.6) * 5000.0)
    assert thirsty.column("hydros", "water_value_per_hm3") == pytest.approx([5000.0])


def test_a_full_reservoir_spills_and_says_so() -> None:
    """90 hm3 and 50 m3/s for 100 h: 8 hm3 do not fit.

    The plant takes 5 m3/s for 5 MW, the rest goes past it for 2 each.
    """
    found = operate(
        system(
            load=5.0,
            hydros=(reservoir(costs=m.HydroCosts(spillage_cost=2.0)),),
            initial=m.InitialConditions(storage_hm3={0: 90.0}),
            inflow_statistics=inflows(h0=(50.0,)),
        )
    )
    spilled = 8.0 / 0.36 - 5.0
    assert found.column("hydros", "spillage_m3s") == pytest.approx([spilled])
    assert found.column("hydros", "spillage_cost") == pytest.approx([spilled * 2 * 100])
    assert found.column("hydros", "storage_binding_code") == [2]
    assert found.lower_bound == pytest.approx(spilled * 200)


def test_a_plant_without_a_store_passes_on_what_arrives_block_by_block() -> None:
    """20 m3/s come in the block that needs power; 10 can be turbined, and nothing is left for the
    other block unless the balance is that of the stage.
    """

    def valley(each_block: bool) -> m.System:
        small = {"max_storage_hm3": 0.0, "max_turbined_m3s": 10.0, "max_generation_mw": 10.0}
        below = dataclasses.replace(reservoir(1), **small, balance_each_block=each_block)
        return system(
            load=100.0,
            hours=(40.0, 60.0),
            hydros=(reservoir(0, downstream_id=1), below),
            initial=m.InitialConditions(storage_hm3={0: 20.0 * 40.0 * 0.0036, 1: 0.0}),
            inflow_statistics=inflows(h0=(0.0,), h1=(0.0,)),
            thermals=(m.Thermal.flat(0, 0, 75.0, 10.0),),
            load_factors=m.StageOverrides.from_rows(
                [{"bus_id": 0, "stage_id": 0, "block_id": 1, "factor": 0.2}], entity="bus_id"
            ),
        )

    whole, each = operate(valley(False)), operate(valley(True))
    passed = [each.column("hydros", "outflow_m3s", hydro_id=h) for h in (0, 1)]
    assert passed[1] == pytest.approx(passed[0])
    assert each.lower_bound > whole.lower_bound + 1.0


def test_water_seeps_to_the_plant_below_by_the_mean_storage() -> None:
    """100 h of 0.2 + 0.05 (36 + v) / 2 m3/s: v = 36 - 0.36 Q, and Q is all that the plant below
    can turbine.
    """
    wet = m.Seepage(0.05, 0.2)
    closed = {"max_turbined_m3s": 0.0, "max_generation_mw": 0.0}
    kept = m.HydroCosts(spillage_cost=1e4)  # no water is let down beside
    above = dataclasses.replace(reservoir(0, downstream_id=1, costs=kept), **closed, seepage=wet)
    below = dataclasses.replace(reservoir(1), max_storage_hm3=0.0)
    found = operate(
        system(
            hydros=(above, below),
            initial=m.InitialConditions(storage_hm3={0: 36.0, 1: 0.0}),
            inflow_statistics=inflows(h0=(0.0,), h1=(0.0,)),
        )
    )
    flow = (0.2 + 0.05 * 36.0) / (1.0 + 0.05 * 0.18)
    assert found.column("seepage", "seepage_m3s") == pytest.approx([flow])
    assert found.column("hydros", "storage_final_hm3", hydro_id=0) == pytest.approx(
        [36.0 - 0.36 * flow]
    )
    assert found.column("hydros", "inflow_m3s", hydro_id=1) == pytest.approx([flow])


def test_an_empty_reservoir_seeps_less_than_its_constant() -> None:
    """0.5 m3/s are asked for and none is there: 0.5 * 3 $ * 100 h."""
    dry = dataclasses.replace(
        reservoir(0, costs=m.HydroCosts(evaporation_violation_neg_cost=3.0)),
        seepage=m.Seepage(0.0, 0.5),
    )
    found = operate(
        system(
            load=0.0,
            hydros=(dry,),
            initial=m.InitialConditions(storage_hm3={0: 0.0}),
            inflow_statistics=inflows(h0=(0.0,)),
        )
    )
    assert found.column("seepage", "short_m3s") == pytest.approx([0.5])
    assert found.lower_bound == pytest.approx(150.0)
    assert found.column("costs", "evaporation_violation_cost") == pytest.approx([150.0])
