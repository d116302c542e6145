"""The contract of a kind of equipment.

One value says everything that the rest of the package asks of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cached_property
from typing import Any, Literal

import numpy as np

from headwater.arrays import Array
from headwater.core.flows import BusFlow
from headwater.core.ids import ABSENT
from headwater.core.program import Combination, LpBuilder
from headwater.core.repairs import RepairedStage, Room
from headwater.core.stage_tables import StageColumn, StageTable, stage_columns
from headwater.core.stores import Store

LAST = 1000
"""Place of what is added to an order that the founding kinds have fixed: behind all of them, by
name.
"""

ValueKind = Literal["number", "whole", "code", "flag"]

Labeller = Callable[[tuple[int, ...]], list[str]]
"""Index of a member of a family -> what stands in the brackets of its name, the entity first."""

Category = Literal["resource", "recourse", "violation", "regularization", "imputed"]


@dataclass(frozen=True)
class EntityFile:
    """The file of a case that lists the entities of a kind.

    Attributes:
        name: file below the case directory, with forward slashes.
        key: key of the list in it.
        place: order among the files of entities.
        required: whether every case must have it.
        meaning: what it lists.
        at_least: least number of entities.
        form: the declared dataclass of one entity in the file, where it is not that of the entity
            itself.
    """

    name: str
    key: str
    place: int = LAST
    required: bool = False
    meaning: str = ""
    at_least: int = 0
    form: type[Any] | None = None


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


OPERATIVE_STATE = Column(
    "operative_state_code", "-", "0 not existing, 1 filling, 2 operating, 3 decommissioned", "code"
)
"""Column that every kind with a life has in its table."""


class Phase(IntEnum):
    """When a piece of a stage program is declared.

    The future cost stands between the columns of the state and the others. Rows of the state are
    the only ones that may depend on the state that enters.
    """

    STATE_COLUMNS = 0
    COLUMNS = 1
    STATE_ROWS = 2
    ROWS = 3
    TERMS = 4


@dataclass(frozen=True)
class Piece:
    """Columns, rows or terms of a kind in the program of a stage.

    Attributes:
        phase: when they are declared.
        declare: declares them; it gets the program and the `StageContext`.
        place: order in the phase, and so of columns and rows.
    """

    phase: Phase
    declare: Callable[[LpBuilder, Any], None]
    place: int = LAST


@dataclass(frozen=True)
class Family:
    """How people call a family of columns or rows; its first index is the entity.

    Attributes:
        name: name of the family in the program.
        words: a member in words, ``{0}`` for the entity.
        unit: unit of its values.
        is_row: whether it is a family of rows.
        shown: its name for people, where that differs.
        floor: how the lower limit of a column is asked to be lowered, e.g. ``"power of contract"``;
            empty where that is no remedy.
        labels: makes labels of members from the `StageContext` and the labels of the entities;
            ``None`` for the entity and the other indices as they are.
        own_limit: whether columns are slack whose upper limit is the very limit that they stand
            in for, so that they can always grow while the quantity behind it is not negative.
    """

    name: str
    words: str
    unit: str
    is_row: bool = False
    shown: str = ""
    floor: str = ""
    labels: Callable[[Any, Sequence[str]], Labeller] | None = None
    own_limit: bool = False


@dataclass(frozen=True)
class ResultTable:
    """One table that a simulation writes about a kind.

    Attributes:
        name: name of the table and of its directory.
        rows: what one row is, in words.
        columns: columns behind the keys.
        read: reads it from a `StageReader` and `StageSolutions`: name of a column -> values. With a
            row for every block these are ``[scenario, block, entity]``, and keys and operative
            states are added; else ``[scenario, row]`` with all keys but scenario and stage.
        by_entity: whether rows are keyed by the id of an entity, in a column named after the kind.
        block: ``"every"`` for a row per block, ``"none"`` for rows of the stage, ``"some"`` for
            both.
        sort: columns that order the rows; empty for the keys.
        place: order among the tables.
    """

    name: str
    rows: str
    columns: tuple[Column, ...]
    read: Callable[[Any, Any], Mapping[str, Any]]
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
        families: families of columns whose cost it is.
        of_stage: whether these are of the whole stage, so that blocks share them by their hours.
        read: reads it from a `StageReader` and `StageSolutions` in place of families,
            ``[scenario, block]`` in $.
        total_of: components whose sum it is.
        place: order among the components.
    """

    name: str
    meaning: str
    category: Category | None = None
    families: tuple[str, ...] = ()
    of_stage: bool = False
    read: Callable[[Any, Any], Any] | None = None
    total_of: tuple[str, ...] = ()
    place: int = LAST


