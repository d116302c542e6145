"""What the solvers did in each phase and stage of an iteration, and how busy the workers were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FORWARD, BACKWARD, LOWER_BOUND, SIMULATION = "forward", "backward", "lower_bound", "simulation"
"""What programs are solved for: the phases of an iteration, and simulation."""

STEPS = (
    "fwd_setup",
    "bwd_setup",
    "cut_batch_build",
    "cut_sync",
    "mpi_allreduce",
    "state_exchange",
    "cut_selection",
    "lower_bound",
    "upper_bound",
    "rule_simulation",
    "checkpoint",
)
"""Steps that the clock of a team measures."""


@dataclass(frozen=True)
class StageEffort:
    """What the solvers did for one stage in one phase of one iteration, over all threads and ranks.

    Attributes:
        iteration: 1-based; of a simulation, the first scenario of a run of scenarios.
        phase: see `FORWARD` and the others.
        stage_position: 0-based.
        counts: see `SolverStatistics.effort`.
    """

    iteration: int
    phase: str
    stage_position: int
    counts: Mapping[str, float]


@dataclass(frozen=True)
class StageGap:
    """An LP whose best certified answer has a gap above tolerance; money in $.

    Attributes:
        iteration, phase, stage_position: as in `StageEffort`.
        trial: forward pass whose state it is; scenario of a simulation.
        opening: of the stage's tree; the one that the trial took, where it has one of its own.
        bound: certified lower bound of its optimum.
        gap: cost of the best feasible point less the bound; infinite where no feasible point was
            needed or found.
        attempts: made at it.
    """

    iteration: int
    phase: str
    stage_position: int
    trial: int
    opening: int
    bound: float
    gap: float
    attempts: int


@dataclass(frozen=True)
class WorkerTiming:
    """How busy one worker thread was in one iteration, in seconds.

    ``waited`` is what others took of its time.
    """

    iteration: int
    rank: int
    worker: int
    forward_seconds: float
    backward_seconds: float
    waited_seconds: float


@dataclass(frozen=True)
class IterationTiming:
    """Where the time of one iteration went, as the first rank saw it, in seconds.

    Attributes:
        iteration: 1-based.
        forward_seconds, backward_seconds, total_seconds: wall time.
        steps: see `STEPS`.
        forward_imbalance, backward_imbalance: busiest worker less the mean.
        forward_scheduling, backward_scheduling: time of parallel work less the busiest worker.
        loading_seconds: loading cuts into solver instances, summed over workers.
        waited_seconds: what workers lost to other threads or programs, summed over workers.
    """

    iteration: int
    forward_seconds: float
    backward_seconds: float
    total_seconds: float
    steps: Mapping[str, float]
    forward_imbalance: float
    backward_imbalance: float
    forward_scheduling: float
    backward_scheduling: float
    loading_seconds: float
    waited_seconds: float

    @property
    def overhead_seconds(self) -> float:
        """What no other entry accounts for."""
        outside = (
            "cut_selection",
            "lower_bound",
            "upper_bound",
            "rule_simulation",
            "checkpoint",
            "state_exchange",
        )
        known = (
            self.forward_seconds
            + self.backward_seconds
            + sum(self.steps.get(name, 0.0) for name in outside)
        )
        return max(0.0, self.total_seconds - known)
