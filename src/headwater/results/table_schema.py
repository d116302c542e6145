"""What a table of results is, as data: columns, types, units, meaning, order, place."""

from __future__ import annotations

from dataclasses import dataclass

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


def ids(
    entity: str = "", *, block: bool = True, nullable_block: bool = False
) -> tuple[Column, ...]:
    """Key columns of a simulation table."""
    columns = [
        Column("scenario_id", INT, "-", "scenario, from 0"),
        Column("stage_id", INT, "-", "stage of the case"),
    ]
    if block:
        columns.append(Column("block_id", INT, "-", "block of the stage, from 0", nullable_block))
    if entity:
        columns.append(Column(f"{entity}_id", INT, "-", f"id of the {entity.replace('_', ' ')}"))
    return tuple(columns)


def floats(*columns: tuple[str, str, str]) -> tuple[Column, ...]:
    """Columns of numbers that are never null: name, unit, meaning."""
    return tuple(Column(name, FLOAT, unit, text) for name, unit, text in columns)


def maybe(name: str, unit: str, text: str) -> Column:
    """A column of numbers that may be null."""
    return Column(name, FLOAT, unit, text, nullable=True)
