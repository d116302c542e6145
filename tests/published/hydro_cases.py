"""Cases of reservoirs whose future is known: production, cascades, exchange, evaporation,
withdrawal and violations.

Numbers and figures are those of the cases d02 to d25 that Cobre 0.5 publishes (Apache-2.0). Where
water alone decides, the figure is written as the sum that gives it; ``MONTH`` is the water of 1
m3/s over a stage. The others (d03, d04, d08, d10, d11, d20, d23, d25) are taken as published; each
was found again by an extensive form written from the files alone.
"""

from __future__ import annotations

from typing import Any

from published.case_files import (
    HOURS,
    Entry,
    Figure,
    PublishedCase,
    bus,
    case,
    hydro,
    known,
    line,
    months,
    penalties,
    thermal,
)

MONTH = 0.0036 * HOURS
"""hm3 of 1 m3/s over a stage of 730 h."""


def one_plant(**changes: Any) -> PublishedCase:
    """d02: a reservoir of 200 hm3, half full, and a thermal of 50 $/MWh.

    No water is left over, so its amount alone counts.
    """
    water_mw = 100.0 / MONTH + 40.0 + 10.0
    described: dict[str, Any] = {
        "stages": months(2),
        "loads_mw": {0: [80.0, 80.0]},
        "thermals": [thermal(0, 100.0, 50.0)],
        "hydros": [hydro(0, 200.0, 50.0)],
        "storage_hm3": [100.0],
        "inflows_m3s": {0: known(40.0, 10.0)},
        "figure": Figure(HOURS * 50.0 * (2 * 80.0 - water_mw), 1e-4),
    }
    return case(**described | changes)


def cascade() -> PublishedCase:
    """d03: two plants, one below the other, over three stages."""
    return one_plant(
        stages=months(3),
        loads_mw={0: [75.0] * 3},
        hydros=[hydro(0, 150.0, 30.0, downstream_id=1), hydro(1, 100.0, 40.0)],
        storage_hm3=[80.0, 50.0],
        inflows_m3s={0: known(25.0, 15.0, 5.0), 1: known(10.0, 5.0, 2.0)},
        figure=Figure(1390333.3333333333, 1e-4),
    )


def transmission() -> PublishedCase:
    """d04: a plant at each of two buses, and a line between them that is too small."""
    return one_plant(
        loads_mw={0: [30.0, 30.0], 1: [40.0, 40.0]},
        buses=[bus(0), bus(1)],
        lines=[line(0, "B0_B1", (0, 1), (15.0, 15.0), 0.01)],
        hydros=[hydro(0, 200.0, 50.0), hydro(1, 100.0, 20.0, bus_id=1)],
        storage_hm3=[100.0, 50.0],
        inflows_m3s={0: known(35.0, 20.0), 1: known(15.0, 5.0)},
        figure=Figure(8011330.1111111111, 1e-4),
    )


def _fpha(source: str) -> dict[str, Any]:
    rule = {
        "start_stage_id": 0,
        "end_stage_id": None,
        "model": "fpha",
        "fpha_config": {"source": source},
    }
    model = {"hydro_id": 0, "selection_mode": "stage_ranges", "stage_ranges": [rule]}
    return {"system/hydro_production_models.json": {"production_models": [model]}}


def given_plane() -> PublishedCase:
    """d05: one plane that says what the constant productivity of d02 says, and so the same
    figure.
    """
    slopes = {"gamma_0": 0.0, "gamma_v": 0.0, "gamma_q": 1.0, "gamma_s": 0.0, "kappa": 1.0}
    return one_plant(
        hydros=[hydro(0, 200.0, 50.0, productivity=None)],
        penalty=penalties(fpha_turbined_cost=0.0),
        files=_fpha("precomputed"),
        tables={
            "system/fpha_hyperplanes": [
                {"hydro_id": 0, "stage_id": t, "plane_id": 0, **slopes} for t in (0, 1)
            ]
        },
    )


def _geometry(*points: tuple[float, float, float]) -> dict[str, list[Entry]]:
    rows = [
        {"hydro_id": 0, "volume_hm3": v, "height_m": height, "area_km2": area}
        for v, height, area in points
    ]
    return {"system/hydro_geometry": rows}


def computed_planes() -> PublishedCase:
    """d07: planes fitted to the geometry of the reservoir; no figure is published."""
    plant = hydro(
        0,
        200.0,
        50.0,
        productivity=None,
        tailrace={"type": "polynomial", "coefficients": [300.0]},
        hydraulic_losses={"type": "factor", "value": 0.03},
        efficiency={"type": "constant", "value": 0.92},
    )
    points = (
        (0.0, 350.0, 10.0),
        (50.0, 370.0, 30.0),
        (100.0, 385.0, 50.0),
        (150.0, 395.0, 65.0),
        (200.0, 400.0, 75.0),
    )
    return one_plant(
        hydros=[plant],
        penalty=penalties(fpha_turbined_cost=0.0),
        files=_fpha("computed"),
        tables=_geometry(*points),
        figure=None,
    )


