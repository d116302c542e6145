"""Ranks: what they tell each other, and that they end together."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

import headwater as hw
from case_builder import TinyCase, tiny_case
from headwater.distributed import ALONE, choose_threads, find_communicator
from headwater.distributed.launch import launched_ranks
from headwater.errors import UsageError
from headwater.results.run_lock import RunLock
from headwater.sddp import train_policy
from rank_processes import HEADWATER, PROGRAMS, on_ranks, requires_mpi
from rank_programs import digest, studies
from same_results import contents

TO_END_SECONDS = 30.0
"""In this time an accident on one rank must have ended all."""

PROGRAM = (sys.executable, PROGRAMS)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case that takes a while: accidents happen long before its end."""
    return long_case(tmp_path_factory.mktemp("ranks") / "case").write()


def long_case(root: Path) -> TinyCase:
    case = tiny_case(root)
    case.training.update(
        forward_passes=3, stopping_rules=[{"type": "iteration_limit", "limit": 100_000}]
    )
    return case


@requires_mpi
def test_ranks_exchange_rows_counts_and_endings(tmp_path: Path):
    done = on_ranks(3, *PROGRAM, "talk", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [[3.0 * i, 3.0 * i + 1, 3.0 * i + 2] for i in range(7)]
    for rank in range(3):
        assert ast.literal_eval((tmp_path / f"{rank}.txt").read_text()) == [
            rows,
            [3, 3, 3 * 2**40],
            ["rank 0", "rank 1", "rank 2"],
            "rank 0",
            True,
            True,
            False,
            "3 of 2: no solution on 2",
            "own: no solution on 0" if rank == 0 else "3 of 0: no solution on 0",
            "interrupted",
            "3 of 2: no solution on 2",
            "done",
            [True] * 5,
        ]


@requires_mpi
@pytest.mark.parametrize("largest_node", [3, 2])
def test_ranks_of_a_node_share_one_copy_and_nodes_exchange_rows(tmp_path: Path, largest_node: int):
    done = on_ranks(3, *PROGRAM, "share", tmp_path, largest_node)
    assert done.returncode == 0, done.stderr
    rows = [[0.0, 1.0], [0.0, 1.0], [10.0, 11.0], [20.0, 21.0]]
    for rank in range(3):
        shared, before, gathered, touched = ast.literal_eval((tmp_path / f"{rank}.txt").read_text())
        assert shared
        assert before == [[-1.0, -1.0]] * 5
        assert gathered == rows
        # what the last rank writes is seen by those of its node at once, and by no other
        assert touched == (7.0 if rank == 2 or largest_node == 3 else -1.0)


@requires_mpi
def test_ranks_learn_what_one_process_learns(tmp_path: Path):
    done = on_ranks(3, *PROGRAM, "train", tmp_path)
    assert done.returncode == 0, done.stderr
    alone = [digest(train_policy(one)) for one in studies()]
    assert len(set(alone)) == len(alone)
    for rank in range(3):
        assert ast.literal_eval((tmp_path / f"{rank}.txt").read_text()) == alone


def accident(program: str, *arguments: object) -> tuple[subprocess.CompletedProcess[str], float]:
    """How a run over ranks ended, and the seconds it took."""
    started = time.monotonic()
    done = on_ranks(2, *PROGRAM, program, *arguments)
    return done, time.monotonic() - started


@requires_mpi
def test_a_solve_that_fails_on_one_rank_ends_all_with_its_message(case: Path, tmp_path: Path):
    done, seconds = accident("failing_solve", "run", case, "-o", tmp_path / "out", "-j", "1", "-q")
    assert done.returncode == 3
    assert done.stderr.count("planted failure") == 1
    assert "error: rank 1 on " in done.stderr
    assert seconds < TO_END_SECONDS
    # the rank that failed has saved what it could not solve, the first tells where
    assert sorted(path.name for path in (tmp_path / "out" / "failure").iterdir()) == [
        "stage-1.json",
        "stage-1.mps",
    ]
    assert (
        hw.diagnose_program(hw.read_program(tmp_path / "out" / "failure" / "stage-1.mps")).outcome
        == "optimal"
    )
    told = " ".join(done.stderr.split())
    assert f"the linear program is saved in {tmp_path / 'out' / 'failure' / 'stage-1.mps'}" in told
    assert f"the policy of 2 complete iterations is kept in {tmp_path / 'out' / 'policy'}" in told


@requires_mpi
def test_a_defect_on_one_rank_ends_all_with_its_message(case: Path, tmp_path: Path):
    done, seconds = accident("defect", "run", case, "-o", tmp_path / "out", "-j", "1", "-q")
    assert done.returncode == 4
    assert "internal error: RuntimeError: planted defect" in done.stderr
    assert seconds < TO_END_SECONDS


@requires_mpi
def test_a_killed_rank_leaves_no_hang_and_a_policy_that_can_be_resumed(tmp_path: Path):
    case, out = long_case(tmp_path / "case"), tmp_path / "out"
    case.files["config.json"]["policy"] = {
        "checkpointing": {"enabled": True, "interval_iterations": 1}
    }
    done, seconds = accident("killed", "run", case.write(), "-o", out, "-j", "1", "-q")
    assert done.returncode != 0
    assert seconds < TO_END_SECONDS
    left = hw.load_policy(out / "policy")
    assert left.n_iterations in (2, 3)
    case.training["stopping_rules"] = [{"type": "iteration_limit", "limit": 5}]
    resumed = hw.run(case.write(), out, threads=1, resume=True).policy
    whole = hw.run(case.root, tmp_path / "whole", threads=1).policy
    assert resumed.n_iterations == whole.n_iterations == 5
    assert [p.read_bytes() for p in policy_files(out, resumed)] == [
        p.read_bytes() for p in policy_files(tmp_path / "whole", whole)
    ]


def policy_files(output: Path, policy: hw.Policy) -> list[Path]:
    found = sorted((output / "policy").glob(f"ckpt-{policy.n_iterations:06d}/cuts/*"))
    assert len(found) == len(policy.stages)
    return found


@requires_mpi
def test_a_signal_to_one_rank_ends_all_and_keeps_what_was_learned(case: Path, tmp_path: Path):
    done, seconds = accident("signalled", "run", case, "-o", tmp_path / "out", "-j", "1", "-q")
    assert done.returncode == 75, done.stderr
    assert "stopped" in done.stdout
    assert (tmp_path / "out" / "policy" / "LATEST").is_file()
    assert seconds < TO_END_SECONDS


@requires_mpi
def test_a_ctrl_c_that_reaches_a_rank_twice_keeps_what_was_learned(case: Path, tmp_path: Path):
    done, seconds = accident("told_twice", "run", case, "-o", tmp_path / "out", "-j", "1", "-q")
    assert done.returncode == 75, done.stderr
    assert (tmp_path / "out" / "policy" / "LATEST").is_file()
    assert seconds < TO_END_SECONDS


@requires_mpi
def test_a_second_ctrl_c_while_ranks_stop_together_ends_all_of_them(case: Path, tmp_path: Path):
    done, seconds = accident("insisting", "run", case, "-o", tmp_path / "out", "-j", "1", "-q")
    assert done.returncode == 130, done.stderr
    assert seconds < TO_END_SECONDS


@requires_mpi
def test_a_ctrl_c_before_the_ranks_know_each_other_ends_all_of_them(case: Path, tmp_path: Path):
    done, seconds = accident(
        "interrupted_at_once", "run", case, "-o", tmp_path / "out", "-j", "1", "-q"
    )
    assert done.returncode == 130, done.stderr
    assert "interrupted" in done.stderr
    assert "Traceback" not in done.stderr
    assert seconds < TO_END_SECONDS


@requires_mpi
def test_an_uncaught_mistake_in_a_users_program_ends_all_ranks(tmp_path: Path):
    done, seconds = accident("script", tmp_path)
    assert done.returncode != 0
    assert "planted mistake" in done.stderr
    assert seconds < TO_END_SECONDS


@requires_mpi
def test_ranks_that_do_not_solve_the_same_problem_refuse_to_begin(case: Path, tmp_path: Path):
    other = long_case(tmp_path / "other")
    other.thermals[0]["cost_per_mwh"] += 1.0
    done = on_ranks(2, *PROGRAM, "other_case", case, other.write(), "-o", tmp_path / "out", "-q")
    assert done.returncode == 64
    assert done.stderr.count("error: rank 1 on ") == 1
    assert "limits or costs of the stage programs" in done.stderr


@requires_mpi
def test_ranks_that_do_different_things_end_with_a_sentence(tmp_path: Path):
    """A slip in a script that starts them: one trains, the other trains and would then simulate."""
    case = tiny_case(tmp_path / "case").write()
    words = [
        *HEADWATER,
        "run",
        case,
        "-o",
        tmp_path / "out",
        ":",
        "-n",
        1,
        *HEADWATER,
        "train",
        case,
        "-o",
        tmp_path / "out",
    ]
    done = on_ranks(1, *words)
    assert done.returncode == 64, done.stderr
    assert done.stderr.count("rank 0 calls 'headwater run' and rank 1 calls 'headwater train'") == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@requires_mpi
def test_ranks_keep_the_bases_that_one_process_keeps(tmp_path: Path):
    case = tiny_case(tmp_path / "case")
    case.training.update(forward_passes=3, stopping_rules=[{"type": "iteration_limit", "limit": 4}])
    case.write()
    hw.run(case.root, tmp_path / "1", threads=1)
    done = on_ranks(2, *HEADWATER, "run", case.root, "-o", tmp_path / "2", "-j", 1)
    assert done.returncode == 0, done.stderr
    kept = [contents(tmp_path / ranks, "policy/ckpt-*/*/*.hwp") for ranks in ("1", "2")]
    assert [name for name in kept[0] if "bases" in name]
    assert kept[0] == kept[1]


@requires_mpi
def test_a_second_run_of_ranks_is_refused_on_all_of_them(case: Path, tmp_path: Path):
    with RunLock(tmp_path / "out"):
        done = on_ranks(2, *HEADWATER, "run", case, "-o", tmp_path / "out")
    assert done.returncode == 6, done.stderr
    assert done.stderr.count("is in use: process") == 1
    assert not (tmp_path / "out").exists()


@requires_mpi
def test_an_error_in_the_case_is_reported_once(tmp_path: Path):
    broken = tiny_case(tmp_path / "case")
    broken.hydros[0]["downstream_id"] = 77
    done = on_ranks(2, *HEADWATER, "run", broken.write(), "-q")
    assert done.returncode == 1
    assert done.stderr.count("HW301") == 1


def test_a_process_alone_starts_no_mpi():
    code = (
        "import sys, headwater.api, headwater.distributed as d; assert "
        "d.find_communicator() is d.ALONE; "
    )
    code += "assert not [m for m in sys.modules if m.startswith('mpi4py')]"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_environment_says_how_many_were_started():
    assert launched_ranks({}) == 1
    assert launched_ranks({"PMI_SIZE": "4"}) == 4
    assert launched_ranks({"OMPI_COMM_WORLD_SIZE": "2"}) == 2
    assert launched_ranks({"SLURM_NTASKS": "8"}) == 1  # a batch script, not a step of it
    assert launched_ranks({"SLURM_NTASKS": "8", "PMIX_RANK": "0"}) == 8
    assert find_communicator({"HEADWATER_COMM": "local", "PMI_SIZE": "4"}) is ALONE


def test_what_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UsageError, match="must be auto, local or mpi, got 'smoke'"):
        find_communicator({"HEADWATER_COMM": "smoke"})
    with pytest.raises(
        UsageError, match="HEADWATER_SHARED_CUTS must be auto, on or off, got 'maybe'"
    ):
        find_communicator({"HEADWATER_SHARED_CUTS": "maybe", "PMI_SIZE": "2"})
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(
        UsageError,
        match=r"one of 4 that were started together, but .*pip install 'headwater\[mpi\]'",
    ):
        find_communicator({"PMI_SIZE": "4"})


def test_ranks_share_the_processors_of_a_node(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.setattr(
        "headwater.distributed.threads.available_processors", lambda: tuple(range(8))
    )
    assert choose_threads(None, n_sharing=3) == 2
    assert choose_threads(None, n_sharing=20) == 1
    assert choose_threads(5, n_sharing=3) == 5
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "6")
    assert choose_threads(None, n_sharing=3) == 6
