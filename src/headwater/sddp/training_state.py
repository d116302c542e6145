"""Where a training stands between two iterations: all that the next iteration depends on, besides the study and the cuts."""

from __future__ import annotations

from dataclasses import dataclass, field

from headwater.sddp.backward import LowerBound
from headwater.sddp.problems import StudyProblems
from headwater.sddp.records import IterationRecord
from headwater.sddp.trajectories import TrajectoryStore


@dataclass
class TrainingState:
    """The state of a training after its last complete iteration.

    The next iteration is a function of this, of the cuts in the pools and of the study, and of nothing else: a training that
    goes on from a stored copy of it gives the same bits as one that was never interrupted.

    Attributes:
        store: bases of the trajectories.
        bound: evaluates the bound of the first stage, from the basis of its last evaluation.
        history: one record per complete iteration.
    """

    store: TrajectoryStore
    bound: LowerBound
    history: list[IterationRecord] = field(default_factory=list)

    @classmethod
    def fresh(cls, problems: StudyProblems) -> TrainingState:
        """The state before the first iteration."""
        sizes = [(stage.form.n_rows, stage.form.n_columns) for stage in problems.stages]
        n_trajectories = problems.study.config.training.forward_passes
        return cls(TrajectoryStore.empty(n_trajectories, sizes, problems.layout.dimension), LowerBound(problems))

    @property
    def n_iterations(self) -> int:
        """Complete iterations."""
        return self.history[-1].iteration if self.history else 0
