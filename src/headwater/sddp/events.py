"""What happens during a run, for whoever wants to watch.

They are frozen records, sent to a callback between steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from headwater.sddp.records.simulation import SimulationRecord
from headwater.sddp.records.training import IterationRecord, TrainingRecord


@dataclass(frozen=True)
class CompilationProgress:
    """The engine is being compiled for this machine, before anything else can begin.

    Attributes:
        done: functions that are compiled.
        total: functions in all; 0 where it is not known yet.
        seconds: since the beginning.
        seconds_left: estimate; ``None`` before there is one.
        elsewhere: whether another process does it, and this one waits.
    """

    done: int
    total: int
    seconds: float
    seconds_left: float | None
    elsewhere: bool = False


@dataclass(frozen=True)
class CompilationFinished:
    """The engine is compiled."""

    seconds: float


@dataclass(frozen=True)
class TrainingStarted:
    """Training is about to begin, or to go on after ``iterations_done``.

    ``openings`` tells of those that are scenarios.
    """

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
    openings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ForwardPassFinished:
    """The trajectories of an iteration are done; the cost is that of the policy before its cuts."""

    iteration: int
    trajectories: int
    mean_cost: float
    seconds: float


@dataclass(frozen=True)
class BackwardPassFinished:
    """The cuts of an iteration are made."""

    iteration: int
    cuts_added: int
    seconds: float


@dataclass(frozen=True)
class CutSelectionFinished:
    """Cuts were deactivated, or none was worth it."""

    iteration: int
    deactivated: int
    evicted: int
    active: int
    seconds: float


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


@dataclass(frozen=True)
class WarningRaised:
    """Something the user should know; ``code`` where it has one (``HW...``)."""

    message: str
    code: str | None = None

    @classmethod
    def of(cls, text: str) -> WarningRaised:
        """A warning whose code, if any, begins the text."""
        code, _, rest = text.partition(" ")
        return cls(rest, code) if re.fullmatch(r"HW\d{3}", code) else cls(text)


@dataclass(frozen=True)
class RunFailed:
    """The run ends with an error: its kind and what it says."""

    error: str
    message: str


Event = (
    CompilationProgress
    | CompilationFinished
    | TrainingStarted
    | ForwardPassFinished
    | BackwardPassFinished
    | CutSelectionFinished
    | IterationFinished
    | CheckpointWritten
    | TrainingFinished
    | SimulationStarted
    | SimulationProgress
    | SimulationFinished
    | WarningRaised
    | RunFailed
)

EventSink = Callable[[Event], None]
"""Receives events. Raising `headwater.errors.StopTraining` ends training cleanly."""


def both(first: EventSink, second: EventSink) -> EventSink:
    """A sink that passes every event on to two, in this order."""

    def pass_on(event: Event) -> None:
        first(event)
        second(event)

    return pass_on


def kind(event: Event) -> str:
    """Name of the kind of an event in logs: ``training_started``, ..."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()


def ignore(_event: Event) -> None:
    """A sink for nobody."""
