"""When training ends: what all stopping rules say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.core.history import RuleEvaluation
from headwater.errors import ModelError
from headwater.model import StoppingMode, Study, TrainingConfig, why_rules_are_refused
from headwater.sddp.records.training import IterationRecord


@dataclass(frozen=True)
class Verdict:
    """Why training ends."""

    reason: str
    converged: bool


SHUTDOWN = Verdict("shutdown", converged=False)
"""The training was asked to stop."""


def refuse_meaningless_rules(study: Study) -> None:
    """Refuse rules that compare what cannot be compared.

    Raises:
        ModelError: a statistical gap between a bound and costs of other measures.
    """
    reason = why_rules_are_refused(study)
    if reason is not None:
        raise ModelError(reason)


def evaluate_rules(
    config: TrainingConfig, history: Sequence[IterationRecord]
) -> tuple[RuleEvaluation, ...]:
    """What every rule says after the last iteration of ``history``, in configuration order."""
    return tuple(
        rule.evaluate(history, [record.simulated_for(place) for record in history])
        for place, rule in enumerate(config.stopping_rules)
    )


def verdict(config: TrainingConfig, evaluations: Sequence[RuleEvaluation]) -> Verdict | None:
    """The first rule, in configuration order, that ends training now; ``None`` to go on.

    Limits end training alone; under `StoppingMode.ALL` the other rules must hold together.
    """
    pairs = list(zip(config.stopping_rules, evaluations, strict=True))
    met = [rule for rule, evaluation in pairs if evaluation.met]
    tests_hold = all(evaluation.met for rule, evaluation in pairs if not rule.is_limit)
    if config.stopping_mode is StoppingMode.ALL and not tests_hold:
        met = [rule for rule in met if rule.is_limit]
    if not met:
        return None
    return Verdict(met[0].type, converged=not met[0].is_limit)


def simulations_due(
    config: TrainingConfig, iteration: int, bounds: Sequence[float]
) -> list[tuple[int, int]]:
    """Rules that need a simulation after an iteration: their place, and how many trajectories.

    Args:
        config: the rules.
        iteration: 1-based.
        bounds: lower bounds after every iteration up to this one.
    """
    due = [rule.trajectories_due(iteration, bounds) for rule in config.stopping_rules]
    return [(place, trajectories) for place, trajectories in enumerate(due) if trajectories > 0]
