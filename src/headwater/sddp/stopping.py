"""When training ends."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.model import BoundStalling, IterationLimit, StoppingMode, StoppingRule, TimeLimit, TrainingConfig
from headwater.sddp.records import IterationRecord


@dataclass(frozen=True)
class Verdict:
    """Why training ends."""

    reason: str
    converged: bool


def rule_name(rule: StoppingRule) -> str:
    """Name of a rule as results report it."""
    return {IterationLimit: "iteration_limit", TimeLimit: "time_limit", BoundStalling: "bound_stalling"}[type(rule)]


def is_met(rule: StoppingRule, history: list[IterationRecord]) -> bool:
    """Whether a rule is satisfied after the last iteration of ``history``."""
    latest = history[-1]
    if isinstance(rule, IterationLimit):
        return latest.iteration >= rule.limit
    if isinstance(rule, TimeLimit):
        return latest.elapsed_seconds >= rule.seconds
    if len(history) <= rule.iterations:
        return False
    gain = abs(latest.lower_bound - history[-1 - rule.iterations].lower_bound)
    return gain / max(1.0, abs(latest.lower_bound)) < rule.tolerance


def verdict(config: TrainingConfig, history: list[IterationRecord]) -> Verdict | None:
    """The first rule, in configuration order, that ends training now; ``None`` to go on.

    Limits end training alone; under `StoppingMode.ALL` the other rules must hold together.
    """
    limits = (IterationLimit, TimeLimit)
    met = [rule for rule in config.stopping_rules if is_met(rule, history)]
    tests = [rule for rule in config.stopping_rules if not isinstance(rule, limits)]
    if config.stopping_mode is StoppingMode.ALL and any(rule not in met for rule in tests):
        met = [rule for rule in met if isinstance(rule, limits)]
    if not met:
        return None
    return Verdict(rule_name(met[0]), converged=not isinstance(met[0], limits))
