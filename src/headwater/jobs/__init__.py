"""Batch jobs: what a scheduler of a cluster is given so that it runs a study.

A job is described once (`Job`, on `Machines`); each `Scheduler` writes the files that it reads.
"""

from headwater.jobs.job import (
    COMMANDS,
    Job,
    JobFiles,
    Machines,
    Scheduler,
    Submitted,
    job_name,
    send,
)
from headwater.jobs.kubernetes import Kubernetes
from headwater.jobs.slurm import LAUNCHER, Slurm

__all__ = [
    "COMMANDS",
    "LAUNCHER",
    "Job",
    "JobFiles",
    "Kubernetes",
    "Machines",
    "Scheduler",
    "Slurm",
    "Submitted",
    "job_name",
    "send",
]
