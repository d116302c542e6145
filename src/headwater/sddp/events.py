"""What happens during a run, for whoever wants to watch: frozen records sent to a callback between steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headwater.sddp.records import IterationRecord, TrainingRecord
from headwater.sddp.simulation_records import SimulationRecord


@dataclass(frozen=True)
class TrainingStarted:
    """Training is about to begin, or to go on after ``iterations_done``."""

    name: str
    n_stages: int
    n_hydros: int
    n_thermals: int
    n_state: int
    forward_passes: int
    max_iterations: int
    threads: int
    ranks: int = 1
    iterations_done: int = 0


@dataclass(frozen=True)
class IterationFinished:
    """One iteration is done."""

    record: IterationRecord


@dataclass(frozen=True)
class CheckpointWritten:
    """Training wrote down where it stands."""

    iteration: int
    seconds: float


@dataclass(frozen=True)
class TrainingFinished:
    """Training ended."""

    record: TrainingRecord


@dataclass(frozen=True)
class SimulationStarted:
    """Simulation is about to begin."""

    name: str
    n_scenarios: int
    threads: int
    ranks: int = 1


@dataclass(frozen=True)
class SimulationProgress:
    """Some scenarios are done; the cost is over those."""

    completed: int
    total: int
    mean_cost: float
    ci95: float
    elapsed_seconds: float


@dataclass(frozen=True)
class SimulationFinished:
    """All scenarios are done."""

    record: SimulationRecord


Event = (
    TrainingStarted
    | IterationFinished
    | CheckpointWritten
    | TrainingFinished
    | SimulationStarted
    | SimulationProgress
    | SimulationFinished
)

EventSink = Callable[[Event], None]
"""Receives events. Raising `headwater.errors.StopTraining` ends training cleanly."""


def ignore(_event: Event) -> None:
    """A sink for nobody."""
