"""What pictures are drawn from: the tables of a simulation, names, dates, limits, topology."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import polars as pl

from headwater.core.equipment import EQUIPMENT
from headwater.errors import ResultsError
from headwater.model.named import EntityKey, entity_position, labels_of
from headwater.report.drawing import date_axis
from headwater.results.dictionaries import bounds_frame, entities_frame, topology
from headwater.results.schemas import SCHEMAS

if TYPE_CHECKING:
    from headwater.model import Study
    from headwater.results.reader import Results
    from headwater.sddp import ScenarioSummary, SimulationRecord

T = TypeVar("T")


@dataclass(frozen=True)
class Period:
    """One stage: id, dates, hours of the blocks, and the stage of the case that it is."""

    stage_id: int
    start: date
    end: date
    block_hours: tuple[float, ...]
    repeats: int

    @property
    def hours(self) -> float:
        """Hours of all blocks."""
        return sum(self.block_hours)


class InMemory(Protocol):
    """What pictures need of a simulation in memory: `headwater.Simulation` has it."""

    @property
    def study(self) -> Study:
        """What was simulated."""

    @property
    def record(self) -> SimulationRecord:
        """How it went."""

    @property
    def summary(self) -> ScenarioSummary:
        """Costs and totals per scenario."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that have rows."""

    def table(self, name: str, *, names: bool = True) -> pl.DataFrame:
        """One table with all scenarios."""


