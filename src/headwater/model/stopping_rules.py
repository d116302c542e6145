"""When training ends: the rules that a study can combine, and their parameters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from headwater.errors import ModelError


class StoppingMode(Enum):
    """Whether one satisfied rule ends training, or all must hold together (limits always end it alone)."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True)
class IterationLimit:
    """Stop after ``limit`` iterations."""

    limit: int

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ModelError(f"the iteration limit must be at least 1, got {self.limit}")


@dataclass(frozen=True)
class TimeLimit:
    """Stop after ``seconds``, at the end of the iteration under way."""

    seconds: float

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise ModelError(f"the time limit must be positive, got {self.seconds}")


@dataclass(frozen=True)
class BoundStalling:
    """Stop when the bound grew by less than ``tolerance`` (relative) over the last ``iterations``."""

    iterations: int
    tolerance: float

    def __post_init__(self) -> None:
        if self.iterations < 1 or not self.tolerance > 0:
            raise ModelError("bound stalling needs at least 1 iteration and a positive tolerance")


class DistanceNorm(Enum):
    """How the distances of the stages are put together: their root mean square, or their Euclidean length."""

    RMS = "rms"
    L2 = "l2"


@dataclass(frozen=True)
class SimulationStalling:
    """Stop when the bound is stable and simulated stage costs do not change any more.

    Every ``period`` iterations, if the bound moved by less than ``bound_tol`` (relative) over ``bound_window`` iterations, the
    policy is simulated along the same ``replications`` trajectories of the opening tree. Training ends when the mean costs of
    the stages are nearer than ``distance_tol`` to those of the simulation before.
    """

    replications: int
    period: int
    bound_window: int
    distance_tol: float
    bound_tol: float
    norm: DistanceNorm = DistanceNorm.RMS

    def __post_init__(self) -> None:
        if min(self.replications, self.period, self.bound_window) < 1:
            raise ModelError("the simulation rule needs replications, a period and a bound window of at least 1")
        if not (self.distance_tol > 0 and self.bound_tol > 0):
            raise ModelError("the simulation rule needs positive tolerances")


@dataclass(frozen=True)
class StatisticalGap:
    """Stop when the bound lies within the confidence interval of the forward costs, and that interval is tight.

    The costs of the last ``window`` iterations are pooled. The bound must reach the lower end of their one-sided interval at
    level ``confidence``, whose relative half width must not exceed ``tolerance``; not before ``min_iterations``.
    """

    confidence: float = 0.95
    tolerance: float = 0.01
    min_iterations: int = 1
    window: int = 5

    def __post_init__(self) -> None:
        if not 0.0 < self.confidence < 1.0:
            raise ModelError(f"the confidence of the statistical gap must lie between 0 and 1, got {self.confidence}")
        if self.tolerance < 0 or min(self.min_iterations, self.window) < 1:
            raise ModelError("the statistical gap needs a tolerance of at least 0, and iterations and a window of at least 1")


@dataclass(frozen=True)
class Gap:
    """Stop when the deterministic upper bound is at most ``tolerance`` $, or ``relative_tolerance``, above the lower bound."""

    tolerance: float | None = None
    relative_tolerance: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.tolerance, self.relative_tolerance) if value is not None]
        if not given or min(given) < 0:
            raise ModelError("the gap rule needs a tolerance or a relative tolerance that is not negative")


StoppingRule = IterationLimit | TimeLimit | BoundStalling | SimulationStalling | StatisticalGap | Gap
