"""The future cost column and a valid lower bound for it.

The bound at a stage is the discounted sum of the lowest cost that each later stage can have; only things with a negative price
(export revenue, a plant that is paid to run) can make it negative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headwater.lp.builder import LpBuilder
from headwater.model import System


def future_cost_lower_bounds(system: System, override: float | None = None) -> NDArray[np.float64]:
    """Lower bound of the future cost that each stage sees, ``[stage]`` in $; 0 at the last, which has none.

    Args:
        system: the system.
        override: value given by the user for every stage but the last.
    """
    n_stages = len(system.stages)
    bounds = np.zeros(n_stages)
    if override is not None:
        bounds[:-1] = override
        return bounds
    for t in range(n_stages - 2, -1, -1):
        bounds[t] = _lowest_stage_cost(system, t + 1) + system.discount_factors[t + 1] * bounds[t + 1]
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


def declare_column(build: LpBuilder, *, lower: float, discount: float, is_last: bool) -> int:
    """The column theta in $; fixed to zero where nothing follows."""
    return build.column(0.0, 0.0, discount) if is_last else build.column(lower, np.inf, discount)
