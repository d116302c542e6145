"""Memory that the ranks of a node share, in MPI windows."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import psutil
from mpi4py import MPI

from headwater.distributed.memory import Memory

if TYPE_CHECKING:
    from headwater.distributed.memory import Matrix

LARGEST_REPLICATED_SHARE = 0.25
"""Part of the memory of a node that copies of one thing may take before its ranks share one
copy.
"""

_SHARED_FILES = Path("/dev/shm")


@dataclass
class _Window:
    handle: Any
    start: int
    stop: int


class NodeMemory(Memory):
    """One copy per node, mapped into all of its ranks.

    Args:
        node: communicator of the ranks of this node.
    """

    is_shared = True

    def __init__(self, node: Any) -> None:
        self._node = node
        self._windows: list[_Window] = []

    def matrix(self, shape: tuple[int, int]) -> Matrix:
        """A matrix in memory of the first rank of the node."""
        n_bytes = 8 * shape[0] * shape[1]
        handle = MPI.Win.Allocate_shared(n_bytes if self._node.rank == 0 else 0, 8, comm=self._node)
        handle.Lock_all(MPI.MODE_NOCHECK)
        buffer, _ = handle.Shared_query(0)
        array: Matrix = np.frombuffer(
            cast(memoryview, buffer), np.float64, count=n_bytes // 8
        ).reshape(shape)
        self._windows.append(
            _Window(handle, array.ctypes.data, array.ctypes.data + max(n_bytes, 1))
        )
        return array

    def put(self, target: Matrix, values: Matrix) -> None:
        """Let the first rank of the node write, when all have read what they wanted."""
        self.settle(target)
        if self._node.rank == 0:
            target[:] = values
        self.settle(target)

    def holds(self, array: Matrix) -> bool:
        """Whether an array is part of a matrix that was made here."""
        return self._window(array) is not None

    def settle(self, array: Matrix) -> None:
        """Let all ranks of the node see what each of them has written to an array.

        All of them call.
        """
        window = self._window(array)
        if window is None:
            raise ValueError("the array is not in the memory of the node")
        window.handle.Sync()
        self._node.Barrier()
        window.handle.Sync()

    def _window(self, array: Matrix) -> _Window | None:
        address = array.ctypes.data
        return next(
            (window for window in self._windows if window.start <= address < window.stop), None
        )


def copies_weigh(n_bytes: int, n_copies: int) -> bool:
    """Whether copies of something, one per rank, take a large part of the memory of this node."""
    return (
        n_copies > 1
        and n_bytes * n_copies > LARGEST_REPLICATED_SHARE * psutil.virtual_memory().total
    )


def has_room(n_bytes: int) -> bool:
    """Whether this node can share something.

    Beyond its room, a write to shared memory would kill the process.
    """
    return not _SHARED_FILES.is_dir() or n_bytes <= shutil.disk_usage(_SHARED_FILES).free
