"""Risk measures as weights on outcomes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headwater.model import RiskMeasure


def risk_weights(measure: RiskMeasure, probability: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights ``mu`` with ``rho[Z] = sum_w mu[w] Z[w]`` for the outcomes at hand.

    For ``(1 - weight) E + weight CVaR`` the weights are ``(1 - weight) p + weight nu``, where ``nu`` gives the dearest outcomes
    as much as ``p / tail_fraction`` until the total is one (the dual form of CVaR; Rockafellar and Uryasev 2000). They are a
    subgradient of the measure, so cuts built with them are valid.

    Args:
        measure: expectation or a mix with CVaR.
        probability: ``[opening]``.
        cost: ``[opening]`` in $; ties go to the lower index.

    Raises:
        ValueError: a cost is not a number.
    """
    if measure.is_expectation:
        return probability
    if np.isnan(cost).any():
        raise ValueError("an outcome has no cost")
    tail = np.zeros_like(probability)
    remaining = 1.0
    for w in np.argsort(-cost, kind="stable"):
        tail[w] = min(probability[w] / measure.tail_fraction, remaining)
        remaining -= tail[w]
        if remaining <= 0.0:
            break
    return (1.0 - measure.weight) * probability + measure.weight * tail


def risk_adjusted_costs(
    measure: RiskMeasure, probability: NDArray[np.float64], costs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The measure of the outcomes of several trials, ``[trial]`` in $, for ``costs[trial, opening]``."""
    adjusted = np.empty(len(costs))
    for trial, outcomes in enumerate(costs):
        weights = risk_weights(measure, probability, outcomes)
        adjusted[trial] = sum(weight * cost for weight, cost in zip(weights.tolist(), outcomes.tolist(), strict=True))
    return adjusted
