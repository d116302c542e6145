"""Trajectories of noise that is new in every iteration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from headwater.core.choices import FORWARD_PASSES, ForwardEngine, ForwardPass


@dataclass(frozen=True)
class SampledPass(ForwardPass):
    """Operate the system once, under the noise of the iteration.

    What speaks against it: states that the noise seldom leads to are seldom visited, so the policy
    is worst where the system is in trouble.
    """

    type: ClassVar[str] = "default"
    place: ClassVar[int] = 0

    def run(self, engine: ForwardEngine, iteration: int) -> None:
        """Simulate the iteration's own noise."""
        engine.simulate(iteration)


FORWARD_PASSES.add(SampledPass)
