"""Whether the ranks of a node share memory."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from headwater.errors import UsageError

SHARING_VARIABLE = "HEADWATER_SHARED_CUTS"
"""Environment variable that says whether the ranks of a node share one copy of the cuts: ``auto``,
``on`` or ``off``.
"""


class Sharing(StrEnum):
    """When the ranks of a node share memory."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


def chosen_sharing(environment: Mapping[str, str]) -> Sharing:
    """What the environment says.

    Raises:
        UsageError: the variable makes no sense.
    """
    chosen = environment.get(SHARING_VARIABLE, Sharing.AUTO.value)
    if chosen not in list(Sharing):
        raise UsageError(
            f"the environment variable {SHARING_VARIABLE} must be auto, on or off, got '{chosen}'"
        )
    return Sharing(chosen)
