"""Ranks as processes of an MPI run. Importing this module starts MPI."""

from __future__ import annotations

import logging
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

from headwater.distributed.communicator import (
    KNOWN_TO_ALL,
    Communicator,
    Interrupted,
    is_known_to_all,
)
from headwater.distributed.memory import OWN_MEMORY, Memory
from headwater.distributed.partition import blocks
from headwater.distributed.sharing import SHARING_VARIABLE, Sharing
from headwater.distributed.threads import available_processors
from headwater.errors import HeadwaterError, RankError, UsageError

mpi4py.rc.thread_level = "funneled"  # worker threads never call MPI

from mpi4py import MPI  # noqa: E402 - what is set above counts when this is imported

# node_memory imports MPI too
from headwater.distributed.node_memory import NodeMemory, copies_weigh, has_room  # noqa: E402

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_FINE, _INTERRUPTED, _FAILED = 0, 1, 2

LARGE_BYTES = 2**18
"""Exchanges beyond this are not interrupted by sleep: they go on only while the library is
asked.
"""

SHORT_WAIT_SECONDS, LONGEST_SLEEP_SECONDS = 2e-4, 5e-4


class MpiCommunicator(Communicator):
    """The ranks of an MPI communicator.

    Ranks are numbered so that those of a node are neighbours, with rank 0 of ``world`` first:
    results do not depend on it.

    Args:
        world: the MPI communicator.
        sharing: when the ranks of a node share memory.
        largest_node: treat nodes of more ranks as several.
    """

    def __init__(
        self,
        world: Any = MPI.COMM_WORLD,
        *,
        sharing: Sharing = Sharing.AUTO,
        largest_node: int | None = None,
    ) -> None:
        super().__init__()
        node = world.Split_type(MPI.COMM_TYPE_SHARED, key=world.rank)
        if largest_node is not None:
            node = node.Split(node.rank // largest_node, key=node.rank)
        first_of_node = node.bcast(world.rank)
        order = first_of_node * world.size + world.rank
        self._comm = world.Split(0, key=sorted(world.allgather(order)).index(order))
        self._node = node
        self.rank, self.size = self._comm.rank, self._comm.size
        heads = self._comm.Split(0 if node.rank == 0 else MPI.UNDEFINED, key=self.rank)
        self._heads = heads if node.rank == 0 else None
        self._node_sizes: list[int] = node.bcast(
            heads.allgather(node.size) if node.rank == 0 else None
        )
        self._sharing = sharing
        self._memory: NodeMemory | None = None
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
        counts = [len(share) for share in blocks(len(array), self.size)]
        if self._memory is None or not self._memory.holds(array):
            self._exchange(self._comm, array, counts)
        else:
            # ranks of a node have written to one copy; the first of each node talk to each other
            self._memory.settle(array)
            if self._heads is not None and len(self._node_sizes) > 1:
                ends = np.cumsum(self._node_sizes)
                sums = [
                    sum(counts[end - n : end])
                    for end, n in zip(ends, self._node_sizes, strict=True)
                ]
                self._exchange(self._heads, array, sums)
            self._memory.settle(array)
        self.transfer_seconds += time.perf_counter() - started

    def _exchange(self, members: Any, array: NDArray[Any], counts: list[int]) -> None:
        """One ordered gather.

        ``counts`` are in rows, as bytes or numbers may be more than MPI counts with.
        """
        starts = [sum(counts[:member]) for member in range(len(counts))]
        receive = [array, counts, starts, self._row_type(array)]
        if array.nbytes > LARGE_BYTES:
            members.Allgatherv(MPI.IN_PLACE, receive)
        else:
            _wait(members.Iallgatherv(MPI.IN_PLACE, receive))

    def memory_for(self, n_bytes: int) -> Memory:
        """Where to keep that much that all ranks hold alike."""
        if self._sharing is Sharing.OFF or not self.any(self._node.size > 1):
            return OWN_MEMORY
        if self._sharing is Sharing.AUTO and not self.any(copies_weigh(n_bytes, self._node.size)):
            return OWN_MEMORY
        if self.any(not has_room(n_bytes)):
            needed = (
                f"the cuts take up to {n_bytes / 2**30:.1f} GiB, more than a node "
                "has room for in shared memory"
            )
            if self._sharing is Sharing.ON:
                raise UsageError(
                    f"{needed}: set {SHARING_VARIABLE}=off, or run fewer ranks per node"
                )
            if self.leads:
                logger.warning(
                    "%s; every rank keeps its own copy, fewer ranks per node take less", needed
                )
            return OWN_MEMORY
        self._memory = self._memory or NodeMemory(self._node)
        return self._memory

    def _row_type(self, array: NDArray[Any]) -> Any:
        n_bytes = array.nbytes // len(array)
        if n_bytes not in self._rows:
            self._rows[n_bytes] = MPI.BYTE.Create_contiguous(n_bytes).Commit()
        return self._rows[n_bytes]

    def add_up(self, counts: NDArray[np.int64]) -> None:
        """Replace ``counts`` by their sums over the ranks."""
        if counts.dtype != np.int64:
            raise TypeError(
                f"only 64-bit whole numbers are added up over ranks, got {counts.dtype}"
            )
        started = time.perf_counter()
        _wait(self._comm.Iallreduce(MPI.IN_PLACE, counts, MPI.SUM))
        self.transfer_seconds += time.perf_counter() - started

    def gather(self, value: Result) -> list[Result]:
        """Small values of all ranks, by rank, for everyone."""
        started = time.perf_counter()
        gathered: list[Result] = self._comm.allgather(value)
        self.transfer_seconds += time.perf_counter() - started
        return gathered

    def from_leader(self, value: Result) -> Result:
        """The value that rank 0 passed."""
        started = time.perf_counter()
        result: Result = self._comm.bcast(value)
        self.transfer_seconds += time.perf_counter() - started
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
        if worst == _FINE:
            return result
        if worst == _INTERRUPTED:
            raise _known_to_all(Interrupted())
        message, exit_code = self._comm.bcast(
            None if error is None else _described(error, self.rank), root=rank
        )
        if error is not None and self.rank == rank == 0:
            raise _known_to_all(error)
        raise _known_to_all(RankError(message, rank=rank, exit_code=exit_code)) from error

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

    MPI libraries wait by asking without a pause, which takes a processor from those that work. A
    wait that turns out long sleeps between questions instead, for a small part of the time waited
    so far.
    """
    started, waited = time.perf_counter(), 0.0
    while not request.Test():
        waited = time.perf_counter() - started
        if waited > SHORT_WAIT_SECONDS:
            time.sleep(min(0.02 * waited, LONGEST_SLEEP_SECONDS))
    return time.perf_counter() - started


def _known_to_all(error: Exception) -> Exception:
    setattr(error, KNOWN_TO_ALL, True)
    return error


def _described(error: Exception, rank: int) -> tuple[str, int]:
    """What to tell the other ranks of an error, and its exit code."""
    where = f"rank {rank} on {socket.gethostname()}"
    if isinstance(error, HeadwaterError):
        return f"{where}: {error}", error.exit_code
    if isinstance(error, OSError | MemoryError):
        return f"{where}: {str(error) or type(error).__name__}", 2
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{where}: {type(error).__name__}: {error} "
        f"({place.filename.rsplit('/', 1)[-1]}:{place.lineno})",
        4,
    )


def abort_on_uncaught(communicator: Communicator) -> None:
    """End all ranks when an error leaves a program on one of them.

    The others would wait for it forever.
    """
    shown = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        shown(kind, error, trace)
        if not is_known_to_all(error):
            interrupted = isinstance(error, KeyboardInterrupt)
            communicator.abort(130 if interrupted else getattr(error, "exit_code", 1) or 1)

    sys.excepthook = hook
