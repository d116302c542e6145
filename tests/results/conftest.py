"""Synthetic tables that fill every column of every schema, and the study they belong to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

import headwater.model as m
from headwater.results import SCHEMAS
from headwater.sddp import SimulationChunk, SimulationPart, SimulationRecord
from small_systems import random_system, study
from synthetic_tables import TABLES, key_columns, moments_of, summary_of


@pytest.fixture
def a_study() -> m.Study:
    return study(random_system(3), iterations=4)


@pytest.fixture
def make_chunk(a_study) -> Callable[..., SimulationChunk]:
    def make(first: int = 0, n_scenarios: int = 3, seed: int = 0) -> SimulationChunk:
        stages = a_study.system.stages
        rng = np.random.default_rng([seed, first])
        tables = {}
        for name in TABLES:
            columns = key_columns(a_study.system, name, n_scenarios)
            n_rows = len(next(iter(columns.values())))
            for column in SCHEMAS[name].columns:
                if column.name in columns or column.name == "scenario_id":
                    continue
                if column.dtype == pl.Float64:
                    values = rng.normal(size=n_rows)
                    if column.nullable:
                        values[::2] = np.nan
                    columns[column.name] = values
                elif column.dtype == pl.Boolean:
                    columns[column.name] = rng.random(n_rows) < 0.5
                else:
                    columns[column.name] = rng.integers(0, 4, n_rows)
            tables[name] = columns
        summary, moments = (
            summary_of(rng.uniform(10, 20, n_scenarios), first),
            moments_of(n_scenarios, len(stages), seed),
        )
        return SimulationChunk(first // n_scenarios, SimulationPart(summary, moments), tables)

    return make


@pytest.fixture
def make_record() -> Callable[..., SimulationRecord]:
    def make(*chunks: SimulationChunk) -> SimulationRecord:
        costs = np.concatenate([chunk.summary.total_cost for chunk in chunks])
        moments = chunks[0].part.moments
        for chunk in chunks[1:]:
            moments = moments.merged(chunk.part.moments)
        return SimulationRecord(
            summary_of(costs), 1.5, 2, seed=7, moments=moments, warnings=("a warning",)
        )

    return make
