"""What validation found: findings with a code, a place, what was expected and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from headwater.core.wording import listed
from headwater.errors import visible

MAX_FINDINGS_PER_CODE_AND_FILE = 20
"""Further findings of the same code in the same file are only counted."""


class Severity(Enum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth saying about a case.

    Attributes:
        code: stable name of the rule, e.g. ``"HW301"``.
        severity: error, warning or info.
        file: path relative to the case root; empty for the case as a whole.
        path: field or table cell inside the file, e.g. ``"hydros[3].bus_id"``; ``None`` for the
            whole file.
        entity: e.g. ``"Hydro 3, stage 5"``; ``None`` when the finding is not about one entity.
        message: what was found and what was expected.
        fix: what to do about it; may be empty.
        count: how many findings of this code in this file the last listed one stands for (1 for all
            others).
    """

    code: str
    severity: Severity
    file: str
    path: str | None
    entity: str | None
    message: str
    fix: str = ""
    count: int = 1

    @property
    def layer(self) -> int:
        """Layer of the rule.

        The layers are 1 structure, 2 schema, 3 references, 4 dimensions, 5 semantics, 6
        compatibility, 7 policy.
        """
        hundreds = int(self.code[2])
        return hundreds if hundreds <= 5 else hundreds - 1

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "file": self.file,
            "path": self.path,
            "entity": self.entity,
            "message": self.message,
            "fix": self.fix,
            "count": self.count,
        }

    @property
    def place(self) -> str:
        """Path inside the file and entity, as far as there are any.

        It reads like ``"hydros[3].bus_id (Hydro 3)"``.
        """
        if self.path and self.entity:
            return f"{self.path} ({self.entity})"
        return self.path or self.entity or ""

    @property
    def sentence(self) -> str:
        """What was found and what to do about it, and how many more there are."""
        more = f" [and {self.count - 1} more like this]" if self.count > 1 else ""
        fix = f" Fix: {self.fix.rstrip('.?')}." if self.fix else ""
        return f"{self.message}.{fix}{more}"

    def __str__(self) -> str:
        place = self.file or "case"
        if self.path:
            place += f": {self.path}"
        if self.entity:
            place += f" ({self.entity})"
        return f"{self.code} {self.severity.value} {place}: {self.sentence}"


