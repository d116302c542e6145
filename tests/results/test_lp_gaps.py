"""Stage problems that were taken with a gap above tolerance.

Listed, counted and told wherever somebody looks.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

import headwater as hw
import headwater.model as m
from doubtful_answers import SHARE, plant_gaps
from headwater.api.simulation import run_simulation
from headwater.api.training import run_training
from headwater.cli.summary import show_summary
from headwater.results.overview import overview
from headwater.sddp.records.gap_words import gap_share, told_gaps
from small_systems import random_system, study

SCENARIOS = 6


def a_study() -> m.Study:
    made = study(
        random_system(5, n_openings=3),
        iterations=3,
        forward_passes=2,
        method="penalty",
        formulation=m.Formulation.EXPLICIT,
        solver=m.SolverOptions(retry_max_attempts=1),
    )
    simulation = m.SimulationConfig(n_scenarios=SCENARIOS, enabled=True)
    return dataclasses.replace(
        made, name="doubtful", config=dataclasses.replace(made.config, simulation=simulation)
    )


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_gaps(monkeypatch, one_in=2)


def ran(directory: Path, threads: int = 1) -> hw.RunResult:
    return run_training(a_study(), directory, threads=threads, then_simulate=True)


@pytest.mark.usefixtures("planted")
def test_every_problem_with_a_gap_is_in_the_table_and_counted(tmp_path: Path) -> None:
    record = ran(tmp_path).policy.training
    assert record is not None
    gaps = pl.read_parquet(tmp_path / "training" / "diagnostics" / "lp_gaps.parquet")
    convergence = pl.read_parquet(tmp_path / "training" / "convergence.parquet")
    solver = pl.read_parquet(tmp_path / "training" / "solver" / "iterations.parquet")
    assert gaps.height == record.lps_above_tolerance > 0
    # what the solver instances counted themselves, phase by phase
    counted = solver.filter(pl.col("relaxed") > 0).select(
        "iteration", "phase", "stage", pl.col("relaxed").cast(pl.UInt32)
    )
    listed = gaps.group_by("iteration", "phase", "stage").agg(pl.len().alias("relaxed"))
    keys = ["iteration", "phase", "stage"]
    assert listed.sort(keys).rows() == counted.sort(keys).rows()
    assert convergence["lps_above_tolerance"].to_list() == [
        gaps.filter(pl.col("iteration") == k).height for k in convergence["iteration"]
    ]
    assert gaps["gap"].to_list() == pytest.approx(
        (SHARE * gaps["bound"].abs() / (1 + SHARE)).to_list(), rel=1e-2
    )
    assert record.largest_gap == gaps["gap"].max()
    bounds = dict(convergence.select("iteration", "lower_bound").rows())
    shares = [gap / abs(bounds[k]) for k, gap in gaps.select("iteration", "gap").rows()]
    assert gaps["gap_share"].to_list() == pytest.approx(shares)
    of_bound = gaps.filter((pl.col("phase") == "lower_bound") & (pl.col("iteration") == 3))["gap"]
    assert convergence["gap_of_bound"][-1] == max(of_bound, default=0.0)


@pytest.mark.usefixtures("planted")
def test_gaps_are_told_at_the_end_in_summary_in_report_and_in_python(tmp_path: Path) -> None:
    record = ran(tmp_path).policy.training
    assert record is not None
    count, solved = record.lps_above_tolerance, sum(one.lp_solves for one in record.iterations)
    sentence = (
        f"{count:,} of {solved:,} LPs were solved with a certified gap above "
        "tolerance; the largest gap is"
    )
    assert any(
        text.startswith(sentence) and "% of the lower bound)" in text for text in record.warnings
    )
    assert sentence in repr(record)
    training = overview(tmp_path)["training"]
    told = training["lps_above_tolerance"]
    assert (told["count"], told["of"], told["largest_gap"]) == (count, solved, record.largest_gap)
    assert told["share_of_lower_bound"] == pytest.approx(
        record.largest_gap / record.iterations[-1].lower_bound
    )
    console = Console(width=400, record=True, file=io.StringIO())
    show_summary(hw.load_results(tmp_path), console)
    screen = console.export_text()
    assert sentence in screen
    assert (
        f"0 problems left the kernel, {training['solver_counts']['retried']:,} took more attempts"
        in screen
    )
    finished = [
        json.loads(line) for line in (tmp_path / "logs" / "run.jsonl").read_text().splitlines()
    ]
    assert [
        line["lps_above_tolerance"] for line in finished if line["event"] == "training_finished"
    ] == [count]


@pytest.mark.usefixtures("planted")
def test_scenarios_with_gaps_are_marked_and_counted(tmp_path: Path) -> None:
    simulation = ran(tmp_path).simulation
    assert simulation is not None
    gaps = pl.read_parquet(tmp_path / "simulation" / "diagnostics" / "lp_gaps.parquet")
    summary = pl.read_parquet(tmp_path / "simulation" / "scenario_summary.parquet")
    assert gaps.height == simulation.lps_above_tolerance > 0
    per_scenario = [gaps.filter(pl.col("scenario_id") == s).height for s in range(SCENARIOS)]
    assert summary["lps_above_tolerance"].to_list() == per_scenario
    told = overview(tmp_path)["simulation"]["lps_above_tolerance"]
    assert told["count"] == gaps.height
    assert told["of"] == summary["lp_solves"].sum()
    assert told["scenarios"] == [s for s in range(SCENARIOS) if per_scenario[s]]
    assert told["largest_gap"] == gaps["gap"].max() == simulation.largest_gap
    assert any(
        f"They are in {len(told['scenarios'])} of {SCENARIOS} scenarios" in text
        for text in simulation.warnings
    )


@pytest.mark.usefixtures("planted")
def test_what_is_told_of_gaps_does_not_depend_on_threads_or_interruptions(tmp_path: Path) -> None:
    one, three = ran(tmp_path / "1"), ran(tmp_path / "3", threads=3)
    for name in ("training", "simulation"):
        table = f"{name}/diagnostics/lp_gaps.parquet"
        assert (tmp_path / "1" / table).read_bytes() == (tmp_path / "3" / table).read_bytes()
    assert one.simulation is not None
    assert three.simulation is not None
    assert one.simulation.gaps == three.simulation.gaps
    # a policy read from disk simulates the same
    stored = hw.load_policy(tmp_path / "1" / "policy")
    again = run_simulation(a_study(), stored, tmp_path / "again", threads=1).simulation
    assert again is not None
    assert again.gaps == one.simulation.gaps


def test_nothing_is_said_where_there_are_no_gaps(tmp_path: Path) -> None:
    result = ran(tmp_path)
    assert result.policy.training is not None
    assert result.simulation is not None
    said = (
        *result.policy.training.warnings,
        *result.simulation.warnings,
        repr(result.policy.training),
    )
    assert not any("tolerance" in text for text in said)
    assert overview(tmp_path)["training"]["lps_above_tolerance"]["count"] == 0
    assert pl.read_parquet(tmp_path / "training" / "diagnostics" / "lp_gaps.parquet").height == 0
    assert pl.read_parquet(tmp_path / "simulation" / "diagnostics" / "lp_gaps.parquet").height == 0


def test_a_gap_that_is_not_known_is_told_as_such() -> None:
    assert told_gaps(1, 20, math.inf, 100.0, "lower bound") == (
        "1 of 20 LPs were solved with a certified gap above tolerance; for one "
        "of them only a bound is known"
    )
    assert told_gaps(3, 2000, 0.5, -100.0, "lower bound").endswith(
        "the largest gap is 0.5 $ (0.5 % of the lower bound)"
    )
    assert told_gaps(3, 2000, 0.5, 0.0, "lower bound").endswith("the largest gap is 0.5 $")
    assert gap_share(1.0, math.nan) is None
