"""Codes and tolerances that the compiled kernels share."""

from __future__ import annotations

OPTIMAL = 7
"""HiGHS' model status of a solved program."""

PROVEN = 0
NOT_PROVEN = -1
"""The certificate refused the result."""
CAP_REACHED = -2
"""More pivots than allowed."""
NO_ENTERING = -3
"""No entering variable: probably infeasible; HiGHS decides."""
SMALL_PIVOT = -4
"""The pivot was too small to be trusted."""
DRIFT = -5
"""Row and column computed the same pivot differently: the factorisation has lost accuracy."""
NOT_DUAL_FEASIBLE = -6
"""The starting basis is not dual feasible."""
NO_FACTOR = -7
"""The starting basis is singular, of the wrong size, or too large to factorise here."""

FEASIBILITY_TOLERANCE = 1e-6
SIGN_TOLERANCE = 1e-7
OBJECTIVE_TOLERANCE = 1e-7
ROUNDING_TOLERANCE = 1e-9

AT_LOWER, BASIC, AT_UPPER, FREE = 0, 1, 2, 3
"""Statuses of columns and rows, as HiGHS numbers them."""

LARGEST_CORE = 400
"""Largest part of a basis that is left after peeling singletons; beyond it HiGHS' factorisation does better."""
