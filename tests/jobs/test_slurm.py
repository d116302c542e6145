"""Jobs for Slurm: what the script says, and what a real Slurm makes of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.errors import CaseError, UsageError
from headwater.jobs import Job, Machines, Slurm, job_name
from kill_driver import differences, write_facts
from rank_processes import requires_mpi
from slurm_cluster import SlurmCluster, why_not

requires_slurm = pytest.mark.skipif(bool(why_not()), reason=f"no Slurm here: {why_not()}")
OF_THE_MPICH_WHEEL = Slurm(launcher="srun --mpi=pmi2", setup=["export MPIR_CVAR_CH4_NETMOD=ofi"])
"""The addresses of its other network layer are too long for this interface of Slurm."""
ONE = Machines()


def script(machines: Machines = ONE, **words: object) -> str:
    """The script of a job."""
    job = Job("headwater-x", "run", "/data/a case", "/data/out", machines)
    slurm = Slurm(**{"program": ["headwater"], **words})  # type: ignore[arg-type]
    return next(iter(slurm.write(job, Path("/jobs/x y")).files.values()))


def test_what_is_asked_of_slurm_stands_in_the_script():
    text = script(
        Machines(4, 2, threads=24, memory_gb=1.5, hours=2.25, restarts=3, notice_s=90),
        options=["--partition=long"],
        setup=["module load mpich"],
    )
    asked = [line.split(" ", 1)[1] for line in text.splitlines() if line.startswith("#SBATCH")]
    assert asked == [
        "--job-name=headwater-x",
        "--nodes=4",
        "--ntasks-per-node=2",
        '--output="/jobs/x y/headwater-x-%j.log"',
        "--open-mode=append",
        "--requeue",
        "--signal=TERM@90",
        "--cpus-per-task=24",
        "--mem=1536M",
        "--time=2:15:00",
        "--partition=long",
    ]
    assert "\nmodule load mpich\nexport HEADWATER_COMM=mpi\nexport SRUN_CPUS_PER_TASK=24\n" in text
    assert (
        "\nsrun --mpi=pmix headwater run '/data/a case' --output /data/out --resume --threads 24\n"
        in text
    )
    assert '-lt 3 ]; then\n    scontrol requeue "$SLURM_JOB_ID"' in text


def test_a_job_of_one_process_needs_no_mpi_and_takes_its_machine_whole():
    text = script()
    assert "\nsrun --ntasks=1 headwater run" in text
    assert "HEADWATER_COMM" not in text
    assert "#SBATCH --exclusive\n" in text
    assert "--time" not in text
    assert "--mem" not in text


@pytest.mark.parametrize("machines", [Machines(), Machines(2, 3, 4, 5.0, 6.0)])
def test_the_script_is_one_that_bash_reads(machines: Machines, tmp_path: Path):
    path = tmp_path / "job.slurm"
    path.write_text(script(machines, setup=["echo 'ready'"], options=["--comment=a b"]))
    assert subprocess.run(["bash", "-n", path], check=False).returncode == 0


@pytest.mark.parametrize(
    ("code", "restarts", "restarted", "queued"),
    [
        (75, 2, 0, True),
        (75, 2, 2, False),
        (0, 2, 0, False),
        (1, 2, 0, False),
        (64, 2, 0, False),
    ],
)
def test_only_what_a_signal_ended_is_queued_again(
    code: int, restarts: int, restarted: int, queued: bool, tmp_path: Path
):
    path = tmp_path / "job.slurm"
    path.write_text(script(Machines(restarts=restarts), program=["sh", "-c", f"exit {code}"]))
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (
        ("srun", 'shift; exec "$@"'),
        ("scontrol", f'echo "$@" > {tmp_path}/queued'),
        ("sleep", "true"),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "SLURM_JOB_ID": "17",
        "SLURM_RESTART_COUNT": str(restarted),
    }
    done = subprocess.run(["bash", path], env=environment, check=False)
    assert done.returncode == code
    assert (tmp_path / "queued").exists() == queued
    if queued:
        assert (tmp_path / "queued").read_text() == "requeue 17\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"options": ["partition=long"]}, "begins with a hyphen, got 'partition=long'"),
        ({"options": ["--a\n--b"]}, "begins with a hyphen"),
        ({"launcher": " "}, "launcher of the ranks must not be empty"),
    ],
)
def test_what_makes_no_script_is_refused(words: dict[str, object], message: str):
    with pytest.raises(UsageError, match=message):
        script(Machines(nodes=2), **words)


@pytest.mark.parametrize(
    ("machines", "message"),
    [
        ({"nodes": 0}, "number of nodes must be at least 1, got 0"),
        ({"threads": 0}, "threads of each rank must be at least 1"),
        ({"hours": 0.0}, "hours of a job must be above 0"),
        ({"memory_gb": float("nan")}, "memory of a job must be above 0"),
        ({"hours": float("inf")}, "below a million, got inf"),
        ({"restarts": -1}, "restarts must be at least 0"),
    ],
)
def test_machines_that_make_no_sense_are_refused(machines: dict[str, float], message: str):
    with pytest.raises(UsageError, match=message):
        Machines(**machines)  # type: ignore[arg-type]


def test_paths_of_two_lines_cannot_reach_a_script():
    with pytest.raises(UsageError, match="of one line"):
        Job("x", "run", "/data\n#SBATCH --uid=0", "/out")


@pytest.mark.parametrize("name", ["São 1", "---", "Ω", "a" * 200])
def test_every_name_of_a_case_gives_a_name_of_a_job(name: str):
    made = job_name(name)
    assert made.startswith("headwater")
    assert len(made) <= 50
    assert not made.endswith("-")


def test_a_case_with_errors_is_not_sent(tmp_path: Path):
    with pytest.raises(CaseError):
        hw.submit(tmp_path)
    assert not tmp_path.with_name(f"{tmp_path.name}-job").exists()


def test_a_scheduler_that_is_not_here_is_named_with_the_command(tmp_path: Path, monkeypatch):
    case = tiny_case(tmp_path / "case").write()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="'sbatch' is not on the path: send the job from a mach"):
        hw.submit(case, send=True)
    assert (tmp_path / "case-job" / "headwater-case.slurm").is_file()


def test_more_ranks_than_forward_passes_are_remarked(tmp_path: Path):
    case = tiny_case(tmp_path / "case").write()
    made = hw.submit(case, Slurm(program=["headwater"]), Machines(nodes=9))
    assert any("9 ranks share" in remark for remark in made.remarks)
    assert hw.submit(case).remarks == ()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    made = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case whose training lasts for a while, on a fast machine too."""
    directory = tmp_path_factory.mktemp("case")
    starter = hw.load_case(hw.write_starter(directory / "starter", "cascade-fpha"))
    starter.with_(iterations=500).save(directory / "case")
    return directory / "case"


