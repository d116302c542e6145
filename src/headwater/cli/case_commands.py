"""Commands about cases.

``headwater init``, ``validate``, ``describe``, ``convert`` and ``schema``.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import headwater as hw
from headwater.cli.arguments import EXIT_CASE, CasePath
from headwater.cli.consoles import stdout


class OutputFormat(StrEnum):
    """Form of a report."""

    HUMAN = "human"
    JSON = "json"
    SARIF = "sarif"


class CaseDialect(StrEnum):
    """Spelling of a case."""

    HEADWATER = "headwater"
    COBRE_0_18 = "cobre-0.18"


def validate(
    case: CasePath,
    strict: Annotated[bool, typer.Option("--strict", help="Turn advice into errors.")] = False,
    form: Annotated[
        OutputFormat, typer.Option("--format", help="human, json or sarif.")
    ] = OutputFormat.HUMAN,
) -> int:
    """Check a case and report everything that is wrong with it."""
    from headwater.cli.case_display import show_report

    report = hw.validate_case(case, strict=strict)
    if form is OutputFormat.JSON:
        stdout().out(json.dumps(report.to_json(), indent=2))
    elif form is OutputFormat.SARIF:
        from headwater.case.sarif import report_to_sarif

        stdout().out(json.dumps(report_to_sarif(report, hw.__version__), indent=2))
    else:
        show_report(report, stdout())
    return 0 if report.ok else EXIT_CASE


def describe(
    case: CasePath,
    lp: Annotated[
        bool,
        typer.Option(
            "--lp", help="Also show the size and range of numbers of every stage program."
        ),
    ] = False,
) -> None:
    """Show what the system of a case is.

    Counts, capacities, storage, horizon, uncertainty, what is active when.
    """
    from headwater.cli.case_display import show_case, show_programs

    loaded = hw.load_case(case)
    show_case(loaded, stdout())
    if lp:
        show_programs(loaded, stdout())


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Case directory.", show_default=False)
    ],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="New directory.", show_default=False)
    ],
    to: Annotated[
        CaseDialect, typer.Option("--to", help="Spelling to write: headwater or cobre-0.18.")
    ] = CaseDialect.HEADWATER,
) -> None:
    """Rewrite a case in the canonical spelling, or in that of Cobre 0.18."""
    from headwater.case import convert_case

    stdout().out(f"wrote {convert_case(source, target, to=to.value)}")


def schema(
    out: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Directory for the schemas \\[default: one object on standard output].",
        ),
    ] = None,
) -> None:
    """Write JSON Schema of every JSON file of a case, for editors."""
    from headwater.case import json_schemas, write_schemas

    if out is None:
        stdout().out(json.dumps(json_schemas(), indent=2))
    else:
        stdout().out(f"wrote {len(write_schemas(out))} schemas to {out}")


def init(
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="New case directory.", show_default=False)
    ] = None,
    template: Annotated[
        str, typer.Option("--template", "-t", help="Which starter case.")
    ] = "one-reservoir",
    list_: Annotated[bool, typer.Option("--list", help="Show the templates.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a directory that is not empty.")
    ] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Write CSV files into DIR, for spreadsheets.")
    ] = False,
    xlsx: Annotated[
        bool, typer.Option("--xlsx", help="Write an Excel workbook, DIR with the ending .xlsx.")
    ] = False,
) -> None:
    """Write a commented starter case, or one as a spreadsheet to fill in."""
    from headwater.case import template_summaries, write_starter

    if list_:
        for name, summary_ in template_summaries().items():
            stdout().out(f"{name}: {summary_}")
        return
    if directory is None:
        raise typer.BadParameter("the new directory is missing", param_hint="DIR")
    if csv or xlsx:
        from headwater.imports.tables import write_table_starter

        ending = ".xlsx" if xlsx and directory.suffix != ".xlsx" else ""
        wrote = write_table_starter(directory.with_name(directory.name + ending), template)
        stdout().out(f"wrote {wrote}; fill it in and try: headwater import table {wrote} CASE")
        return
    root = write_starter(directory, template, force=force)
    stdout().out(f"wrote {root}; read {root / 'README.md'} and try: headwater run {root}")
