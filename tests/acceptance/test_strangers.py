"""Any system that anyone writes trains to the end.

Small ones to their optimum, larger ones without a falling bound.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import headwater as hw
from battery_run import largest_fall, measure
from battery_table import EXACTLY, ROUNDING
from small_strangers import DIMENSIONS, ODDITIES, SmallStranger, drawn, judge
from strangers import GENERATORS, generators_are_there, planners, strangers, write_case

requires_generators = pytest.mark.skipif(
    not generators_are_there(),
    reason=f"the generators are not at {GENERATORS} (set HEADWATER_SHARED "
    "to the place of 'strangers')",
)

FOUND = {
    "the bound fell by a share of 0.008": drawn(14),
    "refused as unbounded": drawn(102),
    "the bound stood still 0.5 % below the optimum": drawn(103),
    "the bound stood still 74 % below, and 1206 of 1536 programs left the kernel": drawn(105),
    "the bound rose 6e-6 above the optimum": drawn(156),
    "the bound rose 0.3 % above the optimum": drawn(161),
    "refused after 14 attempts": drawn(237),
    "refused as infeasible": drawn(257),
    "refused as infeasible in the bound": drawn(306),
    "the bound of a cheap system with huge penalties rose 0.5 % above its optimum": drawn(349),
    "a gap of half the optimum was taken for nothing beside penalties of 1e9": drawn(118),
    "refused as infeasible, in the money of another country and in cubic metres": SmallStranger(
        1004, (), 1e6, 1e-6
    ),
    "the bound rose 13 % above the optimum": SmallStranger(1009, (), 1e-5, 1e6),
    "no program left the kernel, and the bound rose 4e-6 above the optimum": SmallStranger(
        1041, ("dry", "no load", "no thermal"), 1e-4, 1e4
    ),
}
"""What once went wrong, and with which system."""

FIXED = {"hydros": 12, "stages": 12, "iterations": 12, "forward": 4}
RECIPES = (
    {"name": "12 hydros, seed 2", "kind": "make_case", "options": {**FIXED, "seed": 2}},
    {
        "name": "30 hydros, seed 4",
        "kind": "make_case",
        "options": {**FIXED, "hydros": 30, "seed": 4},
    },
    *list(strangers("in every test", quick=True))[1::3],
    *planners("in every test", quick=True),
)


def family(word, count):
    """Seeds that no one chose, the same on every day and machine."""
    return [int(hashlib.sha256(f"{word} {n}".encode()).hexdigest()[:6], 16) for n in range(count)]


def assert_exact(stranger, directory):
    verdict = judge(stranger, directory)
    assert np.isfinite(verdict.bounds).all()
    assert verdict.largest_fall <= ROUNDING
    assert abs(verdict.off_optimum) <= EXACTLY


@pytest.mark.parametrize("oddity", sorted({*ODDITIES, *DIMENSIONS}))
def test_a_small_system_with_an_oddity_converges_to_its_extensive_form(tmp_path, oddity):
    assert_exact(SmallStranger(1, (oddity,)), tmp_path)


@pytest.mark.parametrize("seed", family("small", 6))
def test_a_small_system_that_nobody_chose_converges_to_its_extensive_form(tmp_path, seed):
    assert_exact(drawn(seed), tmp_path)


@pytest.mark.parametrize("how", FOUND)
def test_a_small_system_that_went_wrong_once_converges_to_its_extensive_form(tmp_path, how):
    assert_exact(FOUND[how], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed",
    family("many", 60),
)
def test_many_small_systems_converge_to_their_extensive_form(tmp_path, seed):
    assert_exact(drawn(seed), tmp_path)


@requires_generators
@pytest.mark.parametrize(
    "recipe",
    [pytest.param(recipe, id=recipe["name"]) for recipe in RECIPES],
)
def test_a_system_of_the_generators_trains_and_simulates_to_its_end(tmp_path, recipe):
    record = measure(hw.load_case(write_case(recipe, tmp_path / "case")), tmp_path / "progress")
    assert record["outcome"] == "finished", record["error"]
    assert record["iterations"] == recipe["options"]["iterations"]
    assert record["not_finite"] == 0
    assert record["largest_fall"] <= ROUNDING


def test_a_fall_is_measured_against_the_highest_bound_before_it():
    assert largest_fall([1.0, 4.0, 3.0, 5.0, 4.5]) == 0.2
    assert largest_fall([-2.0, -1.0, -1.0]) == 0.0
    assert largest_fall([]) == 0.0
