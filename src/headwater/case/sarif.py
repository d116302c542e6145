"""A report as a SARIF 2.1.0 log, which code hosts and editors show next to the files."""

from __future__ import annotations

from typing import Any

from headwater.case.codes import code_table
from headwater.case.report import Finding, Report, Severity

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def report_to_sarif(report: Report, version: str) -> dict[str, Any]:
    """The report as a SARIF log with one run.

    Args:
        report: findings about a case.
        version: version of the program that made it.
    """
    used = sorted({finding.code for finding in report})
    meanings = {entry.code: entry.meaning for entry in code_table()}
    rules = [{"id": code, "shortDescription": {"text": meanings[code]}} for code in used]
    driver = {"name": "headwater", "version": version, "rules": rules}
    results = [_result(finding, used.index(finding.code)) for finding in report]
    properties = {"case": report.case, "valid": report.ok, "skippedChecks": list(report.skipped)}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results, "properties": properties}],
    }


def _result(finding: Finding, rule_index: int) -> dict[str, Any]:
    fix = f" Fix: {finding.fix.rstrip('.')}." if finding.fix else ""
    location: dict[str, Any] = {}
    if finding.file:
        location["physicalLocation"] = {"artifactLocation": {"uri": finding.file}}
    names = [name for name in (finding.path, finding.entity) if name]
    if names:
        location["logicalLocations"] = [{"fullyQualifiedName": name} for name in names]
    return {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": _LEVEL[finding.severity],
        "message": {"text": f"{finding.message}.{fix}"},
        "occurrenceCount": finding.count,
        "locations": [location] if location else [],
    }
