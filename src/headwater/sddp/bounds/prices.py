"""Prices of the way between states.

They are large enough for the inner approximation to lie above the true cost.
"""

from __future__ import annotations

import numpy as np

from headwater.arrays import Array
from headwater.core.state import owner_of
from headwater.equipment.hydro.state import memory_places
from headwater.errors import ModelError
from headwater.lp import StageForm, StatePrices, StateRepairs, make_form
from headwater.model import Formulation, LipschitzMode, UpperBoundConfig
from headwater.sddp.stage.problems import StudyProblems

SETTLED = 1e-9
"""Relative change of prices from one turn of a cycle to the next below which they have settled."""

MOST_TURNS = 1000
"""Turns after which prices that still grow count as unknown."""

CYCLE_MARGIN = 1e-6
"""Least margin on the prices of a cycle, which are approached from below."""


def lipschitz_prices(
    problems: StudyProblems, config: UpperBoundConfig
) -> tuple[list[StatePrices], bool]:
    """Prices of the outgoing state of each stage, ``[stage]``, as the configuration has it.

    And whether all were derived.

    Raises:
        ModelError: a component has no price that is known to be large enough, and none is given.
    """
    n_stages, horizon = problems.n_stages, problems.system.horizon
    if config.lipschitz is LipschitzMode.FIXED:
        assert config.fallback_value is not None
        given = np.full(problems.layout.dimension, config.fallback_value)
        return [StatePrices(given, given)] * n_stages, False
    repairs = [
        StateRepairs(_condensed(problems, t), share_shortage=_may_share(problems, t))
        for t in range(n_stages)
    ]
    prices = [StatePrices.none(problems.layout.dimension)] * n_stages
    prices[-1] = _settled(problems, repairs) if horizon.is_cyclic else terminal_prices(problems)
    for t in range(n_stages - 1, 0, -1):
        prices[t - 1] = repairs[t].incoming(prices[t])
    certified = all(np.isfinite(side).all() for p in prices for side in (p.above, p.below))
    finite = [
        StatePrices(*(_finite(problems, t, side, config) for side in (p.above, p.below)))
        for t, p in enumerate(prices)
    ]
    factor = (
        max(config.scale_factor, 1.0 + CYCLE_MARGIN) if horizon.is_cyclic else config.scale_factor
    )
    return [StatePrices(factor * p.above, factor * p.below) for p in finite], certified


def _settled(problems: StudyProblems, repairs: list[StateRepairs]) -> StatePrices:
    """Prices of the state that goes round a cycle: the sum of the repairs of all its turns.

    They are approached from below, turn by turn; what does not settle is unknown.
    """
    before = StatePrices.none(problems.layout.dimension)
    for _ in range(MOST_TURNS):
        prices = before
        for t in reversed(problems.system.horizon.cycle):
            prices = repairs[t].incoming(prices)
        now, then = np.stack([prices.above, prices.below]), np.stack([before.above, before.below])
        grows = np.isfinite(now) & (now > then * (1.0 + SETTLED))
        if not grows.any():
            return prices
        before = prices
    above, below = np.where(grows, np.inf, now)
    return StatePrices(above, below)


def terminal_prices(problems: StudyProblems) -> StatePrices:
    """Prices of the state that leaves the last stage.

    Nothing follows, or the cuts that were given for what does.
    """
    pool = problems.pools[-1]
    slopes = pool.coefficients[pool.active_slots()]
    if not len(slopes):
        return StatePrices.none(problems.layout.dimension)
    return StatePrices(np.maximum(slopes.max(axis=0), 0.0), np.maximum(-slopes.min(axis=0), 0.0))


def _condensed(problems: StudyProblems, t: int) -> StageForm:
    form = problems.stages[t].form
    if problems.study.config.training.formulation is Formulation.CONDENSED:
        return form
    return make_form(form.template, Formulation.CONDENSED, form.cost_scale, form.money)


def _may_share(problems: StudyProblems, t: int) -> bool:
    """Whether the users of water may share a shortage.

    It cannot be bought, and inflows are never negative nor state.
    """
    method = problems.study.config.inflow_non_negativity
    if method.has_slack or memory_places(problems.layout).size:
        return False
    return method.truncates or bool((problems.stages[t].openings.innovation >= 0.0).all())


def _finite(problems: StudyProblems, t: int, prices: Array, config: UpperBoundConfig) -> Array:
    """The prices with the fallback in place of unknown ones."""
    unknown = np.flatnonzero(~np.isfinite(prices))
    if not len(unknown):
        return prices
    if config.fallback_value is not None:
        return np.where(np.isfinite(prices), prices, config.fallback_value)
    named = problems.layout.describe()[int(unknown[0])]
    owner = " ".join(str(part) for part in owner_of(named))
    raise ModelError(
        f"the deterministic upper bound has no price for the {named['kind'].replace('_', ' ')} of "
        f"{owner} after stage {problems.system.stages[t].id}: nothing is sure to make good a "
        f"change of it ({len(unknown)} such components); give "
        "modeling.inflow_non_negativity.method 'penalty', slack to user constraints, or "
        "upper_bound_evaluation.lipschitz.fallback_value (the bound is "
        "then only as good as that value)"
    )
