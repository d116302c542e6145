"""A case while it is written in the newer dialect, and what of it has no place there."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from headwater.case.documents import Documents
from headwater.case.load import Case


@dataclass
class Draft:
    """The files that are being written.

    Attributes:
        case: what is written.
        files: JSON file -> content, in the spelling of this project at first.
        tables: table -> rows, the same.
        missing: what changes results and has no place in the newer dialect.
        notes: settings that are left out and change no result that training aims at.
    """

    case: Case
    files: dict[str, dict[str, Any]]
    tables: dict[str, pl.DataFrame]
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, case: Case) -> Draft:
        """A draft of a case."""
        documents: Documents = case.documents
        return cls(case, copy.deepcopy(dict(documents.files)), dict(documents.tables))

    def entries(self, file: str, key: str) -> list[dict[str, Any]]:
        """The entries of a list in a file."""
        entries: list[dict[str, Any]] = self.files.get(file, {}).get(key) or []
        return entries

    def only(self, place: str, entry: Mapping[str, Any], known: Iterable[str]) -> None:
        """Say which keys of an entry the newer dialect does not have."""
        self.missing += [f"{place}: '{key}'" for key in sorted(set(entry) - set(known))]

    def leave_out(self, place: str, entry: dict[str, Any], known: Iterable[str]) -> None:
        """Take out the keys of settings that the newer dialect does not have, and say so."""
        for key in sorted(set(entry) - set(known)):
            del entry[key]
            self.notes.append(f"{place}.{key}" if place else key)

    @property
    def first_day(self) -> str:
        """First day of the study."""
        return self.case.system.stages[0].start_date.isoformat()

    def day_of_entry(self, entry: Mapping[str, Any]) -> str:
        """Day from which something is in service."""
        system = self.case.system
        stage_id: Any = entry.get("entry_stage_id")
        if stage_id not in system.stage_index:
            return self.first_day
        return system.stages[system.stage_index[stage_id]].start_date.isoformat()
