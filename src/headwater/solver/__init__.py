"""What a linear programming solver is.

A program, a starting basis, many right-hand sides, proven answers. HiGHS inside.
"""

from typing import TYPE_CHECKING

from headwater._on_demand import on_demand

if TYPE_CHECKING:
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
        LpAttempt,
        LpGap,
        OpeningResults,
        TrialResults,
        TrialSolutions,
    )
    from headwater.solver.statistics import COUNTED, NUMBERS, SolverStatistics
else:
    __getattr__, __dir__ = on_demand(
        "headwater.solver",
        {
            "headwater.solver.highs": ("HighsProgram", "kernel_program"),
            "headwater.solver.highs_library": ("highs_version",),
            "headwater.solver.kernel_constants": ("NOT_PROVEN",),
            "headwater.solver.kernel_room": ("KernelScratch", "usual_effort"),
            "headwater.solver.problem": (
                "BASIC",
                "SMALLEST_COEFFICIENT",
                "AppendedRows",
                "Basis",
                "BasisBatch",
                "LinearProgram",
                "LpAttempt",
                "LpGap",
                "OpeningResults",
                "TrialResults",
                "TrialSolutions",
            ),
            "headwater.solver.statistics": ("COUNTED", "NUMBERS", "SolverStatistics"),
        },
        ("factor_kernel", "highs", "openings_kernel", "simplex_kernel"),
    )

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
    "LpAttempt",
    "LpGap",
    "OpeningResults",
    "SolverStatistics",
    "TrialResults",
    "TrialSolutions",
    "highs_version",
    "kernel_program",
    "usual_effort",
]
