"""The risk-adjusted value of a stage and its slope, from one solve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.sddp.cuts.risk import weigh
from headwater.sddp.stage.batches import Solved
from headwater.sddp.stage.problems import StudyProblems


@dataclass(frozen=True)
class Aggregated:
    """A value in $ and its slope ``[n_state]`` in $ per unit of incoming state."""

    value: float
    slope: np.ndarray


def aggregate(problems: StudyProblems, t: int, solved: Solved) -> Aggregated:
    """Weigh the openings of stage position ``t`` with its risk measure."""
    problem = problems.stages[t]
    objective = problem.objective(solved)
    weights, _ = weigh(
        problems.system.stages[t].risk, problems.uncertainty.tree.probability[t], objective
    )
    return Aggregated(sum(weights * objective), problem.slope(solved, weights))
