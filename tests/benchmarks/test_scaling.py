"""Scaling over threads and ranks.

The work is what was asked for, everybody learns the same, and failures are told.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from headwater.case import Case, load_case
from headwater.distributed import RankStarter
from headwater.errors import HeadwaterError
from headwater.sddp import Policy, train_policy
from headwater.sddp.records.effort import StageEffort
from headwater.sddp.records.training import RankTiming
from headwater_bench import (
    Scaling,
    TrainingTimes,
    Workers,
    scaling_report,
    time_scaling,
    training_times,
)
from headwater_bench.iteration_times import iteration_table, time_iterations
from headwater_bench.scaling import time_on_ranks
from headwater_bench.synthetic import SyntheticSize, write_synthetic
from rank_processes import requires_mpi

SIZE = SyntheticSize(
    hydros=3,
    lags=1,
    stages=3,
    openings=3,
    blocks=1,
    thermals=3,
    cascade=2,
    forward_passes=2,
    iterations=2,
)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return load_case(write_synthetic(tmp_path_factory.mktemp("scaling") / "case", SIZE))


def test_threads_share_the_same_passes_or_get_as_many_each(case: Case):
    told: list[str] = []
    scaling = time_scaling(case, (2, 1), repeats=1, say=told.append)
    assert [one.workers for one in scaling.strong] == [Workers(1, 1, 2), Workers(1, 2, 2)]
    assert [one.workers for one in scaling.weak] == [Workers(1, 1, 2), Workers(1, 2, 4)]
    assert scaling.weak[0] is scaling.strong[0]
    alone, pair = scaling.strong
    # one bound of the first stage for three openings, forward and backward passes of two stages and
    # all openings after it
    assert alone.programs == pair.programs == 2 * (2 * (3 + 2 * 3) + 3)
    assert scaling.weak[1].programs == 2 * (4 * (3 + 2 * 3) + 3)
    assert alone.lower_bound == pair.lower_bound == train_policy(case).lower_bound
    for one in (*scaling.strong, *scaling.weak):
        assert 0.0 < one.solver_share < 1.0
        assert one.exchange_share == 0.0
        assert one.waiting_share == 0.0
        assert one.solver_share + one.elsewhere_share == pytest.approx(1.0)
    assert told == ["training on 1 thread with 2 forward passes, 2 threads with 2 forward passes, "
                    "2 threads with 4 forward passes, 1 times each"]  # fmt: skip


@requires_mpi
def test_ranks_learn_what_one_process_learns_and_say_what_they_exchanged(case: Case):
    scaling = time_scaling(case, (1,), ranks=(1, 2), weak=False, repeats=1)
    one, two = scaling.strong
    assert scaling.weak == ()
    assert two.workers == Workers(2, 1, 2)
    assert two.lower_bound == one.lower_bound == train_policy(case).lower_bound
    assert two.programs == one.programs
    assert one.exchange_share == one.waiting_share == 0.0
    assert 0.0 < two.exchange_share < 1.0
    assert 0.0 < two.waiting_share < 1.0
    assert two.exchange_share + two.waiting_share + two.solver_share < 1.0


@requires_mpi
def test_ranks_that_fail_are_heard(tmp_path: Path):
    with pytest.raises(
        HeadwaterError, match="the training on 2 ranks of 1 thread with 2 forward passes failed:"
    ) as caught:
        time_on_ranks(tmp_path, Workers(2, 1, 2), RankStarter(), repeats=1)
    assert "config.json" in str(caught.value)
    assert caught.value.exit_code == 1


@requires_mpi
def test_a_launcher_that_starts_another_number_is_refused(case: Case, tmp_path: Path):
    launcher = tmp_path / "launcher"
    launcher.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    launcher.chmod(0o755)
    with pytest.raises(
        HeadwaterError, match="2 ranks were asked for, but the launcher started 1"
    ) as caught:
        time_on_ranks(case.root, Workers(2, 1, 2), RankStarter(f"{launcher} -n"), repeats=1)
    assert caught.value.exit_code == 64


def times(workers: Workers, **changes: float) -> TrainingTimes:
    known = TrainingTimes(workers, 2, 2.0, 1000, 0.6, 0.02, 0.08, 7.5)
    return dataclasses.replace(known, **changes)


def test_a_share_is_that_of_all_workers_and_what_is_left_is_spent_elsewhere(
    case: Case, monkeypatch: pytest.MonkeyPatch
):
    policy = train_policy(case)
    assert policy.training is not None

    def spent(scale: float) -> Policy:
        efforts = tuple(
            StageEffort(1, "forward", t, {"solve": scale * s}) for t, s in enumerate((1.0, 3.5))
        )
        timings = tuple(
            RankTiming(1, rank, 0.0, 0.0, scale * exchanged, scale * idle, 0, 0)
            for rank, (exchanged, idle) in enumerate(((0.25, 0.5), (0.75, 2.0)))
        )
        record = dataclasses.replace(policy.training, efforts=efforts, rank_timings=timings)
        return dataclasses.replace(policy, training=record)

    # rounds of 9, 2, 5 and 4 seconds, of which the first warms up
    clock = iter([0.0, 9.0, 10.0, 12.0, 20.0, 25.0, 30.0, 34.0])
    trainings = iter([spent(100.0), spent(1.0), spent(1.0), spent(1.0)])
    monkeypatch.setattr(training_times.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(training_times, "train_policy", lambda *_, **__: next(trainings))
    (found,) = training_times.time_training(case, [Workers(2, 3, 2)], repeats=3)
    assert found.seconds == 4.0
    # the middle one of three: 4 seconds of 6 threads solve for 4.5; 2 ranks
    # exchange for 1, wait for 2.5
    assert found.solver_share == pytest.approx(4.5 / 24)
    assert found.exchange_share == pytest.approx(1.0 / 8)
    assert found.waiting_share == pytest.approx(2.5 / 8)
    assert found.elsewhere_share == pytest.approx(1.0 - (4.5 + 3.0 + 7.5) / 24)
    assert dataclasses.replace(found, solver_share=0.9).elsewhere_share == 0.0


def test_the_report_compares_with_the_first_and_says_where_the_time_went():
    strong = (times(Workers(1, 1, 8)), times(Workers(2, 1, 8), seconds=1.25))
    text = scaling_report(Scaling(strong, (strong[0], times(Workers(2, 1, 16), programs=1800))))
    assert "| 2 | 1 | 8 | 1.25 s | 800 | 1.60 | 60% | 2.0% | 8.0% | 30% |" in text
    assert "| 2 | 1 | 16 | 2.00 s | 900 | 1.80 |" in text
    assert "learned the same from the same forward passes: lower bound 7.5." in text
    assert "take turns" not in text


def test_the_report_says_when_processors_are_short_and_when_bounds_differ():
    strong = (times(Workers(1, 1, 8)), times(Workers(2, 2, 8), lower_bound=7.25))
    text = scaling_report(Scaling(strong, ()))
    assert "There are 2 processors. More workers than that take turns" in text
    assert "LEARNED DIFFERENTLY" in text
    assert "As many forward passes for each worker" not in text


def test_iterations_are_timed_without_the_first_and_held_against_the_first_threads(case: Case):
    told: list[str] = []
    times = list(time_iterations("small", case, (1, 3), 2, seconds=0.0, say=told.append))
    assert [one.threads for one in times] == [1, 3]
    assert [one.iterations for one in times] == [2, 2]
    assert times[0].against_first == 1.0
    assert times[1].against_first == times[0].seconds / times[1].seconds
    assert len({one.lower_bound for one in times}) == 1
    for one in times:
        assert 0.0 < one.forward_seconds + one.backward_seconds + one.bound_seconds < one.seconds
        assert 0.0 < one.solver_share < 1.0
    assert len(told) == 3
    assert json.loads(times[0].json_line())["forward_passes"] == 2
    assert iteration_table(times).count("| small | 2 |") == 2
    assert "DIFFERENTLY" not in iteration_table(times)
    other = dataclasses.replace(times[1], lower_bound=times[0].lower_bound + 1.0)
    assert "DIFFERENTLY in small with 2 forward passes" in iteration_table([times[0], other])
