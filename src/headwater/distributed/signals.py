"""Ending a run on request: the first interrupt asks, the second insists."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):  # noqa: N818 - a signal to unwind, not an error
    """The run was asked to stop; what is under way is abandoned."""


class StopRequest:
    """A flag that worker threads may read at any time.

    Attributes:
        signal_number: signal that asked; ``None`` when nobody did or the program itself did.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.signal_number: int | None = None

    def __call__(self) -> bool:
        """Whether the run should end."""
        return self._event.is_set()

    def ask(self, signal_number: int | None = None) -> None:
        """Ask the run to end at the next safe point."""
        self.signal_number = signal_number
        self._event.set()


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn SIGINT and SIGTERM into a `StopRequest` while the block runs.

    A second SIGINT raises `KeyboardInterrupt`. Outside the main thread, where Python delivers no signals, only the program
    itself can ask.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        if request() and number == signal.SIGINT:
            raise KeyboardInterrupt
        request.ask(number)

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
