"""The expectation mixed with the conditional value at risk, and the expectation alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from headwater.arrays import Array
from headwater.core.choices import RISK_MEASURES
from headwater.core.risk_forms import CompiledRisk, ExtraColumns, LinearForm
from headwater.errors import ModelError


@dataclass(frozen=True, slots=True)
class MixedCVaR:
    """``(1 - weight) * E[Z] + weight * CVaR[Z]`` over the worst ``tail_fraction`` of outcomes.

    ``weight`` 0 or ``tail_fraction`` 1 is the plain expectation. The dual form of CVaR gives the
    dearest outcomes as much as ``p / tail_fraction`` until the total is one (Rockafellar and
    Uryasev 2000, Journal of Risk 2).

    Four outcomes as likely as each other, of which the worst quarter counts for half:

    >>> import numpy as np
    >>> costs = np.array([10.0, 20.0, 30.0, 40.0])
    >>> weights, penalty = MixedCVaR(weight=0.5, tail_fraction=0.25).weigh(np.full(4, 0.25), costs)
    >>> weights.tolist(), penalty
    ([0.125, 0.125, 0.125, 0.625], 0.0)
    >>> float(weights @ costs)      # half of the mean 25, and half of the worst 40
    32.5

    Ties go to the first. What speaks against it: it is nested stage by stage, and what that means
    for the cost of the whole horizon cannot be told from ``tail_fraction``; simulate before you
    choose it.

    Attributes:
        weight: share of CVaR, from 0 to 1; lambda in a case.
        tail_fraction: share of the outcomes that CVaR is the mean of, above 0 and up to 1.
    """

    weight: float = 0.0
    tail_fraction: float = 1.0

    type: ClassVar[str] = "cvar"
    digest_name: ClassVar[str] = "RiskMeasure"
    """Its name in digests of stored policies, from when it was the only one."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.weight <= 1.0:
            raise ModelError(f"risk weight (lambda) must lie in [0, 1], got {self.weight}")
        if not 0.0 < self.tail_fraction <= 1.0:
            raise ModelError(f"risk tail fraction must lie in (0, 1], got {self.tail_fraction}")

    @property
    def neutral(self) -> bool:
        """Whether this is the plain expectation."""
        return self.weight == 0.0 or self.tail_fraction == 1.0

    def _parameters(self) -> tuple[float, float]:
        return (0.0 if self.neutral else float(self.weight)), float(self.tail_fraction)

    def weigh(self, probability: Array, costs: Array) -> tuple[Array, float]:
        """Weights of the outcomes, ``[opening]``; it has no penalty."""
        n = len(costs)
        # lists: the interpreter reads a number of a list three times as fast as one of an array
        weights, order = [0.0] * n, [0] * n
        penalty = _weigh(
            n, costs.tolist(), probability.tolist(), self._parameters(), order, weights
        )
        return np.array(weights), penalty

    def compiled(self, cost_scale: float) -> CompiledRisk:  # noqa: ARG002
        """The same for compiled code; the unit of money does not matter."""
        return CompiledRisk(_weigh, np.array(self._parameters()))

    def epigraph(self, probability: Array, lower: float) -> LinearForm:
        """As a linear program.

        CVaR is the least ``eta + sum_w p_w u_w / tail_fraction`` with ``u_w >= Z_w - eta`` and
        ``u_w >= 0``.
        """
        if self.neutral:
            return LinearForm(probability.copy())
        n = len(probability)
        # eta is a quantile of the costs, so nothing is lost by giving it their bound
        eta = ExtraColumns("tail_from", lower, np.array([self.weight]), indexed=False)
        above = ExtraColumns("beyond_tail", 0.0, self.weight / self.tail_fraction * probability)
        rows = tuple(((n + 1 + w, 1.0), (w, -1.0), (n, 1.0)) for w in range(n))
        return LinearForm((1.0 - self.weight) * probability, (eta, above), rows, "beyond_tail")


def _weigh(
    n: Any, costs: Any, probability: Any, parameters: Any, order: Any, weights: Any
) -> float:
    weight, tail_fraction = parameters[0], parameters[1]
    if weight == 0.0:
        for w in range(n):
            weights[w] = probability[w]
        return 0.0
    # by descending cost, equal ones by index
    for w in range(n):
        place = w
        while place > 0 and costs[order[place - 1]] < costs[w]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = w
    for w in range(n):
        weights[w] = (1.0 - weight) * probability[w]
    remaining = 1.0
    for place in range(n):
        w = order[place]
        taken = min(probability[w] / tail_fraction, remaining)
        weights[w] += weight * taken
        remaining -= taken
        if remaining <= 0.0:
            break
    return 0.0


RISK_MEASURES.add(MixedCVaR)
