"""The registry of validation rules: each is one small function with a code and a severity."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headwater.case.manifest import JSON_FILES, TABLE_FILES
from headwater.case.parts import Parts
from headwater.case.report import Collector, Finding, Severity
from headwater.model import Study

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

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
    code: str, severity: Severity = ERROR, *, strict: Severity | None = None, needs: Sequence[str] = ()
) -> Callable[[PartsCheck], PartsCheck]:
    """Register a rule over the files.

    Args:
        code: code of its findings.
        severity: severity of its findings.
        strict: severity under strict validation, when it differs.
        needs: files that must parse; a file that is not there counts as empty, unless it is required.
    """

    def register(check: PartsCheck) -> PartsCheck:
        PARTS_RULES.append(Rule(code, severity, strict or severity, tuple(needs), check))
        return check

    return register


def study_rule(
    code: str, severity: Severity = WARNING, *, strict: Severity | None = None, needs: Sequence[str] = ()
) -> Callable[[StudyCheck], StudyCheck]:
    """Register a rule over the finished study, whose bounds and penalties are resolved.

    Args:
        code: code of its findings.
        severity: severity of its findings.
        strict: severity under strict validation, when it differs.
        needs: what it looks at besides `SYSTEM_FILES`.
    """

    def register(check: StudyCheck) -> StudyCheck:
        STUDY_RULES.append(StudyRule(code, severity, strict or severity, (*SYSTEM_FILES, *needs), check))
        return check

    return register


def check_parts(parts: Parts, collector: Collector) -> tuple[str, ...]:
    """Run the rules over the files.

    Returns:
        Names of the rules that were skipped because a file they need does not parse.
    """
    load_all_rules()
    skipped = []
    for entry in PARTS_RULES:
        if parts.failed.intersection(entry.needs):
            skipped.append(_name(entry))
            continue
        severity = entry.strict if collector.strict else entry.severity
        with np.errstate(all="ignore"):  # absurd figures may overflow; they are judged as infinite
            _report(entry.code, severity, entry.check(parts), parts, collector)
    return tuple(skipped)


def check_study(study: Study, parts: Parts, collector: Collector) -> None:
    """Run the rules over the study of a case without errors."""
    for entry in STUDY_RULES:
        severity = entry.strict if collector.strict else entry.severity
        with np.errstate(all="ignore"):
            _report(entry.code, severity, entry.check(study), parts, collector)


def check_what_is_left(study: Study | None, parts: Parts, collector: Collector) -> tuple[str, ...]:
    """Run the rules over what is left of a broken case.

    Args:
        study: the study without its broken parts; ``None`` when there is too little for one.
        parts: the files.
        collector: takes the findings.

    Returns:
        Names of the rules that could not run.
    """
    skipped = []
    for entry in STUDY_RULES:
        severity = entry.strict if collector.strict else entry.severity
        if study is None or parts.failed.intersection(entry.needs):
            skipped.append(_name(entry))
            continue
        try:
            with np.errstate(all="ignore"):
                problems = list(entry.check(study))
        except Exception:  # the study is broken, so a rule may stumble over anything
            logger.debug("the rule %s stumbles over a broken case", _name(entry), exc_info=True)
            skipped.append(_name(entry))
        else:
            _report(entry.code, severity, problems, parts, collector)
    return tuple(skipped)


def _name(entry: Rule | StudyRule) -> str:
    return f"{entry.code} {entry.check.__name__}"


def _report(code: str, severity: Severity, problems: Iterable[Problem], parts: Parts, collector: Collector) -> None:
    for p in problems:
        collector.add(Finding(code, severity, parts.file(p.file), p.path, p.entity, p.message, p.fix, p.count))


def load_all_rules() -> None:
    """Import the modules whose rules register themselves."""
    from headwater.case import (  # noqa: F401
        rules_config,
        rules_dimensions,
        rules_dispatch,
        rules_identity,
        rules_inflows,
        rules_penalties,
        rules_plants,
        rules_plausibility,
        rules_references,
        rules_stages,
    )
