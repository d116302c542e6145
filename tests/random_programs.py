"""Random linear programs of the shape of a stage."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from headwater.solver import AppendedRows, LinearProgram


def dispatch_like(rng: np.random.Generator, n_rows: int = 8, n_places: int = 3, n_cuts: int = 6):
    """A random program of the shape of a stage: equalities, inequalities, bounded and free-above
    columns, cut rows.

    Returns the program, its appended rows, and a function that makes feasible row
    bounds for some openings.
    """
    n = 4 * n_rows
    matrix = np.where(rng.random((n_rows, n)) < 0.4, np.round(rng.normal(size=(n_rows, n)), 2), 0.0)
    slack = np.hstack(
        [np.eye(n_rows), -np.eye(n_rows)]
    )  # recourse, so that every right-hand side is feasible
    full = np.hstack([matrix, slack, np.zeros((n_rows, 1))])
    theta = full.shape[1] - 1
    cost = np.concatenate([rng.uniform(0, 2, n), rng.uniform(20, 50, 2 * n_rows), [0.95]])
    lower = np.zeros(full.shape[1])
    lower[theta] = -1e3
    upper = np.concatenate(
        [
            np.where(rng.random(n) < 0.7, rng.uniform(1, 6, n), np.inf),
            np.full(2 * n_rows + 1, np.inf),
        ]
    )
    equal = rng.random(n_rows) < 0.7
    a = sp.csc_array(full)
    program = LinearProgram(
        a.indptr.astype(np.int32),
        a.indices.astype(np.int32),
        a.data,
        cost,
        lower,
        upper,
        np.zeros(n_rows),
        np.zeros(n_rows),
    )
    places = np.concatenate([rng.choice(n, n_places, replace=False), [theta]]).astype(np.int32)
    rows = AppendedRows(places)
    block = np.hstack([rng.uniform(-0.5, 2.0, (n_cuts, n_places)), np.ones((n_cuts, 1))])
    rows.append(block)

    def openings(count: int) -> tuple[np.ndarray, np.ndarray]:
        centre = full[:, :n] @ rng.uniform(0, 3, n) + rng.normal(size=(count, n_rows))
        cuts = rng.uniform(0, 30, n_cuts) + rng.normal(size=(count, n_cuts))
        low = np.hstack([centre, cuts])
        high = np.hstack([np.where(equal, centre, centre + 2.0), np.full((count, n_cuts), np.inf)])
        return low, high

    return program, rows, openings
