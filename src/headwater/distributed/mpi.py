"""Ranks as processes of an MPI run. Importing this module starts MPI."""

from __future__ import annotations

import socket
import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

import mpi4py
import numpy as np
from numpy.typing import NDArray

from headwater.distributed.communicator import Communicator
from headwater.distributed.partition import blocks
from headwater.distributed.signals import Interrupted
from headwater.distributed.threads import available_processors
from headwater.errors import HeadwaterError, RankError

mpi4py.rc.thread_level = "funneled"  # worker threads never call MPI

from mpi4py import MPI  # noqa: E402 - what is set above counts when this is imported

Result = TypeVar("Result")

_FINE, _INTERRUPTED, _FAILED = 0, 1, 2

SHORT_WAIT_SECONDS, LONGEST_SLEEP_SECONDS = 2e-4, 2e-3


class MpiCommunicator(Communicator):
    """The ranks of an MPI communicator.

    Ranks are numbered so that those of a node are neighbours, with rank 0 of ``world`` first: results do not depend on it.
    """

    def __init__(self, world: Any = MPI.COMM_WORLD) -> None:
        super().__init__()
        node = world.Split_type(MPI.COMM_TYPE_SHARED, key=world.rank)
        first_of_node = node.bcast(world.rank)
        order = first_of_node * world.size + world.rank
        self._comm = world.Split(0, key=sorted(world.allgather(order)).index(order))
        self._node = self._comm.Split_type(MPI.COMM_TYPE_SHARED, key=self._comm.rank)
        self.rank, self.size = self._comm.rank, self._comm.size
        self._rows: dict[int, Any] = {}
        mine = available_processors()
        self.n_sharing = sum(1 for others in self._node.allgather(mine) if others == mine)

    def gather_rows(self, array: NDArray[Any]) -> None:
        """Give every rank the rows of ``array`` that the others hold."""
        if not array.flags.c_contiguous:
            raise ValueError("only a contiguous array can be gathered")
        if not array.size:
            return
        started = time.perf_counter()
        shares = blocks(len(array), self.size)
        # counted in rows: numbers of bytes or numbers may be beyond what MPI counts with
        receive = [array, [len(share) for share in shares], [share.start for share in shares], self._row_type(array)]
        self._comm.Allgatherv(MPI.IN_PLACE, receive)
        self.transfer_seconds += time.perf_counter() - started

    def _row_type(self, array: NDArray[Any]) -> Any:
        n_bytes = array.nbytes // len(array)
        if n_bytes not in self._rows:
            self._rows[n_bytes] = MPI.BYTE.Create_contiguous(n_bytes).Commit()
        return self._rows[n_bytes]

    def add_up(self, counts: NDArray[np.int64]) -> None:
        """Replace ``counts`` by their sums over the ranks."""
        if counts.dtype != np.int64:
            raise TypeError(f"only 64-bit whole numbers are added up over ranks, got {counts.dtype}")
        started = time.perf_counter()
        self._comm.Allreduce(MPI.IN_PLACE, counts, MPI.SUM)
        self.transfer_seconds += time.perf_counter() - started

    def gather(self, value: Result) -> list[Result]:
        """Small values of all ranks, by rank, for everyone."""
        gathered: list[Result] = self._comm.allgather(value)
        return gathered

    def from_leader(self, value: Result) -> Result:
        """The value that rank 0 passed."""
        result: Result = self._comm.bcast(value)
        return result

    def together(self, work: Callable[[], Result]) -> Result:
        """Do ``work`` on every rank and end in the same way on all."""
        state, error = _FINE, None
        try:
            result = work()
        except Interrupted:
            state = _INTERRUPTED
        except Exception as raised:
            state, error = _FAILED, raised
        worst, rank = self._worst(state)
        self.agreed_to_end = worst != _FINE
        if worst == _FINE:
            return result
        if worst == _INTERRUPTED:
            raise Interrupted
        message, exit_code = self._comm.bcast(None if error is None else _described(error, self.rank), root=rank)
        if error is not None and self.rank == rank == 0:
            raise error
        raise RankError(message, rank=rank, exit_code=exit_code) from error

    def on_leader(self, work: Callable[[], Result]) -> Result:
        """Do ``work`` on rank 0 alone and give its result to all."""
        result = self.together(lambda: work() if self.leads else None)
        return self.from_leader(result)  # type: ignore[return-value]

    def _worst(self, state: int) -> tuple[int, int]:
        """The worst state of all ranks, and the lowest rank that is in it."""
        mine = np.array([state * self.size + self.size - 1 - self.rank], np.int64)
        self.waiting_seconds += _wait(self._comm.Iallreduce(MPI.IN_PLACE, mine, MPI.MAX))
        worst, behind = divmod(int(mine[0]), self.size)
        return worst, self.size - 1 - behind

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on some rank."""
        return self._worst(int(flag))[0] > 0

    def abort(self, exit_code: int) -> None:
        """End all ranks at once."""
        sys.stdout.flush()
        sys.stderr.flush()
        self._comm.Abort(exit_code)


def _wait(request: Any) -> float:
    """Wait for a request and return the seconds it took.

    MPI libraries wait by asking without a pause, which takes a processor from those that work. A wait that turns out long
    sleeps between questions instead, for a small part of the time waited so far.
    """
    started, waited = time.perf_counter(), 0.0
    while not request.Test():
        waited = time.perf_counter() - started
        if waited > SHORT_WAIT_SECONDS:
            time.sleep(min(0.05 * waited, LONGEST_SLEEP_SECONDS))
    return time.perf_counter() - started


def _described(error: Exception, rank: int) -> tuple[str, int]:
    """What to tell the other ranks of an error, and its exit code."""
    where = f"rank {rank} on {socket.gethostname()}"
    if isinstance(error, HeadwaterError):
        return f"{where}: {error}", error.exit_code
    if isinstance(error, OSError | MemoryError):
        return f"{where}: {str(error) or type(error).__name__}", 2
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{where}: {type(error).__name__}: {error} ({place.filename.rsplit('/', 1)[-1]}:{place.lineno})", 4


def abort_on_uncaught(communicator: Communicator) -> None:
    """End all ranks when an error leaves a program on one of them, so that the others do not wait for it forever."""
    shown = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        shown(kind, error, trace)
        if not communicator.agreed_to_end:
            communicator.abort(getattr(error, "exit_code", 1) or 1)

    sys.excepthook = hook
