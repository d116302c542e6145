"""Faults planted in the kernel, and programs that are hard on it: the answer is right, or there is
a clear error, never a hang.

For the faults the kernel runs interpreted, so that single functions of it can be replaced; the
certificate stays compiled.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headwater.errors import InfeasibleError, SolverError
from headwater.solver import (
    AppendedRows,
    HighsProgram,
    LinearProgram,
    bits_kernel,
    factor_kernel,
    native_kernel,
    openings_kernel,
    simplex_kernel,
)
from headwater.solver import highs as module
from headwater.solver.kernel_constants import CAP_REACHED, FEASIBILITY_TOLERANCE, WEARY
from random_programs import dispatch_like


def wrong_pivot(plant: pytest.MonkeyPatch) -> None:
    """The ratio test takes the last variable of the pivot row, whatever its ratio."""
    real = simplex_kernel._choose_entering.py_func

    def choose(n_touched, touched, alpha, *rest):  # type: ignore[no-untyped-def]
        entering, _ = real(n_touched, touched, alpha, *rest)
        usable = [j for j in touched[:n_touched] if abs(alpha[j]) > 1e-3]
        return (usable[-1] if entering >= 0 and usable else entering), 0

    plant.setattr(simplex_kernel, "_choose_entering", choose)


def perturbed_factor(plant: pytest.MonkeyPatch) -> None:
    """Pivots of the factor are wrong in the third digit."""

    def factorise(factor, k):  # type: ignore[no-untyped-def]
        regular = factor_kernel.factorise(factor, k)
        factor.order_value[:k] *= 1.0 + 1e-3 * np.cos(np.arange(k))
        return regular

    plant.setattr(openings_kernel, "factorise", factorise)


def factor_without_a_number(plant: pytest.MonkeyPatch) -> None:
    def factorise(factor, k):  # type: ignore[no-untyped-def]
        regular = factor_kernel.factorise(factor, k)
        factor.order_value[k // 2 : k] = np.nan
        return regular

    plant.setattr(openings_kernel, "factorise", factorise)


def column_without_a_number(plant: pytest.MonkeyPatch) -> None:
    def forward(factor, steps, n_steps, k, out, found):  # type: ignore[no-untyped-def]
        factor_kernel.forward(factor, steps, n_steps, k, out, found)
        out[k - 1] = np.nan
        bits_kernel.put(found, k - 1)

    plant.setattr(simplex_kernel, "forward", forward)


def forgotten_cut(plant: pytest.MonkeyPatch) -> None:
    """No cut is ever found violated."""
    plant.setattr(simplex_kernel, "_most_violated_cut", lambda *_: -1)


def endless_pivots(plant: pytest.MonkeyPatch) -> None:
    """Pivots lead nowhere, and a fresh factor is asked for after each."""

    def reoptimise(_program, _m_static, k, width, *rest):  # type: ignore[no-untyped-def]
        patience = rest[3]
        return (WEARY if patience < 2**40 else CAP_REACHED), 1, max(k, width), 1

    plant.setattr(openings_kernel, "reoptimise", reoptimise)


FAULTS = [
    endless_pivots,
    wrong_pivot,
    perturbed_factor,
    factor_without_a_number,
    column_without_a_number,
    forgotten_cut,
]


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let the kernel run in the interpreter.

    What is compiled from its functions is compiled before they are replaced.
    """
    assert native_kernel.kernel.address
    for name in (
        "_begin",
        "_start_at_mean",
        "_start_from",
        "_copy_basis",
        "_set_start",
        "_walk",
        "_set_opening",
        "_solve_one",
        "_prove",
        "solve_openings",
    ):
        monkeypatch.setattr(openings_kernel, name, getattr(openings_kernel, name).py_func)
    monkeypatch.setattr(openings_kernel, "reoptimise", simplex_kernel.reoptimise.py_func)
    interpreted = openings_kernel.solve_openings
    monkeypatch.setattr(
        module, "solve_openings", lambda *given: interpreted(*given[:-1], given[-1].value.scratch)
    )
    return monkeypatch


@pytest.mark.parametrize(
    "fault", [None, *FAULTS], ids=lambda fault: "none" if fault is None else fault.__name__
)
def test_a_fault_in_the_kernel_never_gives_a_wrong_answer(interpreted: pytest.MonkeyPatch, fault):
    program, rows, openings = dispatch_like(np.random.default_rng(6), 15, 4, 20)
    plain = HighsProgram(program, rows, batched=False)
    basis = plain.solve_openings(*openings(1)).basis
    low, high = openings(15)
    expected = plain.solve_openings(low, high).objective
    if fault is not None:
        fault(interpreted)
    highs = HighsProgram(program, rows)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        result = highs.solve_openings(low, high, basis, want_primal=True)
    assert result.objective == pytest.approx(expected, rel=1e-7)
    if fault is None:
        assert result.fallbacks == 0
    else:
        assert result.fallbacks > 0
        assert set(highs.statistics.reasons) & set(module._REASONS.values())


def scaled(program: LinearProgram, rows: AppendedRows, row: np.ndarray, column: np.ndarray):
    """The same program with rows and columns in other units."""
    counts = np.diff(program.starts)
    of_entry = np.repeat(np.arange(program.n_columns), counts)
    new = LinearProgram(
        program.starts,
        program.indices,
        program.values * row[program.indices] * column[of_entry],
        program.cost * column,
        program.column_lower / column,
        program.column_upper / column,
        program.row_lower * row,
        program.row_upper * row,
    )
    appended = AppendedRows(rows.columns)
    appended.append(rows.entries[:, : rows.n_rows].T * column[rows.columns])
    return new, appended


