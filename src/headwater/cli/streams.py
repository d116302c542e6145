"""Standard output and error that never end a run.

What cannot be written is dropped, and that it was is remembered.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class SteadyStream:
    """A text stream that raises nothing when it cannot be written.

    A pipe whose reader is gone falls silent: what was to be read has been read. Any other error, a
    full disk or a descriptor that was closed from the start, loses what is written, and `lost` says
    why.

    Args:
        stream: what to write to; ``None`` where the process was started without.

    Attributes:
        lost: why something was lost; empty when nothing was.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._silent = stream is None
        self.lost = ""
        if stream is not None and getattr(stream, "errors", "") == "strict":
            with contextlib.suppress(AttributeError, ValueError, OSError):
                # a terminal without the letters of a name shows their codes
                stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]

    def write(self, text: str) -> int:
        """Write, or forget."""
        if self._stream is None and text:
            self.lost = "it is closed"
        if self._stream is not None and not self._silent:
            try:
                self._stream.write(text)
            except (OSError, ValueError) as error:
                self._fall_silent(error)
        return len(text)

    def flush(self) -> None:
        """Flush, or forget what was to be flushed."""
        if self._stream is not None and not self._silent:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._fall_silent(error)

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._stream is not None and not self._silent and self._stream.isatty()

    def writable(self) -> bool:
        """As every stream to write to."""
        return True

    @property
    def encoding(self) -> str:
        """Of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_stream"], name)

    def _fall_silent(self, error: Exception) -> None:
        self._silent = True
        if not isinstance(error, BrokenPipeError):
            self.lost = getattr(error, "strerror", None) or str(error)
        # the interpreter flushes what is left when it ends
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


@contextmanager
def steady_streams() -> Iterator[SteadyStream]:
    """Put steady streams in the place of standard output and error while the block runs.

    The block is given the stream of standard output.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # otherwise the next file that is opened takes the number, and gets what libraries print
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    out, err = SteadyStream(sys.stdout), SteadyStream(sys.stderr)
    sys.stdout, sys.stderr = out, err
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before
