"""What a linear programming solver is: a program, a starting basis, many right-hand sides, proven answers. HiGHS inside."""

from headwater.solver.highs import HighsProgram, kernel_program
from headwater.solver.highs_library import highs_version
from headwater.solver.kernel_constants import NOT_PROVEN
from headwater.solver.kernel_room import KernelScratch, usual_effort
from headwater.solver.problem import (
    BASIC,
    SMALLEST_COEFFICIENT,
    AppendedRows,
    Basis,
    BasisBatch,
    LinearProgram,
    LpGap,
    OpeningResults,
    TrialResults,
    TrialSolutions,
)
from headwater.solver.statistics import COUNTED, NUMBERS, SolverStatistics

__all__ = [
    "BASIC",
    "COUNTED",
    "NOT_PROVEN",
    "NUMBERS",
    "SMALLEST_COEFFICIENT",
    "AppendedRows",
    "Basis",
    "BasisBatch",
    "HighsProgram",
    "KernelScratch",
    "LinearProgram",
    "LpGap",
    "OpeningResults",
    "SolverStatistics",
    "TrialResults",
    "TrialSolutions",
    "highs_version",
    "kernel_program",
    "usual_effort",
]
