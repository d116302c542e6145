"""Certified equality on random systems: values of HiGHS from cold, dual feasible duals, cuts that
are valid and tight.

``HEADWATER_RANDOM_SYSTEMS`` sets how many systems are drawn.
"""

from __future__ import annotations

import os

import numpy as np
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.sddp.stage.batches import NewCuts
from headwater.sddp.stage.problems import StudyProblems, build_problems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.sddp.training.train import train_policy
from headwater.solver import BasisBatch
from small_systems import random_system, study

N_SYSTEMS = int(os.environ.get("HEADWATER_RANDOM_SYSTEMS", "200"))
N_STATES = 50


def states_of(problems: StudyProblems, rng: np.random.Generator, count: int) -> np.ndarray:
    """States between nearly empty and nearly full, with wet and dry pasts."""
    n = problems.layout.size("storage")
    top = problems.system.bounds.hydro.max_storage_hm3[:, 0]
    storage = top * rng.uniform(0.02, 0.98, (count, n))
    return np.hstack(
        [storage, rng.uniform(5, 90, (count, n * problems.layout.block("inflow_lag").depth))]
    )


@settings(max_examples=N_SYSTEMS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6))
def test_openings_equal_cold_solves_and_cuts_are_valid_and_tight(seed: int):
    rng = np.random.default_rng(seed)
    system = random_system(
        seed,
        n_openings=int(rng.integers(2, 5)),
        n_lags=int(rng.integers(0, 3)),
        planes=bool(seed % 2),
    )
    chosen = study(system, iterations=4, forward_passes=2, method="penalty")
    pools = train_policy(chosen).pools
    problems, reference = build_problems(chosen, pools), build_problems(chosen, pools)
    for stage in reference.stages:
        stage.batched = False
    t = int(rng.integers(1, problems.n_stages))
    stage, programs, cold = problems.stages[t], SolverPool(problems), SolverPool(reference)
    trial = states_of(problems, rng, 1)
    start = programs.solve(t, states_of(problems, rng, 1)[0], stage.openings, None).results.basis
    solved = programs.solve_tree(t, trial, BasisBatch(start.columns[None], start.rows[None]))
    made, weights = NewCuts.empty(1, 1, len(trial[0])), problems.uncertainty.tree.probability[t]
    nothing, binding = np.empty(0, np.int64), np.zeros(stage.rows.n_rows, np.int64)
    stage.make_cuts(solved, made, doubtful=nothing, binding=binding, tolerance=0.0)
    intercept, slope = float(made.intercepts[0, 0]), made.slopes[0, 0]
    value = float(weights @ stage.trial_objectives(solved)[0])
    assert (
        binding.tolist()
        == (solved.results.row_dual[0, :, stage.form.n_rows :] > 0.0).sum(axis=0).tolist()
    )

    expected = cold.solve(t, trial[0], reference.stages[t].openings, None)
    allowed = 1e-7 * np.maximum(1.0, np.abs(expected.results.objective))
    assert (np.abs(solved.results.objective[0] - expected.results.objective) <= allowed).all()
    for w in range(len(expected.results.objective)):
        assert_dual_feasible(stage, solved.results.row_dual[0, w])

    assert abs(intercept + slope @ trial[0] - value) <= 1e-9 * max(1.0, abs(value))
    true_value = weights @ expected.results.objective * stage.form.cost_scale
    assert abs(value - true_value) <= 1e-7 * max(1.0, abs(true_value)), "the cut is not tight"
    others = states_of(problems, rng, N_STATES)
    basis = expected.results.basis
    for state in others:
        recourse = (
            weights
            @ cold.solve(t, state, reference.stages[t].openings, basis).results.objective
            * stage.form.cost_scale
        )
        assert intercept + slope @ state <= recourse + 1e-7 * max(1.0, abs(recourse)), (
            "the cut is not valid"
        )


def assert_dual_feasible(stage, row_dual: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    """Signs of row duals and reduced costs fit the bounds that are infinite.

    The matrix is that of the form and the cuts.
    """
    form, rows, scaling = stage.form, stage.rows, stage.scaling
    cuts = np.zeros((rows.n_rows, form.n_columns))
    cuts[:, rows.columns] = rows.entries[:, : rows.n_rows].T
    matrix = sp.vstack([sp.csr_array(scaling.matrix(form.matrix)), sp.csr_array(cuts)])
    reduced = form.cost * scaling.column - matrix.T @ row_dual
    lower, upper = (
        np.concatenate([form.row_lower, np.zeros(rows.n_rows)]),
        np.concatenate([form.row_upper, np.full(rows.n_rows, np.inf)]),
    )
    assert (row_dual[np.isinf(lower)] <= 0.0).all()
    assert (row_dual[np.isinf(upper)] >= 0.0).all()
    assert (reduced[np.isinf(form.column_lower)] <= 1e-7).all()
    assert (reduced[np.isinf(form.column_upper)] >= -1e-7).all()
