"""The channel between simulation and writer: bounded, in order, and honest about errors."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from headwater.results.part_channel import PartChannel
from headwater.sddp import SimulationChunk, SimulationPart
from synthetic_tables import moments_of, summary_of


def part(first: int, n: int) -> SimulationChunk:
    return SimulationChunk(
        first // n, SimulationPart(summary_of(np.ones(n), first), moments_of(n, 1)), {}
    )


def test_parts_are_written_in_order_by_one_thread():
    seen: list[int] = []
    threads: set[int] = set()

    def write(chunk: SimulationChunk) -> None:
        seen.append(chunk.first_scenario)
        threads.add(threading.get_ident())

    with PartChannel(write, 4) as channel:
        for first in range(0, 100, 2):
            channel.put(part(first, 2))
        channel.close()
    assert seen == list(range(0, 100, 2))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_a_slow_writer_holds_the_simulation_back():
    gate, begun = threading.Semaphore(0), threading.Event()

    def write(chunk: SimulationChunk) -> None:
        begun.set()
        gate.acquire()

    handed: list[int] = []
    channel = PartChannel(write, 6)

    def produce() -> None:
        for first in range(0, 60, 2):
            channel.put(part(first, 2))
            handed.append(first)

    producer = threading.Thread(target=produce)
    producer.start()
    assert begun.wait(10)
    time.sleep(0.2)
    assert len(handed) == 4  # one is being written, three parts of two scenarios wait
    for _ in range(30):
        gate.release()
    producer.join(10)
    channel.close()
    assert len(handed) == 30
    assert channel.most_waiting == 6


def test_a_part_larger_than_the_channel_passes_alone():
    seen: list[int] = []
    with PartChannel(lambda chunk: seen.append(chunk.first_scenario), 3) as channel:
        for first in (0, 100, 200):
            channel.put(part(first, 100))
        channel.close()
    assert seen == [0, 100, 200]
    assert channel.most_waiting == 100


def test_an_error_of_the_writer_reaches_whoever_waits():
    def write(chunk: SimulationChunk) -> None:
        raise OSError("disk full")

    channel = PartChannel(write, 2)

    def produce() -> None:
        for first in range(1000):
            channel.put(part(first, 1))

    with pytest.raises(OSError, match="disk full"):
        produce()
    with pytest.raises(OSError, match="disk full"):
        channel.close()


def test_an_abandoned_channel_drops_what_waits():
    seen: list[int] = []
    gate = threading.Semaphore(0)

    def write(chunk: SimulationChunk) -> None:
        gate.acquire()
        seen.append(chunk.first_scenario)

    with PartChannel(write, 5) as channel:
        for first in range(5):
            channel.put(part(first, 1))
        gate.release()
        gate.release()
    assert seen == list(range(len(seen)))
    assert len(seen) < 3
