"""One run at a time writes to a directory, whatever happens to the one before."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import pytest

import headwater as hw
from headwater.errors import InUseError, ResultsError
from headwater.results.run_lock import HOLDER, LOCK, RunLock
from headwater.sddp import events
from trained_policies import small_study, trained

HOLD = """
import sys
from pathlib import Path
from headwater.results.run_lock import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another_process(directory: Path) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", HOLD, str(directory)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_directory_that_another_process_writes_to_is_refused_with_its_name(tmp_path: Path):
    with held_by_another_process(tmp_path) as process:
        with pytest.raises(InUseError) as caught, RunLock(tmp_path):
            pass
        text = str(caught.value)
        assert str(tmp_path) in text
        assert f"process {process.pid} on {socket.gethostname()} (since 20" in text
        assert caught.value.exit_code == 6
    with RunLock(tmp_path):  # the record of a killed process is left and says nothing
        assert json.loads((tmp_path / HOLDER).read_text())["process"] == os.getpid()
    assert names(tmp_path) == []


def test_two_threads_of_a_process_do_not_share_a_directory(tmp_path: Path):
    refused: list[BaseException] = []

    def claim() -> None:
        try:
            with RunLock(tmp_path):
                pass
        except InUseError as error:
            refused.append(error)

    with RunLock(tmp_path):
        thread = threading.Thread(target=claim)
        thread.start()
        thread.join()
    assert len(refused) == 1
    claim()
    assert len(refused) == 1


def test_a_lock_leaves_nothing_and_a_directory_that_it_made_only_if_something_was_written(
    tmp_path: Path,
):
    with RunLock(tmp_path / "new" / "out"):
        assert names(tmp_path / "new" / "out") == [LOCK, HOLDER]
    assert names(tmp_path / "new") == []
    with RunLock(tmp_path / "out"):
        (tmp_path / "out" / "x").touch()
    assert names(tmp_path / "out") == ["x"]


def test_many_processes_that_come_and_go_never_hold_a_directory_together(tmp_path: Path):
    """Each one that has the lock makes a file that must not be there, and takes it away."""
    program = """
import sys, time
from pathlib import Path
from headwater.errors import InUseError
from headwater.results.run_lock import RunLock
directory, n_held, until = Path(sys.argv[1]), 0, time.monotonic() + 3
while time.monotonic() < until:
    try:
        with RunLock(directory):
            (directory / "alone").open("x").close()
            n_held += 1
            (directory / "alone").unlink()
    except InUseError:
        pass
assert n_held > 3, n_held
"""
    words = [sys.executable, "-c", program, str(tmp_path)]
    processes = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that knows no locks."""

    def acquire(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)


def record(directory: Path, **fields: object) -> None:
    known = {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "started_at": "2026-01-01T00:00:00+00:00",
        "command": "x",
    }
    (directory / HOLDER).write_text(json.dumps({**known, **fields}))


@pytest.mark.usefixtures("no_locks")
def test_without_locks_of_the_system_the_record_is_the_lock(tmp_path: Path):
    with (
        RunLock(tmp_path),
        pytest.raises(InUseError, match=f"process {os.getpid()}"),
        RunLock(tmp_path),
    ):
        pass
    assert names(tmp_path) == []
    record(tmp_path, host="elsewhere", process=7)
    with (
        pytest.raises(
            InUseError, match=rf"process 7 on elsewhere .* If that run is over, remove .*{HOLDER}"
        ),
        RunLock(tmp_path),
    ):
        pass
    assert HOLDER in names(tmp_path)
    record(tmp_path, process=2**22 + 1)
    with RunLock(tmp_path):
        assert json.loads((tmp_path / HOLDER).read_text())["process"] == os.getpid()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"process": "x"}'])
def test_a_record_that_cannot_be_read_does_no_harm(content: str, tmp_path: Path):
    (tmp_path / HOLDER).write_text(content)
    with RunLock(tmp_path):
        (tmp_path / HOLDER).write_text(content)
        with pytest.raises(InUseError, match="is writing there"), RunLock(tmp_path):
            pass


def test_a_directory_that_cannot_be_made_is_an_error_of_results(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match="file"), RunLock(tmp_path / "file" / "out"):
        pass


def test_saving_a_policy_waits_for_nobody_and_breaks_into_no_training(tmp_path: Path):
    seen = []

    def save_meanwhile(event: events.Event) -> None:
        if isinstance(event, events.IterationFinished) and not seen:
            with pytest.raises(InUseError):
                hw.save_policy(trained(), tmp_path / "policy")
            seen.append(names(tmp_path / "policy"))

    hw.train(small_study(), threads=1, checkpoints=tmp_path / "policy", on_event=save_meanwhile)
    assert seen == [[LOCK, HOLDER]]
    hw.save_policy(trained(), tmp_path / "policy")
    assert hw.load_policy(tmp_path / "policy").n_iterations == trained().n_iterations
