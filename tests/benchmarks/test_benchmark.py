"""Benchmarks: the ways are compared on the same work, and the report says what was measured."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from headwater.case import Case, load_case
from headwater.errors import UsageError
from headwater.model import Formulation, IterationLimit
from headwater.sddp.training.train import train_policy
from headwater_bench import compare, comparison_table, effort_table, record_workload
from headwater_bench.comparison import CONDENSED, ENGINE, REFERENCE
from headwater_bench.synthetic import SyntheticSize, write_synthetic
from headwater_bench.workload import set_up

SIZE = SyntheticSize(
    hydros=3,
    lags=2,
    stages=3,
    openings=4,
    blocks=2,
    thermals=3,
    cascade=2,
    fpha_share=0.4,
    forward_passes=2,
    iterations=3,
)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return load_case(write_synthetic(tmp_path_factory.mktemp("synthetic") / "case", SIZE))


def test_three_ways_solve_the_same_programs(case: Case):
    comparison = compare(record_workload(case, cuts=6), repeats=1)
    assert [way.name for way in comparison.ways] == [REFERENCE, CONDENSED, ENGINE]
    assert all(way.largest_difference < 1e-7 for way in comparison.ways)
    assert comparison.n_cuts == 6
    assert comparison.n_programs == 2 * 2 * 4 == sum(stage.solves for stage in comparison.stages)
    assert [stage.position for stage in comparison.stages] == [2, 1]
    assert all(way.seconds_per_program > 0 for way in comparison.ways)
    table = comparison_table(comparison)
    assert f"{comparison.speed_up():.1f} times as fast as the reference" in table
    assert effort_table(comparison).count("\n") == 3


def test_the_workload_is_the_last_backward_pass_of_a_training(case: Case):
    training = dataclasses.replace(case.config.training, stopping_rules=(IterationLimit(3),))
    policy = train_policy(
        dataclasses.replace(case, config=dataclasses.replace(case.config, training=training))
    )
    workload = record_workload(case, cuts=6)
    for recorded, trained in zip(workload.pools, policy.pools, strict=True):
        assert np.array_equal(
            recorded.coefficients[: recorded.n_populated],
            trained.coefficients[: trained.n_populated],
        )
    assert workload.known == (4, 4, 0)
    bench = set_up(workload, Formulation.CONDENSED, batched=True)
    assert [stage.rows.n_rows for stage in bench.problems.stages] == [6, 6, 0]


def test_fewer_trials_can_be_kept(case: Case):
    assert record_workload(case, cuts=2, trials=1).n_trials == 1


def test_a_study_of_one_stage_has_nothing_to_time(tmp_path: Path):
    one = load_case(write_synthetic(tmp_path / "one", dataclasses.replace(SIZE, stages=1)))
    with pytest.raises(UsageError, match="two stages"):
        record_workload(one, cuts=2)
