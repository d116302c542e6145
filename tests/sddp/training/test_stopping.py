"""When training ends."""

from __future__ import annotations

import dataclasses

import pytest

from headwater.errors import ModelError
from headwater.model import (
    BoundStalling,
    Gap,
    IterationLimit,
    SimulationStalling,
    SmallChanges,
    StatisticalGap,
    StoppingMode,
    TimeLimit,
    TrainingConfig,
)
from headwater.sddp.records.training import IterationRecord, RuleSimulation
from headwater.sddp.training.stopping import Verdict, evaluate_rules, simulations_due
from headwater.sddp.training.stopping import verdict as judge


def history(bounds: list[float], seconds_each: float = 1.0) -> list[IterationRecord]:
    base = IterationRecord(1, 0, 0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0)
    return [
        dataclasses.replace(base, iteration=k, lower_bound=bound, elapsed_seconds=k * seconds_each)
        for k, bound in enumerate(bounds, 1)
    ]


def config(*rules: object, mode: StoppingMode = StoppingMode.ANY) -> TrainingConfig:
    return TrainingConfig(1, (*rules, IterationLimit(100)), stopping_mode=mode)  # type: ignore[arg-type]


def verdict(settings: TrainingConfig, records: list[IterationRecord]) -> Verdict | None:
    return judge(settings, evaluate_rules(settings, records))


def test_training_goes_on_while_no_rule_holds():
    assert verdict(config(BoundStalling(2, 1e-3)), history([1.0, 2.0, 3.0])) is None


def test_the_iteration_limit_is_not_convergence():
    outcome = verdict(TrainingConfig(1, (IterationLimit(2),)), history([1.0, 1.0]))
    assert outcome is not None
    assert (outcome.reason, outcome.converged) == ("iteration_limit", False)


def test_the_time_limit_counts_elapsed_seconds():
    assert verdict(config(TimeLimit(5.0)), history([1.0] * 4)) is None
    outcome = verdict(config(TimeLimit(5.0)), history([1.0] * 5))
    assert outcome is not None
    assert outcome.reason == "time_limit"


def test_stalling_compares_with_the_bound_so_many_iterations_ago():
    rule = BoundStalling(1, 1e-3)
    assert verdict(config(rule), history([100.0])) is None
    outcome = verdict(config(rule), history([100.0, 100.05]))
    assert outcome is not None
    assert (outcome.reason, outcome.converged) == ("bound_stalling", True)
    assert verdict(config(BoundStalling(2, 1e-3)), history([50.0, 100.0, 100.05])) is None


def test_small_changes_must_come_in_a_row_and_not_too_early():
    rule = SmallChanges(tolerance=1e-3, times=2)
    assert verdict(config(rule), history([100.0, 100.01])) is None
    assert verdict(config(rule), history([90.0, 100.0, 100.01])) is None
    outcome = verdict(config(rule), history([90.0, 100.0, 100.01, 100.05]))
    assert outcome is not None
    assert outcome.converged
    assert outcome.reason == "small_changes"
    patient = dataclasses.replace(rule, minimum_iterations=5)
    assert verdict(config(patient), history([90.0, 100.0, 100.01, 100.05])) is None
    assert verdict(config(patient), history([90.0, 100.0, 100.01, 100.05, 100.05])) is not None


@pytest.mark.parametrize(("times", "minimum"), [(0, 1), (1, 0)])
def test_small_changes_without_a_number_are_refused(times: int, minimum: int):
    with pytest.raises(ModelError):
        SmallChanges(1e-3, times, minimum)


def test_under_all_the_tests_must_hold_together_but_limits_end_alone():
    both = (BoundStalling(1, 1e-3), BoundStalling(2, 1e-6))
    assert verdict(config(*both, mode=StoppingMode.ALL), history([50.0, 100.0, 100.01])) is None
    assert verdict(config(*both, mode=StoppingMode.ALL), history([100.0, 100.0, 100.0])) is not None
    limited = verdict(
        config(*both, mode=StoppingMode.ALL), history([float(k * 10) for k in range(100)])
    )
    assert limited is not None
    assert limited.reason == "iteration_limit"


def test_training_needs_an_iteration_limit():
    with pytest.raises(ModelError, match="iteration limit"):
        TrainingConfig(1, (TimeLimit(3.0),))


@pytest.mark.parametrize(
    ("rule", "upper", "met"),
    [
        (Gap(tolerance=5.0), 105.0, True),
        (Gap(tolerance=5.0), 105.1, False),
        (Gap(relative_tolerance=0.1), 110.0, True),
        (Gap(relative_tolerance=0.1), 110.1, False),
        (Gap(tolerance=5.0, relative_tolerance=0.1), 109.0, True),
        (Gap(tolerance=5.0), None, False),
    ],
)
def test_the_gap_is_that_between_the_two_bounds(rule: Gap, upper: float | None, met: bool):
    records = [dataclasses.replace(record, upper_bound=upper) for record in history([100.0])]
    (evaluation, _) = evaluate_rules(config(rule), records)
    assert (evaluation.rule, evaluation.met) == ("gap", met)
    assert (evaluation.value is None) == (upper is None)
    assert (verdict(config(rule), records) is not None) == met


