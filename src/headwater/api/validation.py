"""Everything that is wrong with a case."""

from __future__ import annotations

import os
from collections.abc import Iterable

from headwater.case import Finding, Report
from headwater.case import validate_case as validate_files
from headwater.model import Study


def validate_case(path: str | os.PathLike[str], *, strict: bool = False) -> Report:
    """Say everything there is to say about a case directory.

    Whatever it contains, this does not raise.

    When the files have no errors, all that training and simulation would start from is built too
    (inflow model, openings, production planes, stage programs); nothing is solved.

    Args:
        path: the directory.
        strict: take advice that published cases often disregard as law.

    Examples:
        >>> report = hw.validate_case("my-case")
        >>> report.ok, len(report.errors)
    """
    return validate_files(path, strict=strict, also=_readiness)


def _readiness(study: Study) -> Iterable[Finding]:
    """What training would stumble over.

    The engine is imported only for cases whose files have no errors.
    """
    from headwater.sddp.training.readiness import readiness_findings

    return readiness_findings(study)
