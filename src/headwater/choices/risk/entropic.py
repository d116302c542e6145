"""The entropic risk measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from headwater.arrays import Array
from headwater.core.choices import RISK_MEASURES
from headwater.core.fields import Positive, Unit
from headwater.core.risk_forms import CompiledRisk
from headwater.errors import ModelError


@dataclass(frozen=True, slots=True)
class Entropic:
    """Dear outcomes count for exponentially more: ``log(E[exp(aversion * Z)]) / aversion``.

    The weights are proportional to ``p * exp(aversion * Z)``, and the penalty is how far they are
    from ``p``, ``sum q log(q / p) / aversion`` (Foellmer and Schied 2002, Finance and Stochastics
    6; in SDDP: Dowson, Morton and Pagnoncelli 2022, Annals of Operations Research).

    Four outcomes, of which one costs 1,000 $ more than the others:

    >>> import numpy as np
    >>> costs = np.array([500.0, 500.0, 500.0, 1500.0])
    >>> weights, penalty = Entropic(np.log(5.0) / 1000.0).weigh(np.full(4, 0.25), costs)
    >>> weights.round(3).tolist()      # exp(aversion * Z) is five times as large there
    [0.125, 0.125, 0.125, 0.625]
    >>> bool(weights @ costs - penalty < weights @ costs)
    True

    It is convex, and it is the same nested stage by stage as over the whole horizon at once. What
    speaks against it: it is not indifferent to the unit of money, an aversion that suits one system
    is far too strong for another ten times as large, and openings cannot have cuts of their own.

    Attributes:
        aversion: to risk, per $. One over the cost that hurts is where to begin; towards zero it is
            the expectation, for large ones the worst case.
    """

    aversion: Annotated[Positive, Unit("1/$"), "aversion to risk; towards 0 it is the expectation"]

    type: ClassVar[str] = "entropic"
    neutral: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not (self.aversion > 0.0 and np.isfinite(self.aversion)):
            raise ModelError(f"expected an aversion above 0, got {self.aversion}")

    def weigh(self, probability: Array, costs: Array) -> tuple[Array, float]:
        """Weights of the outcomes, ``[opening]``, and their penalty in $."""
        weights = np.empty(len(costs))
        parameters = np.array([self.aversion])
        penalty = _weigh(len(costs), costs, probability, parameters, None, weights)
        return weights, penalty

    def compiled(self, cost_scale: float) -> CompiledRisk:
        """The same for compiled code, with costs in $ over ``cost_scale``."""
        return CompiledRisk(_weigh, np.array([self.aversion * cost_scale]))

    def epigraph(self, probability: Array, lower: float) -> None:
        """No linear program gives it."""


def _weigh(
    n: Any, costs: Any, probability: Any, parameters: Any, order: Any, weights: Any
) -> float:
    aversion, dearest = parameters[0], -np.inf
    for w in range(n):
        if probability[w] > 0.0:
            dearest = max(dearest, costs[w])
    total = 0.0
    for w in range(n):
        # costs below the dearest, so that no power overflows
        power = aversion * (costs[w] - dearest)
        weights[w] = probability[w] * np.exp(power) if probability[w] > 0.0 else 0.0
        total += weights[w]
    penalty = 0.0
    for w in range(n):
        weights[w] /= total
        if weights[w] > 0.0:
            # log(q / p), without a quotient that may underflow
            penalty += weights[w] * (aversion * (costs[w] - dearest) - np.log(total))
    return float(max(penalty / aversion, 0.0))


RISK_MEASURES.add(Entropic)
