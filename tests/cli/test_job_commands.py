"""``headwater submit``."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from case_builder import tiny_case
from headwater.cli.app import app
from headwater.errors import UsageError

run = CliRunner()
PROGRAM, SETUP = "apptainer exec x.sif headwater", "module load mpich"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return tiny_case(tmp_path / "case").write()


def test_a_job_is_written_and_said_how_it_is_sent(case: Path):
    words = f"-N 2 -j 8 --hours 3 --option=--qos=high --program {PROGRAM!r} --setup {SETUP!r}"
    done = run.invoke(app, ["submit", str(case), *shlex.split(words)])
    assert done.exit_code == 0, done.output
    script = case.with_name("case-job") / "headwater-case.slurm"
    text = script.read_text()
    assert "#SBATCH --qos=high\n" in text
    assert f"\n{SETUP}\n" in text
    assert f"srun --mpi=pmix {PROGRAM} run" in text
    assert f"send it with: sbatch {script}" in done.output
    assert f"results: {case / 'output'}" in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--image", "a"], "--image means nothing to slurm"),
        (["-s", "kubernetes", "--setup", "x"], "--setup means nothing to kubernetes"),
        (["-s", "kubernetes", "--image", "a"], "needs --claim and --volume"),
        (["--command", "simulate"], "a job can run or train a case, got 'simulate'"),
    ],
)
def test_options_that_make_no_job_are_refused(words: list[str], message: str, case: Path):
    done = run.invoke(app, ["submit", str(case), *words])
    assert isinstance(done.exception, UsageError)
    assert message in str(done.exception)
