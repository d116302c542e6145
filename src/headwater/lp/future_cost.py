"""The columns of the future cost and a valid lower bound for them.

The bound at a stage is the discounted sum of the lowest cost that each later stage can have; only
things with a negative price (export revenue, a plant that is paid to run) can make it negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Indices
from headwater.core.choices import RiskMeasure
from headwater.core.equipment import EQUIPMENT
from headwater.core.program import LpBuilder
from headwater.core.risk_forms import ExtraColumns, LinearForm
from headwater.errors import ModelError
from headwater.model import System

_OPENING_COST = "opening_cost"


@dataclass(frozen=True)
class Outlook:
    """How the costs of the openings of the next stage add up to the future cost of a stage.

    Attributes:
        probability: of each opening of the next stage.
        risk: risk measure of the next stage.
    """

    probability: tuple[float, ...]
    risk: RiskMeasure

    def linear_form(self, lower: float) -> LinearForm:
        """The risk measure as a linear program over the costs of the openings.

        The costs are at least ``lower`` $.

        Raises:
            ModelError: it has none.
        """
        form = self.risk.epigraph(np.asarray(self.probability), lower)
        if form is None:
            raise ModelError(
                f"the risk measure {self.risk.type!r} has no linear form, so openings cannot have "
                "cuts of their own; set training.cut_formulation to 'single'"
            )
        return form


def future_cost_lower_bounds(
    system: System,
    override: float | None = None,
    terminal: float | None = None,
    others: Sequence[System] = (),
) -> NDArray[np.float64]:
    """Lower bound of the future cost that each stage sees, ``[stage]`` in $.

    0 at a last stage that has none.

    On a horizon that repeats, the bound is the sum over all time: what one turn of the cycle can
    cost at least, divided by one minus the discount of a turn.

    Args:
        system: the system.
        override: value given by the user for every stage that has a future.
        terminal: lower bound of the future cost of the last stage where cuts of another policy give
            it one.
        others: what may take the place of the system from the next stage on: its other regimes.
    """
    possible = (system, *others)
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
            turn += weight * _lowest_stage_cost(possible, t)
            weight *= float(discount[t])
        bounds[last] = turn / (1.0 - weight)
    elif terminal is not None:
        bounds[last] = terminal
    for t in range(last - 1, -1, -1):
        bounds[t] = _lowest_stage_cost(possible, t + 1) + discount[t + 1] * bounds[t + 1]
    return bounds


def _lowest_stage_cost(systems: Sequence[System], t: int) -> float:
    return min(
        sum(part.lowest_cost(system, t) for part in EQUIPMENT if part.lowest_cost is not None)
        for system in systems
    )


def declare_columns(
    build: LpBuilder, *, lower: float, discount: float, has_future: bool, outlook: Outlook | None
) -> Indices:
    """The columns in $ that the future cost is made of.

    One column theta, fixed to zero where nothing follows; or, with an outlook, a column theta_w for
    each opening w of the next stage, and those with which the risk measure adds them up, see
    `headwater.core.risk_forms.LinearForm`.

    Returns:
        Positions, ``[column]``; the cost of each is the discount times its weight, see
        `future_weights`.
    """
    if outlook is None:
        return np.array(
            [
                build.column(lower, np.inf, discount)
                if has_future
                else build.column(0.0, 0.0, discount)
            ]
        )
    form = outlook.linear_form(lower)
    families = (ExtraColumns(_OPENING_COST, lower, form.weights), *form.extra)
    for family in families:
        columns = build.column_family(family.name, len(family.weights))
        columns[:] = [
            build.column(family.lower, np.inf, share) for share in discount * family.weights
        ]
    return np.concatenate([build.columns[family.name] for family in families])


def future_weights(outlook: Outlook | None) -> NDArray[np.float64]:
    """What one unit of each column of `declare_columns` adds to the future cost, ``[column]``."""
    return np.ones(1) if outlook is None else outlook.linear_form(0.0).all_weights


def future_families(outlook: Outlook) -> dict[str, bool]:
    """Families of `declare_columns` and `declare_rows` -> whether their names count."""
    form = outlook.linear_form(0.0)
    rows = {form.name: True} if form.rows else {}
    return {_OPENING_COST: True, **{family.name: family.indexed for family in form.extra}, **rows}


def declare_rows(build: LpBuilder, outlook: Outlook | None) -> None:
    """The rows with which the risk measure adds up the costs of openings, where it needs any."""
    form = None if outlook is None else outlook.linear_form(0.0)
    if form is None or not form.rows:
        return
    columns = np.concatenate(
        [build.columns[name] for name in (_OPENING_COST, *(family.name for family in form.extra))]
    )
    rows = build.row_family(form.name, len(form.rows))
    for r, entries in enumerate(form.rows):
        rows[r] = build.row(0.0, np.inf)
        for column, value in entries:
            build.put(rows[r], columns[column], value)
