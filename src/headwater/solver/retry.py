"""What to try, in which order, when HiGHS does not solve a program at the first attempt.

The ladder depends on statuses and iteration limits only, never on time, so that a run is
reproducible; the time budget can only end it early. Whatever HiGHS finds, the kernel cleans up from
its basis; after the last level the kernel tries alone, slowly.
"""

from __future__ import annotations

from headwater.arrays import FrozenDict

Option = bool | int | float | str
Options = FrozenDict[str, Option]


COLD_START: Options = FrozenDict({"dual_simplex_cost_perturbation_multiplier": 1.0})
"""Options for a first attempt without a basis: from there, unperturbed costs make degenerate
programs stall.
"""


def default_options(n_columns: int) -> dict[str, Option]:
    """Options of a first attempt.

    A warm start that is not done after a few pivots per column has stalled; the ladder then does
    better than patience.

    Args:
        n_columns: size of the program; it sets the iteration limit.
    """
    return {
        "output_flag": False,
        "solver": "simplex",
        "simplex_strategy": 1,
        "simplex_scale_strategy": 0,
        "small_matrix_value": 1e-12,
        "large_matrix_value": 1e300,
        "presolve": "off",
        "parallel": "off",
        "threads": 1,
        "random_seed": 0,
        "primal_feasibility_tolerance": 1e-9,
        "dual_feasibility_tolerance": 1e-7,
        "simplex_dual_edge_weight_strategy": 1,
        "simplex_price_strategy": 1,
        "dual_simplex_cost_perturbation_multiplier": 0.0,
        "rebuild_refactor_solution_error_tolerance": 1e-8,
        "simplex_iteration_limit": 2_000 + 2 * n_columns,
        "ipm_iteration_limit": 10_000,
        "run_crossover": "on",
        "user_objective_scale": 0,
        "user_bound_scale": 0,
    }


def ladder_options(n_columns: int) -> dict[str, Option]:
    """Options that every further attempt starts from."""
    return default_options(n_columns) | {"simplex_iteration_limit": max(100_000, 50 * n_columns)}


def _level(**options: Option) -> Options:
    return FrozenDict(options)


LADDER: tuple[Options, ...] = (
    _level(dual_simplex_cost_perturbation_multiplier=1.0),
    _level(dual_simplex_cost_perturbation_multiplier=1.0, presolve="on"),
    _level(presolve="on", simplex_strategy=4, simplex_scale_strategy=4),
    _level(presolve="on", solver="ipm"),
)
"""Attempts after the first, in order: options on top of those of `ladder_options`, each from a
cleared solver.
"""
