"""Which files a case may have, and finding them: the first layer of validation."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from headwater.case.names import nearest_word
from headwater.case.report import Collector
from headwater.core.equipment import EQUIPMENT

JSON_FILES: dict[str, bool] = {
    "config.json": True,
    "stages.json": True,
    "penalties.json": True,
    "initial_conditions.json": True,
    **{
        part.file.name: part.file.required
        for part in EQUIPMENT.by_file()
        if part.file.name.startswith("system/")
    },
    "system/hydro_production_models.json": False,
    "scenarios/load_factors.json": False,
    "scenarios/non_controllable_factors.json": False,
    "scenarios/correlation.json": False,
    "constraints/exchange_factors.json": False,
    **{
        part.file.name: part.file.required
        for part in EQUIPMENT.by_file()
        if part.file.name.startswith("constraints/")
    },
}
"""JSON file -> whether a case must have it."""

_STAGE_TABLES = tuple(table.file for _, table in EQUIPMENT.stage_tables)
_PENALTIES = next(i for i, file in enumerate(_STAGE_TABLES) if "/penalty_overrides_" in file)

TABLE_FILES: tuple[str, ...] = (
    "system/hydro_geometry.parquet",
    "system/fpha_hyperplanes.parquet",
    "scenarios/inflow_history.parquet",
    "scenarios/inflow_seasonal_stats.parquet",
    "scenarios/inflow_ar_coefficients.parquet",
    "scenarios/inflow_annual_component.parquet",
    "scenarios/external_inflow_scenarios.parquet",
    "scenarios/external_load_scenarios.parquet",
    "scenarios/external_ncs_scenarios.parquet",
    "scenarios/load_seasonal_stats.parquet",
    "scenarios/non_controllable_stats.parquet",
    "scenarios/noise_openings.parquet",
    "scenarios/opening_probabilities.parquet",
    *_STAGE_TABLES[:_PENALTIES],
    "constraints/generic_constraint_bounds.parquet",
    *_STAGE_TABLES[_PENALTIES:],
)
"""Tables, all optional; each may also be a ``.csv`` file."""

NEWER_JSON_FILES = ("constraints/generic_parameters.json", "post_study_stages.json")
NEWER_TABLE_FILES = (
    "system/hydro_energy_productivity.parquet",
    "system/tailrace_curves.parquet",
    "constraints/hydro_unit_group_bounds.parquet",
)
"""Files that only the newer dialect has, see `headwater.case.cobre`; all optional."""

FILE_ALIASES: dict[str, str] = {
    "scenarios/external_scenarios.parquet": "scenarios/external_inflow_scenarios.parquet"
}
"""Older file name -> canonical name."""

DATA_DIRECTORIES = ("system", "scenarios", "constraints")
DATA_SUFFIXES = (".json", ".parquet", ".csv")
SCHEMA_SUFFIX = ".schema.json"
"""End of the names of JSON Schemas, which may lie beside what they describe."""


@dataclass
class Manifest:
    """The files of one case.

    Attributes:
        root: case directory.
        files: canonical name -> path of the file that is there, relative to the root with forward
            slashes.
        missing: required files that are not there, or files that cannot be opened.
    """

    root: Path
    files: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def shown(self, name: str) -> str:
        """Name of a file in messages.

        The one on disk when it is there, the canonical one otherwise.
        """
        return self.files.get(name, name)


def as_csv(name: str) -> str:
    """Name of the CSV twin of a table."""
    return name.removesuffix(".parquet") + ".csv"


def discover(root: Path, collector: Collector) -> Manifest | None:
    """Look for the files of a case.

    Returns:
        What is there, or ``None`` when ``root`` is not a directory that can be read.
    """
    try:
        usable = root.is_dir() and os.access(root, os.R_OK | os.X_OK)
    except (OSError, ValueError):
        usable = False
    if not usable:
        collector.error(
            "HW101",
            "",
            f"expected a case directory at '{root}', found none",
            fix="give the path of a directory",
        )
        return None
    manifest = Manifest(root)
    for name, required in {**JSON_FILES, **dict.fromkeys(NEWER_JSON_FILES, False)}.items():
        if (root / name).exists() or (root / name).is_symlink():
            _take(manifest, name, name, collector)
        elif required:
            manifest.missing.add(name)
            collector.error(
                "HW101",
                name,
                "this file is required and was not found",
                fix=f"add {name} to the case",
            )
    for name in (*TABLE_FILES, *NEWER_TABLE_FILES):
        spellings = [name, as_csv(name)]
        for old, new in FILE_ALIASES.items():
            if new == name:
                spellings += [old, as_csv(old)]
        present = [
            spelling
            for spelling in spellings
            if (root / spelling).exists() or (root / spelling).is_symlink()
        ]
        if len(present) > 1:
            manifest.missing.add(name)
            collector.error(
                "HW103",
                present[0],
                "the same table is given more than once: "
                f"{', '.join(present)}; expected one of them",
                fix="keep one of the files and remove the others",
            )
        elif present:
            _take(manifest, name, present[0], collector)
            if present[0] not in (name, as_csv(name)):
                collector.warning(
                    "HW701",
                    present[0],
                    f"'{present[0]}' is an older name of '{name}'",
                    fix="rename the file",
                )
    _unrecognised(root, collector)
    return manifest


def _take(manifest: Manifest, name: str, actual: str, collector: Collector) -> None:
    path = manifest.root / actual
    if path.is_file():
        manifest.files[name] = actual
        return
    manifest.missing.add(name)
    got = "a directory" if path.is_dir() else "something that is not a regular file"
    collector.error(
        "HW102", actual, f"expected a file, got {got}", fix="replace it by a file or remove it"
    )


def _unrecognised(root: Path, collector: Collector) -> None:
    """Data files that nothing reads: at the top and in the data directories.

    Names that begin with ``_`` or ``.`` pass.
    """
    known = {*JSON_FILES, *TABLE_FILES, *FILE_ALIASES, *NEWER_JSON_FILES, *NEWER_TABLE_FILES}
    known |= {as_csv(name) for name in known if name.endswith(".parquet")}
    # editors look for them beside the files that they describe
    known |= {f"{name.removesuffix('.json')}.schema.json" for name in JSON_FILES}
    for directory in ("", *DATA_DIRECTORIES):
        try:
            entries = sorted(os.listdir(root / directory))
        except OSError:
            continue
        for entry in entries:
            name = f"{directory}/{entry}" if directory else entry
            is_data = Path(entry).suffix.lower() in DATA_SUFFIXES and not entry.lower().endswith(
                SCHEMA_SUFFIX
            )
            if is_data and name not in known and not entry.startswith(("_", ".")):
                near = nearest_word(name, known)
                broken = "".join(f"; {why}" for why in EQUIPMENT.broken.values())
                collector.error(
                    "HW104",
                    name,
                    "this file is not part of the case format; what it says would be left out"
                    + broken,
                    fix=f"did you mean '{near}'? If not, move it away, or begin its name with '_'"
                    if near
                    else "move it out of the case, or begin its name with '_'",
                )
