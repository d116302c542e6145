"""What ``penalties.json`` may contain, and deficit segments, which buses share."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

from headwater.case.shapes import NonNegative, Positive, Shape, complaint


class DeficitSegmentShape(Shape):
    """One step of the deficit cost."""

    depth_mw: Positive | None
    cost: Positive


def _steps(segments: list[DeficitSegmentShape]) -> list[DeficitSegmentShape]:
    if any(segment.depth_mw is None for segment in segments[:-1]) or segments[-1].depth_mw is not None:
        unbounded = [index for index, segment in enumerate(segments) if segment.depth_mw is None]
        message = f"expected the last segment, and no other, to have a null depth; null depths are at positions {unbounded}"
        raise complaint("HW209", message, "give every segment but the last a depth_mw")
    for left, right in pairwise(segments):
        if right.cost < left.cost:
            message = f"expected costs that do not decrease, got {left.cost:g} followed by {right.cost:g}"
            raise complaint("HW209", message, "list the segments from the cheapest to the dearest")
    return segments


DeficitSegments = Annotated[list[DeficitSegmentShape], Field(min_length=1), AfterValidator(_steps)]


class BusPenaltiesShape(Shape):
    """Section ``bus``."""

    deficit_segments: DeficitSegments
    excess_cost: NonNegative


class LinePenaltiesShape(Shape):
    """Section ``line``."""

    exchange_cost: NonNegative


class HydroPenaltiesShape(Shape):
    """Section ``hydro``."""

    spillage_cost: NonNegative
    diversion_cost: NonNegative
    fpha_turbined_cost: NonNegative
    storage_violation_below_cost: Positive
    filling_target_violation_cost: Positive
    turbined_violation_below_cost: Positive
    outflow_violation_below_cost: Positive
    outflow_violation_above_cost: Positive
    generation_violation_below_cost: Positive
    evaporation_violation_cost: Positive
    water_withdrawal_violation_cost: Positive
    evaporation_violation_pos_cost: Positive | None = None
    evaporation_violation_neg_cost: Positive | None = None
    water_withdrawal_violation_pos_cost: Positive | None = None
    water_withdrawal_violation_neg_cost: Positive | None = None
    inflow_nonnegativity_cost: Positive | None = None


class CurtailmentShape(Shape):
    """Section ``non_controllable_source``."""

    curtailment_cost: NonNegative


class PenaltiesFile(Shape):
    """All of ``penalties.json``."""

    bus: BusPenaltiesShape
    line: LinePenaltiesShape
    hydro: HydroPenaltiesShape
    non_controllable_source: CurtailmentShape