def matrix_of(program: LinearProgram) -> np.ndarray:
    shape = (program.n_rows, program.n_columns)
    return sp.csc_array((program.values, program.indices, program.starts), shape=shape).toarray()


@settings(max_examples=40, deadline=None)
@example(6)
@given(st.integers(0, 100_000))
def test_badly_scaled_programs_are_solved_or_refused(seed: int):
    rng = np.random.default_rng(seed)
    program, rows, openings = dispatch_like(rng, 8, 3, 5)
    low, high = openings(4)
    plain = HighsProgram(program, rows, batched=False)
    expected = plain.solve_openings(low, high).objective
    row, column = (
        10.0 ** rng.uniform(-3, 4, program.n_rows),
        10.0 ** rng.uniform(-3, 5, program.n_columns),
    )
    column[rows.columns[-1]] = 1.0
    other, appended = scaled(program, rows, row, column)
    units = np.concatenate([row, np.ones(rows.n_rows)])
    highs = HighsProgram(other, appended, time_budget_seconds=5.0)
    started = time.monotonic()
    refusal, result = "", None
    try:
        basis = highs.solve_openings(low[:1] * units, high[:1] * units).basis
        result = highs.solve_openings(low * units, high * units, basis)
    except SolverError as error:
        refusal = str(error)
    if result is None:
        assert any(
            words in refusal for words in ("could not be solved", "no feasible point", "budget")
        )
    else:
        # what is proven holds to an absolute tolerance in the units of the program: its
        # worth, by the duals, may be missing, but nothing may be on top, for cuts built
        # on it would cut too much
        static, cuts = result.row_dual[:, : other.n_rows], result.row_dual[:, other.n_rows :]
        reduced = other.cost - static @ matrix_of(other)
        reduced[:, appended.columns] -= cuts @ appended.entries[:, : appended.n_rows].T
        worth = FEASIBILITY_TOLERANCE * (
            np.abs(result.row_dual).sum(axis=1) + np.abs(reduced).sum(axis=1)
        )
        rounding = 1e-6 * np.abs(expected) + 1e-5
        assert (result.objective <= expected + rounding).all()
        assert (result.objective >= expected - worth - rounding).all()
    assert time.monotonic() - started < 20.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100_000))
def test_degenerate_programs_are_solved(seed: int):
    """Equal costs, equal limits, whole right-hand sides: ties at every pivot."""
    rng = np.random.default_rng(seed)
    n_rows, per_row = 10, 6
    blocks = [np.eye(n_rows) for _ in range(per_row)]
    links = np.eye(n_rows) - np.eye(n_rows, k=-1)
    matrix = np.hstack([*blocks, links, 5 * np.eye(n_rows), -np.eye(n_rows), np.zeros((n_rows, 1))])
    n = matrix.shape[1]
    cost = np.concatenate(
        [np.ones(per_row * n_rows), np.zeros(n_rows), np.full(2 * n_rows, 10.0), [1.0]]
    )
    upper = np.concatenate(
        [np.ones(per_row * n_rows), np.full(n_rows, 2.0), np.full(2 * n_rows + 1, np.inf)]
    )
    columns, where = np.nonzero(matrix.T)
    starts = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=n))]).astype(np.int32)
    program = LinearProgram(
        starts,
        where.astype(np.int32),
        matrix[where, columns],
        cost,
        np.zeros(n),
        upper,
        np.zeros(n_rows),
        np.zeros(n_rows),
    )
    places = np.concatenate([np.arange(per_row * n_rows, (per_row + 1) * n_rows), [n - 1]]).astype(
        np.int32
    )
    rows = AppendedRows(places)
    rows.append(np.hstack([rng.integers(0, 2, (12, n_rows)).astype(float), np.ones((12, 1))]))
    low = np.hstack([rng.integers(0, 7, (12, n_rows)), rng.integers(0, 8, (12, 12))]).astype(float)
    high = low.copy()
    high[:, n_rows:] = np.inf
    highs, plain = HighsProgram(program, rows), HighsProgram(program, rows, batched=False)
    basis = plain.solve_openings(low[:1], high[:1]).basis
    result = highs.solve_openings(low, high, basis)
    cold = [plain.solve_openings(low[w : w + 1], high[w : w + 1]).objective[0] for w in range(12)]
    assert result.objective == pytest.approx(cold, rel=1e-7, abs=1e-7)


def test_an_opening_without_a_feasible_point_is_named_and_ends_at_once():
    matrix = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    columns, where = np.nonzero(matrix.T)
    program = LinearProgram(
        np.array([0, 1, 3, 4], np.int32),
        where.astype(np.int32),
        matrix[where, columns],
        np.ones(3),
        np.zeros(3),
        np.full(3, 2.0),
        np.zeros(2),
        np.zeros(2),
    )
    highs = HighsProgram(program)
    basis = highs.solve_openings(np.ones((1, 2)), np.ones((1, 2))).basis
    sides = np.array([[1.0, 1.0], [3.0, 3.5], [9.0, 1.0], [1.0, 2.0]])
    started = time.monotonic()
    with pytest.raises(InfeasibleError, match="opening 2 has no feasible point") as caught:
        highs.solve_openings(sides, sides, basis)
    assert caught.value.opening == 2
    assert time.monotonic() - started < 5.0
    fine = highs.solve_openings(sides[:2], sides[:2], basis)  # the instance is as good as before
    assert fine.objective == pytest.approx([1.0, 4.5])
