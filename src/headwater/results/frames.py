"""From arrays to typed tables."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headwater.errors import ResultsError
from headwater.results.schemas import SCHEMAS
from headwater.results.table_schema import Column
from headwater.sddp import ScenarioSummary, SimulationChunk, StageMoments
from headwater.sddp.records.gap_words import gap_share
from headwater.sddp.records.simulation import STAGE_QUANTITIES, ScenarioGap

NO_BLOCK = -1
"""Marks a null in nullable integer columns of the arrays."""


def tables_to_frame(name: str, columns: Mapping[str, NDArray[np.generic]]) -> pl.DataFrame:
    """A table with the types of its schema, columns in its order.

    NaN and -1 become null in nullable columns.

    Args:
        name: table name, e.g. ``"hydros"``.
        columns: column name -> array ``[row]``; all columns of the schema, save that
            ``scenario_id`` and those of kinds that the system does not have may be absent.

    Raises:
        ResultsError: no such table, a column is missing or unknown, or a value does not fit its
            column.
    """
    if name not in SCHEMAS:
        raise ResultsError(f"there is no table '{name}' (there are: {', '.join(SCHEMAS)})")
    schema = SCHEMAS[name].columns
    missing = [
        c.name for c in schema if c.name not in columns and c.name != "scenario_id" and not c.kind
    ]
    unknown = sorted(set(columns) - {c.name for c in schema})
    if missing or unknown:
        raise ResultsError(f"table '{name}': missing columns {missing}, unknown columns {unknown}")
    return pl.DataFrame(
        [_series(name, column, columns[column.name]) for column in schema if column.name in columns]
    )


def _series(table: str, column: Column, array: NDArray[np.generic]) -> pl.Series:
    try:
        values = pl.Series(column.name, np.ascontiguousarray(array)).cast(column.dtype)
    except pl.exceptions.PolarsError as error:
        raise ResultsError(
            f"table '{table}', column '{column.name}': a value is not of "
            f"type {column.dtype}: {error}"
        ) from error
    if column.nullable and column.dtype.is_numeric():
        return (
            values.fill_nan(None)
            if column.dtype == pl.Float64
            else values.set(values == NO_BLOCK, None)
        )
    if column.dtype == pl.Float64 and values.is_nan().any():
        raise ResultsError(
            f"table '{table}', column '{column.name}': {values.is_nan().sum()} "
            "values are not numbers (NaN)"
        )
    return values


def chunk_frame(name: str, chunk: SimulationChunk) -> pl.DataFrame:
    """One table of a chunk, with the scenario of every row, in the order of its schema."""
    columns = chunk.tables[name]
    scenarios = chunk.scenario_ids
    n_rows = len(next(iter(columns.values())))
    if n_rows % len(scenarios):
        raise ResultsError(
            f"table '{name}': {n_rows} rows do not divide into {len(scenarios)} scenarios"
        )
    ids = np.repeat(scenarios, n_rows // len(scenarios))
    return tables_to_frame(name, {"scenario_id": ids, **columns}).sort(
        SCHEMAS[name].sort_keys, maintain_order=True
    )


def scenario_gaps_frame(gaps: Sequence[ScenarioGap], mean_cost: float) -> pl.DataFrame:
    """One row per stage problem of a scenario that was taken with a gap above tolerance."""
    rows = [{**dataclasses.asdict(gap), "gap_share": gap_share(gap.gap, mean_cost)} for gap in gaps]
    schema = SCHEMAS["simulation_lp_gaps"]
    return pl.DataFrame(rows, schema=dict(schema.polars_schema)).sort(
        schema.sort_keys, maintain_order=True
    )


def summary_frame(summary: ScenarioSummary, gaps: Sequence[ScenarioGap] = ()) -> pl.DataFrame:
    """One row per scenario."""
    counted = Counter(gap.scenario_id for gap in gaps)
    years = summary.sampled_years
    none = np.full(len(summary.scenario_id), None)
    columns: dict[str, NDArray[np.generic]] = {
        "scenario_id": summary.scenario_id,
        "total_cost": summary.total_cost,
        **{f"{name}_cost": values for name, values in summary.categories.items()},
        "imputed_cost": summary.imputed_cost,
        "deficit_mwh": summary.deficit_mwh,
        "spillage_hm3": summary.spillage_hm3,
        "lp_solves": summary.lp_solves,
        "lps_above_tolerance": np.array(
            [counted[scenario] for scenario in summary.scenario_id.tolist()], np.int64
        ),
        "solve_time_ms": 1e3 * summary.solve_seconds,
        "status": np.where(summary.failed, "failed", "complete"),
        "sampled_years": none if years is None else years.astype(np.str_),
    }
    return tables_to_frame("scenario_summary", columns)


def stages_frame(moments: StageMoments, stage_ids: Sequence[int]) -> pl.DataFrame:
    """Mean, deviation and maximum of every quantity of every stage.

    Over the scenarios that were solved.
    """
    columns: dict[str, NDArray[np.generic]] = {"stage_id": np.array(stage_ids)}
    for name in STAGE_QUANTITIES:
        columns[f"{name}_mean"] = moments.mean[name]
        columns[f"{name}_std"] = moments.std(name)
        columns[f"{name}_max"] = moments.largest[name]
    return tables_to_frame("stage_summary", columns)
