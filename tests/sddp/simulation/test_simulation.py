"""Simulation: scenarios that cannot be solved, how parts are cut, and the account of what
happened.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import headwater as hw
import headwater.model as m
from headwater.errors import SolverError
from headwater.sddp import SimulationChunk, SimulationRecord, StageMoments
from headwater.sddp.simulation import parts
from headwater.sddp.simulation.simulation import simulate_policy
from headwater.sddp.stage.solver_pool import SolverPool
from small_systems import random_system, study


@cache
def policy_of(seed: int = 3) -> hw.Policy:
    return hw.train(
        study(random_system(seed, n_lags=1), iterations=4, method="truncation"), threads=1
    )


def settings(**changes: Any) -> m.Study:
    chosen = policy_of().study
    assert chosen is not None
    return replace(
        chosen,
        config=replace(chosen.config, simulation=replace(chosen.config.simulation, **changes)),
    )


def simulated(
    chosen: m.Study, n: int = 40, **options: Any
) -> tuple[SimulationRecord, list[SimulationChunk]]:
    chunks: list[SimulationChunk] = []
    return simulate_policy(
        policy_of(), chosen, n_scenarios=n, sink=chunks.append, **options
    ), chunks


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Scenarios to refuse, with the stage position where they fail; filled by the test."""
    failing: dict[int, int] = {}
    original = SolverPool.solve_each

    def solve_each(
        self: SolverPool, t: int, states: Any, noise: Any, bases: Any, **options: Any
    ) -> Any:
        for place, number in enumerate(options.get("numbers", ())):
            if failing.get(int(number)) == t:
                error = SolverError(f"no luck with scenario {number}", scenario=int(number))
                error.trial = place
                raise error
        return original(self, t, states, noise, bases, **options)

    monkeypatch.setattr(SolverPool, "solve_each", solve_each)
    return failing


@pytest.mark.parametrize("threads", [1, 3])
def test_scenarios_that_fail_are_left_out_and_the_others_come_out_the_same(
    broken: dict[int, int], threads: int
):
    whole, chunks = simulated(settings(), 400)
    broken |= {7: 0, 8: 2, 250: 1}
    record, partial = simulated(settings(), 400, threads=threads)
    assert [(f.scenario_id, f.stage_id) for f in record.failures] == [
        (number, whole_stage(stage)) for number, stage in sorted(broken.items())
    ]
    assert "no luck with scenario 8" in record.failures[1].message
    failed = np.isin(record.summary.scenario_id, list(broken))
    assert (record.summary.failed == failed).all()
    assert np.isnan(record.summary.total_cost[failed]).all()
    assert (record.summary.total_cost[~failed] == whole.summary.total_cost[~failed]).all()
    assert record.summary.mean_cost == whole.summary.total_cost[~failed].mean()
    assert record.summary.lp_solves[8] == 2
    assert any("3 of 400 scenarios could not be solved" in text for text in record.warnings)
    for before, after in zip(chunks, partial, strict=True):
        kept = np.isin(before.scenario_ids, after.scenario_ids)
        assert list(after.scenario_ids) == [i for i in before.scenario_ids if i not in broken]
        for name, columns in before.tables.items():
            for column, values in columns.items():
                rows = values.reshape(len(before.scenario_ids), -1)[kept].ravel()
                assert np.array_equal(
                    rows, after.tables[name][column], equal_nan=rows.dtype.kind == "f"
                ), (name, column)


def whole_stage(position: int) -> int:
    return policy_of().stages[position].stage_id


def test_more_than_one_scenario_in_a_hundred_ends_the_simulation(broken: dict[int, int]):
    broken |= {3: 1, 120: 1}
    record, _ = simulated(settings(), 200)
    assert len(record.failures) == 2
    broken[130] = 0
    with pytest.raises(
        SolverError, match=r"more than the 1 % that may be left out \(simulation.on_failure\)"
    ):
        simulated(settings(), 200)


