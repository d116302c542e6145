"""Rewriting a case in the canonical spelling: canonical names and places of keys, exact column types, canonical order."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, get_args

import polars as pl
from pydantic import BaseModel

from headwater.case.derived import schema_of
from headwater.case.form_scenarios import Member
from headwater.case.load import load_case, read_case_parts
from headwater.case.parts import Parts, shape_of
from headwater.case.tables import TABLES, UNSIGNED_COLUMNS, Kind, Table
from headwater.errors import CaseError, UsageError


def convert_case(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> Path:
    """Write the case in ``source`` to ``target`` in the canonical spelling.

    The new case means the same: both are loaded and compared. It appears whole or not at all.

    Args:
        source: a case without errors.
        target: a directory that does not exist yet, or is empty.

    Returns:
        The new directory.

    Raises:
        CaseError: the case has errors.
        UsageError: ``target`` holds something already.
    """
    before = load_case(source)
    parts = read_case_parts(source)
    target = Path(target)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"'{target}' exists and is not an empty directory; nothing was written")
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        _write(parts, staging)
        after = load_case(staging)
        if before.system != after.system or before.config != after.config:
            raise CaseError(f"the canonical form of '{before.name}' does not mean the same; nothing was written")
        staging.chmod(0o755)
        if target.exists():
            target.rmdir()
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def _write(parts: Parts, root: Path) -> None:
    for directory in ("system", "scenarios", "constraints"):
        (root / directory).mkdir()
    for name, data in parts.raw.items():
        content = canonical_order(data, shape_of(name))
        (root / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    for name, frame in parts.tables.items():
        canonical_table(frame, TABLES[name]).write_parquet(root / name)


def canonical_order(value: Any, annotation: Any) -> Any:
    """Keys in the order of the schema, entries with an id in ascending id."""
    models = _models_in(annotation)
    if isinstance(value, dict):
        fields = {field.alias or name: field.annotation for model in models for name, field in model.model_fields.items()}
        order = {key: position for position, key in enumerate(fields)}
        keys = sorted(value, key=lambda key: (order.get(key, len(order)), key))
        # objects whose keys are free names, such as correlation profiles, hand their own annotation on
        return {key: canonical_order(value[key], fields.get(key, annotation)) for key in keys}
    if isinstance(value, list):
        items = [canonical_order(item, annotation) for item in value]
        # the rows of a correlation matrix follow the order of its members
        by_id = schema_of(Member) not in models and all(isinstance(item, dict) and "id" in item for item in items)
        return sorted(items, key=lambda item: item["id"]) if by_id else items
    return value


def canonical_table(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Known columns with something in them, of the exact types of the format, in the order of the key."""
    kept = [column for column in table.columns if column.required or frame.get_column(column.name).null_count() < frame.height]
    key = list(table.key) or [column.name for column in table.columns]
    exact: dict[str, Any] = {column.name: _exact(column.kind, column.name) for column in kept}
    return frame.sort(key, nulls_last=False).select([pl.col(name).cast(dtype) for name, dtype in exact.items()])


def _exact(kind: Kind, name: str) -> pl.DataType:
    if kind is Kind.WHOLE:
        return pl.UInt32() if name in UNSIGNED_COLUMNS else pl.Int32()
    return pl.Float64() if kind is Kind.NUMBER else pl.Date()


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]
