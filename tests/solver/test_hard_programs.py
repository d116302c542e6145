"""Programs that are hard by construction: numbers from 1e-6 to 1e9, ties everywhere, no solution.
Judged in exact arithmetic.

What is proven is right within what the tolerances of the proof are worth; what cannot be proven is
refused by an error that names the opening; and neither takes long.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp

from exact_optimum import Exact, NoMinimumError, NoPointError, dense, exact_optimum
from headwater.errors import InfeasibleError, SolverError, UnboundedError
from headwater.solver import (
    NOT_PROVEN,
    AppendedRows,
    Basis,
    BasisBatch,
    HighsProgram,
    LinearProgram,
    TrialResults,
    TrialSolutions,
    repair,
    simplex_kernel,
)
from headwater.solver import highs as module
from headwater.solver.kernel_constants import (
    FEASIBILITY_TOLERANCE,
    NO_BOUND,
    OBJECTIVE_TOLERANCE,
    ROUNDING_TOLERANCE,
)
from headwater.solver.openings_kernel import make_scratch

SMALLEST, LARGEST = -6.0, 9.0
"""Decimal exponents of hard numbers."""
BUDGET_SECONDS = 5.0
"""Longer than any attempt here may take, and given to every program as its budget."""

Draw = Callable[..., np.ndarray]


def program_of(
    matrix: np.ndarray, cost: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> LinearProgram:
    a = sp.csc_array(matrix)
    sides = np.zeros(len(matrix))
    return LinearProgram(
        a.indptr.astype(np.int32),
        a.indices.astype(np.int32),
        a.data.astype(float),
        cost,
        lower,
        upper,
        sides,
        sides,
    )


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile before anything is timed."""
    program, rows, low, high = hard_stage(np.random.default_rng(0), "nothing")
    _, refusal = attempt(HighsProgram(program, rows), low, high)
    assert refusal is None
    HighsProgram(program, rows).solve_openings(
        low, high, Basis(*(np.zeros(len(a), np.int32) for a in (program.cost, low[0])))
    )
    no_columns = program_of(np.zeros((1, 1)), np.zeros(1), np.zeros(1), np.ones(1))
    with pytest.raises(InfeasibleError):
        HighsProgram(no_columns).solve_openings(
            np.ones((1, 1)), np.ones((1, 1)), slack_basis(no_columns, AppendedRows())
        )


def slack_basis(program: LinearProgram, appended: AppendedRows) -> Basis:
    return Basis(
        np.zeros(program.n_columns, np.int32), np.ones(program.n_rows + appended.n_rows, np.int32)
    )


def hard_stage(rng: np.random.Generator, wild: str):
    """A stage whose matrix, costs or bounds, or all of them, are drawn
    log-uniformly from 1e-6 to 1e9.

    Every row has two priced slacks, so that a solution exists whatever is drawn. Returns the
    program, its cuts, and row bounds of four openings.
    """

    def draw(kind: str, *shape: int) -> np.ndarray:
        hard = wild in (kind, "everything")
        return 10.0 ** (
            rng.uniform(SMALLEST, LARGEST, shape) if hard else rng.uniform(-1, 1, shape)
        )

    m, n, n_cuts, n_openings = 6, 14, 4, 4
    matrix = np.where(
        rng.random((m, n)) < 0.45, draw("matrix", m, n) * rng.choice([-1, 1], (m, n)), 0.0
    )
    slacks = np.diag(draw("matrix", m)), -np.diag(draw("matrix", m))
    full = np.hstack([matrix, *slacks, np.zeros((m, 1))])
    cost = np.concatenate([draw("costs", n), draw("costs", 2 * m), [1.0]])
    upper = np.concatenate([draw("bounds", n), np.full(2 * m + 1, np.inf)])
    program = program_of(full, cost, np.zeros(len(cost)), upper)
    rows = AppendedRows(np.append(rng.choice(n, 3, replace=False), len(cost) - 1).astype(np.int32))
    rows.append(
        np.hstack(
            [draw("matrix", n_cuts, 3) * rng.choice([-1, 1], (n_cuts, 3)), np.ones((n_cuts, 1))]
        )
    )
    sides = draw("bounds", m) * rng.choice([-1, 1], m) * rng.uniform(0.8, 1.2, (n_openings, m))
    width = np.where(rng.random(m) < 0.7, 0.0, draw("bounds", m))
    low = np.hstack([sides, draw("bounds", n_openings, n_cuts)])
    high = np.hstack([sides + width, np.full((n_openings, n_cuts), np.inf)])
    return program, rows, low, high


