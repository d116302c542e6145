r"""What a state that differs by one unit can cost at most: prices of repairs that always work.

Let a stage be operated somehow from the incoming state ``y``. From another state ``x`` the same
operation breaks some rows; a *repair* is a change of the decisions that mends them. A repair along
columns that can always grow works from any operation and for any difference, so its cost is a bound
on the slope of the cost of the stage, everywhere. The cheapest one is a linear program over the
recession directions ``r`` of the stage::

    min c . r     A r = C d  (equalities)     A r >= C d  (floors)     A r <= C d  (ceilings)

for a unit difference ``d`` of one component. Columns that can always grow are those without an
upper bound (spillage, deficit of the last segment, excess, water bought, ...) and slacks that are
bounded by the very limit that they stand in for: the quantity behind it is never negative. Outgoing
storage and orders stay as they were; outgoing components that follow from the incoming state alone
(past inflows, commitments) change, at the discounted prices of the next stage.

Other rows need someone to give way in them, whoever that is (*rooms*, `headwater.core.repairs`):
each kind of equipment says what can always give way in its rows, and the dearest is the price.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.core.ids import ABSENT
from headwater.core.repairs import RepairedStage, Room
from headwater.errors import InfeasibleError
from headwater.lp.forms import StageForm
from headwater.solver import AppendedRows, Basis, LinearProgram

_ROUND_OFF = 1e-12
"""Entries of a difference that are relatively smaller come from round-off of the condensation;
nothing need repair them.
"""


@dataclass(frozen=True)
class StatePrices:
    """Bounds on the prices of the incoming state.

    What one more or one less of each component can add to the cost from there on.

    Attributes:
        above: ``[n_state]`` in $ per unit that a state lies above another.
        below: ``[n_state]`` in $ per unit that it lies below. Infinite where no repair is known.
    """

    above: Array
    below: Array

    @classmethod
    def none(cls, n_state: int) -> StatePrices:
        """Where nothing follows."""
        return cls(np.zeros(n_state), np.zeros(n_state))

    def change(self, delta: Array) -> float:
        """Price of a change of the state, in $."""
        up, down = delta > 0.0, delta < 0.0
        return float(np.sum(self.above[up] * delta[up]) - np.sum(self.below[down] * delta[down]))


class StateRepairs:
    """Prices of the state that enters one stage.

    Args:
        form: the condensed program of the stage.
        share_shortage: whether missing water may be shared by its users: no inflow of the stage is
            negative or depends on the state.
    """

    def __init__(self, form: StageForm, *, share_shortage: bool) -> None:
        self._form = form
        self._share_shortage = share_shortage
        effect = sp.csc_array(form.state_to_rows).toarray().T
        self._directions = np.concatenate([effect, -effect])
        carried = sp.csc_array(form.exogenous_from_state).toarray()
        self._carried = np.zeros((form.template.n_state, form.template.n_state))
        self._carried[:, form.exogenous] = carried.T
        self._own: Array | None = None
        self._looks_ahead = False

    def incoming(self, following: StatePrices) -> StatePrices:
        """Prices in $ where ``following`` are those of the state that leaves.

        Components without a repair have an infinite price.
        """
        if self._own is None or self._looks_ahead:
            stage = RepairedStage(
                self._form, following.above, following.below, share_shortage=self._share_shortage
            )
            self._own = _Repairs(stage).prices(self._directions).reshape(2, -1)
            self._looks_ahead = stage.looks_ahead
        discount = self._form.template.discount
        above, below = (
            [
                own + discount * following.change(sign * after)
                for own, after in zip(side, self._carried, strict=True)
            ]
            for sign, side in zip((1.0, -1.0), self._own, strict=True)
        )
        return StatePrices(np.maximum(above, 0.0), np.maximum(below, 0.0))


class _Repairs:
    """The program of repairs of one stage, with a column for every room whose price is known."""

    def __init__(self, stage: RepairedStage) -> None:
        self._form: StageForm = stage.form
        form = self._form
        self._matrix = sp.csc_array(form.matrix)
        self._lower, self._upper = _ray_bounds(stage)
        self._floor = np.where(np.isfinite(form.row_lower), 0.0, -np.inf)
        self._ceiling = np.where(np.isfinite(form.row_upper), 0.0, np.inf)
        self._rooms: list[tuple[int, float, float]] = []
        for part in EQUIPMENT:
            if part.repairs is not None:
                self._price(part.repairs(stage))

    def prices(self, directions: Array) -> Array:
        """Cost in $ of the cheapest repair of each change ``[direction, row]`` of row bounds.

        Infinite where there is none.
        """
        prices = np.zeros(len(directions))
        sizes = np.abs(directions).max(axis=1, initial=0.0)
        moving = np.flatnonzero(sizes)
        if not len(moving):
            return prices
        scaled = directions[moving] / sizes[moving, None]
        scaled[np.abs(scaled) < _ROUND_OFF] = 0.0
        unique, place = np.unique(scaled, axis=0, return_inverse=True)
        prices[moving] = self._solve(unique)[place.ravel()] * sizes[moving]
        return prices

    def _solve(self, directions: Array) -> Array:
        """Cheapest repairs of all directions, in $, one program for all of them."""
        from headwater.solver import (
            HighsProgram,
        )  # the compiler comes with it, and most commands solve nothing

        program = HighsProgram(self._program(), AppendedRows())
        lower, upper = self._floor + directions, self._ceiling + directions
        prices = np.full(len(directions), np.inf)
        left = np.arange(len(directions))
        slack = Basis(_resting(program.program), np.ones(program.n_rows, np.int32))
        try:
            while len(left):
                try:
                    prices[left] = program.solve_openings(lower[left], upper[left], slack).objective
                    break
                except InfeasibleError as error:
                    left = np.delete(left, error.opening or 0)
        finally:
            program.close()
        return prices * self._form.cost_scale

    def _program(self) -> LinearProgram:
        known = [room for room in self._rooms if np.isfinite(room[2])]
        entries = (
            [sign for _, sign, _ in known],
            ([row for row, _, _ in known], np.arange(len(known))),
        )
        extra = sp.csc_array(sp.coo_array(entries, shape=(self._form.n_rows, len(known))))
        matrix = sp.csc_array(sp.hstack([self._matrix, extra]))
        matrix.sort_indices()
        scale = self._form.cost_scale
        return LinearProgram(
            starts=matrix.indptr.astype(np.int32),
            indices=matrix.indices.astype(np.int32),
            values=np.ascontiguousarray(matrix.data, np.float64),
            cost=np.concatenate([self._form.cost, [price / scale for _, _, price in known]]),
            column_lower=np.concatenate([self._lower, np.zeros(len(known))]),
            column_upper=np.concatenate([self._upper, np.full(len(known), np.inf)]),
            row_lower=self._floor,
            row_upper=self._ceiling,
            money=self._form.money / scale,
        )

    def _dearest(self, *rooms: Room) -> float:
        """Price of the room: whoever gives way, it costs no more; never negative."""
        movers = [(room, mover) for room in rooms for mover in room.movers]
        if not movers:
            return np.inf
        directions = np.zeros((len(movers), self._form.n_rows))
        own = np.empty(len(movers))
        for i, (room, mover) in enumerate(movers):
            directions[i] = -mover.step * self._matrix[:, [mover.column]].toarray()[:, 0]
            directions[i, room.row] = 0.0  # which it moves by exactly what is asked for
            own[i] = (
                mover.step * self._form.cost[mover.column] * self._form.cost_scale + mover.carried
            )
        return float(max(0.0, np.max(self.prices(directions) + own)))

    def _price(self, rooms: Iterable[Room]) -> None:
        """Find the prices of rooms, those that others need first."""
        waiting = list(rooms)
        while waiting:
            still = {room.row for room in waiting}
            ready = [room for room in waiting if not room.needs & still]
            if not ready:
                return  # they need each other, as where water is pumped in a circle: no price
            priced = [(room.row, room.sign, self._dearest(room)) for room in ready]
            self._rooms.extend(priced)
            waiting = [room for room in waiting if room.needs & still]


def _ray_bounds(stage: RepairedStage) -> tuple[Array, Array]:
    """Bounds of the recession directions of every column."""
    form = stage.form
    lower = np.where(np.isfinite(form.column_lower), 0.0, -np.inf)
    upper = np.where(np.isfinite(form.column_upper), 0.0, np.inf)
    for _, family in EQUIPMENT.families.values():
        if family.own_limit:
            columns = np.ravel(stage.columns(family.name))
            upper[columns[columns != ABSENT]] = np.inf
    held = np.concatenate([form.state_column[form.state_column >= 0], form.future])
    lower[held] = upper[held] = 0.0
    return lower, upper


def _resting(program: LinearProgram) -> NDArray[np.int32]:
    """Status of columns at rest at zero, in the codes of `Basis`."""
    at_lower, at_upper = np.isfinite(program.column_lower), np.isfinite(program.column_upper)
    return np.where(at_lower, 0, np.where(at_upper, 2, 3)).astype(np.int32)
