"""Sharing out work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.distributed import (
    Communicator,
    Interrupted,
    ThreadTeam,
    blocks,
    choose_threads,
    granted_threads,
    is_known_to_all,
    signals,
    stop_on_signals,
)
from headwater.distributed.communicator import KNOWN_TO_ALL
from headwater.errors import UsageError


@given(st.integers(0, 200), st.integers(1, 40))
def test_blocks_are_contiguous_even_and_complete(total: int, parts: int):
    shares = blocks(total, parts)
    assert [i for share in shares for i in share] == list(range(total))
    assert len(shares) == parts
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_back_in_worker_order(workers: int):
    with ThreadTeam(workers) as team:
        assert [
            i for part in team.run(lambda _, items: list(items), range(7)) for i in part
        ] == list(range(7))


def test_the_error_of_the_lowest_worker_is_raised_after_all_have_ended():
    ended = []

    def task(worker: int, _items: range) -> None:
        ended.append(worker)
        raise ValueError(f"worker {worker}")

    with ThreadTeam(3) as team, pytest.raises(ValueError, match="worker 0"):
        team.run(task, range(3))
    assert sorted(ended) == [0, 1, 2]


def test_the_callers_number_of_threads_wins_over_environment_and_configuration(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("HEADWATER_THREADS", "5")
    assert choose_threads(3, 2) == 3
    assert choose_threads(None, 2) == 5
    monkeypatch.delenv("HEADWATER_THREADS")
    assert choose_threads(None, 2) == 2
    assert choose_threads(None) == granted_threads()


def test_a_number_of_threads_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UsageError, match="at least 1"):
        choose_threads(0)
    for text in ("many", "²", "-1", "", "1.5"):
        monkeypatch.setenv("HEADWATER_THREADS", text)
        with pytest.raises(UsageError, match="HEADWATER_THREADS"):
            choose_threads(None)
    for text in ("100000000000000000000", "9" * 5000, "4097"):
        monkeypatch.setenv("HEADWATER_THREADS", text)
        with pytest.raises(UsageError, match="at most 4096"):
            choose_threads(None)


def test_threads_that_the_system_does_not_grant_are_a_sentence(monkeypatch: pytest.MonkeyPatch):
    real, started = threading.Thread.start, []

    def start(thread: threading.Thread) -> None:
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(UsageError, match="grants no 9 threads, only 4"):
        ThreadTeam(9)
    assert not any(thread.is_alive() for thread in started)


def test_the_first_interrupt_asks_and_the_second_insists():
    before = signal.getsignal(signal.SIGINT)
    with stop_on_signals() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        assert stop.signal_number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_rank_takes_two_interrupts_in_a_row_for_one(monkeypatch: pytest.MonkeyPatch):
    ranks = Communicator()
    ranks.size = 2
    monkeypatch.setattr(signals, "known_communicator", lambda: ranks)
    clock = [100.0]
    monkeypatch.setattr(signals, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    with stop_on_signals() as stop:
        for clock[0] in (100.0, 100.0 + 0.9 * signals.ONE_CTRL_C_SECONDS):
            os.kill(os.getpid(), signal.SIGINT)
            assert stop()
        clock[0] = 100.0 + signals.ONE_CTRL_C_SECONDS
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_that_comes_while_another_is_handled_waits_for_nothing():
    """One arrives at every line of the handler of the one before."""
    program = """
import signal, sys
from headwater.distributed import stop_on_signals

left = 40

def again(frame, event, argument):
    global left
    if "signals.py" in frame.f_code.co_filename or "threading.py" in frame.f_code.co_filename:
        if event == "line" and left:
            left -= 1
            signal.raise_signal(signal.SIGTERM)
        return again

with stop_on_signals() as stop:
    sys.settrace(again)
    signal.raise_signal(signal.SIGTERM)
    sys.settrace(None)
    assert stop(), left
    assert left < 40
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_an_interrupt_that_insists_is_known_to_no_other_rank():
    stopped = Interrupted()
    setattr(stopped, KNOWN_TO_ALL, True)
    insisting = KeyboardInterrupt()
    insisting.__context__ = stopped
    assert is_known_to_all(stopped)
    assert not is_known_to_all(insisting)


def test_few_items_are_not_worth_a_thread_each():
    with ThreadTeam(3) as team:
        assert team.run(lambda worker, items: (worker, list(items)), range(5), least=4) == [
            (0, [0, 1, 2, 3, 4])
        ]
        assert team.run(lambda worker, items: (worker, list(items)), range(5), least=2) == [
            (0, [0, 1, 2]),
            (1, [3, 4]),
        ]
        assert len(team.run(lambda worker, items: list(items), range(5))) == 3


BUSY = """
import ctypes, os, signal, threading, time
from headwater.distributed import stop_on_signals

library = ctypes.CDLL(None)
with stop_on_signals():
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    # one call that signals do not cut short, as compiled code is one
    # a handler of Python waits for its end
    library.pthread_mutex_lock(locked := ctypes.create_string_buffer(64))
    threading.Timer(3.0, lambda: library.pthread_mutex_unlock(locked)).start()
    library.pthread_mutex_lock(locked)
"""


def test_an_interrupt_is_answered_at_once_while_compiled_code_runs():
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        answer = process.stderr.readline() + process.stderr.readline()
        answered = time.monotonic()
        process.wait(60)
        assert time.monotonic() - answered > 1.5
    assert "stopping at the next safe point" in answer
