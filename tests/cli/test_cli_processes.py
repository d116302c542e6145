"""The command line as processes: signals, pipes, terminals."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import headwater as hw
from case_builder import TinyCase, tiny_case
from headwater.results import TIMING_COLUMNS
from same_results import contents

HEADWATER = [sys.executable, "-m", "headwater"]
PATIENCE = 120.0
"""Seconds to wait for a process that compiles its loops first."""


def case_with(root: Path, iterations: int = 5, n_scenarios: int = 4) -> TinyCase:
    case = tiny_case(root)
    case.training["stopping_rules"] = [{"type": "iteration_limit", "limit": iterations}]
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": n_scenarios}
    case.write()
    return case


@contextmanager
def started(
    *arguments: object, command: list[str] | None = None, **options: object
) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the test."""
    words = [*(command or HEADWATER), *(str(a) for a in arguments)]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )  # type: ignore[call-overload]
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def wait_for(process: subprocess.Popen[str], beginning: str) -> str:
    """Read standard error until a line begins so."""
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        seen += line
        if line.startswith(beginning):
            return seen
    raise AssertionError(f"the process ended before '{beginning}':\n{seen}")


def test_version():
    done = subprocess.run(
        [*HEADWATER, "--version"], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith(f"headwater {hw.__version__} (HiGHS ")
    assert done.stderr == ""


def test_a_signal_during_a_long_training_keeps_what_was_learned(tmp_path: Path):
    case = case_with(tmp_path / "case", iterations=1_000_000)
    outs = {
        number: tmp_path / number.name for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    with contextlib.ExitStack() as stack:
        running = {
            number: stack.enter_context(started("run", case.root, "-o", out, "-j", 2))
            for number, out in outs.items()
        }
        for process in running.values():
            wait_for(process, "iteration 1/1000000")
        time.sleep(0.5)
        for number, process in running.items():
            sent = time.monotonic()
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=PATIENCE)
            assert time.monotonic() - sent < 20
            assert process.returncode == 75, stderr
            assert "Traceback" not in stderr
            assert "stopping at the next safe point" in stderr
            assert "interrupted" in stderr
            assert "stopped" in stdout
    loaded = hw.load_case(case.root)
    for out in outs.values():
        results, policy = hw.load_results(out), hw.load_policy(out / "policy")
        assert not results.has_simulation
        assert results.training_metadata["status"] == "interrupted"
        assert results.convergence.height == policy.n_iterations > 1
        assert results.convergence["lower_bound"][-1] == policy.lower_bound
        assert "fallback" not in policy.provenance
        assert not [path for path in out.rglob("*") if ".tmp-" in path.name]
        hw.api.run_simulation(loaded, policy, out, threads=1)
        assert hw.load_results(out).summary.height == 4


def test_a_second_run_in_the_same_directory_ends_at_once_and_changes_nothing(tmp_path: Path):
    case, other = case_with(tmp_path / "case", iterations=1_000_000), case_with(tmp_path / "other")
    policy, out = tmp_path / "policy", tmp_path / "out"
    hw.save_policy(hw.train(hw.load_case(other.root)), policy)
    with started("run", case.root, "-o", out) as process:
        wait_for(process, "iteration 1/")
        before = sorted(path.relative_to(out).as_posix() for path in out.rglob("*"))
        commands = (
            ("run", other.root),
            ("train", other.root),
            ("simulate", other.root, "--policy", policy),
        )
        for words in commands:
            second = subprocess.run(
                [*HEADWATER, *map(str, words), "-o", str(out)],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            assert second.returncode == 6, second.stderr
            said = " ".join(second.stderr.split())
            assert (
                f"{out} is in use: process {process.pid} on {socket.gethostname()} (since 20"
                in said
            )
            assert second.stdout == ""
        assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*")) == before
        process.kill()
    done = subprocess.run(
        [*HEADWATER, "run", str(other.root), "-o", str(out)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(out.rglob(".lock*"))


SLOW_WRITER = """
import sys, time
import headwater.api.training
from headwater.cli import main

def write_policy(policy, directory, keep):
    print("writing", file=sys.stderr, flush=True)
    time.sleep(60)

headwater.api.training.write_policy = write_policy
sys.argv[0] = "headwater"
main()
"""


def test_a_second_interrupt_ends_at_once_and_earlier_files_stay(tmp_path: Path):
    case = case_with(tmp_path / "case", iterations=1_000_000)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "earlier").write_text("x")
    with started(
        "run", case.root, "-o", tmp_path / "out", command=[sys.executable, "-c", SLOW_WRITER]
    ) as process:
        wait_for(process, "iteration 1/")
        process.send_signal(signal.SIGINT)
        wait_for(process, "writing")
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE)
        assert time.monotonic() - sent < 20
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "earlier",
        "logs",
        "training.partial",
    ]


def test_a_closed_pipe_is_no_error(tmp_path: Path):
    """A report longer than a pipe holds, of which only the first line is read."""
    case = case_with(tmp_path / "case")
    thermal = case.thermals[0]
    case.files["system/thermals.json"]["thermals"] = [
        {**thermal, "id": i, "name": "x" * 4000, f"{'y' * 4000}{i}": 1} for i in range(60)
    ]
    case.write()
    with contextlib.ExitStack() as stack:
        shells = {
            first: stack.enter_context(
                started(
                    f"'{sys.executable}' -m headwater validate "
                    f"'{case.root}' --format {form} | head -1",
                    command=["sh", "-c"],
                )
            )
            for form, first in (("human", "case: "), ("json", "{\n"))
        }
        for first, shell in shells.items():
            stdout, stderr = shell.communicate(timeout=PATIENCE)
            assert stdout.startswith(first)
            assert (stdout.count("\n"), stderr, shell.returncode) == (1, "", 0)


def test_a_run_goes_on_when_nobody_reads_its_progress(tmp_path: Path):
    case = case_with(tmp_path / "case", n_scenarios=250)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*HEADWATER, "run", str(case.root), "-o", str(tmp_path / "out")],
        stdout=writing,
        stderr=writing,
        timeout=PATIENCE,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 0
    assert hw.load_results(tmp_path / "out").summary.height == 250


