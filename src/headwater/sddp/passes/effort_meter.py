"""Measuring where the time of an iteration goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from headwater.distributed import Team
from headwater.sddp.records.effort import (
    BACKWARD,
    FORWARD,
    LOWER_BOUND,
    SIMULATION,
    IterationTiming,
    StageEffort,
    StageGap,
    WorkerTiming,
)
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.solver import COUNTED, NUMBERS


class EffortMeter:
    """Measures the phases of an iteration on one rank.

    Args:
        programs: solver instances of the threads.
        team: the workers.
    """

    def __init__(self, programs: Sequence[SolverPool], team: Team) -> None:
        self._programs = programs
        self._team = team
        self._iteration = 0
        self._efforts: list[StageEffort] = []
        self._gaps: list[StageGap] = []
        self._phases: dict[str, tuple[float, list[float], list[float]]] = {}
        self._mark = self._marked()

    def begin(self, iteration: int) -> None:
        """An iteration begins."""
        self._iteration = iteration
        self._efforts, self._gaps, self._phases = [], [], {}
        self._mark = self._marked()
        self._team.clock.take()

    def end(self, phase: str, *bound_programs: SolverPool) -> None:
        """A phase is over.

        Args:
            phase: its name.
            bound_programs: programs of its own that the evaluation of the bound has.
        """
        wall, busy, cpu = self._marked()
        wall0, busy0, cpu0 = self._mark
        worked = [now - then for now, then in zip(busy, busy0, strict=True)]
        waited = [a - (now - then) for a, now, then in zip(worked, cpu, cpu0, strict=True)]
        self._phases[phase] = (wall - wall0, worked, waited)
        self._mark = wall, busy, cpu
        done: dict[int, dict[str, float]] = {}
        for programs in (*self._programs, *bound_programs):
            for t, effort in programs.take_efforts().items():
                if t in done:
                    _add(done[t], effort)
                else:
                    done[t] = effort
            self._gaps += [
                StageGap(
                    self._iteration,
                    phase,
                    t,
                    gap.trial,
                    gap.opening,
                    gap.bound,
                    gap.gap,
                    gap.attempts,
                )
                for t, gap in programs.take_gaps()
            ]
        self._efforts += [StageEffort(self._iteration, phase, t, done[t]) for t in sorted(done)]

    def efforts(self) -> list[StageEffort]:
        """What the solvers of this rank did in the iteration."""
        return self._efforts

    def gaps(self) -> list[StageGap]:
        """LPs of this rank in the iteration whose gap is above tolerance."""
        return self._gaps

    def workers(self, rank: int) -> list[WorkerTiming]:
        """How busy the workers of this rank were."""
        forward, backward = self._phases[FORWARD], self._phases[BACKWARD]
        return [
            WorkerTiming(
                self._iteration,
                rank,
                w,
                forward[1][w],
                backward[1][w],
                max(0.0, forward[2][w] + backward[2][w]),
            )
            for w in range(self._team.n_threads)
        ]

    def timing(
        self, forward_seconds: float, backward_seconds: float, total_seconds: float
    ) -> IterationTiming:
        """Where the time of the iteration went on this rank."""

        def imbalance(phase: str) -> float:
            worked = self._phases[phase][1]
            return max(worked) - sum(worked) / len(worked)

        def scheduling(phase: str) -> float:
            wall, worked, _ = self._phases[phase]
            return max(0.0, wall - max(worked))

        return IterationTiming(
            iteration=self._iteration,
            forward_seconds=forward_seconds,
            backward_seconds=backward_seconds,
            total_seconds=total_seconds,
            steps=self._team.clock.take(),
            forward_imbalance=imbalance(FORWARD),
            backward_imbalance=imbalance(BACKWARD),
            forward_scheduling=scheduling(FORWARD),
            backward_scheduling=scheduling(BACKWARD),
            loading_seconds=sum(effort.counts.get("load", 0.0) for effort in self._efforts),
            waited_seconds=sum(worker.waited_seconds for worker in self.workers(0)),
        )

    def _marked(self) -> tuple[float, list[float], list[float]]:
        threads = self._team.threads
        return threads.wall_seconds, list(threads.busy_seconds), list(threads.cpu_seconds)


def joined_efforts(efforts: Sequence[Sequence[StageEffort]]) -> list[StageEffort]:
    """Efforts of all ranks added up, by iteration, phase and stage.

    Args:
        efforts: of every rank, each in that order already.
    """
    if len(efforts) == 1:
        return list(efforts[0])
    order = {FORWARD: 0, BACKWARD: 1, LOWER_BOUND: 2, SIMULATION: 3}
    total: dict[tuple[int, int, int], dict[str, float]] = {}
    for effort in (effort for of_rank in efforts for effort in of_rank):
        _add(
            total.setdefault((effort.iteration, order[effort.phase], effort.stage_position), {}),
            effort.counts,
        )
    names = {number: phase for phase, number in order.items()}
    return [
        StageEffort(k, names[phase], t, counts) for (k, phase, t), counts in sorted(total.items())
    ]


def joined_gaps(gaps: Sequence[Sequence[StageGap]]) -> list[StageGap]:
    """Gaps of all ranks, by iteration, phase, stage, trial and opening, whoever solved what."""
    order = {FORWARD: 0, BACKWARD: 1, LOWER_BOUND: 2, SIMULATION: 3}
    return sorted(
        (gap for of_rank in gaps for gap in of_rank),
        key=lambda gap: (
            gap.iteration,
            order[gap.phase],
            gap.stage_position,
            gap.trial,
            gap.opening,
        ),
    )


def program_counts(efforts: Sequence[StageEffort]) -> Counter[str]:
    """Counts of programs, see `SolverStatistics.counts`, over all stages and phases."""
    total = Counter({name: int(sum(effort.counts[name] for effort in efforts)) for name in COUNTED})
    for effort in efforts:
        if len(effort.counts) > len(NUMBERS):
            total.update(
                {name: int(n) for name, n in effort.counts.items() if name.startswith("reason: ")}
            )
    return total


def _add(known: dict[str, float], more: Mapping[str, float]) -> None:
    for name, count in more.items():
        known[name] = known.get(name, 0) + count
