"""Pumping stations."""

from __future__ import annotations

import pytest

import headwater.model as m
from operated import inflows, operate, reservoir, system


def valley(pump: m.PumpingStation) -> m.System:
    """Cheap first stage, dear second: thermal 200 MW at 10, then at 100.

    The upper plant makes 1 MW per m3/s, the lower 0.
    """
    upper = reservoir(0, downstream_id=1)
    lower = reservoir(1, productivity_mw_per_m3s=0.0)
    return system(
        2,
        load=100.0,
        hydros=(upper, lower),
        thermals=(m.Thermal.flat(0, 0, 200.0, 10.0),),
        thermal_bound_overrides=m.StageOverrides.from_rows(
            [{"thermal_id": 0, "stage_id": 1, "cost_per_mwh": 100.0}], entity="thermal_id"
        ),
        pumping_stations=(pump,),
        initial=m.InitialConditions(storage_hm3={0: 0.0, 1: 50.0}),
        inflow_statistics=inflows(h0=(0.0, 0.0), h1=(0.0, 0.0)),
    )


def test_water_is_lifted_with_cheap_power_and_used_with_dear() -> None:
    """Pump 20 m3/s at 2 MW per m3/s: 140 MW at 10, then 20 of 100 MW from water, 80 MW at 100.

    (140 * 10 + 80 * 100) * 100 = 940 000; without pumping (100 * 10 + 100 * 100) * 100 = 1 100 000.
    """
    found = operate(valley(m.PumpingStation(7, 0, 1, 0, 2.0, 20.0)))
    assert found.lower_bound == pytest.approx(940_000.0)
    assert found.column("pumping_stations", "pumped_flow_m3s")[0] == pytest.approx(20.0)
    assert found.column("pumping_stations", "pumped_volume_hm3")[0] == pytest.approx(7.2)
    assert found.column("pumping_stations", "power_consumption_mw")[0] == pytest.approx(40.0)
    assert found.column("pumping_stations", "energy_consumption_mwh")[0] == pytest.approx(4000.0)
    # The energy is worth the marginal cost of its bus, 10 $/MWh; it is part of
    # the thermal cost already.
    assert found.column("pumping_stations", "pumping_cost")[0] == pytest.approx(40_000.0)
    assert found.column("costs", "immediate_cost")[0] == pytest.approx(140_000.0)
    assert found.column("hydros", "storage_final_hm3", hydro_id=0)[0] == pytest.approx(7.2)
    assert found.column("hydros", "storage_final_hm3", hydro_id=1)[0] == pytest.approx(42.8)


def test_a_dear_lift_rests() -> None:
    found = operate(valley(m.PumpingStation(7, 0, 1, 0, 11.0, 20.0)))
    assert found.lower_bound == pytest.approx(1_100_000.0)


def test_a_minimum_flow_is_hard() -> None:
    """At 11 MW per m3/s, 1 m3/s must be lifted in both stages: 111 * 10 + (100 +
    11 - 1 - 1) * 100 per hour.

    The water lifted in the second stage falls back at once.
    """
    found = operate(valley(m.PumpingStation(7, 0, 1, 0, 11.0, 20.0, min_flow_m3s=1.0)))
    assert found.lower_bound == pytest.approx((111.0 * 10 + 109.0 * 100) * 100)
    assert "minimum flow" in " ".join(found.policy.training.warnings)
