"""A stopping rule in money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from headwater.core.choices import StoppingRule
from headwater.core.history import RuleEvaluation


@dataclass(frozen=True)
class LittleGain(StoppingRule):
    """Stop when the bound grew by less than an amount over some iterations."""

    amount: Annotated[float, Gt(0), "gain of the bound below which training ends, $"]
    iterations: Annotated[int, Ge(1), "length of the window in iterations"] = 1

    type: ClassVar[str] = "little_gain"

    def evaluate(self, history, simulated):
        """Compare the gain with the amount."""
        if len(history) <= self.iterations:
            return RuleEvaluation(self.type, False, None, self.amount, "not enough iterations yet")
        gain = history[-1].lower_bound - history[-1 - self.iterations].lower_bound
        return RuleEvaluation(self.type, gain < self.amount, gain, self.amount)
