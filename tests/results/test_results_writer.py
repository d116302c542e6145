"""What a run writes: every table as its schema says, whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headwater as hw
from headwater.api import run_simulation, run_training
from headwater.errors import ResultsError
from headwater.results import SCHEMAS, TIMING_COLUMNS, ResultsWriter, load_results
from headwater.results import simulation_writer as writer_module
from headwater.results.schemas import SIMULATION_TABLES
from headwater.results.statistics import worst_mean
from headwater.sddp import Policy
from same_results import contents
from small_systems import random_system, study

SCENARIOS = 103
"""More than a chunk."""


@cache
def case_of(seed: int, n_lags: int, planes: bool) -> hw.Study:
    """A random system, three openings a stage."""
    system = random_system(seed, n_openings=3, n_lags=n_lags, planes=planes)
    return study(system, iterations=3, forward_passes=2, method="penalty")


@cache
def policy_of(seed: int, n_lags: int = 1, planes: bool = True) -> Policy:
    return hw.train(case_of(seed, n_lags, planes), threads=1)


def written(policy: Policy, directory: Path, n_scenarios: int = SCENARIOS) -> Path:
    """Results of a policy, training and simulation."""
    chosen = policy.study
    assert chosen is not None
    ResultsWriter(directory).begin()
    ResultsWriter(directory).write_training(policy, chosen)
    run_simulation(chosen, policy, directory, n_scenarios=n_scenarios, threads=1)
    return directory


def parquet_files(directory: Path) -> dict[str, bytes]:
    return contents(directory, "**/*.parquet")


@pytest.mark.parametrize(("seed", "n_lags", "planes"), [(3, 1, True), (5, 2, False), (8, 0, True)])
def test_every_table_has_exactly_the_columns_and_types_of_its_schema(
    seed: int, n_lags: int, planes: bool, tmp_path: Path
):
    policy = policy_of(seed, n_lags, planes)
    written(policy, tmp_path)
    system = policy.study.system  # type: ignore[union-attr]
    parts = sorted(tmp_path.rglob("*.parquet"))
    seen: dict[str, int] = {}
    for path in parts:
        place = path.relative_to(tmp_path).as_posix()
        (name,) = [schema.name for schema in SCHEMAS.values() if place.startswith(schema.place)]
        frame = pl.read_parquet(path)
        schema = SCHEMAS[name]
        known = [column for column in schema.columns if not column.kind]
        assert dict(frame.schema) == {column.name: column.dtype for column in known}, name
        assert frame.columns == [column.name for column in known]
        for column in known:
            if not column.nullable:
                assert frame[column.name].null_count() == 0, (name, column.name)
            if column.dtype == pl.Float64:
                assert frame[column.name].is_nan().sum() == 0, (name, column.name)
                assert frame[column.name].is_infinite().sum() == 0, (name, column.name)
        assert frame.equals(frame.sort(schema.sort_keys)), f"{name} is not sorted"
        assert frame.select(schema.sort_keys).n_unique() == frame.height, f"{name} repeats a key"
        seen[name] = seen.get(name, 0) + frame.height
    per_block = SCENARIOS * len(system.stages) * 2
    expected = {
        "costs": per_block,
        "hydros": per_block * len(system.hydros),
        "thermals": per_block * len(system.thermals),
        "buses": per_block * len(system.buses),
        "exchanges": per_block * len(system.lines),
        "scenario_summary": SCENARIOS,
        "convergence": 3,
        "timing/mpi_ranks": 3,
        "stage_summary": len(system.stages),
        "timing/iterations": 3 * 2,
        "solver/iterations": 3 * (2 * len(system.stages)),
        "solver/retry_histogram": 0,
        "dictionaries/bounds": len(system.stages)
        * (4 * len(system.hydros) + 2 * len(system.thermals) + 2 * len(system.lines)),
        "diagnostics/stopping_rules": 3,
        "diagnostics/lp_gaps": 0,
        "simulation_lp_gaps": 0,
    }
    if n_lags:
        expected["inflow_lags"] = SCENARIOS * len(system.stages) * len(system.hydros) * n_lags
    assert {name: rows for name, rows in seen.items() if name != "violations/generic"} == expected
    assert seen["violations/generic"] % SCENARIOS == 0


def test_the_dictionaries_describe_the_tables(tmp_path: Path):
    written(policy_of(3), tmp_path, 2)
    for part in ("training", "simulation"):
        variables = pl.read_csv(tmp_path / part / "dictionaries" / "variables.csv")
        listed = {
            (row["table"], row["column"], row["type"], row["nullable"])
            for row in variables.iter_rows(named=True)
        }
        assert listed == {
            (schema.name, c.name, str(c.dtype), "yes" if c.nullable else "no")
            for schema in SCHEMAS.values()
            for c in schema.columns
            if not schema.kind and not c.kind
        }
        json.loads((tmp_path / part / "dictionaries" / "codes.json").read_text())
    state = json.loads(
        (tmp_path / "training" / "dictionaries" / "state_dictionary.json").read_text()
    )["state_variables"]
    n = len(policy_of(3).study.system.hydros)  # type: ignore[union-attr]
    assert [component["type"] for component in state] == ["storage"] * n + ["inflow_lag"] * n


def test_the_same_data_give_the_same_bytes(tmp_path: Path):
    first, second = (written(policy_of(3), tmp_path / name) for name in ("a", "b"))
    assert parquet_files(first) == parquet_files(second)
    assert len([name for name in parquet_files(first) if name.startswith("simulation/hydros")]) == 2
    for name in ("codes.json", "entities.csv", "variables.csv"):
        assert (first / "simulation/dictionaries" / name).read_bytes() == (
            second / "simulation/dictionaries" / name
        ).read_bytes()
    one, two = (load_results(directory).simulation_metadata for directory in (first, second))
    assert one["run_id"] != two["run_id"]
    differing = {key for key in one if one[key] != two[key]}
    assert differing <= {"run_id", "started_at", "finished_at", "duration_seconds", "tables"}


def test_training_twice_differs_in_timings_only(tmp_path: Path):
    chosen = case_of(3, 1, True)
    frames = []
    for name in ("a", "b"):
        ResultsWriter(tmp_path / name).write_training(hw.train(chosen, threads=1), chosen)
        frames.append(load_results(tmp_path / name).convergence.drop(TIMING_COLUMNS))
    assert frames[0].equals(frames[1])


def test_statistics_are_those_of_the_scenarios(tmp_path: Path):
    results = load_results(written(policy_of(3), tmp_path))
    costs = results.summary["total_cost"].to_numpy()
    recorded = results.simulation_metadata["cost"]
    assert len(np.unique(costs)) > 10
    assert recorded["mean"] == pytest.approx(costs.mean(), rel=1e-14)
    assert recorded["std"] == pytest.approx(costs.std(ddof=1), rel=1e-12)
    assert recorded["ci95"] == pytest.approx(
        1.96 * costs.std(ddof=1) / np.sqrt(SCENARIOS), rel=1e-12
    )
    assert (recorded["min"], recorded["max"]) == (costs.min(), costs.max())
    for quantile, value in recorded["quantiles"].items():
        assert value == pytest.approx(np.quantile(costs, int(quantile[1:]) / 100))
    # the worst 5 % of 103 scenarios are five of them and 0.15 of the sixth
    worst = np.sort(costs)[::-1]
    assert recorded["cvar"][0]["tail_fraction"] == 0.05
    assert recorded["cvar"][0]["mean"] == pytest.approx(
        (worst[:5].sum() + 0.15 * worst[5]) / 5.15, rel=1e-12
    )
    metadata = results.simulation_metadata
    for name, value in metadata["categories"].items():
        costs_of = results.summary[f"{name}_cost"].to_numpy()
        assert value["mean"] == pytest.approx(costs_of.mean(), rel=1e-12, abs=1e-9)
        assert (value["max"], value["frequency"]) == (costs_of.max(), (costs_of > 1e-6).mean())
    assert sum(
        value["mean"] for name, value in metadata["categories"].items() if name != "imputed"
    ) == pytest.approx(recorded["mean"], rel=1e-9)
    assert metadata["deficit"]["mean_mwh"] == pytest.approx(results.summary["deficit_mwh"].mean())
    assert metadata["deficit"]["frequency"] == pytest.approx(
        (results.summary["deficit_mwh"].to_numpy() > 1e-6).mean()
    )
    assert metadata["spillage"]["mean_hm3"] == pytest.approx(results.summary["spillage_hm3"].mean())
    assert metadata["scenarios"] == {
        "total": SCENARIOS,
        "completed": SCENARIOS,
        "failed": 0,
        "failures": [],
        "resumed": 0,
    }


def test_tables_add_up_to_the_summary(tmp_path: Path):
    results = load_results(written(policy_of(3), tmp_path))
    per_scenario = (
        results.table("costs")
        .group_by("scenario_id", maintain_order=True)
        .agg((pl.col("immediate_cost") * pl.col("discount_factor")).sum())
    )
    assert per_scenario["immediate_cost"].to_numpy() == pytest.approx(
        results.summary["total_cost"].to_numpy(), rel=1e-9
    )
    deficit = (
        results.table("buses")
        .group_by("scenario_id", maintain_order=True)
        .agg(pl.col("deficit_mwh").sum())
    )
    assert deficit["deficit_mwh"].to_numpy() == pytest.approx(
        results.summary["deficit_mwh"].to_numpy(), abs=1e-6
    )


@pytest.mark.parametrize("n", [1, 10, 20, 21, 60, 140])
def test_the_mean_of_the_worst_is_the_minimum_over_thresholds(n: int):
    """Rockafellar and Uryasev.

    CVaR is the least of threshold plus mean excess over the tail fraction, reached at a sample.
    """
    costs = np.random.default_rng(n).lognormal(size=n)
    least = min(eta + np.maximum(costs - eta, 0).mean() / 0.05 for eta in costs)
    assert worst_mean(costs, 0.05) == pytest.approx(least, rel=1e-12)


def test_a_single_scenario_has_no_spread(tmp_path: Path):
    cost = load_results(written(policy_of(3), tmp_path, 1)).simulation_metadata["cost"]
    assert (cost["std"], cost["ci95"]) == (0.0, 0.0)
    assert cost["mean"] == cost["min"] == cost["max"] == cost["cvar"][0]["mean"]


def _snapshot(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.parent.name != "logs"
    }


@pytest.mark.parametrize("at", [0, 5, 10, 13])
def test_a_simulation_that_cannot_be_written_leaves_earlier_results(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    written(policy_of(3), tmp_path, 4)
    before, real, calls = _snapshot(tmp_path), writer_module.write_parquet, 0

    def write_parquet(frame: pl.DataFrame, path: Path) -> None:
        nonlocal calls
        calls += 1
        if calls - 1 == at:
            raise OSError(28, "No space left on device", str(path))
        real(frame, path)

    monkeypatch.setattr(writer_module, "write_parquet", write_parquet)
    with pytest.raises(ResultsError, match=r"cannot be written to .*No space left") as caught:
        run_simulation(
            case_of(3, 1, True), policy_of(3), tmp_path, n_scenarios=SCENARIOS, threads=1
        )
    assert caught.value.exit_code == 2
    assert calls == at + 1
    tables_of_a_part = len(
        [path for path in before if path.startswith("simulation/") and "/part-" in path]
    )
    kept = ["simulation.partial"] if at >= tables_of_a_part else []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "logs",
        "simulation",
        *kept,
        "training",
    ]
    shutil.rmtree(tmp_path / "simulation.partial", ignore_errors=True)
    assert _snapshot(tmp_path) == before


def test_a_run_that_fails_in_the_middle_of_a_simulation_leaves_earlier_results(tmp_path: Path):
    written(policy_of(3), tmp_path, 4)
    before = _snapshot(tmp_path)

    def explode(event: object) -> None:
        if type(event).__name__ == "SimulationProgress":
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        run_simulation(
            case_of(3, 1, True),
            policy_of(3),
            tmp_path,
            n_scenarios=SCENARIOS,
            threads=1,
            on_event=explode,
        )
    shutil.rmtree(tmp_path / "simulation.partial", ignore_errors=True)
    assert _snapshot(tmp_path) == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_leftovers_of_a_killed_run_are_removed_when_the_next_begins(tmp_path: Path):
    written(policy_of(3), tmp_path, 2)
    before = _snapshot(tmp_path)
    shutil.copytree(
        tmp_path / "training", tmp_path / ".training.tmp-12345678"
    )  # the process died while it wrote these
    (tmp_path / "simulation").rename(tmp_path / ".simulation.tmp-old-12345678")
    assert len(list(tmp_path.iterdir())) == 4
    ResultsWriter(tmp_path).begin()
    assert _snapshot(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "simulation", "training"]


@pytest.mark.parametrize("place", ["file", "file/out", "file/deep/out"])
def test_a_directory_that_cannot_be_written_is_known_before_hours_are_spent(
    place: str, tmp_path: Path
):
    (tmp_path / "file").write_text("x")
    seen: list[object] = []
    with pytest.raises(ResultsError, match=r"results cannot be written to .*file") as caught:
        run_training(case_of(3, 1, True), tmp_path / place, threads=1, on_event=seen.append)
    assert caught.value.exit_code == 2
    assert seen == []
    assert (tmp_path / "file").read_text() == "x"


def test_metadata_are_json_even_when_no_iteration_was_done(tmp_path: Path):
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    policy = policy_of(3)
    assert policy.training is not None
    nothing = dataclasses.replace(policy.training, iterations=(), reason="shutdown")
    early = dataclasses.replace(policy, training=nothing, lower_bound=-np.inf, n_iterations=0)
    ResultsWriter(tmp_path).write_training(early, case_of(3, 1, True))
    metadata = json.loads((tmp_path / "training/metadata.json").read_text(), parse_constant=refuse)
    assert (metadata["lower_bound"]["value"], metadata["status"]) == (None, "interrupted")
    assert load_results(tmp_path).convergence.height == 0
    assert dict(load_results(tmp_path).convergence.schema) == SCHEMAS["convergence"].polars_schema


def test_a_policy_read_from_disk_has_no_training_to_write(tmp_path: Path):
    policy = dataclasses.replace(policy_of(3), training=None)
    with pytest.raises(ResultsError, match="carries no training"):
        ResultsWriter(tmp_path).write_training(policy, case_of(3, 1, True))


def test_all_simulation_tables_have_schemas():
    assert set(SIMULATION_TABLES) < set(SCHEMAS)
    for schema in SCHEMAS.values():
        names = [column.name for column in schema.columns]
        assert len(set(names)) == len(names)
        assert set(schema.sort_keys) <= set(names)
