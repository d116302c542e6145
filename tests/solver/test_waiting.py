"""Threads of compiled code that wait for each other."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from headwater.solver.compiled import compiled
from headwater.solver.waiting_kernel import ABANDONED, seconds, wait_for_others


@compiled
def count_together(barrier, n_threads, rounds, worker, counts):
    """Rounds in which all threads had counted as far before the wait, -1 when somebody went on alone."""
    for done in range(rounds):
        counts[worker] += 1
        if not wait_for_others(barrier, n_threads):
            return done
        for other in range(n_threads):
            if counts[other] != done + 1:
                return -1
        if not wait_for_others(barrier, n_threads):
            return done
    return rounds


@compiled
def now(room):
    return seconds(room)


def run(n_threads: int, rounds: int, barrier: np.ndarray, absent: int = 0) -> list[int]:
    ended, counts = [-2] * n_threads, np.zeros(n_threads, np.int64)

    def work(worker: int) -> None:
        ended[worker] = count_together(barrier, n_threads, rounds, worker, counts)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(n_threads - absent)]
    for thread in threads:
        thread.start()
    if absent:
        time.sleep(0.05)
        barrier[ABANDONED] = 1
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return ended


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5])
def test_nobody_goes_on_before_all_have_come(n_threads: int):
    assert run(n_threads, 200, np.zeros(3, np.int64)) == [200] * n_threads


def test_who_waits_for_one_that_never_comes_is_let_go():
    assert run(3, 10, np.zeros(3, np.int64), absent=1) == [0, 0, -2]


def test_the_clock_is_the_one_of_the_interpreter():
    room = np.zeros(2, np.int64)
    now(room)  # compiled, if it was not
    for _ in range(3):
        before = time.monotonic()
        found = now(room)
        assert before - 1e-6 <= found <= time.monotonic() + 1e-6
