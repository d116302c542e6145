"""Simulations whose scenarios are shared out to the workers of an executor."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from headwater.distributed import Share
from headwater.model import Study
from headwater.sddp import Policy, SimulationChunk
from headwater.sddp.simulation.simulation import n_parts, simulate_policy


class Executor(Protocol):
    """What carries work out: anything with ``submit`` as in `concurrent.futures`."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Begin a call; what comes back has ``result()``."""


def n_workers(executor: Executor) -> int:
    """Calls that an executor can carry out at the same time, as far as it tells.

    Where it does not tell, the processors of this machine are counted.
    """
    workers = getattr(executor, "_max_workers", None)
    return workers if isinstance(workers, int) and workers > 0 else os.cpu_count() or 1


def simulated_by(
    executor: Executor,
    policy: Policy,
    study: Study,
    n_scenarios: int,
    threads: int,
) -> list[SimulationChunk]:
    """Simulate with the workers of an executor; what comes back is in order.

    Each worker gets policy and study, simulates its share of the parts and knows of no other.

    Raises:
        SolverError: a stage could not be solved; or, where scenarios may be left out, one worker
            left out more than may be in all.
    """
    size = min(n_workers(executor), n_parts(policy, study, n_scenarios))
    waiting = [
        executor.submit(_simulate_share, policy, study, n_scenarios, threads, rank, size)
        for rank in range(size)
    ]
    return sorted(
        (chunk for one in waiting for chunk in one.result()), key=lambda chunk: chunk.number
    )


def _simulate_share(
    policy: Policy, study: Study, n_scenarios: int, threads: int, rank: int, size: int
) -> list[SimulationChunk]:
    """Simulate one share of the parts."""
    chunks: list[SimulationChunk] = []
    simulate_policy(
        policy,
        study,
        n_scenarios=n_scenarios,
        threads=threads,
        communicator=Share(rank, size),
        sink=chunks.append,
    )
    return chunks
