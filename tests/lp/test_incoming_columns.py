"""The same stage with the incoming state as columns: an independent way to its slope."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp

from headwater.lp import build_stage_template
from whole_systems import whole_system


@pytest.mark.parametrize("chronological", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_duals_of_rows_that_fix_incoming_columns_are_the_slope(
    seed: int, chronological: bool
) -> None:
    """With ``x_in`` as free columns fixed by rows, the duals of these rows need no sensitivity
    matrix to be read.
    """
    system = whole_system(seed, chronological=chronological)
    rng, seen = np.random.default_rng(seed), []
    for t in range(4):
        template = build_stage_template(system, t, np.full((5, 2), 0.2))
        state = np.concatenate(
            [rng.uniform(10, 60, 5), rng.uniform(15, 40, 10), [15.0, 12.0 * (t < 3), 8.0 * (t < 3)]]
        )
        absent = np.isin(system.operative_states["hydros"][:, t], (0, 3))
        state[:5][absent] = 0.0
        add = np.zeros(template.n_static)
        add[template.rows["load"].ravel()] = rng.uniform(40, 120, template.rows["load"].size)
        held = template.rows["availability"].ravel()
        add[held[held >= 0]] = 10.0
        add[template.rows["inflow"]] = rng.uniform(10, 30, 5)

        shift = add + template.sensitivity @ state
        plain = _optimum(
            template.cost,
            sp.csr_array(template.matrix),
            template.row_lower + shift,
            template.row_upper + shift,
            template.column_lower,
            template.column_upper,
        )
        n = template.n_state
        fixing = sp.hstack([sp.csr_array((n, template.n_columns)), sp.eye_array(n)])
        wide = sp.csr_array(
            sp.vstack([sp.hstack([template.matrix, -template.sensitivity]), fixing])
        )
        lower = np.concatenate([template.row_lower + add, state])
        upper = np.concatenate([template.row_upper + add, state])
        value, duals = _optimum(
            np.concatenate([template.cost, np.zeros(n)]),
            wide,
            lower,
            upper,
            np.concatenate([template.column_lower, np.full(n, -np.inf)]),
            np.concatenate([template.column_upper, np.full(n, np.inf)]),
        )
        assert value == pytest.approx(plain[0], rel=1e-9)
        slope = template.sensitivity.T @ plain[1]
        # At a kink of the value the two may report different slopes of the same value; random
        # numbers rarely hit one.
        agree = np.abs(slope - duals[template.n_static :]) <= 1e-6 * np.maximum(1.0, np.abs(slope))
        assert agree.mean() >= 0.8
        seen.append(agree)
    assert np.concatenate(seen).mean() > 0.9


def _optimum(cost, matrix, lower, upper, column_lower, column_upper):
    equal = lower == upper
    above, below = ~equal & np.isfinite(lower), ~equal & np.isfinite(upper)
    result = scipy.optimize.linprog(
        cost,
        A_ub=sp.vstack([matrix[below], -matrix[above]]),
        b_ub=np.concatenate([upper[below], -lower[above]]),
        A_eq=matrix[equal],
        b_eq=lower[equal],
        bounds=np.column_stack([column_lower, column_upper]),
        method="highs",
    )
    assert result.status == 0
    duals = np.zeros(len(lower))
    duals[equal] = result.eqlin.marginals
    duals[below] += result.ineqlin.marginals[: below.sum()]
    duals[above] -= result.ineqlin.marginals[below.sum() :]
    return result.fun, duals
