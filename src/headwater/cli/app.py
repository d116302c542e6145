"""The commands."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

import headwater as hw
from headwater.api import EXIT_STOPPED, RunResult, run_simulation, run_training
from headwater.case import (
    Report,
    SyntheticSize,
    convert_case,
    json_schemas,
    report_to_sarif,
    template_summaries,
    write_schemas,
    write_starter,
)
from headwater.cli.consoles import silence as _silence
from headwater.cli.consoles import stderr as _stderr
from headwater.cli.consoles import stdout as _stdout
from headwater.cli.policy_commands import policy_app
from headwater.cli.progress import money, summary_table
from headwater.cli.results_commands import compare, followed, print_envelope, report, show_plan
from headwater.cli.structured import Color, Form, error_records, said
from headwater.distributed import find_communicator, is_known_to_all, known_communicator
from headwater.errors import HeadwaterError, RankError
from headwater.files import write_text
from headwater.results.overview import overview
from headwater.results.run_log import event_record
from headwater.results.uncertainty_pictures import MISSING_PLOTLY
from headwater.sddp.events import WarningRaised
from headwater.sddp.run_plan import plan_run

app = typer.Typer(
    name="headwater",
    help="Plan the operation of hydrothermal power systems: train a policy with SDDP, simulate it, read what water is worth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(policy_app)

EXIT_CASE, EXIT_IO, EXIT_INTERNAL, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 4, 64, 130

# typer has used the installed click in some versions and a copy of its own in others: its base class is found, not imported
_WrongUsage: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


class OutputFormat(StrEnum):
    """Form of a report."""

    HUMAN = "human"
    JSON = "json"
    SARIF = "sarif"


class ScenarioKind(StrEnum):
    """What the scenarios command writes."""

    OPENINGS = "openings"
    TRAINING = "training"
    SIMULATION = "simulation"


CasePath = Annotated[Path, typer.Argument(metavar="CASE", help="Case directory.", show_default=False)]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Where to write results [default: CASE/output].")]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", "-j", min=1, help="Worker threads per process [default: all granted]; results do not depend on it."
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with what an earlier run left unfinished in the output directory.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(_run(lambda: app(standalone_mode=False)))


def _run(command: Callable[[], object]) -> int:
    """Run a command and turn every way it can end into an exit code and a message without traceback."""
    try:
        result = command()
    except BaseException as error:
        exit_code = _show_end(error)
        if exit_code and not is_known_to_all(error):
            known_communicator().abort(exit_code)  # the others would wait for this one
        return exit_code
    return result if isinstance(result, int) else 0


def _show_end(error: BaseException) -> int:
    """Say why a command ended, once for all ranks, and return its exit code."""
    exit_code = _tell_end(error)
    if exit_code and said.form is not Form.HUMAN and known_communicator().leads:
        print_envelope(exit_code, errors=error_records(error))
    return exit_code


def _tell_end(error: BaseException) -> int:
    console = _stderr()
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, _WrongUsage):
        error.show(sys.stderr)
        return EXIT_USAGE
    if isinstance(error, HeadwaterError):
        if known_communicator().leads or not isinstance(error, RankError):
            _show_error(console, error)
        return error.exit_code
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        console.print(Text("interrupted", "red"))
        return EXIT_INTERRUPTED
    if isinstance(error, BrokenPipeError | SystemExit):
        # outside consoles a closed pipe ends in either; what was to be read has been read
        _silence(sys.stdout.fileno())
        return 0
    if isinstance(error, OSError | MemoryError):
        console.print(Text.assemble(("error: ", "red"), str(error) or type(error).__name__))
        return EXIT_IO
    logging.getLogger("headwater").debug("internal error", exc_info=error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    console.print(
        Text.assemble(
            ("internal error: ", "red"),
            f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno}). "
            "This is a defect of Headwater; please report it with the case.",
        )
    )
    return EXIT_INTERNAL


def _announce_compilation(quiet: bool) -> None:
    """Say that a run begins by compiling, if it does."""
    if not quiet and find_communicator().leads:
        from headwater.cli.engine_commands import announce_compilation

        announce_compilation(_stderr())


def _show_error(console: Console, error: HeadwaterError) -> None:
    report = getattr(error, "report", None)
    if isinstance(report, Report):
        from headwater.cli.case_commands import show_report

        show_report(report, console)
    else:
        console.print(Text.assemble(("error: ", "red"), str(error)))


def _version(value: bool) -> None:
    if value:
        from headwater.solver import highs_version

        python = ".".join(str(part) for part in sys.version_info[:3])
        _stdout().out(f"headwater {hw.__version__} ({highs_version()}, Python {python})")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show versions and exit.")
    ] = False,
    log_level: Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")] = "warning",
    color: Annotated[
        Color | None, typer.Option("--color", help="auto, always or never [default: HEADWATER_COLOR, else auto].")
    ] = None,
    form: Annotated[
        Form,
        typer.Option("--output-format", help="human, json (one envelope) or jsonl (a line for each event, then the envelope)."),
    ] = Form.HUMAN,
) -> None:
    said.color, said.form, said.command = color, form, context.invoked_subcommand or ""
    level = logging.getLevelNamesMapping().get(log_level.upper())
    if level is None:
        raise typer.BadParameter(f"'{log_level}' is not one of debug, info, warning, error", param_hint="--log-level")
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)


@app.command()
def run(
    case: CasePath,
    output: Output = None,
    threads: Threads = None,
    resume: Resume = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show how large the run would be.")] = False,
    quiet: Quiet = False,
) -> int:
    """Train and simulate as the configuration of the case says, and write policy and results."""
    if dry_run:
        show_plan(plan_run(hw.load_case(case)))
        return 0
    _announce_compilation(quiet)
    with followed(quiet) as progress:
        result = hw.run(case, output, threads=threads, on_event=progress, resume=resume)
    _report_run(result)
    return EXIT_STOPPED if result.stopped else 0


@app.command()
def train(case: CasePath, output: Output = None, threads: Threads = None, resume: Resume = False, quiet: Quiet = False) -> int:
    """Train a policy and write it to OUTPUT/policy."""
    loaded = find_communicator().together(lambda: hw.load_case(case))
    _announce_compilation(quiet)
    with followed(quiet) as progress:
        target = output or loaded.root / "output"
        result = run_training(loaded, target, threads=threads, on_event=progress, resume=resume)
    _report_run(result)
    return EXIT_STOPPED if result.stopped else 0


@app.command()
def simulate(
    case: CasePath,
    policy: Annotated[
        Path, typer.Option("--policy", "-p", help="Policy directory, e.g. CASE/output/policy.", show_default=False)
    ],
    output: Output = None,
    scenarios: Annotated[
        int | None, typer.Option("--scenarios", "-n", min=1, help="Number of scenarios [default: the case's].")
    ] = None,
    threads: Threads = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the simulation that was interrupted in the output directory.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a case with a stored policy."""
    loaded, stored = find_communicator().together(lambda: (hw.load_case(case), hw.load_policy(policy)))
    _announce_compilation(quiet)
    with followed(quiet) as progress:
        target = output or loaded.root / "output"
        result = run_simulation(
            loaded, stored, target, n_scenarios=scenarios, threads=threads, resume=resume, on_event=progress
        )
    _report_run(result)


