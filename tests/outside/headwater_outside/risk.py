"""A measure with exponential weights: convex, not coherent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Gt

from headwater.core.risk_forms import CompiledRisk
from headwater.errors import ModelError


@dataclass(frozen=True, slots=True)
class Exponential:
    """Dearer outcomes count for exponentially more: ``log(E[exp(gamma Z)]) / gamma``.

    The weights are proportional to ``p exp(gamma Z)``, and the penalty is their distance from
    ``p``, ``sum q log(q / p) / gamma`` (Föllmer and Schied 2002, Finance and Stochastics 6).

    >>> import numpy as np
    >>> costs = np.array([0.0, 0.0, 0.0, np.log(5.0)])
    >>> weights, penalty = Exponential(1.0).weigh(np.full(4, 0.25), costs)
    >>> weights.round(3).tolist()      # exp(Z) is 1, 1, 1 and 5
    [0.125, 0.125, 0.125, 0.625]
    >>> round(float(weights @ costs - penalty - np.log(8 / 4)), 12)
    0.0
    """

    gamma: Annotated[float, Gt(0), "aversion to risk, per $"]

    type: ClassVar[str] = "exponential"
    neutral: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.gamma > 0.0:
            raise ModelError(f"gamma must be positive, got {self.gamma}")

    def weigh(self, probability: Any, costs: Any) -> tuple[Any, float]:
        """Weights and penalty in $."""
        weights, order = np.empty(len(costs)), np.empty(len(costs), np.int64)
        return weights, _weigh(
            len(costs), costs, probability, np.array([self.gamma]), order, weights
        )

    def compiled(self, cost_scale: float) -> CompiledRisk:
        """The same for costs in $ over ``cost_scale``."""
        return CompiledRisk(_weigh, np.array([self.gamma * cost_scale]))

    def epigraph(self, probability: Any, lower: float) -> None:
        """No linear program gives it."""


def _weigh(n, costs, probability, parameters, order, weights):
    gamma, highest, total, mean = parameters[0], -np.inf, 0.0, 0.0
    for w in range(n):
        highest = max(highest, costs[w])
    for w in range(n):
        weights[w] = probability[w] * np.exp(gamma * (costs[w] - highest))
        total += weights[w]
    for w in range(n):
        weights[w] /= total
        mean += weights[w] * costs[w]
    return mean - (highest + np.log(total) / gamma)
