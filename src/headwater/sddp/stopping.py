"""When training ends: every rule is a function of the records of the iterations so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from headwater.errors import ModelError
from headwater.model import (
    BoundStalling,
    DistanceNorm,
    Gap,
    IterationLimit,
    SimulationStalling,
    StatisticalGap,
    StoppingMode,
    StoppingRule,
    Study,
    TimeLimit,
    TrainingConfig,
    why_no_statistical_gap,
)
from headwater.sddp.records import IterationRecord, RuleEvaluation

_NAMES: dict[type, str] = {
    IterationLimit: "iteration_limit",
    TimeLimit: "time_limit",
    BoundStalling: "bound_stalling",
    SimulationStalling: "simulation",
    StatisticalGap: "statistical_gap",
    Gap: "gap",
}

_LIMITS = (IterationLimit, TimeLimit)


@dataclass(frozen=True)
class Verdict:
    """Why training ends."""

    reason: str
    converged: bool


SHUTDOWN = Verdict("shutdown", converged=False)
"""The training was asked to stop."""


UNPROVEN = "the bound rests on cuts that are not proven"
"""Why a gap to the lower bound says nothing, as long as cuts of another policy may be wrong."""


def rule_name(rule: StoppingRule) -> str:
    """Name of a rule as results report it."""
    return _NAMES[type(rule)]


def refuse_meaningless_rules(study: Study) -> None:
    """Refuse rules that compare what cannot be compared.

    Raises:
        ModelError: a statistical gap between a bound and costs of other measures.
    """
    reason = why_no_statistical_gap(study)
    if reason is not None:
        raise ModelError(reason)


def evaluate_rules(config: TrainingConfig, history: Sequence[IterationRecord]) -> tuple[RuleEvaluation, ...]:
    """What every rule says after the last iteration of ``history``, in configuration order."""
    return tuple(_evaluate(rule, place, history) for place, rule in enumerate(config.stopping_rules))


def verdict(config: TrainingConfig, evaluations: Sequence[RuleEvaluation]) -> Verdict | None:
    """The first rule, in configuration order, that ends training now; ``None`` to go on.

    Limits end training alone; under `StoppingMode.ALL` the other rules must hold together.
    """
    pairs = list(zip(config.stopping_rules, evaluations, strict=True))
    met = [rule for rule, evaluation in pairs if evaluation.met]
    if config.stopping_mode is StoppingMode.ALL and not all(e.met for rule, e in pairs if not isinstance(rule, _LIMITS)):
        met = [rule for rule in met if isinstance(rule, _LIMITS)]
    if not met:
        return None
    return Verdict(rule_name(met[0]), converged=not isinstance(met[0], _LIMITS))


def simulations_due(config: TrainingConfig, iteration: int, bounds: Sequence[float]) -> list[tuple[int, SimulationStalling]]:
    """Rules, with their place in the configuration, that need a simulation after an iteration.

    Args:
        config: the rules.
        iteration: 1-based.
        bounds: lower bounds after every iteration up to this one.
    """
    return [
        (place, rule)
        for place, rule in enumerate(config.stopping_rules)
        if isinstance(rule, SimulationStalling)
        and iteration % rule.period == 0
        and (change := _bound_change(bounds, rule.bound_window)) is not None
        and change < rule.bound_tol
    ]


def stage_distance(costs: Sequence[float], before: Sequence[float], norm: DistanceNorm) -> float:
    """Relative distance of mean stage costs from those of the simulation before."""
    squares = [((now - then) / max(1.0, abs(then))) ** 2 for now, then in zip(costs, before, strict=True)]
    length = float(sum(squares))
    if norm is DistanceNorm.RMS:
        length /= len(squares)
    return float(length**0.5)


def _bound_change(bounds: Sequence[float], window: int) -> float | None:
    """Relative change of the bound over the last ``window`` iterations; ``None`` before there are as many."""
    if len(bounds) <= window:
        return None
    return abs(bounds[-1] - bounds[-1 - window]) / max(1.0, abs(bounds[-1]))


def _evaluate(rule: StoppingRule, place: int, history: Sequence[IterationRecord]) -> RuleEvaluation:
    latest, name = history[-1], rule_name(rule)
    if isinstance(rule, IterationLimit):
        return RuleEvaluation(name, latest.iteration >= rule.limit, float(latest.iteration), float(rule.limit))
    if isinstance(rule, TimeLimit):
        return RuleEvaluation(name, latest.elapsed_seconds >= rule.seconds, latest.elapsed_seconds, rule.seconds)
    if isinstance(rule, BoundStalling):
        change = _bound_change([record.lower_bound for record in history], rule.iterations)
        if change is None:
            return RuleEvaluation(name, False, None, rule.tolerance, "not enough iterations yet")
        return RuleEvaluation(name, change < rule.tolerance, change, rule.tolerance)
    if isinstance(rule, SimulationStalling):
        return _simulation(rule, place, history)
    if isinstance(rule, StatisticalGap):
        return _statistical_gap(rule, history)
    return _gap(rule, latest)


def _simulation(rule: SimulationStalling, place: int, history: Sequence[IterationRecord]) -> RuleEvaluation:
    checks = [one.costs for record in history for one in record.simulations if one.rule_index == place]
    if all(one.rule_index != place for one in history[-1].simulations):
        return RuleEvaluation("simulation", False, None, rule.distance_tol, "no check in this iteration")
    if len(checks) < 2:
        return RuleEvaluation("simulation", False, None, rule.distance_tol, "first check")
    distance = stage_distance(checks[-1], checks[-2], rule.norm)
    return RuleEvaluation("simulation", distance < rule.distance_tol, distance, rule.distance_tol)


def _statistical_gap(rule: StatisticalGap, history: Sequence[IterationRecord]) -> RuleEvaluation:
    window = history[-rule.window :]
    n = sum(record.forward_passes for record in window)
    if len(window) < rule.window or history[-1].iteration < rule.min_iterations or n < 2:
        return RuleEvaluation("statistical_gap", False, None, rule.tolerance, "not enough forward costs yet")
    mean = sum(record.forward_passes * record.simulated_mean for record in window) / n
    squares = sum(
        (record.forward_passes - 1) * record.simulated_std**2 + record.forward_passes * (record.simulated_mean - mean) ** 2
        for record in window
    )
    half_width = NormalDist().inv_cdf(rule.confidence) * float((squares / (n - 1) / n) ** 0.5)
    relative = half_width / max(1.0, abs(mean))
    reached = history[-1].lower_bound >= mean - half_width
    if not history[-1].lower_bound_proven:
        return RuleEvaluation("statistical_gap", False, relative, rule.tolerance, UNPROVEN)
    met = reached and relative <= rule.tolerance
    place = "within" if reached else "below"
    return RuleEvaluation("statistical_gap", met, relative, rule.tolerance, f"bound {place} the interval of the forward costs")


def _gap(rule: Gap, latest: IterationRecord) -> RuleEvaluation:
    relative_to = max(1.0, abs(latest.lower_bound))
    threshold = max(rule.tolerance or 0.0, (rule.relative_tolerance or 0.0) * relative_to)
    if latest.upper_bound is None:
        return RuleEvaluation("gap", False, None, threshold, "no upper bound yet")
    gap = latest.upper_bound - latest.lower_bound
    if not latest.lower_bound_proven:
        return RuleEvaluation("gap", False, gap, threshold, UNPROVEN)
    return RuleEvaluation("gap", gap <= threshold, gap, threshold)
