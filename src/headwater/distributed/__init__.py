"""Sharing out work: blocks of items, ranks, threads, and ending on request. It knows nothing of what is computed."""

from headwater.distributed.communicator import ALONE, Communicator
from headwater.distributed.launch import COMMUNICATOR_VARIABLE, find_communicator, known_communicator
from headwater.distributed.partition import blocks
from headwater.distributed.signals import Interrupted, StopRequest, stop_on_signals
from headwater.distributed.team import Team
from headwater.distributed.threads import THREADS_VARIABLE, ThreadTeam, choose_threads, granted_threads

__all__ = [
    "ALONE",
    "COMMUNICATOR_VARIABLE",
    "THREADS_VARIABLE",
    "Communicator",
    "Interrupted",
    "StopRequest",
    "Team",
    "ThreadTeam",
    "blocks",
    "choose_threads",
    "find_communicator",
    "granted_threads",
    "known_communicator",
    "stop_on_signals",
]
