"""Tables of a run as CSV files, for what reads nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import polars as pl

from headwater import files
from headwater.results.dictionaries import FORMULA_BEGINNINGS
from headwater.results.own_files import CSV
from headwater.results.pieces import said_with_place

DEFAULT_NAME = "csv"
"""Name of the directory of CSV files in the output directory of a run."""


class _Run(Protocol):
    """What gives the tables of a run."""

    @property
    def directory(self) -> Path: ...
    @property
    def has_training(self) -> bool: ...
    @property
    def has_simulation(self) -> bool: ...
    @property
    def convergence(self) -> pl.DataFrame: ...
    @property
    def summary(self) -> pl.DataFrame: ...
    @property
    def stage_summary(self) -> pl.DataFrame: ...
    @property
    def tables(self) -> tuple[str, ...]: ...
    def scan(self, name: str) -> pl.LazyFrame: ...


def write_csv_files(results: _Run, target: str | Path | None) -> Path:
    """Write every table of a run, see `Results.write_csv`."""
    directory = results.directory / DEFAULT_NAME if target is None else Path(target)
    with said_with_place(directory), files.replaced_directory(directory, CSV) as temporary:
        for name, query in _queries(results):
            _guarded(query).sink_csv(temporary / f"{name}.csv")
    return directory


def _queries(results: _Run) -> Iterator[tuple[str, pl.LazyFrame]]:
    if results.has_training:
        yield "convergence", results.convergence.lazy()
    if results.has_simulation:
        yield "scenario_summary", results.summary.lazy()
        yield "stage_summary", results.stage_summary.lazy()
        for name in results.tables:
            yield name, results.scan(name)


def _guarded(query: pl.LazyFrame) -> pl.LazyFrame:
    """Texts that a spreadsheet would take for a formula get an apostrophe."""
    texts = [name for name, kind in query.collect_schema().items() if kind == pl.String]
    return query.with_columns(
        pl.when(pl.col(name).str.slice(0, 1).is_in(list(FORMULA_BEGINNINGS)))
        .then(pl.concat_str(pl.lit("'"), pl.col(name)))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    )