class Outcome:
    """A simulation as pictures see it; `of_results` and `of_simulation` make one.

    Args:
        read: gives columns of a table, without names.
        tables: names of the tables there are.
        stages: the stages, in order of time.
        entities: kind, id, name and bus of every entity.
        leads: what leads where, see `headwater.results.dictionaries.topology`; ``None`` where that
            is not known.
        limits: limits in force, see ``dictionaries/bounds``; ``None`` where that is not known.
        totals: present value of the costs of every scenario that was solved, $.
    """

    def __init__(
        self,
        read: Callable[[str, Sequence[str]], pl.DataFrame],
        tables: Sequence[str],
        stages: Sequence[Period],
        entities: pl.DataFrame,
        leads: Mapping[str, Any] | None,
        limits: pl.DataFrame | None,
        totals: Sequence[float],
    ) -> None:
        self._read, self.tables, self.stages = read, tuple(tables), tuple(stages)
        self._entities, self.limits, self.totals = entities, limits, tuple(totals)
        self._leads = leads
        self._rows: dict[tuple[str, tuple[str, ...]], pl.DataFrame] = {}
        self._fans: dict[Any, Any] = {}

    @classmethod
    def of_results(cls, results: Results) -> Outcome:
        """Of the results of a run on disk.

        Raises:
            ResultsError: they hold no simulation.
        """
        if not results.has_simulation:
            raise ResultsError(
                f"{results.directory} holds no results of a simulation to draw; run 'headwater "
                f"simulate'"
            )
        stages = [
            Period(
                int(one["stage_id"]),
                date.fromisoformat(one["start_date"]),
                date.fromisoformat(one["end_date"]),
                tuple(float(hours) for hours in one["block_hours"]),
                int(one.get("repeats_stage_id", one["stage_id"])),
            )
            for one in results.simulation_metadata["stages"]
        ]
        return cls(
            lambda name, columns: results.table(name, names=False, columns=columns),
            results.tables,
            stages,
            results.entities,
            results.topology,
            results.limits,
            results.summary["total_cost"].drop_nulls().to_list(),
        )

    @classmethod
    def of_simulation(cls, simulation: InMemory) -> Outcome:
        """Of a simulation in memory."""
        system = simulation.study.system
        visited = simulation.record.stages or system.stages
        stages = [
            Period(
                s.id,
                s.start_date,
                s.end_date,
                tuple(block.hours for block in s.blocks),
                system.stages[system.horizon.position(visit)].id,
            )
            for visit, s in enumerate(visited)
        ]
        return cls(
            lambda name, columns: simulation.table(name, names=False).select(
                [*SCHEMAS[name].sort_keys, *columns] if columns else pl.all()
            ),
            simulation.tables,
            stages,
            entities_frame(system),
            topology(system),
            bounds_frame(system),
            simulation.summary.total_cost[simulation.summary.completed].tolist(),
        )

    def rows(self, table: str, *columns: str) -> pl.DataFrame:
        """The ids and some columns of a table, all where none is named, over all scenarios.

        Raises:
            ResultsError: the run kept no such table.
        """
        if table not in self.tables:
            raise ResultsError(
                f"there is no table '{table}' to draw from (there is: "
                f"{', '.join(self.tables) or 'none'}); "
                "simulation.detail and simulation.tables of config.json say what a run keeps"
            )
        key = table, columns
        if key not in self._rows:
            self._rows[key] = self._read(table, columns)
        return self._rows[key]

    def by_entity(self, key: Any, rows: pl.DataFrame, entity: str) -> dict[int, pl.DataFrame]:
        """Rows parted by the id of their entity, kept under a key."""

        def parted() -> dict[int, pl.DataFrame]:
            parts = rows.partition_by(entity, as_dict=True, maintain_order=True)
            return {int(i): part for (i,), part in parts.items()}

        return self.kept(("by entity", key), parted)

    def kept(self, key: Any, make: Callable[[], T]) -> T:
        """What is costly and asked for again."""
        if key not in self._fans:
            self._fans[key] = make()
        found: T = self._fans[key]
        return found

    @property
    def knows_topology(self) -> bool:
        """Whether it is known what leads where."""
        return self._leads is not None

    @property
    def leads(self) -> Mapping[str, Any]:
        """What leads where.

        Raises:
            ResultsError: the results are of a version that did not write it.
        """
        if self._leads is None:
            raise ResultsError(
                "these results do not say how plants and lines are connected; simulate again to "
                "have dictionaries/topology.json"
            )
        return self._leads

    @cached_property
    def hours(self) -> pl.DataFrame:
        """Hours of every block."""
        rows = [
            (one.stage_id, block, hours)
            for one in self.stages
            for block, hours in enumerate(one.block_hours)
        ]
        return pl.DataFrame(
            rows,
            schema={"stage_id": pl.Int32, "block_id": pl.Int32, "hours": pl.Float64},
            orient="row",
        )

    @cached_property
    def starts(self) -> list[str]:
        """First day of every stage."""
        return [one.start.isoformat() for one in self.stages]

    @cached_property
    def ends(self) -> list[str]:
        """The day after the last one of every stage."""
        return [one.end.isoformat() for one in self.stages]

    @cached_property
    def middles(self) -> list[str]:
        """The day in the middle of every stage."""
        return [(one.start + (one.end - one.start) / 2).isoformat() for one in self.stages]

    @property
    def date_axis(self) -> dict[str, Any]:
        """An axis of dates for these stages."""
        return date_axis([*self.starts[:1], *self.ends])

    def ids(self, kind: str) -> list[int]:
        """Ids of all entities of a kind, ascending."""
        return self._called(kind)[0]

    def bus_of(self, kind: str) -> dict[int, int]:
        """Bus of every entity of a kind."""
        rows = self._entities.filter(pl.col("entity_type_code") == EQUIPMENT[kind].code)
        return {int(i): int(bus) for i, bus in zip(rows["entity_id"], rows["bus_id"], strict=True)}

    def names(self, kind: str) -> dict[int, str]:
        """A name for every entity of a kind, by ascending id, no two alike."""
        ids, names = self._called(kind)
        return dict(zip(ids, labels_of(EQUIPMENT[kind].words.one, ids, names), strict=True))

    def find(self, kind: str, which: EntityKey) -> int:
        """The id of an entity by its name or id.

        Raises:
            UnknownNameError: there is none, or several have the name.
        """
        ids, names = self._called(kind)
        return ids[entity_position(EQUIPMENT[kind].words.one, ids, names, which)]

    def _called(self, kind: str) -> tuple[list[int], list[str]]:
        """Ids and names of all entities of a kind; a name that is missing is empty."""
        return self.kept(("called", kind), lambda: self._read_called(kind))

    def _read_called(self, kind: str) -> tuple[list[int], list[str]]:
        rows = self._entities.filter(pl.col("entity_type_code") == EQUIPMENT[kind].code)
        rows = rows.sort("entity_id")
        return rows["entity_id"].to_list(), [name or "" for name in rows["name"]]

    def limit(self, kind: str, bound_code: int) -> pl.DataFrame:
        """Limits of a kind of entity by stage; no rows where they are not known.

        Columns are ``entity_id``, ``stage_id``, ``lower_bound`` and ``upper_bound``. Limits of
        blocks are averaged over the hours of the stage.
        """
        return self.kept(("limit", kind, bound_code), lambda: self._limit(kind, bound_code))

    def _limit(self, kind: str, bound_code: int) -> pl.DataFrame:
        rows = self.block_limits(kind, bound_code)
        weighed = rows.join(self.hours, on=["stage_id", "block_id"], how="left").with_columns(
            pl.col("hours").fill_null(1.0)
        )
        return (
            weighed.group_by("entity_id", "stage_id")
            .agg(
                (pl.col(one) * pl.col("hours")).sum() / pl.col("hours").sum()
                for one in ("lower_bound", "upper_bound")
            )
            .sort("entity_id", "stage_id")
        )

    def block_limits(self, kind: str, bound_code: int) -> pl.DataFrame:
        """The same with ``block_id``: one row for every block, where limits differ between them.

        Stages that repeat others have the limits of these.
        """
        if self.limits is None:
            ids = dict.fromkeys(("entity_id", "stage_id", "block_id"), pl.Int32)
            return pl.DataFrame(
                schema={**ids, "lower_bound": pl.Float64, "upper_bound": pl.Float64}
            )
        rows = self.limits.filter(
            (pl.col("entity_type_code") == EQUIPMENT[kind].code)
            & (pl.col("bound_type_code") == bound_code)
        )
        visits = pl.DataFrame(
            [(one.stage_id, one.repeats) for one in self.stages],
            schema={"visit": pl.Int32, "stage_id": pl.Int32},
            orient="row",
        )
        found = visits.join(rows, on="stage_id").drop("stage_id").rename({"visit": "stage_id"})
        return found.select("entity_id", "stage_id", "block_id", "lower_bound", "upper_bound")
