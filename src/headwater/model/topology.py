"""Who is where.

Lifecycle states, the cascade of plants with its redirections, and what is connected to each bus.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import FrozenDict
from headwater.core.equipment import EQUIPMENT
from headwater.core.ids import NONE
from headwater.errors import ModelError
from headwater.model.system_view import SystemView


class OperativeState(IntEnum):
    """Where an entity is in its life at a stage."""

    NON_EXISTING = 0
    FILLING = 1
    OPERATING = 2
    DECOMMISSIONED = 3


@dataclass(frozen=True)
class Cascade:
    """The river network.

    Attributes:
        downstream: ``[hydro]`` position of the physical downstream plant or `NONE`.
        topological_order: positions, upstream before downstream, ties by id.
        receiver: ``[hydro, stage]`` first plant present downstream, or `NONE`.
        diversion_receiver: ``[hydro, stage]`` the same for diverted water.
    """

    downstream: NDArray[np.int64]
    topological_order: tuple[int, ...]
    receiver: NDArray[np.int64]
    diversion_receiver: NDArray[np.int64]

    def upstream_at(self, hydro: int, stage: int) -> NDArray[np.int64]:
        """Positions of the plants that turbine and spill into ``hydro`` in ``stage``."""
        return np.flatnonzero(self.receiver[:, stage] == hydro)


@dataclass(frozen=True)
class Network:
    """Positions of what is connected.

    Attributes:
        line_source, line_target: ``[line]`` bus of each end.
        bus: name of a collection of entities -> ``[entity]`` the bus of each.
    """

    line_source: NDArray[np.int64]
    line_target: NDArray[np.int64]
    bus: Mapping[str, NDArray[np.int64]]


def operative_state(
    entry: int | None, exit_: int | None, filling_start: int | None, stage_id: int
) -> OperativeState:
    """State of one entity at one stage id."""
    if exit_ is not None and stage_id >= exit_:
        return OperativeState.DECOMMISSIONED
    if entry is None or stage_id >= entry:
        return OperativeState.OPERATING
    if filling_start is not None and filling_start <= stage_id:
        return OperativeState.FILLING
    return OperativeState.NON_EXISTING


def operative_states(system: SystemView) -> Mapping[str, NDArray[np.int8]]:
    """State codes ``[entity, stage]`` for every kind with a lifecycle."""
    states: dict[str, NDArray[np.int8]] = {}
    for part in EQUIPMENT:
        if not part.has_life:
            continue
        entities = getattr(system, part.collection)
        codes = np.empty((len(entities), len(system.stages)), np.int8)
        for i, entity in enumerate(entities):
            filling = getattr(entity, "filling", None)
            start = None if filling is None else filling.start_stage_id
            codes[i] = [
                operative_state(entity.entry_stage_id, entity.exit_stage_id, start, stage.id)
                for stage in system.stages
            ]
        codes.flags.writeable = False
        states[part.collection] = codes
    return states


def resolve_cascade(system: SystemView, codes: NDArray[np.int8]) -> Cascade:
    """Resolve the river network and, per stage, which plant receives whose water.

    Args:
        system: the system.
        codes: `OperativeState` of the plants, ``[hydro, stage]``.

    Raises:
        ModelError: the downstream links form a cycle.
    """
    n_hydros, n_stages = len(system.hydros), len(system.stages)
    downstream = np.full(n_hydros, NONE, np.int64)
    diversion = np.full(n_hydros, NONE, np.int64)
    for i, plant in enumerate(system.hydros):
        if plant.downstream_id is not None:
            downstream[i] = system.hydro_index[plant.downstream_id]
        if plant.diversion is not None:
            diversion[i] = system.hydro_index[plant.diversion.downstream_id]
    order = _topological_order(system, downstream)
    present = (codes == OperativeState.FILLING) | (codes == OperativeState.OPERATING)
    first_present = np.full((n_hydros, n_stages), NONE, np.int64)
    receiver = np.full((n_hydros, n_stages), NONE, np.int64)
    for i in reversed(order):
        if downstream[i] != NONE:
            receiver[i] = first_present[downstream[i]]
        first_present[i] = np.where(present[i], i, receiver[i])
    diversion_receiver = np.full((n_hydros, n_stages), NONE, np.int64)
    diverting = np.flatnonzero(diversion != NONE)
    diversion_receiver[diverting] = first_present[diversion[diverting]]
    for array in (downstream, receiver, diversion_receiver):
        array.flags.writeable = False
    return Cascade(downstream, order, receiver, diversion_receiver)


def _topological_order(system: SystemView, downstream: NDArray[np.int64]) -> tuple[int, ...]:
    waiting = np.zeros(len(downstream), np.int64)
    for target in downstream[downstream != NONE]:
        waiting[target] += 1
    ready = [int(i) for i in np.flatnonzero(waiting == 0)]
    heapq.heapify(ready)
    order = []
    while ready:
        i = heapq.heappop(ready)
        order.append(i)
        if downstream[i] != NONE:
            target = int(downstream[i])
            waiting[target] -= 1
            if waiting[target] == 0:
                heapq.heappush(ready, target)
    if len(order) < len(downstream):
        cycle = sorted(system.hydros[i].id for i in np.flatnonzero(waiting > 0))
        raise ModelError(f"the downstream links of hydros {cycle} form a cycle")
    return tuple(order)


def resolve_network(system: SystemView) -> Network:
    """Positions of the buses that everything is connected to."""

    def buses(ids: list[int]) -> NDArray[np.int64]:
        array = np.array([system.bus_index[i] for i in ids], np.int64)
        array.flags.writeable = False
        return array

    return Network(
        line_source=buses([line.source_bus_id for line in system.lines]),
        line_target=buses([line.target_bus_id for line in system.lines]),
        bus=FrozenDict(
            {
                part.collection: buses([one.bus_id for one in getattr(system, part.collection)])
                for part in EQUIPMENT
                if part.has_bus
            }
        ),
    )
