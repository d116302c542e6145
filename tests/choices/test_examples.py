"""The examples in the docstrings of the choices are right."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import headwater.choices

MODULES = [
    one.name for one in pkgutil.walk_packages(headwater.choices.__path__, "headwater.choices.")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str):
    assert doctest.testmod(import_module(name)).failed == 0