def evaporation() -> PublishedCase:
    """d08: 100 mm evaporate in every month, from an area between 0.5 and 1.5 km2."""
    stages = [stage | {"season_id": t} for t, stage in enumerate(months(2))]
    return one_plant(
        stages=stages,
        hydros=[hydro(0, 200.0, 50.0, evaporation={"coefficients_mm": [100.0] * 12})],
        penalty=penalties(fpha_turbined_cost=0.0),
        tables=_geometry((0.0, 0.0, 0.5), (100.0, 0.0, 1.0), (200.0, 0.0, 1.5)),
        figure=Figure(2628358.518009386, 1e-2),
    )


def negative_inflow() -> PublishedCase:
    """d10: an inflow of -5 m3/s, which may be made up for at 500 $ per m3/s and hour but is better
    taken from the reservoir.
    """
    return one_plant(
        inflows_m3s={0: known(40.0, -5.0)},
        penalty=penalties(fpha_turbined_cost=0.0),
        non_negativity={"method": "penalty", "penalty_cost": 500.0},
        figure=Figure(HOURS * 50.0 * (2 * 80.0 - 100.0 / MONTH - 40.0 + 5.0), 1e-4),
    )


def _withdrawal(m3s: float) -> dict[str, list[Entry]]:
    return {
        "constraints/hydro_bounds": [
            {"hydro_id": 0, "stage_id": t, "water_withdrawal_m3s": m3s} for t in (0, 1)
        ]
    }


def withdrawal() -> PublishedCase:
    """d11: 10 m3/s are withdrawn, which thermal energy at 100 $/MWh makes up for."""
    return one_plant(
        buses=[bus(deficit_cost=None)],
        thermals=[thermal(0, 100.0, 100.0)],
        inflows_m3s={0: known(30.0, 30.0)},
        penalty=penalties(50000.0, water_withdrawal_violation_cost=50000.0),
        tables=_withdrawal(10.0),
        figure=Figure(HOURS * 100.0 * (2 * 80.0 - 100.0 / MONTH - 2 * (30.0 - 10.0)), 1e-4),
    )


def violations() -> PublishedCase:
    """d20: minima of outflow, turbining and generation that 10 hm3 cannot keep."""
    plant = hydro(
        0, 200.0, 50.0, turbined_from_m3s=30.0, generation_from_mw=20.0, outflow_m3s=(40.0, 50.0)
    )
    kinds = (
        "turbined_violation_below",
        "outflow_violation_below",
        "outflow_violation_above",
        "generation_violation_below",
    )
    return one_plant(
        buses=[bus(name="SIN")],
        thermals=(),
        hydros=[plant],
        storage_hm3=[10.0],
        penalty=penalties(**{f"{kind}_cost": 5000.0 for kind in kinds}),
        iterations=20,
        figure=Figure(
            195744444.44444444,
            1e-2,
            20,
            ("outflow_slack_below_m3s", "turbined_slack_m3s"),
            simulated=True,
        ),
    )


def over_withdrawal() -> PublishedCase:
    """d23: a reservoir that is nearly full.

    To withdraw too much at 1 $ is cheaper than to spill at 1,000 $.
    """
    costs = {
        "water_withdrawal_violation_pos_cost": 1.0,
        "water_withdrawal_violation_neg_cost": 10000.0,
    }
    return one_plant(
        buses=[bus(deficit_cost=None)],
        thermals=[thermal(0, 200.0, 100.0)],
        hydros=[hydro(0, 10.0, 20.0, outflow_m3s=(0.0, 100.0))],
        storage_hm3=[5.0],
        inflows_m3s={0: known(50.0, 50.0)},
        penalty=penalties(50000.0, spillage_cost=1000.0, **costs),
        tables=_withdrawal(5.0),
        iterations=20,
        figure=Figure(8795111.1111111111, 1e-2, 20, ("water_withdrawal_violation_pos_m3s",)),
    )


DISCOUNT_OF_THE_SECOND_STAGE = 0.9904275224
"""In `discounted`: 1.12 to the power of -31 / 365.25, the days of the first stage."""


def discounted() -> PublishedCase:
    """d25: the case d02 at 12 % a year."""
    return one_plant(annual_discount_rate=0.12, simulated=1, figure=Figure(2611454.584787283, 1e-4))
