"""Three ways to solve the same backward pass, timed in turns within one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headwater.model import Formulation
from headwater.sddp.passes.backward import trials_per_call
from headwater.sddp.stage.batches import NewCuts
from headwater.solver import BasisBatch
from headwater_bench.workload import Bench, Workload, set_up

REFERENCE = "reference: explicit programs, HiGHS per opening"
CONDENSED = "condensed programs, HiGHS per opening"
ENGINE = "engine: condensed programs, openings in batches"

_WAYS = {
    REFERENCE: (Formulation.EXPLICIT, False),
    CONDENSED: (Formulation.CONDENSED, False),
    ENGINE: (Formulation.CONDENSED, True),
}


_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class StageEffort:
    """What one stage asked of the engine in one backward pass.

    Attributes:
        position: of the stage.
        solves: programs solved.
        pivots: of the engine, over all of them.
        fallbacks: programs that were left to HiGHS.
        reasons: why, counted.
    """

    position: int
    solves: int
    pivots: int
    fallbacks: int
    reasons: dict[str, int]


@dataclass(frozen=True)
class WayTimes:
    """One way of solving.

    Attributes:
        name: of the way.
        seconds_per_program: processor time, median over the repeats; other programs on the machine
            change it little.
        kernel_share, highs_share: part of the time inside the compiled engine and inside HiGHS.
        largest_difference: of the optimal values against the reference, relative to
            ``max(1, |value|)``.
    """

    name: str
    seconds_per_program: float
    kernel_share: float
    highs_share: float
    largest_difference: float


@dataclass(frozen=True)
class Comparison:
    """The ways side by side, and what the engine did.

    Attributes:
        ways: in the order reference, condensed, engine.
        stages: effort of the engine, by stage.
        n_programs: programs of one backward pass.
        n_cuts: cuts of the stage that has most.
        n_rows, n_columns: largest condensed program without cuts.
        repeats: how often each way was timed.
    """

    ways: tuple[WayTimes, ...]
    stages: tuple[StageEffort, ...]
    n_programs: int
    n_cuts: int
    n_rows: int
    n_columns: int
    repeats: int

    def speed_up(self, over: str = REFERENCE) -> float:
        """How many times faster the engine is than another way."""
        times = {way.name: way.seconds_per_program for way in self.ways}
        return times[over] / times[ENGINE]


@dataclass(frozen=True)
class _Pass:
    seconds: float
    kernel_share: float
    highs_share: float
    objectives: list[NDArray[np.float64]]
    stages: list[StageEffort]


def compare(workload: Workload, *, repeats: int = 5) -> Comparison:
    """Time the three ways on one thread, in turns.

    Args:
        workload: the backward pass.
        repeats: how often each way is timed; a first round warms up and is not counted.
    """
    benches = {
        name: set_up(workload, formulation, batched=batched)
        for name, (formulation, batched) in _WAYS.items()
    }
    rounds: dict[str, list[_Pass]] = {name: [] for name in benches}
    for _ in range(repeats + 1):
        for name, bench in benches.items():
            rounds[name].append(_backward(bench))
    expected = rounds[REFERENCE][0].objectives
    forms = [stage.form for stage in benches[ENGINE].problems.stages]
    effort = rounds[ENGINE][0].stages
    n_programs = sum(stage.solves for stage in effort)
    return Comparison(
        ways=tuple(_times(name, passes, expected, n_programs) for name, passes in rounds.items()),
        stages=tuple(effort),
        n_programs=n_programs,
        n_cuts=max(pool.n_populated for pool in workload.pools),
        n_rows=max(form.n_rows for form in forms),
        n_columns=max(form.n_columns for form in forms),
        repeats=repeats,
    )


def _times(
    name: str, passes: list[_Pass], expected: list[NDArray[np.float64]], n_programs: int
) -> WayTimes:
    timed = passes[1:]
    differences = [
        float(np.max(np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs))))
        for ours, theirs in zip(passes[0].objectives, expected, strict=True)
    ]
    return WayTimes(
        name=name,
        seconds_per_program=statistics.median(one.seconds for one in timed) / n_programs,
        kernel_share=statistics.median(one.kernel_share for one in timed),
        highs_share=statistics.median(one.highs_share for one in timed),
        largest_difference=max(differences),
    )


def _backward(bench: Bench) -> _Pass:
    """Solve every stage but the first at all trial states under all openings, and make the cuts."""
    problems, programs, states = bench.problems, bench.programs, bench.workload.states
    objectives, stages = [], []
    tolerance = bench.workload.study.config.training.cut_activity_tolerance
    programs.take_efforts()
    before, started, started_cpu = programs.seconds(), time.perf_counter(), time.thread_time()
    for t in range(problems.n_stages - 1, 0, -1):
        bases = bench.bases[t]
        if bases is None:
            raise ValueError(f"stage position {t} has no bases")
        problem, arrived = problems.stages[t], np.ascontiguousarray(states[:, t - 1])
        made, binding = (
            NewCuts.empty(len(states), 1, arrived.shape[1]),
            np.zeros(problem.rows.n_rows, np.int64),
        )
        n_openings = len(problem.openings)
        objective, at_a_time = (
            np.empty((len(states), n_openings)),
            trials_per_call(n_openings, problem.n_rows),
        )
        for start in range(0, len(states), at_a_time):
            part = slice(start, start + at_a_time)
            solved = programs.solve_tree(
                t, arrived[part], BasisBatch(bases.columns[part], bases.rows[part])
            )
            objective[part] = problem.trial_objectives(solved)
            problem.make_cuts(
                solved, made.of(part), doubtful=_NONE, binding=binding, tolerance=tolerance
            )
        objectives.append(objective)
        stages.append(_effort(t, programs.take_efforts()[t]))
    cpu, wall, after = (
        time.thread_time() - started_cpu,
        time.perf_counter() - started,
        programs.seconds(),
    )
    kernel, highs, repair = (now - then for now, then in zip(after, before, strict=True))
    if not bench.batched:
        # a program that HiGHS calls solved although it is not quite is solved again; others would
        # take the answer as it is
        cpu, wall, highs = cpu * (1.0 - repair / wall), wall - repair, highs - repair
    return _Pass(
        seconds=cpu,
        kernel_share=kernel / wall,
        highs_share=highs / wall,
        objectives=objectives,
        stages=stages,
    )


def _effort(t: int, done: Mapping[str, float]) -> StageEffort:
    reasons = {
        name.removeprefix("reason: "): int(count)
        for name, count in done.items()
        if name.startswith("reason: ")
    }
    return StageEffort(t, int(done["solves"]), int(done["pivots"]), int(done["fallbacks"]), reasons)
