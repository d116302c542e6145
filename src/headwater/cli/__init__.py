"""The command line: ``headwater COMMAND``. Thin: every command is a few calls of the public API."""

import gc

# importing makes many objects that stay: looking for garbage among them takes a tenth of a short
# command
gc.set_threshold(100_000, 20, 100)

from headwater.cli.app import main  # noqa: E402

__all__ = ["main"]
