"""How often and by how much simulated operation broke limits that have a price.

Dead storage, filling targets, flows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from headwater.core.equipment import EQUIPMENT
from headwater.model import System


@dataclass(frozen=True)
class LimitViolation:
    """A limit that was broken in some scenario-stages.

    Attributes:
        kind: name of a `Violation` of a kind of equipment.
        entity_id: of the entity whose limit it is.
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
        return EQUIPMENT.violations[self.kind][1].words

    @property
    def unit(self) -> str:
        """Unit of the amounts."""
        return EQUIPMENT.violations[self.kind][1].unit

    @property
    def share(self) -> float:
        """Share of the scenario-stages."""
        return self.scenario_stages / self.of

    def __str__(self) -> str:
        label = EQUIPMENT.violations[self.kind][0].words.label
        who = f"{label} {self.entity_id}" + (f" {self.name}" if self.name else "")
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
        for kind, (part, _) in EQUIPMENT.violations.items():
            entities = getattr(system, part.collection)
            times = self.times.get(kind, np.zeros(0, np.int64))
            for i in sorted(np.flatnonzero(times).tolist(), key=lambda i: (-times[i], i)):
                mean, largest = float(self.total[kind][i] / times[i]), float(self.largest[kind][i])
                found.append(
                    LimitViolation(
                        kind, entities[i].id, entities[i].name, int(times[i]), self.n, mean, largest
                    )
                )
        return tuple(found)
