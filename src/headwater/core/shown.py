"""How objects that people hold are shown in notebooks.

They show a heading and a few facts, never their contents.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


class Shown:
    """Shows itself in notebooks by its `repr`, and the facts that it lists."""

    __slots__ = ()

    def facts(self) -> Sequence[tuple[str, str]]:
        """Name and value of what a notebook shows below the heading."""
        return ()

    def _repr_html_(self) -> str:
        heading, rows = escape(repr(self).removeprefix("<").removesuffix(">")), self.facts()
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td>{escape(value)}</td></tr>"
            for name, value in rows
        )
        return f"<div><strong>{heading}</strong>{f'<table>{cells}</table>' if cells else ''}</div>"
