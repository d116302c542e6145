"""``headwater submit``: a case as a job of a cluster."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import headwater as hw
from headwater.cli.arguments import CasePath, Output
from headwater.cli.consoles import stderr, stdout
from headwater.errors import UsageError
from headwater.jobs import COMMANDS, LAUNCHER, Kubernetes, Machines, Slurm


class SchedulerName(StrEnum):
    """What keeps the queue of a cluster."""

    SLURM = "slurm"
    KUBERNETES = "kubernetes"


Queue = Annotated[SchedulerName, typer.Option("--scheduler", "-s", help="What keeps the queue.")]
Nodes = Annotated[int, typer.Option("--nodes", "-N", min=1, help="Machines.")]
RanksPerNode = Annotated[
    int, typer.Option("--ranks-per-node", min=1, help="Processes on each machine.")
]
RankThreads = Annotated[
    int | None,
    typer.Option("--threads", "-j", min=1, help="Threads of each process \\[default: all]."),
]
Memory = Annotated[
    float | None,
    typer.Option("--memory", help="GB of each machine \\[default: the scheduler's]."),
]
Hours = Annotated[
    float | None,
    typer.Option("--hours", help="Time of one start \\[default: the scheduler's]."),
]
Restarts = Annotated[
    int, typer.Option("--restarts", min=0, help="How many times the job may go on.")
]
Done = Annotated[str, typer.Option("--command", help=f"What is done: {' or '.join(COMMANDS)}.")]
JobDirectory = Annotated[
    Path | None,
    typer.Option("--job", help="Directory for the files of the job \\[default: CASE-job]."),
]
Program = Annotated[
    str, typer.Option("--program", help="Slurm: starts the program \\[default: this Python].")
]
Launcher = Annotated[
    str, typer.Option("--launcher", help=f"Slurm: starts the ranks \\[default: {LAUNCHER}].")
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", help="Slurm: an option of sbatch, e.g. --option=--qos=high."),
]
Setup = Annotated[
    list[str] | None,
    typer.Option("--setup", help="Slurm: a line that the script runs first."),
]
Image = Annotated[
    str, typer.Option("--image", help="Kubernetes: name of the image.", show_default=False)
]
Claim = Annotated[
    str,
    typer.Option("--claim", help="Kubernetes: claim of the volume.", show_default=False),
]
Volume = Annotated[
    Path | None,
    typer.Option("--volume", help="Kubernetes: where that volume is mounted here."),
]
Namespace = Annotated[
    str, typer.Option("--namespace", help="Kubernetes: namespace.", show_default=False)
]
Send = Annotated[
    bool, typer.Option("--send", help="Hand the job to the scheduler; else only write it.")
]


def submit(
    case: CasePath,
    scheduler: Queue = SchedulerName.SLURM,
    nodes: Nodes = 1,
    ranks: RanksPerNode = 1,
    threads: RankThreads = None,
    memory: Memory = None,
    hours: Hours = None,
    restarts: Restarts = 10,
    command: Done = COMMANDS[0],
    output: Output = None,
    job: JobDirectory = None,
    program: Program = "",
    launcher: Launcher = "",
    option: Options = None,
    setup: Setup = None,
    image: Image = "",
    claim: Claim = "",
    volume: Volume = None,
    namespace: Namespace = "",
    send: Send = False,
) -> None:
    """Write the job script of a case for a cluster, and send it."""
    _only(
        scheduler,
        {"--program": program, "--launcher": launcher, "--option": option, "--setup": setup},
        {"--image": image, "--claim": claim, "--volume": volume, "--namespace": namespace},
    )
    made = hw.submit(
        case,
        Slurm(shlex.split(program), launcher or LAUNCHER, option or (), setup or ())
        if scheduler is SchedulerName.SLURM
        else _kubernetes(image, claim, volume, namespace),
        Machines(nodes, ranks, threads, memory, hours, restarts),
        command=command,
        output=output,
        directory=job,
        send=send,
    )
    for remark in made.remarks:
        stderr().out(f"note: {remark}")
    for path in made.files:
        stdout().out(f"wrote {path}")
    stdout().out(made.answer or f"send it with: {made.command}")
    stdout().out(f"what it says: {made.log}")
    stdout().out(f"results: {made.output}")


def _only(
    scheduler: SchedulerName, slurm: dict[str, object], kubernetes: dict[str, object]
) -> None:
    """Refuse options of the other scheduler."""
    others = kubernetes if scheduler is SchedulerName.SLURM else slurm
    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(f"{given[0]} means nothing to {scheduler}: leave it out")


def _kubernetes(image: str, claim: str, volume: Path | None, namespace: str) -> Kubernetes:
    lacking = [
        name
        for name, value in (("--image", image), ("--claim", claim), ("--volume", volume))
        if not value
    ]
    if volume is None or lacking:
        raise UsageError(f"a job for Kubernetes needs {' and '.join(lacking)}")
    return Kubernetes(image, claim, volume, namespace)
