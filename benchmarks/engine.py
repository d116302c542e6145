"""How fast the engine is: standard cases, growth with every size, memory of cuts.

Prints the tables of ``docs/performance.md``.

Run ``python benchmarks/engine.py [--published DIR] [--only cases|growth|training|memory]
[--memory-stages N]``. DIR is a published case that heads the table, for instance one of four
reservoirs. Every stage of ``memory`` takes about 100 MiB.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np

from headwater.case import Case, load_case
from headwater.sddp.stage.problems import build_problems
from headwater_bench import (
    Workers,
    compare,
    describe_machine,
    record_workload,
    summary_head,
    summary_row,
    time_training,
    training_table,
)
from headwater_bench.synthetic import SyntheticSize, write_synthetic

TWELVE = SyntheticSize()
SIXTY = SyntheticSize(hydros=60, stages=12, thermals=100, forward_passes=4)
LARGE = SyntheticSize(hydros=160, stages=3, thermals=130, forward_passes=10)
BASE = SyntheticSize(stages=6, forward_passes=8)


def made(size: SyntheticSize) -> Case:
    with tempfile.TemporaryDirectory() as directory:
        return load_case(write_synthetic(Path(directory) / "case", size))


def row(name: str, case: Case, cuts: int, trials: int, repeats: int) -> None:
    workload = record_workload(case, cuts=cuts, trials=trials)
    print(summary_row(name, compare(workload, repeats=repeats)), flush=True)


def cases(published: Path | None, repeats: int) -> None:
    print(summary_head())
    if published is not None:
        case = load_case(published)
        row(f"published case {case.name}", case, 200, 4, repeats)
    row(TWELVE.title, made(TWELVE), 240, 4, repeats)
    row(SIXTY.title, made(SIXTY), 100, 4, repeats)
    row(LARGE.title, made(LARGE), 250, 10, repeats)


def growth(repeats: int) -> None:
    print(summary_head())
    for changes in (
        {}, {"hydros": 6}, {"hydros": 24}, {"hydros": 48}, {"lags": 0}, {"lags": 12},
        {"openings": 5}, {"openings": 80}, {"stages": 12}, {"thermals": 240}, {"blocks": 1},
        {"fpha_share": 0.5},
    ):  # fmt: skip
        name = (
            ", ".join(f"{value:g} {key.replace('_', ' ')}" for key, value in changes.items())
            or BASE.title
        )
        row(name, made(dataclasses.replace(BASE, **changes)), 200, 4, repeats)
    for cuts in (500, 1000, 2000):
        row(f"{cuts} cuts", made(BASE), cuts, 4, repeats)


def training(published: Path | None, repeats: int) -> None:
    for name, case in (
        *([] if published is None else [(published.name, load_case(published))]),
        (
            f"{TWELVE.title}, {TWELVE.iterations} iterations of {TWELVE.forward_passes}",
            made(TWELVE),
        ),
    ):
        print(
            f"\n{name}\n\n{training_table(time_training(case, workers(case), repeats=repeats))}",
            flush=True,
        )


def workers(case: Case) -> list[Workers]:
    return [Workers(1, threads, case.config.training.forward_passes) for threads in (1, 2)]


def memory(n_stages: int, n_cuts: int = 5000) -> None:
    """Fill pools and LPs of a large system with cuts.

    What the process holds is compared with the size of the coefficients.
    """
    case = made(dataclasses.replace(LARGE, lags=12, stages=n_stages))
    problems = build_problems(case)
    before = resident()
    rng = np.random.default_rng(1)
    for pool, stage in zip(problems.pools, problems.stages, strict=True):
        for first in range(0, n_cuts, 50):
            coefficients = rng.uniform(-1.0, 0.0, (50, pool.n_state))
            passes = np.arange(50)
            stage.append_cuts(
                pool.append(np.zeros(50), coefficients, iteration=first, forward_pass=passes)
            )
    held = resident() - before
    wanted = n_stages * n_cuts * 8 * problems.pools[0].n_state
    print(
        f"{n_stages} stages of {n_cuts} cuts on {problems.pools[0].n_state} state variables: "
        f"coefficients {wanted / 2**20:,.0f} MiB, process {held / 2**20:,.0f} MiB, "
        f"{held / wanted - 1:+.1%}"
    )


def resident() -> int:
    try:
        fields = Path("/proc/self/statm").read_text(encoding="utf-8").split()
        return int(fields[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--published", type=Path)
    parser.add_argument("--only", choices=("cases", "growth", "training", "memory"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory-stages", type=int, default=4)
    asked = parser.parse_args()
    print(describe_machine())
    parts = {
        "cases": lambda: cases(asked.published, asked.repeats),
        "growth": lambda: growth(asked.repeats),
        "training": lambda: training(asked.published, asked.repeats),
        "memory": lambda: memory(asked.memory_stages),
    }
    for name, part in parts.items():
        if asked.only in (None, name):
            print(f"\n{name}\n", flush=True)
            part()
    return 0


if __name__ == "__main__":
    sys.exit(main())
