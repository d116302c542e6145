"""Keys of config.json reach the configuration that training and simulation act on."""

from __future__ import annotations

import pytest

from case_builder import codes_of, tiny_case
from headwater import model as m
from headwater.case import load_case, validate_case

LEVEL1, LML1, DOMINATION = m.SelectionMethod.LEVEL1, m.SelectionMethod.LML1, m.SelectionMethod.DOMINATION


def training(tmp_path, **values):
    return load_case(tiny_case(tmp_path).edit(lambda case: case.training.update(values))).config.training


@pytest.mark.parametrize(
    ("keys", "selection"),
    [
        ({}, None),
        ({"enabled": False, "method": "lml1", "memory_window": 3}, None),
        ({"max_active_per_stage": 10}, m.CutSelection(max_active_per_stage=10)),
        ({"enabled": True, "method": "level1"}, m.CutSelection(LEVEL1)),
        (
            {"enabled": True, "method": "lml1", "memory_window": 7, "check_frequency": 2, "protect_warm_start": True},
            m.CutSelection(LML1, memory_window=7, check_frequency=2, protect_warm_start=True),
        ),
        (
            {"enabled": True, "method": "lml1", "threshold": 4},
            m.CutSelection(LML1, threshold=4, memory_window=4, domination_epsilon=4),
        ),
        (
            {"enabled": True, "method": "domination", "domination_epsilon": 0.5},
            m.CutSelection(DOMINATION, domination_epsilon=0.5),
        ),
    ],
)
def test_cut_selection(tmp_path, keys, selection):
    assert training(tmp_path, cut_selection=keys).cut_selection == selection


def test_a_method_that_needs_a_window_says_so(tmp_path):
    root = tiny_case(tmp_path).edit(lambda case: case.training.update(cut_selection={"enabled": True, "method": "lml1"}))
    assert "HW205" in codes_of(validate_case(root))


def test_the_limit_of_the_archive(tmp_path):
    assert training(tmp_path / "given", archive_memory_limit_mb=10).archive_memory_limit_mb == 10
    assert training(tmp_path / "default").archive_memory_limit_mb == 2048
