"""Ending a run on request: the first signal asks, a second Ctrl-C insists."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from headwater.distributed.launch import known_communicator

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that ask a process to end: by a scheduler, or by a terminal that is gone."""

ANSWER = "stopping at the next safe point; what was learned is kept; Ctrl-C again ends at once"

ONE_CTRL_C_SECONDS = 1.0
"""Within this, a rank takes a second SIGINT for the same Ctrl-C: a terminal tells ranks, and so
does what started them.
"""


class StopRequest:
    """A flag that worker threads may read at any time.

    Attributes:
        signal_number: signal that asked; ``None`` when nobody did or the program itself did.
    """

    def __init__(self) -> None:
        # no event with a lock: a signal that comes while another is handled would wait for its own
        self._is_asked = False
        self.signal_number: int | None = None

    def __call__(self) -> bool:
        """Whether the run should end."""
        return self._is_asked

    def ask(self, signal_number: int | None = None) -> None:
        """Ask the run to end at the next safe point."""
        self.signal_number = self.signal_number or signal_number
        self._is_asked = True

    def __str__(self) -> str:
        """What asked, for people."""
        return (
            "a request" if self.signal_number is None else signal.Signals(self.signal_number).name
        )


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn SIGINT, SIGTERM and SIGHUP into a `StopRequest` while the block runs.

    The first one is answered by a line on standard error, at once, whatever compiled code the main
    thread is in. A SIGINT after it raises `KeyboardInterrupt`, on a rank of several only after
    `ONE_CTRL_C_SECONDS`. A signal that the process ignores (as after ``nohup``) stays ignored.
    Outside the main thread, where Python delivers no signals, only the program itself can ask.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    patience = ONE_CTRL_C_SECONDS if known_communicator().size > 1 else 0.0
    insists_from = 0.0

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal insists_from
        if number == signal.SIGINT:
            if request():
                if time.monotonic() >= insists_from:
                    raise KeyboardInterrupt
                return
            insists_from = time.monotonic() + patience
        request.ask(number)

    previous = {}
    for number in (signal.SIGINT, *ENDING):
        if signal.getsignal(number) is not signal.SIG_IGN:
            previous[number] = signal.signal(number, handle)
    try:
        with _answering(frozenset(previous)):
            yield request
    finally:
        for number, handler in previous.items():
            # a handler that was not set by Python cannot be set back by it; the system's own is the
            # nearest
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def pass_on(signal_number: int | None) -> None:
    """Give a SIGTERM or SIGHUP to whoever had it before `stop_on_signals`.

    By default the system, which ends the process.

    A program that was asked to end does so, and does not take what was cut short for what it had
    asked for.
    """
    if signal_number is not None and signal_number in ENDING:
        os.kill(os.getpid(), signal_number)


@contextmanager
def _answering(heeded: frozenset[int]) -> Iterator[None]:
    """Say that the first signal has arrived, in a thread.

    The handler of a signal waits for the end of compiled code.
    """
    here, there = socket.socketpair()
    for end in (here, there):
        end.setblocking(False)
    before = signal.set_wakeup_fd(here.fileno(), warn_on_full_buffer=False)
    there.setblocking(True)

    def answer() -> None:
        answered = False
        while numbers := there.recv(16):
            if heeded.intersection(numbers) and not answered:
                answered = True
                say(ANSWER)
            if before >= 0:
                with contextlib.suppress(OSError):
                    os.write(before, numbers)

    thread = threading.Thread(target=answer, name="headwater-signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        here.close()
        thread.join()
        there.close()


def say(line: str) -> None:
    """Write a line to standard error past everything that buffers or locks.

    Nobody needs to read it.
    """
    with contextlib.suppress(OSError):
        os.write(2, f"\n{line}\n".encode())
