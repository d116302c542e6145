"""The files of a case after reading.

Typed content, file by file, before anything is put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import Any

import polars as pl

from headwater import model as m
from headwater.case import form_scenarios, form_system, schema_stages
from headwater.case.aliases import canonical_spelling, move_scenario_source, old_sampling_scheme
from headwater.case.choices import with_choices
from headwater.case.cobre.reading import is_newer, rewrite, table_of
from headwater.case.derived import entities_schema, list_schema, schema_of
from headwater.case.json_reader import read_json
from headwater.case.manifest import (
    NEWER_JSON_FILES,
    NEWER_TABLE_FILES,
    TABLE_FILES,
    Manifest,
)
from headwater.case.names import WITH_ID, entity_label
from headwater.case.report import Collector
from headwater.case.schema_config import ConfigFile
from headwater.case.shapes import Shape, parse_shape
from headwater.case.table_reader import ROW, read_table
from headwater.case.tables import TABLES, Kind
from headwater.core.equipment import EQUIPMENT


class Schemas(Mapping[str, type[Shape]]):
    """File -> its schema, which is made when it is asked for."""

    def __init__(self, makers: Mapping[str, Callable[[], type[Shape]]]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> type[Shape]:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


SHAPES: Mapping[str, type[Shape]] = Schemas(
    {
        "config.json": lambda: ConfigFile,
        "stages.json": lambda: schema_stages.StagesFile,
        "penalties.json": partial(schema_of, m.Penalties),
        "initial_conditions.json": partial(schema_of, form_system.InitialConditionsInFile),
        **{
            part.file.name: partial(entities_schema, part)
            for part in EQUIPMENT.by_file()
            if part.name != "user_constraint"
        },
        "system/hydro_production_models.json": partial(
            list_schema,
            "production_models",
            form_system.ProductionModelInFile,
            "production function of plants that change it, or that need settings",
        ),
        "scenarios/load_factors.json": partial(
            list_schema,
            "load_factors",
            form_scenarios.LoadFactor,
            "load of each block against the load of the stage",
        ),
        "scenarios/non_controllable_factors.json": partial(
            list_schema,
            "non_controllable_factors",
            form_scenarios.AvailabilityFactor,
            "availability of each block against that of the stage",
        ),
        "scenarios/correlation.json": partial(schema_of, form_scenarios.CorrelationInFile),
        "constraints/exchange_factors.json": partial(
            list_schema,
            "exchange_factors",
            form_scenarios.ExchangeFactor,
            "capacity of lines in each block",
        ),
        "constraints/generic_constraints.json": partial(
            list_schema,
            "constraints",
            form_system.ConstraintInFile,
            "linear constraints of your own",
        ),
    }
)
"""JSON file -> its schema."""


def shape_of(name: str) -> type[Shape]:
    """Schema of a JSON file, with the choices of other packages that are installed here."""
    return with_choices(name, SHAPES[name])


KINDS: Mapping[str, tuple[str, str, str]] = {
    part.name: (part.file.name, part.file.key, part.words.label) for part in EQUIPMENT.by_file()
}
"""Kind of entity -> its file, the key of its list there, and its name in messages."""


@cache
def empty_table(name: str) -> pl.DataFrame:
    """A table without rows."""
    types = {Kind.WHOLE: pl.Int64(), Kind.NUMBER: pl.Float64(), Kind.DATE: pl.Date()}
    schema: dict[str, Any] = {column.name: types[column.kind] for column in TABLES[name].columns}
    return pl.DataFrame(schema={**schema, ROW: pl.Int64()})


@dataclass
class Parts:
    """What the files say.

    Attributes:
        manifest: which files there are.
        raw_config: ``config.json`` in the canonical spelling, as plain data.
        raw: the JSON files in the canonical spelling, as plain data.
        shapes: typed content of the JSON files that parse.
        tables: the tables that are there and parse.
        failed: files that should be there but do not parse.
    """

    manifest: Manifest
    raw_config: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, dict[str, Any]] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def file(self, name: str) -> str:
        """Name of a file for messages."""
        return self.manifest.shown(name)

    def has(self, name: str) -> bool:
        """Whether a file is there, parsed or not."""
        return name in self.manifest.files

    def shape(self, name: str) -> Any:
        """Typed content of a JSON file, an object of its schema, or ``None``."""
        return self.shapes.get(name)

    def table(self, name: str) -> pl.DataFrame:
        """A table; without rows when the file is not there."""
        if name in self.tables:
            return self.tables[name]
        return empty_table(name)

    def rows(self, name: str, *columns: str) -> Iterator[tuple[Any, ...]]:
        """Columns of a table, row by row in the order of `table`; ``None`` for empty cells.

        Rules read them so because a query costs more than all of a small table.
        """
        frame = self.table(name)
        return zip(*(frame.get_column(column).to_list() for column in columns), strict=True)

    @property
    def config(self) -> ConfigFile | None:
        """Content of ``config.json``."""
        file: ConfigFile | None = self.shape("config.json")
        return file

    @property
    def stages_file(self) -> Any:
        """Content of ``stages.json``."""
        return self.shape("stages.json")

    @cached_property
    def stages(self) -> list[Any]:
        """Study stages in ascending id."""
        return (
            sorted(self.stages_file.stages, key=lambda stage: stage.id) if self.stages_file else []
        )

    @cached_property
    def study_ids(self) -> set[int]:
        """Ids of the study stages."""
        return {stage.id for stage in self.stages}

    @cached_property
    def pre_study_ids(self) -> set[int]:
        """Ids of the stages before the study."""
        return (
            {stage.id for stage in self.stages_file.pre_study_stages} if self.stages_file else set()
        )

    @cached_property
    def n_blocks(self) -> dict[int, int]:
        """Stage id -> number of blocks."""
        return {stage.id: len(stage.blocks) for stage in self.stages}

    def entities(self, kind: str) -> list[Any]:
        """Entities of a kind in file order."""
        file, key, _ = KINDS[kind]
        shape = self.shapes.get(file)
        return list(getattr(shape, key)) if shape is not None else []

    def ids(self, kind: str) -> set[int]:
        """Ids of the entities of a kind."""
        return {entity.id for entity in self.entities(kind)}

    def named(self, entity: str | None) -> str | None:
        """An entity of a finding with its name.

        For example, ``"Hydro 3, stage 5"`` becomes ``'Hydro 3 "Sobradinho", stage 5'``.
        """
        found = WITH_ID.match(entity or "")
        if entity is None or found is None:
            return entity
        name = self._names.get((found["label"], int(found["id"])))
        return f"{entity_label(found['label'], int(found['id']), name)}{entity[found.end() :]}"

    @cached_property
    def _names(self) -> dict[tuple[str, int], str]:
        """(Label of a kind, id) -> name.

        Of entities whose id appears twice none, since it is not known which is meant.
        """
        counts: dict[tuple[str, int], list[str]] = {}
        for file, key, label in KINDS.values():
            items = self.raw.get(file, {}).get(key)
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict) and isinstance(item.get("id"), int):
                    name = item.get("name")
                    counts.setdefault((label, item["id"]), []).append(
                        name if isinstance(name, str) else ""
                    )
        return {key: names[0] for key, names in counts.items() if len(names) == 1}

    @property
    def hydros(self) -> list[Any]:
        """Hydros in file order."""
        return self.entities("hydro")

    @property
    def initial(self) -> Any:
        """Content of ``initial_conditions.json``."""
        return self.shape("initial_conditions.json")


def read_parts(manifest: Manifest, collector: Collector) -> Parts:
    """Read every file, reporting all that is wrong with each on its own."""
    parts = Parts(manifest, failed=set(manifest.missing))
    raw = parts.raw
    for name in (*SHAPES, *NEWER_JSON_FILES):
        if name in manifest.files:
            data = read_json(manifest.root, manifest.files[name], collector)
            if data is None:
                parts.failed.add(name)
            else:
                raw[name] = data
    _read_tables(parts, collector)
    for name, data in raw.items():
        canonical_spelling(name, data, manifest.shown(name), collector)
    if "config.json" in raw:
        config = raw["config.json"]
        if "stages.json" in raw:
            move_scenario_source(
                raw["stages.json"], config, "stages.json", "config.json", collector
            )
        old_sampling_scheme(config, "config.json", collector)
        parts.raw_config = config
    for name, data in raw.items():
        shape = parse_shape(shape_of(name), data, manifest.shown(name), collector)
        if shape is None:
            parts.failed.add(name)
        else:
            parts.shapes[name] = shape
    return parts


def _read_tables(parts: Parts, collector: Collector) -> None:
    """Read the tables; where the files are of the newer dialect, rewrite all of them."""
    manifest = parts.manifest
    newer = is_newer(parts.raw)
    for name in (*TABLE_FILES, *(NEWER_TABLE_FILES if newer else ())):
        if name in manifest.files:
            table = table_of(name, newer=newer)
            frame = read_table(manifest.root, manifest.files[name], table, collector)
            if frame is None:
                parts.failed.add(name)
            else:
                parts.tables[name] = frame
    if newer:
        rewrite(parts.raw, parts.tables, manifest.shown, collector)
        return
    for name in (*NEWER_JSON_FILES, *NEWER_TABLE_FILES):
        parts.raw.pop(name, None)
        if name in manifest.files:
            message = (
                "this file belongs to cases in the dialect of Cobre 0.18, and no other file is "
                "written in it; what it says would be left out"
            )
            fix = "move it out of the case, or begin its name with '_'"
            collector.error("HW104", manifest.files[name], message, fix=fix)
