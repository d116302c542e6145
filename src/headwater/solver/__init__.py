"""What a linear programming solver is: a program, a starting basis, many right-hand sides, proven answers. HiGHS inside."""

from headwater.solver.highs import HighsProgram, KernelScratch, SolverStatistics
from headwater.solver.highs_library import highs_version
from headwater.solver.problem import (
    BASIC,
    SMALLEST_COEFFICIENT,
    AppendedRows,
    Basis,
    BasisBatch,
    LinearProgram,
    OpeningResults,
    TrialBounds,
    TrialResults,
)

__all__ = [
    "BASIC",
    "SMALLEST_COEFFICIENT",
    "AppendedRows",
    "Basis",
    "BasisBatch",
    "HighsProgram",
    "KernelScratch",
    "LinearProgram",
    "OpeningResults",
    "SolverStatistics",
    "TrialBounds",
    "TrialResults",
    "highs_version",
]
