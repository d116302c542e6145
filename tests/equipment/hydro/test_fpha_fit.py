"""Planes fitted to the geometry of a plant."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import headwater.model as m
from headwater.equipment.hydro.fpha_fit import (
    hull_planes,
    minimum_of,
    reduce_planes,
)
from headwater.equipment.hydro.production_function import production_function
from headwater.errors import ModelError
from headwater.lp import fit_planes, with_fitted_planes
from small_systems import stages

FIT = m.FphaFit(m.FphaSource.COMPUTED, max_planes=50)


def plant(**changes: object) -> m.Hydro:
    base = m.Hydro(
        0,
        0,
        1000.0,
        300.0,
        200.0,
        min_storage_hm3=100.0,
        production=m.ProductionKind.FPHA,
        tailrace=m.PolynomialTailrace((350.0, 0.004)),
        hydraulic_losses=m.HydraulicLosses(factor=0.02),
        efficiency=0.92,
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def system_of(
    hydro: m.Hydro, fit: m.FphaFit = FIT, heights: tuple[float, ...] = (400.0, 407.0, 414.0, 420.0)
) -> m.System:
    volumes = (100.0, 300.0, 600.0, 1000.0)
    return m.System(
        stages=stages(2),
        buses=(m.Bus(0),),
        hydros=(hydro,),
        production_models=(
            m.ProductionModel(0, (m.ProductionRule(m.ProductionKind.FPHA, fit=fit),)),
        ),
        hydro_geometry=tuple(
            m.GeometryPoint(0, v, z, 10.0) for v, z in zip(volumes, heights, strict=True)
        ),
    )


def grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    v, q = np.meshgrid(np.linspace(100, 1000, n), np.linspace(0, 300, n), indexing="ij")
    return v.ravel(), q.ravel()


def test_the_peak_power_is_the_published_one() -> None:
    function, warnings = production_function(system_of(plant()), plant())
    assert warnings == ()
    # net head (420 - 350 - 0.004 * 300) * 0.98 = 67.424 m; 9.81e-3 * 0.92 * 300 * 67.424
    assert function.power_mw(np.array(1000.0), np.array(300.0), np.array(0.0)) == pytest.approx(
        182.55452544, abs=1e-8
    )


def test_the_hull_has_the_published_planes() -> None:
    function, _ = production_function(system_of(plant()), plant())
    v, q = grid(5)
    planes = hull_planes(0, v, q, function.power_mw(v, q, np.zeros_like(q)))
    assert len(planes) == 11
    for expected in (
        (0.0, 0.0, 0.616475311),
        (-6.19128720, 0.061912872, 0.452258789),
        (-8.01427732, 0.0841228864, 0.434274574),
    ):
        assert np.abs(planes - expected).max(axis=1).min() < 1e-7
    fine_v, fine_q = grid(31)
    error = minimum_of(planes, fine_v, fine_q) - function.power_mw(
        fine_v, fine_q, np.zeros_like(fine_q)
    )
    assert error.max() == pytest.approx(9.1, abs=0.05)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(3.9, abs=0.05)


def test_the_planes_never_lie_below_the_power_at_the_grid_nor_above_zero_without_flow() -> None:
    function, _ = production_function(system_of(plant()), plant())
    v, q = grid(5)
    power = function.power_mw(v, q, np.zeros_like(q))
    for budget in (11, 6, 3, 1):
        planes = reduce_planes(hull_planes(0, v, q, power), v, q, power, budget)
        bound = minimum_of(planes, v, q)
        assert (bound >= power - 1e-9).all()
        assert bound[q == 0].max() <= 1e-6 * power.max()
        assert len(planes) == budget


def test_least_squares_lowers_the_planes_and_worst_case_keeps_them_below_the_power() -> None:
    fitted = fit_planes(system_of(plant()), plant(), FIT)
    assert fitted.n_hull == 11
    assert fitted.kappa == pytest.approx(0.973, abs=0.003)
    assert fitted.max_error_mw < 9.1
    assert all(plane.kappa == 1.0 and plane.gamma_s <= 0.0 for plane in fitted.planes)
    careful = fit_planes(system_of(plant()), plant(), dataclasses.replace(FIT, kappa="worst_case"))
    function, _ = production_function(system_of(plant()), plant())
    fine_v, fine_q = grid(17)
    power = function.power_mw(fine_v, fine_q, np.zeros_like(fine_q))
    planes = np.array([(p.gamma_0, p.gamma_v, p.gamma_q) for p in careful.planes])
    counted = power >= 0.1 * power.max()
    assert (minimum_of(planes, fine_v, fine_q)[counted] <= power[counted] + 1e-9).all()


def test_constant_head_gives_one_plane_through_the_origin() -> None:
    flat = plant(tailrace=m.PolynomialTailrace((350.0,)), hydraulic_losses=None)
    fitted = fit_planes(system_of(flat, heights=(400.0, 400.0, 400.0, 400.0)), flat, FIT)
    (plane,) = fitted.planes
    assert (plane.gamma_0, plane.gamma_v) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert plane.gamma_q == pytest.approx(9.81e-3 * 0.92 * 50.0)
    assert fitted.max_error_mw < 1e-9


def test_spillage_lowers_power_by_the_rise_of_the_tailrace() -> None:
    """With ht = 350 + 0.004 (q + s), phi(s) - phi(0) = -9.81e-3 eff 0.98 0.004 q s.

    One plane averages q over 0 to 300.
    """
    one = dataclasses.replace(FIT, max_planes=1)
    (plane,) = fit_planes(system_of(plant(), one), plant(), one).planes
    assert plane.gamma_s == pytest.approx(-9.81e-3 * 0.92 * 0.98 * 0.004 * 150.0)


def test_heights_that_fall_with_volume_are_refused() -> None:
    with pytest.raises(ModelError, match="hydro 0 falls with storage"):
        fit_planes(system_of(plant(), heights=(420.0, 414.0, 407.0, 400.0)), plant(), FIT)


def test_the_efficiency_is_derived_from_the_productivity_when_missing() -> None:
    unrated = plant(efficiency=None, productivity_mw_per_m3s=0.6)
    function, warnings = production_function(system_of(unrated), unrated)
    at = 100.0 + 0.65 * 900.0
    assert function.power_mw(np.array(at), np.array(300.0), np.array(0.0)) == pytest.approx(
        0.6 * 300
    )
    assert "derived from the productivity" in warnings[0]


def test_every_stage_gets_the_planes_of_its_own_configuration() -> None:
    rules = (
        m.ProductionRule(m.ProductionKind.FPHA, 0, 0, fit=FIT),
        m.ProductionRule(m.ProductionKind.FPHA, 1, 1, fit=dataclasses.replace(FIT, max_planes=2)),
    )
    system = dataclasses.replace(
        system_of(plant()), production_models=(m.ProductionModel(0, rules),)
    )
    resolved, fitted = with_fitted_planes(system)
    assert [fit.stage_ids for fit in fitted] == [(0,), (1,)]
    assert [len(one.planes) for one in resolved.production[0]] == [11, 2]


def test_a_system_without_computed_planes_stays_itself() -> None:
    system = dataclasses.replace(
        system_of(plant()), production_models=(), fpha_planes=(m.FphaPlane(0, 0, 0, 0, 1, 0),)
    )
    assert with_fitted_planes(system)[0] is system
