"""The solver layer: one program, many right-hand sides, proven answers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import InfeasibleError, SolverError, UnboundedError
from headwater.solver import AppendedRows, HighsProgram, LinearProgram, highs_version
from headwater.solver.certificate_kernel import certify
from headwater.solver.kernel_constants import OBJECTIVE_TOLERANCE


def program(matrix: np.ndarray, cost: list[float], lower: list[float], upper: list[float], rhs: list[float]) -> LinearProgram:
    a = sp.csc_array(matrix)
    return LinearProgram(
        a.indptr.astype(np.int32),
        a.indices.astype(np.int32),
        a.data.astype(float),
        *(np.array(v, float) for v in (cost, lower, upper, rhs, rhs)),
    )


def conformance_program() -> LinearProgram:
    """min x1 + 50 x2 with x0 = 6 and 2 x0 + x2 = 14."""
    return program(np.array([[1.0, 0, 0], [2, 0, 1]]), [0, 1, 50], [0, 0, 0], [10, np.inf, 8], [6, 14])


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
        expected = scipy.optimize.linprog(cost, A_eq=a, b_eq=rhs[w], bounds=[(0, 5)] * n, method="highs")
        assert result.objective[w] == pytest.approx(expected.fun, rel=1e-7, abs=1e-7)


class TestCertificate:
    """The proof needs the program alone and catches planted faults."""

    def run(self, change: str) -> tuple[bool, float]:
        lp = conformance_program()
        x, y = np.array([6.0, 0.0, 2.0]), np.array([-100.0, 50.0])
        if change == "primal":
            x[2] = 2.5
        elif change == "dual":
            y[1] = 40.0
        elif change == "not a number":
            y[0] = np.nan
        empty = AppendedRows()
        return certify(
            lp.starts, lp.indices, lp.values, empty.columns, empty.entries, 0, lp.cost, lp.column_lower, lp.column_upper,
            lp.row_lower, lp.row_upper, np.empty(0), x, y, np.empty(3), np.empty(2), np.empty(0), False, OBJECTIVE_TOLERANCE,
        )  # fmt: skip

    def test_a_right_solution_is_proven(self):
        proven, objective = self.run("nothing")
        assert proven
        assert objective == pytest.approx(100.0)

    @pytest.mark.parametrize("fault", ["primal", "dual", "not a number"])
    def test_a_planted_fault_is_caught(self, fault: str):
        assert not self.run(fault)[0]

    def test_the_dual_objective_never_exceeds_the_optimum_even_for_wrong_duals(self):
        _, objective = self.run("dual")
        assert objective <= 100.0 + 1e-9


def test_an_answer_that_is_not_proven_is_solved_again(monkeypatch: pytest.MonkeyPatch):
    import headwater.solver.highs as module

    real = module.solve_in_turn

    def doubtful(*arguments: object) -> int:
        first = arguments[-1]
        stopped = real(*arguments)
        if first == 0:
            arguments[-2][0] = module.NOT_PROVEN
            arguments[-5][0] = np.nan
            return 0
        return stopped

    monkeypatch.setattr(module, "solve_in_turn", doubtful)
    highs = HighsProgram(conformance_program())
    rhs = np.array([[6.0, 14.0], [5.0, 14.0]])
    result = highs.solve_openings(rhs, rhs)
    assert result.objective == pytest.approx([100.0, 200.0])
    assert result.retries == 1
    assert highs.statistics.reasons == {"not proven": 1}


def test_the_version_names_the_solver():
    assert highs_version().startswith("HiGHS 1.")
