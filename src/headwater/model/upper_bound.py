"""How the deterministic upper bound of a study is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

from annotated_types import Ge

from headwater.core.fields import Count, FieldError, InFile, Positive, Section, in_file
from headwater.errors import ModelError


class LipschitzMode(Enum):
    """Where the prices of the inner approximation come from.

    Repairs that always work, or one number for all.
    """

    AUTO = "auto"
    FIXED = "fixed"


class PolicyType(Enum):
    """What a simulation decides with: the cuts, or the inner approximation of the future cost."""

    OUTER = "outer"
    INNER = "inner"


def _has_value(prices: Any) -> None:
    if prices.mode == "fixed" and prices.fallback_value is None:
        message = "the mode 'fixed' needs a 'fallback_value', got none"
        raise FieldError("HW205", message, "give one, or use mode 'auto'")


@in_file(
    Section(
        "lipschitz",
        "price of one unit that a state lies away from the visited ones",
        checks=(_has_value,),
    ),
    order=(
        "enabled",
        "initial_iteration",
        "interval_iterations",
        "max_vertices_per_stage",
        "lipschitz.mode",
        "lipschitz.fallback_value",
    ),
)
@dataclass(frozen=True)
class UpperBoundConfig:
    """When and how the deterministic upper bound is evaluated.

    Attributes:
        enabled: whether it is evaluated at all.
        initial_iteration, interval_iterations: first iteration after which it is, and iterations
            from one time to the next.
        max_vertices_per_stage: largest number of visited states per stage that it uses.
        lipschitz: where the prices come from.
        scale_factor: factor on derived prices; not below 1.
        fallback_value: in $ per hm3, m3/s or MW: all prices in fixed mode; in auto mode, prices
            that cannot be derived. A bound that uses it is only as good as this value: one that is
            too small gives a bound below the optimum.
    """

    enabled: Annotated[bool, "whether it is switched on"] = False
    initial_iteration: Annotated[Count, "first iteration at which it is done"] = 10
    interval_iterations: Annotated[Count, "iterations between two times"] = 5
    max_vertices_per_stage: Annotated[
        Count, "largest number of states kept for the upper bound"
    ] = 200
    lipschitz: Annotated[
        LipschitzMode,
        InFile("lipschitz.mode"),
        "derived from repairs that always work, or given",
    ] = LipschitzMode.AUTO
    scale_factor: Annotated[
        float, Ge(1), InFile("lipschitz.scale_factor"), "factor on the derived prices"
    ] = 1.1
    fallback_value: Annotated[
        Positive | None,
        InFile("lipschitz.fallback_value"),
        "price per hm3, m3/s or MW that is used where none is derived; too "
        "small a value gives a wrong bound",
    ] = None

    def __post_init__(self) -> None:
        if min(self.initial_iteration, self.interval_iterations, self.max_vertices_per_stage) < 1:
            raise ModelError(
                "the upper bound needs an initial iteration, an interval and a "
                "number of vertices of at least 1"
            )
        if not 1.0 <= self.scale_factor < float("inf"):
            raise ModelError(
                f"the factor on derived prices must be at least 1, got {self.scale_factor}"
            )
        if self.fallback_value is not None and not 0.0 < self.fallback_value < float("inf"):
            raise ModelError(
                f"the fallback value of prices must be positive, got {self.fallback_value}"
            )
        if self.lipschitz is LipschitzMode.FIXED and self.fallback_value is None:
            raise ModelError(
                "the prices of the upper bound are 'fixed', but no fallback_value is given"
            )

    def is_due(self, iteration: int) -> bool:
        """Whether the bound is evaluated after an iteration (1-based)."""
        since = iteration - self.initial_iteration
        return self.enabled and since >= 0 and since % self.interval_iterations == 0
