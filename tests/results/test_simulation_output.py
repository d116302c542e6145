"""What a simulation writes.

Partitioning, detail, statistics, the account of failures, the gap to the bound.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import headwater as hw
import headwater.model as m
from headwater.api import run_simulation
from headwater.results import SCHEMAS, Results, load_results
from headwater.results.statistics import simulation_statistics
from headwater.sddp.simulation import parts
from small_systems import random_system, study
from synthetic_tables import summary_of


@cache
def policy_of() -> hw.Policy:
    return hw.train(
        study(random_system(3, n_lags=1), iterations=5, forward_passes=2, method="penalty"),
        threads=1,
    )


def written(directory: Path, n: int = 12, **changes: Any) -> Results:
    chosen = policy_of().study
    assert chosen is not None
    settings = replace(chosen.config.simulation, **changes)
    run_simulation(
        replace(chosen, config=replace(chosen.config, simulation=settings)),
        policy_of(),
        directory,
        n_scenarios=n,
        threads=1,
    )
    return load_results(directory)


@pytest.mark.versions
def test_both_ways_to_spread_tables_over_files_hold_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parts, "CHUNK_SCENARIOS", 5)
    chunks = written(tmp_path / "chunk")
    scenarios = written(tmp_path / "scenario", partitioning=m.Partitioning.SCENARIO)
    files = sorted(
        path.relative_to(tmp_path / "scenario/simulation")
        for path in tmp_path.glob("scenario/simulation/hydros/*/*")
    )
    assert [str(path) for path in files[:2]] == [
        f"hydros/scenario_id=000{i}/data.parquet" for i in (0, 1)
    ]
    assert len(files) == 12
    assert len(list((tmp_path / "chunk/simulation/hydros").iterdir())) == 3
    assert (
        "scenario_id"
        not in pl.read_parquet(
            tmp_path / "scenario/simulation" / files[0], hive_partitioning=False
        ).columns
    )
    assert scenarios.tables == chunks.tables
    for name in chunks.tables:
        assert scenarios.table(name, names=False).equals(chunks.table(name, names=False)), name
        assert dict(scenarios.table(name, names=False).schema) == {
            one.name: one.dtype for one in SCHEMAS[name].columns if not one.kind
        }
    lazily = pl.scan_parquet(
        tmp_path / "scenario/simulation/buses/**/*.parquet", hive_partitioning=True
    ).collect()
    assert lazily.height == chunks.table("buses").height


def test_a_summary_writes_statistics_and_no_tables(tmp_path: Path):
    results, full = (
        written(tmp_path / "a", detail=m.SimulationDetail.SUMMARY),
        written(tmp_path / "b"),
    )
    assert results.tables == ()
    assert results.summary.drop("solve_time_ms").equals(full.summary.drop("solve_time_ms"))
    assert results.stage_summary.equals(full.stage_summary)
    assert results.simulation_metadata["cost"] == full.simulation_metadata["cost"]


def test_only_the_tables_that_are_asked_for_are_written(tmp_path: Path):
    assert written(tmp_path, tables=("buses", "costs")).tables == ("costs", "buses")


@pytest.mark.versions
def test_stage_means_are_those_of_the_tables(tmp_path: Path):
    results = written(tmp_path, 30)
    costs = (
        results.table("costs")
        .group_by("scenario_id", "stage_id")
        .agg(pl.col("immediate_cost").sum())
    )
    by_stage = costs.group_by("stage_id", maintain_order=True).agg(
        mean=pl.col("immediate_cost").mean(),
        std=pl.col("immediate_cost").std(),
        largest=pl.col("immediate_cost").max(),
    )
    stages = results.stage_summary.join(by_stage, on="stage_id")
    for column, expected in (("mean", "mean"), ("std", "std"), ("max", "largest")):
        assert stages[f"immediate_cost_{column}"].to_numpy() == pytest.approx(
            stages[expected].to_numpy(), rel=1e-9, abs=1e-6
        )


@pytest.mark.versions
def test_statistics_are_what_they_say():
    """Against computations of another kind.

    Sorting, counting, and the definition of CVaR as a least upper estimate.
    """
    rng = np.random.default_rng(8)
    n = 137
    summary = summary_of(rng.lognormal(10, 1, n))
    summary.failed[[4, 99]] = True
    for values in (
        summary.total_cost,
        summary.deficit_mwh,
        summary.spillage_hm3,
        *summary.categories.values(),
    ):
        values[summary.failed] = np.nan
    summary.deficit_mwh[~summary.failed] = np.where(np.arange(n - 2) % 3 == 0, 5.0, 0.0)
    found = json.loads(
        json.dumps(simulation_statistics(summary, (0.05, 0.5, 1.0)), allow_nan=False)
    )
    costs = sorted(
        float(cost)
        for cost, failed in zip(summary.total_cost, summary.failed, strict=True)
        if not failed
    )
    mean = sum(costs) / len(costs)
    std = (sum((cost - mean) ** 2 for cost in costs) / (len(costs) - 1)) ** 0.5
    half = 1.96 * std / len(costs) ** 0.5
    cost = found["cost"]
    assert cost["n"] == len(costs) == 135
    assert (cost["mean"], cost["std"], cost["ci95"]) == pytest.approx((mean, std, half))
    assert cost["interval95"] == pytest.approx([mean - half, mean + half])
    for name, value in cost["quantiles"].items():
        position = int(name[1:]) / 100 * (len(costs) - 1)
        low = int(position)
        between = costs[low] + (position - low) * (costs[min(low + 1, len(costs) - 1)] - costs[low])
        assert value == pytest.approx(between)
    for tail in cost["cvar"]:
        fraction = tail["tail_fraction"]
        least = min(
            eta + sum(max(c - eta, 0.0) for c in costs) / len(costs) / fraction for eta in costs
        )
        assert tail["mean"] == pytest.approx(least)
    assert cost["cvar"][2]["mean"] == pytest.approx(mean)
    assert found["deficit"]["frequency"] == pytest.approx(45 / 135)
    assert found["deficit"]["max_mwh"] == 5.0
    assert found["categories"]["resource"] == pytest.approx(
        {"mean": 0.5 * mean, "max": 0.5 * costs[-1], "frequency": 1.0}
    )
    assert found["categories"]["imputed"] == {"mean": 0.0, "max": 0.0, "frequency": 0.0}


def test_the_tails_of_the_configuration_are_reported(tmp_path: Path):
    results = written(tmp_path, 40, cvar_tail_fractions=(0.1, 0.25))
    costs = np.sort(results.summary["total_cost"].to_numpy())[::-1]
    tails = results.simulation_metadata["cost"]["cvar"]
    assert [tail["tail_fraction"] for tail in tails] == [0.1, 0.25]
    assert [tail["mean"] for tail in tails] == pytest.approx([costs[:4].mean(), costs[:10].mean()])


def test_the_gap_to_the_bound_is_told_with_its_uncertainty_where_it_means_something(tmp_path: Path):
    results = written(tmp_path / "in", 50)
    gap = results.simulation_metadata["gap"]
    costs = results.summary["total_cost"].to_numpy()
    assert gap["lower_bound"] == policy_of().lower_bound
    assert gap["relative"] == pytest.approx((costs.mean() - policy_of().lower_bound) / costs.mean())
    assert gap["ci95"] == pytest.approx(1.96 * costs.std(ddof=1) / np.sqrt(50) / costs.mean())
    fresh = m.ScenarioSource(m.OutOfSample(), seed=1)
    outside = written(tmp_path / "out", 20, scenario_source=fresh).simulation_metadata
    assert outside["gap"] is None
    assert outside["schemes"] == {
        "inflow": "out_of_sample",
        "load": "in_sample",
        "ncs": "in_sample",
    }
