"""The solver layer: one program, many right-hand sides, proven answers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import InfeasibleError, SolverError, UnboundedError
from headwater.solver import (
    AppendedRows,
    HighsProgram,
    LinearProgram,
    highs_version,
    kernel_program,
)
from headwater.solver.kernel_constants import BOUNDED, NO_BOUND, PROVEN
from headwater.solver.repair import Certifier

pytestmark = pytest.mark.versions


def program(
    matrix: np.ndarray, cost: list[float], lower: list[float], upper: list[float], rhs: list[float]
) -> LinearProgram:
    a = sp.csc_array(matrix)
    return LinearProgram(
        a.indptr.astype(np.int32),
        a.indices.astype(np.int32),
        a.data.astype(float),
        *(np.array(v, float) for v in (cost, lower, upper, rhs, rhs)),
    )


def conformance_program() -> LinearProgram:
    """min x1 + 50 x2 with x0 = 6 and 2 x0 + x2 = 14."""
    return program(
        np.array([[1.0, 0, 0], [2, 0, 1]]), [0, 1, 50], [0, 0, 0], [10, np.inf, 8], [6, 14]
    )


def test_objective_and_duals_of_a_known_program():
    highs = HighsProgram(conformance_program())
    rhs = np.array([[6.0, 14.0]])
    result = highs.solve_openings(rhs, rhs, want_primal=True)
    assert result.objective == pytest.approx([100.0])
    assert result.primal[0] == pytest.approx([6, 0, 2])
    assert result.row_dual[0] == pytest.approx([-100, 50])


def test_appended_rows_act_only_where_they_are_given_bounds():
    rows = AppendedRows(np.array([0, 1], np.int32))
    highs = HighsProgram(conformance_program(), rows)
    rows.append(np.array([[-5.0, 1.0], [3.0, 1.0]]))
    lower = np.array([[6, 14, 20, 80.0], [6, 14, 20, -np.inf], [6, 14, -np.inf, -np.inf]])
    upper = np.array([[6, 14, np.inf, np.inf]] * 3)
    assert highs.solve_openings(lower, upper).objective == pytest.approx([162, 150, 100])


def test_appended_rows_may_be_in_a_unit_far_finer_than_the_program():
    rows = AppendedRows(np.array([0, 1], np.int32))
    highs = HighsProgram(conformance_program(), rows)
    rows.append(np.array([[0.0, 2.0**55]]))
    lower, upper = np.array([[6, 14, 80.0 * 2.0**55]]), np.array([[6, 14, np.inf]])
    assert highs.solve_openings(lower, upper).objective == pytest.approx([180])


def test_duals_are_the_change_of_the_optimum_per_unit_of_right_hand_side():
    highs = HighsProgram(conformance_program())
    base = np.array([6.0, 14.0])
    duals = highs.solve_openings(base[None], base[None]).row_dual[0]
    for i in range(2):
        step = np.zeros(2)
        step[i] = 1e-3
        both = np.array([base + step, base - step])
        high, low = highs.solve_openings(both, both).objective
        assert (high - low) / 2e-3 == pytest.approx(duals[i])


def test_a_program_without_feasible_point_is_told_from_other_failures():
    highs = HighsProgram(conformance_program())
    rhs = np.array([[6.0, 14.0], [60.0, 14.0]])
    with pytest.raises(InfeasibleError) as caught:
        highs.solve_openings(rhs, rhs)
    assert caught.value.opening == 1
    good = np.array([[6.0, 14.0]])
    assert highs.solve_openings(good, good).objective == pytest.approx([100.0])


def test_a_program_whose_cost_has_no_minimum_says_so():
    unbounded = program(np.array([[1.0, 0.0]]), [0, -1], [0, 0], [np.inf, np.inf], [1.0])
    rhs = np.array([[1.0]])
    with pytest.raises((UnboundedError, InfeasibleError)):
        HighsProgram(unbounded).solve_openings(rhs, rhs)


def test_giving_up_says_how_many_attempts_were_made():
    highs = HighsProgram(conformance_program(), max_attempts=0)
    rhs = np.array([[60.0, 14.0]])
    with pytest.raises(SolverError):
        highs.solve_openings(rhs, rhs)


def test_the_result_does_not_depend_on_what_the_instance_solved_before():
    rng = np.random.default_rng(1)
    a = np.round(rng.normal(size=(12, 30)), 2)
    point = rng.uniform(1, 5, 30)
    lp = program(a, list(rng.uniform(1, 3, 30)), [0] * 30, [10] * 30, list(a @ point))
    rhs = np.array([a @ (point + rng.uniform(-0.2, 0.2, 30)) for _ in range(6)])
    fresh = HighsProgram(lp).solve_openings(rhs[:3], rhs[:3])
    used = HighsProgram(lp)
    for _ in range(3):
        used.solve_openings(rhs[3:], rhs[3:])
    again = used.solve_openings(rhs[:3], rhs[:3])
    assert fresh.objective.tobytes() == again.objective.tobytes()
    assert fresh.row_dual.tobytes() == again.row_dual.tobytes()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_random_programs_agree_with_a_cold_independent_solver(seed: int):
    rng = np.random.default_rng(seed)
    m, n = int(rng.integers(2, 8)), int(rng.integers(8, 20))
    a = np.round(rng.normal(size=(m, n)), 2)
    cost = rng.uniform(-1, 3, n)
    points = rng.uniform(0, 4, (4, n))
    lp = program(a, list(cost), [0] * n, [5] * n, list(a @ points[0]))
    rhs = points @ a.T
    result = HighsProgram(lp).solve_openings(rhs, rhs)
    for w in range(4):
        expected = scipy.optimize.linprog(
            cost, A_eq=a, b_eq=rhs[w], bounds=[(0, 5)] * n, method="highs"
        )
        assert result.objective[w] == pytest.approx(expected.fun, rel=1e-7, abs=1e-7)


class TestCertificate:
    """The bound needs the program alone and catches planted faults."""

    def judge(self, x: list[float], y: list[float], **changes: object) -> tuple[int, float, float]:
        lp = dataclasses.replace(conformance_program(), **changes)
        sides = np.array([6.0, 14.0])
        certifier = Certifier(kernel_program(lp, AppendedRows()))
        return certifier.judge(sides, sides, np.array(x), np.array(y))

    def test_a_right_solution_is_proven(self):
        outcome, bound, gap = self.judge([6.0, 0.0, 2.0], [-100.0, 50.0])
        assert outcome == PROVEN
        assert bound == pytest.approx(100.0, abs=1e-9)
        assert bound <= 100.0
        assert gap == pytest.approx(0.0, abs=1e-9)

    def test_a_point_that_misses_a_row_gives_no_upper_bound(self):
        outcome, bound, gap = self.judge([6.0, 0.0, 2.5], [-100.0, 50.0])
        assert (outcome, gap) == (BOUNDED, np.inf)
        assert bound == pytest.approx(100.0)

    def test_wrong_duals_give_a_lower_bound_and_a_gap(self):
        outcome, bound, gap = self.judge(
            [6.0, 0.0, 2.0], [-100.0, 40.0], column_upper=np.full(3, 20.0)
        )
        assert outcome == BOUNDED
        assert bound < 100.0
        assert bound + gap == pytest.approx(100.0)

    def test_what_is_not_a_number_gives_no_bound(self):
        assert self.judge([6.0, 0.0, 2.0], [np.nan, 50.0])[:2] == (NO_BOUND, -np.inf)

    def test_a_column_without_limit_is_charged_at_what_it_can_cost_at_most(self):
        """min x + 2 z with x + z = 3, both without limit: with a dual of 1.5 the
        reduced cost of x is -0.5.

        The point (3, 0) costs 3, so no optimum has more than 3 of x: the
        bound is 4.5 - 0.5 * 3 = 3.
        """
        lp = program(np.array([[1.0, 1.0]]), [1, 2], [0, 0], [np.inf, np.inf], [3.0])
        certifier = Certifier(kernel_program(lp, AppendedRows()))
        side = np.array([3.0])
        outcome, bound, gap = certifier.judge(side, side, np.array([3.0, 0.0]), np.array([1.5]))
        assert outcome in (PROVEN, BOUNDED)
        assert 3.0 - 1e-3 <= bound <= 3.0
        assert bound + gap == pytest.approx(3.0)

    def test_a_free_lunch_gives_no_bound(self):
        """A column without limit and without cost whose reduced cost is negative.

        Nothing holds the dual objective.
        """
        lp = program(np.array([[1.0, 1.0]]), [1, 0], [0, 0], [np.inf, np.inf], [3.0])
        certifier = Certifier(kernel_program(lp, AppendedRows()))
        side = np.array([3.0])
        assert certifier.judge(side, side, np.array([0.0, 3.0]), np.array([0.5]))[0] == NO_BOUND


def test_an_answer_that_is_not_proven_is_solved_again(monkeypatch: pytest.MonkeyPatch):
    import headwater.solver.highs as module

    real = module.solve_in_turn

    def doubtful(*arguments: object) -> int:
        stopped = real(*arguments)
        first, outcome, row_dual = arguments[-2], arguments[-3], arguments[-5]
        if first == 0:
            outcome[0] = NO_BOUND
            row_dual[0] = np.nan
            return 0
        return stopped

    monkeypatch.setattr(module, "solve_in_turn", doubtful)
    highs = HighsProgram(conformance_program())
    rhs = np.array([[6.0, 14.0], [5.0, 14.0]])
    result = highs.solve_openings(rhs, rhs)
    assert result.objective == pytest.approx([100.0, 200.0])
    assert result.retries == 1
    assert result.gaps == ()
    assert highs.statistics.reasons == {"no bound": 1}


def test_the_version_names_the_solver():
    assert highs_version().startswith("HiGHS 1.")
