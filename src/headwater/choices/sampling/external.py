"""Scenarios that are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from headwater.core.choices import SAMPLING_SCHEMES, SamplingScheme
from headwater.core.noise import Draws, NoiseView


@dataclass(frozen=True)
class External(SamplingScheme):
    """A trajectory walks one of the given scenarios from the first stage to the last.

    What speaks against it: few scenarios leave states unvisited, and whole paths know a future that
    the policy does not.
    """

    type: ClassVar[str] = "external"
    place: ClassVar[int] = 20
    walks_scenarios: ClassVar[bool] = True
    digest_word: ClassVar[str] = "EXTERNAL"

    def prepare(self, noise: NoiseView) -> Draws:
        """Take scenarios that are given."""
        return noise.external()


SAMPLING_SCHEMES.add(External)
