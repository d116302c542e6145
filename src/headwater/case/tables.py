"""The columns of every table of a case: names, types, ranges and keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from headwater.case.shapes import INT32_MAX
from headwater.model.penalties import HYDRO_COST_NAMES

UINT32_MAX = 2**32 - 1

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
    """

    name: str
    kind: Kind = Kind.NUMBER
    required: bool = False
    low: float | None = None
    high: float | None = None
    above: bool = False

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


def _id(name: str, *, required: bool = True, low: int = 0) -> Column:
    return Column(name, Kind.WHOLE, required, low, INT32_MAX)


def _free(name: str, *, required: bool = False) -> Column:
    return Column(name, Kind.NUMBER, required)


def _not_negative(name: str, *, required: bool = False) -> Column:
    return Column(name, Kind.NUMBER, required, low=0.0)


def _positive(name: str, *, required: bool = False) -> Column:
    return Column(name, Kind.NUMBER, required, low=0.0, above=True)


def _fraction(name: str, *, required: bool = False) -> Column:
    return Column(name, Kind.NUMBER, required, low=0.0, high=1.0)


_ANY_STAGE = Column("stage_id", Kind.WHOLE, True, -INT32_MAX - 1, INT32_MAX)
_ZERO_ALLOWED = frozenset({"spillage_cost", "diversion_cost", "fpha_turbined_cost"})
_HYDRO_BOUNDS = (
    "min_turbined_m3s",
    "max_turbined_m3s",
    "min_storage_hm3",
    "max_storage_hm3",
    "min_outflow_m3s",
    "max_outflow_m3s",
    "min_generation_mw",
    "max_generation_mw",
    "max_diversion_m3s",
    "filling_inflow_m3s",
)


def _stage_table(entity: str, *columns: Column, block: bool = False, alias: str | None = None) -> Table:
    keys = (entity, "stage_id", "block_id") if block else (entity, "stage_id")
    blocks = (_id("block_id", required=False),) if block else ()
    return Table((_id(entity), _id("stage_id"), *blocks, *columns), keys, ((alias, entity),) if alias else ())


def _external(entity: str, value: Column) -> Table:
    columns = (_id("stage_id"), _id("scenario_id"), _id(entity), value, _not_negative("weight"))
    return Table(columns, ("stage_id", "scenario_id", entity))


TABLES: dict[str, Table] = {
    "system/hydro_geometry.parquet": Table(
        (
            _id("hydro_id"),
            *(_not_negative(n, required=True) for n in ("volume_hm3", "height_m", "area_km2")),
        ),
        (),
    ),
    "system/fpha_hyperplanes.parquet": Table(
        (
            _id("hydro_id"),
            _id("plane_id"),
            _id("stage_id", required=False),
            _free("gamma_0", required=True),
            _not_negative("gamma_v", required=True),
            _positive("gamma_q", required=True),
            Column("gamma_s", Kind.NUMBER, True, high=0.0),
            Column("kappa", Kind.NUMBER, False, low=0.0, high=1.0, above=True),
            _free("valid_v_min_hm3"),
            _free("valid_v_max_hm3"),
            _free("valid_q_max_m3s"),
        ),
        ("hydro_id", "stage_id", "plane_id"),
    ),
    "scenarios/inflow_history.parquet": Table(
        (_id("hydro_id"), Column("date", Kind.DATE, True), _free("value_m3s", required=True)), ("hydro_id", "date")
    ),
    "scenarios/inflow_seasonal_stats.parquet": Table(
        (
            _id("hydro_id"),
            _ANY_STAGE,
            _free("mean_m3s", required=True),
            _not_negative("std_m3s", required=True),
            _id("ar_order", required=False),
        ),
        ("hydro_id", "stage_id"),
    ),
    "scenarios/inflow_ar_coefficients.parquet": Table(
        (
            _id("hydro_id"),
            _ANY_STAGE,
            _id("lag", low=1),
            _free("coefficient", required=True),
            _free("residual_std_ratio"),
        ),
        ("hydro_id", "stage_id", "lag"),
    ),
    "scenarios/inflow_annual_component.parquet": Table(
        (
            _id("hydro_id"),
            _ANY_STAGE,
            _free("annual_coefficient", required=True),
            _free("annual_mean_m3s", required=True),
            _positive("annual_std_m3s", required=True),
            _free("residual_std_ratio"),
        ),
        ("hydro_id", "stage_id"),
    ),
    "scenarios/external_inflow_scenarios.parquet": _external("hydro_id", _free("value_m3s", required=True)),
    "scenarios/external_load_scenarios.parquet": _external("bus_id", _free("value_mw", required=True)),
    "scenarios/external_ncs_scenarios.parquet": _external("ncs_id", _fraction("value", required=True)),
    "scenarios/load_seasonal_stats.parquet": _stage_table(
        "bus_id", _free("mean_mw", required=True), _not_negative("std_mw", required=True)
    ),
    "scenarios/non_controllable_stats.parquet": _stage_table(
        "ncs_id", _fraction("mean", required=True), _not_negative("std", required=True)
    ),
    "scenarios/noise_openings.parquet": Table(
        (
            _id("stage_id"),
            Column("opening_index", Kind.WHOLE, True, 0, UINT32_MAX),
            Column("entity_index", Kind.WHOLE, True, 0, UINT32_MAX),
            _free("value", required=True),
        ),
        ("stage_id", "opening_index", "entity_index"),
    ),
    "scenarios/opening_probabilities.parquet": Table(
        (
            _id("stage_id"),
            Column("opening_index", Kind.WHOLE, True, 0, UINT32_MAX),
            _fraction("probability", required=True),
        ),
        ("stage_id", "opening_index"),
    ),
    "constraints/hydro_bounds.parquet": _stage_table(
        "hydro_id", *(_not_negative(name) for name in _HYDRO_BOUNDS), _free("water_withdrawal_m3s")
    ),
    "constraints/thermal_bounds.parquet": _stage_table(
        "thermal_id",
        *(_not_negative(name) for name in ("min_generation_mw", "max_generation_mw", "cost_per_mwh")),
        block=True,
    ),
    "constraints/line_bounds.parquet": _stage_table("line_id", _not_negative("direct_mw"), _not_negative("reverse_mw")),
    "constraints/pumping_bounds.parquet": _stage_table("station_id", _not_negative("min_m3s"), _not_negative("max_m3s")),
    "constraints/contract_bounds.parquet": _stage_table(
        "contract_id", _not_negative("min_mw"), _not_negative("max_mw"), _free("price_per_mwh")
    ),
    "constraints/ncs_bounds.parquet": _stage_table("ncs_id", _not_negative("available_generation_mw", required=True)),
    "constraints/generic_constraint_bounds.parquet": _stage_table("constraint_id", _free("bound", required=True), block=True),
    "constraints/penalty_overrides_bus.parquet": _stage_table("bus_id", _not_negative("excess_cost")),
    "constraints/penalty_overrides_line.parquet": _stage_table("line_id", _not_negative("exchange_cost")),
    "constraints/penalty_overrides_hydro.parquet": _stage_table(
        "hydro_id", *(_not_negative(n) if n in _ZERO_ALLOWED else _positive(n) for n in HYDRO_COST_NAMES)
    ),
    "constraints/penalty_overrides_ncs.parquet": _stage_table("source_id", _not_negative("curtailment_cost"), alias="ncs_id"),
}
"""Canonical file name -> its table."""