@app.command()
def fit(
    case: CasePath,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write the model [default: CASE/output/fit].")
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Draw history and model (needs plotly).")] = True,
) -> None:
    """Estimate the inflow model from history and write it as tables that a case can take as input."""
    loaded = hw.load_case(case)
    result = hw.fit(loaded, output or loaded.root / "output" / "fit", pictures=pictures)
    found = result.uncertainty
    orders = sorted(found.inflow.order.ravel().tolist())
    counts = ", ".join(f"{orders.count(order)} of order {order}" for order in dict.fromkeys(orders))
    rows = [
        (
            "estimated",
            ", ".join(part for part, source in found.estimation.sources.items() if source == "estimated") or "nothing",
        ),
        ("hydros", str(len(found.system.hydros))),
        ("equations", counts),
        *(("warning", text) for text in found.warnings),
        ("model", str(result.directory)),
        ("pictures", str(result.pictures) if result.pictures else (MISSING_PLOTLY if pictures else "not asked for")),
    ]
    _stdout().print(summary_table(rows, ""))


@app.command()
def scenarios(
    case: CasePath,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .parquet or .csv.", show_default=False)],
    kind: Annotated[
        ScenarioKind, typer.Option("--kind", "-k", help="openings, training or simulation.")
    ] = ScenarioKind.OPENINGS,
    number: Annotated[
        int | None, typer.Option("--scenarios", "-n", min=1, help="Number of trajectories [default: the case's].")
    ] = None,
    iteration: Annotated[int, typer.Option("--iteration", min=1, help="Training iteration.")] = 1,
) -> None:
    """Write the openings of a case, or the trajectories that training or simulation would draw, as a table."""
    if output.suffix not in (".parquet", ".csv"):
        raise typer.BadParameter(f"'{output}' ends neither in .parquet nor in .csv", param_hint="--output")
    table = hw.scenarios(hw.load_case(case), kind.value, n_scenarios=number, iteration=iteration)
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix == ".csv":
        table.write_csv(output)
    else:
        table.write_parquet(output)
    _stdout().print(f"{table.height} rows in {output}", markup=False)


@app.command()
def validate(
    case: CasePath,
    strict: Annotated[bool, typer.Option("--strict", help="Turn advice into errors.")] = False,
    form: Annotated[OutputFormat, typer.Option("--format", help="human, json or sarif.")] = OutputFormat.HUMAN,
) -> int:
    """Check a case and report everything that is wrong with it."""
    from headwater.cli.case_commands import show_report

    report = hw.validate_case(case, strict=strict)
    if form is OutputFormat.JSON:
        _stdout().out(json.dumps(report.to_json(), indent=2))
    elif form is OutputFormat.SARIF:
        _stdout().out(json.dumps(report_to_sarif(report, hw.__version__), indent=2))
    else:
        show_report(report, _stdout())
    return 0 if report.ok else EXIT_CASE


