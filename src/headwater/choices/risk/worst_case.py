"""The dearest outcome alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from headwater.arrays import Array
from headwater.core.choices import RISK_MEASURES
from headwater.core.risk_forms import CompiledRisk, ExtraColumns, LinearForm


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The cost of the dearest outcome that can happen, however unlikely it is.

    >>> import numpy as np
    >>> costs = np.array([10.0, 30.0, 20.0, 99.0])
    >>> weights, penalty = WorstCase().weigh(np.array([0.5, 0.3, 0.2, 0.0]), costs)
    >>> weights.tolist(), penalty      # what has no probability cannot happen
    ([0.0, 1.0, 0.0, 0.0], 0.0)

    Ties go to the first. What speaks against it: the answer rests on the driest opening that was
    drawn, so it depends on how many were drawn, and nested stage by stage it plans for a drought
    that never ends.
    """

    type: ClassVar[str] = "worst_case"
    neutral: ClassVar[bool] = False

    def weigh(self, probability: Array, costs: Array) -> tuple[Array, float]:
        """All weight on the dearest outcome, ``[opening]``; it has no penalty."""
        weights = np.empty(len(costs))
        penalty = _weigh(len(costs), costs, probability, None, None, weights)
        return weights, penalty

    def compiled(self, cost_scale: float) -> CompiledRisk:  # noqa: ARG002
        """The same for compiled code; the unit of money does not matter."""
        return CompiledRisk(_weigh, np.empty(0))

    def epigraph(self, probability: Array, lower: float) -> LinearForm:
        """As a linear program: the least number that no cost of a possible outcome exceeds."""
        n = len(probability)
        worst = ExtraColumns("worst", lower, np.ones(1), indexed=False)
        rows = tuple(((n, 1.0), (w, -1.0)) for w in range(n) if probability[w] > 0.0)
        return LinearForm(np.zeros(n), (worst,), rows, "no_worse")


def _weigh(
    n: Any, costs: Any, probability: Any, parameters: Any, order: Any, weights: Any
) -> float:
    dearest = -1
    for w in range(n):
        weights[w] = 0.0
        if probability[w] > 0.0 and (dearest < 0 or costs[w] > costs[dearest]):
            dearest = w
    weights[dearest] = 1.0
    return 0.0


RISK_MEASURES.add(WorstCase)
