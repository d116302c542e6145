"""A console on which no name of a plant steers a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from headwater.errors import visible


class PlainConsole(Console):
    """A console that shows control characters in what it is given."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """See `rich.console.Console.render`."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)

    def out(self, *objects: Any, **options: Any) -> None:
        """See `rich.console.Console.out`."""
        super().out(*(visible(str(one)) for one in objects), **options)
