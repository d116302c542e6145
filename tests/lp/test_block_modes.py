"""Chronological blocks."""

from __future__ import annotations

import dataclasses

import pytest

import headwater.model as m
from operated import inflows, operate, reservoir, system
from small_systems import stages


def pond(mode: m.BlockMode) -> m.System:
    """A pond of 3.6 hm3, empty, 20 m3/s of inflow; 40 MW in the first 50 h, nothing in the second.

    One block of 50 h: 1 m3/s is 0.18 hm3.
    """
    factors = m.StageOverrides.from_rows(
        [{"bus_id": 0, "stage_id": 0, "block_id": k, "factor": f} for k, f in ((0, 1.0), (1, 0.0))],
        entity="bus_id",
    )
    return system(
        load=40.0,
        stages=stages(1, (50.0, 50.0), block_mode=mode),
        hydros=(m.Hydro(0, 0, 3.6, 100.0, 100.0, productivity_mw_per_m3s=1.0),),
        load_factors=factors,
        inflow_statistics=inflows(h0=(20.0,)),
    )


def test_parallel_blocks_may_use_water_before_it_arrives_and_chronological_ones_may_not() -> None:
    """Parallel: all 40 m3/s of the first block are at hand over the stage, no deficit.

    Chronological: only 20 m3/s have arrived, 20 MW are missing for 50 h.
    """
    assert operate(pond(m.BlockMode.PARALLEL)).lower_bound == pytest.approx(0.0, abs=1e-6)
    found = operate(pond(m.BlockMode.CHRONOLOGICAL))
    assert found.lower_bound == pytest.approx(20 * 1000 * 50)
    assert found.column("hydros", "storage_initial_hm3") == pytest.approx([0.0, 0.0], abs=1e-9)
    # 20 m3/s over 50 h fill the pond of 3.6 hm3 to the brim.
    assert found.column("hydros", "inflow_m3s") == pytest.approx([20.0, 20.0])


def test_water_of_an_early_block_waits_for_a_later_one() -> None:
    """Load in the second block only: 20 m3/s stored over the first give 40 MW in the second.

    The pond holds just that.
    """
    factors = m.StageOverrides.from_rows(
        [{"bus_id": 0, "stage_id": 0, "block_id": k, "factor": f} for k, f in ((0, 0.0), (1, 1.0))],
        entity="bus_id",
    )
    late = dataclasses.replace(pond(m.BlockMode.CHRONOLOGICAL), load_factors=factors)
    found = operate(late)
    assert found.lower_bound == pytest.approx(0.0, abs=1e-6)
    assert found.column("hydros", "storage_final_hm3") == pytest.approx([3.6, 0.0], abs=1e-9)
    assert found.column("hydros", "storage_initial_hm3") == pytest.approx([0.0, 3.6], abs=1e-9)


def test_the_floor_holds_at_the_end_of_every_block_with_one_slack() -> None:
    """5 hm3 with a floor of 2 at 5000 $/hm3 and 60 MW wanted in the first block, no inflow.

    27.8 m3/s use all 5 hm3: the shortfall of 2 hm3 is paid once for the stage, not
    once for each block end.
    """
    plant = reservoir(min_storage_hm3=2.0)
    factors = m.StageOverrides.from_rows(
        [{"bus_id": 0, "stage_id": 0, "block_id": k, "factor": f} for k, f in ((0, 1.0), (1, 0.0))],
        entity="bus_id",
    )
    found = operate(
        system(
            load=60.0,
            stages=stages(1, (50.0, 50.0), block_mode=m.BlockMode.CHRONOLOGICAL),
            hydros=(plant,),
            load_factors=factors,
            initial=m.InitialConditions(storage_hm3={0: 5.0}),
            inflow_statistics=inflows(h0=(0.0,)),
        )
    )
    served = 5.0 / 0.18
    assert found.lower_bound == pytest.approx((60 - served) * 50 * 1000 + 2 * 5000)
    assert found.column("hydros", "storage_violation_below_hm3") == pytest.approx([2.0, 2.0])
    assert sum(found.column("costs", "storage_violation_cost")) == pytest.approx(10_000.0)
