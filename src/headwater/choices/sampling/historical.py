"""Years of history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from headwater.core.choices import SAMPLING_SCHEMES, SamplingScheme
from headwater.core.noise import Draws, NoiseView


@dataclass(frozen=True)
class Historical(SamplingScheme):
    """Replay a year of the inflow history, with the order and the droughts that it had.

    What speaks against it: a record of some decades holds few droughts, and its years are not a
    sample of what the models hold possible.
    """

    type: ClassVar[str] = "historical"
    place: ClassVar[int] = 30
    classes: ClassVar[tuple[str, ...]] = ("inflow",)
    walks_scenarios: ClassVar[bool] = True
    replays_history: ClassVar[bool] = True
    digest_word: ClassVar[str] = "HISTORICAL"

    def prepare(self, noise: NoiseView) -> Draws:
        """Take years of history."""
        return noise.historical()


SAMPLING_SCHEMES.add(Historical)
