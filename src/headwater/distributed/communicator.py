"""The processes of a run, called ranks: what each of them may ask of all.

A run in one process has one rank, for which every question answers itself. Calls that concern all ranks are made by all of
them, in the same order; each says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result")


class Communicator:
    """The ranks of a run as one of them sees it; this class is the only rank of a run in one process.

    Rank 0 is the leader: it talks to the user and writes files. Items that are shared out lie in contiguous blocks by rank, so
    that what is gathered is in the order of the items whatever the number of ranks.

    Attributes:
        rank: number of this rank.
        size: number of ranks.
        transfer_seconds: time spent on exchanging data so far.
        waiting_seconds: time spent on waiting until all ranks had come to the same point.
        agreed_to_end: whether all ranks know that what they did together last did not come to its end.
        n_sharing: ranks that run on the same processors of the same node, this one included.
    """

    rank: int = 0
    size: int = 1

    def __init__(self) -> None:
        self.transfer_seconds = 0.0
        self.waiting_seconds = 0.0
        self.agreed_to_end = False
        self.n_sharing = 1

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def gather_rows(self, array: NDArray[Any]) -> None:
        """Give every rank the rows of ``array`` that the others hold; all ranks call.

        Args:
            array: ``[item, ...]``, contiguous, of the same shape on all ranks; each has filled the block of items that
                `blocks` gives it.
        """

    def add_up(self, counts: NDArray[np.int64]) -> None:
        """Replace ``counts`` by their sums over the ranks; all ranks call.

        For whole numbers only: sums of those do not depend on their order.
        """

    def gather(self, value: Result) -> list[Result]:
        """Small values of all ranks, by rank, for everyone; all ranks call. Not for hot paths."""
        return [value]

    def from_leader(self, value: Result) -> Result:
        """The value that rank 0 passed; all ranks call. Not for hot paths."""
        return value

    def together(self, work: Callable[[], Result]) -> Result:
        """Do ``work`` on every rank and end in the same way on all; all ranks call.

        Raises:
            Interrupted: it came out of ``work`` on some rank.
            RankError: the error of the lowest rank whose work failed; rank 0 raises its own errors as they are.
        """
        return work()

    def on_leader(self, work: Callable[[], Result]) -> Result:
        """Do ``work`` on rank 0 alone and give its result to all; all ranks call.

        Raises:
            Interrupted, RankError: as `together`.
        """
        return self.from_leader(self.together(work))

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on some rank; all ranks call."""
        return flag

    def abort(self, exit_code: int) -> None:
        """End all ranks at once; for errors that the others cannot know of."""


ALONE = Communicator()
"""The communicator of a run in one process."""