def test_a_failure_ends_a_simulation_that_does_not_skip(broken: dict[int, int]):
    broken[150] = 1
    with pytest.raises(SolverError, match="no luck with scenario 150"):
        simulated(settings(on_failure=m.OnFailure.ABORT), 200)


@pytest.mark.parametrize("part", [1, 7, 100])
def test_how_a_simulation_is_cut_into_parts_changes_nothing(
    part: int, monkeypatch: pytest.MonkeyPatch
):
    reference, _ = simulated(settings(), 23)
    monkeypatch.setattr(parts, "CHUNK_SCENARIOS", part)
    record, chunks = simulated(settings(), 23, threads=2)
    assert [len(chunk.scenario_ids) for chunk in chunks] == [part] * (23 // part) + [23 % part] * (
        23 % part > 0
    )
    assert (record.summary.total_cost == reference.summary.total_cost).all()
    assert reference.moments is not None
    assert record.moments is not None
    for name, mean in reference.moments.mean.items():
        assert record.moments.mean[name] == pytest.approx(mean, rel=1e-12)
        assert record.moments.std(name) == pytest.approx(
            reference.moments.std(name), rel=1e-9, abs=1e-9
        )


def test_parts_of_large_systems_hold_fewer_scenarios(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "CHUNK_BYTES", 1)
    _, chunks = simulated(settings(), 3)
    assert [len(chunk.scenario_ids) for chunk in chunks] == [1, 1, 1]


def test_what_happens_at_a_stage_is_what_the_tables_say():
    record, (chunk,) = simulated(settings(), 30)
    assert record.moments is not None
    n, stages = 30, [stage.stage_id for stage in policy_of().stages]

    def per_stage(table: str, column: str, block: int | None = None) -> np.ndarray:
        columns = chunk.tables[table]
        rows = (
            columns["stage_id"].reshape(n, -1),
            columns[column].reshape(n, -1),
            columns["block_id"].reshape(n, -1),
        )
        return np.array(
            [
                [
                    rows[1][k][(rows[0][k] == s) & ((block is None) | (rows[2][k] == block))].sum()
                    for s in stages
                ]
                for k in range(n)
            ]
        )

    expected = {
        "immediate_cost": per_stage("costs", "immediate_cost"),
        "future_cost": per_stage("costs", "future_cost"),
        "load_mwh": per_stage("buses", "load_mwh"),
        "deficit_mwh": per_stage("buses", "deficit_mwh"),
        "hydro_mwh": per_stage("hydros", "generation_mwh"),
        "thermal_mwh": per_stage("thermals", "generation_mwh"),
        "storage_final_hm3": per_stage("hydros", "storage_final_hm3", 0),
    }
    for name, values in expected.items():
        assert record.moments.mean[name] == pytest.approx(
            values.mean(axis=0), rel=1e-9, abs=1e-9
        ), name
        assert record.moments.std(name) == pytest.approx(
            values.std(axis=0, ddof=1), rel=1e-6, abs=1e-6
        ), name
        assert record.moments.largest[name] == pytest.approx(
            values.max(axis=0), rel=1e-9, abs=1e-9
        ), name


def test_a_summary_reads_no_tables():
    record, chunks = simulated(settings(detail=m.SimulationDetail.SUMMARY), 5)
    full, _ = simulated(settings(), 5)
    assert [chunk.tables for chunk in chunks] == [{}]
    assert (record.summary.total_cost == full.summary.total_cost).all()


def test_merging_moments_is_taking_them_of_all():
    rng = np.random.default_rng(1)
    values = {"a": rng.lognormal(size=(50, 4)) * 1e6}
    merged = StageMoments.of({"a": values["a"][:0]})
    for start in range(0, 50, 9):
        merged = merged.merged(StageMoments.of({"a": values["a"][start : start + 9]}))
    assert merged.n == 50
    assert merged.mean["a"] == pytest.approx(values["a"].mean(axis=0), rel=1e-13)
    assert merged.std("a") == pytest.approx(values["a"].std(axis=0, ddof=1), rel=1e-12)
    assert (merged.largest["a"] == values["a"].max(axis=0)).all()
