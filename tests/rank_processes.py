"""Starting tests' own programs and the command line as several ranks."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headwater.distributed import RankStarter
from headwater.distributed.mpiexec import find_mpiexec

PROGRAMS = Path(__file__).with_name("rank_programs.py")
HEADWATER = (sys.executable, "-m", "headwater")

requires_mpi = pytest.mark.skipif(
    find_mpiexec() is None or importlib.util.find_spec("mpi4py") is None,
    reason="mpi4py and an mpiexec are needed (pip install 'headwater[dev]' brings both)",
)


def on_ranks(
    n_ranks: int, *words: object, patience: float = 120.0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command on some ranks, more than there are processors if need be, and wait for its end.

    Raises:
        subprocess.TimeoutExpired: it hangs; it is killed.
    """
    return subprocess.run(
        RankStarter().words(n_ranks, words),
        capture_output=True,
        text=True,
        timeout=patience,
        env={**os.environ, **environment},
        check=False,
    )


def start_ranks(n_ranks: int, *words: object) -> subprocess.Popen[str]:
    """The same without waiting."""
    return subprocess.Popen(
        RankStarter().words(n_ranks, words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def seconds_until_end(process: subprocess.Popen[str], patience: float) -> float:
    """Seconds until a process ends by itself."""
    started = time.monotonic()
    process.wait(patience)
    return time.monotonic() - started
