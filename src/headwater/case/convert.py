"""Rewriting a case in the canonical spelling.

Canonical names and places of keys, exact column types, canonical order.
"""

from __future__ import annotations

import os
from pathlib import Path

from headwater.case.load import load_case


def convert_case(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> Path:
    """Write the case in ``source`` to ``target`` in the canonical spelling.

    The new case means the same: both are loaded and compared. It appears whole or not at all.

    Args:
        source: a case without errors.
        target: a directory that does not exist yet, or is empty.

    Returns:
        The new directory.

    Raises:
        CaseError: the case has errors.
        UsageError: ``target`` holds something already.

    Examples:
        >>> hw.convert_case("cobre-case", "my-case")
    """
    return load_case(source).save(target)
