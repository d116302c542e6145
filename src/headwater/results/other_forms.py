"""Tables of results in the forms of other libraries: pandas and xarray."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from headwater.core.equipment import EQUIPMENT
from headwater.errors import UsageError
from headwater.results.schemas import SCHEMAS
from headwater.results.table_schema import TableSchema

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

WHOLE_STAGE = -1
"""Block of rows that are about a whole stage, in arrays."""

_PLANTS = ("hydro", "thermal", "non_controllable", "pumping_station")
"""Kinds of equipment that are plants: their dimension is ``plant``."""


class _Tables(Protocol):
    """What gives tables by name."""

    def table(self, name: str) -> pl.DataFrame: ...


class OtherForms:
    """Gives its tables to pandas and xarray too."""

    def to_pandas(self: _Tables, name: str) -> pd.DataFrame:
        """One table as a pandas table, with names of plants and dates of stages.

        Args:
            name: table name, e.g. ``"hydros"``.

        Returns:
            Whole numbers with empty cells are of the type ``Int32`` and the like, dates
            ``datetime64``.

        Raises:
            UsageError: pandas is not installed.
            HeadwaterError: there is no such table.

        Examples:
            >>> simulation.to_pandas("hydros").groupby("hydro_name")["generation_mwh"].sum()
        """
        return pandas_table(self.table(name))

    def to_xarray(self: _Tables, name: str, columns: Sequence[str] = ()) -> xr.Dataset:
        """One table as a dataset over scenario, stage, block and plant, with units.

        In place of the plant it may be a bus, a line or a contract.

        Args:
            name: table name, e.g. ``"hydros"``.
            columns: those that become variables; empty takes all that are numbers.

        Returns:
            Plants are called by name, where no two have the same, and have their id beside; stages
            have their dates. Cells without a row, such as blocks that a stage does not have, are
            NaN.

        Raises:
            UsageError: xarray is not installed, or there is no such column.
            HeadwaterError: there is no such table.

        Examples:
            >>> simulation.to_xarray("hydros").storage_final_hm3.sel(plant="Ridge").mean("scenario")
        """
        return dataset(self.table(name), SCHEMAS[name], columns)


def pandas_table(frame: pl.DataFrame) -> pd.DataFrame:
    """A table for pandas.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise UsageError("this needs pandas: pip install 'headwater[data]'") from None
    return pd.DataFrame({column.name: _pandas_column(pd, column) for column in frame})


def _pandas_column(pd: Any, column: pl.Series) -> Any:
    if column.dtype == pl.Date:
        return pd.Series(column.cast(pl.Datetime("ms")).to_numpy())
    if column.dtype.is_integer() and column.null_count():
        missing = column.is_null().to_numpy()
        return pd.arrays.IntegerArray(column.fill_null(0).to_numpy().copy(), missing.copy())
    if column.dtype == pl.Boolean and column.null_count():
        return pd.array(column.to_list(), dtype="boolean")
    return pd.Series(column.to_list()) if column.dtype == pl.String else column.to_numpy()


def dataset(frame: pl.DataFrame, schema: TableSchema, columns: Sequence[str] = ()) -> xr.Dataset:
    """A table with names as a dataset, see `OtherForms.to_xarray`.

    Raises:
        UsageError: xarray is not installed, or there is no such column.
    """
    try:
        import xarray as xr
    except ImportError:
        raise UsageError("this needs xarray: pip install 'headwater[data]'") from None
    keys = [key for key in schema.sort_keys if key in frame.columns]
    numbers = [
        column.name
        for column in schema.columns
        if column.name in frame.columns and column.name not in schema.sort_keys
        if column.dtype.is_numeric() or column.dtype == pl.Boolean
    ]
    if unknown := sorted(set(columns) - set(numbers)):
        raise UsageError(
            f"the table '{schema.name}' has no variable {', '.join(unknown)} (it has: "
            f"{', '.join(numbers)})"
        )
    dims, coords, places = [], {}, []
    for key in keys:
        values = frame[key].fill_null(WHOLE_STAGE)
        known = values.unique().sort()
        places.append(np.searchsorted(known.to_numpy(), values.to_numpy()))
        dim, own = _dimension(frame, key, known)
        dims.append(dim)
        coords.update(own)
    shape = [int(place.max()) + 1 if len(place) else 0 for place in places]
    units = {column.name: column for column in schema.columns}
    variables = {}
    for name in columns or numbers:
        cells = np.full(shape, np.nan)
        cells[tuple(places)] = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        variables[name] = (
            dims,
            cells,
            {"units": units[name].unit, "long_name": units[name].description},
        )
    return xr.Dataset(variables, coords, {"table": schema.name, "rows": schema.rows})


def _dimension(frame: pl.DataFrame, key: str, known: pl.Series) -> tuple[str, dict[str, Any]]:
    """The dimension of a key column, and its coordinates."""
    kind = key.removesuffix("_id")
    if kind == "stage" and "start_date" in frame.columns:
        spans = (
            frame.select("stage_id", "start_date", "end_date").unique("stage_id").sort("stage_id")
        )
        dates = {
            name: ("stage", spans[name].cast(pl.Datetime("ns")).to_numpy())
            for name in ("start_date", "end_date")
        }
        return "stage", {"stage": known.to_numpy(), **dates}
    if kind not in {part.name for part in EQUIPMENT}:
        return kind.removesuffix("_index"), {kind.removesuffix("_index"): known.to_numpy()}
    dim = "plant" if kind in _PLANTS else kind
    labels: Any = known.to_numpy()
    if f"{kind}_name" in frame.columns:
        names = frame.select(key, f"{kind}_name").unique(key).sort(key)[f"{kind}_name"]
        if names.null_count() == 0 and names.n_unique() == len(names):
            labels = names.to_list()
    return dim, {dim: labels, key: (dim, known.to_numpy())}
