"""Evaporation from lakes."""

from __future__ import annotations

import dataclasses
from datetime import date

import numpy as np
import pytest

import headwater.model as m
from headwater.equipment.context import StageContext
from headwater.equipment.hydro.evaporation import linearised, months_of, surface
from headwater.errors import ModelError
from operated import inflows, operate, reservoir, system

TABLE = tuple(m.GeometryPoint(0, v, 0.0, a) for v, a in ((0.0, 2.0), (40.0, 10.0), (100.0, 22.0)))


def lake(depth_mm: float = 72.0, **changes: object) -> m.System:
    """Slope 0.2 km2/hm3 everywhere: A(v) = 2 + 0.2 v."""
    stage = m.Stage(0, date(2024, 1, 1), date(2024, 2, 1), (m.Block(100.0),))
    base: dict[str, object] = {
        "stages": (stage,),
        "hydros": (
            reservoir(productivity_mw_per_m3s=0.0, evaporation=m.Evaporation((depth_mm,) * 12)),
        ),
        "hydro_geometry": TABLE,
        "initial": m.InitialConditions(storage_hm3={0: 50.0}),
        "inflow_statistics": inflows(h0=(0.0,)),
    }
    return system(**{**base, **changes})


def coefficients(of: m.System, t: int = 0) -> tuple[float, float]:
    return linearised(StageContext(of, t, np.zeros((1, 0)), m.InflowNonNegativity.NONE), 0)


def test_months_are_counted_by_days() -> None:
    assert months_of(date(2024, 1, 22), date(2024, 3, 2)) == [(0, 10 / 31), (1, 1.0), (2, 1 / 31)]
    assert months_of(date(2023, 12, 31), date(2024, 1, 1)) == [(11, 1 / 31)]


def test_the_surface_follows_the_table_and_keeps_its_last_slope() -> None:
    bent = (
        m.GeometryPoint(0, 0, 0, 1.0),
        m.GeometryPoint(0, 10, 0, 2.0),
        m.GeometryPoint(0, 30, 0, 8.0),
    )
    assert surface(bent, 5.0) == pytest.approx((1.5, 0.1))
    assert surface(bent, 10.0) == pytest.approx((2.0, 0.3))
    assert surface(bent, 50.0) == pytest.approx((8.0, 0.3))
    assert surface(bent[:1], 50.0) == (1.0, 0.0)


def test_depth_over_the_surface_becomes_a_flow() -> None:
    """72 mm over A = 2 + 0.2 v in 100 h.

    72 / 360 = 0.2, so k0 = 0.4 m3/s and kv = 0.04 m3/s per hm3.
    """
    assert coefficients(lake()) == pytest.approx((0.4, 0.04))


def test_the_lake_loses_what_the_mean_storage_says() -> None:
    """v = 50 - 0.36 Q and Q = 0.4 + 0.04 (50 + v) / 2: Q = 2.4 / (1 + 0.0072)."""
    found = operate(lake())
    flow = 2.4 / 1.0072
    assert found.column("hydros", "evaporation_m3s") == pytest.approx([flow])
    assert found.column("hydros", "storage_final_hm3") == pytest.approx([50.0 - 0.36 * flow])
    assert found.column("costs", "evaporation_violation_cost") == pytest.approx([0.0])


def test_a_week_and_a_month_evaporate_at_the_same_rate() -> None:
    """The same hours per day: seven days hold 7 / 31 of the depth and of the hours."""
    month = lake(stages=(m.Stage(0, date(2024, 1, 1), date(2024, 2, 1), (m.Block(744.0),)),))
    week = lake(stages=(m.Stage(0, date(2024, 1, 1), date(2024, 1, 8), (m.Block(168.0),)),))
    assert coefficients(week) == pytest.approx(coefficients(month))


def test_an_empty_lake_pays_for_what_cannot_evaporate() -> None:
    """No water: k0 = 0.4 m3/s cannot leave.

    0.4 m3/s at 5000 for 100 h, on top of the deficit of 100 MW.
    """
    dry = lake(initial=m.InitialConditions())
    found = operate(dry)
    assert found.column("hydros", "evaporation_violation_neg_m3s") == pytest.approx([0.4])
    assert found.column("costs", "evaporation_violation_cost") == pytest.approx([0.4 * 5000 * 100])


def test_condensation_brings_water_without_penalty() -> None:
    """-72 mm: Q = -2.4 / (1 - 0.0072)."""
    found = operate(lake(depth_mm=-72.0))
    flow = -2.4 / (1 - 0.0072)
    assert found.column("hydros", "evaporation_m3s") == pytest.approx([flow])
    assert found.column("costs", "evaporation_violation_cost") == pytest.approx([0.0])


def test_reference_volumes_of_the_month_are_used() -> None:
    bent = (
        m.GeometryPoint(0, 0, 0, 1.0),
        m.GeometryPoint(0, 10, 0, 2.0),
        m.GeometryPoint(0, 100, 0, 20.0),
    )
    references = (5.0,) + (50.0,) * 11
    plant = reservoir(
        productivity_mw_per_m3s=0.0, evaporation=m.Evaporation((72.0,) * 12, references)
    )
    # Slope 0.1 through (5, 1.5): intercept 1.0 km2.
    assert coefficients(lake(hydros=(plant,), hydro_geometry=bent)) == pytest.approx((0.2, 0.02))


def test_a_lake_without_surface_is_refused() -> None:
    flat = tuple(dataclasses.replace(point, area_km2=0.0) for point in TABLE)
    for table in ((), flat):
        with pytest.raises(ModelError, match="hydro 0 has evaporation but no areas"):
            coefficients(lake(hydro_geometry=table))
