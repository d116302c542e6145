"""What stopping rules see of a training, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

UNPROVEN = "the bound rests on cuts that are not proven"
"""Why a gap to the lower bound says nothing, as long as cuts of another policy may be wrong."""


@dataclass(frozen=True)
class RuleEvaluation:
    """What one stopping rule said after an iteration.

    Attributes:
        rule: name of the rule.
        met: whether it is satisfied.
        value: what it compares; ``None`` where it has nothing to compare yet.
        threshold: what it compares with.
        detail: in words, where numbers do not say it.
    """

    rule: str
    met: bool
    value: float | None
    threshold: float
    detail: str = ""


class Iteration(Protocol):
    """One iteration of training; money in $, times in seconds."""

    @property
    def iteration(self) -> int:
        """Its number, from 1."""
        ...

    @property
    def lower_bound(self) -> float:
        """Bound after its cuts."""
        ...

    @property
    def lower_bound_proven(self) -> bool:
        """Whether the bound rests on no cut of another policy that may be wrong."""
        ...

    @property
    def upper_bound(self) -> float | None:
        """Least deterministic upper bound so far; ``None`` before there is one."""
        ...

    @property
    def simulated_mean(self) -> float:
        """Mean of the forward costs."""
        ...

    @property
    def simulated_std(self) -> float:
        """Sample deviation of the forward costs."""
        ...

    @property
    def forward_passes(self) -> int:
        """Trajectories."""
        ...

    @property
    def elapsed_seconds(self) -> float:
        """Since the training started, with earlier runs where it was resumed."""
        ...


def bound_change(bounds: Sequence[float], window: int) -> float | None:
    """Relative change of the bound over the last ``window`` iterations.

    ``None`` before there are as many.
    """
    if len(bounds) <= window:
        return None
    return abs(bounds[-1] - bounds[-1 - window]) / max(1.0, abs(bounds[-1]))
