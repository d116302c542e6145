"""What Windows and macOS do not have is not needed, as far as this can be told on
the system of the tests.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import headwater
from case_builder import tiny_case

PACKAGE = Path(headwater.__file__).parent

HIDDEN_MODULES = (
    "fcntl",
    "resource",
    "pwd",
    "grp",
    "termios",
    "tty",
    "pty",
    "posix",
    "syslog",
    "readline",
)
HIDDEN_NAMES = {
    "os": (
        *(
            "fork",
            "getuid",
            "geteuid",
            "getgid",
            "getpgid",
            "getpgrp",
            "setsid",
            "killpg",
            "nice",
            "uname",
            "getloadavg",
        ),
        *(
            "sysconf",
            "sched_getaffinity",
            "sched_setaffinity",
            "mkfifo",
            "chown",
            "statvfs",
            "pread",
            "pwrite",
        ),
        *("O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "posix_fallocate", "openpty", "fchmod"),
    ),
    "time": ("CLOCK_MONOTONIC", "clock_gettime", "clock_getres", "tzset"),
    "signal": (
        "SIGHUP",
        "SIGKILL",
        "SIGALRM",
        "SIGUSR1",
        "SIGUSR2",
        "SIGCHLD",
        "SIGQUIT",
        "SIGPIPE",
        "alarm",
        "pthread_sigmask",
    ),
}
"""What Windows lacks of modules that every system has."""

PROGRAM = f"""
import importlib, os, pkgutil, signal, sys, time, warnings
# these ask which system they are on, and take another way there
import filelock, highsbox, llvmlite, numba, numpy, polars, psutil, pydantic, rich.console
import scipy.optimize, scipy.stats, typer
import asyncio, concurrent.futures, multiprocessing, shutil, socket, subprocess, tempfile

for name in {HIDDEN_MODULES!r}:
    sys.modules[name] = None
for module, names in {HIDDEN_NAMES!r}.items():
    for name in names:
        if hasattr(sys.modules[module], name):
            delattr(sys.modules[module], name)
# text in the system's encoding is another text on another system
warnings.filterwarnings("error", category=EncodingWarning, module=r"headwater\\.")

import headwater as hw

for found in pkgutil.walk_packages(hw.__path__, "headwater."):
    # these two start MPI, which is its own business
    if found.name not in (
        "headwater.__main__", "headwater.distributed.mpi", "headwater.distributed.node_memory"
    ):
        importlib.import_module(found.name)

case, out = sys.argv[1:]
hw.run(case, out)
assert hw.load_results(out).table("hydros").height
hw.load_policy(out + "/policy")
from headwater.sddp.training.recording import peak_memory_mb
assert peak_memory_mb() > 50
"""


@pytest.fixture(scope="module")
def case_and_output(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A case with all that a run may write, and where it wrote it without
    what only some systems have.
    """
    root = tmp_path_factory.mktemp("elsewhere")
    case = tiny_case(root / "case")
    case.training["stopping_rules"] = [{"type": "iteration_limit", "limit": 3}]
    case.files["config.json"]["simulation"] = {"enabled": True, "num_scenarios": 4}
    case.files["config.json"]["exports"] = {"states": True, "stochastic": True}
    case.write()
    words = [
        sys.executable,
        "-X",
        "warn_default_encoding",
        "-c",
        PROGRAM,
        str(case.root),
        str(root / "out"),
    ]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"}
    )
    assert done.returncode == 0, done.stderr
    return case.root, root / "out"


def test_every_module_is_imported_and_a_case_runs_without_what_only_some_systems_have(
    case_and_output: tuple[Path, Path],
):
    assert (case_and_output[1] / "simulation" / "_SUCCESS").is_file()


RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]|[ .]$')


def test_all_that_is_written_has_names_that_every_file_system_takes(
    case_and_output: tuple[Path, Path],
):
    names = [path.relative_to(case_and_output[1]) for path in case_and_output[1].rglob("*")]
    assert len(names) > 30
    for name in names:
        for part in name.parts:
            assert not RESERVED.fullmatch(part), name
            assert not FORBIDDEN.search(part), name
            assert part.isascii(), name
        # Windows allows 260 characters for the whole, the output directory included
        assert len(str(name)) <= 130, name
    assert len({str(name).lower() for name in names}) == len(names)


def test_the_files_of_the_package_and_its_starters_have_such_names_too(tmp_path: Path):
    headwater.case.write_starter(tmp_path / "starter", "cascade-fpha")
    for root in (PACKAGE, tmp_path / "starter"):
        for path in root.rglob("*"):
            assert not RESERVED.fullmatch(path.name), path
            assert not FORBIDDEN.search(path.name), path


def written_texts(source: str) -> list[ast.Call]:
    """Calls that write text and leave line ends or encoding to the system."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        modes = [
            a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
        ]
        ours = (
            isinstance(node.func, ast.Name)
            or getattr(getattr(node.func, "value", None), "id", "") == "files"
        )
        writes = (name == "write_text" and not ours) or (
            name == "open" and any(re.fullmatch(r"[wax]\+?t?|r\+", mode) for mode in modes)
        )
        if writes and not {"encoding", "newline"} <= {keyword.arg for keyword in node.keywords}:
            found.append(node)
    return found


def test_texts_have_the_same_bytes_on_every_system():
    assert written_texts("path.write_text(a, encoding='utf-8')")
    assert written_texts("open(path, 'w')")
    assert not written_texts(
        "path.write_text(a, encoding='utf-8', newline='\\n'); path.open('rb'); "
        "files.write_text(p, a)"
    )
    for path in sorted(PACKAGE.rglob("*.py")):
        assert [
            f"{path.name}:{call.lineno}" for call in written_texts(path.read_text(encoding="utf-8"))
        ] == []


def encodings_left_open(source: str) -> list[int]:
    """Lines that exchange text with another process in the encoding of the system."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        call.lineno
        for call in calls
        if {"text", "universal_newlines"} & {one.arg for one in call.keywords}
    ]


def test_processes_exchange_text_in_an_encoding_that_is_said():
    assert encodings_left_open("subprocess.run(words, text=True)")
    assert not encodings_left_open("subprocess.run(words, encoding='utf-8')")
    for path in sorted(PACKAGE.rglob("*.py")):
        assert [
            f"{path.name}:{line}" for line in encodings_left_open(path.read_text(encoding="utf-8"))
        ] == []
