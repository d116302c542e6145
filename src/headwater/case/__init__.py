"""A case directory and what it says: loading, validation, and the features that are not built yet."""

from headwater.case.features import refused_features
from headwater.case.load import Case, load_case, validate_case
from headwater.case.report import Finding, Report, Severity

__all__ = ["Case", "Finding", "Report", "Severity", "load_case", "refused_features", "validate_case"]
