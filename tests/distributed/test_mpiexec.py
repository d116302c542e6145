"""Starting ranks: which command does it, and what is said when there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from headwater.distributed import RankStarter, mpiexec
from headwater.errors import UsageError
from rank_processes import requires_mpi


def script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


@requires_mpi
def test_the_number_follows_the_command_of_a_cluster():
    starter = RankStarter(f"{sys.executable} --kind=pmix -n")
    assert starter.words(3, ("program", 7)) == [
        sys.executable,
        "--kind=pmix",
        "-n",
        "3",
        "program",
        "7",
    ]
    assert starter.environment()["HEADWATER_COMM"] == "mpi"


@requires_mpi
@pytest.mark.parametrize(
    ("said", "options"),
    [
        ("mpiexec (OpenRTE) 4.1.6", ["--oversubscribe", "--bind-to", "none"]),
        ("HYDRA build details:", []),
    ],
)
def test_open_mpi_is_allowed_what_others_take_for_granted(
    tmp_path: Path, monkeypatch, said: str, options: list[str]
):
    command = str(script(tmp_path / "mpiexec", f"echo '{said}'"))
    monkeypatch.setattr(mpiexec, "find_mpiexec", lambda: command)
    assert RankStarter().words(2, ("program",)) == [command, *options, "-n", "2", "program"]


def test_what_is_missing_is_named_with_where_to_get_it(monkeypatch):
    monkeypatch.setattr(mpiexec, "find_mpiexec", lambda: None)
    with pytest.raises(
        UsageError,
        match=r"an mpiexec \(that of the cluster's MPI library, or .* pip install mpich\)",
    ):
        RankStarter()
    with pytest.raises(UsageError, match="the command 'no-such-launcher'"):
        RankStarter("no-such-launcher -n")
    monkeypatch.setattr(mpiexec.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        UsageError, match=r"mpi4py \(pip install 'headwater\[mpi\]'\) and an mpiexec"
    ):
        RankStarter()


def test_ranks_do_not_start_ranks(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "2")
    with pytest.raises(UsageError, match="one of 2 that were started together"):
        RankStarter()
