"""What the files of a case say, in memory.

From here a case is written elsewhere, or with something changed.
"""

from __future__ import annotations

import copy
import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from headwater.case.derived import schema_of
from headwater.case.form_scenarios import Member
from headwater.case.parts import shape_of
from headwater.case.shapes import models_in
from headwater.case.table_reader import complete_columns
from headwater.case.tables import TABLES, UNSIGNED_COLUMNS, Kind, Table
from headwater.errors import UsageError
from headwater.model.changes import Settings


class Writable(Protocol):
    """Files that can be written into a directory."""

    def write(self, root: Path) -> None:
        """Write all files into a directory that exists."""
        ...


@dataclass(frozen=True)
class Documents:
    """The files of a case.

    Attributes:
        files: JSON file -> its content, in the canonical spelling.
        tables: table (``scenarios/load_seasonal_stats.parquet``, ...) -> its rows.
    """

    files: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    def write(self, root: Path) -> None:
        """Write all files into a directory that exists."""
        for directory in ("system", "scenarios", "constraints"):
            (root / directory).mkdir(exist_ok=True)
        for name in (*self.files, *self.tables):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            content = canonical_order(data, shape_of(of_case(name)))
            text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
            (root / name).write_text(text, encoding="utf-8", newline="\n")
        for name, frame in self.tables.items():
            table = TABLES[of_case(name)]
            canonical_table(complete_columns(frame, table), table).write_parquet(root / name)

    def with_settings(self, settings: Settings) -> Documents:
        """The same with other settings, see `Settings`."""
        files = copy.deepcopy(dict(self.files))
        training, simulation = (
            files["config.json"]["training"],
            files["config.json"].setdefault("simulation", {}),
        )
        for rule in training["stopping_rules"]:
            if rule["type"] == "iteration_limit" and settings.iterations is not None:
                rule["limit"] = settings.iterations
        for key, value in (
            ("forward_passes", settings.forward_passes),
            ("tree_seed", settings.seed),
            ("threads", settings.threads),
        ):
            if value is not None:
                training[key] = value
        if settings.scenarios is not None:
            simulation.update(enabled=True, num_scenarios=settings.scenarios)
        for stage in files["stages.json"]["stages"] if settings.openings is not None else ():
            stage["num_scenarios"] = settings.openings
        return Documents(files, self.tables)

    def with_loads(self, factor: float, bus_ids: Collection[int]) -> Documents:
        """The same with the loads of some buses times a factor."""
        tables = dict(self.tables)
        of_loads = {
            "scenarios/load_seasonal_stats.parquet": ("mean_mw", "std_mw"),
            "scenarios/external_load_scenarios.parquet": ("value_mw",),
        }
        for name in self.tables:
            columns = of_loads.get(of_case(name))
            if columns is not None:
                chosen = pl.col("bus_id").is_in(list(bus_ids))
                scaled = [
                    pl.when(chosen).then(factor * pl.col(c)).otherwise(pl.col(c)).alias(c)
                    for c in columns
                ]
                tables[name] = tables[name].with_columns(scaled)
        return Documents(self.files, tables)

    def with_start(
        self, storage: Mapping[int, float], inflows: Mapping[int, tuple[float, ...]]
    ) -> Documents:
        """The same case with other initial storages in hm3 and past inflows in m3/s.

        Both are given by the id of the plant.
        """
        files = copy.deepcopy(dict(self.files))
        initial = files["initial_conditions.json"]
        filling = {row["hydro_id"] for row in initial["filling_storage"]}
        for key, rows in (
            ("filling_storage", {i: value for i, value in storage.items() if i in filling}),
            ("storage", {i: value for i, value in storage.items() if i not in filling}),
        ):
            kept = [row for row in initial[key] if row["hydro_id"] not in rows]
            initial[key] = kept + [{"hydro_id": i, "value_hm3": value} for i, value in rows.items()]
        past = [row for row in initial.get("past_inflows", ()) if row["hydro_id"] not in inflows]
        initial["past_inflows"] = past + [
            {"hydro_id": i, "values_m3s": list(values)} for i, values in inflows.items()
        ]
        return Documents(files, self.tables)


def of_case(name: str) -> str:
    """Name of a file in a case, of one in the directory of a regime as well."""
    return name.split("/", 2)[2] if name.startswith("regimes/") else name


def write_whole(documents: Writable, target: Path, check: Callable[[Path], None]) -> Path:
    """Write a case into a new directory, whole or not at all; returns the directory.

    Args:
        documents: what to write.
        target: a directory that does not exist yet, or is empty.
        check: raises where what was written is not what it should be.

    Raises:
        UsageError: ``target`` holds something already.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"'{target}' exists and is not an empty directory; nothing was written")
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        documents.write(staging)
        check(staging)
        staging.chmod(0o755)
        if target.exists():
            target.rmdir()
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def canonical_order(value: Any, annotation: Any) -> Any:
    """Keys in the order of the schema, entries with an id in ascending id."""
    models = models_in(annotation)
    if isinstance(value, dict):
        fields = {
            field.alias or name: field.annotation
            for model in models
            for name, field in model.model_fields.items()
        }
        order = {key: position for position, key in enumerate(fields)}
        keys = sorted(value, key=lambda key: (order.get(key, len(order)), key))
        # objects whose keys are free names, such as correlation profiles, hand their own annotation
        # on
        return {key: canonical_order(value[key], fields.get(key, annotation)) for key in keys}
    if isinstance(value, list):
        items = [canonical_order(item, annotation) for item in value]
        # the rows of a correlation matrix follow the order of its members
        by_id = schema_of(Member) not in models and all(
            isinstance(item, dict) and "id" in item for item in items
        )
        return sorted(items, key=lambda item: item["id"]) if by_id else items
    return value


def canonical_table(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Known columns with something in them.

    They have the exact types of the format and the order of the key.
    """
    kept = [
        column
        for column in table.columns
        if column.required or frame.get_column(column.name).null_count() < frame.height
    ]
    key = list(table.key) or [column.name for column in table.columns]
    exact: dict[str, Any] = {column.name: _exact(column.kind, column.name) for column in kept}
    return frame.sort(key, nulls_last=False).select(
        [pl.col(name).cast(dtype) for name, dtype in exact.items()]
    )


def _exact(kind: Kind, name: str) -> pl.DataType:
    if kind is Kind.WHOLE:
        return pl.UInt32() if name in UNSIGNED_COLUMNS else pl.Int32()
    return pl.Float64() if kind is Kind.NUMBER else pl.Date()
