"""Where commands write to: standard output for what was asked, standard error for how it goes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from headwater.cli.structured import color_options
from headwater.errors import visible

FILE_WIDTH = 200
"""Columns of tables that go to a file or a pipe, unless ``COLUMNS`` says otherwise."""


class JsonOrHuman(StrEnum):
    """Form of an answer."""

    HUMAN = "human"
    JSON = "json"


class _PlainConsole(Console):
    """A console that shows control characters in what it is given."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)

    def out(self, *objects: Any, **options: Any) -> None:
        super().out(*(visible(str(one)) for one in objects), **options)


class PlainFormatter(logging.Formatter):
    """Lines of a log in the same way."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as a line."""
        return visible(super().format(record))


def stderr() -> Console:
    """A console for progress and messages."""
    wide = None if sys.stderr.isatty() or "COLUMNS" in os.environ else FILE_WIDTH
    return _PlainConsole(stderr=True, width=wide, highlight=False, soft_wrap=True, markup=False, emoji=False, **color_options())


def stdout() -> Console:
    """A console for answers."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else FILE_WIDTH
    return _PlainConsole(width=wide, highlight=False, soft_wrap=True, markup=False, emoji=False, **color_options())
