"""Solves with a basis that look only at what is not zero.

They give what dense linear algebra gives, and leave nothing behind.
"""

from __future__ import annotations

import numpy as np
import pytest

from headwater.solver import bits_kernel, factor_kernel
from headwater.solver.factor_kernel import Factor, Steps, make_factor, make_steps


def sparse_basis(rng: np.random.Generator, k: int) -> np.ndarray:
    """Columns with one to four entries, and a block in which no column or row has one alone."""
    basis = np.eye(k)
    for _ in range(2 * k):
        basis[rng.integers(k), rng.integers(k)] = rng.uniform(-2.0, 2.0)
    block = rng.permutation(k)[:5]
    basis[np.ix_(block, block)] += rng.uniform(0.5, 1.5, (5, 5)) + 4.0 * np.eye(5)
    return basis[:, rng.permutation(k)]


def factorised(basis: np.ndarray, room: int) -> Factor:
    k = len(basis)
    factor = make_factor(room, k * k + room)
    n_entries = 0
    for c in range(k):
        factor.b_start[c] = n_entries
        for r in np.flatnonzero(basis[:, c]):
            factor.b_index[n_entries], factor.b_value[n_entries] = r, basis[r, c]
            n_entries += 1
    factor.b_start[k] = n_entries
    assert factor_kernel.factorise(factor, k)
    return factor


class Basis:
    """A basis that is replaced column by column and grows row by row, as a dense matrix and as a
    factor with steps.
    """

    def __init__(self, rng: np.random.Generator, k: int, room: int) -> None:
        self.dense = sparse_basis(rng, k)
        self.factor, self.steps = factorised(self.dense, room), make_steps(room, 40)
        self.k, self.n_steps = k, 0
        self.steps.start[0] = 0

    def forward(self, vector: np.ndarray) -> np.ndarray:
        """``B^-1 vector`` by the places that are not zero."""
        out, found = np.zeros(len(self.dense)), np.zeros(4, np.uint64)
        for r in np.flatnonzero(vector):
            if r < self.k:
                place = self.factor.place_of_row[r]
                self.factor.vector[place] = vector[r]
                bits_kernel.put(self.factor.marked, place)
            else:
                out[r] = vector[r]
                bits_kernel.put(found, r)
        factor_kernel.forward(self.factor, self.steps, self.n_steps, self.k, out, found)
        listed = np.zeros(len(out), np.uint32)
        n_listed = int(bits_kernel.members(found, len(out), listed))
        assert set(np.flatnonzero(out)) <= set(listed[:n_listed].tolist())
        return out

    def backward(self, vector: np.ndarray) -> np.ndarray:
        """``B^-T vector`` likewise."""
        width = len(self.dense)
        out, rows, marked = np.zeros(width), np.zeros(width, np.uint32), np.zeros(4, np.uint64)
        for i in np.flatnonzero(vector):
            bits_kernel.put(marked, i)
        given = vector.copy()
        n_listed = factor_kernel.backward(
            self.factor, self.steps, self.n_steps, self.k, width, given, marked, out, rows
        )
        assert not given.any()
        assert not marked.any()
        assert sorted(rows[:n_listed].tolist()) == np.flatnonzero(out).tolist()
        return out

    def replace(self, position: int, column: np.ndarray) -> None:
        """Put another column into the basis."""
        entries = self.forward(column)
        others = np.flatnonzero((np.abs(entries) > 1e-14) & (np.arange(len(entries)) != position))
        self._step(position, False, others, entries[others], entries[position])
        self.dense[:, position] = column

    def grow(self, row: np.ndarray) -> None:
        """Append a row with a variable of its own."""
        width = len(self.dense)
        held = np.flatnonzero(row)
        self._step(width, True, held, row[held], 1.0)
        self.dense = np.block([[self.dense, np.zeros((width, 1))], [row, np.ones(1)]])

    def _step(
        self, position: int, is_row: bool, index: np.ndarray, value: np.ndarray, pivot: float
    ) -> None:
        steps: Steps = self.steps
        first = int(steps.start[self.n_steps])
        last = first + len(index)
        steps.index[first:last], steps.value[first:last] = index, value
        steps.row[self.n_steps], steps.is_row[self.n_steps] = position, is_row
        steps.pivot[self.n_steps], steps.start[self.n_steps + 1] = pivot, last
        self.n_steps += 1


@pytest.mark.parametrize("seed", range(20))
def test_solves_agree_with_dense_ones_whatever_happened_to_the_basis(seed: int):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(6, 130))
    basis = Basis(rng, k, k + 10)
    for turn in range(16):
        width = len(basis.dense)
        vector = np.zeros(width)
        vector[rng.integers(width, size=2)] = rng.uniform(-3.0, 3.0, 2)
        expected = np.linalg.solve(basis.dense, vector), np.linalg.solve(basis.dense.T, vector)
        size = 1.0 + max(np.abs(values).max() for values in expected)
        assert basis.forward(vector) == pytest.approx(expected[0], abs=1e-9 * size)
        assert basis.backward(vector) == pytest.approx(expected[1], abs=1e-9 * size)
        whole = rng.uniform(-1.0, 1.0, width)
        found = np.empty(width), np.empty(width)
        rows = np.zeros(width, np.uint32)
        state = basis.factor, basis.steps, basis.n_steps, k, width
        factor_kernel.forward_solve(*state, whole, found[0])
        factor_kernel.backward_solve(*state, whole.copy(), found[1], rows)
        assert basis.dense @ found[0] == pytest.approx(whole, abs=1e-8 * size)
        assert basis.dense.T @ found[1] == pytest.approx(whole, abs=1e-8 * size)
        if turn % 4 == 3:
            row = np.zeros(width)
            row[rng.integers(width, size=4)] = rng.uniform(-1.0, 1.0, 4)
            basis.grow(row)
        else:
            column = np.zeros(width)
            position = int(rng.integers(width))
            column[rng.integers(width, size=3)] = rng.uniform(-1.0, 1.0, 3)
            column += basis.dense[:, position]
            basis.replace(position, column)
        if np.linalg.cond(basis.dense) > 1e7:
            break
    assert not basis.factor.vector.any()
    assert not basis.factor.marked.any()
    assert not basis.factor.found.any()


def test_solves_without_looking_for_zeros_give_the_same():
    rng = np.random.default_rng(100)
    dense = sparse_basis(rng, 70)
    factor, vector, out = factorised(dense, 70), rng.uniform(-1.0, 1.0, 70), np.empty(70)
    factor_kernel.solve_basis(factor, 70, vector, out)
    assert dense @ out == pytest.approx(vector, abs=1e-9)
    factor_kernel.solve_transposed_basis(factor, 70, vector, out)
    assert dense.T @ out == pytest.approx(vector, abs=1e-9)
    assert not factor.vector.any()
    assert not factor.marked.any()


def test_a_set_of_numbers_gives_them_back_in_order():
    bits, out = np.zeros(3, np.uint64), np.zeros(192, np.uint32)
    numbers = [0, 5, 63, 64, 100, 127, 128, 191]
    for number in reversed(numbers):
        bits_kernel.put(bits, number)
    assert out[: int(bits_kernel.members(bits, 192, out))].tolist() == numbers
    bits_kernel.take(bits, 64)
    assert out[: int(bits_kernel.members(bits, 192, out))].tolist() == sorted({*numbers} - {64})
    bits_kernel.empty(bits)
    assert bits_kernel.members(bits, 192, out) == 0
    bits_kernel.put_all(bits, 130)
    assert out[: int(bits_kernel.members(bits, 192, out))].tolist() == list(range(130))
