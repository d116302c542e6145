"""``headwater describe``: what a case is, on one screen."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headwater.case import Case, describe_case


def show_case(case: Case, console: Console) -> None:
    """Print the description of a case."""
    console.print(Text(f"case {case.name}", "bold"))
    for section in describe_case(case):
        headed = any(section.columns)
        table = Table(title=Text(section.title), title_justify="left", title_style="bold", show_header=headed, box=None)
        for position, heading in enumerate(section.columns):
            table.add_column(Text(heading), style="dim" if position == 0 else None, overflow="fold")
        for row in section.rows:
            table.add_row(*(Text(cell) for cell in row))
        console.print(table)
