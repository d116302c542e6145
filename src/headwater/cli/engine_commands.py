"""``headwater bench`` and ``headwater warmup``: how fast the engine is, and having it compiled."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from headwater.cli.arguments import Threads
from headwater.cli.consoles import stderr, stdout
from headwater.distributed import choose_threads
from headwater.files import write_text

if TYPE_CHECKING:
    from headwater.case import Case, SyntheticSize


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


def warmup() -> None:
    """Compile the engine ahead of time; what is compiled is kept for later runs."""
    warm_up(stderr())


def bench(
    case: Annotated[
        Path | None, typer.Argument(metavar="CASE", help="Case directory [default: a synthetic case].", show_default=False)
    ] = None,
    cuts: Annotated[int, typer.Option("--cuts", min=1, help="Cuts per stage when the backward pass is timed.")] = 200,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="Trial states per stage [default: the case's forward passes].")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="How often everything is timed.")] = 5,
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Also time whole trainings, by number of threads.")
    ] = False,
    threads: Threads = None,
    hydros: Annotated[int, typer.Option("--hydros", min=1, help="Of the synthetic case.")] = 12,
    lags: Annotated[int, typer.Option("--lags", min=0, max=12, help="Of the synthetic case.")] = 6,
    stages: Annotated[int, typer.Option("--stages", min=2, help="Of the synthetic case.")] = 24,
    openings: Annotated[int, typer.Option("--openings", min=1, help="Of the synthetic case.")] = 20,
    blocks: Annotated[int, typer.Option("--blocks", min=1, help="Of the synthetic case.")] = 3,
    thermals: Annotated[int, typer.Option("--thermals", min=1, help="Of the synthetic case.")] = 60,
    cascade: Annotated[int, typer.Option("--cascade", min=1, help="Plants per river of the synthetic case.")] = 8,
    fpha_share: Annotated[
        float, typer.Option("--fpha-share", min=0.0, max=1.0, help="Part of the plants with FPHA planes.")
    ] = 0.0,
    save_case: Annotated[
        Path | None, typer.Option("--save-case", help="Directory to keep the synthetic case in.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Markdown file for the report [default: standard output].")
    ] = None,
) -> None:
    """Time the engine against HiGHS on a case of yours, or on a synthetic one."""
    from headwater.case import SyntheticSize

    size = SyntheticSize(
        hydros=hydros, lags=lags, stages=stages, openings=openings, blocks=blocks, thermals=thermals, cascade=cascade,
        fpha_share=fpha_share,
    )  # fmt: skip
    options = BenchOptions(cuts=cuts, trials=trials, repeats=repeats, training=training, threads=threads)
    text = run_bench(case, size, save_case, options, stderr())
    if output is None:
        stdout().out(text)
    else:
        write_text(output, text + "\n")
        stdout().out(f"wrote {output}")


def say_if_compiling(console: Console) -> None:
    """Say that a run begins by compiling, if it does."""
    from headwater.sddp.compilation import is_compiled

    if not is_compiled():
        console.print("compiling the engine for this machine, once; 'headwater warmup' does it ahead of time")


def warm_up(console: Console) -> None:
    """Compile everything and say how long it took."""
    from headwater.sddp.compilation import compile_engine

    say_if_compiling(console)
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
    from headwater.case import load_case, write_synthetic

    say_if_compiling(progress)
    if case is not None:
        return _report(load_case(case), options, progress)
    if save_case is not None:
        return _report(load_case(write_synthetic(save_case, size)), options, progress)
    with tempfile.TemporaryDirectory() as directory:
        return _report(load_case(write_synthetic(Path(directory) / "synthetic", size)), options, progress)


def _report(case: Case, options: BenchOptions, progress: Console) -> str:
    from headwater.benchmark import (
        compare,
        comparison_table,
        describe_machine,
        effort_table,
        record_workload,
        time_training,
        training_table,
    )

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