def worth(program: LinearProgram, matrix: np.ndarray, exact: Exact, x: np.ndarray) -> float:
    """How far below the optimum a point may be that breaks rows and bounds within the
    tolerances of the proof.
    """
    row_dual = np.abs([float(v) for v in exact.row_dual])
    reduced = np.abs([float(v) for v in exact.reduced])
    rows = row_dual @ (FEASIBILITY_TOLERANCE + ROUNDING_TOLERANCE * (np.abs(matrix) @ np.abs(x)))
    columns = reduced @ (FEASIBILITY_TOLERANCE + ROUNDING_TOLERANCE * np.abs(x))
    # an attempt with looser tolerances may leave ten times the gap
    return float(rows + columns + 10 * OBJECTIVE_TOLERANCE * max(1.0, abs(program.cost @ x)))


def attempt(highs: HighsProgram, low: np.ndarray, high: np.ndarray):
    """Solutions of all openings from the basis of the first, or the error that refuses."""
    try:
        start = highs.solve_openings(low[:1], high[:1]).basis
        return highs.solve_openings(low, high, start, want_primal=True), None
    except SolverError as error:
        return None, error


@pytest.mark.parametrize("wild", ["matrix", "costs", "bounds", "everything"])
def test_numbers_from_a_millionth_to_a_billion_are_solved_right_or_refused(wild: str):
    errors, refused = [], 0
    for seed in range(15):
        rng = np.random.default_rng([seed, len(wild)])
        program, rows, low, high = hard_stage(rng, wild)
        matrix = dense(program, rows)
        highs = HighsProgram(program, rows, time_budget_seconds=BUDGET_SECONDS)
        started = time.monotonic()
        result, refusal = attempt(highs, low, high)
        assert time.monotonic() - started < BUDGET_SECONDS
        if result is None:
            assert f"opening {refusal.opening}" in str(refusal)
            refused += 1
            continue
        assert result.pivots <= 50 * len(low)
        for w in range(len(low)):
            exact = exact_optimum(program, rows, low[w], high[w], result.basis)
            optimum, found = float(exact.cost), result.objective[w]
            assert found <= optimum + 1e-12 * abs(optimum)
            assert found >= optimum - worth(program, matrix, exact, result.primal[w]) - 1e-9 * abs(
                optimum
            )
            errors.append(abs(found - optimum) / max(1.0, abs(optimum)))
    if wild in ("costs", "bounds"):
        assert refused == 0
        assert max(errors) < 1e-9
    else:
        assert refused <= 3
        assert np.median(errors) < 1e-6


def ratio_test_of_three(
    d: np.ndarray, alpha: np.ndarray, up: np.ndarray, slope: float, n_fixed: int
):
    """The entering variable, and those that are flipped, of three at their lower bounds."""
    state = make_scratch(3, 0, 0, 0, 1, 1).state
    for j in range(3):
        state.d[j], state.alpha[j], state.low[j], state.up[j], state.x[j] = (
            d[j],
            alpha[j],
            0.0,
            up[j],
            0.0,
        )
        simplex_kernel.set_move(j, state)
    touched = np.arange(3).astype(state.touched.dtype)
    entering, n_flips = simplex_kernel._choose_entering(
        3, touched, state.alpha, 1.0, slope, 1e-9, n_fixed, state
    )
    return entering, state.flips[:n_flips].tolist()


