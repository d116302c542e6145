"""Jobs for Kubernetes: a Job of one machine, an MPIJob of several, and a recipe for the image.

An MPIJob needs the MPI operator of Kubeflow (API v2beta1) in the cluster.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from headwater._version import __version__
from headwater.errors import CaseError, ResultsError, UsageError
from headwater.jobs.job import Job, JobFiles

STUDY_MOUNT = "/study"
"""Where the volume with case and results lies in every container."""

_USER, _PORT = 1000, 2222
_FATAL_EXIT_CODES = (CaseError.exit_code, ResultsError.exit_code, UsageError.exit_code)
"""The case, a file or an argument is wrong: starting again would not help."""


@dataclass(frozen=True)
class Kubernetes:
    """A cluster kept by Kubernetes.

    A job whose container is killed, whose node fails or that is asked to end is started again and
    goes on, `Machines.restarts` times; one of a single machine whose case is wrong is not.

    Attributes:
        image: name of the image, e.g. ``registry.example.org/headwater:1``.
        claim: name of the persistent volume claim that holds the case and takes the results; for
            several machines of access mode ReadWriteMany.
        volume: directory of this machine that is the root of that volume.
        namespace: of the job; by default that of the context.

    Examples:
        >>> Kubernetes(image="registry.example.org/headwater:1", claim="studies", volume="/mnt/nfs")
    """

    image: str
    claim: str
    volume: str | Path
    namespace: str = ""

    def __post_init__(self) -> None:
        for what, name in (("image", self.image), ("claim", self.claim)):
            if not name or any(c.isspace() for c in name):
                raise UsageError(f"a job for Kubernetes needs the name of its {what}")

    def seen(self, path: Path) -> str:
        """Where a directory of the volume lies in the containers.

        Raises:
            UsageError: it is not on the volume.
        """
        root = Path(self.volume).resolve()
        if not path.resolve().is_relative_to(root):
            raise UsageError(
                f"'{path}' is not below '{root}', the directory of the volume: put case and "
                f"results there, so that the claim '{self.claim}' takes them to the cluster"
            )
        return (PurePosixPath(STUDY_MOUNT) / path.resolve().relative_to(root)).as_posix()

    def write(self, job: Job, directory: Path) -> JobFiles:
        """Make the manifest of a job and the recipe of its image."""
        several = job.machines.ranks > 1
        make = _mpi_job if several else _one_machine
        metadata = {"name": job.name, **({"namespace": self.namespace} if self.namespace else {})}
        spec = make(job, self.image, self.claim)
        target, recipe = directory / f"{job.name}.yaml", directory / "Containerfile"
        build = shlex.join(["docker", "build", "-t", self.image, "-f", str(recipe), str(directory)])
        remarks = [f"build the image first: {build}"]
        if several:
            remarks.append(
                "the cluster needs the MPI operator of Kubeflow, and the claim the access mode "
                "ReadWriteMany"
            )
        where = f" -n {self.namespace}" if self.namespace else ""
        return JobFiles(
            {target: as_yaml({**_KINDS[several], "metadata": metadata, "spec": spec})}
            | {recipe: _CONTAINERFILE},
            ("kubectl", "create", "-f", str(target)),
            f"kubectl logs{where} -f job/{job.name}{'-launcher' if several else ''}",
            tuple(remarks),
        )


_KINDS = {
    False: {"apiVersion": "batch/v1", "kind": "Job"},
    True: {"apiVersion": "kubeflow.org/v2beta1", "kind": "MPIJob"},
}


def _one_machine(job: Job, image: str, claim: str) -> dict[str, Any]:
    """A Job of one container."""
    spec = _pod(job, image, claim, ["headwater", *job.arguments()], _resources(job))
    return {
        "backoffLimit": job.machines.restarts,
        **_deadline(job),
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {"operator": "In", "values": list(_FATAL_EXIT_CODES)},
                },
                {
                    "action": "Ignore",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                },
            ]
        },
        "template": {"spec": {"restartPolicy": "Never", **spec}},
    }


def _mpi_job(job: Job, image: str, claim: str) -> dict[str, Any]:
    """A launcher that starts ranks on workers, which wait for it behind ssh."""
    started = ["mpirun", "-n", str(job.machines.ranks), "--bind-to", "none", "-x", "HEADWATER_COMM"]
    launcher = _pod(job, image, claim, [*started, "headwater", *job.arguments()], {})
    worker = _pod(
        job,
        image,
        claim,
        ["/usr/sbin/sshd", "-De", "-f", "/home/planner/sshd_config"],
        _resources(job),
    )
    return {
        "slotsPerWorker": job.machines.ranks_per_node,
        "sshAuthMountPath": "/home/planner/.ssh",
        "mpiImplementation": "OpenMPI",
        "runPolicy": {
            "cleanPodPolicy": "Running",
            "backoffLimit": job.machines.restarts,
            **_deadline(job),
        },
        "mpiReplicaSpecs": {
            "Launcher": {
                "replicas": 1,
                "template": {"spec": {"restartPolicy": "OnFailure", **launcher}},
            },
            "Worker": {"replicas": job.machines.nodes, "template": {"spec": worker}},
        },
    }


def _pod(
    job: Job, image: str, claim: str, words: Sequence[str], resources: Mapping[str, Any]
) -> dict[str, Any]:
    """A pod of one container that sees the study."""
    container: dict[str, Any] = {
        "name": "headwater",
        "image": image,
        "command": list(words),
        "volumeMounts": [
            {"name": "study", "mountPath": STUDY_MOUNT},
            {"name": "shared-memory", "mountPath": "/dev/shm"},
        ],
        "securityContext": {"runAsUser": _USER, "runAsNonRoot": True},
    }
    if job.machines.ranks > 1:
        container["env"] = [{"name": "HEADWATER_COMM", "value": "mpi"}]
    if resources:
        container["resources"] = dict(resources)
    return {
        "terminationGracePeriodSeconds": job.machines.notice_s,
        "securityContext": {"fsGroup": _USER},
        "containers": [container],
        "volumes": [
            {"name": "study", "persistentVolumeClaim": {"claimName": claim}},
            {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
        ],
    }


def _resources(job: Job) -> dict[str, Any]:
    """What a container asks for and may take at most."""
    asked: dict[str, Any] = {}
    if job.machines.threads is not None:
        asked["cpu"] = str(job.machines.threads * job.machines.ranks_per_node)
    if job.machines.memory_gb is not None:
        asked["memory"] = f"{math.ceil(job.machines.memory_gb * 1024)}Mi"
    return {"requests": asked, "limits": asked} if asked else {}


def _deadline(job: Job) -> dict[str, Any]:
    """When the cluster ends the job for good."""
    return (
        {}
        if job.machines.hours is None
        else {"activeDeadlineSeconds": math.ceil(job.machines.hours * 3600)}
    )


def as_yaml(value: Any, indent: int = 0) -> str:
    """Mappings, lists and scalars as YAML; texts are quoted as JSON quotes them.

    Examples:
        >>> print(as_yaml({"kind": "Job", "args": ["-n", 2], "empty": {}}), end="")
        kind: "Job"
        args:
          - "-n"
          - 2
        empty: {}
    """
    space = " " * indent
    items = value.items() if isinstance(value, Mapping) else ((None, one) for one in value)
    lines = []
    for key, one in items:
        head = f"{space}- " if key is None else f"{space}{key}:"
        if not isinstance(one, Mapping | list) or not one:
            shown = json.dumps(one, ensure_ascii=False)
            lines.append(f"{head}{shown}\n" if key is None else f"{head} {shown}\n")
        elif key is None:
            inner = as_yaml(one, indent + 2)
            lines.append(f"{head}{inner[indent + 2 :]}")
        else:
            lines.append(f"{head}\n{as_yaml(one, indent + 2)}")
    return "".join(lines)


_CONTAINERFILE = f"""\
# Image for batch jobs of Headwater: docker build -t IMAGE -f Containerfile .
FROM python:3.12-slim
RUN apt-get update \\
    && apt-get install -y --no-install-recommends openmpi-bin openssh-client openssh-server \\
    && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir "headwater[mpi]=={__version__}"
RUN useradd --create-home --uid {_USER} planner \\
    && mkdir -p /run/sshd {STUDY_MOUNT} && chown planner {STUDY_MOUNT}
# the launcher reaches the workers by ssh, on a port that needs no rights
RUN printf '%s\\n' 'Host *' 'Port {_PORT}' 'StrictHostKeyChecking no' \\
       'UserKnownHostsFile /dev/null' 'LogLevel ERROR' > /etc/ssh/ssh_config.d/headwater.conf
RUN printf '%s\\n' 'Port {_PORT}' 'HostKey /home/planner/.ssh/id_rsa' \\
       'PidFile /home/planner/sshd.pid' 'StrictModes no' > /home/planner/sshd_config
USER planner
# compiled here for the processor that builds; another one compiles again when it starts
RUN headwater warmup
WORKDIR {STUDY_MOUNT}
"""
