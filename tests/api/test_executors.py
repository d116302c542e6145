"""Simulations and sweeps are the same whoever carries them out, Dask's workers among them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.api.executors import n_workers

SCENARIOS = 250
"""Of three parts, so that more workers than parts and fewer both occur."""


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> hw.Policy:
    case = tiny_case(tmp_path_factory.mktemp("case") / "case").write()
    return hw.train(hw.load_case(case).with_(iterations=3), threads=1, progress=False)


@pytest.fixture(scope="module")
def alone(policy: hw.Policy) -> hw.Simulation:
    return hw.simulate(policy, n_scenarios=SCENARIOS, threads=1, progress=False)


def assert_same(one: hw.Simulation, other: hw.Simulation) -> None:
    """Every table, statistic and remark of two simulations."""
    assert repr(one) == repr(other)
    assert one.summary.total_cost.tobytes() == other.summary.total_cost.tobytes()
    assert one.record.warnings == other.record.warnings
    for name in ("hydros", "buses", "costs"):
        assert one.table(name).equals(other.table(name)), name


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_threads_simulate_what_one_process_does(
    workers: int, policy: hw.Policy, alone: hw.Simulation
):
    with ThreadPoolExecutor(workers) as executor:
        shared = hw.simulate(policy, n_scenarios=SCENARIOS, executor=executor, progress=False)
    assert_same(shared, alone)


def test_processes_simulate_what_one_process_does(policy: hw.Policy, alone: hw.Simulation):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        shared = hw.simulate(policy, n_scenarios=SCENARIOS, executor=executor, progress=False)
    assert_same(shared, alone)


def test_a_share_that_fails_ends_the_simulation_with_its_error(policy: hw.Policy):
    class Broken:
        """An executor whose calls fail."""

        def submit(self, function: Any, /, *arguments: Any) -> Future[Any]:
            made: Future[Any] = Future()
            made.set_exception(hw.SolverError("no bounds in stage 2"))
            return made

    with pytest.raises(hw.SolverError, match="no bounds in stage 2"):
        hw.simulate(policy, n_scenarios=SCENARIOS, executor=Broken(), progress=False)


def test_an_executor_that_does_not_tell_its_workers_gets_as_many_as_processors():
    class Silent:
        def submit(self, function: Any, /, *arguments: Any) -> Any:
            raise NotImplementedError

    assert n_workers(Silent()) == os.cpu_count()
    with ThreadPoolExecutor(3) as executor:
        assert n_workers(executor) == 3


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    )
    made = distributed.Client(cluster)
    yield made
    made.close()
    cluster.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_workers_of_dask_simulate_what_one_process_does(
    client: Any, policy: hw.Policy, alone: hw.Simulation
):
    shared = hw.simulate(
        policy, n_scenarios=SCENARIOS, executor=client.get_executor(), progress=False
    )
    assert_same(shared, alone)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_sweep_goes_on_when_a_worker_of_dask_is_killed(client: Any, tmp_path: Path):
    case = tiny_case(tmp_path / "case").write()
    options = {"load": [0.8, 0.9, 1.0, 1.1, 1.2, 1.3], "iterations": [6]}
    expected = hw.sweep(case, options, n_scenarios=20)

    pids = client.run(os.getpid)
    killed: list[int] = []

    def kill_a_busy_one() -> None:
        end = time.monotonic() + 60
        while not killed and time.monotonic() < end:
            busy = [address for address, tasks in client.processing().items() if tasks]
            if busy:
                killed.append(pids[busy[0]])
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.01)

    killer = threading.Thread(target=kill_a_busy_one)
    killer.start()
    found = hw.sweep(case, options, n_scenarios=20, executor=client.get_executor(pure=False))
    killer.join()
    assert killed
    assert found.frame().equals(expected.frame())
