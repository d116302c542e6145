"""Cuts are judged when they are made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headwater.sddp import train_policy
from headwater.sddp.cut_kernel import lay_through
from headwater.sddp.stage_problem import StageProblem
from headwater.sddp.whole_pass import WholePass
from small_systems import random_system, study


def test_cuts_pass_through_their_points():
    state = np.array([2.0, 1.0])
    assert lay_through(state, 10.0, np.array([1.0, -3.0])) == (11.0, True)
    assert lay_through(state, -4.0, np.array([7.0, 0.5])) == (-18.5, True)


@pytest.mark.parametrize(
    ("value", "slope"),
    [
        (np.nan, [1.0, 1.0]),
        (np.inf, [1.0, 1.0]),
        (1.0, [np.nan, 0.0]),
        (1.0, [np.inf, 1.0]),
        (1.0, [0.0, -np.inf]),
        (1.0, [1e308, 1e308]),  # the sum overflows
        (0.1, [1e9, 1.0]),  # the value drowns in the round-off of the intercept
    ],
)
def test_a_cut_that_is_no_number_or_misses_its_point_is_unsound(value: float, slope: list[float]):
    _, sound = lay_through(np.array([12345.678, 1.0]), value, np.array(slope))
    assert not sound


@pytest.fixture
def stage_by_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """No compiled passes through all stages, which do not ask `StageProblem`."""
    monkeypatch.setattr(WholePass, "serves", lambda *_: False)


@pytest.mark.usefixtures("stage_by_stage")
def test_an_unsound_cut_is_left_out_counted_and_told(monkeypatch: pytest.MonkeyPatch):
    """Multipliers of one stage and trajectory become nonsense: training goes on without those cuts."""
    solve_tree = StageProblem.solve_tree

    def spoiled(self: StageProblem, program, states, bases):
        solved = solve_tree(self, program, states, bases)
        if self.template.t == 2:
            solved.results.row_dual[0] = np.nan
        return solved

    monkeypatch.setattr(StageProblem, "solve_tree", spoiled)
    chosen = study(random_system(3, n_stages=4, n_openings=3), iterations=4, forward_passes=2)
    policy = train_policy(chosen)
    assert [pool.n_populated for pool in policy.pools] == [8, 4, 8, 0]
    assert policy.pools[1].forward_pass[:4].tolist() == [1, 1, 1, 1]
    assert policy.training is not None
    assert any(text.startswith("4 cuts were not finite numbers or missed their own point") for text in policy.training.warnings)


@pytest.mark.usefixtures("stage_by_stage")
def test_a_cut_from_a_solve_with_a_looser_tolerance_is_marked(monkeypatch: pytest.MonkeyPatch):
    solve_tree = StageProblem.solve_tree

    def loosened(self: StageProblem, program, states, bases):
        solved = solve_tree(self, program, states, bases)
        relaxed = np.zeros(len(states), np.int64)
        relaxed[-1] = self.template.t == 1
        return replace(solved, results=replace(solved.results, relaxed=relaxed))

    monkeypatch.setattr(StageProblem, "solve_tree", loosened)
    policy = train_policy(study(random_system(3, n_stages=3, n_openings=3), iterations=2, forward_passes=2))
    assert policy.pools[0].relaxed[:4].tolist() == [False, True, False, True]
    assert not policy.pools[1].relaxed[:4].any()
