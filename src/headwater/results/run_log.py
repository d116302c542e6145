"""The log of a run: one JSON object a line, for people who search and programs that watch."""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from headwater.results.metadata import to_json
from headwater.results.pieces import said_with_place
from headwater.sddp import events

PLACE = "logs/run.jsonl"
"""Where the log is, below the output directory; every run adds to it."""


def event_record(event: events.Event) -> dict[str, Any]:
    """An event as JSON values: its kind and its fields; of records, what fits a line."""
    fields: dict[str, Any] = {}
    if isinstance(event, events.IterationFinished):
        record = event.record
        fields = {
            f.name: getattr(record, f.name)
            for f in dataclasses.fields(record)
            if f.name != "selection"
        }
        fields["gap"] = record.gap
    elif isinstance(event, events.TrainingFinished):
        training = event.record
        bound = training.iterations[-1].lower_bound if training.iterations else None
        fields = {
            "reason": training.reason,
            "converged": training.converged,
            "iterations": len(training.iterations),
            "lower_bound": bound,
            "lower_bound_kind": training.lower_bound_kind,
            "lps_above_tolerance": training.lps_above_tolerance,
            "largest_gap": training.largest_gap,
            "seconds": training.seconds,
        }
    elif isinstance(event, events.SimulationFinished):
        simulation = event.record
        fields = {
            "scenarios": len(simulation.summary.scenario_id),
            "failed": len(simulation.failures),
            "mean_cost": simulation.summary.mean_cost,
            "ci95": simulation.summary.ci95,
            "lps_above_tolerance": simulation.lps_above_tolerance,
            "largest_gap": simulation.largest_gap,
            "seconds": simulation.seconds,
        }
    else:
        fields = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
    return {
        "event": events.kind(event),
        **{name: _finite(to_json(value)) for name, value in fields.items()},
    }


def _finite(value: Any) -> Any:
    """JSON knows no infinity."""
    return value if not isinstance(value, float) or math.isfinite(value) else None


class RunLog:
    """Writes the events of a run to its log. A context manager and a sink of events.

    An error that leaves the block is the last line. When the log cannot be written any more, the
    run goes on without it.

    Args:
        output_dir: of the run.

    Raises:
        ResultsError: the log cannot be opened.
    """

    def __init__(self, output_dir: Path) -> None:
        self._path = output_dir / PLACE
        self._file: TextIO | None = None

    def __enter__(self) -> RunLog:
        with said_with_place(self._path.parent):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8", newline="\n", buffering=1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self(events.RunFailed(type(error).__name__, str(error)))
        if self._file is not None:
            self._file.close()

    def __call__(self, event: events.Event) -> None:
        """Write one event with the time."""
        if self._file is None:
            return
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            self._file.write(json.dumps({"time": stamp, **event_record(event)}) + "\n")
        except OSError:
            self._file = None
