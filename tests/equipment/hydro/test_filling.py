"""Lives of plants: first filling, late entry, end of life."""

from __future__ import annotations

import pytest

import headwater.model as m
from operated import inflows, operate, reservoir, system


def filling_system(**changes: object) -> m.System:
    """Plant 0 fills over stages 0, 1 and 2 and enters at 3.

    Dead volume 10.8 hm3, 10 m3/s kept back; inflow 15 m3/s.
    """
    plant = reservoir(
        0,
        min_storage_hm3=10.8,
        min_outflow_m3s=2.0,
        filling=m.Filling(0, 10.0),
        entry_stage_id=3,
        costs=m.HydroCosts(outflow_violation_below_cost=2000.0),
    )
    base: dict[str, object] = {
        "hydros": (plant,),
        "initial": m.InitialConditions(filling_storage_hm3={0: 0.0}),
        "inflow_statistics": inflows(h0=(15.0, 15.0, 15.0, 0.0)),
    }
    return system(4, load=50.0, **{**base, **changes})


def test_a_plant_fills_over_three_stages_and_then_runs() -> None:
    """Kept back 10 m3/s: at most 5 m3/s are spilled, at least 2 must be; 3 * 0.36 *
    (15 - s) hm3 are gathered.

    The future wants water (deficit costs 1000 $/MWh, less than missing outflow), so 2 m3/s are
    spilled: 3 * 0.36 * 13 = 14.04 hm3, of which 3.24 lie above the dead volume: 9 m3/s, 9 MW in
    stage 3, where storage below 10.8 hm3 costs 5000 $/hm3. That is 1800 $ per m3/s and 100 h, less
    than the 100 000 $ of deficit it saves; so all 39 m3/s are used: 39 MW. Deficit 50, 50, 50, 11
    MW.
    """
    found = operate(filling_system())
    assert found.column("hydros", "spillage_m3s")[:3] == pytest.approx([2.0, 2.0, 2.0])
    assert found.column("hydros", "storage_final_hm3") == pytest.approx(
        [4.68, 9.36, 14.04, 0.0], abs=1e-9
    )
    assert found.column("hydros", "turbined_m3s") == pytest.approx([0.0, 0.0, 0.0, 39.0])
    assert found.column("hydros", "operative_state_code") == [1, 1, 1, 2]
    assert found.lower_bound == pytest.approx((150 + 11) * 1000 * 100 + 10.8 * 5000)
    assert found.column("hydros", "filling_target_violation_hm3") == pytest.approx([0.0] * 4)


def test_a_dry_river_misses_retention_and_target() -> None:
    """Inflow 8 m3/s, initially empty: 2 m3/s must leave at 2000 $ per m3/s and hour
    or be kept at 9000 $/hm3.

    Keeping back 10 of 8 m3/s is short by 2 even with nothing spilled; spilling 2 would be short by
    4: 2 * 0.36 * 9000 = 6480 $ dearer, less than the 400 000 $ of the outflow. So 6 m3/s are kept:
    6.48 hm3 in three stages, short of the target by 4.32.
    """
    found = operate(
        filling_system(inflow_statistics=inflows(h0=(8.0, 8.0, 8.0, 0.0)), load_statistics=())
    )
    assert found.column("hydros", "storage_final_hm3")[:3] == pytest.approx([2.16, 4.32, 6.48])
    assert found.column("hydros", "filling_target_violation_hm3") == pytest.approx(
        [0.0, 0.0, 4.32, 0.0]
    )
    retention = 4 * 0.36 * 9000
    assert found.column("costs", "filling_target_cost") == pytest.approx(
        [retention, retention, retention + 4.32 * 9000, 0.0]
    )


def test_too_little_kept_back_is_told_before_training() -> None:
    plant = reservoir(0, min_storage_hm3=50.0, filling=m.Filling(0, 10.0), entry_stage_id=3)
    found = operate(filling_system(hydros=(plant,)), iterations=2)
    assert "gives 10.8 hm3, but its dead volume lacks 50 hm3" in " ".join(
        found.policy.training.warnings
    )


def chain(**middle: object) -> m.System:
    """Three plants in a row without storage but the middle one, which holds 5 hm3 at the start.

    Inflow 10, 4 and 1 m3/s.
    """

    def run_of_river(id: int, below: int | None) -> m.Hydro:
        return m.Hydro(id, 0, 0.0, 100.0, 100.0, productivity_mw_per_m3s=1.0, downstream_id=below)

    base: dict[str, object] = {"downstream_id": 2, "entry_stage_id": 1, "exit_stage_id": 2}
    plants = (run_of_river(0, 1), reservoir(1, **{**base, **middle}), run_of_river(2, None))
    return system(
        3,
        hydros=plants,
        initial=m.InitialConditions(storage_hm3={1: 5.4}),
        inflow_statistics=inflows(h0=(10.0,) * 3, h1=(4.0,) * 3, h2=(1.0,) * 3),
    )


def test_water_passes_a_middle_plant_before_it_enters_and_after_it_left() -> None:
    """All water reaches plant 2: 10 + 4 + 1 = 15 MW there and 10 MW at plant 0, whether
    plant 1 is there or not.

    At stage 1 the plant is there with the 5.4 hm3 it was given: 10 + 4 + 15 = 29 m3/s leave it,
    since what stays is lost.
    """
    found = operate(chain())
    assert found.column("hydros", "generation_mw", hydro_id=0) == pytest.approx([10.0] * 3)
    assert found.column("hydros", "generation_mw", hydro_id=1) == pytest.approx([0.0, 29.0, 0.0])
    assert found.column("hydros", "generation_mw", hydro_id=2) == pytest.approx([15.0, 30.0, 15.0])
    assert found.column("hydros", "inflow_m3s", hydro_id=2) == pytest.approx([15.0, 30.0, 15.0])
    assert found.column("hydros", "storage_final_hm3", hydro_id=1) == pytest.approx(
        [5.4, 0.0, 0.0], abs=1e-9
    )
    assert found.column("hydros", "operative_state_code", hydro_id=1) == [0, 2, 3]
    assert found.column("hydros", "storage_binding_code", hydro_id=1) == [0, 1, 0]
    assert found.lower_bound == pytest.approx((75 + 31 + 75) * 1000 * 100)


def test_lines_and_thermals_are_there_for_their_life_only() -> None:
    near = m.Thermal.flat(0, 0, 200.0, 10.0, entry_stage_id=1)
    far = m.Thermal.flat(1, 1, 200.0, 5.0)
    line = m.Line(0, 1, 0, 100.0, 100.0, exit_stage_id=1)
    found = operate(system(2, buses=(m.Bus(0), m.Bus(1)), thermals=(near, far), lines=(line,)))
    assert found.column("thermals", "generation_mw", thermal_id=0) == pytest.approx([0.0, 100.0])
    assert found.column("exchanges", "direct_flow_mw") == pytest.approx([100.0, 0.0])
    assert found.column("exchanges", "operative_state_code") == [2, 3]
