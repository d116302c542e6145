"""The command line: ``headwater COMMAND``. Thin: every command is a few calls of the public API."""

from headwater.cli.app import main

__all__ = ["main"]