@app.command(name="lp")
def write_lp(
    case: CasePath,
    stage: Annotated[int, typer.Option("--stage", help="Id of the stage.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="File to write; its suffix, .lp or .mps, says how.", show_default=False)],
    scenario: Annotated[
        int | None, typer.Option("--scenario", min=0, help="Simulated scenario [default: mean of all noise].")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", "-p", help="Policy whose cuts to include [default: no future cost].")
    ] = None,
) -> None:
    """Write the linear program of one stage, with names, as the scenario meets it there."""
    stored = None if policy is None else hw.load_policy(policy)
    program = hw.stage_program(hw.load_case(case), stage, scenario=scenario, policy=stored)
    hw.write_program(program, out)
    _stdout().print(f"{out}: {len(program.rows)} rows, {len(program.columns)} columns", markup=False)


@app.command()
def describe(
    case: CasePath,
    lp: Annotated[bool, typer.Option("--lp", help="Also show the size and range of numbers of every stage program.")] = False,
) -> None:
    """Show what the system of a case is: counts, capacities, storage, horizon, uncertainty, what is active when."""
    from headwater.cli.case_commands import show_case, show_programs

    loaded = hw.load_case(case)
    show_case(loaded, _stdout())
    if lp:
        show_programs(loaded, _stdout())


@app.command()
def warmup() -> None:
    """Compile the engine ahead of time; what is compiled is kept for later runs."""
    from headwater.cli.engine_commands import warm_up

    warm_up(_stderr())


@app.command()
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
    from headwater.cli.engine_commands import BenchOptions, run_bench

    size = SyntheticSize(
        hydros=hydros, lags=lags, stages=stages, openings=openings, blocks=blocks, thermals=thermals, cascade=cascade,
        fpha_share=fpha_share,
    )  # fmt: skip
    options = BenchOptions(cuts=cuts, trials=trials, repeats=repeats, training=training, threads=threads)
    text = run_bench(case, size, save_case, options, _stderr())
    if output is None:
        _stdout().out(text)
    else:
        write_text(output, text + "\n")
        _stdout().out(f"wrote {output}")


@app.command()
def summary(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Output directory of a run.", show_default=False)],
) -> None:
    """Show what a run found: bound, costs, and how the system was operated."""
    from headwater.cli.summary import show_summary

    show_summary(hw.load_results(directory), _stdout())


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Case directory.", show_default=False)],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="New directory.", show_default=False)],
) -> None:
    """Rewrite a case in the canonical spelling."""
    _stdout().out(f"wrote {convert_case(source, target)}")


@app.command()
def schema(
    out: Annotated[
        Path | None, typer.Option("--out", help="Directory for the schemas [default: one object on standard output].")
    ] = None,
) -> None:
    """Write JSON Schema of every JSON file of a case, for editors."""
    if out is None:
        _stdout().out(json.dumps(json_schemas(), indent=2))
    else:
        _stdout().out(f"wrote {len(write_schemas(out))} schemas to {out}")


@app.command()
def init(
    directory: Annotated[Path | None, typer.Argument(metavar="DIR", help="New case directory.", show_default=False)] = None,
    template: Annotated[str, typer.Option("--template", "-t", help="Which starter case.")] = "one-reservoir",
    list_: Annotated[bool, typer.Option("--list", help="Show the templates.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write into a directory that is not empty.")] = False,
) -> None:
    """Write a commented starter case."""
    if list_:
        for name, summary_ in template_summaries().items():
            _stdout().out(f"{name}: {summary_}")
        return
    if directory is None:
        raise typer.BadParameter("the new directory is missing", param_hint="DIR")
    root = write_starter(directory, template, force=force)
    _stdout().out(f"wrote {root}; read {root / 'README.md'} and try: headwater run {root}")


app.command()(report)
app.command()(compare)


def _report_run(result: RunResult) -> None:
    if not known_communicator().leads:
        return
    if said.form is not Form.HUMAN:
        told = (result.policy.training.warnings if result.policy.training else ()) + (
            result.simulation.warnings if result.simulation else ()
        )
        as_records = [event_record(WarningRaised.of(text)) for text in told]
        data = overview(result.output_dir)
        print_envelope(EXIT_STOPPED if result.stopped else 0, data=data, warnings=as_records, summary=data["status"])
        return
    console, rows = _stdout(), []
    record = result.policy.training
    if record is not None and record.iterations:
        rows.append(("lower bound", f"{money(result.policy.lower_bound)} after {len(record.iterations)} iterations"))
        rows.append(("", record.bound_meaning))
    if result.simulation is not None:
        costs = result.simulation.summary
        rows.append(
            ("simulated cost", f"{money(costs.mean_cost)} ± {money(costs.ci95)} over {len(costs.total_cost)} scenarios")
        )
    if result.stopped:
        rows.append(("stopped", "by a signal; go on with --resume"))
    warnings = (record.warnings if record is not None else ()) + (result.simulation.warnings if result.simulation else ())
    rows.extend(("warning", text) for text in warnings)
    rows.append(("results", str(result.output_dir)))
    console.print(summary_table(rows, ""))
