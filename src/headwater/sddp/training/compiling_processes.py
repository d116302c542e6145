"""Processes that compile, and how far they are."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import IO

from headwater.solver.code_cache import FOLDER_VARIABLE
from headwater.solver.compiled import Function, called, declared

WHOLE_SHARE = 0.8
"""Time that making machine code of a whole program takes, in that of typing and translating all its
functions: measured.
"""

GO_ON = "go on\n"
"""What a process reads when there is a kernel; when the one that started it is gone, it reads
nothing and ends.
"""

_RANK_VARIABLES = ("OMPI_", "PMI_", "PMIX_", "PMI2_", "MPI_", "MPICH_", "HYDRA_", "I_MPI_")
_ERROR_CHARACTERS = 2000


class Work:
    """What is to be compiled, by the length of its byte code, and how much of it is done.

    Args:
        parts: functions that are compiled into others.
        wholes: functions that machine code is made of, with all that they call.
    """

    def __init__(self, parts: Iterable[Function], wholes: Iterable[Function]) -> None:
        self._sizes = {(name_of(one), False): float(_length(one)) for one in parts}
        for one in wholes:
            every = sum(_length(inner) for inner in called(one))
            self._sizes[name_of(one), True] = _length(one) + WHOLE_SHARE * every
        self._done: set[tuple[str, bool]] = set()
        self._began: float | None = None

    @classmethod
    def of(cls, roots: Iterable[Function]) -> Work:
        """What has to be compiled so that some functions can be called."""
        wholes = list(roots)
        taken_in = {one.py_func for one in declared() if one.inlined}
        parts = {inner for one in wholes for inner in called(one)[1:]} - taken_in
        return cls(parts, wholes)

    @property
    def n_functions(self) -> int:
        """Number of functions, those that are parts and wholes twice."""
        return len(self._sizes)

    @property
    def n_done(self) -> int:
        """How many of them are compiled."""
        return len(self._done)

    def note(self, name: str, whole: bool) -> None:
        """Count a function as compiled; time counts from the first."""
        if self._began is None:
            self._began = time.perf_counter()
        if (name, whole) in self._sizes:
            self._done.add((name, whole))

    def finish(self) -> None:
        """Count all as compiled."""
        self._done = set(self._sizes)

    @property
    def share(self) -> float:
        """Part of the time that is over, about, from 0 to 1."""
        return sum(self._sizes[one] for one in self._done) / sum(self._sizes.values())

    def seconds_left(self) -> float | None:
        """Estimate of what is left; ``None`` before there is anything to go by."""
        share = self.share
        if share == 1.0:
            return 0.0
        if self._began is None or share < 0.05:
            return None
        return (time.perf_counter() - self._began) * (1.0 - share) / share


def name_of(function: Function) -> str:
    """Name of a function over all modules."""
    return f"{function.__module__}.{function.__qualname__}"


def roots_of_passes(kernel: Function) -> list[Function]:
    """Compiled functions that no other one calls, so that the interpreter must."""
    functions = [one.py_func for one in declared()]
    inner = {one for root in (*functions, kernel) for one in called(root)[1:]}
    return [one for one in functions if one not in inner]


def _length(function: Function) -> int:
    return len(function.__code__.co_code)


class CompilingProcess:
    """A process that compiles into the same folder and tells what it has done.

    Args:
        task: name of the function of `headwater.sddp.training.compilation` that it runs.
        folder: where compiled code goes.
        work: what it compiles.
    """

    def __init__(self, task: str, folder: Path, work: Work) -> None:
        self.work = work
        self._task = task
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._listener: threading.Thread | None = None
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._reports: SimpleQueue[str] = SimpleQueue()

    def __enter__(self) -> CompilingProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self.go_on("")
            self._process.wait()
        if self._listener is not None:
            self._listener.join()
        self._errors.close()

    def start(self) -> None:
        """Start it, if it has not been.

        Raises:
            OSError: it cannot be started.
        """
        if self._process is not None:
            return
        package = str(Path(__file__).parents[2])
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_RANK_VARIABLES)
        }
        environment[FOLDER_VARIABLE] = str(self._folder)
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, (package, os.environ.get("PYTHONPATH")))
        )
        program = f"from headwater.sddp.training.compilation import {self._task} as work; work()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=environment,
            encoding="utf-8", errors="replace",
        )  # fmt: skip
        assert self._process.stdout is not None
        self._listener = threading.Thread(
            target=self._listen, args=(self._process.stdout,), daemon=True
        )
        self._listener.start()

    def _listen(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._reports.put(line)

    def go_on(self, word: str = GO_ON) -> None:
        """Tell it that there is a kernel; without the word it ends."""
        if (
            self._process is not None
            and self._process.stdin is not None
            and not self._process.stdin.closed
        ):
            with contextlib.suppress(OSError):  # it may have ended
                self._process.stdin.write(word)
                self._process.stdin.flush()
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    @property
    def has_ended(self) -> bool:
        """Whether it has done its work.

        Raises:
            OSError: it failed.
        """
        if self._process is None or self._process.poll() is None:
            return False
        if self._process.returncode != 0:
            self._errors.seek(0)
            raise ChildProcessError(
                f"{self._task}: {self._errors.read()[-_ERROR_CHARACTERS:].strip()}"
            )
        self.work.finish()
        return True

    def look(self) -> None:
        """Count what it has done since."""
        while not self._reports.empty():
            name, _, whole = self._reports.get().rstrip("\n").rpartition(" ")
            self.work.note(name, whole == "1")


def counting(work: Work, then: Callable[[], None]) -> Callable[[Function, bool], None]:
    """Watcher of what this process compiles."""

    def watch(function: Function, whole: bool) -> None:
        work.note(name_of(function), whole)
        then()

    return watch
