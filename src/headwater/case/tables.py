"""The columns of every table of a case: names, types, ranges and keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

from annotated_types import Ge, Gt, Le

from headwater import model as m
from headwater.case import form_tables as rows
from headwater.case.derived import in_file_order
from headwater.core.fields import (
    INT32_MAX,
    BlockId,
    BusId,
    FieldSpec,
    HydroId,
    PerStage,
    Priced,
    SourceId,
    StageId,
    ThermalId,
    branches,
    fields_of,
    spec_of,
)
from headwater.model.entities import ThermalInFile

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


def _of_stages(
    name: str,
    key: str,
    kind_of_key: Any,
    kind: type,
    *more: Column,
    block: bool = False,
    alias: str | None = None,
) -> Table:
    """The table of what fields of a kind are at single stages, and maybe blocks."""
    keys = [_column(spec_of(key, kind_of_key)), _column(spec_of("stage_id", StageId))]
    if block:
        keys.append(_column(spec_of("block_id", BlockId, None)))
    found = sorted(_stage_values(kind, name), key=lambda pair: pair[0])
    columns = (*keys, *(column for _, column in found), *more)
    return Table(columns, tuple(column.name for column in keys), ((alias, key),) if alias else ())


def _stage_values(cls: type, table: str, *, priced: bool = False) -> Iterator[tuple[int, Column]]:
    """Columns of the fields that a table may give, with their place.

    Also those of parts of the class.
    """
    for spec in fields_of(cls):
        per_stage, costs = spec.marker(PerStage), spec.marker(Priced)
        inner = next((kind for kind in branches(spec.kind) if dataclasses.is_dataclass(kind)), None)
        is_priced = priced or (costs is not None and costs.table == table)
        if inner is not None and isinstance(inner, type):
            yield from _stage_values(inner, table, priced=is_priced)
        elif is_priced:
            yield 0, _column(spec, required=False)
        elif per_stage is not None and per_stage.table == table:
            yield (
                per_stage.place,
                _column(
                    spec, per_stage.column or "", per_stage.meaning, required=per_stage.required
                ),
            )


_WITHDRAWAL = Column(
    "water_withdrawal_m3s",
    meaning="water taken from the river for other uses; negative for water that is added",
    unit="m3/s",
)
_BOUNDS = "constraints/{}_bounds.parquet"
_PENALTIES = "constraints/penalty_overrides_{}.parquet"

TABLES: dict[str, Table] = {
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
    "constraints/hydro_bounds.parquet": _of_stages(
        _BOUNDS.format("hydro"), "hydro_id", HydroId, m.Hydro, _WITHDRAWAL
    ),
    "constraints/thermal_bounds.parquet": _of_stages(
        _BOUNDS.format("thermal"), "thermal_id", ThermalId, ThermalInFile, block=True
    ),
    "constraints/line_bounds.parquet": _of_stages(
        _BOUNDS.format("line"), "line_id", rows.LineId, m.Line
    ),
    "constraints/pumping_bounds.parquet": _of_stages(
        _BOUNDS.format("pumping"), "station_id", rows.StationId, m.PumpingStation
    ),
    "constraints/contract_bounds.parquet": _of_stages(
        _BOUNDS.format("contract"), "contract_id", rows.ContractId, m.EnergyContract
    ),
    "constraints/ncs_bounds.parquet": _of_stages(
        _BOUNDS.format("ncs"), "ncs_id", SourceId, m.NonControllableSource
    ),
    "constraints/generic_constraint_bounds.parquet": _rows(
        m.GenericConstraintBound, "constraint_id", "stage_id", "block_id"
    ),
    "constraints/penalty_overrides_bus.parquet": _of_stages(
        _PENALTIES.format("bus"), "bus_id", BusId, m.Bus
    ),
    "constraints/penalty_overrides_line.parquet": _of_stages(
        _PENALTIES.format("line"), "line_id", rows.LineId, m.Line
    ),
    "constraints/penalty_overrides_hydro.parquet": _of_stages(
        _PENALTIES.format("hydro"), "hydro_id", HydroId, m.Hydro
    ),
    "constraints/penalty_overrides_ncs.parquet": _of_stages(
        _PENALTIES.format("ncs"), "source_id", SourceId, m.NonControllableSource, alias="ncs_id"
    ),
}
"""Canonical file name -> its table."""