@dataclass(frozen=True)
class Quantity:
    """A name that user constraints may use.

    Attributes:
        name: the name, e.g. ``"thermal_generation"``.
        families: families of columns that make it, each with its coefficient.
        of_stage: whether it has one value for the whole stage in place of one for each block.
        feature: field of the entity without which it is always zero; empty where it needs none.
        combine: gives it for position and block of an entity in place of families: columns with
            coefficients, and a constant; it gets the program and the `StageContext` before them.
    """

    name: str
    families: tuple[tuple[str, float], ...] = ()
    of_stage: bool = False
    feature: str = ""
    combine: Callable[[LpBuilder, Any, int, int], tuple[Combination, float]] | None = None

    def combination(self, build: LpBuilder, ctx: Any, i: int, k: int) -> tuple[Combination, float]:
        """The quantity of entity ``i`` in block ``k``.

        It is given by existing columns with coefficients, and a constant.
        """
        if self.combine is not None:
            return self.combine(build, ctx, i, k)
        index = i if self.of_stage else (i, k)
        return [
            (int(column), value)
            for family, value in self.families
            for column in np.ravel(build.columns[family][index])
            if column != ABSENT
        ], 0.0


@dataclass(frozen=True)
class Limit:
    """A pair of limits that the dictionary of bounds shows.

    Attributes:
        code: ``bound_type_code`` in results, one for each quantity of a kind.
        name: what is limited.
        high: column of the upper limit.
        low: column of the lower limit; empty for 0.
        both_ways: whether the lower limit is minus the value of its column.
    """

    code: int
    name: str
    high: str
    low: str = ""
    both_ways: bool = False


@dataclass(frozen=True)
class Violation:
    """A limit with a price that a solution may break.

    Attributes:
        name: what is broken, e.g. ``"storage_below_minimum"``.
        words: what happened, in words.
        unit: unit of by how much.
        families: families of columns that measure it, entity first; they add up.
        measure: gives it in place of families, ``[scenario, entity]``; it gets a `StageReader`, and
            a function that gives what counts of a family, ``[scenario, member]``.
        place: order among the violations, the gravest first.
    """

    name: str
    words: str
    unit: str
    families: tuple[str, ...] = ()
    measure: Callable[[Any, Callable[[str], Array]], Array] | None = None
    place: int = LAST


@dataclass(frozen=True)
class Advice:
    """Sentences that a planner should read before hours are spent.

    Attributes:
        check: gives them for a `System`.
        place: order among the checks.
    """

    check: Callable[[Any], Iterator[str]]
    place: int = LAST


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
        state: gives the blocks of the state for a `System` and for how many lags and accumulators
            of inflow are in it.
        pieces: columns, rows and terms in the program of a stage.
        families: how people call them.
        advice: what a planner should know of a system.
        stage_tables: tables of values at single stages, as far as fields do not say it.
        finish_values: completes the values at every stage, by column of the tables, for a `System`.
        limits: pairs of them that the dictionary of bounds shows.
        flows: energy that its entities give to their bus or take from it.
        violations: limits that solutions may break at a price.
        lowest_cost: gives the least cost that all entities can have at a stage, in $, for a
            `System` and the position of the stage; ``None`` where no cost is ever negative.
        repairs: gives what can always make good a change of the state, for a `RepairedStage`;
            ``None`` where its rows repair themselves or are not priced.
        store: what is kept from stage to stage, for pictures; ``None`` for nothing, or water.
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
    state: Callable[[Any, int, int], Iterator[Any]] | None = None
    pieces: tuple[Piece, ...] = ()
    families: tuple[Family, ...] = ()
    advice: tuple[Advice, ...] = ()
    stage_tables: tuple[StageTable, ...] = ()
    finish_values: Callable[[Any, dict[str, Array]], None] | None = None
    limits: tuple[Limit, ...] = ()
    flows: tuple[BusFlow, ...] = ()
    violations: tuple[Violation, ...] = ()
    lowest_cost: Callable[[Any, int], float] | None = None
    repairs: Callable[[RepairedStage], Iterator[Room]] | None = None
    store: Store | None = None

    @cached_property
    def stage_columns(self) -> tuple[StageColumn, ...]:
        """Columns of its tables of stage values, by table, then place."""
        found = stage_columns(self.file.form or self.entity)
        return tuple(sorted(found, key=lambda column: column.place))

    @cached_property
    def tables_of_stages(self) -> tuple[StageTable, ...]:
        """Its tables of stage values."""
        declared = {table.file: table for table in self.stage_tables}
        files = dict.fromkeys(column.table for column in self.stage_columns)
        return tuple(declared.get(file) or StageTable(file) for file in files)

    def by_block(self, table: StageTable) -> bool:
        """Whether rows of a table of stage values may name a block."""
        return any(
            column.table == table.file and column.per_stage is not None and column.per_stage.blocks
            for column in self.stage_columns
        )

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
