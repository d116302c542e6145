"""What a batch job is, whoever schedules it, and how it is handed over."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headwater.errors import UsageError

COMMANDS = ("run", "train")
"""Commands that a job can carry out: those that go on after an interruption."""

_SEND_SECONDS = 120.0
"""A scheduler that does not answer for so long is not there."""


@dataclass(frozen=True)
class Machines:
    """What a job asks of its scheduler.

    Attributes:
        nodes: machines.
        ranks_per_node: processes on each.
        threads: of each process; ``None`` takes all processors of the machines.
        memory_gb: of each machine; ``None`` leaves it to the scheduler.
        hours: time after which the scheduler ends the job; ``None`` leaves it to the scheduler.
        restarts: how many times the job may go on after a signal, a preemption or the end of its
            time.
        notice_s: seconds between the signal that asks a run to end and its being killed.

    Raises:
        UsageError: a number makes no sense.

    Examples:
        >>> Machines(nodes=4, threads=48, hours=8).ranks
        4
    """

    nodes: int = 1
    ranks_per_node: int = 1
    threads: int | None = None
    memory_gb: float | None = None
    hours: float | None = None
    restarts: int = 10
    notice_s: int = 120

    def __post_init__(self) -> None:
        for what, number, least in (
            ("nodes", self.nodes, 1),
            ("ranks of each node", self.ranks_per_node, 1),
            ("threads of each rank", 1 if self.threads is None else self.threads, 1),
            ("restarts", self.restarts, 0),
            ("seconds of notice", self.notice_s, 1),
        ):
            if number < least:
                raise UsageError(f"the number of {what} must be at least {least}, got {number}")
        for what, amount in (("memory", self.memory_gb), ("hours", self.hours)):
            if amount is not None and not 0 < amount < 1e6:
                raise UsageError(
                    f"the {what} of a job must be above 0 and below a million, got {amount:g}: "
                    "leave it out to take what the scheduler gives"
                )

    @property
    def ranks(self) -> int:
        """Processes on all machines."""
        return self.nodes * self.ranks_per_node


@dataclass(frozen=True)
class Job:
    """A study as a batch job.

    Attributes:
        name: lower-case letters, digits and hyphens, as every scheduler takes it.
        command: one of `COMMANDS`.
        case, output: directories, as the machines of the job see them.
        machines: what it asks for.
    """

    name: str
    command: str
    case: str
    output: str
    machines: Machines = Machines()

    def __post_init__(self) -> None:
        if self.command not in COMMANDS:
            raise UsageError(
                f"a job can {' or '.join(COMMANDS)} a case, got '{self.command}': these go on "
                "where they were when a scheduler starts them again"
            )
        if any(c in path for path in (self.case, self.output) for c in "\n\r"):
            raise UsageError("the paths of a job must be of one line")

    def arguments(self) -> list[str]:
        """The words after the name of the program."""
        threads = self.machines.threads
        given = [] if threads is None else ["--threads", str(threads)]
        return [self.command, self.case, "--output", self.output, "--resume", *given]


def job_name(words: str) -> str:
    """A name that every scheduler takes, made of the name of a case.

    Examples:
        >>> job_name("São Francisco 2027_v2")
        'headwater-sao-francisco-2027-v2'
    """
    letters = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")
    return f"headwater-{plain}"[:50].strip("-")


@dataclass(frozen=True)
class JobFiles:
    """The files of a job, and the command that hands them to the scheduler.

    Attributes:
        files: path -> text.
        send: words of the command; the first is a program of the scheduler.
        log: where the job will write what it says, as the scheduler names it.
        remarks: what whoever sends it should know.
    """

    files: dict[Path, str]
    send: tuple[str, ...]
    log: str
    remarks: tuple[str, ...] = ()


class Scheduler(Protocol):
    """What runs jobs on a cluster, and which files it wants for one."""

    def seen(self, path: Path) -> str:
        """A directory of this machine, as the machines of a job see it."""

    def write(self, job: Job, directory: Path) -> JobFiles:
        """Make the files of a job; they are to lie in the directory."""


@dataclass(frozen=True)
class Submitted:
    """What became of a job.

    Attributes:
        files: that were written, the job itself first.
        command: that hands it to the scheduler.
        log: where it writes what it says, as the scheduler names it.
        output: directory of its results, as the job sees it.
        answer: of the scheduler; empty when the job was not sent.
        remarks: what whoever sends it should know.
    """

    files: tuple[Path, ...]
    command: str
    log: str
    output: str
    answer: str = ""
    remarks: tuple[str, ...] = ()


def send(words: tuple[str, ...]) -> str:
    """Hand a job to its scheduler and return what it answers.

    Raises:
        UsageError: the program of the scheduler is not here, refuses, or does not answer.
    """
    if shutil.which(words[0]) is None:
        raise UsageError(
            f"'{words[0]}' is not on the path: send the job from a machine of the cluster with: "
            f"{shlex.join(words)}"
        )
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_SEND_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"'{words[0]}' did not answer within {_SEND_SECONDS:g} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise UsageError(f"{words[0]} did not take the job: {said or f'exit {done.returncode}'}")
    return done.stdout.strip()
