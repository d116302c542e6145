"""How long a whole training takes, on one thread and on several, in turns within one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from headwater.model import Study
from headwater.sddp.policy import Policy
from headwater.sddp.training import train_policy


@dataclass(frozen=True)
class TrainingTimes:
    """One number of threads.

    Attributes:
        threads: worker threads.
        seconds: wall time of the training from the study to the policy, median over the repeats.
        programs: linear programs solved.
        solver_share: part of the workers' busy time that the compiled engine and HiGHS took.
        lower_bound: what was learned; the same for any number of threads.
    """

    threads: int
    seconds: float
    programs: int
    solver_share: float
    lower_bound: float

    @property
    def programs_per_second(self) -> float:
        """Linear programs solved per second of wall time."""
        return self.programs / self.seconds


def time_training(study: Study, threads: Sequence[int] = (1, 2), *, repeats: int = 3) -> tuple[TrainingTimes, ...]:
    """Train a study to its end with different numbers of threads.

    Args:
        study: what is trained.
        threads: numbers of worker threads.
        repeats: how often each is timed; a first round warms up and is not counted.
    """
    rounds: dict[int, list[tuple[float, Policy]]] = {number: [] for number in threads}
    for _ in range(repeats + 1):
        for number, found in rounds.items():
            started = time.perf_counter()
            policy = train_policy(study, threads=number)
            found.append((time.perf_counter() - started, policy))
    return tuple(_times(number, found[1:]) for number, found in rounds.items())


def _times(threads: int, found: list[tuple[float, Policy]]) -> TrainingTimes:
    policy = found[0][1]
    shares = []
    for seconds, trained in found:
        record = trained.training
        if record is None:
            raise ValueError("a policy that was just trained knows how")
        solving = sum(effort.counts.get("solve", 0.0) for effort in record.efforts)
        busy = sum(worker.forward_seconds + worker.backward_seconds for worker in record.workers)
        shares.append(solving / (busy if threads > 1 else seconds))
    record = policy.training
    return TrainingTimes(
        threads=threads,
        seconds=statistics.median(seconds for seconds, _ in found),
        programs=sum(one.lp_solves for one in record.iterations) if record is not None else 0,
        solver_share=statistics.median(shares),
        lower_bound=policy.lower_bound,
    )
