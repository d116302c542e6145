"""Diversion channels."""

from __future__ import annotations

import pytest

import headwater.model as m
from operated import inflows, operate, reservoir, system


def fork(**changes: object) -> m.System:
    """Plant 0 (no turbines) may divert up to 30 m3/s to plant 2.

    Its river runs to plant 1, which cannot store.
    """
    source = reservoir(
        0,
        downstream_id=1,
        productivity_mw_per_m3s=0.0,
        diversion=m.Diversion(2, 30.0),
        costs=m.HydroCosts(diversion_cost=3.0),
    )
    river = m.Hydro(1, 0, 0.0, 5.0, 5.0, productivity_mw_per_m3s=1.0)
    target = m.Hydro(2, 0, 0.0, 100.0, 100.0, productivity_mw_per_m3s=1.0)
    base: dict[str, object] = {
        "hydros": (source, river, target),
        "initial": m.InitialConditions(storage_hm3={0: 18.0}),
        "inflow_statistics": inflows(h0=(0.0,), h1=(0.0,), h2=(0.0,)),
    }
    return system(**{**base, **changes})


def test_diverted_water_makes_power_at_its_destination_and_nowhere_else() -> None:
    """18 hm3 in 100 h are 50 m3/s: 30 diverted (30 MW), 20 released, of
    which the river plant uses 5.

    Deficit 65 MW at 1000 and diversion 30 m3/s at 3 for 100 h.
    """
    found = operate(fork())
    assert found.lower_bound == pytest.approx(65 * 1000 * 100 + 30 * 3 * 100)
    assert found.column("hydros", "diverted_outflow_m3s", hydro_id=0) == pytest.approx([30.0])
    assert found.column("hydros", "diverted_inflow_m3s", hydro_id=2) == pytest.approx([30.0])
    assert found.column("hydros", "turbined_m3s", hydro_id=2) == pytest.approx([30.0])
    assert found.column("hydros", "turbined_m3s", hydro_id=1) == pytest.approx([5.0])
    assert (
        found.column("hydros", "diverted_inflow_m3s", hydro_id=1)[0]
        != found.column("hydros", "turbined_m3s", hydro_id=1)[0]
    )
    assert found.column("costs", "diversion_cost") == pytest.approx([9000.0])


def test_the_limit_may_change_by_stage() -> None:
    limit = m.StageOverrides.from_rows(
        [{"hydro_id": 0, "stage_id": 0, "max_diversion_m3s": 12.0}], entity="hydro_id"
    )
    found = operate(fork(hydro_bound_overrides=limit))
    assert found.lower_bound == pytest.approx((100 - 12 - 5) * 1000 * 100 + 12 * 3 * 100)


def test_diverted_water_passes_an_absent_destination() -> None:
    """Plant 2 does not exist: its water goes on to plant 3 below it."""
    plants = list(fork().hydros)
    plants[2] = m.Hydro(
        2, 0, 0.0, 100.0, 100.0, productivity_mw_per_m3s=1.0, downstream_id=3, entry_stage_id=5
    )
    plants.append(m.Hydro(3, 0, 0.0, 100.0, 100.0, productivity_mw_per_m3s=2.0))
    found = operate(
        fork(
            hydros=tuple(plants),
            inflow_statistics=inflows(h0=(0.0,), h1=(0.0,), h2=(0.0,), h3=(0.0,)),
        )
    )
    assert found.column("hydros", "generation_mw", hydro_id=3) == pytest.approx([60.0])
    assert found.column("hydros", "diverted_inflow_m3s", hydro_id=3) == pytest.approx([30.0])
