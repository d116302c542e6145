"""Cuts are judged when they are made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headwater.sddp import train_policy
from headwater.sddp.backward import LARGEST_MISS
from headwater.sddp.stage_kernel import lay_through
from headwater.sddp.stage_problem import StageProblem
from small_systems import random_system, study


def test_cuts_pass_through_their_points():
    values, slopes, intercepts = np.array([[10.0, -4.0]]), np.array([[[1.0, -3.0], [7.0, 0.5]]]), np.empty((1, 2))
    assert lay_through(np.array([[2.0, 1.0]]), values, slopes, intercepts, LARGEST_MISS).tolist() == [[True, True]]
    assert intercepts.tolist() == [[11.0, -18.5]]


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
    state, intercept = np.array([[12345.678, 1.0]]), np.empty((1, 1))
    assert lay_through(state, np.array([[value]]), np.array([[slope]]), intercept, LARGEST_MISS).tolist() == [[False]]


def test_an_unsound_cut_is_left_out_counted_and_told(monkeypatch: pytest.MonkeyPatch):
    """Slopes of one stage and trajectory become nonsense: training goes on without those cuts."""
    slopes = StageProblem.slopes

    def spoiled(self: StageProblem, solved, weights):
        made = slopes(self, solved, weights)
        if self.template.t == 2:
            made[0] = np.nan
        return made

    monkeypatch.setattr(StageProblem, "slopes", spoiled)
    chosen = study(random_system(3, n_stages=4, n_openings=3), iterations=4, forward_passes=2)
    policy = train_policy(chosen)
    assert [pool.n_populated for pool in policy.pools] == [8, 4, 8, 0]
    assert policy.pools[1].forward_pass[:4].tolist() == [1, 1, 1, 1]
    assert policy.training is not None
    assert any(text.startswith("4 cuts were not finite numbers or missed their own point") for text in policy.training.warnings)


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
