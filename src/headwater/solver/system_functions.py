"""Functions of the operating system that compiled code calls.

A clock, letting other threads run, and a nap.
"""

from __future__ import annotations

import ctypes
import sys
import time

LET_OTHERS_RUN, NAP = (
    ("SwitchToThread", "Sleep") if sys.platform == "win32" else ("sched_yield", "usleep")
)
"""Names of the functions that give the processor to another thread for now, and for some time."""

NAP_UNITS = 1 if sys.platform == "win32" else 50
"""How long a nap is: microseconds, milliseconds on Windows, which naps up to 16 of them all the
same.
"""

POSIX_CLOCK = getattr(time, "CLOCK_MONOTONIC", 1)
"""Number of the clock that only goes forward; 1 is the one of Linux, and Windows has functions of
its own.
"""

_OF_WINDOWS = ("QueryPerformanceCounter", "QueryPerformanceFrequency", "SwitchToThread", "Sleep")


def addresses() -> dict[str, int]:
    """Where functions lie that a compiler does not find by their names.

    Those of Windows, none elsewhere.
    """
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        return {
            name: ctypes.cast(getattr(kernel, name), ctypes.c_void_p).value or 0
            for name in _OF_WINDOWS
        }
    return {}
