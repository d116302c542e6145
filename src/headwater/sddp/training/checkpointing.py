"""When a training writes down where it stands."""

from __future__ import annotations

import time
from collections.abc import Callable

from headwater.model import Checkpointing

DEFAULT_INTERVAL = 10
"""Iterations between checkpoints when neither iterations nor minutes are given."""


class CheckpointSchedule:
    """Says at the end of each iteration whether a checkpoint is due.

    Args:
        settings: what the study asks for.
        clock: seconds from any start.
    """

    def __init__(
        self, settings: Checkpointing, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._written_at = clock()

    def is_due(self, iteration: int) -> bool:
        """Whether a checkpoint is due after an iteration (1-based); the caller then writes it."""
        settings = self._settings
        if not settings.enabled or iteration < settings.initial_iteration:
            return False
        every = settings.interval_iterations
        if every is None and settings.interval_minutes is None:
            every = DEFAULT_INTERVAL
        due = every is not None and (iteration - settings.initial_iteration) % every == 0
        if settings.interval_minutes is not None:
            due = due or self._clock() - self._written_at >= 60.0 * settings.interval_minutes
        if due:
            self._written_at = self._clock()
        return due
