"""Tables and factor files turned into the sparse stage values of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from headwater.case.parts import Parts
from headwater.case.tables import TABLES
from headwater.model import ALL_BLOCKS, StageOverrides


def table_overrides(parts: Parts, name: str) -> StageOverrides:
    """A table of ``constraints/`` as stage values; empty cells override nothing."""
    if name not in parts.tables:
        return StageOverrides()
    frame = parts.table(name)
    key = TABLES[name].key
    values = [column for column in TABLES[name].names if column not in key]
    used = [column for column in values if frame.get_column(column).null_count() < frame.height]
    block = (
        frame.get_column("block_id")
        if "block_id" in key
        else pl.Series([None] * frame.height, dtype=pl.Int64())
    )
    return StageOverrides(
        entity_id=frame.get_column(key[0]).to_numpy(),
        stage_id=frame.get_column("stage_id").to_numpy(),
        block_id=block.fill_null(ALL_BLOCKS).to_numpy(),
        values={column: frame.get_column(column).fill_null(np.nan).to_numpy() for column in used},
    )


def factor_overrides(
    parts: Parts, name: str, key: str, entity: str, columns: tuple[str, ...]
) -> StageOverrides:
    """A JSON file of block factors as stage values."""
    shape = parts.shapes.get(name)
    entries: list[Any] = getattr(shape, key) if shape is not None else []
    rows = [
        {
            entity: getattr(entry, entity),
            "stage_id": entry.stage_id,
            "block_id": block.block_id,
            **{column: getattr(block, column) for column in columns},
        }
        for entry in entries
        for block in entry.block_factors
    ]
    return StageOverrides.from_rows(rows, entity=entity)
