"""Simulated costs that change no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from headwater.core.choices import STOPPING_RULES, StoppingRule
from headwater.core.fields import Count, Positive
from headwater.core.history import Iteration, RuleEvaluation, bound_change
from headwater.errors import ModelError


@dataclass(frozen=True)
class SimulationStalling(StoppingRule):
    """Stop when the bound is stable and simulated stage costs do not change any more.

    Every ``period`` iterations, if the bound moved by less than ``bound_tol`` (relative) over
    ``bound_window`` iterations, the policy is simulated along the same ``replications``
    trajectories of the opening tree. Training ends when the mean costs of the stages are nearer
    than ``distance_tol`` to those of the simulation before.

    What speaks against it: its simulations cost time, and costs that do not change need not be near
    the optimum; it compares a policy with an earlier one, never with a bound.

    >>> rule = SimulationStalling(10, 5, 2, distance_tol=0.1, bound_tol=0.01)
    >>> round(rule.distance([110.0, 130.0], [100.0, 100.0]), 4)  # root mean square of 0.1 and 0.3
    0.2236
    """

    replications: Annotated[Count, "trajectories of each check, drawn from the opening tree"]
    period: Annotated[Count, "iterations between checks"]
    bound_window: Annotated[Count, "iterations over which the bound must be stable"]
    distance_tol: Annotated[Positive, "relative change of simulated costs that counts as stable"]
    bound_tol: Annotated[Positive, "relative change of the bound that counts as stable"]
    norm: Annotated[
        Literal["rms", "l2"], "root mean square over the stages (rms), or Euclidean length (l2)"
    ] = "rms"

    type: ClassVar[str] = "simulation"
    place: ClassVar[int] = 30

    def __post_init__(self) -> None:
        if min(self.replications, self.period, self.bound_window) < 1:
            raise ModelError(
                "the simulation rule needs replications, a period and a bound window of at least 1"
            )
        if not (self.distance_tol > 0 and self.bound_tol > 0):
            raise ModelError("the simulation rule needs positive tolerances")
        if self.norm not in ("rms", "l2"):
            raise ModelError(f"the norm of the simulation rule is 'rms' or 'l2', got {self.norm!r}")

    def evaluate(
        self, history: Sequence[Iteration], simulated: Sequence[Sequence[float] | None]
    ) -> RuleEvaluation:
        """Compare the last two simulations, if there was one after this iteration."""
        assert history
        checks = [costs for costs in simulated if costs is not None]
        if simulated[-1] is None:
            return RuleEvaluation(
                self.type, False, None, self.distance_tol, "no check in this iteration"
            )
        if len(checks) < 2:
            return RuleEvaluation(self.type, False, None, self.distance_tol, "first check")
        distance = self.distance(checks[-1], checks[-2])
        return RuleEvaluation(self.type, distance < self.distance_tol, distance, self.distance_tol)

    def distance(self, costs: Sequence[float], before: Sequence[float]) -> float:
        """Relative distance of mean stage costs from those of the simulation before."""
        pairs = zip(costs, before, strict=True)
        squares = [((now - then) / max(1.0, abs(then))) ** 2 for now, then in pairs]
        length = float(sum(squares))
        if self.norm == "rms":
            length /= len(squares)
        return float(length**0.5)

    def trajectories_due(self, iteration: int, bounds: Sequence[float]) -> int:
        """Its replications when it is its turn and the bound is stable."""
        change = bound_change(bounds, self.bound_window)
        due = iteration % self.period == 0 and change is not None and change < self.bound_tol
        return self.replications if due else 0


STOPPING_RULES.add(SimulationStalling)
