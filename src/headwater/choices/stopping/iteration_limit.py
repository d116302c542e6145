"""A limit of iterations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from headwater.core.choices import STOPPING_RULES, StoppingRule
from headwater.core.fields import Count
from headwater.core.history import Iteration, RuleEvaluation
from headwater.errors import ModelError


@dataclass(frozen=True)
class IterationLimit(StoppingRule):
    """Stop after ``limit`` iterations.

    What speaks against it alone: it says nothing about how good the policy is. Every study has one,
    because memory for cuts is sized for it.

    >>> from types import SimpleNamespace
    >>> IterationLimit(100).evaluate([SimpleNamespace(iteration=99)], [None]).met
    False
    """

    limit: Annotated[Count, "number of iterations"]

    type: ClassVar[str] = "iteration_limit"
    place: ClassVar[int] = 0
    is_limit: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ModelError(f"the iteration limit must be at least 1, got {self.limit}")

    @property
    def most_iterations(self) -> int:
        """The limit."""
        return self.limit

    def evaluate(
        self,
        history: Sequence[Iteration],
        simulated: Sequence[Sequence[float] | None],  # noqa: ARG002
    ) -> RuleEvaluation:
        """Compare the iteration with the limit."""
        done = history[-1].iteration
        return RuleEvaluation(self.type, done >= self.limit, float(done), float(self.limit))


STOPPING_RULES.add(IterationLimit)
