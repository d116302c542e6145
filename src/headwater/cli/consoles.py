"""Where commands write to: standard output for what was asked, standard error for how it goes."""

from __future__ import annotations

import logging
import os
import sys
from enum import StrEnum

from rich.console import Console

from headwater.api.plain_console import PlainConsole
from headwater.cli.structured import color_options
from headwater.errors import visible

FILE_WIDTH = 200
"""Columns of tables that go to a file or a pipe, unless ``COLUMNS`` says otherwise."""


class JsonOrHuman(StrEnum):
    """Form of an answer."""

    HUMAN = "human"
    JSON = "json"


class PlainFormatter(logging.Formatter):
    """Lines of a log in the same way."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as a line."""
        return visible(super().format(record))


def stderr() -> Console:
    """A console for progress and messages."""
    wide = None if sys.stderr.isatty() or "COLUMNS" in os.environ else FILE_WIDTH
    return PlainConsole(
        stderr=True,
        width=wide,
        highlight=False,
        soft_wrap=True,
        markup=False,
        emoji=False,
        **color_options(),
    )


def stdout() -> Console:
    """A console for answers."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else FILE_WIDTH
    return PlainConsole(
        width=wide, highlight=False, soft_wrap=True, markup=False, emoji=False, **color_options()
    )
