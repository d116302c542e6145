"""What water is worth in energy, and the costs of violations that follow from it."""

from __future__ import annotations

import dataclasses

import pytest

import headwater.model as m
from headwater.model.water_energy import accumulated_productivity, dearest_deficit, fed_buses
from small_systems import stages


def river(**changes):
    """Three plants of 0.88, 0.71 and 0.3 MW per m3/s on one river, the last on another bus, and a
    plant without turbines.
    """
    base = {
        "stages": stages(2),
        "buses": (
            m.Bus(
                0, deficit_segments=(m.DeficitSegment(60.0, 900.0), m.DeficitSegment(None, 2800.0))
            ),
            m.Bus(1, deficit_segments=(m.DeficitSegment(None, 4000.0),)),
        ),
        "hydros": (
            m.Hydro(0, 0, 100.0, 50.0, 50.0, productivity_mw_per_m3s=0.88, downstream_id=1),
            m.Hydro(1, 0, 100.0, 50.0, 50.0, productivity_mw_per_m3s=0.71, downstream_id=2),
            m.Hydro(2, 1, 100.0, 50.0, 50.0, productivity_mw_per_m3s=0.3),
            m.Hydro(3, 0, 100.0, 50.0, 50.0, productivity_mw_per_m3s=0.0),
        ),
    }
    return m.System(**{**base, **changes})


def test_productivity_adds_up_to_the_last_plant_of_the_river():
    assert accumulated_productivity(river()) == pytest.approx([1.89, 1.01, 0.3, 0.0])


def test_the_dearest_deficit_is_that_of_any_bus_that_the_cascade_feeds():
    assert dearest_deficit(river()).tolist() == [4000.0, 4000.0, 4000.0, 2800.0]
    assert fed_buses(river()) == ({0, 1}, {0, 1}, {1}, {0})


def test_a_plant_counts_with_the_highest_productivity_of_its_stages():
    rule = m.ProductionRule(
        m.ProductionKind.CONSTANT, start_stage_id=1, productivity_mw_per_m3s=1.5
    )
    system = river(production_models=(m.ProductionModel(2, (rule,)),))
    assert accumulated_productivity(system) == pytest.approx([3.09, 2.21, 1.5, 0.0])


def test_planes_count_with_their_steepest_slope():
    hydros = tuple(
        dataclasses.replace(h, production=m.ProductionKind.FPHA) if h.id == 2 else h
        for h in river().hydros
    )
    planes = tuple(m.FphaPlane(2, i, 1.0, 0.01, slope, 0.0) for i, slope in enumerate((0.4, 0.25)))
    assert accumulated_productivity(river(hydros=hydros, fpha_planes=planes))[2] == 0.4


def test_planes_that_are_not_fitted_yet_count_with_the_full_head():
    """9.81e-3 MW per m3/s and metre, 0.9 efficient, 120 m above a tailrace of 20 m."""
    fitted = m.Hydro(
        2,
        1,
        100.0,
        50.0,
        50.0,
        production=m.ProductionKind.FPHA,
        efficiency=0.9,
        tailrace=m.PolynomialTailrace((20.0, 0.01)),
    )
    fit = m.ProductionRule(m.ProductionKind.FPHA, fit=m.FphaFit(m.FphaSource.COMPUTED))
    system = river(
        hydros=(*river().hydros[:2], fitted),
        production_models=(m.ProductionModel(2, (fit,)),),
        hydro_geometry=(m.GeometryPoint(2, 0.0, 80.0, 1.0), m.GeometryPoint(2, 100.0, 140.0, 2.0)),
    )
    assert accumulated_productivity(system)[2] == pytest.approx(9.81e-3 * 0.9 * 120.0)


def test_costs_that_nothing_gives_follow_the_order_of_violations():
    """One hm3 at the first plant makes 1.89 / 0.0036 = 525 MWh, worth 2.1 million $
    of deficit at 4000 $/MWh.
    """
    costs = {name: values[0, 0] for name, values in river().resolved_penalties.hydro.items()}
    assert costs["storage_violation_below_cost"] == pytest.approx(2 * 2_100_000.0)
    assert costs["filling_target_violation_cost"] == pytest.approx(4 * 2_100_000.0)
    assert costs["inflow_nonnegativity_cost"] == pytest.approx(3 * 4000.0 * 1.89)
    assert costs["outflow_violation_below_cost"] == pytest.approx(0.25 * 4000.0 * 1.89)
    assert costs["water_withdrawal_violation_neg_cost"] == pytest.approx(0.25 * 4000.0 * 1.89)
    assert costs["generation_violation_below_cost"] == pytest.approx(1000.0)


def test_no_violation_is_free_where_water_makes_no_energy():
    costs = river().resolved_penalties.hydro
    assert all(values[3].min() > 0 for name, values in costs.items() if name != "turbined_cost")


def test_a_cost_that_is_given_is_not_derived():
    plant = dataclasses.replace(
        river().hydros[0], costs=m.HydroCosts(storage_violation_below_cost=7.0)
    )
    system = river(
        hydros=(plant, *river().hydros[1:]),
        penalties=m.Penalties(hydro=m.HydroPenalties(outflow_violation_below_cost=11.0)),
    )
    costs = system.resolved_penalties.hydro
    assert costs["storage_violation_below_cost"][0].tolist() == [7.0, 7.0]
    assert costs["storage_violation_below_cost"][1, 0] == pytest.approx(2 * 4000.0 * 1.01 / 0.0036)
    assert set(costs["outflow_violation_below_cost"].ravel()) == {11.0}
