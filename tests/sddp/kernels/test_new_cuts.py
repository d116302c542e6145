"""Cuts are judged when they are made."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from headwater.sddp import train_policy
from headwater.sddp.kernels.cut_kernel import lay_through
from headwater.sddp.passes.compiled_run import CompiledRun
from headwater.sddp.stage.problem import StageProblem
from headwater.solver import LpGap
from small_systems import random_system, study


def test_cuts_pass_through_their_points():
    state = np.array([2.0, 1.0])
    assert lay_through(state, 10.0, np.array([1.0, -3.0])) == (pytest.approx(11.0, rel=1e-14), True)
    assert lay_through(state, -4.0, np.array([7.0, 0.5])) == (pytest.approx(-18.5, rel=1e-14), True)


@pytest.mark.parametrize(
    ("value", "slope"),
    [
        (np.nan, [1.0, 1.0]),
        (np.inf, [1.0, 1.0]),
        (1.0, [np.nan, 0.0]),
        (1.0, [np.inf, 1.0]),
        (1.0, [0.0, -np.inf]),
        (1.0, [1e308, 1e308]),  # the sum overflows
    ],
)
def test_a_cut_that_is_no_number_is_unsound(value: float, slope: list[float]):
    _, sound = lay_through(np.array([12345.678, 1.0]), value, np.array(slope))
    assert not sound


@pytest.mark.parametrize("seed", range(20))
def test_a_cut_is_not_above_its_value_even_where_the_value_drowns_in_round_off(seed: int):
    rng = np.random.default_rng(seed)
    state, slope = 10.0 ** rng.uniform(0, 5, 30), -(10.0 ** rng.uniform(0, 9, 30))
    value = float(rng.uniform(0.0, 1.0))
    intercept, sound = lay_through(state, value, slope)
    exact = Fraction(intercept) + sum(
        Fraction(a) * Fraction(b) for a, b in zip(slope, state, strict=True)
    )
    assert sound
    assert exact <= Fraction(value)
    assert float(Fraction(value) - exact) <= 1e-14 * float(np.abs(slope) @ state)


@pytest.fixture
def stage_by_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """No compiled passes through all stages, which do not ask `StageProblem`."""
    monkeypatch.setattr(CompiledRun, "serves", lambda *_: False)


@pytest.mark.usefixtures("stage_by_stage")
def test_an_unsound_cut_is_left_out_counted_and_told(monkeypatch: pytest.MonkeyPatch):
    """Multipliers of one stage and trajectory become nonsense.

    Training goes on without those cuts.
    """
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
    assert any(
        text.startswith("4 cuts were not finite numbers") for text in policy.training.warnings
    )


@pytest.mark.usefixtures("stage_by_stage")
def test_a_cut_behind_which_an_lp_has_a_gap_is_marked(monkeypatch: pytest.MonkeyPatch):
    solve_tree = StageProblem.solve_tree

    def with_gap(self: StageProblem, program, states, bases):
        solved = solve_tree(self, program, states, bases)
        gaps = (LpGap(len(states) - 1, 0, 1.0, 0.5, 5),) if self.template.t == 1 else ()
        return replace(solved, results=replace(solved.results, gaps=gaps))

    monkeypatch.setattr(StageProblem, "solve_tree", with_gap)
    policy = train_policy(
        study(random_system(3, n_stages=3, n_openings=3), iterations=2, forward_passes=2)
    )
    assert policy.pools[0].relaxed[:4].tolist() == [False, True, False, True]
    assert not policy.pools[1].relaxed[:4].any()
