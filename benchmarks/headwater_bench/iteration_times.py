"""How long iterations of a training take by number of threads, without what is done once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from headwater.choices.stopping.iteration_limit import IterationLimit
from headwater.model import Study
from headwater.sddp.cuts.policy import Policy
from headwater.sddp.training.train import train_policy

FEWEST, MOST = 2, 200
"""Iterations that are timed."""


@dataclass(frozen=True)
class IterationTimes:
    """Iterations of a training but for the first.

    In that one HiGHS finds the bases that all others start from.

    Attributes:
        case: name; forward_passes: of an iteration; threads: of the only rank; iterations: that
            were timed.
        seconds: wall time of one, on average, and what of it are its forward and backward passes
            and its bound.
        solver_share: part of the threads' time in the engine and HiGHS.
        microseconds: of a thread in them for each linear program.
        against_first: how many times as fast as the first number of threads.
        lower_bound: what was learned.
    """

    case: str
    forward_passes: int
    threads: int
    iterations: int
    seconds: float
    forward_seconds: float
    backward_seconds: float
    bound_seconds: float
    solver_share: float
    microseconds: float
    against_first: float
    lower_bound: float

    def json_line(self) -> str:
        """The same as a line of JSON."""
        return json.dumps(asdict(self))


def time_iterations(
    name: str,
    study: Study,
    threads: Sequence[int],
    forward_passes: int,
    *,
    seconds: float,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[IterationTimes]:
    """Train by each number of threads, for as many iterations as one thread makes in some seconds.

    Args:
        name: of the case.
        study: what is trained.
        threads: numbers of threads; the others are held against the first.
        forward_passes: of an iteration.
        seconds: about, for one thread.
        say: told what is under way.
    """
    most = max(threads)
    say(f"{name}, {forward_passes} forward passes: looking how long an iteration takes")
    tried = _timed(name, _with(study, forward_passes, 1 + FEWEST), most)
    by_one = tried.seconds * (1.0 + 0.5 * (most - 1))
    iterations = min(max(round(seconds / by_one), FEWEST), MOST)
    chosen = _with(study, forward_passes, 1 + iterations)
    first: float | None = None
    for number in threads:
        say(f"{name}, {forward_passes} forward passes: {iterations} iterations, {number} threads")
        times = _timed(name, chosen, number)
        first = times.seconds if first is None else first
        yield replace(times, against_first=first / times.seconds)


def _with(study: Study, forward_passes: int, iterations: int) -> Study:
    training = replace(
        study.config.training,
        forward_passes=forward_passes,
        stopping_rules=(IterationLimit(iterations),),
    )
    return replace(study, config=replace(study.config, training=training))


def _timed(name: str, study: Study, threads: int) -> IterationTimes:
    policy: Policy = train_policy(study, threads=threads)
    record = policy.training
    if record is None:
        raise ValueError("a policy that was just trained knows how")
    timings = record.timings[1:]
    n, wall = len(timings), sum(one.total_seconds for one in timings)
    solving = sum(one.counts.get("solve", 0.0) for one in record.efforts if one.iteration > 1)
    programs = sum(one.lp_solves for one in record.iterations if one.iteration > 1)
    return IterationTimes(
        case=name,
        forward_passes=study.config.training.forward_passes,
        threads=threads,
        iterations=n,
        seconds=wall / n,
        forward_seconds=sum(one.forward_seconds for one in timings) / n,
        backward_seconds=sum(one.backward_seconds for one in timings) / n,
        bound_seconds=sum(one.steps.get("lower_bound", 0.0) for one in timings) / n,
        solver_share=solving / (wall * threads),
        microseconds=1e6 * solving / programs,
        against_first=1.0,
        lower_bound=policy.lower_bound,
    )


def iteration_table(times: Sequence[IterationTimes]) -> str:
    """A line for each number of threads, as Markdown, and what has to be known to trust them."""
    lines = [
        "| Case | Forward passes | Threads | Iteration | Against the first | Forward | Backward "
        "| Bound | In engine and HiGHS | Per program |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {one.case} | {one.forward_passes} | {one.threads} | {1e3 * one.seconds:,.1f} ms "
        f"| {one.against_first:.2f} | {1e3 * one.forward_seconds:,.1f} ms "
        f"| {1e3 * one.backward_seconds:,.1f} ms | {1e3 * one.bound_seconds:,.2f} ms "
        f"| {one.solver_share:.0%} | {one.microseconds:,.1f} us |"
        for one in times
    ]
    learned: dict[tuple[str, int], set[float]] = {}
    for one in times:
        learned.setdefault((one.case, one.forward_passes), set()).add(one.lower_bound)
    lines += [
        f"\nTHREADS LEARNED DIFFERENTLY in {name} with {passes} forward passes, "
        f"which is a defect: {sorted(bounds)}."
        for (name, passes), bounds in learned.items()
        if len(bounds) > 1
    ]
    return "\n".join(lines)
