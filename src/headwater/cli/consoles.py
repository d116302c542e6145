"""Where commands write to: standard output for what was asked, standard error for how it goes."""

from __future__ import annotations

import os
import sys
from enum import StrEnum

from rich.console import Console

from headwater.cli.structured import color_options

FILE_WIDTH = 200
"""Columns of tables that go to a file or a pipe, unless ``COLUMNS`` says otherwise."""


class JsonOrHuman(StrEnum):
    """Form of an answer."""

    HUMAN = "human"
    JSON = "json"


class _SteadyConsole(Console):
    """A console that falls silent when nobody reads it any more, so that a run goes on and writes its results."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        silence(self.file.fileno())


def silence(descriptor: int) -> None:
    """Send what still goes to a descriptor to nowhere, so that the interpreter can flush it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def stderr() -> Console:
    """A console for progress and messages."""
    wide = None if sys.stderr.isatty() or "COLUMNS" in os.environ else FILE_WIDTH
    return _SteadyConsole(
        stderr=True, width=wide, highlight=False, soft_wrap=True, markup=False, emoji=False, **color_options()
    )


def stdout() -> Console:
    """A console for answers."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else FILE_WIDTH
    return _SteadyConsole(width=wide, highlight=False, soft_wrap=True, markup=False, emoji=False, **color_options())
