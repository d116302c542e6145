"""``headwater bench`` and ``headwater warmup``: how fast the engine is, and having it compiled."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from headwater.benchmark import (
    compare,
    comparison_table,
    describe_machine,
    effort_table,
    record_workload,
    time_training,
    training_table,
)
from headwater.case import Case, SyntheticSize, load_case, write_synthetic
from headwater.distributed import choose_threads
from headwater.sddp.compilation import compile_engine, is_compiled


@dataclass(frozen=True)
class BenchOptions:
    """What is timed.

    Attributes:
        cuts: per stage.
        trials: trial states per stage; ``None`` takes all of an iteration.
        repeats: how often.
        training: whether whole trainings are timed too.
        threads: largest number of threads; ``None`` takes what is granted.
    """

    cuts: int
    trials: int | None
    repeats: int
    training: bool
    threads: int | None


def announce_compilation(console: Console) -> None:
    """Say that a run begins by compiling, if it does."""
    if not is_compiled():
        console.print("compiling the engine for this machine, once; 'headwater warmup' does it ahead of time")


def warm_up(console: Console) -> None:
    """Compile everything and say how long it took."""
    announce_compilation(console)
    console.print(f"the engine is compiled ({compile_engine():.1f} s)")


def run_bench(case: Path | None, size: SyntheticSize, save_case: Path | None, options: BenchOptions, progress: Console) -> str:
    """Measure and report as Markdown.

    Args:
        case: directory; ``None`` makes a synthetic case of ``size``.
        size: of the synthetic case.
        save_case: where to keep it.
        options: what is timed.
        progress: says what is under way.
    """
    announce_compilation(progress)
    if case is not None:
        return _report(load_case(case), options, progress)
    if save_case is not None:
        return _report(load_case(write_synthetic(save_case, size)), options, progress)
    with tempfile.TemporaryDirectory() as directory:
        return _report(load_case(write_synthetic(Path(directory) / "synthetic", size)), options, progress)


def _report(case: Case, options: BenchOptions, progress: Console) -> str:
    threads = choose_threads(options.threads, case.config.training.threads)
    system = case.system
    sizes = (
        f"{len(system.hydros)} hydros, {len(system.thermals)} thermals, {len(system.stages)} stages, "
        f"{max(stage.n_openings for stage in system.stages)} openings"
    )
    progress.print(f"training until every stage has {options.cuts} cuts")
    workload = record_workload(case, cuts=options.cuts, trials=options.trials, threads=threads)
    progress.print(f"timing three ways to solve its last backward pass, {options.repeats} times each")
    comparison = compare(workload, repeats=options.repeats)
    parts = [f"# Benchmark of {case.name}", sizes + ".", describe_machine()]
    parts += ["## One backward pass", comparison_table(comparison), "## The engine by stage", effort_table(comparison)]
    if options.training:
        numbers = sorted({1, threads})
        progress.print(f"timing whole trainings on {' and '.join(str(number) for number in numbers)} threads")
        parts += ["## Whole trainings", training_table(time_training(case, numbers, repeats=options.repeats))]
    return "\n\n".join(parts)
