"""Sharing out work: blocks of items, threads, and ending on request. It knows nothing of what is computed."""

from headwater.distributed.partition import blocks
from headwater.distributed.signals import StopRequest, stop_on_signals
from headwater.distributed.threads import THREADS_VARIABLE, ThreadTeam, choose_threads, granted_threads

__all__ = [
    "THREADS_VARIABLE",
    "StopRequest",
    "ThreadTeam",
    "blocks",
    "choose_threads",
    "granted_threads",
    "stop_on_signals",
]
