"""Worker threads within a process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import TypeVar, cast

from headwater.distributed.partition import blocks
from headwater.errors import UsageError

Result = TypeVar("Result")

MOST_THREADS = 4096
"""More threads than that are a slip of the pen, which would take the machine with it."""

THREADS_VARIABLE = "HEADWATER_THREADS"
"""Environment variable that sets the number of threads."""


def available_processors() -> tuple[int, ...]:
    """Numbers of the processors on which the system lets this process run."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def granted_threads(n_sharing: int = 1) -> int:
    """Processors this process may use.

    What a batch scheduler granted, else its part of those the system lets it run on.

    Args:
        n_sharing: processes that run on the same processors, see `Communicator`.
    """
    scheduled = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if scheduled.isascii() and scheduled.isdigit() and len(scheduled) < 9 and int(scheduled) > 0:
        return int(scheduled)
    return max(1, len(available_processors()) // n_sharing)


def choose_threads(
    requested: int | None, configured: int | None = None, *, n_sharing: int = 1
) -> int:
    """Number of worker threads.

    The caller's word, else the environment, else the configuration, else all that is granted.

    Args:
        requested: what the caller says.
        configured: what the configuration says.
        n_sharing: processes that run on the same processors, see `Communicator`.

    Raises:
        UsageError: a number below one or beyond `MOST_THREADS`, or an environment variable that is
            not a number.
    """
    from_environment = os.environ.get(THREADS_VARIABLE)
    if requested is None and from_environment is not None:
        if not (from_environment.isascii() and from_environment.isdigit()):
            raise UsageError(
                f"the environment variable {THREADS_VARIABLE} must be a whole number, got "
                f"'{from_environment}'"
            )
        # Python does not read numbers of thousands of digits
        requested = int(from_environment) if len(from_environment) < 20 else 10**20
    chosen = requested if requested is not None else configured
    if chosen is None:
        return granted_threads(n_sharing)
    if chosen < 1:
        raise UsageError(f"the number of threads must be at least 1, got {chosen}")
    if chosen > MOST_THREADS:
        raise UsageError(f"the number of threads must be at most {MOST_THREADS}, got {chosen}")
    return chosen


class _Worker:
    """A thread that does one thing after the other as it is told.

    Handing over takes some twenty microseconds.
    """

    def __init__(self, number: int) -> None:
        self._orders: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._outcomes: SimpleQueue[tuple[object, BaseException | None]] = SimpleQueue()
        # a daemon: a process that ends in the middle of an order does not wait for it
        self._thread = threading.Thread(target=self._work, name=f"headwater-{number}", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                outcome: tuple[object, BaseException | None] = order(), None
            except BaseException as error:
                outcome = None, error
            # what it worked on is not kept alive until the next order
            del order
            self._outcomes.put(outcome)
            del outcome

    def start(self, order: Callable[[], object]) -> None:
        """Begin with an order."""
        self._orders.put(order)

    def outcome(self) -> tuple[object, BaseException | None]:
        """Wait for the end of the order: its result, or its error."""
        return self._outcomes.get()

    def close(self) -> None:
        """End the thread."""
        self._orders.put(None)
        self._thread.join()


class ThreadTeam:
    """A fixed number of threads that share out numbered items.

    The calling thread is the first of them.

    Worker ``w`` always gets the same block of items, so what it owns (a solver instance, say) needs
    no lock.

    Attributes:
        wall_seconds: time spent in `run` so far.
        busy_seconds: ``[worker]`` time each worker took for its parts.
        cpu_seconds: ``[worker]`` processor time of that; what is missing went to other threads, or
            to others' programs.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._others: list[_Worker] = []
        try:
            for number in range(1, n_workers):
                self._others.append(_Worker(number))
        except RuntimeError as error:
            n_started = 1 + len(self._others)
            self.close()
            raise UsageError(
                f"the system grants no {n_workers} threads, only "
                f"{n_started} ({error}): ask for fewer"
            ) from None
        self.wall_seconds = 0.0
        self.busy_seconds = [0.0] * n_workers
        self.cpu_seconds = [0.0] * n_workers

    def n_called(self, n_items: int, least: int = 1) -> int:
        """How many workers `run` calls for so many items."""
        return min(self.n_workers, max(1, n_items // least))

    def shares(self, items: range, n_called: int) -> list[range]:
        """The items of each worker that is called."""
        return [items[part.start : part.stop] for part in blocks(len(items), n_called)]

    def run(
        self,
        task: Callable[[int, range], Result],
        items: range,
        least: int = 1,
    ) -> list[Result]:
        """Call ``task(worker, part)`` for every worker, with parts of ``items``.

        Returns the results in the order of the workers.

        Waits for all workers, then raises the error of the lowest worker that failed.

        Args:
            task: what to do.
            items: what to share out.
            least: items that a worker needs to be worth its hand-over; with fewer, fewer workers
                are called.
        """
        started = time.perf_counter()
        n_called = self.n_called(len(items), least)
        try:
            if n_called == 1:
                return [self._timed(task, 0, items)]
            own, *shares = self.shares(items, n_called)
            called: list[_Worker] = []
            outcomes: list[tuple[object, BaseException | None]] = []
            try:
                for number, share in enumerate(shares, start=1):
                    worker = self._others[number - 1]
                    worker.start(partial(self._timed, task, number, share))
                    called.append(worker)
                outcomes.append((self._timed(task, 0, own), None))
            except BaseException as error:
                outcomes.append((None, error))
            interrupt = None
            for worker in called:
                while True:
                    try:
                        outcomes.append(worker.outcome())
                        break
                    except KeyboardInterrupt as error:
                        interrupt = error
            errors = [error for _, error in outcomes if error is not None]
            if interrupt is not None or errors:
                raise interrupt or errors[0]
            return [cast("Result", result) for result, _ in outcomes]
        finally:
            self.wall_seconds += time.perf_counter() - started

    def _timed(
        self,
        task: Callable[[int, range], Result],
        worker: int,
        items: range,
    ) -> Result:
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return task(worker, items)
        finally:
            self.busy_seconds[worker] += time.perf_counter() - wall
            self.cpu_seconds[worker] += time.thread_time() - cpu

    def close(self) -> None:
        """End the threads."""
        for worker in self._others:
            worker.close()
        self._others = []

    def __enter__(self) -> ThreadTeam:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
