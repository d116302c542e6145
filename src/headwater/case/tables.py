"""The columns of every table of a case: names, types, ranges and keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated

from annotated_types import Ge, Gt, Le

from headwater import model as m
from headwater.case import form_tables as rows
from headwater.case.derived import in_file_order
from headwater.case.manifest import TABLE_FILES
from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import (
    INT32_MAX,
    BlockId,
    FieldSpec,
    Id,
    Ref,
    StageId,
    branches,
    spec_of,
)
from headwater.core.parts import Equipment
from headwater.core.stage_tables import StageTable

UNSIGNED_COLUMNS = frozenset({"opening_index", "entity_index"})
"""Columns that are stored as uint32; all other whole numbers are int32."""


class Kind(Enum):
    """What the cells of a column are."""

    WHOLE = "whole numbers"
    NUMBER = "numbers"
    DATE = "dates"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: as in the file.
        kind: type of the cells.
        required: whether the column must be there without empty cells.
        low, high: limits of the values; ``above`` makes the lower one strict.
        meaning, unit: what the cells mean, and in which unit they are.
        ref: kind of part whose ids the cells are; empty for other columns.
    """

    name: str
    kind: Kind = Kind.NUMBER
    required: bool = False
    low: float | None = None
    high: float | None = None
    above: bool = False
    meaning: str = ""
    unit: str = ""
    ref: str = ""

    @property
    def expected(self) -> str:
        """The range in words."""
        low = None if self.low is None else f"{'above' if self.above else 'at least'} {self.low:g}"
        high = None if self.high is None or self.high >= INT32_MAX else f"at most {self.high:g}"
        return " and ".join(text for text in (low, high) if text) or "a finite number"


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        columns: all columns it may have.
        key: columns that identify a row.
        aliases: older column name -> canonical name.
    """

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Column names."""
        return tuple(column.name for column in self.columns)


def _column(
    spec: FieldSpec, name: str = "", meaning: str = "", *, required: bool | None = None
) -> Column:
    """The column of a declared field."""
    types = {kind for kind in branches(spec.kind) if kind is not type(None)}
    kind = Kind.WHOLE if types == {int} else Kind.DATE if types == {date} else Kind.NUMBER
    low = next((limit for limit in spec.limits if isinstance(limit, Ge | Gt)), None)
    high = next((limit.le for limit in spec.limits if isinstance(limit, Le)), None)
    return Column(
        name or spec.place[-1],
        kind,
        spec.required if required is None else required,
        low.gt if isinstance(low, Gt) else low.ge if low is not None else None,  # type: ignore[arg-type]
        high,  # type: ignore[arg-type]
        isinstance(low, Gt),
        meaning or spec.meaning,
        spec.unit,
        spec.reference,
    )


def _rows(row: type, *key: str, aliases: tuple[tuple[str, str], ...] = ()) -> Table:
    """The table whose rows are objects of a declared dataclass."""
    return Table(tuple(_column(spec) for spec in in_file_order(row)), key, aliases)


def _of_stages(part: Equipment, table: StageTable) -> Table:
    """The table of what fields of a kind are at single stages, and maybe blocks."""
    own_id = Annotated[Id, Ref(part.name), table.key_meaning or part.words.one]
    keys = [
        _column(spec_of(table.key or f"{part.name}_id", own_id)),
        _column(spec_of("stage_id", StageId)),
    ]
    if part.by_block(table):
        keys.append(_column(spec_of("block_id", BlockId, None)))
    values = [
        _column(
            column.spec,
            column.name,
            "" if column.per_stage is None else column.per_stage.meaning,
            required=column.per_stage is not None and column.per_stage.required,
        )
        for column in part.stage_columns
        if column.table == table.file
    ]
    more = [Column(one.name, meaning=one.meaning, unit=one.unit) for one in table.more]
    alias = ((table.alias, keys[0].name),) if table.alias else ()
    return Table((*keys, *values, *more), tuple(column.name for column in keys), alias)


_TABLES: dict[str, Table] = {
    "system/hydro_geometry.parquet": _rows(m.GeometryPoint),
    "system/fpha_hyperplanes.parquet": _rows(rows.Plane, "hydro_id", "stage_id", "plane_id"),
    "scenarios/inflow_history.parquet": _rows(m.InflowObservation, "hydro_id", "date"),
    "scenarios/inflow_seasonal_stats.parquet": _rows(rows.SeasonalInflow, "hydro_id", "stage_id"),
    "scenarios/inflow_ar_coefficients.parquet": _rows(
        rows.Coefficient, "hydro_id", "stage_id", "lag"
    ),
    "scenarios/inflow_annual_component.parquet": _rows(rows.AnnualTerm, "hydro_id", "stage_id"),
    "scenarios/external_inflow_scenarios.parquet": _rows(
        rows.ExternalInflow, "stage_id", "scenario_id", "hydro_id"
    ),
    "scenarios/external_load_scenarios.parquet": _rows(
        rows.ExternalLoad, "stage_id", "scenario_id", "bus_id"
    ),
    "scenarios/external_ncs_scenarios.parquet": _rows(
        rows.ExternalAvailability, "stage_id", "scenario_id", "ncs_id"
    ),
    "scenarios/load_seasonal_stats.parquet": _rows(m.LoadStatistics, "bus_id", "stage_id"),
    "scenarios/non_controllable_stats.parquet": _rows(
        m.AvailabilityStatistics, "ncs_id", "stage_id"
    ),
    "scenarios/noise_openings.parquet": _rows(
        rows.OpeningNoise, "stage_id", "opening_index", "entity_index"
    ),
    "scenarios/opening_probabilities.parquet": _rows(
        rows.OpeningProbability, "stage_id", "opening_index"
    ),
    "constraints/generic_constraint_bounds.parquet": _rows(
        m.GenericConstraintBound, "constraint_id", "stage_id", "block_id"
    ),
    **{table.file: _of_stages(part, table) for part, table in EQUIPMENT.stage_tables},
}

TABLES: dict[str, Table] = {name: _TABLES[name] for name in TABLE_FILES}
"""Canonical file name -> its table."""
