"""The worst mean over all probabilities within a distance of those given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from headwater.arrays import Array
from headwater.core.choices import RISK_MEASURES
from headwater.core.fields import NonNegative
from headwater.core.risk_forms import CompiledRisk
from headwater.errors import ModelError


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """The dearest mean over all probabilities ``q`` with ``sum (q - p)^2 / p <= radius^2``.

    It is for those who do not believe in the probabilities of the openings: these may be wrong by
    so much (modified chi-square distance; Philpott, de Matos and Kapelevich 2018, Computational
    Management Science 15, who measure ``sum (q - p)^2`` of ``n`` openings as likely as each other:
    their radius is this one over the root of ``n``). As long as no ``q`` becomes zero, its value is
    the mean plus ``radius`` standard deviations.

    >>> import numpy as np
    >>> costs = np.array([10.0, 20.0, 30.0, 40.0])      # mean 25, deviation 11.18
    >>> weights, penalty = ChiSquare(0.5).weigh(np.full(4, 0.25), costs)
    >>> weights.round(4).tolist(), penalty
    ([0.0823, 0.1941, 0.3059, 0.4177], 0.0)
    >>> round(float(weights @ costs), 4)                # 25 + 0.5 * 11.18
    30.5902

    What speaks against it: openings cannot have cuts of their own, and what a radius means depends
    on how many openings there are: with ``n`` as likely as each other, ``sqrt(n - 1)`` is the worst
    case.

    Attributes:
        radius: of the ball of probabilities; 0 is the expectation.
    """

    radius: Annotated[NonNegative, "how far the probabilities may be from those of the openings"]

    type: ClassVar[str] = "chi_square"

    def __post_init__(self) -> None:
        if not (self.radius >= 0.0 and np.isfinite(self.radius)):
            raise ModelError(f"expected a radius of at least 0, got {self.radius}")

    @property
    def neutral(self) -> bool:
        """Whether it is the expectation."""
        return self.radius == 0.0

    def weigh(self, probability: Array, costs: Array) -> tuple[Array, float]:
        """Weights of the outcomes, ``[opening]``; it has no penalty."""
        weights, order = np.empty(len(costs)), np.empty(len(costs), np.int64)
        parameters = np.array([self.radius])
        penalty = _weigh(len(costs), costs, probability, parameters, order, weights)
        return weights, penalty

    def compiled(self, cost_scale: float) -> CompiledRisk:  # noqa: ARG002
        """The same for compiled code; the unit of money does not matter."""
        return CompiledRisk(_weigh, np.array([self.radius]))

    def epigraph(self, probability: Array, lower: float) -> None:
        """Its ball is round: no linear program gives it."""


def _weigh(
    n: Any, costs: Any, probability: Any, parameters: Any, order: Any, weights: Any
) -> float:
    # Where no weight is at its limit of zero, q / p is a line in the cost: a + b (Z - mean). If the
    # line gives the cheapest outcome a negative weight, that one gets zero, and the rest is asked
    # again with what is left of the radius.
    budget = parameters[0] * parameters[0]
    n_left = 0
    for w in range(n):
        weights[w] = 0.0
        if probability[w] <= 0.0:
            continue
        place = n_left  # by descending cost, equal ones by index
        while place > 0 and costs[order[place - 1]] < costs[w]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = w
        n_left += 1
    while True:
        total, mean, variance = 0.0, 0.0, 0.0
        dearest, cheapest = costs[order[0]], costs[order[n_left - 1]]
        for place in range(n_left):
            total += probability[order[place]]
        for place in range(n_left):
            w = order[place]
            mean += probability[w] / total * (costs[w] - dearest)
        for place in range(n_left):
            w = order[place]
            variance += probability[w] / total * (costs[w] - dearest - mean) ** 2
        # zero weights of the others have used up this much
        left = max(budget - max(1.0 / total - 1.0, 0.0), 0.0)
        slope = 0.0
        if dearest > cheapest and variance > 0.0:
            slope = np.sqrt(left / (total * variance))
        if n_left == 1 or 1.0 / total + slope * (cheapest - dearest - mean) >= 0.0:
            break
        while costs[order[n_left - 1]] == cheapest:  # equal costs have equal weights
            n_left -= 1
    for place in range(n_left):
        w = order[place]
        line = 1.0 / total + slope * (costs[w] - dearest - mean)
        weights[w] = max(probability[w] * line, 0.0)
    return 0.0


RISK_MEASURES.add(ChiSquare)