def test_the_ratio_test_ends_whatever_the_reduced_costs():
    rng = np.random.default_rng(1)
    for _ in range(2000):
        d, alpha = 10.0 ** rng.uniform(0, 12, 3), -(10.0 ** rng.uniform(-6, 6, 3))
        tightest = min(range(3), key=lambda j: d[j] / -alpha[j])
        up = np.array([1.0, 2.0, np.inf])
        entering, flips = ratio_test_of_three(d, alpha, up, np.inf, 3)
        assert entering == 2  # all that come before the unlimited one are flipped
        assert set(flips) == {j for j in (0, 1) if d[j] / -alpha[j] < d[2] / -alpha[2]}
        assert tightest in {entering, *flips}


@pytest.mark.parametrize(
    ("pivot_of_cut", "enters"), [(1e-3, 2), (1e-5, 1)], ids=["trusted", "too small"]
)
def test_of_variables_that_may_enter_that_of_a_cut_does_where_its_pivot_can_be_trusted(
    pivot_of_cut, enters
):
    alpha = -np.array([0.5, 2.0, pivot_of_cut])
    found = ratio_test_of_three(np.zeros(3), alpha, np.full(3, np.inf), np.inf, 2)
    assert found == (enters, [])


def equal_rows(rng: np.random.Generator):
    """Every row of a dispatch five times, and half of them once more as an inequality."""
    one = np.hstack([rng.integers(0, 3, (4, 10)).astype(float), np.eye(4), -np.eye(4)])
    matrix = np.vstack([one] * 5 + [one[:2]])
    cost = np.concatenate([rng.integers(1, 3, 10), np.full(8, 9)]).astype(float)
    upper = np.concatenate([np.full(10, 2.0), np.full(8, np.inf)])
    sides = rng.integers(0, 12, (6, 4)).astype(float)
    low = np.hstack([sides] * 5 + [sides[:, :2] - 1])
    high = np.hstack([sides] * 5 + [sides[:, :2] + 1])
    return program_of(matrix, cost, np.zeros(18), upper), low, high


def nothing_on_the_right(rng: np.random.Generator):
    """Right-hand sides of zero: every vertex of the cone is the origin, and all ratios tie."""
    matrix = np.hstack([rng.integers(-2, 3, (8, 16)).astype(float), np.eye(8), -np.eye(8)])
    cost = np.concatenate([rng.integers(-3, 1, 16), np.full(16, 5)]).astype(float)
    upper = np.concatenate([np.ones(16), np.full(16, np.inf)])
    low = np.zeros((6, 8))
    high = np.where(rng.random((6, 8)) < 0.5, 0.0, 1.0)
    return program_of(matrix, cost, np.zeros(32), upper), low, high


def transport(rng: np.random.Generator):
    """Equal supplies to equal demands at costs of 0, 1 or 2.

    One row too many, and most basic variables are zero.
    """
    k = 6
    matrix = np.zeros((2 * k, k * k))
    for i in range(k):
        matrix[i, i * k : (i + 1) * k] = 1.0
        matrix[k + i, i::k] = 1.0
    cost = rng.integers(0, 3, k * k).astype(float)
    sides = np.outer(rng.integers(1, 4, 6), np.ones(2 * k))
    moved = rng.integers(0, 2, (6, k)).astype(float)
    sides[:, :k] += moved
    sides[:, k:] += moved[:, ::-1]
    return program_of(matrix, cost, np.zeros(k * k), np.full(k * k, np.inf)), sides, sides


def cycling(_: np.random.Generator):
    """Beale's program, on which the textbook simplex method walks in a circle.

    Its optimum is -1/20.
    """
    matrix = np.array(
        [
            [0.25, -60.0, -0.04, 9.0, 1, 0, 0],
            [0.5, -90.0, -0.02, 3.0, 0, 1, 0],
            [0, 0, 1.0, 0, 0, 0, 1],
        ]
    )
    cost = np.array([-0.75, 150.0, -0.02, 6.0, 0, 0, 0])
    sides = np.array([[0.0, 0.0, right] for right in (1.0, 0.0, 2.0)])
    return program_of(matrix, cost, np.zeros(7), np.full(7, np.inf)), sides, sides


