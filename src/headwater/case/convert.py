"""Rewriting a case in the canonical spelling, or in the dialect of Cobre 0.18.

Canonical names and places of keys, exact column types, canonical order.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Literal

from headwater.case.cobre.writing import write_newer
from headwater.case.load import load_case

logger = logging.getLogger(__name__)

Dialect = Literal["headwater", "cobre-0.18"]
"""Spelling of a case: that of this project, which is that of Cobre 0.5 too, or that of Cobre 0.18.
"""


def convert_case(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    to: Dialect = "headwater",
) -> Path:
    """Write the case in ``source`` to ``target`` in the canonical spelling.

    The new case means the same: both are loaded and compared. It appears whole or not at all. In
    the dialect of Cobre 0.18, settings that it has none like are left out, which is logged.

    Args:
        source: a case without errors, in either dialect.
        target: a directory that does not exist yet, or is empty.
        to: dialect to write.

    Returns:
        The new directory.

    Raises:
        CaseError: the case has errors, or what the dialect asked for cannot say.
        UsageError: ``target`` holds something already.

    Examples:
        >>> hw.convert_case("cobre-case", "my-case")
        >>> hw.convert_case("my-case", "newer-case", to="cobre-0.18")
    """
    case = load_case(source)
    if to == "headwater":
        return case.save(target)
    left_out = write_newer(case, Path(target))
    if left_out:
        logger.warning("left out, because Cobre 0.18 has nothing like it: %s", ", ".join(left_out))
    return Path(target)
