"""Cases that come with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

import headwater as hw


@pytest.mark.parametrize("name", hw.examples.names())
def test_every_example_loads_and_can_be_written(name: str, tmp_path: Path):
    case = hw.examples.load(name)
    assert case.name == name
    again = hw.load_case(case.save(tmp_path / name))
    assert (again.system, again.config) == (case.system, case.config)


def test_an_unknown_example_says_which_there_are():
    with pytest.raises(
        hw.UnknownNameError,
        match="there is no example 'five'; there are: four-subsystems, one-reservoir",
    ):
        hw.examples.load("five")
