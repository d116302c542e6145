"""A limit of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from headwater.core.choices import STOPPING_RULES, StoppingRule
from headwater.core.fields import Positive
from headwater.core.history import Iteration, RuleEvaluation
from headwater.errors import ModelError


@dataclass(frozen=True)
class TimeLimit(StoppingRule):
    """Stop after ``seconds``, at the end of the iteration under way.

    What speaks against it: two runs of the same study end after different iterations, so their
    results differ; and it says nothing about how good the policy is.
    """

    seconds: Annotated[Positive, "wall-clock time"]

    type: ClassVar[str] = "time_limit"
    place: ClassVar[int] = 10
    is_limit: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise ModelError(f"the time limit must be positive, got {self.seconds}")

    def evaluate(
        self,
        history: Sequence[Iteration],
        simulated: Sequence[Sequence[float] | None],  # noqa: ARG002
    ) -> RuleEvaluation:
        """Compare the time of all iterations with the limit."""
        elapsed = history[-1].elapsed_seconds
        return RuleEvaluation(self.type, elapsed >= self.seconds, elapsed, self.seconds)


STOPPING_RULES.add(TimeLimit)
