"""What the options before a command ask for, and the envelope in which programs get its answer."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from headwater._version import __version__

if TYPE_CHECKING:
    from headwater.case.report import Report

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


def color_of_environment() -> Color | None:
    """What `COLOR_VARIABLE` says; ``None`` where it says nothing that is known."""
    stated = os.environ.get(COLOR_VARIABLE, "").lower()
    return Color(stated) if stated in list(Color) else None


def color_options() -> dict[str, Any]:
    """Settings of a console: what the command line says, else the environment.

    ``auto`` leaves it to the terminal.

    ``NO_COLOR`` and ``FORCE_COLOR`` act under ``auto``.
    """
    chosen = said.color or color_of_environment() or Color.AUTO
    if chosen == Color.NEVER:
        return {"no_color": True, "color_system": None}
    return {"no_color": False, "color_system": "standard"} if chosen == Color.ALWAYS else {}


def envelope(
    command: str,
    exit_code: int,
    *,
    data: Any = None,
    errors: Any = (),
    warnings: Any = (),
    summary: str = "",
) -> Any:
    """What a command has to say, for programs."""
    return plain(
        {
            "$schema": SCHEMA,
            "command": command,
            "success": exit_code == 0,
            "exit_code": exit_code,
            "version": __version__,
            "errors": list(errors),
            "warnings": list(warnings),
            "data": data,
            "summary": summary,
        }
    )


def report_of(error: BaseException) -> Report | None:
    """The findings that an error about a case carries, if it carries some."""
    carried = getattr(error, "report", None)
    if carried is None:
        return None
    from headwater.case.report import Report

    return carried if isinstance(carried, Report) else None


def error_records(error: BaseException) -> list[dict[str, Any]]:
    """An error as records: kind, message, context, suggestion.

    A case with errors gives one for each finding.
    """
    report = report_of(error)
    if report is not None:
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
    context = {
        name: getattr(error, name) for name in places if getattr(error, name, None) is not None
    }
    return [
        {
            "kind": type(error).__name__,
            "message": str(error),
            "context": context,
            "suggestion": None,
        }
    ]


def plain(value: Any) -> Any:
    """A value as JSON can hold it: JSON knows no infinity."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
