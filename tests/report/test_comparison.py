"""Runs are compared scenario by scenario where these are the same futures, else as samples."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.report import write_report
from headwater.report.comparison import cost_difference, run_names, storage_beside
from headwater.report.outcome import Outcome


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, hw.Results]:
    """Two lengths of training on the same scenarios, and one on others."""
    root = tmp_path_factory.mktemp("runs")
    found = {}
    for name, iterations, seed in (("short", 1, 3), ("long", 6, 3), ("other", 6, 4)):
        case = tiny_case(root / f"case-{name}")
        for row in case.tables["scenarios/inflow_seasonal_stats"]:
            row["std_m3s"] = 0.4 * row["mean_m3s"]
        case.training["stopping_rules"] = [{"type": "iteration_limit", "limit": iterations}]
        source = {"seed": seed, "inflow": {"scheme": "out_of_sample"}}
        case.files["config.json"]["simulation"] = {
            "enabled": True,
            "num_scenarios": 12,
            "scenario_source": source,
        }
        hw.run(case.write(), root / name, threads=1)
        found[name] = hw.load_results(root / name)
    return found


def test_the_same_futures_are_compared_one_by_one(runs: dict[str, hw.Results]):
    found = cost_difference(runs["short"], runs["long"])
    a, b = (runs[name].summary["total_cost"].to_numpy() for name in ("short", "long"))
    assert found.is_paired
    assert found.n == 12
    assert found.difference == pytest.approx(float((b - a).mean()))
    assert found.ci95 == pytest.approx(1.96 * float((b - a).std(ddof=1)) / np.sqrt(12))
    assert found.is_sure == (abs(found.difference) > found.ci95)


def test_other_futures_are_compared_as_independent_samples(runs: dict[str, hw.Results]):
    found = cost_difference(runs["long"], runs["other"])
    a, b = (runs[name].summary["total_cost"].to_numpy() for name in ("long", "other"))
    assert not found.is_paired
    assert found.difference == pytest.approx(b.mean() - a.mean())
    assert found.ci95 == pytest.approx(1.96 * np.sqrt(a.var(ddof=1) / 12 + b.var(ddof=1) / 12))


def test_a_run_compared_with_itself_differs_by_nothing(runs: dict[str, hw.Results]):
    found = cost_difference(runs["long"], runs["long"])
    assert (found.difference, found.ci95, found.is_sure) == (0.0, 0.0, False)


def test_water_of_both_runs_is_drawn_with_their_names(runs: dict[str, hw.Results]):
    outcomes = Outcome.of_results(runs["short"]), Outcome.of_results(runs["long"])
    drawn = storage_beside(outcomes, run_names(runs["short"], runs["long"]))
    medians = {
        trace["name"]: trace["y"] for trace in drawn.traces if trace["name"].endswith("median")
    }
    assert set(medians) == {"short: median", "long: median"}
    rows = outcomes[0].rows("hydros", "storage_final_hm3")
    last = rows.filter((rows["stage_id"] == 1) & (rows["block_id"] == rows["block_id"].max()))
    total = last.group_by("scenario_id").agg(pl.col("storage_final_hm3").sum())
    assert medians["short: median"][-1] == pytest.approx(total["storage_final_hm3"].median())


def test_the_page_compares_in_a_sentence_and_a_table(runs: dict[str, hw.Results], tmp_path: Path):
    pytest.importorskip("plotly", reason="plotly is not installed")
    page = write_report(
        runs["short"].directory, tmp_path / "page.html", compare=runs["long"].directory
    )
    text = page.read_text(encoding="utf-8")
    assert 'data-tab="compare"' in text
    assert "Both runs saw the same inflows in 12 scenarios" in text
    assert json.loads(re.search(r'id="chart:compare/costs">(.*?)</script>', text).group(1))["data"]
    alone = write_report(runs["short"].directory, tmp_path / "alone.html").read_text(
        encoding="utf-8"
    )
    assert 'data-tab="compare"' not in alone
    other = write_report(
        runs["long"].directory, tmp_path / "page.html", compare=runs["other"].directory
    )
    assert "as of independent samples" in other.read_text(encoding="utf-8")
