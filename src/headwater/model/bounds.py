"""Limits and costs of every entity at every stage: own values, and those of single stages."""

from __future__ import annotations

import numpy as np

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import Equipment
from headwater.core.stage_tables import ByName, StageColumn, StageValues
from headwater.model.system_view import SystemView


class ResolvedBounds(ByName[StageValues]):
    """Limits and costs by kind of equipment: ``bounds.hydro.max_storage_hm3[hydro, stage]``.

    Raises:
        ModelError: a table names an entity or a stage that does not exist.
    """

    def __init__(self, system: SystemView) -> None:
        super().__init__({part.name: resolve_values(system, part) for part in EQUIPMENT})


def resolve_values(system: SystemView, part: Equipment) -> StageValues:
    """Limits and costs of the entities of a kind, by column of its tables of stage values.

    Raises:
        ModelError: a table names an entity or a stage that does not exist.
    """
    entities = getattr(system, part.collection)
    index = {entity.id: position for position, entity in enumerate(entities)}
    values: dict[str, Array] = {}
    for table in part.tables_of_stages:
        for column in part.stage_columns:
            if column.table == table.file and not _is_part_of_costs(column):
                missing = _missing(system, column)
                own = [column.value(entity) for entity in entities]
                base = [missing if value is None else value for value in own]
                values[column.name] = _at_stages(system, base, by_block=part.by_block(table))
        for other in table.more:
            values[other.name] = _at_stages(system, [0.0] * len(entities), by_block=False)
        given = system.overrides(table)
        for name, array in values.items():
            if name in given.values:
                given.apply(name, array, index, system.stage_index)
    if part.finish_values is not None:
        part.finish_values(system, values)
    return StageValues(values)


def _is_part_of_costs(column: StageColumn) -> bool:
    """Whether it is one of several costs of a class, see `headwater.model.resolved_penalties`."""
    return column.per_stage is None and len(column.way) > 1


def _missing(system: SystemView, column: StageColumn) -> float:
    """The value of entities without one of their own: of costs that of the system."""
    if column.per_stage is None:
        return float(getattr(system.penalties, column.spec.name))
    return column.missing


def _at_stages(system: SystemView, own: list[float], *, by_block: bool) -> Array:
    """One value for each entity, the same at all stages and blocks."""
    base = np.repeat(np.array(own, np.float64)[:, None], len(system.stages), axis=1)
    return per_block(system, base) if by_block else base


def per_block(system: SystemView, array: Array) -> Array:
    """Values ``[entity, stage]`` as ``[entity, stage, block]``, blocks padded."""
    return np.repeat(array[:, :, None], _n_blocks(system), axis=2)


def _n_blocks(system: SystemView) -> int:
    return max(len(stage.blocks) for stage in system.stages)


def load_factors(system: SystemView) -> Array:
    """Multipliers of the load of each bus, ``[bus, stage, block]``; 1 where none is given."""
    return _factors(system, len(system.buses), "load")


def ncs_factors(system: SystemView) -> Array:
    """Multipliers of the availability of each source, ``[source, stage, block]``.

    1 where none is given.
    """
    return _factors(system, len(system.non_controllables), "ncs")


def _factors(system: SystemView, n_entities: int, which: str) -> Array:
    factor = np.ones((n_entities, len(system.stages), _n_blocks(system)))
    table, index = (
        (system.load_factors, system.bus_index)
        if which == "load"
        else (system.ncs_factors, system.ncs_index)
    )
    table.apply("factor", factor, index, system.stage_index)
    factor.flags.writeable = False
    return factor
