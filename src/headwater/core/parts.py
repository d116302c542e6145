"""The contract of a kind of equipment: one value says everything that the rest of the package asks of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

LAST = 1000
"""Place of what is added to an order that the founding kinds have fixed: behind all of them, by name."""

ValueKind = Literal["number", "whole", "code", "flag"]

Category = Literal["resource", "recourse", "violation", "regularization", "imputed"]


@dataclass(frozen=True)
class EntityFile:
    """The file of a case that lists the entities of a kind.

    Attributes:
        name: file below the case directory, with forward slashes.
        key: key of the list in it.
        place: order among the files of entities.
        required: whether every case must have it.
    """

    name: str
    key: str
    place: int = LAST
    required: bool = False


@dataclass(frozen=True)
class Words:
    """How people call a kind of equipment.

    Attributes:
        one: a single entity in a sentence, e.g. ``"pumping station"``.
        many: several of them.
        label: what stands before an id in a finding, e.g. ``"Pumping station"``.
    """

    one: str
    many: str
    label: str


@dataclass(frozen=True)
class Column:
    """One column of a result table.

    Attributes:
        name: as in the file.
        unit: unit of the values, ``"-"`` where they have none.
        meaning: what a value is, for people.
        kind: type of the cells.
        nullable: whether cells may be empty.
    """

    name: str
    unit: str
    meaning: str
    kind: ValueKind = "number"
    nullable: bool = False


OPERATIVE_STATE = Column("operative_state_code", "-", "0 not existing, 1 filling, 2 operating, 3 decommissioned", "code")
"""Column that every kind with a life has in its table."""


@dataclass(frozen=True)
class ResultTable:
    """One table that a simulation writes about a kind.

    Attributes:
        name: name of the table and of its directory.
        rows: what one row is, in words.
        columns: columns behind the keys.
        by_entity: whether rows are keyed by the id of an entity, in a column named after the kind.
        block: ``"every"`` for a row per block, ``"none"`` for rows of the stage, ``"some"`` for both.
        sort: columns that order the rows; empty for the keys.
        place: order among the tables.
    """

    name: str
    rows: str
    columns: tuple[Column, ...]
    by_entity: bool = True
    block: Literal["every", "none", "some"] = "every"
    sort: tuple[str, ...] = ()
    place: int = LAST


@dataclass(frozen=True)
class Cost:
    """A component of the cost of a stage, as a column of the table of costs.

    Attributes:
        name: name of the column.
        meaning: what is paid for, in words.
        category: where it adds up; ``None`` for one that another component holds already.
        place: order among the components.
    """

    name: str
    meaning: str
    category: Category | None = None
    place: int = LAST


@dataclass(frozen=True)
class Quantity:
    """A name that user constraints may use.

    Attributes:
        name: the name, e.g. ``"thermal_generation"``.
        of_stage: whether it has one value for the whole stage in place of one for each block.
    """

    name: str
    of_stage: bool = False


@dataclass(frozen=True)
class Equipment:
    """A kind of equipment.

    Attributes:
        name: name in the registry and in what names a kind, e.g. ``"pumping_station"``.
        collection: name for all entities of the kind, e.g. ``"pumping_stations"``.
        entity: frozen dataclass of one of them; it has an ``id``.
        file: where a case lists them.
        words: how people call them.
        code: ``entity_type_code`` in results, never used for another kind; ``None`` without one.
        place: order of the kind in the registry, in summaries and in counts.
        capacity: fields whose sum says how much all entities can do, each with its unit in words.
        tables: result tables.
        costs: components of the cost.
        quantities: names for user constraints.
    """

    name: str
    collection: str
    entity: type[Any]
    file: EntityFile
    words: Words
    code: int | None = None
    place: int = LAST
    capacity: tuple[tuple[str, str], ...] = ()
    tables: tuple[ResultTable, ...] = ()
    costs: tuple[Cost, ...] = ()
    quantities: tuple[Quantity, ...] = ()

    @property
    def has_life(self) -> bool:
        """Whether its entities may enter and leave."""
        return any(field.name == "entry_stage_id" for field in fields(self.entity))

    @property
    def has_bus(self) -> bool:
        """Whether its entities are connected to one bus."""
        return any(field.name == "bus_id" for field in fields(self.entity))

    @property
    def founding(self) -> bool:
        """Whether results speak of the kind even where a system has none of it."""
        return self.place < LAST
