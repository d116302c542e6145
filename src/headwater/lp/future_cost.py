"""The future cost column and a valid lower bound for it.

The bound at a stage is the discounted sum of the lowest cost that each later stage can have; only things with a negative price
(export revenue, a plant that is paid to run) can make it negative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headwater.lp.builder import LpBuilder
from headwater.model import System


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


def declare_column(build: LpBuilder, *, lower: float, discount: float, has_future: bool) -> int:
    """The column theta in $; fixed to zero where nothing follows."""
    return build.column(lower, np.inf, discount) if has_future else build.column(0.0, 0.0, discount)
