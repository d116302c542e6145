"""Tests of what files say of entities, where a range does not say it.

Each raises a `FieldError` with its code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from headwater.core.fields import FieldError


def cheapest_first(segments: Sequence[Any]) -> None:
    """Deficit segments do not get cheaper, and the last one alone is unlimited (HW209)."""
    if (
        any(segment.depth_mw is None for segment in segments[:-1])
        or segments[-1].depth_mw is not None
    ):
        unbounded = [index for index, segment in enumerate(segments) if segment.depth_mw is None]
        message = (
            "expected the last segment, and no other, to have a null depth; null depths are at "
            f"positions {unbounded}"
        )
        raise FieldError("HW209", message, "give every segment but the last a depth_mw")
    for left, right in pairwise(segments):
        if right.cost < left.cost:
            message = (
                f"expected costs that do not decrease, got {left.cost:g} followed by {right.cost:g}"
            )
            raise FieldError("HW209", message, "list the segments from the cheapest to the dearest")


def one_cost(thermal: Any) -> None:
    """A thermal has one cost or tranches, and where both are given they agree (HW201, HW702)."""
    if thermal.cost_per_mwh is None and thermal.cost_segments is None:
        message = "expected 'cost_per_mwh' or 'cost_segments', got neither"
        raise FieldError("HW201", message, "add one of them")
    if thermal.cost_per_mwh is not None and thermal.cost_segments is not None:
        costs = {segment.cost_per_mwh for segment in thermal.cost_segments}
        if costs != {thermal.cost_per_mwh}:
            message = (
                f"'cost_per_mwh' {thermal.cost_per_mwh:g} and 'cost_segments' say different "
                "things; expected one of them"
            )
            raise FieldError("HW702", message, "remove one of the two")


def productivity_given(generation: Any) -> None:
    """A plant whose power is proportional to its flow has a productivity (HW201)."""
    if generation.model != "fpha" and generation.productivity_mw_per_m3s is None:
        message = f"the model '{generation.model}' needs 'productivity_mw_per_m3s', got none"
        raise FieldError("HW201", message, "add 'productivity_mw_per_m3s'")


def rising(points: Sequence[Any]) -> None:
    """Points of a tailrace rise in outflow and do not fall in height (HW213)."""
    if not points:
        message = "expected at least one tailrace point, got none"
        raise FieldError("HW213", message, "add the points of the curve")
    for left, right in pairwise(points):
        if right.outflow_m3s <= left.outflow_m3s:
            message = (
                f"expected rising outflows, got {left.outflow_m3s:g} followed by "
                f"{right.outflow_m3s:g}"
            )
            raise FieldError("HW213", message, "sort the points by outflow and remove repetitions")
        if right.height_m < left.height_m:
            message = (
                f"expected heights that do not fall, got {left.height_m:g} followed by "
                f"{right.height_m:g}"
            )
            raise FieldError("HW213", message, "correct the heights")


def some_coefficients(coefficients: Sequence[float]) -> None:
    """A polynomial has coefficients (HW213)."""
    if not coefficients:
        message = "expected at least one coefficient, got none"
        raise FieldError("HW213", message, "give the coefficients, constant term first")


def within(low: float, high: float, brackets: str, what: str) -> Callable[[float], None]:
    """Test that a number lies between two others (HW213).

    Brackets such as ``"[)"`` include an end or leave it out.
    """

    def test(value: float) -> None:
        inside_low = value > low or (value == low and brackets[0] == "[")
        inside_high = value < high or (value == high and brackets[1] == "]")
        if not (inside_low and inside_high):
            message = (
                f"expected {what} in {brackets[0]}{low:g}, {high:g}{brackets[1]}, got {value:g}"
            )
            raise FieldError("HW213", message, "correct the value")

    return test


def twelve(values: Sequence[float]) -> None:
    """Monthly values are twelve (HW214)."""
    if len(values) != 12:
        message = f"expected 12 monthly values, got {len(values)}"
        raise FieldError("HW214", message, "give one value for each month, January first")


def volumes_in_range(hydro: Any) -> None:
    """Reference volumes of evaporation lie within the storage range (HW214)."""
    volumes = hydro.evaporation.reference_volumes_hm3 if hydro.evaporation is not None else None
    low, high = hydro.reservoir.min_storage_hm3, hydro.reservoir.max_storage_hm3
    outside = [month + 1 for month, volume in enumerate(volumes or []) if not low <= volume <= high]
    if outside:
        message = (
            f"expected evaporation.reference_volumes_hm3 in [{low:g}, {high:g}], but months "
            f"{outside} lie outside"
        )
        raise FieldError("HW214", message, "keep the reference volumes within the storage range")


def convex_losses(points: Sequence[Any]) -> None:
    """Losses grow with the flow, faster and faster, and never by as much as the flow (HW215)."""
    flow = loss = slope = 0.0
    for number, point in enumerate(points):
        if point.flow_mw <= flow:
            message = f"expected rising flows, got {flow:g} followed by {point.flow_mw:g}"
            raise FieldError("HW215", message, "list the points from the smallest flow")
        steeper = (point.losses_mw - loss) / (point.flow_mw - flow)
        if not slope * (1.0 - 1e-9) <= steeper < 1.0:
            message = (
                f"expected losses that grow by at least {slope:g} and less than 1 MW for each MW "
                f"to point {number}, got {steeper:g}"
            )
            raise FieldError("HW215", message, "give points of a convex curve of losses")
        flow, loss, slope = point.flow_mw, point.losses_mw, steeper


def shifter_with_reactance(line: Any) -> None:
    """A phase shifter stands in a line with a reactance (HW215)."""
    shifts = line.min_phase_shift_degrees or line.max_phase_shift_degrees
    if shifts and line.reactance_pu is None:
        message = "the line has a phase shifter and no reactance"
        raise FieldError("HW215", message, "give reactance_pu, or remove the phase shift")


def one_kind_of_window(window: Any) -> None:
    """An end of a fitting window is a storage or a share, not both (HW205)."""
    for end in ("min", "max"):
        storage, share = f"volume_{end}_hm3", f"volume_{end}_percentile"
        if getattr(window, storage) is not None and getattr(window, share) is not None:
            message = f"expected one of '{storage}' and '{share}', got both"
            raise FieldError("HW205", message, "remove one of the two")


def dates_in_order(period: Any) -> None:
    """A period begins before it ends (HW204)."""
    if period.start_date >= period.end_date:
        message = (
            f"expected start_date before end_date, got {period.start_date} and {period.end_date}"
        )
        raise FieldError("HW204", message, "correct the dates; the end is exclusive")
