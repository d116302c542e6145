"""Cuts: the linear underestimators of the future cost that make up a policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import OWN_MEMORY, Memory

WARM_START = -1
"""Birth iteration of a cut that came from an earlier policy."""

BOUNDARY = -2
"""Birth iteration of a cut that bounds what comes after the horizon."""

ALL_OPENINGS = -1
"""In place of an opening: the cut bounds the risk-adjusted cost over all openings of the next
stage.
"""

COUNTERS = ("active", "times_binding", "last_binding")
"""Fields of a pool that change after a cut is born."""

FIELDS = {
    "intercepts": np.float64,
    "active": np.bool_,
    "born_at": np.int32,
    "forward_pass": np.int32,
    "opening": np.int32,
    "relaxed": np.bool_,
    "unproven": np.bool_,
    "times_binding": np.int64,
    "last_binding": np.int32,
}
"""What a pool knows of every cut besides its coefficients, with the type of each array
``[slot]``.
"""


class CutPool:
    """The cuts of one stage, as arrays with one slot per cut.

    A cut says ``future cost >= intercept + coefficients . state`` where the state is the *outgoing*
    state of the stage (hm3, m3/s) and the future cost is in $, seen from the end of the stage.
    Slots are stable: a cut is deactivated, never moved.

    Attributes:
        n_state: length of the state.
        capacity: slots that exist.
        n_populated: slots in use are ``[0, n_populated)``.
        coefficients: ``[slot, n_state]`` in $/hm3 and $/(m3/s).
        intercepts: ``[slot]`` in $.
        active: ``[slot]`` whether the cut counts.
        born_at: ``[slot]`` iteration (1-based) of birth, or `WARM_START` or `BOUNDARY`.
        forward_pass: ``[slot]`` trajectory (0-based) whose state the cut was made at.
        opening: ``[slot]`` opening of the next stage whose cost alone the cut bounds, or
            `ALL_OPENINGS`.
        relaxed: ``[slot]`` whether an LP behind the cut has a gap above tolerance; the cut is valid
            all the same.
        unproven: ``[slot]`` whether the cut rests on cuts of another policy that may be wrong in
            this study.
        times_binding: ``[slot]`` solves in which the cut was binding.
        last_binding: ``[slot]`` last iteration in which it was.
    """

    def __init__(self, n_state: int, capacity: int) -> None:
        self.n_state = n_state
        self.capacity = capacity
        self.n_populated = 0
        self._memory = OWN_MEMORY
        self.coefficients = self._memory.matrix((capacity, n_state))
        self.intercepts = np.empty(capacity, np.float64)
        self.active = np.zeros(capacity, np.bool_)
        self.born_at = np.zeros(capacity, np.int32)
        self.forward_pass = np.zeros(capacity, np.int32)
        self.opening = np.full(capacity, ALL_OPENINGS, np.int32)
        self.relaxed = np.zeros(capacity, np.bool_)
        self.unproven = np.zeros(capacity, np.bool_)
        self.times_binding = np.zeros(capacity, np.int64)
        self.last_binding = np.zeros(capacity, np.int32)

    def append(
        self,
        intercepts: NDArray[np.float64],
        coefficients: NDArray[np.float64],
        *,
        iteration: int,
        forward_passes: Sequence[int] | NDArray[np.integer],
        openings: int | NDArray[np.integer] = ALL_OPENINGS,
        relaxed: bool | NDArray[np.bool_] = False,
        unproven: bool | NDArray[np.bool_] = False,
    ) -> NDArray[np.int64]:
        """Add cuts in the given order and return their slots.

        Args:
            intercepts: ``[cut]`` in $.
            coefficients: ``[cut, n_state]``.
            iteration: iteration of birth.
            forward_passes: ``[cut]`` trajectories they come from.
            openings: ``[cut]`` openings whose cost they bound.
            relaxed: ``[cut]`` whether an LP behind them has a gap above tolerance.
            unproven: ``[cut]`` whether they rest on cuts that may be wrong.
        """
        n_new = len(intercepts)
        start, stop = self.n_populated, self.n_populated + n_new
        if stop > self.capacity:
            self._grow(stop)
        target = self.coefficients[start:stop]
        if target.ctypes.data != coefficients.ctypes.data:
            self._memory.put(target, coefficients)
        self.intercepts[start:stop] = intercepts
        self.active[start:stop] = True
        self.born_at[start:stop] = iteration
        self.forward_pass[start:stop] = forward_passes
        self.opening[start:stop] = openings
        self.relaxed[start:stop] = relaxed
        self.unproven[start:stop] = unproven
        self.times_binding[start:stop] = 0
        self.last_binding[start:stop] = iteration
        self.n_populated = stop
        return np.arange(start, stop)

    def room(self, n_cuts: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The slots that `append` fills next, to be written to.

        Intercepts ``[cut]`` and coefficients ``[cut, n_state]``.

        What is made there is appended without being copied.
        """
        start, stop = self.n_populated, self.n_populated + n_cuts
        self.make_room(n_cuts)
        return self.intercepts[start:stop], self.coefficients[start:stop]

    def make_room(self, n_cuts: int) -> None:
        """Make room for more cuts."""
        if self.n_populated + n_cuts > self.capacity:
            self._grow(self.n_populated + n_cuts)

    def remember(self) -> Callable[[], None]:
        """A function that takes the pool back to what it is now.

        For an iteration that is not finished.
        """
        used = self.n_populated
        before = {name: getattr(self, name)[:used].copy() for name in COUNTERS}

        def undo() -> None:
            self.active[used : self.n_populated] = False
            self.n_populated = used
            for name, values in before.items():
                getattr(self, name)[:used] = values

        return undo

    @property
    def any_unproven(self) -> bool:
        """Whether some cut rests on cuts of another policy that may be wrong in this study."""
        return bool(self.unproven[: self.n_populated].any())

    @property
    def n_active(self) -> int:
        """Cuts that count."""
        return int(np.count_nonzero(self.active[: self.n_populated]))

    def n_relaxed(self, iteration: int) -> int:
        """Cuts of an iteration behind which an LP has a gap above tolerance."""
        relaxed = self.relaxed[: self.n_populated]
        return (
            int(np.count_nonzero(relaxed & (self.born_at[: self.n_populated] == iteration)))
            if relaxed.any()
            else 0
        )

    def active_slots(self) -> NDArray[np.int64]:
        """Slots of the cuts that count, ascending."""
        return np.flatnonzero(self.active[: self.n_populated])

    def value(self, state: NDArray[np.float64], opening: int = ALL_OPENINGS) -> tuple[float, int]:
        """Largest cut of an opening, or of all together, at ``state`` and its slot.

        ``(-inf, -1)`` without active ones.
        """
        slots = self.active_slots()
        slots = slots[self.opening[slots] == opening]
        if not len(slots):
            return -np.inf, -1
        values = self.intercepts[slots] + self.coefficients[slots] @ state
        best = int(np.argmax(values))
        return float(values[best]), int(slots[best])

    def _grow(self, needed: int) -> None:
        self._resize(max(needed, 2 * self.capacity))

    def move_to(self, memory: Memory, capacity: int) -> None:
        """Keep the coefficients in another memory from now on, with room for ``capacity`` cuts.

        All ranks call.
        """
        self._memory = memory
        self._resize(max(capacity, self.n_populated))

    def _resize(self, capacity: int) -> None:
        used = self.n_populated
        coefficients = self._memory.matrix((capacity, self.n_state))
        self._memory.put(coefficients[:used], self.coefficients[:used])
        self.coefficients = coefficients
        wider = CutPool(0, capacity)
        for name in FIELDS:
            getattr(wider, name)[:used] = getattr(self, name)[:used]
            setattr(self, name, getattr(wider, name))
        self.capacity = capacity

    def __repr__(self) -> str:
        return (
            f"<CutPool: {len(self.active_slots())} active of {self.n_populated} cuts, "
            f"{self.n_state} states>"
        )
