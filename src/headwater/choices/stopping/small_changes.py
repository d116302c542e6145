"""A bound that hardly changes, several times in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from headwater.core.choices import STOPPING_RULES, StoppingRule
from headwater.core.fields import Count, Positive
from headwater.core.history import Iteration, RuleEvaluation, bound_change
from headwater.errors import ModelError


@dataclass(frozen=True)
class SmallChanges(StoppingRule):
    """Stop when each of the last ``times`` iterations raised the bound by less than ``tolerance``.

    Official studies of the Brazilian system end by a rule of this form, with a smallest number of
    iterations.

    What speaks against it: it looks at the bound alone. Where few forward passes visit the same
    states again, the bound stands still far from the optimum.

    >>> from types import SimpleNamespace
    >>> history = [SimpleNamespace(lower_bound=bound) for bound in (80.0, 90.0, 99.0, 100.0)]
    >>> SmallChanges(tolerance=0.05, times=1).evaluate(history, [None] * 4).met  # 1 % of 100 $
    True
    >>> SmallChanges(tolerance=0.05, times=2).evaluate(history, [None] * 4).met  # and 9 % of 99 $
    False
    """

    tolerance: Annotated[Positive, "relative gain of the bound that is small"]
    times: Annotated[Count, "iterations in a row with a small gain"]
    minimum_iterations: Annotated[Count, "iterations before which training does not end so"] = 1

    type: ClassVar[str] = "small_changes"
    place: ClassVar[int] = 25

    def __post_init__(self) -> None:
        if self.times < 1 or self.minimum_iterations < 1 or not self.tolerance > 0:
            raise ModelError(
                "small changes need at least 1 iteration, once or more, and a positive tolerance"
            )

    def evaluate(
        self,
        history: Sequence[Iteration],
        simulated: Sequence[Sequence[float] | None],  # noqa: ARG002
    ) -> RuleEvaluation:
        """Compare the largest of the last changes with the tolerance."""
        bounds = [record.lower_bound for record in history]
        changes = [
            bound_change(bounds[: len(bounds) - back], 1)
            for back in range(min(self.times, len(bounds)))
        ]
        known = [change for change in changes if change is not None]
        if len(known) < self.times:
            return RuleEvaluation(
                self.type, False, None, self.tolerance, "not enough iterations yet"
            )
        largest, enough = max(known), len(history) >= self.minimum_iterations
        said = "" if enough else f"{self.minimum_iterations} iterations are asked for"
        satisfied = enough and largest < self.tolerance
        return RuleEvaluation(self.type, satisfied, largest, self.tolerance, said)


STOPPING_RULES.add(SmallChanges)
