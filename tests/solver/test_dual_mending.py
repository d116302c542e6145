"""Duals that are a hair off where nothing limits its cost are moved until they give a bound."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from headwater.solver import AppendedRows, LinearProgram
from headwater.solver.dual_mending import mended
from headwater.solver.highs import kernel_program

INF = np.inf


def river(n: int) -> LinearProgram:
    """Plants one below the other: each turbines or spills what it has and what comes from above.

    Columns: turbined and spilled of each plant, and what is bought; a row for each plant, and one
    of the load.
    """
    matrix = np.zeros((n + 1, 2 * n + 1))
    for h in range(n):
        matrix[h, [2 * h, 2 * h + 1]] = 1.0
        if h:
            matrix[h, [2 * h - 2, 2 * h - 1]] = -1.0
        matrix[n, 2 * h] = 1.0
    matrix[n, 2 * n] = 1.0
    held = sp.csc_array(matrix)
    return LinearProgram(
        starts=held.indptr.astype(np.int32),
        indices=held.indices.astype(np.int32),
        values=held.data,
        cost=np.array([*[0.0] * (2 * n), 5.0]),
        column_lower=np.zeros(2 * n + 1),
        column_upper=np.array([*[3.0, INF] * n, INF]),
        row_lower=np.array([*[2.0] * n, 20.0]),
        row_upper=np.array([*[2.0] * n, INF]),
        money=100.0,
    )


def reduced(program: LinearProgram, y: np.ndarray) -> np.ndarray:
    matrix = sp.csc_array((program.values, program.indices, program.starts))
    return program.cost - matrix.T @ y


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_small_errors_go_down_the_river_and_out(n: int):
    program = river(n)
    kernel = kernel_program(program, AppendedRows(np.empty(0, np.int32)))
    rng = np.random.default_rng(n)
    for off in (1e-12, 1e-9, 1e-6):
        y = np.array([*[0.0] * n, 5.0]) + off * np.array([*rng.uniform(0.2, 1.0, n), 0.0])
        assert (reduced(program, y)[1 : 2 * n : 2] < 0.0).any()
        found = mended(kernel, y)
        assert found is not None
        spilled = reduced(program, found)[1 : 2 * n : 2]
        assert (spilled >= 0.0).all()
        assert np.abs(found - y).max() <= 2.0 * n * off


def test_duals_that_are_right_stay_as_they_are():
    kernel = kernel_program(river(3), AppendedRows(np.empty(0, np.int32)))
    y = np.array([-3.0, -2.0, -1.0, 5.0])
    found = mended(kernel, y)
    assert found is not None
    assert found.tolist() == y.tolist()
