"""When training ends."""

from __future__ import annotations

import dataclasses

import pytest

from headwater.errors import ModelError
from headwater.model import BoundStalling, IterationLimit, StoppingMode, TimeLimit, TrainingConfig
from headwater.sddp.records import IterationRecord
from headwater.sddp.stopping import verdict


def history(bounds: list[float], seconds_each: float = 1.0) -> list[IterationRecord]:
    base = IterationRecord(1, 0, 0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0)
    return [
        dataclasses.replace(base, iteration=k, lower_bound=bound, elapsed_seconds=k * seconds_each)
        for k, bound in enumerate(bounds, 1)
    ]


def config(*rules: object, mode: StoppingMode = StoppingMode.ANY) -> TrainingConfig:
    return TrainingConfig(1, (*rules, IterationLimit(100)), stopping_mode=mode)  # type: ignore[arg-type]


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


def test_under_all_the_tests_must_hold_together_but_limits_end_alone():
    both = (BoundStalling(1, 1e-3), BoundStalling(2, 1e-6))
    assert verdict(config(*both, mode=StoppingMode.ALL), history([50.0, 100.0, 100.01])) is None
    assert verdict(config(*both, mode=StoppingMode.ALL), history([100.0, 100.0, 100.0])) is not None
    limited = verdict(config(*both, mode=StoppingMode.ALL), history([float(k * 10) for k in range(100)]))
    assert limited is not None
    assert limited.reason == "iteration_limit"


def test_training_needs_an_iteration_limit():
    with pytest.raises(ModelError, match="iteration limit"):
        TrainingConfig(1, (TimeLimit(3.0),))
