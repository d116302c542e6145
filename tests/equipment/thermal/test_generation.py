"""Thermal plants: segments, limits by stage and block, costs by stage."""

from __future__ import annotations

import dataclasses

import pytest

import headwater.model as m
from headwater.errors import ModelError
from operated import operate, system
from small_systems import stages

COAL = m.Thermal(
    3, 0, 90.0, (m.CostSegment(30.0, 20.0), m.CostSegment(25.0, 40.0), m.CostSegment(50.0, 70.0))
)
"""30 MW at 20, 25 MW at 40, and of the 50 MW at 70 only 35: the plant has 90 MW."""


def test_segments_are_used_from_the_cheapest_up_to_the_limit_of_the_plant() -> None:
    """Load 100: 30 * 20 + 25 * 40 + 35 * 70 + 10 of deficit * 1000 = 14 050 $/h.

    The next MW is one of deficit.
    """
    found = operate(system(thermals=(COAL,)))
    assert found.lower_bound == pytest.approx(1_405_000.0)
    assert found.column("thermals", "generation_mw") == pytest.approx([90.0])
    assert found.column("thermals", "generation_mwh") == pytest.approx([9000.0])
    assert found.column("thermals", "generation_cost") == pytest.approx([405_000.0])
    assert found.column("buses", "spot_price") == pytest.approx([1000.0])
    half_loaded = operate(system(load=45.0, thermals=(COAL,)))
    assert half_loaded.lower_bound == pytest.approx(100 * (30 * 20 + 15 * 40))
    assert half_loaded.column("buses", "spot_price") == pytest.approx([40.0])


def test_a_minimum_is_taken_from_the_cheapest_segments() -> None:
    """40 MW must run for 25 MW of load.

    30 * 20 + 10 * 40 and 15 MW too much at 10, that is 1150 $/h.
    """
    found = operate(
        system(load=25.0, thermals=(dataclasses.replace(COAL, min_generation_mw=40.0),))
    )
    assert found.lower_bound == pytest.approx(115_000.0)
    assert found.column("buses", "excess_mw") == pytest.approx([15.0])
    assert found.column("buses", "spot_price") == pytest.approx([-10.0])


def test_a_block_may_have_limits_of_its_own_and_the_rest_of_the_stage_others() -> None:
    """40 h with at most 50 MW, 60 h with at most 70 of 100 MW: the rest is bought at 200.

    40 * (30 * 20 + 20 * 40 + 50 * 200) + 60 * (30 * 20 + 25 * 40 + 15 * 70 + 30 * 200).
    """
    limits = m.StageOverrides.from_rows(
        [
            {"thermal_id": 3, "stage_id": 0, "max_generation_mw": 70.0},
            {"thermal_id": 3, "stage_id": 0, "block_id": 0, "max_generation_mw": 50.0},
        ],
        entity="thermal_id",
    )
    peak = m.Thermal.flat(4, 0, 200.0, 200.0)
    found = operate(
        system(
            stages=stages(1, (40.0, 60.0)), thermals=(COAL, peak), thermal_bound_overrides=limits
        )
    )
    assert found.lower_bound == pytest.approx(40 * 11_400 + 60 * 8_650)
    assert found.column("thermals", "generation_mw", thermal_id=3) == pytest.approx([50.0, 70.0])


def test_a_stage_may_have_a_cost_of_its_own() -> None:
    cost = m.StageOverrides.from_rows(
        [{"thermal_id": 0, "stage_id": 1, "cost_per_mwh": 17.0}], entity="thermal_id"
    )
    flat = system(2, thermals=(m.Thermal.flat(0, 0, 200.0, 10.0),), thermal_bound_overrides=cost)
    assert operate(flat).lower_bound == pytest.approx(100 * 100 * (10 + 17))
    several = m.StageOverrides.from_rows(
        [{"thermal_id": 3, "stage_id": 0, "cost_per_mwh": 17.0}], entity="thermal_id"
    )
    with pytest.raises(
        ModelError, match="thermal 3 has 3 cost segments: a stage cost needs exactly one"
    ):
        operate(system(thermals=(COAL,), thermal_bound_overrides=several))


def test_a_minimum_beyond_the_segments_and_costs_that_fall_are_refused() -> None:
    with pytest.raises(
        ModelError, match="thermal 3 must generate 120 MW at stage 0, more than its segments hold"
    ):
        operate(
            system(
                thermals=(
                    dataclasses.replace(COAL, max_generation_mw=130.0, min_generation_mw=120.0),
                )
            )
        )
    falling = dataclasses.replace(COAL, cost_segments=tuple(reversed(COAL.cost_segments)))
    with pytest.raises(
        ModelError, match="thermal 3: its cost segments must be ordered by cost, got 70, 40, 20"
    ):
        operate(system(thermals=(falling,)))
