"""Sharing out work: blocks of items, ranks, threads, and ending on request.

It knows nothing of what is computed.
"""

from headwater.distributed.communicator import ALONE, Communicator, Interrupted, is_known_to_all
from headwater.distributed.launch import (
    COMMUNICATOR_VARIABLE,
    find_communicator,
    known_communicator,
)
from headwater.distributed.memory import OWN_MEMORY, Memory, aligned_empty
from headwater.distributed.mpiexec import RankStarter
from headwater.distributed.partition import blocks
from headwater.distributed.share import Share
from headwater.distributed.sharing import SHARING_VARIABLE
from headwater.distributed.signals import StopRequest, pass_on, stop_on_signals
from headwater.distributed.team import Team
from headwater.distributed.threads import (
    THREADS_VARIABLE,
    ThreadTeam,
    available_processors,
    choose_threads,
    granted_threads,
)

__all__ = [
    "ALONE",
    "COMMUNICATOR_VARIABLE",
    "OWN_MEMORY",
    "SHARING_VARIABLE",
    "THREADS_VARIABLE",
    "Communicator",
    "Interrupted",
    "Memory",
    "RankStarter",
    "Share",
    "StopRequest",
    "Team",
    "ThreadTeam",
    "aligned_empty",
    "available_processors",
    "blocks",
    "choose_threads",
    "find_communicator",
    "granted_threads",
    "is_known_to_all",
    "known_communicator",
    "pass_on",
    "stop_on_signals",
]
