"""The registry of the kinds of equipment, and what lists of kinds elsewhere are made from."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from functools import cached_property
from typing import Any

from headwater.arrays import FrozenDict
from headwater.core.flows import BusFlow
from headwater.core.parts import (
    Advice,
    Cost,
    Equipment,
    Family,
    Phase,
    Piece,
    Quantity,
    ResultTable,
    Violation,
)
from headwater.core.registry import Registry
from headwater.core.stage_tables import StageTable


class EquipmentRegistry(Registry[Equipment]):
    """All kinds of equipment, by place, then name."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            "equipment", folder, claims=_claims, order=lambda part: (part.place, part.name)
        )

    def add(self, item: Equipment) -> Equipment:
        """Make a kind known, see `Registry.add`."""
        self._forget()
        return super().add(item)

    def remove(self, name: str) -> None:
        """Forget a kind, see `Registry.remove`."""
        self._forget()
        super().remove(name)

    def _forget(self) -> None:
        for derived in (
            "quantities",
            "by_entity",
            "by_collection",
            "tables",
            "costs_by_kind",
            "families",
            "_pieces",
            "advice",
            "violations",
            "stage_tables",
            "flows",
        ):
            self.__dict__.pop(derived, None)

    @cached_property
    def quantities(self) -> Mapping[str, tuple[Equipment, Quantity]]:
        """Name of a quantity of user constraints -> the kind that has it, and the quantity."""
        return FrozenDict({one.name: (part, one) for part in self for one in part.quantities})

    @cached_property
    def by_entity(self) -> Mapping[type, Equipment]:
        """Class of the entities of a kind -> the kind."""
        return FrozenDict({part.entity: part for part in self})

    @cached_property
    def by_collection(self) -> Mapping[str, Equipment]:
        """Name for all entities of a kind -> the kind."""
        return FrozenDict({part.collection: part for part in self})

    @cached_property
    def tables(self) -> tuple[tuple[Equipment, ResultTable], ...]:
        """Result tables of all kinds in their order, each with its kind."""
        found = [(part, table) for part in self for table in part.tables]
        return tuple(sorted(found, key=lambda pair: pair[1].place))

    @cached_property
    def costs_by_kind(self) -> tuple[tuple[Equipment, Cost], ...]:
        """Components of the cost in the order of their columns, each with its kind."""
        found = [(part, cost) for part in self for cost in part.costs]
        return tuple(sorted(found, key=lambda pair: pair[1].place))

    @property
    def costs(self) -> tuple[Cost, ...]:
        """Components of the cost in the order of their columns."""
        return tuple(cost for _, cost in self.costs_by_kind)

    @cached_property
    def families(self) -> Mapping[tuple[str, bool], tuple[Equipment, Family]]:
        """The kind and the family behind each name of a family.

        The key also says whether the family is one of rows.
        """
        return FrozenDict(
            {(one.name, one.is_row): (part, one) for part in self for one in part.families}
        )

    def pieces(self, phase: Phase) -> tuple[Piece, ...]:
        """Pieces of stage programs of one phase, in the order in which they are declared."""
        return self._pieces[phase]

    @cached_property
    def _pieces(self) -> Mapping[Phase, tuple[Piece, ...]]:
        found = [piece for part in self for piece in part.pieces]
        found.sort(key=lambda piece: piece.place)
        return {phase: tuple(piece for piece in found if piece.phase is phase) for phase in Phase}

    @cached_property
    def advice(self) -> tuple[Advice, ...]:
        """What planners are told, in order."""
        return tuple(
            sorted((one for part in self for one in part.advice), key=lambda one: one.place)
        )

    @cached_property
    def violations(self) -> Mapping[str, tuple[Equipment, Violation]]:
        """Name of a limit that may be broken -> its kind and itself, the gravest first."""
        found = [(part, one) for part in self for one in part.violations]
        found.sort(key=lambda pair: pair[1].place)
        return FrozenDict({one.name: (part, one) for part, one in found})

    @cached_property
    def stage_tables(self) -> tuple[tuple[Equipment, StageTable], ...]:
        """Tables of stage values of all kinds in their order, each with its kind."""
        found = [(part, table) for part in self for table in part.tables_of_stages]
        return tuple(sorted(found, key=lambda pair: (pair[1].place, pair[0].place, pair[1].file)))

    @cached_property
    def flows(self) -> tuple[tuple[Equipment, BusFlow], ...]:
        """Flows of energy between buses and all kinds in their order, each with its kind."""
        found = [(part, one) for part in self for one in part.flows]
        return tuple(sorted(found, key=lambda pair: pair[1].place))

    def told_of(self, system: Any) -> tuple[Equipment, ...]:
        """Kinds that results of a system speak of: the founding ones, and those that it has."""
        return tuple(
            part for part in self if part.founding or len(getattr(system, part.collection))
        )

    def by_file(self) -> tuple[Equipment, ...]:
        """All kinds in the order of their files."""
        return tuple(sorted(self, key=lambda part: part.file.place))

    def by_code(self) -> tuple[Equipment, ...]:
        """The kinds that have an ``entity_type_code``, by code."""
        return tuple(
            sorted(
                (part for part in self if part.code is not None), key=lambda part: part.code or 0
            )
        )


def _claims(part: Equipment) -> Iterator[tuple[str, Hashable]]:
    """What two kinds cannot share."""
    yield "collection", part.collection
    yield "entity", part.entity.__qualname__
    yield "file", part.file.name
    if part.code is not None:
        yield "entity code", part.code
    for what, owned in (
        ("table", part.tables),
        ("cost", part.costs),
        ("quantity", part.quantities),
        ("violation", part.violations),
    ):
        yield from ((what, one.name) for one in owned)
    yield from (("table of stage values", one.file) for one in part.tables_of_stages)
    yield from (("family", (one.name, one.is_row)) for one in part.families)


EQUIPMENT = EquipmentRegistry("headwater.equipment")
"""All kinds of equipment."""
