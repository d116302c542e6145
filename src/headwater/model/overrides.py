"""Sparse values for single stages.

A table of (entity, stage, maybe block) rows whose cells replace base values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import FrozenDict, frozen
from headwater.errors import ModelError

ALL_BLOCKS = -1
"""Block id of a row that holds for every block of its stage."""


@dataclass(frozen=True, eq=False)
class StageOverrides:
    """Rows keyed by entity id, stage id and (where the table has blocks) block id.

    NaN cells override nothing.

    Rows are kept in canonical order (entity, stage, block), whatever order they were given in.

    Attributes:
        entity_id, stage_id, block_id: int64 arrays ``[row]``; `ALL_BLOCKS` where a row names no
            block.
        values: column name -> float64 array ``[row]``.
    """

    entity_id: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    stage_id: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    block_id: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    values: Mapping[str, NDArray[np.float64]] = field(default_factory=FrozenDict)

    def __post_init__(self) -> None:
        n_rows = len(self.entity_id)
        block_id = (
            self.block_id if len(self.block_id) == n_rows else np.full(n_rows, ALL_BLOCKS, np.int64)
        )
        if len(self.stage_id) != n_rows or any(
            len(column) != n_rows for column in self.values.values()
        ):
            raise ModelError("the columns of a table of stage values differ in length")
        order = np.lexsort((block_id, self.stage_id, self.entity_id))
        for name, array in (
            ("entity_id", self.entity_id),
            ("stage_id", self.stage_id),
            ("block_id", block_id),
        ):
            object.__setattr__(self, name, frozen(np.asarray(array, np.int64)[order]))
        ordered = {
            key: frozen(np.asarray(self.values[key], np.float64)[order])
            for key in sorted(self.values)
        }
        object.__setattr__(self, "values", FrozenDict(ordered))

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]], *, entity: str) -> StageOverrides:
        """Build the table from dictionaries, for systems written in code.

        Args:
            rows: e.g. ``{"hydro_id": 0, "stage_id": 2, "water_withdrawal_m3s": 5.0}``; missing
                cells override nothing.
            entity: name of the entity key, e.g. ``"hydro_id"``.
        """
        keys = {entity, "stage_id", "block_id"}
        names = sorted({name for row in rows for name in row if name not in keys})
        return cls(
            entity_id=np.array([row[entity] for row in rows], np.int64),
            stage_id=np.array([row["stage_id"] for row in rows], np.int64),
            block_id=np.array([_or(row.get("block_id"), ALL_BLOCKS) for row in rows], np.int64),
            values={
                name: np.array([_or(row.get(name), np.nan) for row in rows], np.float64)
                for name in names
            },
        )

    def __len__(self) -> int:
        return len(self.entity_id)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StageOverrides):
            return NotImplemented
        return (
            np.array_equal(self.entity_id, other.entity_id)
            and np.array_equal(self.stage_id, other.stage_id)
            and np.array_equal(self.block_id, other.block_id)
            and self.values.keys() == other.values.keys()
            and all(
                np.array_equal(self.values[k], other.values[k], equal_nan=True) for k in self.values
            )
        )

    def __hash__(self) -> int:
        return hash((len(self), self.values))

    def apply(
        self,
        name: str,
        target: NDArray[np.float64],
        entity_index: Mapping[int, int],
        stage_index: Mapping[int, int],
    ) -> None:
        """Write the cells of column ``name`` into ``target``.

        Args:
            name: column to read; a table without it changes nothing.
            target: ``[entity, stage]``, or ``[entity, stage, block]`` where rows may name a block.
                A row that names a block wins over the row of its whole stage.
            entity_index: entity id -> position.
            stage_index: stage id -> position.

        Raises:
            ModelError: a row names an entity or stage that does not exist.
        """
        column = self.values.get(name)
        if column is None or not len(column):
            return
        given = np.flatnonzero(~np.isnan(column))
        entities = _positions(name, self.entity_id[given], entity_index)
        stages = _positions(name, self.stage_id[given], stage_index)
        blocks = self.block_id[given]
        values = column[given]
        whole = blocks == ALL_BLOCKS
        if target.ndim == 2:
            target[entities[whole], stages[whole]] = values[whole]
            return
        # rows of whole stages first, so that the row of one block wins
        target[entities[whole], stages[whole], :] = values[whole, None]
        single = ~whole
        target[entities[single], stages[single], blocks[single]] = values[single]


def _positions(name: str, ids: NDArray[np.int64], index: Mapping[int, int]) -> NDArray[np.intp]:
    """Positions of some ids; every different id is looked up once."""
    unique, inverse = np.unique(ids, return_inverse=True)
    try:
        positions = np.array([index[int(i)] for i in unique], np.intp)
    except KeyError as error:
        raise ModelError(
            f"a stage value of '{name}' names the unknown id {error.args[0]}"
        ) from None
    return positions[inverse]


def _or(value: Any, default: float) -> Any:
    return default if value is None else value
