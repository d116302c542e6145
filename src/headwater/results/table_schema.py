"""What a table of results is, as data: columns, types, units, meaning, order, place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
from polars.datatypes import DataType, DataTypeClass

INT, CODE, FLOAT, TEXT, FLAG, LONG = pl.Int32, pl.Int8, pl.Float64, pl.String, pl.Boolean, pl.Int64
COUNT, WIDE = pl.UInt32, pl.UInt64


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: as in the file.
        dtype: type of the values.
        unit: unit, or what stands for one.
        description: what a value is.
        nullable: whether cells may be empty.
        timing: whether the values differ from run to run.
        kind: kind of equipment that a system must have for the column to be there; empty for
            always.
    """

    name: str
    dtype: DataType | DataTypeClass
    unit: str
    description: str
    nullable: bool = False
    timing: bool = False
    kind: str = ""


@dataclass(frozen=True)
class TableSchema:
    """A table: its columns in order and the columns it is sorted by.

    Attributes:
        name: as `Results.table` and the dictionaries know it.
        place: file or directory below the output directory.
        rows: what one row is, in words.
        kind: kind of equipment that a system must have for the table to be there; empty for always.
        entity: kind of entity of its id column (``"hydros"``, ...), for joining names.
    """

    name: str
    columns: tuple[Column, ...]
    sort_keys: tuple[str, ...]
    place: str
    rows: str
    entity: str | None = None
    kind: str = ""

    @property
    def polars_schema(self) -> dict[str, DataType | DataTypeClass]:
        """Column name -> type."""
        return {column.name: column.dtype for column in self.columns}

    @property
    def timing_columns(self) -> tuple[str, ...]:
        """Columns whose values differ from run to run."""
        return tuple(column.name for column in self.columns if column.timing)


class _Make(Protocol):
    """Makes a column of one type of values from its name and what they are."""

    def __call__(
        self,
        name: str,
        meaning: str,
        unit: str = "-",
        *,
        nullable: bool = False,
        timing: bool = False,
        kind: str = "",
    ) -> Column: ...


def _of(dtype: DataType | DataTypeClass) -> _Make:
    def column(name: str, meaning: str, unit: str = "-", **about: Any) -> Column:
        return Column(name, dtype, unit, meaning, **about)

    return column


integer, code, number, words = _of(INT), _of(CODE), _of(FLOAT), _of(TEXT)
flag, long, count, wide = _of(FLAG), _of(LONG), _of(COUNT), _of(WIDE)


def ids(
    entity: str = "", *, block: bool = True, nullable_block: bool = False
) -> tuple[Column, ...]:
    """Key columns of a simulation table."""
    columns = [integer("scenario_id", "scenario, from 0"), integer("stage_id", "stage of the case")]
    if block:
        columns.append(integer("block_id", "block of the stage, from 0", nullable=nullable_block))
    if entity:
        columns.append(integer(f"{entity}_id", f"id of the {entity.replace('_', ' ')}"))
    return tuple(columns)


def gap_columns(gap: str, whole: str, *, nullable: bool = False) -> tuple[Column, ...]:
    """Columns of a table of problems that were taken with a gap above tolerance.

    Args:
        gap: what the gap is, in words.
        whole: of what its share is given.
        nullable: whether a gap may be unknown.
    """
    return (
        number("bound", "certified lower bound of its optimum", "$"),
        number("gap", gap, "$", nullable=nullable),
        number("gap_share", f"gap as a share of {whole}", nullable=True),
        integer("attempts", "attempts made at it"),
    )
