"""Runs tests many times over, each time in a fork of one process that has imported what stays.

Importing the libraries takes longer than most tests. The process that is forked never imports
Headwater, so that each fork meets the sources that are there when it begins.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

LIBRARIES = (
    "numpy",
    "scipy.sparse",
    "scipy.special",
    "scipy.stats",
    "polars",
    "numba",
    "pydantic",
    "typer",
    "rich.progress",
    "psutil",
    "filelock",
    "flatbuffers",
    "pytest",
    "plotly.graph_objects",
    "jinja2",
    "inewave.newave",
    "openpyxl",
    "networkx",
    "pypsa",
)
"""What Headwater and its tests import; none of it has work under way after being imported."""

PATIENCE = 6.0
"""The machine may be busy with other things for so many times as long as with the tests."""


class ForkedTests:
    """A process that stands ready to be forked.

    Args:
        root: where tests run.
        environment: of the process; a run can add to it.
    """

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, words: list[str], environment: dict[str, str], seconds: float, seed: dict[str, Any]
    ) -> tuple[str, float, str]:
        """Run pytest with its arguments in a fork.

        Args:
            words: the arguments.
            environment: is set in the fork; ``PYTHONPATH`` goes to the front of `sys.path`.
            seconds: of processor time after which the fork ends; or `PATIENCE` times as many by
                the clock.
            seed: arguments of `put_code`, empty for none.

        Returns:
            The outcome, the seconds of processor time, and the first test that failed.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        task = {"words": words, "environment": environment, "seconds": seconds, "seed": seed}
        stdin.write(json.dumps(task) + "\n")
        stdin.flush()
        outcome, used, by = json.loads(stdout.readline())
        return str(outcome), float(used), str(by)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def put_code(clean: str, spoilt: list[str]) -> None:
    """Copy compiled code to where the sources that are imported now look for theirs.

    Args:
        clean: folder of code of the sources as they were.
        spoilt: names of modules whose code is another now.
    """
    from headwater.solver.compiled import code_cache, wanted_folder

    folder = wanted_folder()
    assert folder is not None
    place = folder / code_cache()._key
    place.mkdir(parents=True, exist_ok=True)
    for path in Path(clean).glob("*.code"):
        if path.name.split(".", 1)[0] not in spoilt:
            shutil.copy(path, place)
    if not spoilt:
        shutil.copy(Path(clean) / "complete.json", place)


def _in_fork(task: dict[str, Any], output: Path) -> None:
    """Run the tests; does not return."""
    os.setsid()
    for stream in (1, 2):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    code = 70
    try:
        os.environ.update(task["environment"])
        sys.path.insert(0, task["environment"]["PYTHONPATH"])
        limit = int(task["seconds"]) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        if task["seed"]:
            put_code(**task["seed"])
        import pytest

        code = int(pytest.main(task["words"]))
        sys.stdout.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _tried(task: dict[str, Any], output: Path) -> tuple[str, float, str]:
    output.write_text("")
    started = time.monotonic()
    process = os.fork()
    if not process:
        _in_fork(task, output)
    ended, status, usage = 0, 0, resource.getrusage(resource.RUSAGE_CHILDREN)
    before = usage.ru_utime + usage.ru_stime
    while not ended and time.monotonic() - started < PATIENCE * task["seconds"]:
        time.sleep(0.05)
        ended, status = os.waitpid(process, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)  # and all that the tests have started
    if not ended:
        os.waitpid(process, 0)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = usage.ru_utime + usage.ru_stime - before
    code = os.waitstatus_to_exitcode(status) if ended else -signal.SIGKILL
    if not ended or code == -signal.SIGXCPU:
        return "too long", used, f"more than {task['seconds']:.0f} s"
    failure = re.search(r"^(?:FAILED|ERROR) (\S+)", output.read_text(errors="replace"), re.M)
    by = failure.group(1) if failure else f"exit code {code}"
    return ("passed", used, "") if code == 0 else ("failed", used, by)


def main() -> None:
    """Take tasks, a JSON object a line, until there are no more."""
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        task = json.loads(line)
        output = Path(task["environment"]["HEADWATER_FORK_OUTPUT"])
        sys.stdout.write(json.dumps(_tried(task, output)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
