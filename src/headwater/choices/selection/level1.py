"""Level 1: what binds often enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from headwater.arrays import Mask
from headwater.core.choices import CUT_SELECTIONS, PoolView, SelectionMethod
from headwater.core.fields import Whole
from headwater.errors import ModelError


@dataclass(frozen=True)
class Level1(SelectionMethod):
    """Take cuts that were binding in at most ``threshold`` solves since they were born.

    De Matos, Philpott and Finardi 2015, Journal of Computational and Applied Mathematics 290. What
    speaks against it: a cut that was useful early counts as useful for ever.
    """

    threshold: Annotated[Whole, "solves in which a cut that may go was binding at most"] = 0

    type: ClassVar[str] = "level1"
    place: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if self.threshold < 0:
            raise ModelError(f"the threshold of level 1 must not be negative, got {self.threshold}")

    def useless(self, pool: PoolView, iteration: int) -> Mask:  # noqa: ARG002
        """Cuts that were binding too rarely."""
        rarely: Mask = pool.times_binding <= self.threshold
        return rarely


CUT_SELECTIONS.add(Level1)
