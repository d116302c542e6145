"""Which stage follows which.

A chain that ends, or a chain whose last stage leads back to an earlier one for ever.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ModelError
from headwater.model.stages import GraphType, PolicyGraph, Stage


@dataclass(frozen=True, slots=True)
class Horizon:
    """The order of the stage positions.

    Attributes:
        n_stages: number of study stages.
        cycle_start: position that follows the last one; ``None`` where the horizon ends there.
    """

    n_stages: int
    cycle_start: int | None = None

    @property
    def is_cyclic(self) -> bool:
        """Whether the horizon repeats."""
        return self.cycle_start is not None

    @property
    def cycle(self) -> range:
        """Positions that repeat; empty where the horizon ends."""
        return (
            range(self.n_stages, self.n_stages)
            if self.cycle_start is None
            else range(self.cycle_start, self.n_stages)
        )

    def successor(self, t: int) -> int | None:
        """Position that follows position ``t``; ``None`` where the horizon ends."""
        return t + 1 if t + 1 < self.n_stages else self.cycle_start

    def position(self, visit: int) -> int:
        """Stage position of the visit with this number, counted from the first stage of the study.

        Raises:
            IndexError: the horizon has ended by then.
        """
        if visit < self.n_stages:
            return visit
        if self.cycle_start is None:
            raise IndexError(f"the horizon ends after {self.n_stages} stages")
        return self.cycle_start + (visit - self.cycle_start) % len(self.cycle)

    def turn(self, visit: int) -> int:
        """How often the cycle has been completed before a visit.

        It is 0 on the way through the study's stages.
        """
        return 0 if visit < self.n_stages else (visit - self.n_stages) // len(self.cycle) + 1

    def walk(self, n_visits: int) -> tuple[int, ...]:
        """Positions of the first ``n_visits`` visits."""
        return tuple(self.position(visit) for visit in range(n_visits))


def horizon_of(graph: PolicyGraph, stages: Sequence[Stage]) -> Horizon:
    """The horizon that a policy graph describes for stages in ascending id.

    Raises:
        ModelError: its transitions are neither the chain of stages nor that chain closed by one
            transition from the last stage back; or a cycle does not discount the future.
    """
    ids = [stage.id for stage in stages]
    chain = {(source, target, 1.0) for source, target in pairwise(ids)}
    given = {(t.source_id, t.target_id, t.probability) for t in graph.transitions}
    back = {edge for edge in given if edge[0] == ids[-1] and edge[1] in ids and edge[2] == 1.0}
    forward = given - back
    known = len(given) == len(graph.transitions) and (not forward or forward == chain)
    if graph.type is GraphType.FINITE_HORIZON:
        if not known or back:
            raise ModelError(
                "the transitions are not the chain of stages, each leading to the next with "
                "probability 1; leave them out for that chain"
            )
        return Horizon(len(ids))
    if not known or len(back) != 1:
        raise ModelError(
            "the transitions of a cyclic policy graph are not the chain of stages closed by one "
            f"transition, of probability 1, from the last stage ({ids[-1]}) "
            "back to itself or an earlier one"
        )
    start = ids.index(next(iter(back))[1])
    discount = float(np.prod([graph.discount_factor(stage) for stage in stages[start:]]))
    if not discount < 1.0:
        raise ModelError(
            "a cyclic policy graph needs a discount rate above 0: without one the cost of all "
            "time is infinite"
        )
    return Horizon(len(ids), start)


def cumulative_discount(
    horizon: Horizon, discount_factors: NDArray[np.float64], n_visits: int
) -> NDArray[np.float64]:
    """Present value of one unit at the start of each visit, ``[visit]``; 1 at the first.

    Args:
        horizon: order of the stages.
        discount_factors: ``[stage]`` one-step discount of the transition leaving each stage.
        n_visits: number of visits.
    """
    steps = discount_factors[list(horizon.walk(n_visits))]
    return np.concatenate([[1.0], np.cumprod(steps[:-1])])


def visited_stages(horizon: Horizon, stages: Sequence[Stage], n_visits: int) -> tuple[Stage, ...]:
    """The stages that are visited, in order, as stages of their own.

    Those of the study keep id and dates. Later turns of a cycle go on counting from the last id,
    and their dates move on by the length of the cycle: by whole months where it has that length, so
    that a January stays a January.

    Args:
        horizon: order of the stages.
        stages: of the study.
        n_visits: number of visits.
    """
    last = stages[-1].id
    visited = []
    for visit, t in enumerate(horizon.walk(n_visits)):
        stage, turn = stages[t], horizon.turn(visit)
        if turn:
            first_day, end = stages[horizon.cycle.start].start_date, stages[-1].end_date
            stage = replace(
                stage,
                id=last + 1 + visit - horizon.n_stages,
                start_date=_later(stage.start_date, turn, first_day, end),
                end_date=_later(stage.end_date, turn, first_day, end),
            )
        visited.append(stage)
    return tuple(visited)


def _later(day: date, turns: int, start: date, end: date) -> date:
    """A day that comes some cycles later; the cycle lasts from ``start`` to ``end``."""
    if start.day != end.day:
        return day + turns * (end - start)
    months = 12 * (end.year - start.year) + end.month - start.month
    year, month = divmod(12 * day.year + day.month - 1 + turns * months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