def cycling_dual(_: np.random.Generator):
    """The dual of Beale's program, on which the dual method does the same."""
    matrix = np.array([[0.25, 0.5, 0.0], [-60.0, -90.0, 0.0], [-0.04, -0.02, 1.0], [9.0, 3.0, 0.0]])
    low = np.array(
        [[0.75, -150.0, 0.02, -6.0], [0.75, -150.0, 0.04, -6.0], [0.0, -150.0, 0.0, -6.0]]
    )
    cost, upper = np.array([0.0, 0.0, 1.0]), np.full(3, np.inf)
    return program_of(matrix, cost, np.zeros(3), upper), low, np.full_like(low, np.inf)


@pytest.mark.parametrize(
    "make",
    [equal_rows, nothing_on_the_right, transport, cycling, cycling_dual],
    ids=lambda f: f.__name__,
)
def test_ties_everywhere_are_solved_in_few_pivots(make):
    for seed in range(8 if make not in (cycling, cycling_dual) else 1):
        program, low, high = make(np.random.default_rng(seed))
        rows = AppendedRows()
        expected = [
            float(exact_optimum(program, rows, a, b).cost) for a, b in zip(low, high, strict=True)
        ]
        cold = HighsProgram(program, rows, batched=False, time_budget_seconds=BUDGET_SECONDS)
        highs = HighsProgram(program, rows, time_budget_seconds=BUDGET_SECONDS)
        started = time.monotonic()
        starts = [slack_basis(program, rows), cold.solve_openings(low[:1], high[:1]).basis]
        for start in starts:
            result = highs.solve_openings(low, high, start)
            assert result.objective == pytest.approx(expected, rel=1e-9, abs=1e-9)
            assert result.pivots <= 4 * (program.n_rows + program.n_columns) * len(low)
        one_by_one = [
            cold.solve_openings(low[w : w + 1], high[w : w + 1]).objective[0]
            for w in range(len(low))
        ]
        assert one_by_one == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert time.monotonic() - started < BUDGET_SECONDS
        if make is cycling:
            assert expected[0] == pytest.approx(-0.05, abs=1e-15)


def narrow_stage(rng: np.random.Generator, wild: bool):
    """A program without slacks, whose columns are bounded.

    What is beyond their reach has no solution.
    """
    m, n = 4, 10
    size = 10.0 ** rng.uniform(SMALLEST, LARGEST, m) if wild else np.ones(m)
    matrix = size[:, None] * np.where(rng.random((m, n)) < 0.7, rng.uniform(0.5, 2.0, (m, n)), 0.0)
    matrix = np.hstack([matrix, np.zeros((m, 1))])
    upper = np.append(rng.uniform(1, 3, n), 50.0)
    program = program_of(matrix, np.append(rng.uniform(1, 5, n), 1.0), np.zeros(n + 1), upper)
    rows = AppendedRows(np.array([0, 1, n], np.int32))
    rows.append(np.array([[1.0, 2.0, 1.0], [-1.0, 0.5, 1.0]]))
    points = np.hstack([upper[:n] * rng.random((5, n)), np.zeros((5, 1))])
    low = np.hstack([points @ matrix.T, rng.uniform(0, 10, (5, 2))])
    high = np.hstack([low[:, :m], np.full((5, 2), np.inf)])
    beyond = matrix @ upper  # what the columns reach together
    return program, rows, low, high, beyond


