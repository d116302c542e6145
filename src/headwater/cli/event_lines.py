"""What happens during a run as lines of JSON, for programs that watch it."""

from __future__ import annotations

import json
from typing import Any, TextIO

from headwater.cli.structured import plain
from headwater.results.run_log import event_record
from headwater.sddp import events


class EventLines:
    """Writes what happens as lines of JSON: ``started``, ``progress``, ``warning``, ``terminated``.

    It is a sink of events.

    Args:
        stream: where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: events.Event) -> None:
        """Write one event, if it is one that watchers wait for."""
        if isinstance(event, events.CompilationProgress):
            self._line("progress", **{"phase": "compilation", **_fields(event)})
        elif isinstance(event, events.CompilationFinished):
            self._line("terminated", phase="compilation", **_fields(event))
        elif isinstance(event, events.TrainingStarted | events.SimulationStarted):
            self._line("started", phase=_phase(event), **_fields(event))
        elif isinstance(event, events.IterationFinished):
            record = event.record
            self._line(
                "progress",
                phase="training",
                iteration=record.iteration,
                lower_bound=record.lower_bound,
                upper_bound=record.simulated_mean,
                upper_bound_std=record.simulated_std,
                ci_95=record.simulated_ci95,
                gap=record.gap,
                wall_time_ms=round(1e3 * record.elapsed_seconds),
                iteration_time_ms=round(1e3 * record.total_seconds),
            )
        elif isinstance(event, events.SimulationProgress):
            self._line("progress", **{"phase": "simulation", **_fields(event)})
        elif isinstance(event, events.WarningRaised):
            self._line("warning", **_fields(event))
        elif isinstance(event, events.TrainingFinished | events.SimulationFinished):
            self._line("terminated", phase=_phase(event), **_fields(event))

    def _line(self, kind: str, **fields: Any) -> None:
        print(json.dumps(plain({"type": kind, **fields})), file=self._stream, flush=True)


def _phase(event: events.Event) -> str:
    return (
        "training"
        if isinstance(event, events.TrainingStarted | events.TrainingFinished)
        else "simulation"
    )


def _fields(event: events.Event) -> dict[str, Any]:
    return {name: value for name, value in event_record(event).items() if name != "event"}
