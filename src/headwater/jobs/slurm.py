"""Jobs for Slurm: a batch script that is queued again until the run has come to its end."""

from __future__ import annotations

import importlib.util
import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import EXIT_STOPPED, UsageError
from headwater.jobs.job import Job, JobFiles

LAUNCHER = "srun --mpi=pmix"
"""Starts the ranks of a job, one for each task; ``srun --mpi=list`` says what a cluster has."""


@dataclass(frozen=True)
class Slurm:
    """A cluster whose queue is kept by Slurm.

    Slurm sends SIGTERM to the ranks `Machines.notice_s` seconds before the time of a job is over,
    or when it is preempted; the run keeps its last complete iteration and ends with exit code 75,
    and the script queues itself again. A job whose node fails is queued again by Slurm.

    Attributes:
        program: words that start the program; by default the Python that runs now, which the nodes
            must see under the same path.
        launcher: words that start it as ranks; a job of one rank is started by ``srun`` alone.
        options: further options of ``sbatch``, e.g. ``--partition=long``.
        setup: lines that the script runs first, e.g. ``module load mpich``.

    Examples:
        >>> Slurm(launcher="srun --mpi=pmi2", options=["--partition=long"])
    """

    program: Sequence[str] = ()
    launcher: str = LAUNCHER
    options: Sequence[str] = ()
    setup: Sequence[str] = ()

    def seen(self, path: Path) -> str:
        """The same directory: nodes see what this machine sees."""
        return str(path)

    def write(self, job: Job, directory: Path) -> JobFiles:
        """Make the batch script of a job.

        Raises:
            UsageError: an option is none of ``sbatch`` or of more than one line, there is no
                launcher, or mpi4py is missing here.
        """
        several = job.machines.ranks > 1
        if several and not self.program and importlib.util.find_spec("mpi4py") is None:
            raise UsageError(
                "several ranks need mpi4py in this environment, which the job uses: pip install "
                "'headwater[mpi]', or name another program for the job"
            )
        program = list(self.program) or [sys.executable, "-m", "headwater"]
        for option in self.options:
            if not option.startswith("-") or "\n" in option:
                raise UsageError(f"an option of sbatch begins with a hyphen, got '{option}'")
        starter = shlex.split(self.launcher) if several else ["srun", "--ntasks=1"]
        if not starter:
            raise UsageError("the launcher of the ranks must not be empty")
        script = directory / f"{job.name}.slurm"
        log = directory / f"{job.name}-%j.log"
        lines = [
            "#!/bin/bash",
            *(f"#SBATCH {option}" for option in [*_asked(job, log), *self.options]),
            "",
            *self.setup,
            *(["export HEADWATER_COMM=mpi"] if several else []),
            _processors(job),
            "# begins, or goes on where an earlier start of this job ended",
            shlex.join([*starter, *program, *job.arguments()]),
            "code=$?",
            "",
            f"# {EXIT_STOPPED}: a signal ended it, and what was learned is kept",
            f'if [ "$code" -eq {EXIT_STOPPED} ] && '
            f'[ "${{SLURM_RESTART_COUNT:-0}}" -lt {job.machines.restarts} ]; then',
            '    scontrol requeue "$SLURM_JOB_ID" && sleep 60  # until Slurm ends this start',
            "fi",
            'exit "$code"',
            "",
        ]
        return JobFiles({script: "\n".join(lines)}, ("sbatch", str(script)), str(log))


def _processors(job: Job) -> str:
    """What gives every rank its processors: srun does not take them over from sbatch."""
    threads = job.machines.threads
    return (
        "export SLURM_CPU_BIND=none" if threads is None else f"export SRUN_CPUS_PER_TASK={threads}"
    )


def _asked(job: Job, log: Path) -> list[str]:
    """What is asked of Slurm, as options of ``sbatch``."""
    wanted = job.machines
    asked = [
        f"--job-name={job.name}",
        f"--nodes={wanted.nodes}",
        f"--ntasks-per-node={wanted.ranks_per_node}",
        f"--output={_quoted(str(log))}",
        "--open-mode=append",
        "--requeue",
        f"--signal=TERM@{wanted.notice_s}",
    ]
    whole = wanted.threads is None
    asked.append("--exclusive" if whole else f"--cpus-per-task={wanted.threads}")
    if wanted.memory_gb is not None:
        asked.append(f"--mem={math.ceil(wanted.memory_gb * 1024)}M")
    if wanted.hours is not None:
        minutes = max(1, math.ceil(wanted.hours * 60))
        asked.append(f"--time={minutes // 60}:{minutes % 60:02d}:00")
    return asked


def _quoted(path: str) -> str:
    """A path as sbatch reads it from a line of options."""
    return f'"{path}"' if any(c.isspace() for c in path) else path
