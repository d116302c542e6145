"""Names of plants and dates of stages beside their ids in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from headwater.core.equipment import EQUIPMENT
from headwater.errors import UnknownNameError
from headwater.model import Stage, System
from headwater.results.table_schema import TableSchema


def chosen_table(frames: Mapping[str, pl.DataFrame], name: str) -> pl.DataFrame:
    """The table of a name.

    Raises:
        UnknownNameError: there is none; the message lists those there are.
    """
    if name not in frames:
        raise UnknownNameError(
            f"there is no table '{name}'; there are: {', '.join(sorted(frames)) or 'none'}"
        )
    return frames[name]


@dataclass(frozen=True)
class TableNames:
    """What tables can be completed with.

    Attributes:
        entities: columns ``entity_type_code``, ``entity_id``, ``name``.
        stages: columns ``stage_id``, ``start_date``, ``end_date``.
    """

    entities: pl.DataFrame
    stages: pl.DataFrame

    @classmethod
    def of_system(cls, system: System, stages: Iterable[Stage]) -> TableNames:
        """Those of a system.

        Args:
            system: the power system.
            stages: the stages that tables tell of, as they call them.
        """
        rows = [
            (part.code, one.id, one.name or None)
            for part in EQUIPMENT.by_code()
            for one in getattr(system, part.collection)
        ]
        spans = [(stage.id, stage.start_date, stage.end_date) for stage in stages]
        return cls(
            pl.DataFrame(
                rows,
                {"entity_type_code": pl.Int64, "entity_id": pl.Int64, "name": pl.String},
                orient="row",
                strict=False,
            ),
            pl.DataFrame(
                spans,
                {"stage_id": pl.Int32, "start_date": pl.Date, "end_date": pl.Date},
                orient="row",
                strict=False,
            ),
        )

    def added_to(self, frame: pl.DataFrame, schema: TableSchema) -> pl.DataFrame:
        """The table with names and dates.

        The dates of the stage stand after its id, the name of the entity after its id.
        """
        return self._added(frame.lazy(), list(frame.columns), schema).collect()

    def added_to_lazy(
        self, frame: pl.LazyFrame, columns: Sequence[str], schema: TableSchema
    ) -> pl.LazyFrame:
        """The same of a query that gives these columns."""
        return self._added(frame, list(columns), schema)

    def _added(self, frame: pl.LazyFrame, columns: list[str], schema: TableSchema) -> pl.LazyFrame:
        frame = frame.join(self.stages.lazy(), on="stage_id", how="left", maintain_order="left")
        place = columns.index("stage_id") + 1
        columns[place:place] = ["start_date", "end_date"]
        part = EQUIPMENT.by_collection.get(schema.entity or "")
        if part is not None and part.code is not None:
            label = part.name
            named = self.entities.filter(pl.col("entity_type_code") == part.code).select(
                pl.col("entity_id").cast(pl.Int32).alias(f"{label}_id"),
                pl.col("name").alias(f"{label}_name"),
            )
            frame = frame.join(named.lazy(), on=f"{label}_id", how="left", maintain_order="left")
            columns.insert(columns.index(f"{label}_id") + 1, f"{label}_name")
        return frame.select(columns)
