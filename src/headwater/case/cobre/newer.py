"""A case of the newer dialect while it is rewritten: its files, and where findings go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeGuard

import polars as pl

from headwater.case.manifest import NEWER_JSON_FILES, NEWER_TABLE_FILES
from headwater.case.names import entity_at
from headwater.case.report import Collector
from headwater.case.shapes import write_path

PARAMETERS, POST_STUDY = NEWER_JSON_FILES
PRODUCTIVITIES, TAILRACES, GROUP_BOUNDS = NEWER_TABLE_FILES

Steps = tuple[str | int, ...]


@dataclass
class Newer:
    """The files of a case of the newer dialect, rewritten in place.

    Attributes:
        raw: JSON file -> content; whatever a user may have written, so nothing about its shape is
            sure.
        tables: table -> rows.
        shown: name of a file for messages.
        collector: takes the findings.
    """

    raw: dict[str, dict[str, Any]]
    tables: dict[str, pl.DataFrame]
    shown: Callable[[str], str]
    collector: Collector

    def refuse(self, file: str, steps: Steps, message: str, fix: str) -> None:
        """Report what is not part of the model (HW730)."""
        self.collector.error(
            "HW730",
            self.shown(file),
            message,
            path=write_path(steps) or None,
            entity=entity_at(self.raw.get(file), steps),
            fix=fix,
        )

    def refuse_row(self, file: str, entity: str | None, message: str, fix: str) -> None:
        """Report a row of a table that asks for what is not part of the model (HW730)."""
        self.collector.error("HW730", self.shown(file), message, entity=entity, fix=fix)

    def leave_out(self, file: str, steps: Steps, message: str) -> None:
        """Report what changes no result and is left out (HW731)."""
        fix = "nothing needs to be done; remove it to silence this"
        self.collector.warning(
            "HW731", self.shown(file), message, path=write_path(steps) or None, fix=fix
        )

    def wrong(self, code: str, file: str, steps: Steps, message: str, fix: str) -> None:
        """Report an error of the file itself."""
        self.collector.error(
            code,
            self.shown(file),
            message,
            path=write_path(steps) or None,
            entity=entity_at(self.raw.get(file), steps),
            fix=fix,
        )

    def entries(self, file: str, key: str) -> list[tuple[int, dict[str, Any]]]:
        """The objects of a list in a file, with their positions."""
        return list(objects(self.raw.get(file, {}).get(key)))

    def section(self, file: str, *keys: str) -> dict[str, Any]:
        """A section of a file; an empty one where there is none."""
        here: Any = self.raw.get(file, {})
        for key in keys:
            here = here.get(key) if isinstance(here, dict) else None
        return here if isinstance(here, dict) else {}

    @property
    def stages(self) -> list[dict[str, Any]]:
        """Study stages that have an id and dates, in ascending id."""
        found = [
            stage
            for _, stage in self.entries("stages.json", "stages")
            if whole(stage.get("id")) and None not in dates(stage)
        ]
        return sorted(found, key=lambda stage: stage["id"])

    @property
    def stage_ids(self) -> list[int]:
        """Ids of the study stages in ascending order."""
        return [stage["id"] for stage in self.stages]


def objects(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a list, with their positions; none of anything else."""
    if isinstance(value, list):
        yield from ((i, item) for i, item in enumerate(value) if isinstance(item, dict))


def whole(value: Any) -> TypeGuard[int]:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def day(value: Any) -> date | None:
    """A date as files write it, or ``None``."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def dates(entry: Mapping[str, Any]) -> tuple[date | None, date | None]:
    """First day of a period and the day after its last."""
    return day(entry.get("start_date")), day(entry.get("end_date"))
