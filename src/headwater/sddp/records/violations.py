"""How often and by how much simulated operation broke limits that have a price.

Dead storage, filling targets, flows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import FrozenDict
from headwater.lp.violations import USER_CONSTRAINT, VIOLATION_FAMILIES
from headwater.model import System

WORDS: Mapping[str, tuple[str, str]] = FrozenDict(
    {
        "filling_target": ("filling target missed", "hm3"),
        "storage_below_minimum": ("storage below its minimum (dead volume used)", "hm3"),
        "bought_inflow": ("water bought against negative inflow", "m3/s"),
        "filling_inflow": ("less kept back while filling than asked", "m3/s"),
        "outflow_below_minimum": ("outflow below its minimum", "m3/s"),
        "outflow_above_maximum": ("outflow above its maximum", "m3/s"),
        "turbined_below_minimum": ("turbined flow below its minimum", "m3/s"),
        "generation_below_minimum": ("generation below its minimum", "MW"),
        "evaporation": ("evaporation other than modelled", "m3/s"),
        "withdrawal": ("withdrawal other than scheduled", "m3/s"),
        USER_CONSTRAINT: ("user constraint broken", "units of the constraint"),
    }
)
"""Kind of violation -> what happened and the unit of its amount, the gravest first."""


@dataclass(frozen=True)
class LimitViolation:
    """A limit that was broken in some scenario-stages.

    Attributes:
        kind: a key of `WORDS`.
        entity_id: of the hydro plant or user constraint.
        name: its name.
        scenario_stages: scenarios and stages in which it was broken.
        of: scenarios times stages that were simulated.
        mean: amount where it was broken, of several blocks the worst.
        largest: the largest amount.
    """

    kind: str
    entity_id: int
    name: str
    scenario_stages: int
    of: int
    mean: float
    largest: float

    @property
    def what(self) -> str:
        """What happened, in words."""
        return WORDS[self.kind][0]

    @property
    def unit(self) -> str:
        """Unit of the amounts."""
        return WORDS[self.kind][1]

    @property
    def share(self) -> float:
        """Share of the scenario-stages."""
        return self.scenario_stages / self.of

    def __str__(self) -> str:
        kind = "Constraint" if self.kind == USER_CONSTRAINT else "Hydro"
        who = f"{kind} {self.entity_id}" + (f" {self.name}" if self.name else "")
        return (
            f"{self.what}: {who} in {self.scenario_stages:,} of {self.of:,} scenario-stages "
            f"({_percent(self.share)} %), {self.mean:,.4g} {self.unit} on average, "
            f"{self.largest:,.4g} at most"
        )


def _percent(share: float) -> str:
    """A share in percent: small ones with two digits, none rounded to 0."""
    percent = 100.0 * share
    return f"{percent:.0f}" if percent >= 9.5 else f"{percent:.2g}"


@dataclass(frozen=True)
class ViolationCounts:
    """Broken limits by kind and entity, merged part by part without keeping the scenarios.

    Attributes:
        n: scenario-stages.
        times: kind -> ``[entity]`` scenario-stages in which the limit was broken.
        total: kind -> ``[entity]`` sum of the amounts.
        largest: kind -> ``[entity]`` largest amount.
    """

    n: int = 0
    times: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    total: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    largest: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def of(cls, stages: Sequence[Mapping[str, NDArray[np.float64]]]) -> ViolationCounts:
        """Counts of amounts ``[scenario, entity]``, stage by stage."""
        counts = cls()
        for found in stages:
            # in one layout, so that sums have one order of addition
            amounts = {kind: np.ascontiguousarray(values) for kind, values in found.items()}
            n = len(next(iter(amounts.values())))
            counts = counts.merged(
                cls(
                    n,
                    {kind: (values > 0).sum(axis=0) for kind, values in amounts.items()},
                    {kind: values.sum(axis=0) for kind, values in amounts.items()},
                    {kind: values.max(axis=0, initial=0.0) for kind, values in amounts.items()},
                )
            )
        return counts

    def merged(self, other: ViolationCounts) -> ViolationCounts:
        """Counts of both together."""
        if not self.n or not other.n:
            return other if not self.n else self
        return ViolationCounts(
            self.n + other.n,
            {kind: own + other.times[kind] for kind, own in self.times.items()},
            {kind: own + other.total[kind] for kind, own in self.total.items()},
            {kind: np.maximum(own, other.largest[kind]) for kind, own in self.largest.items()},
        )

    def listed(self, system: System) -> tuple[LimitViolation, ...]:
        """What was broken: the gravest kind first, within a kind the most frequent."""
        found = []
        for kind in (*VIOLATION_FAMILIES, USER_CONSTRAINT):
            entities = system.generic_constraints if kind == USER_CONSTRAINT else system.hydros
            times = self.times.get(kind, np.zeros(0, np.int64))
            for i in sorted(np.flatnonzero(times).tolist(), key=lambda i: (-times[i], i)):
                mean, largest = float(self.total[kind][i] / times[i]), float(self.largest[kind][i])
                found.append(
                    LimitViolation(
                        kind, entities[i].id, entities[i].name, int(times[i]), self.n, mean, largest
                    )
                )
        return tuple(found)
