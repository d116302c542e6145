"""Hydro plants: production functions and which of them holds when, soft limits of flow and
power.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import headwater.model as m
from headwater.lp import fit_planes, with_fitted_planes
from operated import inflows, operate, reservoir, system
from small_systems import stages

FPHA, CONSTANT = m.ProductionKind.FPHA, m.ProductionKind.CONSTANT


def with_planes(
    *planes: m.FphaPlane, storage: float = 36.0, inflow: float = 0.0, **parts: object
) -> m.System:
    """A plant with planes, load 100, 100 h: 36 hm3 are 100 m3/s."""
    plant = reservoir(production=FPHA, productivity_mw_per_m3s=None)
    base: dict[str, object] = {
        "hydros": (plant,),
        "fpha_planes": planes,
        "initial": m.InitialConditions(storage_hm3={0: storage}),
        "inflow_statistics": inflows(h0=(inflow,)),
    }
    return system(**{**base, **parts})


def test_power_is_the_least_of_the_planes_at_the_mean_storage() -> None:
    """36 hm3 that all go: mean storage 18.

    Planes 0.5 * 8 + 0.5 * 18 + 0.6 q and 0.9 q cross at q = 43.3; 73 MW at 100.
    """
    found = operate(
        with_planes(
            m.FphaPlane(0, 0, 8.0, 0.5, 0.6, 0.0, kappa=0.5), m.FphaPlane(0, 1, 0.0, 0.0, 0.9, 0.0)
        )
    )
    assert found.column("hydros", "generation_mw") == pytest.approx([4.0 + 9.0 + 60.0])
    assert found.lower_bound == pytest.approx(27 * 1000 * 100)
    assert np.isnan(found.column("hydros", "productivity_mw_per_m3s")).all()


def test_an_hm3_at_the_start_is_worth_its_head_too() -> None:
    """Turbines at their 100 m3/s.

    One more hm3 stays, and raises the mean storage by one: 0.5 MW for 100 h at 1000.
    """
    found = operate(with_planes(m.FphaPlane(0, 0, 4.0, 0.5, 0.6, 0.0), storage=50.0, load=200.0))
    assert found.column("hydros", "turbined_m3s") == pytest.approx([100.0])
    assert found.column("hydros", "generation_mw") == pytest.approx(
        [4.0 + 0.5 * (50.0 + 14.0) / 2 + 60.0]
    )
    assert found.column("hydros", "water_value_per_hm3") == pytest.approx([0.5 * 1000 * 100])


def test_water_nobody_needs_goes_past_the_turbines() -> None:
    """A flood of 160 m3/s into a full reservoir, no load.

    Turbining costs 3, spilling 2 $ per m3/s and hour.
    """
    plant = reservoir(
        production=FPHA,
        productivity_mw_per_m3s=None,
        costs=m.HydroCosts(fpha_turbined_cost=3.0, spillage_cost=2.0),
    )
    found = operate(
        with_planes(
            m.FphaPlane(0, 0, 0.0, 0.0, 0.9, 0.0),
            storage=100.0,
            inflow=160.0,
            load=0.0,
            hydros=(plant,),
        )
    )
    assert found.column("hydros", "spillage_m3s") == pytest.approx([160.0])
    assert found.lower_bound == pytest.approx(2 * 160 * 100)


def test_a_plane_below_zero_costs_power_instead_of_a_solution() -> None:
    """No water and a plane at -7: 7 MW are taken from the bus, which lacks them.

    The recourse itself costs 10 like excess.
    """
    found = operate(with_planes(m.FphaPlane(0, 0, -7.0, 0.0, 0.9, 0.0), storage=0.0))
    assert found.column("hydros", "generation_mw") == pytest.approx([-7.0])
    assert found.column("buses", "deficit_mw") == pytest.approx([107.0])
    assert found.lower_bound == pytest.approx((107 * 1000 + 7 * 10) * 100)
    assert sum(found.column("costs", "excess_cost")) == pytest.approx(7 * 10 * 100)


def test_fitted_planes_give_no_power_without_water() -> None:
    plant = m.Hydro(
        0, 0, 1000.0, 300.0, 200.0, min_storage_hm3=100.0, production=FPHA, efficiency=0.92,
        tailrace=m.PolynomialTailrace((350.0, 0.004)),
    )  # fmt: skip
    dry = system(
        hydros=(plant,),
        hydro_geometry=tuple(
            m.GeometryPoint(0, v, h, 1.0)
            for v, h in ((100.0, 400.0), (300.0, 407.0), (600.0, 414.0), (1000.0, 420.0))
        ),
        production_models=(
            m.ProductionModel(
                0, (m.ProductionRule(FPHA, fit=m.FphaFit(source=m.FphaSource.COMPUTED)),)
            ),
        ),
        inflow_statistics=inflows(h0=(0.0,)),
    )
    assert fit_planes(dry, plant, m.FphaFit(source=m.FphaSource.COMPUTED)).planes
    for storage in (100.0, 400.0, 1000.0):
        started = dataclasses.replace(dry, initial=m.InitialConditions(storage_hm3={0: storage}))
        held = dataclasses.replace(
            started,
            generic_constraints=(
                m.GenericConstraint(0, m.parse_expression("hydro_turbined(0)"), m.Sense.LESS_EQUAL),
            ),
            generic_constraint_bounds=(m.GenericConstraintBound(0, 0, 0.0),),
        )
        assert operate(held).column("hydros", "generation_mw")[0] <= 1e-6 * 182.6
        ran = operate(started)
        mean = (storage + ran.column("hydros", "storage_final_hm3")[0]) / 2
        flow, spilled, power = (
            ran.column("hydros", c)[0] for c in ("turbined_m3s", "spillage_m3s", "generation_mw")
        )
        planes = with_fitted_planes(started)[0].production[0][0].planes
        least = min(
            p.gamma_0 + p.gamma_v * mean + p.gamma_q * flow + p.gamma_s * spilled for p in planes
        )
        assert power <= least + 1e-6


def seasons(*ids: int) -> tuple[m.Stage, ...]:
    return tuple(
        dataclasses.replace(stage, season_id=s)
        for stage, s in zip(stages(len(ids), (100.0,)), ids, strict=True)
    )


@pytest.mark.parametrize(
    ("model", "productivities"),
    [
        (None, [1.0, 1.0, 1.0]),
        (
            m.ProductionModel(0, (m.ProductionRule(CONSTANT, 1, 1, productivity_mw_per_m3s=0.8),)),
            [1.0, 0.8, 1.0],
        ),
        (
            m.ProductionModel(
                0, (m.ProductionRule(CONSTANT, 1, None, productivity_mw_per_m3s=0.8),)
            ),
            [1.0, 0.8, 0.8],
        ),
        (
            m.ProductionModel(
                0,
                (m.ProductionRule(CONSTANT, season_id=4, productivity_mw_per_m3s=0.7),),
                seasonal=True,
                default=CONSTANT,
            ),
            [1.0, 0.7, 1.0],
        ),
    ],
)
def test_productivity_follows_stage_ranges_and_seasons_everywhere(
    model: m.ProductionModel | None, productivities: list[float]
) -> None:
    """At least 50 MW, at most 60 MW.

    Turbined flow is limited by 60 / rho, and the minimum counts rho too.
    """
    plant = dataclasses.replace(reservoir(), max_generation_mw=60.0, min_generation_mw=50.0)
    chosen = system(
        3,
        stages=seasons(3, 4, 5),
        hydros=(plant,),
        production_models=() if model is None else (model,),
        initial=m.InitialConditions(storage_hm3={0: 100.0}),
        inflow_statistics=inflows(h0=(0.0, 0.0, 0.0)),
        load_statistics=tuple(m.LoadStatistics(0, t, 200.0) for t in range(3)),
    )
    found = operate(chosen)
    assert found.column("hydros", "productivity_mw_per_m3s") == pytest.approx(productivities)
    assert found.column("hydros", "generation_mw") == pytest.approx([60.0] * 3)
    assert found.column("hydros", "turbined_m3s") == pytest.approx(
        [60.0 / rho for rho in productivities]
    )
    dry = dataclasses.replace(chosen, initial=m.InitialConditions(storage_hm3={0: 0.0}))
    trickle = operate(dataclasses.replace(dry, inflow_statistics=inflows(h0=(20.0, 20.0, 20.0))))
    flow = np.array(trickle.column("hydros", "turbined_m3s"))
    assert trickle.column("hydros", "generation_slack_mw") == pytest.approx(
        50.0 - flow * productivities, abs=1e-9
    )


def test_planes_may_hold_in_one_season_and_productivity_in_the_others() -> None:
    rules = (m.ProductionRule(FPHA, season_id=4),)
    found = operate(
        system(
            2,
            stages=seasons(3, 4),
            hydros=(reservoir(),),
            production_models=(m.ProductionModel(0, rules, seasonal=True, default=CONSTANT),),
            fpha_planes=(m.FphaPlane(0, 0, 0.0, 0.0, 0.4, 0.0),),
            initial=m.InitialConditions(storage_hm3={0: 36.0}),
            inflow_statistics=inflows(h0=(0.0, 36.0)),
        )
    )
    # 36 hm3 make 100 MW at 1 MW per m3/s; later 36 m3/s make 14.4 MW at 0.4.
    assert found.column("hydros", "generation_mw") == pytest.approx([100.0, 14.4])


def limited(**limits: object) -> m.System:
    """36 m3/s of inflow into an empty reservoir of 1 hm3, load 10.

    Each limit costs something else.
    """
    costs = m.HydroCosts(
        turbined_violation_below_cost=11.0,
        outflow_violation_below_cost=13.0,
        outflow_violation_above_cost=17.0,
        generation_violation_below_cost=19.0,
        spillage_cost=1.0,
    )
    plant = reservoir(costs=costs, **limits)
    return system(
        load=10.0,
        hydros=(dataclasses.replace(plant, max_storage_hm3=0.36),),
        initial=m.InitialConditions(storage_hm3={0: 0.0}),
        inflow_statistics=inflows(h0=(36.0,)),
    )


@pytest.mark.parametrize(
    ("limits", "column", "slack", "cost_column", "total"),
    [
        # 36 m3/s: 10 through turbines for the load, 25 past them at 1, 1 m3/s stays.
        ({}, "spillage_m3s", 25.0, "spillage_cost", 25),
        # At least 40 m3/s out: 36 there are, 4 are missing at 13; 10 turbined, 26 spilled.
        (
            {"min_outflow_m3s": 40.0},
            "outflow_slack_below_m3s",
            4.0,
            "outflow_violation_below_cost",
            4 * 13 + 26,
        ),
        # At most 30 out: 35 must, 5 too much at 17; 25 spilled.
        (
            {"max_outflow_m3s": 30.0},
            "outflow_slack_above_m3s",
            5.0,
            "outflow_violation_above_cost",
            5 * 17 + 25,
        ),
        # At least 45 turbined: all 36 turbined, 26 MW too much at 10, 9 missing at 11.
        (
            {"min_turbined_m3s": 45.0},
            "turbined_slack_m3s",
            9.0,
            "turbined_violation_cost",
            9 * 11 + 26 * 10,
        ),
        # At least 50 MW: the same with 14 MW missing at 19.
        (
            {"min_generation_mw": 50.0},
            "generation_slack_mw",
            14.0,
            "generation_violation_cost",
            14 * 19 + 26 * 10,
        ),
    ],
)
def test_each_limit_gives_way_at_its_cost(
    limits: dict[str, float], column: str, slack: float, cost_column: str, total: float
) -> None:
    found = operate(limited(**limits))
    assert found.column("hydros", column) == pytest.approx([slack])
    assert found.lower_bound == pytest.approx(total * 100)
    assert found.column("costs", cost_column)[0] > 0.0
    violations = sum(found.column("costs", "hydro_violation_cost"))
    assert violations == pytest.approx(
        0.0 if not limits else sum(found.column("costs", cost_column))
    )
