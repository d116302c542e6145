"""Costs of slack and regularisation per entity and stage.

A cost is looked up in three tiers: the system-wide value, the entity's own value, a value for one
stage. The most specific tier that gives it wins. Evaporation and withdrawal costs have directions:
at each tier a symmetric value sets both, then a directional value of the same tier sets its own.

Costs of violations that no tier gives are derived, plant by plant, so that their order in $/MWh is
filling target > storage below its minimum > deficit > other violations, see `DERIVED_SHARES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import FrozenDict
from headwater.model.entities import DeficitSegment
from headwater.model.penalties import DIRECTIONAL, HYDRO_COST_NAMES
from headwater.model.stages import HM3_PER_M3S_HOUR
from headwater.model.system_view import SystemView
from headwater.model.water_energy import Rivers, accumulated_productivity, dearest_deficit

DERIVED_SHARES = FrozenDict(
    {
        "filling_target_violation_cost": 4.0,
        "inflow_nonnegativity_cost": 3.0,
        "storage_violation_below_cost": 2.0,
        "turbined_violation_below_cost": 0.25,
        "outflow_violation_below_cost": 0.25,
        "outflow_violation_above_cost": 0.25,
        "generation_violation_below_cost": 0.25,
        "evaporation_violation_cost": 0.25,
        "water_withdrawal_violation_cost": 0.25,
    }
)
"""Cost -> what a violation costs where nothing gives it, against the dearest deficit of the energy
that the water makes.

Storage stands at twice the deficit, not just above it, because a release from dead storage may
avoid a deficit and serve minimum flows of several plants at the same time.
"""

_PER_HM3 = ("storage_violation_below_cost", "filling_target_violation_cost")
_LEAST_PRODUCTIVITY = 0.1
"""MW per m3/s that water without turbines below it counts with, so that no violation is free."""


@dataclass(frozen=True)
class ResolvedPenalties:
    """Costs per entity and stage, one number for every question.

    Attributes:
        hydro: cost name -> array ``[hydro, stage]``; all seventeen names, directional ones always
            filled.
        deficit_segments: per bus, the steps of its deficit cost (the same at all stages).
    """

    hydro: Mapping[str, NDArray[np.float64]]
    deficit_segments: tuple[tuple[DeficitSegment, ...], ...]


def _entity_tier(
    n_stages: int, default: float | NDArray[np.float64], own: list[float | None]
) -> NDArray[np.float64]:
    """Values of entities with the defaults filled in, ``[entity, stage]``.

    The default is one for all, or one for each.
    """
    defaults = np.broadcast_to(default, len(own))
    values = np.array(
        [d if value is None else value for d, value in zip(defaults, own, strict=True)],
        dtype=np.float64,
    )
    return np.repeat(values[:, None], n_stages, axis=1)


def derived_costs(system: Rivers) -> dict[str, NDArray[np.float64]]:
    """Values of penalties that nothing gives, by the name of the cost.

    They are arrays ``[hydro]`` in the units of `HydroPenalties`.
    """
    dearest = dearest_deficit(system)
    per_m3s_hour = dearest * np.maximum(accumulated_productivity(system), _LEAST_PRODUCTIVITY)
    costs = {}
    for name, share in DERIVED_SHARES.items():
        if name == "generation_violation_below_cost":
            costs[name] = share * dearest
        else:
            costs[name] = share * (
                per_m3s_hour / HM3_PER_M3S_HOUR if name in _PER_HM3 else per_m3s_hour
            )
    return costs


def resolve_penalties(system: SystemView, rivers: Rivers) -> ResolvedPenalties:
    """Resolve the three tiers of every cost into dense arrays.

    Args:
        system: the system.
        rivers: its rivers, from which costs are derived that nothing gives.
    """
    n_stages = len(system.stages)
    overrides = system.hydro_penalty_overrides
    given = asdict(system.penalties.hydro)
    # what is derived needs the cascade and the production functions, so only where something is to
    # be derived
    derived = derived_costs(rivers) if any(given[name] is None for name in DERIVED_SHARES) else {}
    tier1: dict[str, Any] = {
        name: derived.get(name) if value is None else value for name, value in given.items()
    }
    hydro: dict[str, NDArray[np.float64]] = {}
    for name in HYDRO_COST_NAMES:
        if name in DIRECTIONAL:
            continue
        hydro[name] = _entity_tier(
            n_stages, tier1[name], [getattr(h.costs, name) for h in system.hydros]
        )
        overrides.apply(name, hydro[name], system.hydro_index, system.stage_index)
    for name, symmetric in DIRECTIONAL.items():
        first = tier1[symmetric] if tier1[name] is None else tier1[name]
        values = _entity_tier(n_stages, first, [None] * len(system.hydros))
        for index, plant in enumerate(system.hydros):
            own_symmetric, own = getattr(plant.costs, symmetric), getattr(plant.costs, name)
            if own is not None or own_symmetric is not None:
                values[index] = own if own is not None else own_symmetric
        overrides.apply(symmetric, values, system.hydro_index, system.stage_index)
        overrides.apply(name, values, system.hydro_index, system.stage_index)
        hydro[name] = values
    for array in hydro.values():
        array.flags.writeable = False
    return ResolvedPenalties(
        hydro=FrozenDict(hydro),
        deficit_segments=rivers.resolved_deficit_segments,
    )