@pytest.mark.parametrize("wild", [False, True], ids=["tame", "wild"])
@pytest.mark.parametrize("where", ["one opening", "all openings", "a cut", "a bound below"])
def test_what_has_no_solution_is_named_by_its_opening(where: str, wild: bool):
    for seed in range(6):
        rng = np.random.default_rng([seed, wild])
        program, rows, low, high, beyond = narrow_stage(rng, wild)
        m, bad = (
            program.n_rows,
            range(len(low)) if where == "all openings" else [int(rng.integers(1, len(low)))],
        )
        for w in bad:
            i = int(rng.integers(m))
            if where == "a cut":
                low[w, m + 1] = 1e3  # beyond the most that the value of the future may be
            elif where == "a bound below":
                low[w, i] = high[w, i] = -0.5 * beyond[i]
            else:
                low[w, i] = high[w, i] = 1.5 * beyond[i] + (beyond[i] == 0)
        with pytest.raises(NoPointError):
            exact_optimum(program, rows, low[bad[0]], high[bad[0]])
        highs = HighsProgram(program, rows, time_budget_seconds=BUDGET_SECONDS)
        started = time.monotonic()
        fine = [w for w in range(len(low)) if w not in bad]
        starts: list[Basis | None] = [None, slack_basis(program, rows)]
        if fine:
            starts.append(highs.solve_openings(low[fine[:1]], high[fine[:1]]).basis)
        for start in starts:
            with pytest.raises(
                InfeasibleError, match=f"opening {bad[0]} has no feasible point"
            ) as caught:
                highs.solve_openings(low, high, start)
            assert caught.value.opening == bad[0]
        assert highs.statistics.attempts <= 2 * len(starts) + 2
        if fine:  # the instance is as good as before
            expected = [float(exact_optimum(program, rows, low[w], high[w]).cost) for w in fine]
            assert highs.solve_openings(
                low[fine], high[fine], starts[-1]
            ).objective == pytest.approx(expected, rel=1e-7)
        assert time.monotonic() - started < BUDGET_SECONDS


def test_a_trial_without_a_solution_is_named_with_its_opening():
    program, rows, low, high, beyond = narrow_stage(np.random.default_rng(3), wild=False)
    m = program.n_rows
    program = LinearProgram(
        program.starts, program.indices, program.values, program.cost, program.column_lower,
        program.column_upper, low[0, :m], low[0, :m],
    )  # fmt: skip
    highs = HighsProgram(program, rows, time_budget_seconds=BUDGET_SECONDS)
    start = highs.solve_openings(low[:1], high[:1]).basis
    beyond_reach = np.zeros(low.shape[1])
    beyond_reach[1] = 2.0 * beyond[1]

    def left_to_highs(shifts: list[np.ndarray]) -> TrialResults:
        """Trials whose bounds are moved, of which the kernel has solved nothing."""
        solutions = TrialSolutions.empty(
            len(shifts), 2, low.shape[1], program.n_columns, want_primal=False
        )
        solutions.outcome[:] = NOT_PROVEN
        bases = BasisBatch.repeated(start, len(shifts))
        return highs.finish_trials(
            solutions, bases, lambda k: (low[:2] + shifts[k], high[:2] + shifts[k]),
            want_primal=False, n_left=solutions.outcome.size, n_pivots=0, seconds=0.0,
        )  # fmt: skip

    nothing = np.zeros(low.shape[1])
    assert left_to_highs([nothing] * 3).objective.shape == (3, 2)
    with pytest.raises(InfeasibleError, match="opening 0 has no feasible point") as caught:
        left_to_highs([nothing, nothing, beyond_reach])
    assert (caught.value.trial, caught.value.opening) == (2, 0)


@pytest.mark.parametrize("seed", range(20))
def test_a_cost_without_a_minimum_is_refused_at_once(seed: int):
    rng = np.random.default_rng(seed)
    m, n = 5, 12
    matrix = np.where(
        rng.random((m, n)) < 0.6, rng.uniform(0.5, 2.0, (m, n)) * rng.choice([-1, 1], (m, n)), 0.0
    )
    ray = np.where(rng.random(m) < 0.6, rng.uniform(0.5, 2.0, m), 0.0)
    full = np.hstack([matrix, ray[:, None], -ray[:, None]])
    limit = rng.uniform(0.5, 2.0, n)
    cost = np.concatenate([rng.uniform(0.5, 2.0, n), [-1.0, 0.0]])
    program = program_of(full, cost, np.zeros(n + 2), np.append(limit, [np.inf, np.inf]))
    sides = (limit * rng.random((3, n))) @ matrix.T
    with pytest.raises(NoMinimumError):
        exact_optimum(program, AppendedRows(), sides[0], sides[0])
    for start in (None, slack_basis(program, AppendedRows())):
        highs = HighsProgram(program, time_budget_seconds=BUDGET_SECONDS)
        started = time.monotonic()
        with pytest.raises(SolverError, match="opening 0") as caught:
            highs.solve_openings(sides, sides, start)
        assert time.monotonic() - started < BUDGET_SECONDS
        assert caught.value.opening == 0
        assert not isinstance(caught.value, InfeasibleError)


