"""Sharing out work: blocks of items, threads. It knows nothing of what is computed."""

from headwater.distributed.partition import blocks
from headwater.distributed.threads import THREADS_VARIABLE, ThreadTeam, choose_threads, granted_threads

__all__ = ["THREADS_VARIABLE", "ThreadTeam", "blocks", "choose_threads", "granted_threads"]
