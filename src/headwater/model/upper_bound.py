"""How the deterministic upper bound of a study is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from headwater.errors import ModelError


class LipschitzMode(Enum):
    """Where the prices of the inner approximation come from: repairs that always work, or one number for all."""

    AUTO = "auto"
    FIXED = "fixed"


class PolicyType(Enum):
    """What a simulation decides with: the cuts, or the inner approximation of the future cost."""

    OUTER = "outer"
    INNER = "inner"


@dataclass(frozen=True)
class UpperBoundConfig:
    """When and how the deterministic upper bound is evaluated.

    Attributes:
        enabled: whether it is evaluated at all.
        initial_iteration, interval_iterations: first iteration after which it is, and iterations from one time to the next.
        max_vertices_per_stage: largest number of visited states per stage that it uses.
        lipschitz: where the prices come from.
        scale_factor: factor on derived prices; not below 1.
        fallback_value: in $ per hm3, m3/s or MW: all prices in fixed mode; in auto mode, prices that cannot be derived. A bound
            that uses it is only as good as this value: one that is too small gives a bound below the optimum.
    """

    enabled: bool = False
    initial_iteration: int = 10
    interval_iterations: int = 5
    max_vertices_per_stage: int = 200
    lipschitz: LipschitzMode = LipschitzMode.AUTO
    scale_factor: float = 1.1
    fallback_value: float | None = None

    def __post_init__(self) -> None:
        if min(self.initial_iteration, self.interval_iterations, self.max_vertices_per_stage) < 1:
            raise ModelError("the upper bound needs an initial iteration, an interval and a number of vertices of at least 1")
        if not 1.0 <= self.scale_factor < float("inf"):
            raise ModelError(f"the factor on derived prices must be at least 1, got {self.scale_factor}")
        if self.fallback_value is not None and not 0.0 < self.fallback_value < float("inf"):
            raise ModelError(f"the fallback value of prices must be positive, got {self.fallback_value}")
        if self.lipschitz is LipschitzMode.FIXED and self.fallback_value is None:
            raise ModelError("the prices of the upper bound are 'fixed', but no fallback_value is given")

    def is_due(self, iteration: int) -> bool:
        """Whether the bound is evaluated after an iteration (1-based)."""
        since = iteration - self.initial_iteration
        return self.enabled and since >= 0 and since % self.interval_iterations == 0