def test_a_cost_that_falls_along_one_column_has_no_minimum():
    program = program_of(
        np.array([[1.0, 1.0, 0.0]]),
        np.array([1.0, 2.0, -1.0]),
        np.zeros(3),
        np.array([5.0, 5.0, np.inf]),
    )
    for start in (None, slack_basis(program, AppendedRows())):
        with pytest.raises(UnboundedError, match="the cost of opening 0 has no minimum"):
            HighsProgram(program).solve_openings(np.ones((2, 1)), np.ones((2, 1)), start)


def test_what_has_no_bound_ends_with_the_ladder_or_with_its_budget(monkeypatch: pytest.MonkeyPatch):
    program, rows, low, high = hard_stage(np.random.default_rng(1), "costs")
    asked = []

    def refuse(*arguments: object) -> tuple[int, float, float]:
        asked.append(arguments)
        return NO_BOUND, -np.inf, np.inf

    monkeypatch.setattr(repair, "certify", refuse)
    real = module.solve_in_turn

    def doubtful(*arguments: object) -> int:
        real(*arguments)
        arguments[-3][arguments[-2]] = NO_BOUND
        return arguments[-2]

    monkeypatch.setattr(module, "solve_in_turn", doubtful)
    patient = HighsProgram(program, rows, batched=False)
    with pytest.raises(
        SolverError, match=r"opening 0: no valid bound was found in 6 attempts.*not proven"
    ):
        patient.solve_openings(low, high)
    assert patient.statistics.attempts == 5
    assert asked
    hasty = HighsProgram(program, rows, batched=False, time_budget_seconds=1e-9)
    with pytest.raises(
        SolverError, match=r"opening 0: no valid bound was found in 3 attempts"
    ) as caught:
        hasty.solve_openings(low, high)
    assert caught.value.opening == 0
    limited = HighsProgram(program, rows, batched=False, max_attempts=2)
    with pytest.raises(SolverError, match="in 4 attempts"):
        limited.solve_openings(low, high)


def test_an_answer_with_a_gap_is_taken_and_told(monkeypatch: pytest.MonkeyPatch):
    """Where nothing gets better than a bound, the best one counts, and its gap is what the best
    point costs more.
    """
    program, rows, low, high = hard_stage(np.random.default_rng(1), "costs")
    expected = HighsProgram(program, rows, batched=False).solve_openings(low, high).objective
    certify, bounds = repair.certify, []

    def pessimistic(*arguments: object) -> tuple[int, float, float]:
        _, bound, gap = certify(*arguments)
        worse = abs(bound) * (0.2 if len(bounds) % 2 else 0.1)
        bounds.append(bound - worse)
        return repair.BOUNDED, bound - worse, gap + worse

    monkeypatch.setattr(repair, "certify", pessimistic)
    real = module.solve_in_turn

    def doubtful(*arguments: object) -> int:
        real(*arguments)
        arguments[-3][arguments[-2]] = repair.BOUNDED
        return arguments[-2]

    monkeypatch.setattr(module, "solve_in_turn", doubtful)
    highs = HighsProgram(program, rows, batched=False)
    result = highs.solve_openings(low[:1], high[:1], want_primal=True)
    assert result.objective[0] == max(bounds)
    (gap,) = result.gaps
    assert (gap.trial, gap.opening, gap.bound) == (0, 0, max(bounds))
    assert gap.gap == pytest.approx(0.1 * abs(expected[0]), rel=1e-6)
    assert highs.statistics.bounded == 1


