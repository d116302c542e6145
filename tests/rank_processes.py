"""Starting tests' own programs and the command line as several ranks."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

MPIEXEC = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
PROGRAMS = Path(__file__).with_name("rank_programs.py")
HEADWATER = (sys.executable, "-m", "headwater")

requires_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None,
    reason="mpi4py and an mpiexec are needed (pip install 'headwater[dev]' brings both)",
)


def on_ranks(n_ranks: int, *words: object, patience: float = 120.0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command on some ranks, more than there are processors if need be, and wait for its end.

    Raises:
        subprocess.TimeoutExpired: it hangs; it is killed.
    """
    return subprocess.run(
        _command(n_ranks, words),
        capture_output=True,
        text=True,
        timeout=patience,
        env={**os.environ, **environment},
        check=False,
    )


def start_ranks(n_ranks: int, *words: object) -> subprocess.Popen[str]:
    """The same without waiting."""
    return subprocess.Popen(_command(n_ranks, words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def seconds_until_end(process: subprocess.Popen[str], patience: float) -> float:
    """Seconds until a process ends by itself."""
    started = time.monotonic()
    process.wait(patience)
    return time.monotonic() - started


def _command(n_ranks: int, words: tuple[object, ...]) -> list[str]:
    assert MPIEXEC is not None
    kind = subprocess.run([MPIEXEC, "--version"], capture_output=True, text=True, check=True).stdout
    # Open MPI refuses what MPICH takes for granted: more ranks than processors
    more = ["--oversubscribe"] if "Open MPI" in kind else []
    return [MPIEXEC, *more, "-n", str(n_ranks), *(str(word) for word in words)]
