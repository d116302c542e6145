"""A case directory and what it says.

Loading, validation, description, rewriting, and the features that are not built yet.
"""

from headwater.case.builder import SystemBuilder
from headwater.case.codes import CodeEntry, code_table
from headwater.case.convert import convert_case
from headwater.case.describe import Section, describe_case
from headwater.case.features import refused_features
from headwater.case.json_schema import json_schemas, write_schemas
from headwater.case.load import Case, load_case, validate_case
from headwater.case.report import Finding, Report, Severity
from headwater.case.sarif import report_to_sarif
from headwater.case.starter import TEMPLATES, template_summaries, write_starter

__all__ = [
    "TEMPLATES",
    "Case",
    "CodeEntry",
    "Finding",
    "Report",
    "Section",
    "Severity",
    "SystemBuilder",
    "code_table",
    "convert_case",
    "describe_case",
    "json_schemas",
    "load_case",
    "refused_features",
    "report_to_sarif",
    "template_summaries",
    "validate_case",
    "write_schemas",
    "write_starter",
]
