"""Codes and tolerances that the compiled kernels share."""

from __future__ import annotations

OPTIMAL = 7
"""HiGHS' model status of a solved program."""

PROVEN = 0
"""The dual bound is the optimum, within tolerances."""
NOT_PROVEN = -1
"""The gap between the point and the dual bound is above tolerance."""
CAP_REACHED = -2
"""More pivots than allowed."""
NO_ENTERING = -3
"""No entering variable: probably infeasible; HiGHS decides."""
SMALL_PIVOT = -4
"""The pivot was too small to be trusted."""
DRIFT = -5
"""Row and column computed the same pivot differently: the factorisation has lost accuracy."""
NO_FACTOR = -7
"""The starting basis is of the wrong size, or too large to factorise here, and could not be
repaired.
"""
WEARY = -6
"""Many steps since the basis was factorised: with a fresh factor pivots go on faster."""
BOUNDED = -8
"""A certificate's word for a valid bound whose gap is above tolerance, or not known."""
NO_BOUND = -9
"""A certificate's word for duals that give no bound."""

START, RESTORE, FIRST, REST = 1, 2, 4, 8
"""Parts of solving the openings of a trial.

Go to their mean, which is where they start; start from a basis that was kept; solve
openings from there; go to those that were not reached, with fresh factors on the way."""
WHOLE = START | FIRST | REST
"""All that a trial asks for, in one call."""

PRIMAL_TOLERANCE = 1e-8
"""How far the simplex lets a point miss a bound."""
FEASIBILITY_TOLERANCE = 1e-6
"""How far a point may miss a bound or a row, in the units of the program, which is scaled so that
they are about one.
"""
OBJECTIVE_TOLERANCE = 1e-7
"""Largest gap of a proven solution, as a share of the bound..."""
MONEY_TOLERANCE = 1e-12
"""...besides as a share of the money at stake in the program
(`headwater.solver.problem.LinearProgram.money`)...
"""
TERM_TOLERANCE = 2.0**-44
"""...and as a share of the magnitudes of all terms that the bound is the sum of."""
ROUNDING_TOLERANCE = 1e-9

AT_LOWER, BASIC, AT_UPPER, FREE = 0, 1, 2, 3
"""Statuses of columns and rows, as HiGHS numbers them."""

LARGEST_CORE = 500
"""Largest part of a basis that is left after peeling singletons; beyond it HiGHS' factorisation
does better.
"""
