"""Working memory of the compiled simplex, and how many pivots it may take."""

from __future__ import annotations

from headwater.solver.native_kernel import pack_scratch
from headwater.solver.openings_kernel import make_scratch
from headwater.solver.packing_kernel import Packed
from headwater.solver.simplex_kernel import Effort

HARRIS_TOLERANCE = 1e-9
"""How far reduced costs may get the wrong sign in a dual ratio test, so that larger pivots can be
chosen.
"""


def pivot_cap(n_static_rows: int) -> int:
    """Pivots the kernel may take before it factorises anew."""
    return min(40 + n_static_rows // 2, 600)


def usual_effort(n_static_rows: int) -> Effort:
    """How hard the kernel tries at first."""
    return Effort(pivot_cap(n_static_rows), 4, HARRIS_TOLERANCE)


def strict_effort(n_static_rows: int) -> Effort:
    """How hard it tries at last: no tolerance in the ratio test, and fresh factors all the time."""
    return Effort(20, 20 + n_static_rows // 4, 0.0)


class KernelScratch:
    """Working memory of the kernel, for programs that are solved one at a time; it only grows."""

    def __init__(self) -> None:
        self._sizes = (0, 0, 0, 0, 0)
        self._packed: Packed | None = None

    def of(self, sizes: tuple[int, int, int, int, int]) -> Packed:
        """Workspace of at least these sizes.

        Columns, static rows, appended rows, their places, and static entries.
        """
        have = self._sizes
        if self._packed is not None and (
            sizes[0] <= have[0]
            and sizes[1] <= have[1]
            and sizes[2] <= have[2]
            and sizes[3] <= have[3]
            and sizes[4] <= have[4]
        ):
            return self._packed
        n, m_static, n_cuts, places, entries = (max(pair) for pair in zip(sizes, have, strict=True))
        n_cuts += n_cuts // 2 + 32
        self._sizes = (n, m_static, n_cuts, places, entries)
        self._packed = pack_scratch(make_scratch(*self._sizes, pivot_cap(m_static)))
        return self._packed
