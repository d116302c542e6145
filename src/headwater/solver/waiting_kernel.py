"""What compiled code needs to work in several threads: a clock, and a place where threads wait for each other."""

from __future__ import annotations

import time

from headwater.solver.compiled import InCode, compiled
from headwater.solver.packing_kernel import place_of

ARRIVED, ROUND, ABANDONED = 0, 1, 2
"""Places in a barrier, an array of three int64, all zero at first."""

_CLOCK = time.CLOCK_MONOTONIC
_SPINS, _YIELDS, _NAP_MICROSECONDS = 2000, 4000, 50


def _external(name: str, result: str, *arguments: str) -> InCode:
    """A function of the C library, with the names of its types."""
    return InCode(lambda numba: numba.external(name, result, *arguments))


_clock_gettime = _external("clock_gettime", "int32", "int32", "voidptr")
_sched_yield = _external("sched_yield", "int32")
_usleep = _external("usleep", "int32", "uint32")

load = InCode(lambda numba: numba.atomic_load())
"""For compiled code: read an element as other threads left it."""

store = InCode(lambda numba: numba.atomic_store())
"""For compiled code: write an element for other threads to see."""

add = InCode(lambda numba: numba.atomic_add())
"""For compiled code: add to an element as one step, and return what it was before."""


@compiled
def seconds(room):
    """Time of a clock that only goes forward; ``room`` are two int64 of this thread."""
    _clock_gettime(_CLOCK, place_of(room))
    return room[0] + 1e-9 * room[1]


@compiled
def wait_for_others(barrier, n_threads):
    """Wait until all threads have come here; returns whether they go on, which they do not when one has abandoned the others.

    A thread that waits looks again at once for some microseconds, then lets others run, then naps: threads are as good as always
    awake where stages are small, and cost others nothing where they are large.
    """
    if n_threads == 1:
        return True
    before = load(barrier, ROUND)
    if add(barrier, ARRIVED, 1) == n_threads - 1:
        store(barrier, ARRIVED, 0)
        add(barrier, ROUND, 1)
        return load(barrier, ABANDONED) == 0
    looked = 0
    while load(barrier, ROUND) == before:
        if load(barrier, ABANDONED) != 0:
            return False
        looked += 1
        if looked > _YIELDS:
            _usleep(_NAP_MICROSECONDS)
        elif looked > _SPINS:
            _sched_yield()
    return load(barrier, ABANDONED) == 0
