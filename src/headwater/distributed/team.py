"""Workers: the ranks of a run and the threads of each."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from headwater.distributed.clock import Clock
from headwater.distributed.communicator import ALONE, Communicator
from headwater.distributed.partition import blocks
from headwater.distributed.threads import ThreadTeam

Result = TypeVar("Result")


class Team:
    """Ranks and threads that share out numbered items.

    Contiguous blocks go to ranks, and within a rank to its threads.

    Args:
        n_threads: threads of this rank.
        communicator: the ranks.

    Attributes:
        clock: time of the steps between the work of the threads.
    """

    def __init__(self, n_threads: int, communicator: Communicator = ALONE) -> None:
        self.communicator = communicator
        self.threads = ThreadTeam(n_threads)
        self.clock = Clock()

    @property
    def n_threads(self) -> int:
        """Threads of this rank."""
        return self.threads.n_workers

    def mine(self, n_items: int) -> range:
        """The items of this rank."""
        return blocks(n_items, self.communicator.size)[self.communicator.rank]

    def run(
        self, task: Callable[[int, range], Result], n_items: int, least: int = 1
    ) -> list[Result]:
        """Call ``task(worker, items)`` for every thread of every rank.

        Returns the results of this rank's threads, in order.

        All ranks call, and all end in the same way.

        Args:
            task: what to do.
            n_items: number of items to share out.
            least: as in `ThreadTeam.run`.

        Raises:
            Interrupted, RankError: as `Communicator.together`.
        """
        return self.communicator.together(lambda: self.threads.run(task, self.mine(n_items), least))

    def close(self) -> None:
        """End the threads."""
        self.threads.close()

    def __enter__(self) -> Team:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
