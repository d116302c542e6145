"""Noise drawn afresh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from headwater.core.choices import SAMPLING_SCHEMES, SamplingScheme
from headwater.core.noise import Draws, NoiseView


@dataclass(frozen=True)
class OutOfSample(SamplingScheme):
    """Every stage draws afresh from the statistical models, by its sampling method.

    What speaks against it in training: forward costs are then of another random future than the
    bound, and the two must not be compared.
    """

    type: ClassVar[str] = "out_of_sample"
    place: ClassVar[int] = 10
    digest_word: ClassVar[str] = "OUT_OF_SAMPLE"

    def prepare(self, noise: NoiseView) -> Draws:
        """Draw afresh."""
        return noise.fresh()


SAMPLING_SCHEMES.add(OutOfSample)
