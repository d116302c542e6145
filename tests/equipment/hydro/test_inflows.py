"""What happens when an inflow is negative, by hand: -20 m3/s for 100 h are -7.2 hm3."""

from __future__ import annotations

import numpy as np
import pytest

import headwater.model as m
from headwater.errors import InfeasibleError
from headwater.sddp import train_policy
from operated import inflows, operate, reservoir, system
from small_systems import study


def dry(storage: float, std: float = 0.0) -> m.System:
    """A reservoir with little water, -20 m3/s of inflow, nothing to serve.

    Bought water costs 30 per m3/s and hour.
    """
    return system(
        load=0.0,
        hydros=(reservoir(costs=m.HydroCosts(inflow_nonnegativity_cost=30.0)),),
        initial=m.InitialConditions(storage_hm3={0: storage}),
        inflow_statistics=(m.InflowStatistics(0, 0, -20.0, std),),
        given_openings=m.GivenOpenings({0: np.zeros((1, 1))}),
    )


def test_without_a_method_the_reservoir_must_have_the_water() -> None:
    found = operate(dry(10.0), method="none")
    assert found.column("hydros", "storage_final_hm3") == pytest.approx([2.8])
    with pytest.raises(InfeasibleError):
        operate(dry(3.6), method="none")


@pytest.mark.parametrize("std", [0.0, 5.0])
def test_penalty_keeps_the_inflow_negative_and_buys_what_is_missing(std: float) -> None:
    """3.6 hm3 cover 10 of 20 m3/s; the other 10 cost 30 for 100 h."""
    found = operate(dry(3.6, std), method="penalty")
    assert found.column("hydros", "incremental_inflow_m3s") == pytest.approx([-20.0])
    assert found.column("hydros", "inflow_nonnegativity_slack_m3s") == pytest.approx([10.0])
    assert found.column("costs", "inflow_penalty_cost") == pytest.approx([30_000.0])
    assert found.lower_bound == pytest.approx(30_000.0)


@pytest.mark.parametrize("std", [0.0, 5.0])
@pytest.mark.parametrize("method", ["truncation", "truncation_with_penalty"])
def test_truncation_raises_the_inflow_to_zero_with_and_without_deviation(
    method: str, std: float
) -> None:
    found = operate(dry(3.6, std), method=method)
    assert found.column("hydros", "incremental_inflow_m3s") == pytest.approx([0.0])
    assert found.column("hydros", "storage_final_hm3") == pytest.approx([3.6])
    assert found.lower_bound == pytest.approx(0.0, abs=1e-9)


def test_truncation_with_penalty_still_has_the_slack_for_other_uses() -> None:
    """Withdrawal of 5 m3/s from an empty reservoir: bought at 30 rather than missed at 1000."""
    thirsty = m.System(
        **{
            **{name: getattr(dry(0.0), name) for name in dry(0.0).__dataclass_fields__},
            "hydro_bound_overrides": m.StageOverrides.from_rows(
                [{"hydro_id": 0, "stage_id": 0, "water_withdrawal_m3s": 5.0}], entity="hydro_id"
            ),
        }
    )
    assert operate(thirsty, method="truncation_with_penalty").lower_bound == pytest.approx(
        5 * 30 * 100
    )
    assert operate(thirsty, method="truncation").lower_bound == pytest.approx(5 * 1000 * 100)


def test_the_frequency_of_truncation_is_reported() -> None:
    noisy = system(
        2,
        load=0.0,
        hydros=(reservoir(),),
        inflow_statistics=tuple(m.InflowStatistics(0, t, -5.0, 0.0) for t in range(2)),
    )
    record = train_policy(
        study(noisy, method="truncation", iterations=3, forward_passes=2)
    ).training
    assert [iteration.truncated_inflows for iteration in record.iterations] == [4, 4, 4]
    assert any(
        text.startswith("12 of 12 forward inflows (100.00 %) were negative")
        for text in record.warnings
    )


def test_a_positive_inflow_is_left_alone_by_every_method() -> None:
    wet = system(load=20.0, hydros=(reservoir(),), inflow_statistics=inflows(h0=(20.0,)))
    for method in ("none", "penalty", "truncation", "truncation_with_penalty"):
        assert operate(wet, method=method).lower_bound == pytest.approx(0.0, abs=1e-6)
