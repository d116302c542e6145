"""A clock with names: how long each step of a run took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Adds up the time of named steps. For use by one thread.

    Attributes:
        seconds: name of a step -> time so far.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, step: str) -> Iterator[None]:
        """Add the time of the block to a step."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(step, time.perf_counter() - started)

    def add(self, step: str, seconds: float) -> None:
        """Add a time that was measured elsewhere."""
        self.seconds[step] = self.seconds.get(step, 0.0) + seconds

    def take(self) -> dict[str, float]:
        """What was added up, which then starts from zero."""
        taken, self.seconds = self.seconds, {}
        return taken
