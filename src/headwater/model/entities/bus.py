"""Buses, and what load costs that is not served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import MinLen

from headwater.core.fields import Check, InFile, Name, NonNegative, OwnId, Positive, Priced
from headwater.model import file_checks as checks


@dataclass(frozen=True, slots=True)
class DeficitSegment:
    """One step of the cost of unserved load at a bus.

    Attributes:
        depth_mw: width of the step in MW; ``None`` for the last, unbounded one.
        cost_per_mwh: cost of deficit in this step.
    """

    depth_mw: Annotated[
        Positive | None, "width of the step; null for the last one, which is unlimited"
    ]
    cost_per_mwh: Annotated[Positive, InFile("cost"), "cost of the step"]


DeficitSegments = Annotated[tuple[DeficitSegment, ...], MinLen(1), Check(checks.cheapest_first)]


@dataclass(frozen=True, slots=True)
class Bus:
    """A node of the network where power is balanced in every block."""

    id: OwnId
    name: Name = ""
    deficit_segments: Annotated[
        DeficitSegments | None, "steps of the cost of load that is not served, cheapest first"
    ] = None
    excess_cost_per_mwh: Annotated[
        NonNegative | None,
        InFile("excess_cost"),
        Priced("constraints/penalty_overrides_bus.parquet"),
        "cost of generation that nobody takes",
    ] = None