def on_a_terminal(arguments: list[object], **environment: str) -> tuple[int, str]:
    """Run with a pseudo-terminal as standard output and error; exit code and what was shown."""
    master, slave = pty.openpty()
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    }
    process = subprocess.Popen(
        [*HEADWATER, *(str(a) for a in arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**variables, "TERM": "xterm-256color", **environment},
    )
    os.close(slave)
    shown, deadline = b"", time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            if select.select([master], [], [], 0.2)[0]:
                try:
                    piece = os.read(master, 65536)
                except OSError:
                    break
                if not piece:
                    break
                shown += piece
            elif process.poll() is not None:
                break
        return process.wait(timeout=5), shown.decode()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
        os.close(master)


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The same case run in two processes, with one thread in colour and with two without.

    Directory and what was shown.
    """
    root = tmp_path_factory.mktemp("terminal")
    case = case_with(root / "case", iterations=20, n_scenarios=120)
    shown = []
    for threads, environment in ((1, {}), (2, {"NO_COLOR": "1"})):
        code, text = on_a_terminal(
            ["run", case.root, "-o", root / str(threads), "-j", threads], **environment
        )
        assert code == 0, text
        shown.append(text)
    return root, shown


COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-7]|38|9[0-7])\b[0-9;]*m")


def test_a_terminal_sees_live_progress_in_colour_unless_it_asks_for_none(
    two_runs: tuple[Path, list[str]],
):
    in_colour, plain = two_runs[1]
    for shown in (in_colour, plain):
        assert "20/20 iterations" in shown
        assert "120/120 scenarios" in shown
        assert "\x1b[?25l" in shown  # the cursor is hidden ...
        assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # ... and comes back
    assert COLOUR.search(in_colour)
    assert not COLOUR.search(plain)


def test_two_processes_with_other_threads_write_the_same_bytes(two_runs: tuple[Path, list[str]]):
    """What a process happens to have in memory must not reach the files."""
    written = []
    for threads in ("1", "2"):
        out = two_runs[0] / threads
        written.append(
            contents(out, "policy/*/cuts/*", "simulation/**/*.parquet", "*/dictionaries/*")
        )
    assert written[0] == written[1]
    assert len(written[0]) > 12
    traces = [
        hw.load_results(two_runs[0] / threads).convergence.drop(TIMING_COLUMNS)
        for threads in ("1", "2")
    ]
    assert traces[0].equals(traces[1])


SHELLS = {
    "progress goes to a pipe that nobody reads": ("2>&1 >/dev/null | head -0", 0),
    "progress and answer go to a pipe that nobody reads": ("2>&1 | head -0", 0),
    "progress goes to a full disk": ("2>/dev/full", 0),
    "standard error is closed": ("2>&-", 0),
    "standard input is closed": ("<&-", 0),
    "the answer goes to a full disk": (">/dev/full", 2),
    "progress and answer go to a full disk": (">/dev/full 2>&1", 2),
    "standard output is closed": (">&-", 2),
    "everything is closed": ("<&- >&- 2>&-", 2),
}


def test_a_run_is_complete_wherever_its_words_go(tmp_path: Path):
    """Progress never ends a run; an answer that is lost is said by the exit code.

    For people and for programs in turn.
    """
    case = case_with(tmp_path / "case", n_scenarios=150)
    codes = {}
    for number, (what, (redirection, _)) in enumerate(SHELLS.items()):
        words = (
            f"--output-format {('human', 'jsonl')[number % 2]} run '{case.root}' -o "
            f"'{tmp_path / str(number)}' {redirection}"
        )
        shell = ["bash", "-c", f"set -o pipefail; '{sys.executable}' -m headwater {words}"]
        codes[what] = subprocess.run(
            shell, capture_output=True, timeout=PATIENCE, check=False
        ).returncode
    assert codes == {what: code for what, (_, code) in SHELLS.items()}
    expected = contents(tmp_path / "0", "policy/*/cuts/*", "simulation/**/*.parquet")
    assert len(expected) > 5
    for number in range(1, len(SHELLS)):
        assert (
            contents(tmp_path / str(number), "policy/*/cuts/*", "simulation/**/*.parquet")
            == expected
        )


@pytest.mark.parametrize(
    ("words", "redirection", "code"),
    [
        (["--version"], ">/dev/full", 2),
        (["--version"], ">&-", 2),
        (["--help"], ">/dev/full", 2),
        (["validate", "CASE"], ">/dev/full", 2),
        (["validate", "CASE", "--format", "json"], ">/dev/full", 2),
        (["validate", "nowhere"], ">/dev/full", 1),
        (["schema"], ">&-", 2),
        (["schema"], "| head -0", 0),
        (["schema"], "| head -1", 0),
        (["run", "nowhere"], "2>&-", 1),
        (["no-such-command"], "2>/dev/full", 64),
    ],
)
def test_an_answer_that_is_lost_is_an_error_and_a_reader_that_leaves_is_none(
    words: list[str], redirection: str, code: int, tmp_path: Path
):
    case = case_with(tmp_path / "case")
    chosen = " ".join(f"'{case.root if word == 'CASE' else word}'" for word in words)
    shell = f"set -o pipefail; '{sys.executable}' -m headwater {chosen} {redirection}"
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if code == 2:
        assert "the answer was not written to standard output" in done.stderr


@pytest.mark.parametrize("megabytes", [600, 900, 1200, 1500])
def test_a_tight_limit_of_memory_is_named_before_libraries_abort(megabytes: int, tmp_path: Path):
    case = case_with(tmp_path / "case")
    shell = (
        f"ulimit -v {megabytes * 1024}; exec '{sys.executable}' -m headwater run '{case.root}' -o "
        f"'{tmp_path / 'out'}'"
    )
    # what libraries do then is their own business: they abort, fail, or wait for ever for memory
    with subprocess.Popen(
        ["bash", "-c", shell], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        process.kill()
    assert f"limited to {megabytes:,} MB (ulimit -v)" in told
