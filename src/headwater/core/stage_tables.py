"""Tables that give entities other values at single stages, and the values at every stage.

A field says with `PerStage` or `Priced` which table may replace it; everything about the table
follows from such declarations. Values at every stage are called by the columns of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from headwater.arrays import Array
from headwater.core.fields import FieldSpec, PerStage, Priced, branches, fields_of

V = TypeVar("V")


@dataclass(frozen=True)
class StageColumn:
    """A column of a table of stage values.

    Attributes:
        table: file of the table.
        spec: the field that it replaces.
        way: names of the fields that lead to it from the entity.
        per_stage: what the field says of the column; ``None`` for a cost of three tiers.
    """

    table: str
    spec: FieldSpec
    way: tuple[str, ...]
    per_stage: PerStage | None

    @property
    def name(self) -> str:
        """Its name."""
        return (self.per_stage and self.per_stage.column) or self.spec.place[-1]

    @property
    def place(self) -> int:
        """Order among the columns of its table."""
        return 0 if self.per_stage is None else self.per_stage.place

    @property
    def missing(self) -> float:
        """The value of entities that have none of their own."""
        return 0.0 if self.per_stage is None else self.per_stage.missing

    def value(self, entity: Any) -> float | None:
        """The value of an entity where the table does not speak of it; ``None`` without one."""
        for name in self.way:
            entity = getattr(entity, name, None)
        return None if entity is None else float(entity)


def stage_columns(cls: type, way: tuple[str, ...] = (), priced: str = "") -> Iterator[StageColumn]:
    """Columns of the fields of a class that tables may replace, those of its parts included.

    Args:
        cls: the class.
        way: names of the fields that lead to it.
        priced: table of the costs that it holds.
    """
    for spec in fields_of(cls):
        per_stage, costs = spec.marker(PerStage), spec.marker(Priced)
        table = priced or (costs.table if costs is not None else "")
        inner = next((kind for kind in branches(spec.kind) if is_dataclass(kind)), None)
        here = (*way, spec.name)
        if isinstance(inner, type):
            yield from stage_columns(inner, here, table)
        elif table:
            yield StageColumn(table, spec, here, None)
        elif per_stage is not None:
            yield StageColumn(per_stage.table, spec, here, per_stage)


@dataclass(frozen=True)
class OtherColumn:
    """A column of a table of stage values that replaces no field: 0 where the table does not speak.

    Attributes:
        name, unit, meaning: of the column.
    """

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class StageTable:
    """A table of stage values, where what follows from the fields is not all there is to say.

    Attributes:
        file: its file.
        key: column of the ids of entities; empty for the name of the kind with ``_id``.
        alias: older name of that column.
        key_meaning: what the column means; empty for the word for one entity.
        more: columns that replace no field.
        held_in: field of `System` that holds the table; empty for its ``stage_values``.
        place: order among the tables.
    """

    file: str
    key: str = ""
    alias: str = ""
    key_meaning: str = ""
    more: tuple[OtherColumn, ...] = ()
    held_in: str = ""
    place: int = 1000


class ByName(Mapping[str, V]):
    """Values that are found by key and as attributes: ``values["a"]`` is ``values.a``."""

    def __init__(self, values: Mapping[str, V]) -> None:
        self._names = tuple(values)
        self.__dict__.update(values)  # an attribute like any other: builders ask thousands of times

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> V: ...

    def __getitem__(self, name: str) -> V:
        if name not in self._names:
            raise KeyError(name)
        found: V = self.__dict__[name]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class StageValues(ByName[Array]):
    """Limits and costs of all entities of a kind at every stage, by column of their tables.

    ``[entity, stage]``, or ``[entity, stage, block]`` where the table may name blocks, padded to
    the largest number of blocks.
    """

    def __init__(self, values: Mapping[str, Array]) -> None:
        for array in values.values():
            array.flags.writeable = False
        super().__init__(values)
