"""``headwater import table`` and ``headwater export table``: cases in spreadsheets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.consoles import stdout

export_app = typer.Typer(
    name="export", help="Write a case for another program.", no_args_is_help=True
)


@export_app.callback()
def _exports() -> None:
    """Write a case for another program."""


def import_table(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="BOOK.xlsx|DIR",
            help="Workbook, or directory with a CSV file for each sheet.",
            show_default=False,
        ),
    ],
    case: Annotated[
        Path, typer.Argument(metavar="CASE", help="New case directory.", show_default=False)
    ],
) -> None:
    """Make a case of a workbook or of CSV files: one sheet a kind, one row an entity."""
    from headwater.imports.tables import import_table as make

    made = make(source, case)
    for sentence in made.said:
        stdout().out(f"recognised {sentence}")
    for finding in made.case.report.findings:
        stdout().out(str(finding))
    stdout().out(f"wrote {made.path}; try: headwater run {made.path}")


@export_app.command("table")
def export_table(
    case: Annotated[
        Path, typer.Argument(metavar="CASE", help="Case directory.", show_default=False)
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="BOOK.xlsx|DIR",
            help="New workbook, or new directory for a CSV file of each sheet.",
            show_default=False,
        ),
    ],
) -> None:
    """Write a case as a workbook or as CSV files, which `headwater import table` reads."""
    from headwater.imports.tables import export_table as write

    stdout().out(f"wrote {write(case, target)}")
