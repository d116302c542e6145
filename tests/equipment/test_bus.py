"""Buses: load by block, deficit in segments, excess."""

from __future__ import annotations

import dataclasses

import pytest

import headwater.model as m
from headwater.errors import ModelError
from operated import operate, system
from small_systems import stages


def with_segments(load: float, *segments: m.DeficitSegment, **parts: object) -> m.System:
    plain = system(load=load, **parts)
    return dataclasses.replace(
        plain, penalties=dataclasses.replace(plain.penalties, deficit_segments=segments)
    )


def test_deficit_fills_its_segments_from_the_cheapest() -> None:
    """60 MW of 100: 20 at 300, 15 at 700, 5 at 2000 are missing.

    6000 + 10 500 + 10 000 = 26 500 $/h, and 10 * 60.
    """
    depths = (
        m.DeficitSegment(20.0, 300.0),
        m.DeficitSegment(15.0, 700.0),
        m.DeficitSegment(None, 2000.0),
    )
    found = operate(with_segments(100.0, *depths, thermals=(m.Thermal.flat(0, 0, 60.0, 10.0),)))
    assert found.lower_bound == pytest.approx(100 * (26_500 + 600))
    assert found.column("buses", "deficit_mw") == pytest.approx([40.0])
    assert found.column("buses", "deficit_mwh") == pytest.approx([4000.0])
    assert found.column("buses", "spot_price") == pytest.approx([2000.0])
    assert sum(found.column("costs", "deficit_cost")) == pytest.approx(2_650_000.0)


def test_depths_are_power_and_hold_in_every_block() -> None:
    """Blocks of 40 and 60 h with 30 and 10 MW missing.

    Only the first goes past the 20 MW at 300.
    """
    found = operate(
        with_segments(
            100.0,
            m.DeficitSegment(20.0, 300.0),
            m.DeficitSegment(None, 900.0),
            stages=stages(1, (40.0, 60.0)),
            thermals=(m.Thermal.flat(0, 0, 70.0, 0.0),),
            load_factors=m.StageOverrides.from_rows(
                [{"bus_id": 0, "stage_id": 0, "block_id": 1, "factor": 0.8}], entity="bus_id"
            ),
        )
    )
    assert found.column("buses", "load_mw") == pytest.approx([100.0, 80.0])
    assert found.lower_bound == pytest.approx(40 * (20 * 300 + 10 * 900) + 60 * 10 * 300)
    assert found.column("buses", "spot_price") == pytest.approx([900.0, 300.0])


def test_a_bus_may_have_segments_of_its_own_and_a_stage_its_excess_cost() -> None:
    """12 MW must run for 5 MW of load: 7 MW too much at 10, then at 3."""
    own = m.Bus(0, deficit_segments=(m.DeficitSegment(None, 444.0),))
    missing = operate(system(buses=(own,)))
    assert missing.lower_bound == pytest.approx(444.0 * 100 * 100)
    cheaper = m.StageOverrides.from_rows(
        [{"bus_id": 0, "stage_id": 1, "excess_cost": 3.0}], entity="bus_id"
    )
    forced = m.Thermal.flat(0, 0, 50.0, 0.0, min_generation_mw=12.0)
    found = operate(system(2, load=5.0, thermals=(forced,), bus_penalty_overrides=cheaper))
    assert found.lower_bound == pytest.approx(100 * 7 * (10 + 3))
    assert found.column("buses", "excess_mwh") == pytest.approx([700.0, 700.0])
    assert found.column("costs", "excess_cost") == pytest.approx([7000.0, 2100.0])


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        (
            (m.DeficitSegment(5.0, 900.0), m.DeficitSegment(None, 300.0)),
            " must be ordered by cost, got 900, 300",
        ),
        ((m.DeficitSegment(5.0, 900.0),), ": the last one must be without limit"),
        (
            (m.DeficitSegment(None, 300.0), m.DeficitSegment(None, 900.0)),
            ": only the last one may be without limit",
        ),
    ],
)
def test_segments_that_are_no_demand_curve_are_refused(
    segments: tuple[m.DeficitSegment, ...], message: str
) -> None:
    with pytest.raises(ModelError, match=f"deficit segments of bus 0{message}"):
        operate(with_segments(100.0, *segments))
