"""What compiled code needs in several threads: a clock, numbers all see, and a way to wait."""

from __future__ import annotations

import sys

from headwater.solver.compiled import InCode, compiled
from headwater.solver.packing_kernel import place_of
from headwater.solver.system_functions import LET_OTHERS_RUN, NAP, NAP_UNITS, POSIX_CLOCK

_SPINS, _YIELDS = 2000, 4000


def _external(name: str, result: str, *arguments: str) -> InCode:
    """A function of the operating system, with the names of its types."""
    return InCode(lambda numba: numba.external(name, result, *arguments))


_clock_gettime = _external("clock_gettime", "int32", "int32", "voidptr")
_query_counter = _external("QueryPerformanceCounter", "int32", "voidptr")
_query_frequency = _external("QueryPerformanceFrequency", "int32", "voidptr")
_let_others_run = _external(LET_OTHERS_RUN, "int32")
# Sleep of Windows returns nothing, and what is declared here is not looked at
_nap = _external(NAP, "int32", "uint32")

load = InCode(lambda numba: numba.atomic_load())
"""For compiled code: read an element as other threads left it."""

store = InCode(lambda numba: numba.atomic_store())
"""For compiled code: write an element for other threads to see."""

add = InCode(lambda numba: numba.atomic_add())
"""For compiled code: add to an element as one step, and return what it was before."""


def _posix_seconds(room):
    _clock_gettime(POSIX_CLOCK, place_of(room))
    return room[0] + 1e-9 * room[1]


def _windows_seconds(room):
    _query_frequency(place_of(room))
    frequency = room[0]
    _query_counter(place_of(room))
    return room[0] / frequency


seconds = compiled(_windows_seconds if sys.platform == "win32" else _posix_seconds)
"""Time of a clock that only goes forward, in seconds; its argument is two int64 of the calling
thread.
"""


@compiled
def wait_a_little(looked):
    """Wait before looking again what others have done; takes how often, and returns one more.

    A thread that waits looks again at once for some microseconds, then lets others run, then naps:
    threads are as good as always awake where tasks are small, and cost others nothing where they
    are large.
    """
    if looked >= _YIELDS:
        _nap(NAP_UNITS)
    elif looked >= _SPINS:
        _let_others_run()
    return looked + 1
