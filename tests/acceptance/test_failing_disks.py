"""Runs on disks that crash or fail.

What is left can be read, and a resumed run writes what an undisturbed one does.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

import headwater as hw
from case_builder import tiny_case
from crashing_disk import failing, put, watched
from kill_driver import differences, look_at, write_facts

CRASHES, FAILURES = 12, 12
"""Moments of each kind that are tried, spread over the run; other moments with another `SHIFT`."""

SHIFT = 0


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tiny_case(tmp_path_factory.mktemp("disk") / "case")
    made.training["stopping_rules"] = [{"type": "iteration_limit", "limit": 2}]
    made.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 3}
    made.files["config.json"]["policy"] = {
        "checkpointing": {"enabled": True, "interval_iterations": 1, "keep": 2}
    }
    return made.write()


@pytest.fixture(scope="module")
def whole(case: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an undisturbed run writes."""
    root = tmp_path_factory.mktemp("whole")
    hw.run(case, root / "out", threads=1)
    write_facts(root / "out", root / "facts.json")
    return root / "facts.json"


def check_resumed(case: Path, out: Path, whole: Path) -> None:
    look_at(out)
    hw.run(case, out, threads=1, resume=True)
    write_facts(out, out.with_name("facts.json"))
    assert differences(whole, out.with_name("facts.json")) == []
    assert not list(out.rglob("*.tmp-*"))


def spread(total: int, number: int) -> list[int]:
    step = max(1, total // number)
    return list(range(SHIFT % step, total, step))


def test_a_run_goes_on_after_a_crash_of_the_machine(case: Path, whole: Path, tmp_path: Path):
    with watched(tmp_path / "out") as disk:
        hw.run(case, tmp_path / "out", threads=1)
    assert len(disk.images) > 100
    last = range(len(disk.images) - 4, len(disk.images))
    for number in (*spread(len(disk.images), CRASHES), *last):
        check_resumed(case, put(disk.images[number], tmp_path / "crashed" / "out"), whole)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_run_goes_on_after_a_disk_that_failed(
    error: int, case: Path, whole: Path, tmp_path: Path
):
    with failing(-1, error) as done:
        hw.run(case, tmp_path / "count", threads=1)
    for number in spread(len(done), FAILURES):
        out = tmp_path / str(number) / "out"
        exit_code = 0
        with failing(number, error):
            try:
                hw.run(case, out, threads=1)
            except hw.HeadwaterError as refused:
                exit_code = refused.exit_code
        assert exit_code in (0, 2)
        check_resumed(case, out, whole)
