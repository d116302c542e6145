"""The units in which money and everything else are counted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import headwater.model as m
from headwater.lp import build_stage_template
from headwater.lp.scaling import _exponents, money_unit
from small_systems import random_system


def unit_of(*costs: float, capacity_mw: float = 64.0, deficit: float = 5000.0) -> float:
    """Unit of a study of one stage in which thermal plants of these costs are all that is cheap."""
    system = random_system(1)
    thermals = tuple(
        m.Thermal.flat(i, system.buses[0].id, capacity_mw, cost) for i, cost in enumerate(costs)
    )
    segments = (m.DeficitSegment(None, deficit),)
    penalties = dataclasses.replace(system.penalties, deficit_segments=segments)
    changed = dataclasses.replace(system, thermals=thermals, penalties=penalties)
    return money_unit([build_stage_template(changed, 0, np.zeros((len(system.hydros), 0)))])


def test_a_plant_next_to_the_others_in_cost_is_typical():
    assert unit_of(100.0, 200.0, 400.0) == 2.0 * unit_of(50.0, 100.0, 200.0)


@pytest.mark.parametrize("power", range(-6, 7))
def test_costs_in_another_currency_are_the_same_numbers_to_the_solver(power):
    costs = np.array([37.0, 120.5, 411.0])
    expected = costs / unit_of(*costs)
    factor = 10.0**power
    dear = factor * costs
    assert dear / unit_of(*dear, deficit=5000.0 * factor) == pytest.approx(expected, rel=4e-16)


@pytest.mark.parametrize("power", [-20, -3, 1, 20])
def test_costs_times_a_power_of_two_are_the_same_bits_to_the_solver(power):
    costs = np.array([37.0, 120.5, 411.0])
    dear = costs * 2.0**power
    unit = unit_of(*dear, deficit=5000.0 * 2.0**power)
    assert (dear / unit).tolist() == (costs / unit_of(*costs)).tolist()


@pytest.mark.parametrize("cost", [0.0, 5e-324, 1e-20, 1e-9])
def test_a_plant_that_is_free_beside_the_others_does_not_set_the_unit(cost):
    assert unit_of(cost, cost, cost, 100.0) == unit_of(100.0)


def test_the_price_of_deficit_stays_a_number_in_any_unit():
    """A solver takes 1e20 for infinite; the load of a stage costs some thousand times the price."""
    assert 5000.0 / unit_of(5e-324) < 1e16


def test_a_unit_is_a_number_where_nothing_costs_anything():
    assert unit_of(5e-324, deficit=5e-324) > 0.0


def test_a_number_is_measured_by_the_power_of_two_next_to_it_by_ratio():
    """The border between 1 and 2 is the root of 2; numbers 8 times as large have 3 more."""
    numbers = np.array([1.0, 1.4, 1.42, 2.7, 2.9, 1e-3])
    expected = [0, 0, 1, 1, 2, -10]
    assert _exponents(numbers).tolist() == expected
    assert _exponents(8.0 * numbers).tolist() == [k + 3 for k in expected]
