"""``headwater bench``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headwater.case import load_case
from headwater.cli.app import app, main
from rank_processes import requires_mpi

SIZES = [
    "--hydros",
    "2",
    "--lags",
    "1",
    "--stages",
    "3",
    "--openings",
    "2",
    "--blocks",
    "1",
    "--thermals",
    "2",
]


def test_bench_reports_on_a_synthetic_case_and_keeps_it(tmp_path: Path):
    report = tmp_path / "report.md"
    kept = tmp_path / "kept"
    options = [
        "--cuts",
        "8",
        "--trials",
        "2",
        "--repeats",
        "1",
        "--save-case",
        str(kept),
        "-o",
        str(report),
    ]
    result = CliRunner().invoke(app, ["bench", *SIZES, *options])
    assert result.exit_code == 0, result.output
    text = report.read_text()
    assert "## One backward pass" in text
    assert "times as fast as the reference" in text
    assert "8 cuts" in text
    assert len(load_case(kept).system.hydros) == 2


def test_bench_times_a_case_of_the_user_with_its_trainings(tmp_path: Path):
    kept = tmp_path / "kept"
    CliRunner().invoke(app, ["init", str(kept), "--template", "one-reservoir"])
    result = CliRunner().invoke(
        app, ["bench", str(kept), "--cuts", "4", "--repeats", "1", "-j", "1", "--training"]
    )
    assert result.exit_code == 0, result.output
    assert "# Benchmark of kept" in result.output
    assert "## Whole trainings" in result.output


def test_bench_times_trainings_alone_on_the_threads_that_are_named():
    options = [
        "--no-comparison",
        "--training",
        "--no-weak",
        "--repeats",
        "1",
        "-j",
        "2,1",
        "--forward-passes",
        "2",
    ]
    result = CliRunner().invoke(app, ["bench", *SIZES, *options, "--iterations", "1"])
    assert result.exit_code == 0, result.output
    assert "One backward pass" not in result.output
    assert "| 1 | 1 | 2 |" in result.output
    assert "| 1 | 2 | 2 |" in result.output
    assert "As many forward passes for each worker" not in result.output


@requires_mpi
def test_bench_starts_ranks():
    options = [
        "--no-comparison",
        "--training",
        "--no-weak",
        "--repeats",
        "1",
        "--ranks",
        "2",
        "-j",
        "1",
    ]
    result = CliRunner().invoke(app, ["bench", *SIZES, *options, "--iterations", "1"])
    assert result.exit_code == 0, result.output
    assert "training on 2 ranks of 1 thread with 8 forward passes" in result.output
    assert "| 2 | 1 | 8 |" in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ranks", "1,two", "--training"], "'1,two' is not a list of whole numbers from 1"),
        (["-j", "0", "--training"], "'0' is not a list of whole numbers from 1"),
        (["--no-comparison"], "--no-comparison needs --training"),
        (["--ranks", "2"], "add --training"),
        (["--training", "--ranks", "2", "--mpiexec", "no-such-launcher -n"], "'no-such-launcher'"),
    ],
)
def test_bench_refuses_what_makes_no_sense(options: list[str], said: str, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["headwater", "bench", *SIZES, *options])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 64
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_bench_is_found_beside_the_package_of_a_checkout_and_tells_its_options():
    bench = Path(__file__).parents[2] / "benchmarks" / "bench.py"
    module = (
        "import sys; from headwater.cli import main; sys.argv = "
        "['headwater', 'bench', '--help']; main()"
    )
    for words in ([str(bench), "--help"], ["-c", module]):
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "--cuts" in done.stdout
        assert "headwater bench" in done.stdout
