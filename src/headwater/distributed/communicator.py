"""The processes of a run, called ranks: what each of them may ask of all.

A run in one process has one rank, for which every question answers itself. Calls that concern all
ranks are made by all of them, in the same order; each says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from headwater.distributed.memory import OWN_MEMORY, Memory
from headwater.errors import RankError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Result = TypeVar("Result")

KNOWN_TO_ALL = "known_to_all_ranks"
"""Attribute of errors that all ranks know of."""


class Interrupted(Exception):  # noqa: N818 - a signal to unwind, not an error
    """The run was asked to stop; what is under way is abandoned."""


class Communicator:
    """The ranks of a run as one of them sees it.

    This class is the only rank of a run in one process.

    Rank 0 is the leader: it talks to the user and writes files. Items that are shared out lie in
    contiguous blocks by rank, so that what is gathered is in the order of the items whatever the
    number of ranks.

    Attributes:
        rank: number of this rank.
        size: number of ranks.
        transfer_seconds: time spent on exchanging data so far.
        waiting_seconds: time spent on waiting until all ranks had come to the same point.
        n_sharing: ranks that run on the same processors of the same node, this one included.
    """

    rank: int = 0
    size: int = 1

    def __init__(self) -> None:
        self.transfer_seconds = 0.0
        self.waiting_seconds = 0.0
        self.n_sharing = 1

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def gather_rows(self, array: NDArray[Any]) -> None:
        """Give every rank the rows of ``array`` that the others hold; all ranks call.

        Args:
            array: ``[item, ...]``, contiguous, of the same shape on all ranks; each has filled the
                block of items that `blocks` gives it.
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

    def agree(self, call: str) -> None:
        """Make sure that all ranks do the same, as the first thing that they do together.

        All ranks call.

        Args:
            call: what this rank does, for people.

        Raises:
            UsageError: another rank does something else; on other ranks than 0 a `RankError`.
        """
        told = self.gather(call)
        other = next((rank for rank, one in enumerate(told) if one != told[0]), None)
        if other is None:
            return
        message = (
            f"rank 0 calls '{told[0]}' and rank {other} calls "
            f"'{told[other]}': all ranks must do the same"
        )
        kind = (
            UsageError(message)
            if self.leads
            else RankError(message, rank=0, exit_code=UsageError.exit_code)
        )
        setattr(kind, KNOWN_TO_ALL, True)
        raise kind

    def memory_for(self, n_bytes: int) -> Memory:  # noqa: ARG002 - a rank alone has no choice
        """Where to keep that much that all ranks hold alike: in a copy each, or in one per node.

        All ranks call.

        Raises:
            UsageError: one copy per node was asked for, and a node has no room for it.
        """
        return OWN_MEMORY

    def together(self, work: Callable[[], Result]) -> Result:
        """Do ``work`` on every rank and end in the same way on all; all ranks call.

        Raises:
            Interrupted: it came out of ``work`` on some rank.
            RankError: the error of the lowest rank whose work failed; rank 0 raises its own errors
                as they are.
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


def is_known_to_all(error: BaseException) -> bool:
    """Whether an error, or the one it was raised for, came out of what all ranks did together.

    Then all of them end.

    A Ctrl-C that insists is known to nobody else, even while the rank was ending with something
    that all know of.
    """
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, KeyboardInterrupt):
        if getattr(seen, KNOWN_TO_ALL, False):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


ALONE = Communicator()
"""The communicator of a run in one process."""
