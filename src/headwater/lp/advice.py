"""What a planner should know about the stage programs before hours are spent.

It comes as sentences, never as errors.
"""

from __future__ import annotations

from headwater.core.equipment import EQUIPMENT
from headwater.model import System


def program_warnings(system: System) -> tuple[str, ...]:
    """Warnings about a system with computed planes already in it.

    They are the same whatever the order of its entities.
    """
    return tuple(sentence for advice in EQUIPMENT.advice for sentence in advice.check(system))
