"""Runs that are interrupted in every way go on to the bytes of one that nobody interrupted.

``HEADWATER_INTERRUPTIONS`` sets the number of interruptions, 6 by default;
``HEADWATER_INTERRUPTION_SEED`` which ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from case_builder import tiny_case
from interruptions import WAYS, Driver, Interruption, WrongError
from rank_processes import requires_mpi

NUMBER = int(os.environ.get("HEADWATER_INTERRUPTIONS", "6"))
SEED = int(os.environ.get("HEADWATER_INTERRUPTION_SEED", "1"))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Driver:
    return Driver(
        interrupted_case(tmp_path_factory.mktemp("case")), tmp_path_factory.mktemp("interrupted")
    )


def interrupted_case(root: Path) -> Path:
    """A case that writes a checkpoint after every iteration and many parts of a simulation."""
    case = tiny_case(root)
    case.training["stopping_rules"] = [{"type": "iteration_limit", "limit": 20}]
    case.training["forward_passes"] = 3
    config = case.files["config.json"]
    config["policy"] = {"checkpointing": {"enabled": True, "interval_iterations": 1, "keep": 2}}
    config["simulation"] = {"enabled": True, "num_scenarios": 250}
    return case.write()


@requires_mpi
def test_interrupted_runs_go_on_to_the_same_bytes(driver: Driver):
    for number in range(NUMBER):
        driver.try_one(Interruption.drawn(SEED, number, most_ranks=3))


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_drawn(way):
    drawn = [Interruption.drawn(SEED, number, most_ranks=3) for number in range(200)]
    assert {one.ranks for one in drawn if one.way == way} == {1, 2, 3}
    assert {one.command for one in drawn if one.way == way} == {"train", "run", "simulate"}


def test_a_resumed_run_that_differs_is_noticed(driver: Driver, monkeypatch):
    """The whole run is changed in one file: the comparison must tell."""
    facts = driver.whole("simulate")
    before = facts.read_text()
    facts.write_text(before.replace("simulation/metadata.json", "simulation/other.json"))
    try:
        with pytest.raises(WrongError, match="wrote something else"):
            driver.try_one(Interruption(9999, "simulate", 1, "KILL", 0.5))
    finally:
        facts.write_text(before)
