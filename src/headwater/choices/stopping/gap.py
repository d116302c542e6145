"""Two bounds that are near each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from headwater.core.choices import STOPPING_RULES, StoppingRule
from headwater.core.fields import FieldError, NonNegative, in_file
from headwater.core.history import UNPROVEN, Iteration, RuleEvaluation
from headwater.errors import ModelError


def _has_tolerance(rule: Gap) -> None:
    if rule.tolerance is None and rule.relative_tolerance is None:
        message = "the rule 'gap' needs 'tolerance' or 'relative_tolerance', got neither"
        raise FieldError("HW205", message, "add 'relative_tolerance', e.g. 0.01")


@in_file(checks=(_has_tolerance,))
@dataclass(frozen=True)
class Gap(StoppingRule):
    """Stop when the deterministic upper bound is close enough to the lower bound.

    It must lie at most ``tolerance`` $, or a share of ``relative_tolerance``, above it.

    What speaks against it: the upper bound takes time and memory, and in states of many components
    it needs many iterations to come down; but what it says is certain.

    >>> from types import SimpleNamespace
    >>> bounds = SimpleNamespace(lower_bound=980.0, lower_bound_proven=True, upper_bound=1000.0)
    >>> found = Gap(relative_tolerance=0.01).evaluate([bounds], [None])
    >>> found.met, found.value, found.threshold  # 20 $ apart, where 1 % of 980 $ is allowed
    (False, 20.0, 9.8)
    """

    tolerance: Annotated[NonNegative | None, "absolute gap between the two bounds"] = None
    relative_tolerance: Annotated[NonNegative | None, "relative gap between the two bounds"] = None

    type: ClassVar[str] = "gap"
    place: ClassVar[int] = 50
    needs_upper_bound: ClassVar[bool] = True

    def __post_init__(self) -> None:
        given = [value for value in (self.tolerance, self.relative_tolerance) if value is not None]
        if not given or min(given) < 0:
            raise ModelError(
                "the gap rule needs a tolerance or a relative tolerance that is not negative"
            )

    def evaluate(
        self,
        history: Sequence[Iteration],
        simulated: Sequence[Sequence[float] | None],  # noqa: ARG002
    ) -> RuleEvaluation:
        """Compare the distance of the two bounds with the tolerance."""
        latest = history[-1]
        relative = (self.relative_tolerance or 0.0) * max(1.0, abs(latest.lower_bound))
        threshold = max(self.tolerance or 0.0, relative)
        if latest.upper_bound is None:
            return RuleEvaluation(self.type, False, None, threshold, "no upper bound yet")
        gap = latest.upper_bound - latest.lower_bound
        if not latest.lower_bound_proven:
            return RuleEvaluation(self.type, False, gap, threshold, UNPROVEN)
        return RuleEvaluation(self.type, gap <= threshold, gap, threshold)


STOPPING_RULES.add(Gap)