def with_costs(
    bounds: list[float], means: list[float], stds: list[float], passes: int
) -> list[IterationRecord]:
    return [
        dataclasses.replace(record, simulated_mean=mean, simulated_std=std, forward_passes=passes)
        for record, mean, std in zip(history(bounds), means, stds, strict=True)
    ]


def test_the_statistical_gap_pools_the_costs_of_its_window():
    """Costs 90, 110 and 100, 120: mean 105, deviation 12.91.

    1.645 deviations of the mean are 10.62, 10.11 %.
    """
    records = with_costs([0.0, 95.0], [100.0, 110.0], [200**0.5, 200**0.5], 2)
    (evaluation, _) = evaluate_rules(config(StatisticalGap(0.95, 0.11, window=2)), records)
    assert evaluation.met
    assert evaluation.value == pytest.approx(1.6448536 * (500 / 3 / 4) ** 0.5 / 105.0)
    assert not evaluate_rules(config(StatisticalGap(0.95, 0.10, window=2)), records)[0].met


@pytest.mark.parametrize(
    ("rule", "bound"),
    [
        (StatisticalGap(0.95, 0.5, window=2), 94.0),
        (StatisticalGap(0.95, 0.5, window=3), 105.0),
        (StatisticalGap(0.95, 0.5, window=2, min_iterations=3), 105.0),
    ],
    ids=["bound below the interval", "window not full", "too early"],
)
def test_the_statistical_gap_waits(rule: StatisticalGap, bound: float):
    records = with_costs([0.0, bound], [100.0, 110.0], [200**0.5, 200**0.5], 2)
    assert not evaluate_rules(config(rule), records)[0].met
    assert verdict(config(rule), records) is None


L2 = SimulationStalling(4, 2, 1, 0.1, 0.01, norm="l2")
SIMULATION = SimulationStalling(
    replications=4, period=2, bound_window=1, distance_tol=0.1, bound_tol=0.01
)


@pytest.mark.parametrize(
    ("bounds", "due"),
    [
        ([100.0, 100.5], True),
        ([100.0, 102.0], False),
        ([100.0, 100.0, 100.0], False),
        ([100.0], False),
    ],
    ids=["stable", "moving", "not its turn", "no window yet"],
)
def test_a_simulation_is_due_at_its_period_when_the_bound_is_stable(bounds: list[float], due: bool):
    settings = TrainingConfig(1, (IterationLimit(9), SIMULATION))
    assert simulations_due(settings, len(bounds), bounds) == ([(1, 4)] if due else [])


def test_the_simulation_rule_compares_the_last_two_checks():
    def records(*costs: tuple[float, ...] | None) -> list[IterationRecord]:
        return [
            dataclasses.replace(record, simulations=() if c is None else (RuleSimulation(0, c),))
            for record, c in zip(history([1.0] * len(costs)), costs, strict=True)
        ]

    settings = config(SIMULATION)
    assert verdict(settings, records((100.0, 50.0))) is None
    assert verdict(settings, records((100.0, 50.0), (120.0, 50.0))) is None
    outcome = verdict(settings, records((100.0, 50.0), None, (110.0, 50.0)))
    assert outcome == Verdict("simulation", converged=True)
    assert verdict(settings, records((100.0, 50.0), (100.0, 50.0), None)) is None


def test_the_distance_of_stage_costs_is_relative_and_does_not_grow_with_the_horizon():
    now, before = [110.0, 0.5], [100.0, 0.2]
    assert L2.distance(now, before) == pytest.approx((0.1**2 + 0.3**2) ** 0.5)
    assert SIMULATION.distance(now, before) == pytest.approx(((0.1**2 + 0.3**2) / 2) ** 0.5)
    assert SIMULATION.distance(now * 7, before * 7) == pytest.approx(
        SIMULATION.distance(now, before)
    )


@pytest.mark.parametrize(
    "wrong",
    [
        Gap,
        lambda: Gap(tolerance=-1.0),
        lambda: StatisticalGap(confidence=1.0),
        lambda: StatisticalGap(window=0),
        lambda: SimulationStalling(0, 1, 1, 0.1, 0.1),
        lambda: SimulationStalling(1, 1, 1, 0.0, 0.1),
    ],
)
def test_a_rule_without_meaning_is_refused(wrong):  # type: ignore[no-untyped-def]
    with pytest.raises(ModelError):
        wrong()
