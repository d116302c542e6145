"""Statistics of simulated costs.

Mean with interval, quantiles, worst tails, categories, deficit, distance to the bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.model import Study
from headwater.sddp import Policy, ScenarioSummary, SimulationRecord

QUANTILES = (5, 10, 50, 90, 95)
"""Percentiles that are reported."""

SMALL_MWH = 1e-6
"""A deficit up to this is noise of the solver."""

SMALL_COST = 1e-6
"""A cost up to this, in $, is noise of the solver."""


def simulation_statistics(
    summary: ScenarioSummary, tail_fractions: Sequence[float]
) -> dict[str, Any]:
    """Statistics over the scenarios that were solved; every scenario weighs the same.

    Args:
        summary: costs and totals.
        tail_fractions: shares of the worst scenarios whose mean is reported.

    Returns:
        ``cost``, ``categories``, ``deficit`` and ``spillage``, in $, MWh and hm3; frequencies are
        shares of scenarios.
    """
    done = summary.completed
    costs, n = summary.total_cost[done], int(done.sum())
    mean, half = float(np.mean(costs)), summary.ci95
    categories = {**summary.categories, "imputed": summary.imputed_cost}
    deficit, spilled = summary.deficit_mwh[done], summary.spillage_hm3[done]
    return {
        "cost": {
            "n": n,
            "mean": mean,
            "std": float(np.std(costs, ddof=1)) if n > 1 else 0.0,
            "ci95": half,
            "interval95": [mean - half, mean + half],
            "min": float(costs.min()),
            "max": float(costs.max()),
            "quantiles": {f"p{p:02d}": float(np.percentile(costs, p)) for p in QUANTILES},
            "cvar": [
                {"tail_fraction": fraction, "mean": worst_mean(costs, fraction)}
                for fraction in tail_fractions
            ],
        },
        "categories": {name: _category(values[done]) for name, values in categories.items()},
        "deficit": {
            "mean_mwh": float(np.mean(deficit)),
            "max_mwh": float(deficit.max()),
            "frequency": float(np.mean(deficit > SMALL_MWH)),
        },
        "spillage": {"mean_hm3": float(np.mean(spilled)), "max_hm3": float(spilled.max())},
    }


def _category(values: NDArray[np.float64]) -> dict[str, float]:
    return {
        "mean": float(np.mean(values)),
        "max": float(values.max()),
        "frequency": float(np.mean(values > SMALL_COST)),
    }


def worst_mean(costs: NDArray[np.float64], tail_fraction: float) -> float:
    """Mean of the worst fraction of equally likely costs (CVaR).

    The last cost in the tail counts with the part that is in it.

    Args:
        costs: ``[scenario]`` in $.
        tail_fraction: in (0, 1].
    """
    weights = np.clip(tail_fraction * len(costs) - np.arange(len(costs)), 0.0, 1.0)
    return float(np.sort(costs)[::-1] @ (weights / weights.sum()))


def gap_to_bound(record: SimulationRecord, study: Study, policy: Policy) -> dict[str, Any] | None:
    """How far the simulated mean lies above the lower bound of the policy.

    ``None`` where the two do not compare.

    They compare when the simulation sees the random future of the openings of training, nothing is
    risk-averse, the policy has a bound, and the bound is about the simulated stages alone: not
    about all time to come, or about what cuts of a boundary expect. The gap is
    ``(mean - bound) / max(1, |mean|)``, with the half width of the mean's 95 % interval on the same
    scale: the interval says how much of the gap may be luck.
    """
    neutral = study.is_risk_neutral
    ends = not study.system.horizon.is_cyclic and not policy.pools[-1].n_populated
    if record.differences or not neutral or not ends or not math.isfinite(policy.lower_bound):
        return None
    mean, scale = record.summary.mean_cost, max(1.0, abs(record.summary.mean_cost))
    gap, half = (mean - policy.lower_bound) / scale, record.summary.ci95 / scale
    return {
        "lower_bound": policy.lower_bound,
        "relative": gap,
        "ci95": half,
        "interval95": [gap - half, gap + half],
    }
