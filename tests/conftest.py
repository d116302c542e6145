"""What holds for all tests: signals that end a process do so here, whoever started the tests."""

from __future__ import annotations

import signal

for name in ("SIGINT", "SIGHUP", "SIGTERM"):
    number = getattr(signal, name, None)
    # a shell lets its background jobs ignore interrupts, and programs started by
    # tests would inherit that
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)