@pytest.fixture(scope="module")
def whole(case: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The facts of a run of one process that nobody disturbed."""
    directory = tmp_path_factory.mktemp("whole")
    hw.run(case, directory / "output", threads=1, progress=False)
    write_facts(directory / "output", directory / "facts.json")
    return directory / "facts.json"


def sent(cluster: SlurmCluster, case: Path, output: Path, monkeypatch) -> tuple[str, Path]:
    """Send a job of two nodes; its number and its log."""
    monkeypatch.setenv("SLURM_CONF", str(cluster.configuration))
    made = hw.submit(
        case,
        OF_THE_MPICH_WHEEL,
        Machines(nodes=2, threads=1),
        output=output,
        directory=output.with_name("job"),
        send=True,
    )
    job = made.answer.split()[-1]
    return job, Path(made.log.replace("%j", job))


def in_training(log: Path) -> bool:
    """Whether a job has trained some iterations."""
    return log.exists() and "iteration 2/" in log.read_text()


@requires_slurm
@requires_mpi
def test_a_job_of_two_nodes_writes_what_one_process_writes(
    cluster: SlurmCluster, case: Path, whole: Path, tmp_path: Path, monkeypatch
):
    job, log = sent(cluster, case, tmp_path / "output", monkeypatch)
    assert cluster.wait_for(job)["JobState"] == "COMPLETED", log.read_text()
    write_facts(tmp_path / "output", tmp_path / "facts.json")
    assert differences(tmp_path / "facts.json", whole) == []


@requires_slurm
@requires_mpi
def test_a_job_that_is_asked_to_end_goes_on_by_itself(
    cluster: SlurmCluster, case: Path, whole: Path, tmp_path: Path, monkeypatch
):
    job, log = sent(cluster, case, tmp_path / "output", monkeypatch)
    cluster.wait_until(lambda: in_training(log))
    cluster.ask("scancel", "--signal=TERM", job)
    ended = cluster.wait_for(job)
    assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "1"), log.read_text()
    write_facts(tmp_path / "output", tmp_path / "facts.json")
    assert differences(tmp_path / "facts.json", whole) == []


@requires_slurm
@requires_mpi
def test_a_job_whose_node_is_lost_goes_on_when_it_is_back(
    cluster: SlurmCluster, case: Path, whole: Path, tmp_path: Path, monkeypatch
):
    job, log = sent(cluster, case, tmp_path / "output", monkeypatch)
    cluster.wait_until(lambda: in_training(log))
    cluster.lose_node("n2")
    cluster.wait_until(lambda: cluster.state(job)["JobState"] != "RUNNING")
    cluster.start_node("n2")
    ended = cluster.wait_for(job)
    assert ended["JobState"] == "COMPLETED", log.read_text()
    assert int(ended["Restarts"]) >= 1
    write_facts(tmp_path / "output", tmp_path / "facts.json")
    assert differences(tmp_path / "facts.json", whole) == []
