"""Cuts: the linear underestimators of the future cost that make up a policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headwater.core.wording import listed
from headwater.distributed import OWN_MEMORY, Memory
from headwater.sddp.cuts.fields import ALL_OPENINGS, CUT_FIELDS, CutFields

COUNTERS = ("active", "times_binding", "last_binding")
"""Fields of a pool that change after a cut is born."""


class CutPool(CutFields):
    """The cuts of one stage, as arrays with one slot per cut.

    A cut says ``future cost >= intercept + coefficients . state`` where the state is the *outgoing*
    state of the stage (hm3, m3/s) and the future cost is in $, seen from the end of the stage.
    Slots are stable: a cut is deactivated, never moved.

    What else is known of a cut is an array ``[slot]`` for each of `CutFields`.

    Attributes:
        n_state: length of the state.
        capacity: slots that exist; those without a cut hold what a cut is born with.
        n_populated: slots in use are ``[0, n_populated)``.
        coefficients: ``[slot, n_state]`` in $/hm3 and $/(m3/s).
    """

    def __init__(self, n_state: int, capacity: int) -> None:
        self.n_state = n_state
        self.capacity = capacity
        self.n_populated = 0
        self._memory = OWN_MEMORY
        self.coefficients = self._memory.matrix((capacity, n_state))
        for field in CUT_FIELDS:
            setattr(self, field.name, np.full(capacity, field.born, field.kind))

    def append(
        self,
        intercepts: NDArray[np.float64],
        coefficients: NDArray[np.float64],
        *,
        iteration: int | NDArray[np.int32],
        **known: ArrayLike,
    ) -> NDArray[np.int64]:
        """Add cuts in the given order and return their slots.

        Args:
            intercepts: ``[cut]`` in $.
            coefficients: ``[cut, n_state]``.
            iteration: iteration of birth.
            known: other fields of them by name, ``[cut]`` or one value for all; those that are not
                given have what a cut is born with.

        Raises:
            TypeError: a cut has no such field.
        """
        if unknown := known.keys() - {field.name for field in CUT_FIELDS}:
            raise TypeError(f"a cut has no field {listed(sorted(unknown))}")
        n_new = len(intercepts)
        start, stop = self.n_populated, self.n_populated + n_new
        if stop > self.capacity:
            self._grow(stop)
        target = self.coefficients[start:stop]
        if target.ctypes.data != coefficients.ctypes.data:
            self._memory.put(target, coefficients)
        known = {"last_binding": iteration, **known, "intercepts": intercepts, "born_at": iteration}
        for field in CUT_FIELDS:
            getattr(self, field.name)[start:stop] = known.get(field.name, field.born)
        self.n_populated = stop
        return np.arange(start, stop)

    def take(self, other: CutPool, slots: NDArray[np.int64], **changed: Any) -> NDArray[np.int64]:
        """Add cuts of another pool with all that is known of them, and return their slots.

        Args:
            other: the pool.
            slots: of the cuts there.
            changed: ``born_at`` and other fields that are not what they are there.
        """
        known = {field.name: getattr(other, field.name)[slots] for field in CUT_FIELDS} | changed
        intercepts, iteration = known.pop("intercepts"), known.pop("born_at")
        return self.append(intercepts, other.coefficients[slots], iteration=iteration, **known)

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
            for field in CUT_FIELDS:
                getattr(self, field.name)[used : self.n_populated] = field.born
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

        Without active cuts it is ``(-inf, -1)``.
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
        for name in (field.name for field in CUT_FIELDS):
            getattr(wider, name)[:used] = getattr(self, name)[:used]
            setattr(self, name, getattr(wider, name))
        self.capacity = capacity

    def __repr__(self) -> str:
        return (
            f"<CutPool: {len(self.active_slots())} active of {self.n_populated} cuts, "
            f"{self.n_state} states>"
        )
