"""``headwater bench``: how fast the engine is."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from headwater.cli.consoles import stderr, stdout
from headwater.cli.engine_commands import warm_up
from headwater.distributed import RankStarter, choose_threads
from headwater.errors import UsageError
from headwater.files import write_text

if TYPE_CHECKING:
    from headwater.case import Case
    from headwater_bench.synthetic import SyntheticSize


@dataclass(frozen=True)
class BenchOptions:
    """What is timed.

    Attributes:
        cuts: per stage.
        trials: trial states per stage; ``None`` takes all of an iteration.
        repeats: how often.
        comparison: whether the ways of solving are compared.
        training: whether whole trainings are timed.
        threads: numbers of threads; none takes one and what is granted.
        ranks: numbers of ranks; none trains in this process.
        weak: whether trainings whose forward passes grow with the workers are timed too.
        starter: starts ranks.
    """

    cuts: int
    trials: int | None
    repeats: int
    comparison: bool
    training: bool
    threads: tuple[int, ...]
    ranks: tuple[int, ...]
    weak: bool
    starter: RankStarter | None


app = typer.Typer(
    name="bench",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def bench(
    case: Annotated[
        Path | None,
        typer.Argument(
            metavar="CASE", help="Case directory \\[default: a synthetic case].", show_default=False
        ),
    ] = None,
    cuts: Annotated[
        int, typer.Option("--cuts", min=1, help="Cuts per stage when the backward pass is timed.")
    ] = 200,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials", min=1, help="Trial states per stage \\[default: the case's forward passes]."
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, help="How often everything is timed.")
    ] = 5,
    no_comparison: Annotated[
        bool, typer.Option("--no-comparison", help="Leave out the comparison with HiGHS.")
    ] = False,
    training: Annotated[
        bool,
        typer.Option(
            "--training/--no-training", help="Time whole trainings by number of threads and ranks."
        ),
    ] = False,
    threads: Annotated[
        str,
        typer.Option(
            "--threads",
            "-j",
            metavar="N,N",
            help="Numbers of threads of each rank \\[default: 1 and all granted].",
        ),
    ] = "",
    ranks: Annotated[
        str,
        typer.Option(
            "--ranks",
            metavar="N,N",
            help="Numbers of ranks to start for trainings \\[default: none].",
        ),
    ] = "",
    no_weak: Annotated[
        bool,
        typer.Option(
            "--no-weak", help="Leave out trainings whose forward passes grow with the workers."
        ),
    ] = False,
    mpiexec: Annotated[
        str | None,
        typer.Option(
            "--mpiexec",
            help="What starts ranks, their number follows \\[default: mpiexec -n].",
            show_default=False,
        ),
    ] = None,
    hydros: Annotated[int, typer.Option("--hydros", min=1, help="Of the synthetic case.")] = 12,
    lags: Annotated[int, typer.Option("--lags", min=0, max=12, help="Of the synthetic case.")] = 6,
    stages: Annotated[int, typer.Option("--stages", min=2, help="Of the synthetic case.")] = 24,
    openings: Annotated[int, typer.Option("--openings", min=1, help="Of the synthetic case.")] = 20,
    blocks: Annotated[int, typer.Option("--blocks", min=1, help="Of the synthetic case.")] = 3,
    thermals: Annotated[int, typer.Option("--thermals", min=1, help="Of the synthetic case.")] = 60,
    cascade: Annotated[
        int, typer.Option("--cascade", min=1, help="Plants per river of the synthetic case.")
    ] = 8,
    fpha_share: Annotated[
        float,
        typer.Option("--fpha-share", min=0.0, max=1.0, help="Part of the plants with FPHA planes."),
    ] = 0.0,
    forward_passes: Annotated[
        int, typer.Option("--forward-passes", min=1, help="Of the synthetic case.")
    ] = 8,
    iterations: Annotated[
        int, typer.Option("--iterations", min=1, help="Of the synthetic case.")
    ] = 30,
    save_case: Annotated[
        Path | None,
        typer.Option(
            "--save-case", help="Directory to keep the synthetic case in.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Markdown file for the report \\[default: standard output]."
        ),
    ] = None,
) -> None:
    """Time the engine against HiGHS on a case of yours, or on a synthetic one."""
    from headwater_bench.synthetic import SyntheticSize

    size = SyntheticSize(
        hydros=hydros, lags=lags, stages=stages, openings=openings, blocks=blocks,
        thermals=thermals, cascade=cascade, fpha_share=fpha_share, forward_passes=forward_passes,
        iterations=iterations,
    )  # fmt: skip
    options = BenchOptions(
        cuts=cuts,
        trials=trials,
        repeats=repeats,
        comparison=not no_comparison,
        training=training,
        threads=_numbers("--threads", threads),
        ranks=_numbers("--ranks", ranks),
        weak=not no_weak,
        starter=RankStarter(mpiexec) if ranks else None,
    )
    if no_comparison and not training:
        raise UsageError("nothing is left to time: --no-comparison needs --training")
    if ranks and not training:
        raise UsageError("--ranks says on how many ranks to train: add --training")
    text = run_bench(case, size, save_case, options, stderr())
    if output is None:
        stdout().out(text)
    else:
        write_text(output, text + "\n")
        stdout().out(f"wrote {output}")


def _numbers(option: str, text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")] if text else []
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise typer.BadParameter(
            f"'{text}' is not a list of whole numbers from 1, such as 1,2,4", param_hint=option
        )
    return tuple(sorted({int(word) for word in words}))


def run_bench(
    case: Path | None,
    size: SyntheticSize,
    save_case: Path | None,
    options: BenchOptions,
    progress: Console,
) -> str:
    """Measure and report as Markdown.

    Args:
        case: directory; ``None`` makes a synthetic case of ``size``.
        size: of the synthetic case.
        save_case: where to keep it.
        options: what is timed.
        progress: says what is under way.
    """
    from headwater.case import load_case
    from headwater_bench.synthetic import write_synthetic

    warm_up(progress)
    if case is not None:
        return _report(load_case(case), options, progress)
    if save_case is not None:
        return _report(load_case(write_synthetic(save_case, size)), options, progress)
    with tempfile.TemporaryDirectory() as directory:
        return _report(
            load_case(write_synthetic(Path(directory) / "synthetic", size)), options, progress
        )


def _report(case: Case, options: BenchOptions, progress: Console) -> str:
    from headwater_bench import describe_machine, scaling_report, time_scaling

    threads = options.threads or tuple(
        sorted({1, choose_threads(None, case.config.training.threads)})
    )
    system = case.system
    sizes = (
        f"{len(system.hydros)} hydros, {len(system.thermals)} thermals, {len(system.stages)} "
        f"stages, {max(stage.n_openings for stage in system.stages)} openings"
    )
    parts = [f"# Benchmark of {case.name}", sizes + ".", describe_machine()]
    if options.comparison:
        parts += _comparison(case, options, max(threads), progress)
    if options.training:
        scaling = time_scaling(
            case, threads, starter=options.starter, ranks=options.ranks, weak=options.weak,
            repeats=options.repeats, say=progress.print,
        )  # fmt: skip
        parts += ["## Whole trainings", scaling_report(scaling)]
    return "\n\n".join(parts)


def _comparison(case: Case, options: BenchOptions, threads: int, progress: Console) -> list[str]:
    from headwater_bench import compare, comparison_table, effort_table, record_workload

    progress.print(f"training until every stage has {options.cuts} cuts")
    workload = record_workload(case, cuts=options.cuts, trials=options.trials, threads=threads)
    progress.print(
        f"timing three ways to solve its last backward pass, {options.repeats} times each"
    )
    comparison = compare(workload, repeats=options.repeats)
    return [
        "## One backward pass",
        comparison_table(comparison),
        "## The engine by stage",
        effort_table(comparison),
    ]
