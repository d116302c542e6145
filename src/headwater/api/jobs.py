"""Sending a study to the scheduler of a cluster."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

from headwater.case import load_case
from headwater.files import write_text
from headwater.jobs import Job, Machines, Scheduler, Slurm, Submitted, job_name
from headwater.jobs import send as send_job
from headwater.model import Study


def submit(
    case: str | Path,
    scheduler: Scheduler | None = None,
    machines: Machines | None = None,
    *,
    command: str = "run",
    output: str | Path | None = None,
    directory: str | Path | None = None,
    send: bool = False,
) -> Submitted:
    """Write what a cluster needs to run a case, and send it if wanted.

    The case is read and checked first, so that nothing waits in a queue that cannot run. The job
    goes on where it was when it is started again: after the end of its time, a preemption, or the
    loss of a machine.

    Args:
        case: directory of the case, which the machines of the job see too.
        scheduler: `headwater.jobs.Slurm` (the default) or `headwater.jobs.Kubernetes`, or one of
            your own.
        machines: how many, with how many processes and threads, for how long.
        command: ``"run"``, or ``"train"`` alone.
        output: where the results go; ``CASE/output`` by default.
        directory: where the files of the job go; ``CASE-job``, beside the case, by default.
        send: hand the job to the scheduler.

    Raises:
        CaseError: the case has errors.
        UsageError: the job makes no sense, or the scheduler is not here or refuses it.

    Examples:
        >>> from headwater.jobs import Machines, Slurm
        >>> job = hw.submit("case", Slurm(options=["--partition=long"]), Machines(nodes=4, hours=8))
        >>> print(job.files[0].read_text())
    """
    scheduler = Slurm() if scheduler is None else scheduler
    machines = Machines() if machines is None else machines
    loaded = load_case(case)
    root = Path(case).resolve()
    job = Job(
        name=job_name(root.name),
        command=command,
        case=scheduler.seen(root),
        output=scheduler.seen(root / "output" if output is None else Path(output).resolve()),
        machines=machines,
    )
    target = root.with_name(f"{root.name}-job") if directory is None else Path(directory).resolve()
    made = scheduler.write(job, target)
    target.mkdir(parents=True, exist_ok=True)
    for path, text in made.files.items():
        write_text(path, text)
    written = Submitted(
        files=tuple(made.files),
        command=shlex.join(made.send),
        log=made.log,
        output=job.output,
        remarks=(*made.remarks, *_remarks(loaded, machines)),
    )
    return dataclasses.replace(written, answer=send_job(made.send)) if send else written


def _remarks(study: Study, machines: Machines) -> list[str]:
    """What whoever sends a job of this size should know."""
    remarks = []
    passes = study.config.training.forward_passes
    if machines.ranks > passes and study.config.training.enabled:
        remarks.append(
            f"{machines.ranks} ranks share {passes} forward passes, so some have nothing to do in "
            "training: raise training.forward_passes, or take fewer ranks of more threads"
        )
    return remarks
