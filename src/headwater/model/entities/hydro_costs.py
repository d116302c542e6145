"""Costs of one hydro plant in place of the general ones."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any

from headwater.core.fields import NonNegative, Positive, Unit

_FLOW_COST = Unit("$/(m3/s h)")
_STORAGE_COST = Unit("$/hm3")


@dataclass(frozen=True, slots=True)
class HydroCosts:
    """Overrides of the hydro penalties for one plant; ``None`` keeps the system-wide value.

    Units are those of `HydroPenalties`. A symmetric evaporation or withdrawal cost given here
    resets both of its directions unless a direction is given as well.
    """

    spillage_cost: Annotated[NonNegative | None, _FLOW_COST, "small cost of spilling"] = None
    diversion_cost: Annotated[NonNegative | None, _FLOW_COST, "small cost of diverting water"] = (
        None
    )
    fpha_turbined_cost: Annotated[
        NonNegative | None,
        _FLOW_COST,
        "small cost of turbining with FPHA, above the cost of spilling",
    ] = None
    storage_violation_below_cost: Annotated[
        Positive | None, _STORAGE_COST, "cost of storage below the minimum"
    ] = None
    filling_target_violation_cost: Annotated[
        Positive | None,
        _STORAGE_COST,
        "cost of a dead volume that is not filled when the plant enters",
    ] = None
    turbined_violation_below_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of turbining less than the minimum"
    ] = None
    outflow_violation_below_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of an outflow below the minimum"
    ] = None
    outflow_violation_above_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of an outflow above the maximum"
    ] = None
    generation_violation_below_cost: Annotated[
        Positive | None, Unit("$/MWh"), "cost of generating less than the minimum"
    ] = None
    evaporation_violation_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of evaporation other than the model's, both directions"
    ] = None
    water_withdrawal_violation_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of withdrawing other than what is asked, both directions"
    ] = None
    evaporation_violation_pos_cost: Annotated[
        Positive | None, _FLOW_COST, "the same for the positive direction alone"
    ] = None
    evaporation_violation_neg_cost: Annotated[
        Positive | None, _FLOW_COST, "the same for the negative direction alone"
    ] = None
    water_withdrawal_violation_pos_cost: Annotated[
        Positive | None, _FLOW_COST, "the same for the positive direction alone"
    ] = None
    water_withdrawal_violation_neg_cost: Annotated[
        Positive | None, _FLOW_COST, "the same for the negative direction alone"
    ] = None
    inflow_nonnegativity_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of water that is added to a negative inflow"
    ] = None
    turbined_cost: Annotated[
        NonNegative | None, _FLOW_COST, "small cost of turbining without FPHA"
    ] = None

    def digest_fields(self) -> tuple[tuple[str, object], ...]:
        """Names and values for digests: stored policies do not know a cost that is not given."""
        return digest_of_costs(self)


def digest_of_costs(costs: Any) -> tuple[tuple[str, object], ...]:
    """Names and values of hydro costs for digests; the cost of turbining where there is one."""
    named = ((one.name, getattr(costs, one.name)) for one in fields(costs))
    return tuple((name, value) for name, value in named if value or name != "turbined_cost")
