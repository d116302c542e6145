"""Running the rules of validation.

Over the files, over the study, or over what is left of a broken one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np

from headwater.case import (  # noqa: F401 - their rules register themselves
    rules_config,
    rules_dimensions,
    rules_dispatch,
    rules_equipment,
    rules_identity,
    rules_inflows,
    rules_past,
    rules_penalties,
    rules_plants,
    rules_plausibility,
    rules_production,
    rules_references,
    rules_references_of_studies,
    rules_scenarios,
    rules_stages,
)
from headwater.case.parts import Parts
from headwater.case.report import Collector, Finding, Severity
from headwater.case.rules import PARTS_RULES, STUDY_RULES, Problem, Rule, StudyRule
from headwater.model import Study

logger = logging.getLogger(__name__)


def all_rules() -> tuple[list[Rule], list[StudyRule]]:
    """The rules over the files and those over the study, in the order in which they run."""
    return PARTS_RULES, STUDY_RULES


def check_parts(parts: Parts, collector: Collector) -> tuple[str, ...]:
    """Run the rules over the files.

    Returns:
        Names of the rules that were skipped because a file they need does not parse.
    """
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
            logger.debug("the rule %s failed on a case with errors", _name(entry), exc_info=True)
            skipped.append(_name(entry))
        else:
            _report(entry.code, severity, problems, parts, collector)
    return tuple(skipped)


def _name(entry: Rule | StudyRule) -> str:
    return f"{entry.code} {entry.check.__name__}"


def _report(
    code: str, severity: Severity, problems: Iterable[Problem], parts: Parts, collector: Collector
) -> None:
    for p in problems:
        collector.add(
            Finding(code, severity, parts.file(p.file), p.path, p.entity, p.message, p.fix, p.count)
        )
