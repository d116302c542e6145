"""The inner approximation of the future cost.

States whose cost is bounded from above, and prices for the way to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array

VERTICES = "vertices"
"""Name under which a stored training keeps the arrays of the inner approximation."""


@dataclass(frozen=True)
class StageVertices:
    """Upper bound of the cost of everything after one stage.

    It is a function of the state that leaves the stage.

    At a state ``x`` the bound is the least ``sum_i w_i values_i + above . up + below . down`` over
    weights ``w`` that are not negative and add up to one, and over ``up`` and ``down`` that are not
    negative, with ``sum_i w_i points_i + up - down = x``.

    Attributes:
        points: ``[vertex, n_state]`` in hm3, m3/s and MW.
        values: ``[vertex]`` upper bounds of the cost from there on in $, seen from the end of the
            stage.
        above, below: ``[n_state]`` in $ per unit that a state lies above or below a point.
    """

    points: Array
    values: Array
    above: Array
    below: Array

    @classmethod
    def none(cls, n_state: int) -> StageVertices:
        """Where nothing follows."""
        free = np.zeros(n_state)
        return cls(np.empty((0, n_state)), np.empty(0), free, free)


@dataclass(frozen=True)
class InnerApproximation:
    """The inner approximation of a study after one of its evaluations.

    Attributes:
        stages: one record per stage; the last one is empty.
        iteration: iteration (1-based) after which it was evaluated.
        value: bound of the optimal cost that this evaluation gave, in $.
        upper_bound: the least bound of all evaluations so far, in $.
    """

    stages: tuple[StageVertices, ...]
    iteration: int
    value: float
    upper_bound: float

    @property
    def n_vertices(self) -> int:
        """Vertices of all stages."""
        return sum(len(stage.values) for stage in self.stages)

    def arrays(self) -> tuple[dict[str, NDArray[Any]], ...]:
        """Named arrays of every stage, to be stored.

        Those of the first stage say when it was evaluated and what it gave.
        """
        stages: tuple[dict[str, NDArray[Any]], ...] = tuple(
            dict(vars(stage)) for stage in self.stages
        )
        stages[0]["evaluation"] = np.array(
            [self.iteration, self.value, self.upper_bound], np.float64
        )
        return stages

    @classmethod
    def from_arrays(cls, stages: Sequence[Mapping[str, NDArray[Any]]]) -> InnerApproximation:
        """The approximation that `arrays` described.

        Raises:
            KeyError, ValueError: they do not describe one.
        """
        iteration, value, upper_bound = (float(number) for number in stages[0]["evaluation"])
        names = ("points", "values", "above", "below")
        return cls(
            tuple(StageVertices(*(stage[name] for name in names)) for stage in stages),
            int(iteration),
            value,
            upper_bound,
        )


def choose_visits(visited: Array, most: int) -> NDArray[np.int64]:
    """Places of the visited states that become vertices, ascending.

    Of equal states the last one counts. When there are too many, half of the room goes to states in
    which some component is smallest or largest, so that the rest of the visits lies between them as
    far as possible, and the other half to the latest ones, which are nearest to what the policy
    does now.

    Args:
        visited: ``[visit, n_state]``, in the order of time.
        most: largest number of vertices.
    """
    if not len(visited):
        return np.empty(0, np.int64)
    spread = np.maximum(np.ptp(visited, axis=0), 1.0)
    rounded = np.round(visited / (1e-9 * spread))
    _, last_in_reverse = np.unique(rounded[::-1], axis=0, return_index=True)
    distinct = np.sort(len(visited) - 1 - last_in_reverse)
    if len(distinct) <= most:
        return distinct
    points = visited[distinct]
    ends = np.stack([points.argmin(axis=0), points.argmax(axis=0)], axis=1)[
        np.ptp(points, axis=0) > 0.0
    ].ravel()
    _, first_named = np.unique(ends, return_index=True)
    chosen = ends[np.sort(first_named)][: most // 2]
    others = np.setdiff1d(np.arange(len(distinct)), chosen)
    latest = others[len(others) - (most - len(chosen)) :]
    kept: NDArray[np.int64] = distinct[np.sort(np.concatenate([chosen, latest]))]
    return kept
