"""The batched kernel: right where it answers, honest where it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.solver import Basis, HighsProgram, LinearProgram
from headwater.solver import highs as module
from headwater.solver.simplex_kernel import Effort
from random_programs import dispatch_like


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000))
def test_every_opening_equals_a_cold_solve(seed: int):
    rng = np.random.default_rng(seed)
    program, rows, openings = dispatch_like(
        rng, int(rng.integers(3, 12)), int(rng.integers(1, 4)), int(rng.integers(0, 8))
    )
    batched, plain = HighsProgram(program, rows), HighsProgram(program, rows, batched=False)
    low, high = openings(1)
    basis = plain.solve_openings(low, high).basis
    low, high = openings(6)
    fast = batched.solve_openings(low, high, basis, want_primal=True)
    for w in range(6):
        cold = plain.solve_openings(low[w : w + 1], high[w : w + 1])
        assert fast.objective[w] == pytest.approx(cold.objective[0], rel=1e-7, abs=1e-7)
        assert fast.primal[w] @ program.cost == pytest.approx(cold.objective[0], rel=1e-6, abs=1e-6)


def test_the_kernel_answers_most_openings_itself():
    rng = np.random.default_rng(3)
    program, rows, openings = dispatch_like(rng, 20, 5, 30)
    basis = HighsProgram(program, rows).solve_openings(*openings(1)).basis
    highs = HighsProgram(program, rows)
    result = highs.solve_openings(*openings(100), basis)
    assert result.fallbacks <= 5
    assert result.pivots > 0


def test_the_final_basis_is_optimal_and_needs_no_pivot():
    rng = np.random.default_rng(4)
    program, rows, openings = dispatch_like(rng, 15, 4, 10)
    highs = HighsProgram(program, rows)
    basis = highs.solve_openings(*openings(1)).basis
    low, high = openings(1)
    moved = highs.solve_openings(low, high, basis)
    assert moved.pivots > 0
    again = highs.solve_openings(low, high, moved.basis)
    assert (again.pivots, again.fallbacks) == (0, 0)
    assert again.objective == pytest.approx(moved.objective, rel=1e-12)
    assert (
        np.count_nonzero(np.concatenate([moved.basis.columns, moved.basis.rows]) == 1)
        == highs.n_rows
    )


def test_the_result_does_not_depend_on_what_the_instance_did_before():
    rng = np.random.default_rng(5)
    program, rows, openings = dispatch_like(rng, 15, 4, 10)
    basis = HighsProgram(program, rows).solve_openings(*openings(1)).basis
    low, high = openings(5)
    fresh = HighsProgram(program, rows).solve_openings(low, high, basis)
    used = HighsProgram(program, rows)
    for _ in range(3):
        used.solve_openings(*openings(7), basis)
        used.solve_openings(*openings(2))
    again = used.solve_openings(low, high, basis)
    assert fresh.objective.tobytes() == again.objective.tobytes()
    assert fresh.row_dual.tobytes() == again.row_dual.tobytes()


class Faulty(LinearProgram):
    """A program whose row-wise copy, which only the kernel's pricing uses, is wrong."""

    fault = "wrong pivot row"

    @property
    def by_row(self):  # type: ignore[override]
        """The row-wise copy with a planted fault."""
        starts, indices, values = LinearProgram.by_row.func(self)  # type: ignore[attr-defined]
        values = values.copy()
        rng = np.random.default_rng(0)
        if self.fault == "wrong pivot row":
            values *= rng.uniform(0.5, 1.5, len(values))
        elif self.fault == "lost entries":
            values[rng.random(len(values)) < 0.3] = 0.0
        elif self.fault == "not a number":
            values[rng.integers(len(values))] = np.nan
        return starts, indices, values


@pytest.mark.parametrize("fault", ["wrong pivot row", "lost entries", "not a number"])
def test_a_planted_fault_never_gives_a_wrong_answer(fault: str):
    rng = np.random.default_rng(6)
    program, rows, openings = dispatch_like(rng, 15, 4, 10)
    fields = {f: getattr(program, f) for f in program.__dataclass_fields__}
    faulty = Faulty(**fields)
    object.__setattr__(faulty, "fault", fault)
    plain = HighsProgram(program, rows, batched=False)
    basis = plain.solve_openings(*openings(1)).basis
    low, high = openings(40)
    highs = HighsProgram(faulty, rows)
    result = highs.solve_openings(low, high, basis)
    assert result.fallbacks > 0
    assert set(highs.statistics.reasons) & set(module._REASONS.values())
    for w in range(40):
        assert result.objective[w] == pytest.approx(
            plain.solve_openings(low[w : w + 1], high[w : w + 1]).objective[0], rel=1e-7
        )


def test_a_basis_that_is_not_dual_feasible_is_left_to_highs():
    rng = np.random.default_rng(7)
    program, rows, openings = dispatch_like(rng, 10, 3, 4)
    plain = HighsProgram(program, rows, batched=False)
    m = plain.n_rows
    logical = Basis(np.zeros(program.n_columns, np.int32), np.ones(m, np.int32))
    costs = program.cost.copy()
    costs[:5] = -1.0
    wanted = {f: getattr(program, f) for f in program.__dataclass_fields__} | {"cost": costs}
    tilted = LinearProgram(
        **{
            **wanted,
            "column_upper": np.where(np.isinf(program.column_upper), 50.0, program.column_upper),
        }
    )
    low, high = openings(3)
    result = HighsProgram(tilted, rows).solve_openings(low, high, logical)
    expected = HighsProgram(tilted, rows, batched=False).solve_openings(low, high)
    assert result.objective == pytest.approx(expected.objective, rel=1e-7)


def test_a_cap_of_no_pivots_leaves_the_work_to_highs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "usual_effort", lambda _rows: Effort(0, 4, 1e-9))
    rng = np.random.default_rng(8)
    program, rows, openings = dispatch_like(rng, 15, 4, 10)
    basis = HighsProgram(program, rows).solve_openings(*openings(1)).basis
    low, high = openings(10)
    highs = HighsProgram(program, rows)
    result = highs.solve_openings(low, high, basis)
    assert highs.statistics.reasons["kernel: too many pivots"] == result.fallbacks > 0
    assert result.objective == pytest.approx(
        HighsProgram(program, rows, batched=False).solve_openings(low, high).objective
    )
