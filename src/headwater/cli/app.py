"""The command line program.

Its commands, the options of every command, and every way in which one can end.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from headwater._version import __version__
from headwater.cli.arguments import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_IO, EXIT_USAGE
from headwater.cli.case_commands import convert, describe, init, schema, validate
from headwater.cli.compare_commands import compare_app
from headwater.cli.consoles import PlainFormatter
from headwater.cli.consoles import stderr as _stderr
from headwater.cli.consoles import stdout as _stdout
from headwater.cli.engine_commands import bench, warmup
from headwater.cli.extensive_command import extensive
from headwater.cli.import_commands import import_app
from headwater.cli.job_commands import submit
from headwater.cli.lp_command import lp
from headwater.cli.policy_commands import policy_app
from headwater.cli.results_commands import print_envelope, report, status, summary
from headwater.cli.run_commands import run, simulate, train
from headwater.cli.streams import steady_streams
from headwater.cli.structured import (
    COLOR_VARIABLE,
    Color,
    Form,
    color_of_environment,
    error_records,
    report_of,
    said,
)
from headwater.cli.table_commands import export_app, import_table
from headwater.cli.uncertainty_commands import fit, scenarios
from headwater.distributed import is_known_to_all, known_communicator
from headwater.errors import HeadwaterError, RankError, SolverError, UsageError


class Commands(TyperGroup):
    """The commands, which also understand the earlier names of options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of a command line."""
        return super().parse_args(ctx, [_by_its_name(word) for word in args])


def _by_its_name(word: str) -> str:
    """A word with the name that an option has now."""
    if word.split("=", 1)[0] != "--out":
        return word
    _stderr().print("warning: --out is called --output now", markup=False)
    return f"--output{word.removeprefix('--out')}"


app = typer.Typer(
    name="headwater",
    cls=Commands,
    help="Plan the operation of hydrothermal power systems: train a policy with SDDP, simulate it, "
    "read what water is worth.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_CASES, _STUDIES, _RESULTS = "Cases", "Planning", "Results"
_FUTURE, _ENGINE = "Inflows and scenarios", "Linear programs and engine"
_COMMANDS: dict[str, tuple[Callable[..., Any], ...]] = {
    _CASES: (init, describe, validate, convert, schema),
    _STUDIES: (run, train, simulate, submit),
    _RESULTS: (summary, report, status),
    _FUTURE: (fit, scenarios),
    _ENGINE: (lp, extensive, warmup),
}
for _panel, _of_panel in _COMMANDS.items():
    for _command in _of_panel:
        app.command(rich_help_panel=_panel)(_command)
app.command(
    rich_help_panel=_ENGINE,
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    },
)(bench)
app.add_typer(policy_app, rich_help_panel=_STUDIES)
app.add_typer(compare_app, rich_help_panel=_RESULTS)
import_app.command("table")(import_table)
app.add_typer(import_app, rich_help_panel=_CASES)
app.add_typer(export_app, rich_help_panel=_CASES)

# typer has used the installed click in some versions and a copy of its own in others: its base
# class is found, not imported
_WrongUsage: Any = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


def main() -> None:
    """Run the command line and exit with its code."""
    with steady_streams() as out:
        exit_code = _run(lambda: app(standalone_mode=False))
        out.flush()
        if out.lost:
            _stderr().print(
                Text.assemble(
                    ("error: ", "red"), f"the answer was not written to standard output: {out.lost}"
                )
            )
            exit_code = exit_code or EXIT_IO
    sys.exit(exit_code)


def _run(command: Callable[[], object]) -> int:
    """Run a command and turn every way it can end into an exit code and a message.

    A user never sees a traceback.
    """
    try:
        result = command()
        if result == EXIT_INTERRUPTED:
            raise KeyboardInterrupt  # typer has made a code of it
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


def _show_error(console: Console, error: HeadwaterError) -> None:
    findings = report_of(error)
    if findings is not None:
        from headwater.cli.case_display import show_report

        show_report(findings, console)
    else:
        console.print(Text.assemble(("error: ", "red"), str(error)))


def _version(value: bool) -> None:
    if value:
        python = ".".join(str(part) for part in sys.version_info[:3])
        _stdout().out(f"headwater {__version__} ({_solver()}, Python {python})")
        raise typer.Exit


def _solver() -> str:
    from headwater.solver import highs_version

    try:
        return highs_version()
    except SolverError:
        # whoever asks why gets the reasons from the first command that solves
        return "no HiGHS library"


@app.callback()
def _options(
    context: typer.Context,
    _show_version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show versions and exit."),
    ] = False,
    log_level: Annotated[
        str, typer.Option("--log-level", help="debug, info, warning or error.")
    ] = "warning",
    color: Annotated[
        Color | None,
        typer.Option(
            "--color", help="auto, always or never \\[default: HEADWATER_COLOR, else auto]."
        ),
    ] = None,
    form: Annotated[
        Form,
        typer.Option(
            "--output-format",
            help="human, json (one envelope) or jsonl (a line for each event, then the envelope).",
        ),
    ] = Form.HUMAN,
) -> None:
    said.color, said.form, said.command = color, form, context.invoked_subcommand or ""
    stated = os.environ.get(COLOR_VARIABLE, "")
    if stated and color_of_environment() is None:
        raise UsageError(
            f"the environment variable {COLOR_VARIABLE} must be auto, "
            f"always or never, got '{stated}'"
        )
    level = logging.getLevelNamesMapping().get(log_level.upper())
    if level is None:
        raise typer.BadParameter(
            f"'{log_level}' is not one of debug, info, warning, error", param_hint="--log-level"
        )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
