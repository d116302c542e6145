"""One share of work that nobody else waits for: a rank of many that never meet."""

from __future__ import annotations

from headwater.distributed.communicator import Communicator


class Share(Communicator):
    """A rank that does its share of the items and hears of no other.

    Every question that concerns all ranks answers itself, as for a run in one process. Whoever gave
    out the shares puts together what comes back.

    Args:
        rank: number of the share.
        size: number of shares.
    """

    def __init__(self, rank: int, size: int) -> None:
        super().__init__()
        self.rank, self.size = rank, size
