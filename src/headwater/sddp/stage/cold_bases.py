"""Where trials start that have no basis."""

from __future__ import annotations

import threading
from collections.abc import Callable

from headwater.solver import Basis


class ColdBases:
    """A basis per stage for trials that have none.

    From one cold solve, made once for all threads.
    """

    def __init__(self, n_stages: int) -> None:
        self._bases: list[Basis | None] = [None] * n_stages
        self._lock = threading.Lock()

    def get(self, t: int, solve: Callable[[], Basis]) -> Basis:
        """The basis of a stage; the first caller makes it with ``solve``."""
        with self._lock:
            basis = self._bases[t]
            if basis is None:
                basis = self._bases[t] = solve()
            return basis

    def forget(self, t: int) -> None:
        """Let the basis of a stage be made anew, because rows were taken out of its program."""
        self._bases[t] = None
