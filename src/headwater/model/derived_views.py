"""What follows from what a system holds, computed once, on first use.

Positions, values in force, rivers and network, the calendar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import FrozenDict
from headwater.model import bounds as _bounds
from headwater.model import topology as _topology
from headwater.model.bounds import ResolvedBounds
from headwater.model.entities import DeficitSegment
from headwater.model.generic_constraints import resolve_right_hand_sides
from headwater.model.horizon import Horizon, cumulative_discount, horizon_of
from headwater.model.production import GeometryPoint, ResolvedProduction, resolve_production
from headwater.model.resolved_penalties import ResolvedPenalties, resolve_penalties
from headwater.model.system_view import SystemView
from headwater.model.topology import Cascade, Network


class DerivedViews(SystemView):
    """What is derived from the fields of a `System`."""

    @cached_property
    def stage_index(self) -> Mapping[int, int]:
        """Stage id -> position among the study stages."""
        return positions(self.stages)

    @cached_property
    def bus_index(self) -> Mapping[int, int]:
        """Bus id -> position."""
        return positions(self.buses)

    @cached_property
    def line_index(self) -> Mapping[int, int]:
        """Line id -> position."""
        return positions(self.lines)

    @cached_property
    def hydro_index(self) -> Mapping[int, int]:
        """Hydro id -> position."""
        return positions(self.hydros)

    @cached_property
    def thermal_index(self) -> Mapping[int, int]:
        """Thermal id -> position."""
        return positions(self.thermals)

    @cached_property
    def pumping_index(self) -> Mapping[int, int]:
        """Pumping station id -> position."""
        return positions(self.pumping_stations)

    @cached_property
    def contract_index(self) -> Mapping[int, int]:
        """Contract id -> position."""
        return positions(self.contracts)

    @cached_property
    def ncs_index(self) -> Mapping[int, int]:
        """Non-controllable source id -> position."""
        return positions(self.non_controllables)

    @cached_property
    def bounds(self) -> ResolvedBounds:
        """Limits and costs per entity and stage, by kind of equipment."""
        return ResolvedBounds(self)

    @cached_property
    def resolved_penalties(self) -> ResolvedPenalties:
        """Costs per entity and stage."""
        return resolve_penalties(self, self)

    @cached_property
    def resolved_deficit_segments(self) -> tuple[tuple[DeficitSegment, ...], ...]:
        """Steps of the deficit cost of every bus: its own, or those of the system."""
        return tuple(
            bus.deficit_segments
            if bus.deficit_segments is not None
            else self.penalties.deficit_segments
            for bus in self.buses
        )

    @cached_property
    def operative_states(self) -> Mapping[str, NDArray[np.int8]]:
        """Kind (``"hydros"``, ...) -> codes of `OperativeState`, ``[entity, stage]``."""
        return FrozenDict(dict(_topology.operative_states(self)))

    @cached_property
    def cascade(self) -> Cascade:
        """The river network."""
        return _topology.resolve_cascade(self, self.operative_states["hydros"])

    @cached_property
    def network(self) -> Network:
        """What is connected to which bus."""
        return _topology.resolve_network(self)

    @cached_property
    def production(self) -> tuple[tuple[ResolvedProduction, ...], ...]:
        """Production function as ``[hydro][stage]``."""
        return resolve_production(
            self.hydros, self.stages, self.production_models, self.fpha_planes
        )

    @cached_property
    def geometry(self) -> Mapping[int, tuple[GeometryPoint, ...]]:
        """Hydro id -> its volume-height-area table, by ascending volume."""
        tables: dict[int, list[GeometryPoint]] = {}
        for point in self.hydro_geometry:
            tables.setdefault(point.hydro_id, []).append(point)
        return FrozenDict({hydro_id: tuple(points) for hydro_id, points in tables.items()})

    @cached_property
    def right_hand_sides(self) -> Mapping[int, Mapping[int, Mapping[int | None, float]]]:
        """Bounds of user constraints.

        Stage id -> constraint id -> block id (``None`` for every block) -> bound.

        Raises:
            ModelError: a bound names a constraint, a stage or a block that does not exist.
        """
        return resolve_right_hand_sides(
            self.generic_constraints, self.generic_constraint_bounds, self.stages, self.stage_index
        )

    @cached_property
    def load_factor(self) -> NDArray[np.float64]:
        """Multiplier of the load, ``[bus, stage, block]``."""
        return _bounds.load_factors(self)

    @cached_property
    def ncs_factor(self) -> NDArray[np.float64]:
        """Multiplier of the availability, ``[source, stage, block]``."""
        return _bounds.ncs_factors(self)

    @cached_property
    def discount_factors(self) -> NDArray[np.float64]:
        """One-step discount of the transition leaving each stage, ``[stage]``."""
        return np.array([self.policy_graph.discount_factor(stage) for stage in self.stages])

    @cached_property
    def cumulative_discount(self) -> NDArray[np.float64]:
        """Present value of one unit at the start of each stage, ``[stage]``; 1 at the first."""
        return cumulative_discount(
            Horizon(len(self.stages)), self.discount_factors, len(self.stages)
        )

    @cached_property
    def horizon(self) -> Horizon:
        """Which stage follows which.

        Raises:
            ModelError: the policy graph is neither the chain of stages nor that chain closed by one
                way back.
        """
        return horizon_of(self.policy_graph, self.stages)

    @cached_property
    def initial_storage_hm3(self) -> NDArray[np.float64]:
        """Storage before the first stage, ``[hydro]``.

        Filling storage included, 0 where nothing is given.
        """
        given = {**self.initial.storage_hm3, **self.initial.filling_storage_hm3}
        return np.array([given.get(hydro.id, 0.0) for hydro in self.hydros], np.float64)


def positions(entities: Iterable[Any]) -> Mapping[int, int]:
    """Id -> position of entities in their order."""
    return FrozenDict({entity.id: position for position, entity in enumerate(entities)})
