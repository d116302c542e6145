"""Writing a case in the newer dialect."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl

from headwater.case.cobre.draft import Draft
from headwater.case.cobre.newer import PRODUCTIVITIES
from headwater.case.cobre.reading import table_of
from headwater.case.cobre.write_plants import write_plants
from headwater.case.cobre.write_study import (
    write_config,
    write_constraints,
    write_history,
    write_past,
    write_stages,
)
from headwater.case.documents import canonical_table, write_whole
from headwater.case.load import Case, load_case
from headwater.case.table_reader import complete_columns
from headwater.core.equipment import EQUIPMENT
from headwater.errors import CaseError

_RENAMED = {
    "constraints/pumping_bounds.parquet": ("station_id", "pumping_station_id"),
    "constraints/penalty_overrides_ncs.parquet": ("source_id", "ncs_id"),
    "constraints/hydro_bounds.parquet": ("filling_inflow_m3s", "filling_min_rate_m3s"),
}
_ABSENT = ("constraints/exchange_factors.json", "scenarios/opening_probabilities.parquet")
"""Files of scenarios and constraints that the newer dialect has nothing for."""

_SYSTEM = (
    "buses",
    "lines",
    "hydros",
    "thermals",
    "non_controllable_sources",
    "pumping_stations",
    "energy_contracts",
    "hydro_production_models",
)
"""Files of the system that it has."""


class NewerDocuments:
    """The files of a case in the newer dialect."""

    def __init__(self, draft: Draft) -> None:
        self.files, self.tables = draft.files, draft.tables

    def write(self, root: Path) -> None:
        """Write all files into a directory that exists."""
        for directory in ("system", "scenarios", "constraints"):
            (root / directory).mkdir(exist_ok=True)
        for name, data in self.files.items():
            text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
            (root / name).write_text(text, encoding="utf-8", newline="\n")
        for name, frame in self.tables.items():
            table = table_of(name, newer=True)
            if name == PRODUCTIVITIES:  # its readers ask for every column, empty or not
                columns = tuple(replace(one, required=True) for one in table.columns)
                table = replace(table, columns=columns)
            canonical_table(complete_columns(frame, table), table).write_parquet(root / name)


def write_newer(case: Case, target: Path) -> tuple[str, ...]:
    """Write a case into a new directory in the dialect of Cobre 0.18, whole or not at all.

    Args:
        case: what to write.
        target: a directory that does not exist yet, or is empty.

    Returns:
        Settings that are left out, because that dialect has none like them.

    Raises:
        CaseError: the case has something that changes results and has no place in that dialect.
        UsageError: ``target`` holds something already.
    """
    draft = Draft.of(case)
    write_past(draft)
    write_stages(draft)
    write_plants(draft)
    write_constraints(draft)
    write_history(draft)
    write_config(draft)
    _tables(draft)
    if draft.missing:
        listed = "\n".join(f"  {one}" for one in dict.fromkeys(draft.missing))
        raise CaseError(f"'{case.name}' has what cases of Cobre 0.18 cannot have:\n{listed}")

    def check(staging: Path) -> None:
        load_case(staging)

    write_whole(NewerDocuments(draft), target, check)
    return tuple(dict.fromkeys(draft.notes))


def _tables(draft: Draft) -> None:
    """Rename the columns that are called otherwise, and say what has no place."""
    for name, (old, new) in _RENAMED.items():
        frame = draft.tables.get(name)
        if frame is not None and old in frame.columns:
            draft.tables[name] = frame.rename({old: new})
    own = {f"system/{name}.json" for name in _SYSTEM}
    others = [name for name in draft.files if name.startswith("system/") and name not in own]
    bounds = [table.file for part, table in EQUIPMENT.stage_tables if part.file.name not in own]
    for name in (*_ABSENT, *others, *bounds):
        content = draft.files.pop(name, {})
        frame = draft.tables.pop(name, pl.DataFrame())
        if any(content.values()) or not frame.is_empty():
            draft.missing.append(name)
    for name, frame in draft.tables.items():
        weighted = "weight" in frame.columns and frame.get_column("weight").is_not_null().any()
        if name.startswith("scenarios/external_") and weighted:
            draft.missing.append(f"{name}: 'weight'")
    if draft.files.get("scenarios/correlation.json", {}).get("method") == "cholesky":
        draft.missing.append("scenarios/correlation.json: the method 'cholesky'")
