"""Where a training stands between two iterations: all that the next iteration depends on, besides the study and the cuts."""

from __future__ import annotations

from dataclasses import dataclass, field

from headwater.sddp.backward import LowerBound
from headwater.sddp.problems import StudyProblems
from headwater.sddp.records import IterationRecord
from headwater.sddp.selection import needs_archive
from headwater.sddp.trajectories import TrajectoryStore
from headwater.sddp.visited_states import VisitedStates


@dataclass
class TrainingState:
    """The state of a training after its last complete iteration.

    The next iteration is a function of this, of the cuts in the pools and of the study, and of nothing else: a training that
    goes on from a stored copy of it gives the same bits as one that was never interrupted.

    Attributes:
        store: bases of the trajectories.
        bound: evaluates the bound of the first stage, from the basis of its last evaluation.
        history: one record per complete iteration.
        visited: every state that a trajectory left a stage in; ``None`` where nothing asks for them.
    """

    store: TrajectoryStore
    bound: LowerBound
    history: list[IterationRecord] = field(default_factory=list)
    visited: VisitedStates | None = None

    @classmethod
    def fresh(cls, problems: StudyProblems) -> TrainingState:
        """The state before the first iteration."""
        sizes = [(stage.form.n_rows, stage.form.n_columns) for stage in problems.stages]
        config, n_state = problems.study.config.training, problems.layout.dimension
        store = TrajectoryStore.empty(config.forward_passes, sizes, n_state, problems.walk.n_visits)
        visited = None
        if needs_archive(config.cut_selection):
            visited = VisitedStates.empty(problems.n_stages, n_state, config.archive_memory_limit_mb)
        return cls(store, LowerBound(problems), visited=visited)

    @property
    def n_iterations(self) -> int:
        """Complete iterations."""
        return self.history[-1].iteration if self.history else 0
