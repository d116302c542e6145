"""What a `SystemBuilder` was given, as the files of a case."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

import polars as pl

from headwater.case.builder_names import kind_of, with_ids
from headwater.case.documents import Documents
from headwater.case.starter_parts import MONTHLY_SEASONS, usual_penalties
from headwater.core.equipment import EQUIPMENT
from headwater.errors import UsageError
from headwater.model.named import entity_position

Json = dict[str, Any]
Rows = list[Json]


class OverTime(NamedTuple):
    """Values ``[stage]`` of one entity, by column of their table."""

    name: str
    columns: dict[str, list[float]]


class BusLoad(NamedTuple):
    """Load of a bus in MW ``[stage]``, and of its blocks against the mean, where that is given."""

    bus: str
    mean_mw: list[float]
    std_mw: list[float]
    block_factors: list[float] | None


@dataclass
class Given:
    """What a builder was given so far; other entities and blocks are named.

    Attributes:
        months: first days of the months of the study and of the month after it.
        blocks: share of the hours of a stage by name of the block.
        discount_rate: per year.
        openings: of every stage.
        deficit_cost: $/MWh, of buses without their own.
        entities: kind -> name -> keys of its file; ids are the order of the names.
        initial_hm3: storage before the first stage by hydro plant.
        over_time: table below ``scenarios`` -> values of entities.
        records: inflows in m3/s before the study, by date, of hydro plants.
        loads: of buses.
        groups: hydro plants and the correlation of their inflows.
    """

    months: list[date]
    blocks: dict[str, float]
    discount_rate: float
    openings: int
    deficit_cost: float
    entities: dict[str, dict[str, Json]] = field(default_factory=dict)
    initial_hm3: dict[str, float] = field(default_factory=dict)
    over_time: dict[str, list[OverTime]] = field(default_factory=dict)
    records: dict[str, list[tuple[date, float]]] = field(default_factory=dict)
    loads: list[BusLoad] = field(default_factory=list)
    groups: list[tuple[list[str], list[list[float]]]] = field(default_factory=list)

    @property
    def starts(self) -> list[date]:
        """First days of the months of the study."""
        return self.months[:-1]

    def id_of(self, kind: str, name: str) -> int:
        """Id of an entity.

        Raises:
            UnknownNameError: there is none of that name.
        """
        names = list(self.entities.get(kind, {}))
        return entity_position(kind_of(kind).words.one, range(len(names)), names, name)

    def documents(self) -> Documents:
        """All files of the case.

        Raises:
            UnknownNameError: a bus or plant that is named does not exist.
            UsageError: some plants have records of inflows and others not.
        """
        files = {
            "config.json": deepcopy(_CONFIG),
            "stages.json": self._stages(),
            "penalties.json": usual_penalties([{"depth_mw": None, "cost": self.deficit_cost}]),
            "initial_conditions.json": {
                "storage": [
                    {"hydro_id": self.id_of("hydro", name), "value_hm3": value}
                    for name, value in self.initial_hm3.items()
                ],
                "filling_storage": [],
            },
        }
        for part in EQUIPMENT:
            held = self.entities.get(part.name, {})
            if held or part.file.required:
                files[part.file.name] = {
                    part.file.key: [
                        {"id": n, "name": name, **with_ids(part, fields, self.id_of)}
                        for n, (name, fields) in enumerate(held.items())
                    ]
                }
        if self.groups:
            files["scenarios/correlation.json"] = self._correlation()
        factors = list(self._load_factors())
        if factors:
            files["scenarios/load_factors.json"] = {"load_factors": factors}
        tables = {f"scenarios/{name}.parquet": rows for name, rows in self._tables().items()}
        return Documents(files, {name: pl.DataFrame(rows) for name, rows in tables.items() if rows})

    def _tables(self) -> dict[str, Rows]:
        return {
            **{table: list(self._rows(table, values)) for table, values in self.over_time.items()},
            "load_seasonal_stats": list(self._load_rows()),
            "inflow_history": list(self._history()),
        }

    def _rows(self, table: str, values: list[OverTime]) -> Iterator[Json]:
        kind, key = _OWNERS[table]
        for name, columns in values:
            number = self.id_of(kind, name)
            for t in range(len(self.starts)):
                of_stage = {column: given[t] for column, given in columns.items()}
                yield {key: number, "stage_id": t, **of_stage}

    def _load_rows(self) -> Iterator[Json]:
        """Loads of all buses where there are any: a bus that is not named has none."""
        named, none = {load.bus for load in self.loads}, [0.0] * len(self.starts)
        others = [bus for bus in self.entities.get("bus", {}) if bus not in named]
        for load in self.loads + [BusLoad(bus, none, none, None) for bus in others if named]:
            number = self.id_of("bus", load.bus)
            for t, (mean, deviation) in enumerate(zip(load.mean_mw, load.std_mw, strict=True)):
                yield {"bus_id": number, "stage_id": t, "mean_mw": mean, "std_mw": deviation}

    def _load_factors(self) -> Iterator[Json]:
        for load in self.loads:
            if load.block_factors is not None:
                by_block = [
                    {"block_id": i, "factor": one} for i, one in enumerate(load.block_factors)
                ]
                for t in range(len(self.starts)):
                    yield {
                        "bus_id": self.id_of("bus", load.bus),
                        "stage_id": t,
                        "block_factors": by_block,
                    }

    def _history(self) -> Iterator[Json]:
        without = [name for name in self.entities.get("hydro", {}) if name not in self.records]
        if self.records and without:
            raise UsageError(
                f"'{without[0]}' has no record of inflows and other plants have: "
                "give all plants one, or none"
            )
        for name, record in self.records.items():
            number = self.id_of("hydro", name)
            for day, value in record:
                yield {"hydro_id": number, "date": day, "value_m3s": value}

    def _stages(self) -> Json:
        total = sum(self.blocks.values())
        stages = []
        for t, (start, end) in enumerate(pairwise(self.months)):
            hours = (end - start).days * 24.0
            blocks = [
                {"id": i, "name": n, "hours": hours * share / total}
                for i, (n, share) in enumerate(self.blocks.items())
            ]
            stage: Json = {
                "id": t,
                "season_id": start.month - 1,
                "start_date": start.isoformat(),
                "end_date": end.isoformat(),
            }
            if self.records:
                stage["state_variables"] = {"inflow_lags": True}
            stages.append({**stage, "blocks": blocks, "num_scenarios": self.openings})
        graph = {"type": "finite_horizon", "annual_discount_rate": self.discount_rate}
        return {"policy_graph": graph, "season_definitions": MONTHLY_SEASONS, "stages": stages}

    def _correlation(self) -> Json:
        groups = [
            {
                "name": f"group {i}",
                "entities": [{"type": "inflow", "id": self.id_of("hydro", name)} for name in names],
                "matrix": matrix,
            }
            for i, (names, matrix) in enumerate(self.groups)
        ]
        return {"method": "spectral", "profiles": {"default": {"correlation_groups": groups}}}


_OWNERS = {
    "inflow_seasonal_stats": ("hydro", "hydro_id"),
    "non_controllable_stats": ("non_controllable", "ncs_id"),
}
"""Table of values over time -> kind of the entities, and the column of their ids."""

_CONFIG: Json = {
    "modeling": {"inflow_non_negativity": {"method": "penalty"}},
    "training": {
        "forward_passes": 4,
        "tree_seed": 42,
        "stopping_rules": [{"type": "iteration_limit", "limit": 50}],
    },
    "simulation": {"enabled": True, "num_scenarios": 200},
}


def months_from(start: str | date, months: int) -> list[date]:
    """First days of the months of a study and of the month after it.

    Raises:
        UsageError: it does not begin with the first of a month.
    """
    try:
        first = (
            start
            if isinstance(start, date)
            else date.fromisoformat(start if len(start) > 7 else f"{start}-01")
        )
    except ValueError:
        raise UsageError(f"expected a month such as '2027-01' as start, got '{start}'") from None
    if first.day != 1:
        raise UsageError(f"a study of months starts on the first of one, got {first}")
    return [
        date(first.year + (first.month - 1 + i) // 12, (first.month - 1 + i) % 12 + 1, 1)
        for i in range(months + 1)
    ]
