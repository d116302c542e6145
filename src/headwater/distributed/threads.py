"""Worker threads within a process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

from headwater.distributed.partition import blocks
from headwater.errors import UsageError

Result = TypeVar("Result")

THREADS_VARIABLE = "HEADWATER_THREADS"
"""Environment variable that sets the number of threads."""


def available_processors() -> tuple[int, ...]:
    """Numbers of the processors on which the system lets this process run."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def granted_threads(n_sharing: int = 1) -> int:
    """Processors this process may use: what a batch scheduler granted, else its part of those the system lets it run on.

    Args:
        n_sharing: processes that run on the same processors, see `Communicator`.
    """
    scheduled = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if scheduled.isdigit() and int(scheduled) > 0:
        return int(scheduled)
    return max(1, len(available_processors()) // n_sharing)


def choose_threads(requested: int | None, configured: int | None = None, *, n_sharing: int = 1) -> int:
    """Number of worker threads: the caller's word, else the environment, else the configuration, else all that is granted.

    Args:
        requested: what the caller says.
        configured: what the configuration says.
        n_sharing: processes that run on the same processors, see `Communicator`.

    Raises:
        UsageError: a number below one, or an environment variable that is not a number.
    """
    from_environment = os.environ.get(THREADS_VARIABLE)
    if requested is None and from_environment is not None:
        if not from_environment.isdigit():
            raise UsageError(f"the environment variable {THREADS_VARIABLE} must be a whole number, got '{from_environment}'")
        requested = int(from_environment)
    chosen = requested if requested is not None else configured
    if chosen is None:
        return granted_threads(n_sharing)
    if chosen < 1:
        raise UsageError(f"the number of threads must be at least 1, got {chosen}")
    return chosen


class ThreadTeam:
    """A fixed number of threads that share out numbered items.

    Worker ``w`` always gets the same block of items, so what it owns (a solver instance, say) needs no lock.

    Attributes:
        wall_seconds: time spent in `run` so far.
        busy_seconds: ``[worker]`` time each worker took for its parts.
        cpu_seconds: ``[worker]`` processor time of that; what is missing went to other threads, or to others' programs.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._pool = ThreadPoolExecutor(n_workers, thread_name_prefix="headwater") if n_workers > 1 else None
        self.wall_seconds = 0.0
        self.busy_seconds = [0.0] * n_workers
        self.cpu_seconds = [0.0] * n_workers

    def run(self, task: Callable[[int, range], Result], items: range, least: int = 1) -> list[Result]:
        """Call ``task(worker, part)`` for every worker, with parts of ``items``, and return the results in worker order.

        Waits for all workers, then raises the error of the lowest worker that failed.

        Args:
            task: what to do.
            items: what to share out.
            least: items that a worker needs to be worth its hand-over; with fewer, fewer workers are called.
        """
        started = time.perf_counter()
        n_called = min(self.n_workers, max(1, len(items) // least))
        try:
            if self._pool is None or n_called == 1:
                return [self._timed(task, 0, items)]
            shares = [items[part.start : part.stop] for part in blocks(len(items), n_called)]
            futures = [self._pool.submit(self._timed, task, worker, part) for worker, part in enumerate(shares)]
            errors = [future.exception() for future in futures]
            for error in errors:
                if error is not None:
                    raise error
            return [future.result() for future in futures]
        finally:
            self.wall_seconds += time.perf_counter() - started

    def _timed(self, task: Callable[[int, range], Result], worker: int, items: range) -> Result:
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return task(worker, items)
        finally:
            self.busy_seconds[worker] += time.perf_counter() - wall
            self.cpu_seconds[worker] += time.thread_time() - cpu

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self) -> ThreadTeam:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()
