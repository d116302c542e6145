"""Lines: hard limits both ways, losses, exchange cost, factors by block."""

from __future__ import annotations

import pytest

import headwater.model as m
from operated import operate, system
from small_systems import stages


def two_buses(load: tuple[float, float], **parts: object) -> m.System:
    """Power at 10 on bus 0 and at 50 on bus 1.

    A line of 40 MW from 0 to 1 and 20 MW back loses 5 % either way.
    """
    base: dict[str, object] = {
        "buses": (m.Bus(0), m.Bus(1)),
        "lines": (m.Line(7, 0, 1, 40.0, 20.0, losses_percent=5.0),),
        "thermals": (m.Thermal.flat(0, 0, 300.0, 10.0), m.Thermal.flat(1, 1, 300.0, 50.0)),
        "load_statistics": tuple(m.LoadStatistics(b, 0, mw) for b, mw in enumerate(load)),
    }
    return system(**{**base, **parts})


def test_what_arrives_is_what_is_sent_less_the_losses() -> None:
    """40 MW are sent, 38 arrive: 10 * (30 + 40) + 50 * (90 - 38) = 3300 $/h.

    Each bus has its own price.
    """
    found = operate(two_buses((30.0, 90.0)))
    assert found.lower_bound == pytest.approx(330_000.0)
    assert found.column("exchanges", "direct_flow_mw") == pytest.approx([40.0])
    assert found.column("exchanges", "losses_mw") == pytest.approx([2.0])
    assert found.column("exchanges", "losses_mwh") == pytest.approx([200.0])
    assert found.column("buses", "spot_price") == pytest.approx([10.0, 50.0])


def test_a_line_with_room_makes_the_prices_differ_by_its_losses() -> None:
    """19 MW of load at bus 1 need 20 MW from bus 0.

    10 * 50, and another MW there costs 10 / 0.95.
    """
    found = operate(two_buses((30.0, 19.0)))
    assert found.lower_bound == pytest.approx(100 * 10 * 50)
    assert found.column("buses", "spot_price") == pytest.approx([10.0, 10.0 / 0.95])


def test_the_way_back_has_a_limit_and_losses_of_its_own() -> None:
    """The cheap power is at bus 1 now: 20 MW come back as 19.

    10 * (40 + 20) + 50 * (30 - 19) = 1150 $/h.
    """
    turned = (m.Thermal.flat(0, 0, 300.0, 50.0), m.Thermal.flat(1, 1, 300.0, 10.0))
    found = operate(two_buses((30.0, 40.0), thermals=turned))
    assert found.lower_bound == pytest.approx(115_000.0)
    assert found.column("exchanges", "reverse_flow_mw") == pytest.approx([20.0])
    assert found.column("exchanges", "net_flow_mw") == pytest.approx([-20.0])
    assert found.column("exchanges", "net_flow_mwh") == pytest.approx([-2000.0])


def test_sending_costs_what_the_line_asks() -> None:
    """At 37 $/MWh sent, 38 MW are worth 10 * 40 / 38 + 37 * 40 / 38 = 49.47 each.

    Still cheaper than 50; at 38 no more.
    """
    for cost, sent in ((37.0, 40.0), (38.0, 0.0)):
        line = m.Line(7, 0, 1, 40.0, 20.0, losses_percent=5.0, exchange_cost_per_mwh=cost)
        found = operate(two_buses((30.0, 90.0), lines=(line,)))
        assert found.column("exchanges", "direct_flow_mw") == pytest.approx([sent])
        assert found.column("exchanges", "exchange_cost") == pytest.approx([cost * sent * 100])
        assert sum(found.column("costs", "exchange_cost")) == pytest.approx(cost * sent * 100)


def test_limits_may_change_by_stage_and_are_multiplied_by_block() -> None:
    """60 MW at this stage, half of it in the first block of 40 h, a factor above 1 in the
    second.
    """
    found = operate(
        two_buses(
            (30.0, 90.0),
            stages=stages(1, (40.0, 60.0)),
            line_bound_overrides=m.StageOverrides.from_rows(
                [{"line_id": 7, "stage_id": 0, "direct_mw": 60.0}], entity="line_id"
            ),
            exchange_factors=m.StageOverrides.from_rows(
                [
                    {"line_id": 7, "stage_id": 0, "block_id": k, "direct_factor": f}
                    for k, f in ((0, 0.5), (1, 1.2))
                ],
                entity="line_id",
            ),
        )
    )
    assert found.column("exchanges", "direct_flow_mw") == pytest.approx([30.0, 72.0])
