"""No cut is ever taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from headwater.arrays import Mask
from headwater.core.choices import CUT_SELECTIONS, PoolView, SelectionMethod


@dataclass(frozen=True)
class Dynamic(SelectionMethod):
    """Take none: cuts join the working rows of a solve when they are violated, as they always do.

    What speaks against it: pools grow for ever.
    """

    type: ClassVar[str] = "dynamic"
    place: ClassVar[int] = 30
    acts: ClassVar[bool] = False

    def useless(self, pool: PoolView, iteration: int) -> Mask:  # noqa: ARG002
        """None."""
        return np.zeros_like(pool.removable)


CUT_SELECTIONS.add(Dynamic)
