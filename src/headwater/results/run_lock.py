"""One writer at a time.

A lock on a directory that covers a whole run, and a record of who holds it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from headwater import files
from headwater.errors import InUseError
from headwater.results.pieces import said_with_place

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK, HOLDER = ".lock", ".lock-holder.json"
"""Names in the locked directory: of the file that the system locks, and of the record of the
process that holds the lock.
"""

_ATTEMPTS = 10
"""So often the lock is tried when its file is replaced at the same moment."""


class RunLock:
    """The right to write to a directory, for as long as the block runs. A context manager.

    The system gives the lock back when its process ends in whatever way, so that a lock never
    outlives a run; a record that a killed process left says nothing. On a file system without locks
    the record itself is the lock: one of a process of this host that is gone is taken over, one of
    another host is believed.

    Args:
        directory: the directory; made if absent.

    Raises:
        InUseError: another process, or another thread of this one, writes to it; the message names
            it.
        ResultsError: the directory cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock: BaseFileLock | None = None
        self._recorded = False
        self._made = False

    def __enter__(self) -> RunLock:
        with said_with_place(self._directory):
            self._made = not self._directory.exists()
            self._directory.mkdir(parents=True, exist_ok=True)
            try:
                self._claim()
            except BaseException:
                self._release()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._release()

    def _claim(self) -> None:
        from filelock import FileLock, Timeout

        path = self._directory / LOCK
        for _ in range(_ATTEMPTS):
            path.touch()
            before = _identity(path)
            lock = FileLock(path)
            try:
                with warnings.catch_warnings():
                    # what stands in for the lock where the file system has none is said in the
                    # documentation
                    warnings.simplefilter("ignore")
                    lock.acquire(timeout=0)
            except Timeout:
                break
            except (NotImplementedError, OSError):
                self._claim_by_record()
                return
            # who leaves removes the file: what was locked must still be what others find
            if before is not None and before == _identity(path):
                self._lock = lock
                files.write_text(self._directory / HOLDER, _record())
                self._recorded = True
                return
            lock.release()
        raise InUseError(_in_use(self._directory, _holder(self._directory)))

    def _claim_by_record(self) -> None:
        """Without locks: whoever makes the record has the directory."""
        path = self._directory / HOLDER
        holder = _holder(self._directory)
        if holder and not _is_gone(holder):
            raise InUseError(
                _in_use(self._directory, holder) + f". If that run is over, remove {path}"
            )
        path.unlink(missing_ok=True)
        try:
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(_record())
        except FileExistsError:
            raise InUseError(_in_use(self._directory, _holder(self._directory))) from None
        self._recorded = True

    def _release(self) -> None:
        lock, self._lock = self._lock, None
        if self._recorded or lock is not None:
            # files that cannot be removed lock nothing
            for name in (HOLDER, LOCK):
                with contextlib.suppress(OSError):
                    (self._directory / name).unlink(missing_ok=True)
        self._recorded = False
        if lock is not None:
            lock.release()
        if self._made:
            with contextlib.suppress(OSError):
                self._directory.rmdir()  # a run that wrote nothing leaves nothing


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _record() -> str:
    return (
        json.dumps(
            {
                "process": os.getpid(),
                "host": socket.gethostname(),
                "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "command": " ".join(sys.argv)[:500],
            },
            indent=2,
        )
        + "\n"
    )


def _holder(directory: Path) -> dict[str, object]:
    """The record of the process that holds a lock; nothing where it cannot be read."""
    try:
        value = json.loads(files.read_regular(directory / HOLDER))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_gone(holder: dict[str, object]) -> bool:
    """Whether a process of this host has ended; of other hosts nothing is known."""
    number = holder.get("process")
    if (
        holder.get("host") != socket.gethostname()
        or not isinstance(number, int)
        or number < 1
        or os.name == "nt"
    ):
        return False  # on Windows os.kill would send something
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def _in_use(directory: Path, holder: dict[str, object]) -> str:
    who = "another run"
    if holder:
        who = (
            f"process {holder.get('process')} on {holder.get('host')} (since "
            f"{holder.get('started_at')}: {holder.get('command')})"
        )
    return (
        f"{directory} is in use: {who} is writing there; wait until it has ended, or choose "
        "another output directory"
    )
