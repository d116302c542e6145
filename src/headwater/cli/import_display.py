"""What became of the files of a deck, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from headwater.imports.newave import NewaveImport

_STYLE = {"read": "green", "approximated": "yellow", "ignored": "dim", "missing": "red"}


def show_import(made: NewaveImport, console: Console) -> None:
    """Print the table of files, what the case has, and what to do next."""
    table = Table(show_header=True, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("file", "became", "notes"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "notes")
    for row in made.report.rows():
        table.add_row(Text(row["file"]), Text(row["fate"], _STYLE[row["fate"]]), Text(row["notes"]))
    console.print(table)
    counts = ", ".join(f"{number} {name}" for name, number in made.counts.items())
    console.print(Text(f"wrote {made.case}: {counts}"))
    console.print(
        Text(
            f"the same table: {made.case / 'import-report.md'}; try: headwater validate {made.case}"
        )
    )
