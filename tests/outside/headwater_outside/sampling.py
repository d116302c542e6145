"""Noise in pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Le

from headwater.core.choices import SamplingScheme
from headwater.core.noise import Draws


@dataclass(frozen=True)
class Antithetic(SamplingScheme):
    """Fresh noise in pairs.

    The second scenario of a pair has that of the first with the other sign.
    """

    share: Annotated[float, Ge(0), Le(1), "size of the second's noise, over that of the first"] = (
        1.0
    )

    type: ClassVar[str] = "antithetic"

    def prepare(self, noise):
        """Draw afresh for the first of each pair."""
        return Pairs(noise.fresh(), self.share)


class Pairs(Draws):
    """The draws of a class, in pairs."""

    def __init__(self, fresh, share):
        self._fresh = fresh
        self._share = share

    def noise(self, visit):
        """That of the first of the pair, with the sign of each."""
        second = visit.scenarios % 2
        sign = np.where(second == 0, 1.0, -self._share)
        return sign[:, None] * self._fresh.noise(visit.of(visit.scenarios - second))
