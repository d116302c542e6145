"""What compiled code needs to work in several threads: a clock, and a place where threads wait for each other."""

from __future__ import annotations

import time

from numba import types
from numba.extending import intrinsic

from headwater.solver.compiled import compiled
from headwater.solver.packing_kernel import place_of

ARRIVED, ROUND, ABANDONED = 0, 1, 2
"""Places in a barrier, an array of three int64, all zero at first."""

_CLOCK = time.CLOCK_MONOTONIC
_SPINS, _YIELDS, _NAP_MICROSECONDS = 2000, 4000, 50

_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.voidptr))
_sched_yield = types.ExternalFunction("sched_yield", types.int32())
_usleep = types.ExternalFunction("usleep", types.int32(types.uint32))


def _place(context, builder, kind, array, index):
    view = context.make_array(kind)(context, builder, array)
    return builder.gep(view.data, [index])


@intrinsic
def load(_typing_context, array, _index):
    """Read an element as other threads left it."""

    def generate(context, builder, signature, arguments):
        place = _place(context, builder, signature.args[0], *arguments)
        return builder.load_atomic(place, ordering="seq_cst", align=8)

    return types.int64(array, types.intp), generate


@intrinsic
def store(_typing_context, array, _index, _value):
    """Write an element for other threads to see."""

    def generate(context, builder, signature, arguments):
        place = _place(context, builder, signature.args[0], *arguments[:2])
        builder.store_atomic(arguments[2], place, ordering="seq_cst", align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), generate


@intrinsic
def add(_typing_context, array, _index, _value):
    """Add to an element as one step, and return what it was before."""

    def generate(context, builder, signature, arguments):
        place = _place(context, builder, signature.args[0], *arguments[:2])
        return builder.atomic_rmw("add", place, arguments[2], ordering="seq_cst")

    return types.int64(array, types.intp, types.int64), generate


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
