"""Commands about results: ``headwater summary``, ``status`` and ``report``."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from headwater.cli.consoles import stderr, stdout
from headwater.cli.structured import Form, envelope, said


class Section(StrEnum):
    """Part of the status of a run."""

    TRAINING = "training"
    SIMULATION = "simulation"
    CONVERGENCE = "convergence"
    POLICY = "policy"


def print_envelope(exit_code: int, **parts: Any) -> None:
    """Say what came out, for programs; the last line of a stream of lines."""
    content = envelope(said.command, exit_code, **parts)
    line = {"type": "result", **content} if said.form is Form.JSONL else content
    stdout().out(json.dumps(line, indent=None if said.form is Form.JSONL else 2))


Sections = Annotated[
    list[Section] | None,
    typer.Option("--section", "-s", help="Only this part; may be repeated.", show_default=False),
]


def status(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Output directory of a run.", show_default=False)
    ],
    section: Sections = None,
) -> None:
    """Show the status and the figures of a run as JSON, also of one that is under way."""
    _print_status(directory, section)


def _print_status(
    directory: Path, section: Sequence[Section] | None, warnings: Sequence[str] = ()
) -> None:
    from headwater.results.overview import overview

    found = overview(directory)
    if section:
        found = {
            key: found[key]
            for key in ("output_directory", "status", *dict.fromkeys(one.value for one in section))
        }
    if said.form is Form.HUMAN:
        stdout().out(json.dumps(found, indent=2))
    else:
        print_envelope(0, data=found, warnings=warnings)


MOVED = (
    "the figures of a run as JSON have moved to 'headwater status'; 'headwater "
    "report' writes a page to look at"
)
"""What is said to those who ask `report` for what `status` gives now."""


ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write the page \\[default: OUTPUT/report.html].",
    ),
]
OtherRun = Annotated[
    Path | None,
    typer.Option(
        "--compare",
        metavar="OTHER",
        help="Output directory of another run, for a tab that compares.",
        show_default=False,
    ),
]
CaseOfRun = Annotated[
    Path | None,
    typer.Option(
        "--case",
        metavar="CASE",
        help="Case of the run, for the history of inflows \\[default: where it was read].",
    ),
]


def report(
    directory: Annotated[
        Path,
        typer.Argument(metavar="OUTPUT", help="Output directory of a run.", show_default=False),
    ],
    out: ReportFile = None,
    compare: OtherRun = None,
    case: CaseOfRun = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    xlsx: Annotated[
        bool,
        typer.Option(
            "--xlsx", help="Write a workbook of summary tables, OUTPUT/report.xlsx, instead."
        ),
    ] = False,
    section: Annotated[list[Section] | None, typer.Option("--section", "-s", hidden=True)] = None,
) -> None:
    """Write a page with pictures of a run.

    One HTML file that needs no network (needs the extra 'report').
    """
    asked_for_page = show or xlsx or any(one is not None for one in (out, compare, case))
    if section or (said.form is not Form.HUMAN and not asked_for_page):
        stderr().print(f"warning: {MOVED}")
        _print_status(directory, section, (MOVED,))
        return
    from headwater.report import write_report, write_workbook

    if xlsx:
        if show or compare is not None or case is not None:
            raise typer.BadParameter(
                "--open, --compare and --case are for the page; a workbook takes only --output",
                param_hint="--xlsx",
            )
        page = write_workbook(directory, out)
    else:
        page = write_report(directory, out, compare=compare, case=case)
    if said.form is Form.HUMAN:
        stdout().print(f"report in {page} ({page.stat().st_size / 1e6:.1f} MB)", markup=False)
    else:
        print_envelope(0, data={"page": str(page)})
    if show and not webbrowser.open(page.absolute().as_uri()):
        stderr().print(f"no browser could be started; open {page} by hand", markup=False)


def summary(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Output directory of a run.", show_default=False)
    ],
) -> None:
    """Show what a run found: bound, costs, and how the system was operated."""
    from headwater.cli.summary import show_summary
    from headwater.results.reader import load_results

    show_summary(load_results(directory), stdout())
