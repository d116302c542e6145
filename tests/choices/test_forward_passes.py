"""Forward passes of one's own decide where cuts are made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from headwater.core.choices import ForwardPass
from headwater.errors import ModelError
from headwater.model import SampledPass, Study
from headwater.sddp import train_policy
from random_systems import random_study


@dataclass(frozen=True)
class Repeated(ForwardPass):
    """Always the same noise."""

    type: ClassVar[str] = "repeated"

    def run(self, engine: Any, iteration: int) -> None:
        engine.simulate(1)


@dataclass(frozen=True)
class Twice(ForwardPass):
    """The noise of the iteration, after another."""

    type: ClassVar[str] = "twice"

    def run(self, engine: Any, iteration: int) -> None:
        engine.simulate(iteration + 5)
        engine.simulate(iteration)


@dataclass(frozen=True)
class Idle(ForwardPass):
    """Nothing."""

    type: ClassVar[str] = "idle"

    def run(self, engine: Any, iteration: int) -> None:
        """Leave it."""


def with_pass(chosen: ForwardPass) -> Study:
    study = random_study(3, iterations=6, forward_passes=2)
    return replace(
        study,
        config=replace(study.config, training=replace(study.config.training, forward_pass=chosen)),
    )


def history(chosen: ForwardPass) -> list[tuple[float, float]]:
    policy = train_policy(with_pass(chosen))
    assert policy.training is not None
    return [(one.lower_bound, one.simulated_mean) for one in policy.training.iterations]


def test_the_last_simulation_of_a_pass_counts():
    expected, found = history(SampledPass()), history(Twice())
    assert [bound for bound, _ in found] == pytest.approx(
        [bound for bound, _ in expected], rel=1e-9
    )
    assert [cost for _, cost in found] == pytest.approx([cost for _, cost in expected], rel=1e-9)


def test_a_pass_that_repeats_its_noise_sees_costs_fall_to_the_same_ones():
    found = history(Repeated())
    assert found[0] == history(SampledPass())[0]
    # the policy stops changing at states that are visited again and again
    assert found[-1][1] == pytest.approx(found[-2][1], rel=1e-6)
    assert found[-1][0] == pytest.approx(found[-2][0], rel=1e-6)


def test_a_pass_that_simulates_nothing_is_refused():
    with pytest.raises(ModelError, match="'idle' simulated nothing in iteration 1"):
        train_policy(with_pass(Idle()))
