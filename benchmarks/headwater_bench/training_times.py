"""How long whole trainings take, and where the time of their workers goes."""

from __future__ import annotations

import dataclasses
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from headwater.distributed import ALONE, Communicator, available_processors
from headwater.model import Study
from headwater.sddp.cuts.policy import Policy
from headwater.sddp.training.train import train_policy


@dataclass(frozen=True)
class Workers:
    """Who trains, and how much there is to share out.

    Attributes:
        ranks: processes.
        threads: of each.
        forward_passes: per iteration.
    """

    ranks: int
    threads: int
    forward_passes: int

    @property
    def total(self) -> int:
        """Threads of all ranks."""
        return self.ranks * self.threads


@dataclass(frozen=True)
class TrainingTimes:
    """Trainings by the same workers.

    Shares are parts of the workers' time, which is the wall time of the training times their
    number.

    Attributes:
        workers: who trained.
        processors: that the system lets them run on, over all nodes.
        seconds: wall time of the training from the study to the policy, median over the repeats.
        programs: linear programs solved.
        solver_share: time in the compiled engine and in HiGHS.
        exchange_share: time in which ranks exchanged data.
        waiting_share: time in which ranks waited for others to come to the same point.
        lower_bound: what was learned; the same for any workers that make as many forward passes.
    """

    workers: Workers
    processors: int
    seconds: float
    programs: int
    solver_share: float
    exchange_share: float
    waiting_share: float
    lower_bound: float

    @property
    def programs_per_second(self) -> float:
        """Linear programs solved per second of wall time."""
        return self.programs / self.seconds

    @property
    def elsewhere_share(self) -> float:
        """Time in Python, and of threads that had nothing to do while one did what is between."""
        return max(0.0, 1.0 - self.solver_share - self.exchange_share - self.waiting_share)


def time_training(
    study: Study,
    workers: Sequence[Workers],
    *,
    repeats: int = 3,
    communicator: Communicator = ALONE,
) -> tuple[TrainingTimes, ...]:
    """Train a study to its end by different workers, in turns.

    With several ranks all call, and all get the result.

    Args:
        study: what is trained.
        workers: of as many ranks as the communicator has.
        repeats: how often each training is timed; a first round warms up and is not counted.
        communicator: the ranks.
    """
    rounds: dict[Workers, list[tuple[float, Policy]]] = {one: [] for one in workers}
    studies = {one: _with_passes(study, one.forward_passes) for one in workers}
    for _ in range(repeats + 1):
        for one, found in rounds.items():
            started = time.perf_counter()
            policy = train_policy(studies[one], threads=one.threads, communicator=communicator)
            found.append((time.perf_counter() - started, policy))
    here = [(socket.gethostname(), number) for number in available_processors()]
    processors = len({place for places in communicator.gather(here) for place in places})
    return tuple(_times(one, processors, found[1:]) for one, found in rounds.items())


def _with_passes(study: Study, forward_passes: int) -> Study:
    training = dataclasses.replace(study.config.training, forward_passes=forward_passes)
    return dataclasses.replace(study, config=dataclasses.replace(study.config, training=training))


def _times(workers: Workers, processors: int, found: list[tuple[float, Policy]]) -> TrainingTimes:
    solving, exchanging, waiting = [], [], []
    for seconds, policy in found:
        record = policy.training
        if record is None:
            raise ValueError("a policy that was just trained knows how")
        solving.append(
            sum(effort.counts.get("solve", 0.0) for effort in record.efforts)
            / (seconds * workers.total)
        )
        # while a rank exchanges or waits, none of its threads works
        exchanging.append(
            sum(one.communication_seconds for one in record.rank_timings)
            / (seconds * workers.ranks)
        )
        waiting.append(
            sum(one.idle_seconds for one in record.rank_timings) / (seconds * workers.ranks)
        )
    policy = found[0][1]
    return TrainingTimes(
        workers=workers,
        processors=processors,
        seconds=statistics.median(seconds for seconds, _ in found),
        programs=sum(one.lp_solves for one in policy.training.iterations)
        if policy.training is not None
        else 0,
        solver_share=statistics.median(solving),
        exchange_share=statistics.median(exchanging),
        waiting_share=statistics.median(waiting),
        lower_bound=policy.lower_bound,
    )
