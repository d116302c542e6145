"""System-wide costs of slack and regularisation.

The first of three tiers, see `headwater.model.resolved_penalties`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated

from headwater.arrays import FrozenDict
from headwater.core.fields import InFile, Like, NonNegative, Positive, Section, in_file
from headwater.model.entities import (
    Bus,
    DeficitSegment,
    DeficitSegments,
    HydroCosts,
    Line,
    NonControllableSource,
    digest_of_costs,
)

DIRECTIONAL = FrozenDict(
    {
        "evaporation_violation_pos_cost": "evaporation_violation_cost",
        "evaporation_violation_neg_cost": "evaporation_violation_cost",
        "water_withdrawal_violation_pos_cost": "water_withdrawal_violation_cost",
        "water_withdrawal_violation_neg_cost": "water_withdrawal_violation_cost",
    }
)
"""Directional cost -> the symmetric cost it defaults to."""

HYDRO_COST_NAMES: tuple[str, ...] = tuple(f.name for f in fields(HydroCosts))
"""The seventeen hydro costs, in canonical order."""


_SmallCost = Annotated[NonNegative, InFile(required=True), Like(HydroCosts)]
_ViolationCost = Annotated[float | None, InFile(required=True, form=Positive), Like(HydroCosts)]
_OptionalCost = Annotated[Positive | None, Like(HydroCosts)]


@dataclass(frozen=True, slots=True)
class HydroPenalties:
    """System-wide hydro costs.

    Flow costs are per (m3/s) and hour, storage costs per hm3, generation costs per MWh. Directional
    costs that are ``None`` take the symmetric value; costs of violations that are ``None`` are
    derived for each plant, see `DERIVED_SHARES`.
    """

    spillage_cost: _SmallCost = 0.01
    diversion_cost: _SmallCost = 0.01
    fpha_turbined_cost: _SmallCost = 0.02
    storage_violation_below_cost: _ViolationCost = None
    filling_target_violation_cost: _ViolationCost = None
    turbined_violation_below_cost: _ViolationCost = None
    outflow_violation_below_cost: _ViolationCost = None
    outflow_violation_above_cost: _ViolationCost = None
    generation_violation_below_cost: _ViolationCost = None
    evaporation_violation_cost: _ViolationCost = None
    water_withdrawal_violation_cost: _ViolationCost = None
    evaporation_violation_pos_cost: _OptionalCost = None
    evaporation_violation_neg_cost: _OptionalCost = None
    water_withdrawal_violation_pos_cost: _OptionalCost = None
    water_withdrawal_violation_neg_cost: _OptionalCost = None
    inflow_nonnegativity_cost: _OptionalCost = None
    turbined_cost: Annotated[NonNegative, Like(HydroCosts)] = 0.0

    def digest_fields(self) -> tuple[tuple[str, object], ...]:
        """Names and values for digests: stored policies do not know a cost that is not given."""
        return digest_of_costs(self)


@in_file(
    Section("bus", "costs of buses"),
    Section("line", "costs of lines"),
    Section("non_controllable_source", "costs of non-controllable sources"),
    order=("bus", "line", "hydro", "non_controllable_source"),
)
@dataclass(frozen=True, slots=True)
class Penalties:
    """System-wide costs: the first tier. Costs of power are per MWh."""

    deficit_segments: Annotated[
        DeficitSegments, InFile("bus.deficit_segments", required=True), Like(Bus)
    ] = (DeficitSegment(None, 5_000.0),)
    excess_cost_per_mwh: Annotated[
        NonNegative, InFile("bus.excess_cost", required=True), Like(Bus)
    ] = 0.01
    exchange_cost_per_mwh: Annotated[
        NonNegative, InFile("line.exchange_cost", required=True), Like(Line)
    ] = 0.01
    curtailment_cost_per_mwh: Annotated[
        NonNegative,
        InFile("non_controllable_source.curtailment_cost", required=True),
        Like(NonControllableSource),
    ] = 0.005
    hydro: Annotated[HydroPenalties, InFile(required=True), "costs of hydro plants"] = field(
        default_factory=HydroPenalties
    )
