"""A Slurm of two nodes on this machine, for tests; needs root and Debian's slurm packages."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")

_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool-%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/%n.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
KillWait=5
SlurmdTimeout=6
SchedulerParameters=requeue_delay=1,sched_interval=2
NodeName=n1,n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={first},{second} CPUs=2
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Why this machine cannot run one; empty where it can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"{missing[0]} is not installed (Debian: slurmctld, slurmd)"
    return "" if os.geteuid() == 0 else "slurmd wants to be started by root"


class SlurmCluster:
    """A controller and two nodes, as processes of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "state").mkdir(parents=True)
        controller, first, second = _free_ports(3)
        self.configuration = root / "slurm.conf"
        self.configuration.write_text(
            _CONFIGURATION.format(
                host=socket.gethostname(),
                root=root,
                controller=controller,
                first=first,
                second=second,
            )
        )
        self.environment = {**os.environ, "SLURM_CONF": str(self.configuration)}
        self._processes = {"slurmctld": self._start("slurmctld", "-i", "-D")}
        for node in ("n1", "n2"):
            self.start_node(node)
        self.wait_until(lambda: self.ask("sinfo", "-h", "-t", "idle", "-o", "%D") == "2")

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._processes[node] = self._start("slurmd", "-N", node, "-D")

    def lose_node(self, node: str) -> None:
        """Kill a node and everything that runs on it, as a loss of power would."""
        daemon = self._processes.pop(node)
        daemon.kill()
        daemon.wait()
        here = [one for one in psutil.process_iter() if _node_of(one) == node]
        steps = [one.parent() for one in here]
        for one in [*here, *(step for step in steps if step and "slurmstepd" in step.name())]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()

    def ask(self, *words: str) -> str:
        """What a command of Slurm answers."""
        return subprocess.run(
            words, env=self.environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    def state(self, job: str) -> dict[str, str]:
        """What Slurm knows of a job."""
        words = self.ask("scontrol", "show", "job", job).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait_until(self, true: Callable[[], bool], seconds: float = 120.0) -> None:
        """Wait for something of the cluster."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.logs()
            time.sleep(0.3)

    def wait_for(self, job: str, seconds: float = 240.0) -> dict[str, str]:
        """Wait until a job has come to its end."""
        ends = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")

        def ended() -> bool:
            state = self.state(job)
            if state.get("Reason") == "BeginTime":  # of a job that is queued again: two minutes on
                with contextlib.suppress(subprocess.CalledProcessError):
                    self.ask("scontrol", "update", f"JobId={job}", "StartTime=now")
            return state["JobState"] in ends

        self.wait_until(ended, seconds)
        return self.state(job)

    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(
            f"{path.name}: {path.read_text(errors='replace')[-1500:]}"
            for path in self.root.glob("*.log")
        )

    def close(self) -> None:
        """End everything, the jobs of tests that failed too."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.ask("scancel", "--full", "--signal=KILL", "--partition=all")
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.wait(timeout=30)

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            words, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def _node_of(process: psutil.Process) -> str | None:
    """The node that a process was started on."""
    try:
        return process.environ().get("SLURMD_NODENAME")
    except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
        return None


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