@dataclass(frozen=True)
class Report:
    """All findings about a case, errors first, in an order that depends on the case alone.

    Attributes:
        case: name of the case directory.
        findings: what was found.
        skipped: names of the rules that could not run: files they need do not parse, or what they
            judge is broken.

    Examples:
        >>> report = hw.validate_case("mine")
        >>> report.ok, [finding.code for finding in report.findings]
    """

    case: str = ""
    findings: tuple[Finding, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that make the case unusable."""
        return self._of(Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that deserve a look."""
        return self._of(Severity.WARNING)

    @property
    def infos(self) -> tuple[Finding, ...]:
        """Findings that only inform."""
        return self._of(Severity.INFO)

    @property
    def ok(self) -> bool:
        """Whether the case can be used."""
        return not self.errors

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def by_file(self) -> tuple[tuple[str, tuple[Finding, ...]], ...]:
        """Files with their findings, the file with the most important finding first.

        ``""`` is the case as a whole.

        Examples:
            >>> hw.validate_case("my-case").by_file()
        """
        grouped: dict[str, list[Finding]] = {}
        for finding in self.findings:
            grouped.setdefault(finding.file, []).append(finding)
        return tuple((file, tuple(found)) for file, found in grouped.items())

    def heading(self) -> str:
        """The case and how much was found.

        Examples:
            >>> hw.validate_case("my-case").heading()
        """
        totals = ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "note"))
        counts = ((self._total(severity), word) for severity, word in totals)
        listed = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)
        return f"{self.case or 'case'}: {listed}"

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object (no time stamp, so equal cases give equal reports).

        Examples:
            >>> hw.validate_case("my-case").to_json()
        """
        return {
            "case": self.case,
            "valid": self.ok,
            "summary": {
                "errors": self._total(Severity.ERROR),
                "warnings": self._total(Severity.WARNING),
                "infos": self._total(Severity.INFO),
                "skipped_checks": len(self.skipped),
            },
            "findings": [finding.to_json() for finding in self.findings],
            "skipped_checks": list(self.skipped),
        }

    def skipped_sentence(self) -> str:
        """How many checks could not run, and the first of them.

        Examples:
            >>> hw.validate_case("my-case").skipped_sentence()
        """
        codes = listed(dict.fromkeys(name.split()[0] for name in self.skipped), shown=12)
        n = len(self.skipped)
        return (
            f"{n} check{'' if n == 1 else 's'} could not run until the errors are mended: {codes}"
        )

    def __str__(self) -> str:
        lines = [self.heading(), *(f"  {finding}" for finding in self.findings)]
        if self.skipped:
            lines.append(f"  {self.skipped_sentence()}")
        return "\n".join(lines)

    def _of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is severity)

    def _total(self, severity: Severity) -> int:
        return sum(finding.count for finding in self._of(severity))


class Collector:
    """Gathers findings while a case is read; nothing stops at the first problem.

    Attributes:
        strict: whether advice is law.
        name_of: gives the entity of a finding its name; set when the files are read.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.name_of: Callable[[str | None], str | None] = lambda entity: entity
        self._kept: dict[tuple[str, str], list[Finding]] = {}
        self._total: dict[tuple[str, str], int] = {}
        self._error_count = 0

    @property
    def has_errors(self) -> bool:
        """Whether any error was gathered."""
        return self._error_count > 0

    def add(self, finding: Finding) -> None:
        """Keep a finding, or count it when enough of its kind are kept."""
        key = (finding.code, finding.file)
        self._total[key] = self._total.get(key, 0) + finding.count
        kept = self._kept.setdefault(key, [])
        if len(kept) < MAX_FINDINGS_PER_CODE_AND_FILE:
            path = None if finding.path is None else _printable(finding.path)
            file, message, fix = map(_printable, (finding.file, finding.message, finding.fix))
            kept.append(replace(finding, file=file, path=path, message=message, fix=fix))
        self._error_count += finding.severity is Severity.ERROR

    def error(
        self,
        code: str,
        file: str,
        message: str,
        *,
        path: str | None = None,
        entity: str | None = None,
        fix: str = "",
    ) -> None:
        """Add an error."""
        self.add(Finding(code, Severity.ERROR, file, path, entity, message, fix))

    def warning(
        self,
        code: str,
        file: str,
        message: str,
        *,
        path: str | None = None,
        entity: str | None = None,
        fix: str = "",
    ) -> None:
        """Add a warning."""
        self.add(Finding(code, Severity.WARNING, file, path, entity, message, fix))

    def report(self, case: str, skipped: tuple[str, ...] = ()) -> Report:
        """The findings in their final order."""
        findings: list[Finding] = []
        for key, kept in self._kept.items():
            hidden = self._total[key] - sum(finding.count for finding in kept)
            findings += kept[:-1]
            findings.append(replace(kept[-1], count=kept[-1].count + hidden))
        findings = [replace(finding, entity=self.name_of(finding.entity)) for finding in findings]
        findings.sort(key=_sort_key)
        return Report(case, tuple(findings), tuple(sorted(skipped)))


def _sort_key(finding: Finding) -> tuple[Any, ...]:
    path = _natural(finding.path or "")
    return (
        _ORDER[finding.severity],
        finding.layer,
        finding.code,
        finding.file,
        path,
        finding.entity or "",
        finding.message,
    )


def _natural(path: str) -> tuple[tuple[int, int, str], ...]:
    """Key that puts ``hydros[2]`` before ``hydros[10]``."""
    parts = path.replace("]", "").replace("[", ".").split(".")
    return tuple(
        (0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts
    )


def _printable(text: str) -> str:
    """A text that can be written anywhere and steers no terminal."""
    return visible(text.encode("utf-8", "backslashreplace").decode("utf-8"))
