"""Output for programs: one envelope at the end, or a line for each event and the envelope last."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TextIO

import headwater as hw
from headwater.case import Report
from headwater.results.run_log import event_record
from headwater.sddp import events

SCHEMA = "urn:headwater:response:v1"
"""Names the shape of the envelope."""

COLOR_VARIABLE = "HEADWATER_COLOR"
"""Environment variable that says when to colour, as ``--color`` does."""


class Form(StrEnum):
    """Form of what a command says on standard output."""

    HUMAN = "human"
    JSON = "json"
    JSONL = "jsonl"


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass
class Said:
    """What the options before the command ask for."""

    color: Color | None = None
    form: Form = Form.HUMAN
    command: str = ""


said = Said()
"""Of the command under way."""


def color_options() -> dict[str, Any]:
    """Settings of a console: what the command line says, else the environment; ``auto`` leaves it to the terminal.

    ``NO_COLOR`` and ``FORCE_COLOR`` act under ``auto``.
    """
    chosen = said.color or os.environ.get(COLOR_VARIABLE, Color.AUTO).lower()
    if chosen == Color.NEVER:
        return {"no_color": True, "color_system": None}
    return {"no_color": False, "color_system": "standard"} if chosen == Color.ALWAYS else {}


def envelope(command: str, exit_code: int, *, data: Any = None, errors: Any = (), warnings: Any = (), summary: str = "") -> Any:
    """What a command has to say, for programs."""
    return _plain(
        {
            "$schema": SCHEMA,
            "command": command,
            "success": exit_code == 0,
            "exit_code": exit_code,
            "version": hw.__version__,
            "errors": list(errors),
            "warnings": list(warnings),
            "data": data,
            "summary": summary,
        }
    )


def error_records(error: BaseException) -> list[dict[str, Any]]:
    """An error as records: kind, message, context, suggestion; a case with errors gives one for each finding."""
    report = getattr(error, "report", None)
    if isinstance(report, Report):
        return [
            {
                "kind": finding["code"],
                "message": finding["message"],
                "context": {key: finding.get(key) for key in ("file", "path")},
                "suggestion": finding.get("fix"),
            }
            for finding in report.to_json()["findings"]
            if finding["severity"] == "error"
        ]
    places = ("stage_id", "scenario", "opening", "iteration")
    context = {name: getattr(error, name) for name in places if getattr(error, name, None) is not None}
    return [{"kind": type(error).__name__, "message": str(error), "context": context, "suggestion": None}]


class EventLines:
    """Writes what happens as lines of JSON: ``started``, ``progress``, ``warning``, ``terminated``. A sink of events.

    Args:
        stream: where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: events.Event) -> None:
        """Write one event, if it is one that watchers wait for."""
        if isinstance(event, events.TrainingStarted | events.SimulationStarted):
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
        print(json.dumps(_plain({"type": kind, **fields})), file=self._stream, flush=True)


def _phase(event: events.Event) -> str:
    return "training" if isinstance(event, events.TrainingStarted | events.TrainingFinished) else "simulation"


def _fields(event: events.Event) -> dict[str, Any]:
    return {name: value for name, value in event_record(event).items() if name != "event"}


def _plain(value: Any) -> Any:
    """JSON knows no infinity."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
