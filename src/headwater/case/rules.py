"""The registry of validation rules: each is one small function with a code and a severity."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.case.manifest import JSON_FILES, TABLE_FILES
from headwater.case.parts import Parts
from headwater.case.report import Severity
from headwater.model import Study

if TYPE_CHECKING:
    from collections.abc import Sequence

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


@dataclass(frozen=True)
class Problem:
    """What a rule found, before it gets the code and severity of the rule.

    Attributes:
        file: canonical name of the file it is in.
        message: what was got and what was expected.
        path, entity, fix, count: as in `Finding`.
    """

    file: str
    message: str
    path: str | None = None
    entity: str | None = None
    fix: str = ""
    count: int = 1


PartsCheck = Callable[[Parts], Iterable[Problem]]
StudyCheck = Callable[[Study], Iterable[Problem]]


@dataclass(frozen=True)
class Rule:
    """A rule over the files, run as soon as the files it needs parse."""

    code: str
    severity: Severity
    strict: Severity
    needs: tuple[str, ...]
    check: PartsCheck


@dataclass(frozen=True)
class StudyRule:
    """A rule over the finished study: of a broken case, over what is left of it."""

    code: str
    severity: Severity
    strict: Severity
    needs: tuple[str, ...]
    check: StudyCheck


SYSTEM_FILES = (
    "stages.json",
    "penalties.json",
    "initial_conditions.json",
    *(name for name in (*JSON_FILES, *TABLE_FILES) if name.startswith(("system/", "constraints/"))),
)
"""Files that make the system without what is uncertain: all rules over the study look at it."""

PARTS_RULES: list[Rule] = []
STUDY_RULES: list[StudyRule] = []


def rule(
    code: str,
    severity: Severity = ERROR,
    *,
    strict: Severity | None = None,
    needs: Sequence[str] = (),
) -> Callable[[PartsCheck], PartsCheck]:
    """Register a rule over the files.

    Args:
        code: code of its findings.
        severity: severity of its findings.
        strict: severity under strict validation, when it differs.
        needs: files that must parse; a file that is not there counts as empty, unless it is
            required.
    """

    def register(check: PartsCheck) -> PartsCheck:
        PARTS_RULES.append(Rule(code, severity, strict or severity, tuple(needs), check))
        return check

    return register


def study_rule(
    code: str,
    severity: Severity = WARNING,
    *,
    strict: Severity | None = None,
    needs: Sequence[str] = (),
) -> Callable[[StudyCheck], StudyCheck]:
    """Register a rule over the finished study, whose bounds and penalties are resolved.

    Args:
        code: code of its findings.
        severity: severity of its findings.
        strict: severity under strict validation, when it differs.
        needs: what it looks at besides `SYSTEM_FILES`.
    """

    def register(check: StudyCheck) -> StudyCheck:
        STUDY_RULES.append(
            StudyRule(code, severity, strict or severity, (*SYSTEM_FILES, *needs), check)
        )
        return check

    return register
