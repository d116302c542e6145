"""Limited memory level 1: what was binding lately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from headwater.arrays import Mask
from headwater.core.choices import CUT_SELECTIONS, PoolView, SelectionMethod
from headwater.core.fields import Whole
from headwater.errors import ModelError


@dataclass(frozen=True)
class LimitedMemory(SelectionMethod):
    """Take cuts that were not binding in the last ``memory_window`` iterations.

    The memory is one of iterations, not of trial points as in Guigues 2017, European Journal of
    Operational Research 258, whose name it has. What speaks against it: a cut that rare states need
    is lost between two visits.
    """

    memory_window: Annotated[Whole, "iterations for which an idle cut is kept"] = 0

    type: ClassVar[str] = "lml1"
    place: ClassVar[int] = 10

    def __post_init__(self) -> None:
        if self.memory_window < 0:
            raise ModelError(
                "the memory window of limited memory level 1 must not be negative, got "
                f"{self.memory_window}"
            )

    def useless(self, pool: PoolView, iteration: int) -> Mask:
        """Cuts that were binding too long ago."""
        long_ago: Mask = iteration - pool.last_binding > self.memory_window
        return long_ago


CUT_SELECTIONS.add(LimitedMemory)
