"""How figures and facts look on a screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

VIOLATED = "LIMITS BROKEN"
"""How rows about broken limits begin."""

_MOST_VIOLATIONS = 8


def violation_rows(sentences: Sequence[str], where: str) -> list[tuple[str, str]]:
    """Rows of a table of facts that say which limits simulated operation broke.

    There are none where all limits held.

    Args:
        sentences: one for each limit, the gravest first.
        where: file that lists all of them.
    """
    rows = [
        (VIOLATED if n == 0 else "", sentence)
        for n, sentence in enumerate(sentences[:_MOST_VIOLATIONS])
    ]
    if len(sentences) > _MOST_VIOLATIONS:
        more = len(sentences) - _MOST_VIOLATIONS
        rows.append(("", f"and {more} more limit{'s' if more > 1 else ''}, see {where}"))
    return rows


def summary_table(rows: list[tuple[str, str]], title: str) -> Table:
    """A two-column table of facts."""
    table = Table(
        title=Text(title) if title else None,
        title_justify="left",
        show_header=False,
        box=None,
        pad_edge=False,
        title_style="bold",
    )
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name, "bold red" if name == VIOLATED else ""), Text(value))
    return table
