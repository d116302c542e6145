"""Tables of the newer dialect whose columns differ, brought into those of this project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import polars as pl

from headwater.case.cobre.newer import GROUP_BOUNDS, PRODUCTIVITIES, TAILRACES, Newer
from headwater.case.cobre.plants import plants_with_planes
from headwater.case.table_reader import ROW, complete_columns
from headwater.case.tables import TABLES, Column, Kind, Table

_HISTORY = "scenarios/inflow_history.parquet"
_CONSTRAINTS = "constraints/generic_constraint_bounds.parquet"
_HYDRO_BOUNDS = "constraints/hydro_bounds.parquet"
_HYDRO_COSTS = "constraints/penalty_overrides_hydro.parquet"
_PUMPING, _SOURCES = (
    "constraints/pumping_bounds.parquet",
    "constraints/penalty_overrides_ncs.parquet",
)
_WITHOUT_BLOCKS = (
    _HYDRO_BOUNDS,
    "constraints/line_bounds.parquet",
    _PUMPING,
    "constraints/contract_bounds.parquet",
    "constraints/ncs_bounds.parquet",
    GROUP_BOUNDS,
)
_GROUP_LIMITS = ("min_turbined_m3s", "max_turbined_m3s", "min_generation_mw", "max_generation_mw")


def _whole(name: str, *, required: bool = False) -> Column:
    return Column(name, Kind.WHOLE, required)


def _with(name: str, *more: Column, without: tuple[str, ...] = (), key: tuple[str, ...]) -> Table:
    """A table of this project with other columns beside its own, and without some."""
    table = TABLES[name]
    columns = [replace(c, required=False) if c.name in without else c for c in table.columns]
    known = {column.name for column in columns}
    return Table((*columns, *(c for c in more if c.name not in known)), key, table.aliases)


def _renamed(name: str, old: str, new: str, *more: Column) -> Table:
    """A table of this project in which a column is called otherwise, too."""
    table = TABLES[name]
    columns = tuple(replace(c, name=new) if c.name == old else c for c in table.columns)
    key = tuple(new if column == old else column for column in table.key)
    return Table((*columns, *more), (*key, *(c.name for c in more)), ((old, new),))


@cache
def layouts() -> Mapping[str, Table]:
    """Table -> its columns in the newer dialect, for those that differ."""
    blocks = {
        name: _with(name, _whole("block_id"), key=(*TABLES[name].key, "block_id"))
        for name in _WITHOUT_BLOCKS
        if name in TABLES
    }
    days = (Column("start_date", Kind.DATE), Column("end_date", Kind.DATE))
    limits = (Column("bound_lower"), Column("bound_upper"))
    groups = (_whole("hydro_id", required=True), _whole("hydro_unit_group_id", required=True))
    stage = _whole("stage_id", required=True)
    return {
        **blocks,
        _HISTORY: _with(_HISTORY, *days, without=("date",), key=("hydro_id", "date", "start_date")),
        _CONSTRAINTS: _with(
            _CONSTRAINTS, *limits, without=("bound",), key=("constraint_id", "stage_id", "block_id")
        ),
        _HYDRO_BOUNDS: _with(
            _HYDRO_BOUNDS,
            _whole("block_id"),
            Column("filling_min_rate_m3s"),
            Column("min_diversion_m3s"),
            key=("hydro_id", "stage_id", "block_id"),
        ),
        _HYDRO_COSTS: _with(
            _HYDRO_COSTS, Column("turbined_cost", low=0.0), key=("hydro_id", "stage_id")
        ),
        _PUMPING: _renamed(_PUMPING, "station_id", "pumping_station_id", _whole("block_id")),
        _SOURCES: _renamed(_SOURCES, "source_id", "ncs_id"),
        GROUP_BOUNDS: Table(
            (*groups, stage, _whole("block_id"), *(Column(name) for name in _GROUP_LIMITS)),
            ("hydro_id", "hydro_unit_group_id", "stage_id", "block_id"),
        ),
        PRODUCTIVITIES: Table(
            (
                groups[0],
                _whole("stage_id"),
                Column("equivalent_productivity_mw_per_m3s", low=0.0),
                Column("reference_volume_hm3"),
                Column("reference_outflow_m3s"),
                Column("specific_productivity_mw_per_m3s_per_m"),
            ),
            ("hydro_id", "stage_id"),
        ),
        TAILRACES: Table(
            (
                groups[0],
                _whole("family_id", required=True),
                _whole("segment_id"),
                Column("downstream_reference_level_m"),
                Column("outflow_min_m3s"),
                Column("outflow_max_m3s"),
                *(Column(f"coefficient_{power}") for power in range(5)),
            ),
            (),
        ),
    }


def read_tables(newer: Newer) -> None:
    """Rewrite the tables whose columns differ."""
    tables = newer.tables
    _refuse_blocks(newer)
    if _HISTORY in tables:
        tables[_HISTORY] = _periods(newer, tables[_HISTORY])
    if _HYDRO_BOUNDS in tables or GROUP_BOUNDS in tables:
        _bounds_of_hydros(newer)
    for name, old, new in (
        (_PUMPING, "station_id", "pumping_station_id"),
        (_SOURCES, "source_id", "ncs_id"),
    ):
        if name in tables:
            tables[name] = tables[name].rename({new: old})
    if _HYDRO_COSTS in tables:
        tables[_HYDRO_COSTS] = _turbined_costs(newer, tables[_HYDRO_COSTS])
    for name in layouts():
        if name in TABLES and name in tables and name != _CONSTRAINTS:
            tables[name] = tables[name].select(*TABLES[name].names, ROW)


def _refuse_blocks(newer: Newer) -> None:
    """Limits of single blocks, where the model has one for the stage."""
    for name in _WITHOUT_BLOCKS:
        frame = newer.tables.get(name)
        if frame is None or name not in layouts():
            continue
        single = frame.filter(pl.col("block_id").is_not_null())
        if not single.is_empty():
            message = (
                f"{single.height} rows give a limit for one block; here such a limit holds for the "
                "whole stage"
            )
            newer.refuse_row(name, None, message, "leave 'block_id' empty")


def _periods(newer: Newer, frame: pl.DataFrame) -> pl.DataFrame:
    """An observation is dated by its first day."""
    first = pl.coalesce("date", "start_date")
    missing = frame.filter(first.is_null()).height
    if missing:
        message = f"expected 'start_date' of every observation, got none in {missing} rows"
        newer.collector.error("HW201", newer.shown(_HISTORY), message, fix="add it")
    return frame.with_columns(first.alias("date")).filter(pl.col("date").is_not_null())


def _bounds_of_hydros(newer: Newer) -> None:
    """Limits of plants, with those of their only group."""
    layout = layouts()[_HYDRO_BOUNDS]
    none = complete_columns(pl.DataFrame({ROW: [0]}, {ROW: pl.Int64()}), layout).clear()
    frame = newer.tables.get(_HYDRO_BOUNDS, none.select(*layout.names, ROW))
    if frame.filter(pl.col("min_diversion_m3s").fill_null(0.0) > 0.0).height:
        message = "a least diverted flow ('min_diversion_m3s') is not part of the model here"
        newer.refuse_row(_HYDRO_BOUNDS, None, message, "remove the column")
    frame = frame.with_columns(pl.coalesce("filling_inflow_m3s", "filling_min_rate_m3s"))
    groups = newer.tables.pop(GROUP_BOUNDS, None)
    if groups is not None and not groups.is_empty():
        frame = _with_groups(newer, frame, groups)
    newer.tables[_HYDRO_BOUNDS] = frame


def _with_groups(newer: Newer, frame: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    several = groups.group_by("hydro_id").agg(pl.col("hydro_unit_group_id").n_unique())
    several = several.filter(pl.col("hydro_unit_group_id") > 1)
    for hydro_id in several.get_column("hydro_id").sort():
        message = "limits of single unit groups of a plant with several are not part of the model"
        newer.refuse_row(GROUP_BOUNDS, f"Hydro {hydro_id}", f"{message} here", "give the plant's")
    rows = groups.select("hydro_id", "stage_id", *_GROUP_LIMITS)
    key = ["hydro_id", "stage_id"]
    joined = frame.join(rows.unique(key), on=key, how="full", coalesce=True, suffix="_group")
    tighter = [
        (pl.max_horizontal if name.startswith("min") else pl.min_horizontal)(
            name, f"{name}_group"
        ).alias(name)
        for name in _GROUP_LIMITS
    ]
    return joined.with_columns(*tighter, pl.col(ROW).fill_null(0)).select(frame.columns).sort(key)


def _turbined_costs(newer: Newer, frame: pl.DataFrame) -> pl.DataFrame:
    """The cost of turbining of plants with planes has a column of its own here."""
    planes, others = plants_with_planes(newer)
    cost, plant = pl.col("turbined_cost"), pl.col("hydro_id")
    of_planes = pl.when(plant.is_in(list(planes))).then(cost)
    of_others = pl.when(plant.is_in(list(others))).then(cost)
    return frame.with_columns(
        pl.coalesce("fpha_turbined_cost", of_planes).alias("fpha_turbined_cost"),
        of_others.alias("turbined_cost"),
    )
