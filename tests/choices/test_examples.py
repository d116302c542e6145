"""The examples in the docstrings of choices and of the builder are right."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import headwater
import headwater.choices
from headwater.case.builder import SystemBuilder

MODULES = [
    one.name for one in pkgutil.walk_packages(headwater.choices.__path__, "headwater.choices.")
]
SHOWN = {
    "headwater.choices.risk.mixed_cvar": 3,
    "headwater.choices.stopping.bound_stalling": 4,
    "headwater.choices.stopping.gap": 4,
    "headwater.choices.stopping.iteration_limit": 2,
    "headwater.choices.stopping.simulation_stalling": 2,
    "headwater.choices.stopping.small_changes": 4,
    "headwater.choices.stopping.statistical_gap": 4,
}
"""Module -> lines that its examples have at least."""


@pytest.mark.parametrize("name", sorted({*MODULES, *SHOWN}))
def test_the_examples_of_a_module_hold(name: str):
    found = doctest.testmod(import_module(name))
    assert found.failed == 0
    assert found.attempted >= SHOWN.get(name, 0)


def test_the_example_of_the_builder_holds():
    (example,) = doctest.DocTestFinder(recurse=False).find(
        SystemBuilder, "SystemBuilder", globs={"hw": headwater}
    )
    found = doctest.DocTestRunner().run(example)
    assert found.failed == 0
    assert found.attempted >= 5
