"""Threads of compiled code that wait for each other."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
import threading
import time
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from headwater.solver import system_functions, waiting_kernel
from headwater.solver.compiled import compiled, plain, private
from headwater.solver.waiting_kernel import add, load, seconds, wait_a_little


@compiled
def wait_for(numbers, total):
    """Wait until threads have added up to a total."""
    looked = plain(0)
    while load(numbers, 0) < total:
        looked = wait_a_little(looked)


@compiled
def count_together(numbers, n_threads, rounds, worker, counts):
    """Rounds in which all threads had counted as far before the wait, -1 when somebody went on."""
    for done in range(rounds):
        counts[worker] += 1
        add(numbers, 0, 1)
        wait_for(numbers, n_threads * (2 * done + 1))
        for other in range(n_threads):
            if counts[other] != done + 1:
                return -1
        add(numbers, 0, 1)
        wait_for(numbers, n_threads * (2 * done + 2))
    return rounds


@compiled
def now(room):
    return seconds(room)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5])
def test_nobody_goes_on_before_all_have_come(n_threads: int):
    ended, counts, numbers = [-2] * n_threads, np.zeros(n_threads, np.int64), np.zeros(1, np.int64)

    def work(worker: int) -> None:
        ended[worker] = count_together(numbers, n_threads, 200, worker, counts)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert ended == [200] * n_threads


def test_the_clock_is_the_one_of_the_interpreter():
    room = np.zeros(2, np.int64)
    now(room)  # compiled, if it was not
    for _ in range(3):
        before = time.monotonic()
        found = now(room)
        assert before - 1e-6 <= found <= time.monotonic() + 1e-6


# --- Windows, which these tests do not run on


def as_on(platform: str, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module as it is imported on another system.

    ``monkeypatch`` makes it the one that others import.
    """
    monkeypatch.setattr(sys, "platform", platform)
    assert module.__file__ is not None
    spec = importlib.util.spec_from_file_location(
        f"on_{platform}_{module.__name__.rsplit('.', 1)[-1]}", module.__file__
    )
    assert spec is not None
    assert spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    monkeypatch.setitem(sys.modules, module.__name__, fresh)
    return fresh


@pytest.mark.parametrize(
    ("platform", "names"),
    [
        ("win32", ("_windows_seconds", "SwitchToThread", "Sleep")),
        ("linux", ("_posix_seconds", "sched_yield", "usleep")),
        ("darwin", ("_posix_seconds", "sched_yield", "usleep")),
    ],
)
def test_every_system_has_a_clock_and_ways_to_wait(
    platform: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    functions = as_on(platform, system_functions, monkeypatch)
    waiting = as_on(platform, waiting_kernel, monkeypatch)
    assert (waiting.seconds.__name__, functions.LET_OTHERS_RUN, functions.NAP) == names


def test_windows_needs_no_posix_clock(monkeypatch: pytest.MonkeyPatch):
    assert system_functions.POSIX_CLOCK == time.CLOCK_MONOTONIC
    monkeypatch.delattr(time, "CLOCK_MONOTONIC")
    assert as_on("win32", waiting_kernel, monkeypatch).seconds.__name__ == "_windows_seconds"


def test_functions_of_windows_are_found_in_its_kernel_library(monkeypatch: pytest.MonkeyPatch):
    assert system_functions.addresses() == {}
    called = ctypes.CFUNCTYPE(ctypes.c_int)
    library = {name: called(lambda: 0) for name in system_functions._OF_WINDOWS}
    monkeypatch.setattr(
        ctypes, "windll", SimpleNamespace(kernel32=SimpleNamespace(**library)), raising=False
    )
    monkeypatch.setattr(sys, "platform", "win32")
    found = system_functions.addresses()
    assert found == {
        name: ctypes.cast(function, ctypes.c_void_p).value for name, function in library.items()
    }


def test_the_clock_of_windows_is_counts_over_their_frequency(monkeypatch: pytest.MonkeyPatch):
    """The function for Windows is compiled here and calls stand-ins of its library.

    25 million counts, 10 million a second.
    """

    def stand_in(value: int) -> ctypes._CFuncPtr:
        def write(place: int) -> int:
            ctypes.c_int64.from_address(place).value = value
            return 1

        return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(write)

    kept = {
        "QueryPerformanceCounter": stand_in(25_000_000),
        "QueryPerformanceFrequency": stand_in(10_000_000),
    }
    for name, function in kept.items():
        private().add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value or 0)
    with monkeypatch.context() as elsewhere:
        clock = as_on("win32", waiting_kernel, elsewhere).seconds
    assert clock(np.zeros(2, np.int64)) == 2.5
