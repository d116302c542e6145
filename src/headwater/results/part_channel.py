"""A writer of its own thread, fed through a channel of bounded size."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType

from headwater.sddp import SimulationChunk


class PartChannel:
    """Hands parts of a simulation to one writing thread, in order.

    `put` waits while more scenarios than ``capacity`` would be waiting (a single part may exceed it
    alone), so that memory stays bounded when disks are slow. After an error of the writer nothing
    more is taken: `put` and `close` raise it.

    Args:
        write: called in the writing thread.
        capacity: scenarios that may wait.
    """

    def __init__(self, write: Callable[[SimulationChunk], None], capacity: int) -> None:
        self._write = write
        self._capacity = capacity
        self._waiting: deque[SimulationChunk] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._abandoned = False
        self._error: BaseException | None = None
        self.most_waiting = 0
        self._thread = threading.Thread(target=self._run, name="headwater-writer", daemon=True)
        self._thread.start()

    def put(self, chunk: SimulationChunk) -> None:
        """Hand over a part; waits for room.

        Raises:
            ResultsError: the writer failed.
        """
        with self._changed:
            size = len(chunk.summary.scenario_id)
            self._changed.wait_for(
                lambda: (
                    self._error is not None
                    or not self._waiting
                    or self._held() + size <= self._capacity
                )
            )
            if self._error is not None:
                raise self._error
            self._waiting.append(chunk)
            self.most_waiting = max(self.most_waiting, self._held())
            self._changed.notify_all()

    def close(self) -> None:
        """Wait until everything is written, and end the thread.

        Raises:
            ResultsError: the writer failed.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Drop what waits, let the part under way be finished, and end the thread."""
        with self._changed:
            self._abandoned = self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join()

    def _held(self) -> int:
        return sum(len(chunk.summary.scenario_id) for chunk in self._waiting)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._closed)
                if not self._waiting:
                    return
                chunk = self._waiting.popleft()
                self._changed.notify_all()
            try:
                self._write(chunk)
            except BaseException as error:
                with self._changed:
                    self._error = error
                    self._waiting.clear()
                    self._changed.notify_all()
                return
            del chunk

    def __enter__(self) -> PartChannel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._closed:
            self.abandon()
