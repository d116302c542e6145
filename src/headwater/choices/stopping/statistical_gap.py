"""A bound within the confidence interval of the forward costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from headwater.core.choices import STOPPING_RULES, StoppingRule, StudyView
from headwater.core.fields import Count, NonNegative
from headwater.core.history import UNPROVEN, Iteration, RuleEvaluation
from headwater.errors import ModelError


@dataclass(frozen=True)
class StatisticalGap(StoppingRule):
    """Stop when the bound lies within the confidence interval of the forward costs.

    That interval must be tight as well.

    The costs of the last ``window`` iterations are pooled. The bound must reach the lower end of
    their one-sided interval at level ``confidence``, whose relative half width must not exceed
    ``tolerance``; not before ``min_iterations`` (Pereira and Pinto 1991, Mathematical Programming
    52; the one-sided test: Shapiro 2011, European Journal of Operational Research 209).

    What speaks against it: few forward passes make a wide interval, which a poor bound reaches; the
    pooled costs are of different policies; and it has no meaning with a risk measure. The rule
    ``gap`` compares two bounds without chance.

    The mean of four costs with a deviation of 10 $ has one of 5 $, so that its interval at 95 % is
    half 1.645 * 5 $ wide:

    >>> from types import SimpleNamespace
    >>> costs = SimpleNamespace(iteration=1, forward_passes=4, simulated_mean=100.0,
    ...                         simulated_std=10.0, lower_bound=95.0, lower_bound_proven=True)
    >>> found = StatisticalGap(tolerance=0.1, window=1).evaluate([costs], [None])
    >>> found.met, round(found.value, 4), found.detail
    (True, 0.0822, 'bound within the interval of the forward costs')
    """

    confidence: Annotated[
        float, Gt(0), Lt(1), "confidence level of the interval of simulated costs"
    ] = 0.95
    tolerance: Annotated[
        NonNegative, "largest half width of the interval, relative to the mean cost"
    ] = 0.01
    min_iterations: Annotated[Count, "iterations before the first check"] = 1
    window: Annotated[Count, "iterations whose simulated costs are pooled"] = 5

    type: ClassVar[str] = "statistical_gap"
    place: ClassVar[int] = 40

    def __post_init__(self) -> None:
        if not 0.0 < self.confidence < 1.0:
            raise ModelError(
                "the confidence of the statistical gap must lie between 0 and 1, got "
                f"{self.confidence}"
            )
        if self.tolerance < 0 or min(self.min_iterations, self.window) < 1:
            raise ModelError(
                "the statistical gap needs a tolerance of at least 0, and "
                "iterations and a window of at least 1"
            )

    def evaluate(
        self,
        history: Sequence[Iteration],
        simulated: Sequence[Sequence[float] | None],  # noqa: ARG002
    ) -> RuleEvaluation:
        """Compare the half width with the tolerance, and the bound with the interval."""
        window, latest = history[-self.window :], history[-1]
        n = sum(record.forward_passes for record in window)
        if len(window) < self.window or latest.iteration < self.min_iterations or n < 2:
            return RuleEvaluation(
                self.type, False, None, self.tolerance, "not enough forward costs yet"
            )
        mean = sum(record.forward_passes * record.simulated_mean for record in window) / n
        squares = sum(
            (record.forward_passes - 1) * record.simulated_std**2
            + record.forward_passes * (record.simulated_mean - mean) ** 2
            for record in window
        )
        half_width = NormalDist().inv_cdf(self.confidence) * float((squares / (n - 1) / n) ** 0.5)
        relative = half_width / max(1.0, abs(mean))
        reached = latest.lower_bound >= mean - half_width
        if not latest.lower_bound_proven:
            return RuleEvaluation(self.type, False, relative, self.tolerance, UNPROVEN)
        met = reached and relative <= self.tolerance
        detail = f"bound {'within' if reached else 'below'} the interval of the forward costs"
        return RuleEvaluation(self.type, met, relative, self.tolerance, detail)

    def refuse(self, study: StudyView) -> str | None:
        """It compares a bound of mean costs with costs under the same noise."""
        if not study.is_risk_neutral:
            return (
                "the rule 'statistical_gap' compares the bound with mean costs, but a risk-averse "
                "study has no bound of those"
            )
        if not study.draws_openings:
            return (
                "the rule 'statistical_gap' needs forward passes that draw from the opening tree "
                "(scheme 'in_sample', or scenarios that are the openings): the bound says nothing "
                "about costs under other noise"
            )
        return None


STOPPING_RULES.add(StatisticalGap)
