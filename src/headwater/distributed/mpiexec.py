"""Starting a program as several ranks on this machine, or with the launcher of a cluster."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from headwater.distributed.launch import COMMUNICATOR_VARIABLE, launched_ranks
from headwater.errors import UsageError

MPIEXEC = "mpiexec"


def find_mpiexec() -> str | None:
    """The ``mpiexec`` beside this Python, where a wheel puts it, else the one on the path."""
    return shutil.which(MPIEXEC, path=str(Path(sys.executable).parent)) or shutil.which(MPIEXEC)


class RankStarter:
    """Knows the command that starts ranks.

    Args:
        command: such as ``srun -n``; the number of ranks follows it. ``None`` takes the
            `find_mpiexec` of this machine, which may then start more ranks than there are
            processors.

    Raises:
        UsageError: mpi4py or the command is not installed, or this process is itself one of several
            that were started together.
    """

    def __init__(self, command: str | None = None) -> None:
        launched = launched_ranks(os.environ)
        if launched > 1:
            raise UsageError(
                f"this process is one of {launched} that were started together: ranks can be "
                "started from one alone"
            )
        missing = []
        if importlib.util.find_spec("mpi4py") is None:
            missing.append("mpi4py (pip install 'headwater[mpi]')")
        words = [find_mpiexec() or "", "-n"] if command is None else shlex.split(command)
        if not words or shutil.which(words[0]) is None:
            wanted = (
                f"the command '{words[0] if words else ''}'"
                if command is not None
                else "an mpiexec"
            )
            missing.append(
                f"{wanted} (that of the cluster's MPI library, or on one machine pip install mpich)"
            )
        if missing:
            raise UsageError(
                "several ranks need mpi4py and a command that starts them; not found: "
                f"{' and '.join(missing)}"
            )
        self._words = [*words[:-1], *_freely(words[0]), words[-1]] if command is None else words

    def words(self, n_ranks: int, program: Sequence[object]) -> list[str]:
        """The words of a command that runs a program on some ranks."""
        return [*self._words, str(n_ranks), *(str(word) for word in program)]

    def environment(self) -> Mapping[str, str]:
        """The environment for ranks.

        It is that of this process, with a variable that makes ranks insist on finding each other.
        """
        return {**os.environ, COMMUNICATOR_VARIABLE: "mpi"}


def _freely(mpiexec: str) -> list[str]:
    """Options with which Open MPI allows what MPICH takes for granted.

    These are more ranks than processors, and threads on all of them.
    """
    shown = subprocess.run(
        [mpiexec, "--version"], capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    said = shown.stdout
    return (
        ["--oversubscribe", "--bind-to", "none"] if "Open MPI" in said or "OpenRTE" in said else []
    )