def test_an_opening_that_nothing_solves_takes_the_best_duals_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
):
    """A cut needs a bound alone: duals are feasible for every right-hand side."""
    program, rows, low, high = hard_stage(np.random.default_rng(1), "costs")
    plain = HighsProgram(program, rows, batched=False)
    expected = plain.solve_openings(low, high)
    solve = repair.OpeningRepair.solve

    def refuse(self, opening, *arguments, **options):
        if opening == 2:
            raise SolverError("nothing helps", opening=opening)
        return solve(self, opening, *arguments, **options)

    monkeypatch.setattr(repair.OpeningRepair, "solve", refuse)
    real = module.solve_in_turn

    def fail_at_two(*arguments: object) -> int:
        stopped = real(*arguments)
        if arguments[-2] <= 2 < arguments[-1]:
            arguments[-3][2] = NO_BOUND
            return 2
        return stopped

    monkeypatch.setattr(module, "solve_in_turn", fail_at_two)
    highs = HighsProgram(program, rows, batched=False)
    result = highs.solve_openings(low, high)
    assert result.objective[[0, 1, 3]] == pytest.approx(expected.objective[[0, 1, 3]], rel=1e-9)
    sides = np.where(
        expected.row_dual[:2] > 0, low[2], np.where(np.isfinite(high[2]), high[2], low[2])
    )
    by_hand = max(
        float(
            y @ side
            + np.minimum(0.0, reduced_costs(program, rows, y)[:14]) @ program.column_upper[:14]
        )
        for y, side in zip(expected.row_dual[:2], sides, strict=True)
    )
    assert result.objective[2] == pytest.approx(by_hand, rel=1e-9)
    assert result.objective[2] <= expected.objective[2] * (1 + 1e-12)
    (gap,) = result.gaps
    assert (gap.opening, gap.gap) == (2, np.inf)
    with pytest.raises(SolverError, match="nothing helps"):
        highs.solve_openings(low, high, want_primal=True)


def reduced_costs(program: LinearProgram, rows: AppendedRows, y: np.ndarray) -> np.ndarray:
    return program.cost - dense(program, rows).T @ y


def test_an_error_says_what_was_tried_and_carries_the_last_basis(monkeypatch: pytest.MonkeyPatch):
    program, rows, low, high, beyond = narrow_stage(np.random.default_rng(3), wild=False)
    low[1, 0] = high[1, 0] = 1.5 * beyond[0]
    highs = HighsProgram(program, rows, batched=False)
    with pytest.raises(InfeasibleError) as caught:
        highs.solve_openings(low, high)
    first = caught.value.attempts[0]
    assert (first.by, first.outcome) == ("HiGHS", "infeasible")
    basis = caught.value.basis
    assert (len(basis.columns), len(basis.rows)) == (program.n_columns, highs.n_rows)
    assert np.count_nonzero(basis.columns == 1) + np.count_nonzero(basis.rows == 1) == highs.n_rows
    # the same when nothing is ever certified: every attempt is there with what it gave
    monkeypatch.setattr(repair, "certify", lambda *_: (NO_BOUND, -np.inf, np.inf))
    real = module.solve_in_turn

    def doubtful(*arguments: object) -> int:
        real(*arguments)
        arguments[-3][arguments[-2]] = NO_BOUND
        return arguments[-2]

    monkeypatch.setattr(module, "solve_in_turn", doubtful)
    with pytest.raises(SolverError, match="no valid bound was found in 6 attempts") as caught:
        highs.solve_openings(low[:1], high[:1])
    assert sum(one.by == "HiGHS" for one in caught.value.attempts) == 5
    assert {one.outcome for one in caught.value.attempts} == {"no valid bound"}
    assert all(one.bound == -np.inf for one in caught.value.attempts)


def test_any_basis_will_do_as_a_start():
    """Singular, too small, too large, or not dual feasible.

    The kernel repairs it and proves what a cold solve finds.
    """
    rng = np.random.default_rng(5)
    program, rows, low, high = hard_stage(rng, "nothing")
    expected = HighsProgram(program, rows, batched=False).solve_openings(low, high).objective
    n, m = program.n_columns, program.n_rows + rows.n_rows
    for _ in range(60):
        columns = (rng.random(n) < rng.random()).astype(np.int32)
        start = Basis(columns, (rng.random(m) < rng.random()).astype(np.int32))
        highs = HighsProgram(program, rows)
        result = highs.solve_openings(low, high, start)
        assert result.objective == pytest.approx(expected, rel=1e-9)
        assert result.fallbacks == 0
