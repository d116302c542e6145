"""The account of a training.

Where time went, what the solver did, what selection took, which limits were in force.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

import headwater as hw
import headwater.model as m
from headwater.lp.scaling import money_unit
from headwater.results import ResultsWriter, load_results
from headwater.results.dictionaries import bounds_frame, state_dictionary
from headwater.results.pieces import write_warnings
from headwater.results.training_frames import retry_frame, solver_frame
from headwater.sddp.passes.effort_meter import joined_efforts
from headwater.sddp.records.effort import StageEffort
from headwater.sddp.stage.problems import build_problems
from same_results import contents
from small_systems import random_system, study

ITERATIONS, PASSES, OPENINGS = 4, 3, 3


@cache
def trained(threads: int = 1, cap: int | None = None) -> hw.Policy:
    chosen = study(
        random_system(5, n_openings=OPENINGS, n_lags=1),
        iterations=ITERATIONS,
        forward_passes=PASSES,
        method="penalty",
    )
    if cap is not None:
        selection = m.CutSelection(max_active_per_stage=cap)
        chosen = replace(
            chosen,
            config=replace(
                chosen.config, training=replace(chosen.config.training, cut_selection=selection)
            ),
        )
    return hw.train(chosen, threads=threads)


def written(directory: Path, policy: hw.Policy) -> Path:
    assert policy.study is not None
    ResultsWriter(directory).write_training(policy, policy.study)
    return directory / "training"


def test_solver_counts_are_the_problems_of_the_algorithm(tmp_path: Path):
    solver = pl.read_parquet(written(tmp_path, trained()) / "solver" / "iterations.parquet")
    stages = [stage.stage_id for stage in trained().stages]
    for phase, per_stage, at in (
        ("forward", PASSES, stages),
        ("backward", PASSES * OPENINGS, stages[1:]),
        ("lower_bound", OPENINGS, [-1]),
    ):
        rows = solver.filter(pl.col("phase") == phase)
        assert rows["stage"].to_list() == at * ITERATIONS
        assert set(rows["lp_solves"]) == {per_stage}
    convergence = load_results(tmp_path).convergence
    solves = solver.group_by("iteration", maintain_order=True).agg(
        pl.col("lp_solves").cast(pl.Int64).sum(), pl.col("lp_retries").sum()
    )
    assert solves["lp_solves"].to_list() == convergence["lp_solves"].to_list()
    assert solves["lp_retries"].to_list() == convergence["lp_retries"].to_list()
    assert (solver["lp_successes"] == solver["lp_solves"]).all()
    assert (solver["solve_time_ms"] > 0).all()
    assert solver["simplex_iterations"].sum() == trained().training.solver_counts["pivots"]  # type: ignore[union-attr]


def test_the_account_of_the_solver_does_not_depend_on_threads(tmp_path: Path):
    one, three = (written(tmp_path / str(n), trained(n, 4)) for n in (1, 3))
    patterns = (
        "solver/*",
        "cut_selection/*",
        "dictionaries/*",
        "convergence.parquet",
        "scaling_report.json",
    )
    assert contents(one, *patterns) == contents(three, *patterns)
    assert len(contents(one, *patterns)) == 11


def test_every_worker_and_every_iteration_has_its_time(tmp_path: Path):
    timing = pl.read_parquet(written(tmp_path, trained(3)) / "timing" / "iterations.parquet")
    assert timing["iteration"].to_list() == [k for k in range(1, ITERATIONS + 1) for _ in range(4)]
    assert timing["worker_id"].to_list() == [None, 0, 1, 2] * ITERATIONS
    whole = timing.filter(pl.col("worker_id").is_null())
    steps = [name for name in timing.columns if name.endswith("_ms")]
    assert all(whole[name].null_count() == 0 for name in steps)
    convergence = load_results(tmp_path).convergence
    assert whole["forward_wall_ms"].to_list() == convergence["time_forward_ms"].to_list()
    workers = (
        timing.filter(pl.col("worker_id").is_not_null())
        .group_by("iteration", maintain_order=True)
        .agg(pl.col("forward_wall_ms").max())
    )
    assert (workers["forward_wall_ms"] <= whole["forward_wall_ms"] + 2).all()


def test_selection_is_accounted_for_wherever_it_acted(tmp_path: Path):
    policy = trained(1, 4)
    selection = pl.read_parquet(written(tmp_path, policy) / "cut_selection" / "iterations.parquet")
    assert selection.height == ITERATIONS * (len(policy.stages) - 1)
    assert (
        selection["cuts_active_after"]
        == selection["cuts_active_before"] - selection["cuts_deactivated"]
    ).all()
    assert (
        selection["active_after_budget"]
        == selection["cuts_active_after"] - selection["budget_evicted"]
    ).all()
    removed = selection.group_by("iteration", maintain_order=True).agg(
        pl.col("budget_evicted").sum()
    )
    assert (
        removed["budget_evicted"].to_list()
        == load_results(tmp_path).convergence["cuts_removed"].to_list()
    )
    assert selection["budget_evicted"].sum() > 0
    assert not (written(tmp_path / "none", trained()) / "cut_selection").exists()


def test_attempts_of_hard_problems_are_told_by_number():
    efforts = [
        StageEffort(
            2,
            "backward",
            1,
            {"solves": 9, "retried": 3, "attempts": 5, "level: 1": 2, "level: 3": 1, "pivots": 7},
        ),
        StageEffort(1, "forward", 0, {"solves": 4, "reason: kernel: no factorisation": 1}),
        StageEffort(
            2,
            "backward",
            1,
            {"solves": 1, "retried": 1, "attempts": 1, "level: 1": 1, "solve": 0.25},
        ),
    ]
    joined = joined_efforts([efforts[:2], efforts[2:]])
    assert [(one.iteration, one.phase) for one in joined] == [(1, "forward"), (2, "backward")]
    histogram = retry_frame(joined, [10, 20])
    assert histogram.rows() == [(2, "backward", 20, 1, 3), (2, "backward", 20, 3, 1)]
    solver = solver_frame(joined, [10, 20])
    assert solver["lp_retries"].to_list() == [0, 4]
    assert histogram["count"].sum() == solver["lp_retries"].sum()
    assert solver["basis_consistency_failures"].to_list() == [1, 0]
    assert solver["solve_time_ms"].to_list() == [0.0, 250.0]


def test_limits_in_the_dictionary_are_those_of_the_system(tmp_path: Path):
    system = trained().study.system  # type: ignore[union-attr]
    frame = bounds_frame(system)
    rng = np.random.default_rng(0)
    hydro = {0: "storage_hm3", 2: "turbined_m3s", 4: "outflow_m3s", 6: "generation_mw"}
    for row in rng.choice(frame.height, 200):
        code, entity, stage, block, bound, lower, upper = frame.row(int(row))
        t = system.stage_index[stage]
        if code == 0:
            limits, h = system.bounds.hydro, system.hydro_index[entity]
            low, high = (
                getattr(limits, f"min_{hydro[bound]}")[h, t],
                getattr(limits, f"max_{hydro[bound]}")[h, t],
            )
        elif code == 1:
            i = system.thermal_index[entity]
            low, high = (
                getattr(system.bounds.thermal, f"{end}_generation_mw")[i, t, block]
                for end in ("min", "max")
            )
        else:
            assert code == 3
            i = system.line_index[entity]
            low, high = (
                -system.bounds.line.reverse_mw[i, t, block],
                system.bounds.line.direct_mw[i, t, block],
            )
        assert (lower, np.inf if upper is None else upper) == (low, high)
    assert set(frame["entity_type_code"]) == {0, 1, 3}


def test_the_state_dictionary_names_every_component():
    layout = trained().layout
    found = state_dictionary(layout)
    assert [entry["dimension_index"] for entry in found["state_variables"]] == list(
        range(layout.dimension)
    )
    assert found["state_variables"][0] == {
        "dimension_index": 0,
        "type": "storage",
        "entity_type": "hydro",
        "entity_id": layout.block("storage").ids[0],
        "unit": "hm3",
    }
    last = found["state_variables"][-1]
    assert (last["type"], last["lag_index"], last["unit"]) == ("inflow_lag", 1, "m3/s")


def test_the_scaling_report_measures_every_stage_program(tmp_path: Path):
    policy = trained()
    report = json.loads((written(tmp_path, policy) / "scaling_report.json").read_text())
    assert [stage["stage_id"] for stage in report["stages"]] == [
        stage.stage_id for stage in policy.stages
    ]
    for stage in report["stages"]:
        assert stage["n_nz"] > stage["n_rows"] > 0
        assert stage["before"]["cost_max"] > stage["after"]["cost_max"] > 0.0
        assert 0.5 < stage["after"]["coefficient_max"] <= 2.0
    assert policy.study is not None
    templates = [stage.template for stage in build_problems(policy.study).stages]
    assert report["cost_scale"] == money_unit(templates)


def test_warnings_are_lines_with_their_code_apart(tmp_path: Path):
    write_warnings(
        tmp_path / "d" / "warnings.jsonl", ["HW614 odd numbers", "3 inflows were negative"]
    )
    lines = [
        json.loads(line) for line in (tmp_path / "d" / "warnings.jsonl").read_text().splitlines()
    ]
    assert lines == [
        {"code": "HW614", "message": "odd numbers"},
        {"code": None, "message": "3 inflows were negative"},
    ]


def test_visited_states_are_written_with_the_policy_when_they_are_asked_for(tmp_path: Path):
    chosen = trained().study
    assert chosen is not None
    asked = replace(chosen, config=replace(chosen.config, export_states=True))
    policy = hw.train(asked, threads=1)
    hw.save_policy(policy, tmp_path / "policy")
    stored = hw.load_policy(tmp_path / "policy").progress
    assert stored is not None
    assert len(stored.parts["states"]) == len(policy.stages)
    for t, stage in enumerate(stored.parts["states"]):
        visits = stage["states"]
        assert visits.shape == (ITERATIONS * PASSES, policy.layout.dimension)
        assert stage["iteration"].tolist() == [
            k for k in range(1, ITERATIONS + 1) for _ in range(PASSES)
        ]
        hydros = asked.system.bounds.hydro
        assert (
            visits[:, : policy.layout.size("storage")] <= hydros.max_storage_hm3[:, t] + 1e-9
        ).all()
    assert (
        sorted(
            path.name for path in next(iter((tmp_path / "policy").glob("ckpt-*/states"))).iterdir()
        )[0]
        == "stage_0000.hwp"
    )
    assert [pool.n_populated for pool in policy.pools] == [
        pool.n_populated for pool in trained().pools
    ]
    assert policy.lower_bound == trained().lower_bound
    assert trained().progress is not None
    assert "states" not in trained().progress.parts
