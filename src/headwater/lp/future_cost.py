"""The columns of the future cost and a valid lower bound for them.

The bound at a stage is the discounted sum of the lowest cost that each later stage can have; only things with a negative price
(export revenue, a plant that is paid to run) can make it negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Indices
from headwater.lp.builder import LpBuilder
from headwater.model import RiskMeasure, System


@dataclass(frozen=True)
class Outlook:
    """How the costs of the openings of the next stage add up to the future cost of a stage.

    Attributes:
        probability: of each opening of the next stage.
        risk: risk measure of the next stage.
    """

    probability: tuple[float, ...]
    risk: RiskMeasure


def future_cost_lower_bounds(
    system: System, override: float | None = None, terminal: float | None = None
) -> NDArray[np.float64]:
    """Lower bound of the future cost that each stage sees, ``[stage]`` in $; 0 at a last stage that has none.

    On a horizon that repeats, the bound is the sum over all time: what one turn of the cycle can cost at least, divided by one
    minus the discount of a turn.

    Args:
        system: the system.
        override: value given by the user for every stage that has a future.
        terminal: lower bound of the future cost of the last stage where cuts of another policy give it one.
    """
    horizon, discount = system.horizon, system.discount_factors
    last = len(system.stages) - 1
    bounds = np.zeros(len(system.stages))
    if override is not None:
        bounds[:] = override
        if not horizon.is_cyclic and terminal is None:
            bounds[last] = 0.0
        return bounds
    if horizon.is_cyclic:
        turn, weight = 0.0, 1.0
        for t in horizon.cycle:
            turn += weight * _lowest_stage_cost(system, t)
            weight *= float(discount[t])
        bounds[last] = turn / (1.0 - weight)
    elif terminal is not None:
        bounds[last] = terminal
    for t in range(last - 1, -1, -1):
        bounds[t] = _lowest_stage_cost(system, t + 1) + discount[t + 1] * bounds[t + 1]
    return bounds


def _lowest_stage_cost(system: System, t: int) -> float:
    stage = system.stages[t]
    lowest = 0.0
    thermal = system.bounds.thermal
    for j, plant in enumerate(system.thermals):
        for k, block in enumerate(stage.blocks):
            stage_cost = thermal.cost_per_mwh[j, t, k]
            own = min(segment.cost_per_mwh for segment in plant.cost_segments)
            cost = own if np.isnan(stage_cost) else float(stage_cost)
            lowest += min(0.0, cost) * block.hours * float(thermal.max_generation_mw[j, t, k])
    prices = system.bounds.contract.price_per_mwh[:, t]
    lowest += float(np.sum(np.minimum(prices, 0.0) * system.bounds.contract.max_mw[:, t])) * stage.hours
    return lowest


def declare_columns(build: LpBuilder, *, lower: float, discount: float, has_future: bool, outlook: Outlook | None) -> Indices:
    """The columns in $ that the future cost is made of.

    One column theta, fixed to zero where nothing follows; or, with an outlook, a column theta_w for each opening w of the next
    stage, whose risk-adjusted sum is the future cost::

        (1 - weight) sum_w p_w theta_w + weight (eta + sum_w p_w u_w / tail_fraction),    u_w >= theta_w - eta,  u_w >= 0

    At the least cost this is the expectation mixed with CVaR (Rockafellar and Uryasev 2000).

    Returns:
        Positions, ``[column]``; the cost of each is the discount times its weight, see `future_weights`.
    """
    if outlook is None:
        return np.array([build.column(lower, np.inf, discount) if has_future else build.column(0.0, 0.0, discount)])
    shares = discount * future_weights(outlook)
    n = len(outlook.probability)
    openings = build.column_family("opening_cost", n)
    openings[:] = [build.column(lower, np.inf, share) for share in shares[:n]]
    tail_from, beyond = build.column_family("tail_from", 1), build.column_family("beyond_tail", n)
    if not outlook.risk.is_expectation:
        # a quantile of the costs, so nothing is lost by giving it their bound
        tail_from[0] = build.column(lower, np.inf, shares[n])
        beyond[:] = [build.column(0.0, np.inf, share) for share in shares[n + 1 :]]
    declared = np.concatenate([openings, tail_from, beyond])
    return declared[declared >= 0]


def future_weights(outlook: Outlook | None) -> NDArray[np.float64]:
    """What one unit of each column of `declare_columns` adds to the future cost, ``[column]``."""
    if outlook is None:
        return np.ones(1)
    probability, risk = np.asarray(outlook.probability), outlook.risk
    if risk.is_expectation:
        return probability.copy()
    return np.concatenate([(1.0 - risk.weight) * probability, [risk.weight], risk.weight / risk.tail_fraction * probability])


def declare_rows(build: LpBuilder) -> None:
    """Rows ``u_w - theta_w + eta >= 0``, where there is a tail."""
    openings, beyond = build.columns.get("opening_cost"), build.columns.get("beyond_tail")
    if openings is None or beyond is None or (beyond < 0).any():
        return
    rows = build.row_family("beyond_tail", len(openings))
    for w, (theta, above) in enumerate(zip(openings, beyond, strict=True)):
        rows[w] = build.row(0.0, np.inf)
        build.put(rows[w], above, 1.0)
        build.put(rows[w], theta, -1.0)
        build.put(rows[w], build.columns["tail_from"][0], 1.0)
