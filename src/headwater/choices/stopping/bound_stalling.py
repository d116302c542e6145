"""A bound that grows no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from headwater.core.choices import STOPPING_RULES, StoppingRule
from headwater.core.fields import Count, Positive
from headwater.core.history import Iteration, RuleEvaluation, bound_change
from headwater.errors import ModelError


@dataclass(frozen=True)
class BoundStalling(StoppingRule):
    """Stop when the bound grew by less than ``tolerance`` (relative) over the last ``iterations``.

    What speaks against it: a bound also stands still while forward passes visit the same states
    again, far from the optimum. Take a window of many iterations, or the rule ``gap``.

    >>> from types import SimpleNamespace
    >>> history = [SimpleNamespace(lower_bound=bound) for bound in (80.0, 90.0, 99.0, 100.0)]
    >>> found = BoundStalling(iterations=2, tolerance=0.05).evaluate(history, [None] * 4)
    >>> found.met, found.value  # from 90 to 100 $ is a tenth of 100 $
    (False, 0.1)
    """

    iterations: Annotated[Count, "length of the window in iterations"]
    tolerance: Annotated[Positive, "relative gain of the bound below which training ends"]

    type: ClassVar[str] = "bound_stalling"
    place: ClassVar[int] = 20

    def __post_init__(self) -> None:
        if self.iterations < 1 or not self.tolerance > 0:
            raise ModelError("bound stalling needs at least 1 iteration and a positive tolerance")

    def evaluate(
        self,
        history: Sequence[Iteration],
        simulated: Sequence[Sequence[float] | None],  # noqa: ARG002
    ) -> RuleEvaluation:
        """Compare the change of the bound with the tolerance."""
        change = bound_change([record.lower_bound for record in history], self.iterations)
        if change is None:
            return RuleEvaluation(
                self.type, False, None, self.tolerance, "not enough iterations yet"
            )
        return RuleEvaluation(self.type, change < self.tolerance, change, self.tolerance)


STOPPING_RULES.add(BoundStalling)
