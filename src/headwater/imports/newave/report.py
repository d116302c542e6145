"""What became of every file of a deck: read, approximated, ignored or missing, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Fate(StrEnum):
    """What became of a file, from the best to the worst."""

    READ = "read"
    APPROXIMATED = "approximated"
    IGNORED = "ignored"
    MISSING = "missing"


@dataclass
class FileReport:
    """One file of the deck.

    Attributes:
        file: its name in the deck.
        fate: what became of it.
        notes: what was taken from it, and what was not and why.
    """

    file: str
    fate: Fate
    notes: list[str] = field(default_factory=list)


@dataclass
class ImportReport:
    """The files of a deck in the order in which they were read, and what became of them."""

    files: dict[str, FileReport] = field(default_factory=dict)

    def read(self, file: str, note: str = "") -> None:
        """A file was read; what was noted before stays."""
        self._add(file, Fate.READ, note)

    def approximate(self, file: str, note: str) -> None:
        """Something of a file has another form in the case than in the deck."""
        self._add(file, Fate.APPROXIMATED, note)

    def ignore(self, file: str, note: str) -> None:
        """Nothing of a file is in the case."""
        self._add(file, Fate.IGNORED, note)

    def leave_out(self, file: str, note: str) -> None:
        """A part of a file that was read is not in the case."""
        self._add(file, Fate.APPROXIMATED, f"left out: {note}")

    def miss(self, file: str, note: str) -> None:
        """A file that the deck names, or that decks have, does not exist."""
        self._add(file, Fate.MISSING, note)

    def rows(self) -> list[dict[str, str]]:
        """A row for each file: ``file``, ``fate``, ``notes``."""
        return [
            {"file": one.file, "fate": one.fate.value, "notes": "; ".join(one.notes)}
            for one in self.files.values()
        ]

    def _add(self, file: str, fate: Fate, note: str) -> None:
        found = self.files.setdefault(file, FileReport(file, fate))
        if list(Fate).index(fate) > list(Fate).index(found.fate):
            found.fate = fate
        if note and note not in found.notes:
            found.notes.append(note)
