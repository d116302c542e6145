"""System-wide costs of slack and regularisation, and their resolution per entity and stage.

A cost is looked up in three tiers: the system-wide value, the entity's own value, a value for one stage. The most specific tier
that gives it wins. Evaporation and withdrawal costs have directions: at each tier a symmetric value sets both, then a
directional value of the same tier sets its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headwater.model.entities import DeficitSegment, HydroCosts

if TYPE_CHECKING:
    from headwater.model.system import System

DIRECTIONAL = MappingProxyType(
    {
        "evaporation_violation_pos_cost": "evaporation_violation_cost",
        "evaporation_violation_neg_cost": "evaporation_violation_cost",
        "water_withdrawal_violation_pos_cost": "water_withdrawal_violation_cost",
        "water_withdrawal_violation_neg_cost": "water_withdrawal_violation_cost",
    }
)
"""Directional cost -> the symmetric cost it defaults to."""

HYDRO_COST_NAMES: tuple[str, ...] = tuple(f.name for f in fields(HydroCosts))
"""The sixteen hydro costs, in canonical order."""


@dataclass(frozen=True, slots=True)
class HydroPenalties:
    """System-wide hydro costs.

    Flow costs are per (m3/s) and hour, storage costs per hm3, generation costs per MWh. Directional costs that are ``None``
    take the symmetric value.
    """

    spillage_cost: float = 0.01
    diversion_cost: float = 0.01
    fpha_turbined_cost: float = 0.02
    storage_violation_below_cost: float = 10_000.0
    filling_target_violation_cost: float = 50_000.0
    turbined_violation_below_cost: float = 500.0
    outflow_violation_below_cost: float = 500.0
    outflow_violation_above_cost: float = 500.0
    generation_violation_below_cost: float = 1_000.0
    evaporation_violation_cost: float = 5_000.0
    water_withdrawal_violation_cost: float = 1_000.0
    evaporation_violation_pos_cost: float | None = None
    evaporation_violation_neg_cost: float | None = None
    water_withdrawal_violation_pos_cost: float | None = None
    water_withdrawal_violation_neg_cost: float | None = None
    inflow_nonnegativity_cost: float = 1_000.0


@dataclass(frozen=True, slots=True)
class Penalties:
    """System-wide costs: the first tier. Costs of power are per MWh."""

    deficit_segments: tuple[DeficitSegment, ...] = (DeficitSegment(None, 5_000.0),)
    excess_cost_per_mwh: float = 0.01
    exchange_cost_per_mwh: float = 0.01
    curtailment_cost_per_mwh: float = 0.005
    hydro: HydroPenalties = field(default_factory=HydroPenalties)


@dataclass(frozen=True)
class ResolvedPenalties:
    """Costs per entity and stage, one number for every question.

    Attributes:
        hydro: cost name -> array ``[hydro, stage]``; all sixteen names, directional ones always filled.
        excess_per_mwh: ``[bus, stage]``.
        exchange_per_mwh: ``[line, stage]``.
        curtailment_per_mwh: ``[source, stage]``.
        deficit_segments: per bus, the steps of its deficit cost (the same at all stages).
    """

    hydro: Mapping[str, NDArray[np.float64]]
    excess_per_mwh: NDArray[np.float64]
    exchange_per_mwh: NDArray[np.float64]
    curtailment_per_mwh: NDArray[np.float64]
    deficit_segments: tuple[tuple[DeficitSegment, ...], ...]


def _entity_tier(n_stages: int, default: float, own: list[float | None]) -> NDArray[np.float64]:
    values = np.array([default if value is None else value for value in own], dtype=np.float64)
    return np.repeat(values[:, None], n_stages, axis=1)


def resolve_penalties(system: System) -> ResolvedPenalties:
    """Resolve the three tiers of every cost into dense arrays."""
    n_stages = len(system.stages)
    overrides = system.hydro_penalty_overrides
    tier1 = system.penalties.hydro
    hydro: dict[str, NDArray[np.float64]] = {}
    for name in HYDRO_COST_NAMES:
        if name in DIRECTIONAL:
            continue
        hydro[name] = _entity_tier(n_stages, getattr(tier1, name), [getattr(h.costs, name) for h in system.hydros])
        overrides.apply(name, hydro[name], system.hydro_index, system.stage_index)
    for name, symmetric in DIRECTIONAL.items():
        first = getattr(tier1, name)
        values = np.full((len(system.hydros), n_stages), getattr(tier1, symmetric) if first is None else first)
        for index, plant in enumerate(system.hydros):
            own_symmetric, own = getattr(plant.costs, symmetric), getattr(plant.costs, name)
            if own is not None or own_symmetric is not None:
                values[index] = own if own is not None else own_symmetric
        overrides.apply(symmetric, values, system.hydro_index, system.stage_index)
        overrides.apply(name, values, system.hydro_index, system.stage_index)
        hydro[name] = values
    excess = _entity_tier(n_stages, system.penalties.excess_cost_per_mwh, [bus.excess_cost_per_mwh for bus in system.buses])
    system.bus_penalty_overrides.apply("excess_cost", excess, system.bus_index, system.stage_index)
    exchange = _entity_tier(
        n_stages, system.penalties.exchange_cost_per_mwh, [line.exchange_cost_per_mwh for line in system.lines]
    )
    system.line_penalty_overrides.apply("exchange_cost", exchange, system.line_index, system.stage_index)
    curtailment = _entity_tier(
        n_stages,
        system.penalties.curtailment_cost_per_mwh,
        [source.curtailment_cost_per_mwh for source in system.non_controllables],
    )
    system.ncs_penalty_overrides.apply("curtailment_cost", curtailment, system.ncs_index, system.stage_index)
    for array in (*hydro.values(), excess, exchange, curtailment):
        array.flags.writeable = False
    return ResolvedPenalties(
        hydro=MappingProxyType(hydro),
        excess_per_mwh=excess,
        exchange_per_mwh=exchange,
        curtailment_per_mwh=curtailment,
        deficit_segments=tuple(
            bus.deficit_segments if bus.deficit_segments is not None else system.penalties.deficit_segments
            for bus in system.buses
        ),
    )
