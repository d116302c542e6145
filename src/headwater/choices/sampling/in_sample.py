"""Noise of the openings of the tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from headwater.core.choices import SAMPLING_SCHEMES, SamplingScheme
from headwater.core.noise import Draws, NoiseView


@dataclass(frozen=True)
class InSample(SamplingScheme):
    """Every stage takes one of the openings of the tree, by their probability.

    What speaks against it: trajectories never see anything but the openings, so simulated costs
    tell nothing of how the policy does under other noise.
    """

    type: ClassVar[str] = "in_sample"
    place: ClassVar[int] = 0
    needs_seed: ClassVar[bool] = False
    takes_openings: ClassVar[bool] = True
    digest_word: ClassVar[str] = "IN_SAMPLE"

    def prepare(self, noise: NoiseView) -> Draws:
        """Draw openings."""
        return noise.openings()


SAMPLING_SCHEMES.add(InSample)
