"""Writing results: everything under a temporary name first, swapped in when complete."""

from __future__ import annotations

import csv
import io
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from headwater import files
from headwater.errors import ResultsError
from headwater.lp import FittedPlanes
from headwater.model import Study, System
from headwater.results.frames import chunk_frame, convergence_frame, planes_frame, ranks_frame, summary_frame
from headwater.results.metadata import fitting_report, simulation_metadata, table_digests, to_json, training_metadata
from headwater.results.schemas import CODES, SCHEMAS
from headwater.sddp import Policy, SimulationChunk, SimulationRecord
from headwater.sddp.policy import LAYOUT_VERSION

SUCCESS = "_SUCCESS"
"""Empty file whose presence says that a part of the results is complete."""

_ENTITY_TYPES = (("hydros", 0), ("thermals", 1), ("buses", 2), ("lines", 3), ("pumping_stations", 4), ("contracts", 5))


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a table; the same table always gives the same bytes."""
    frame.write_parquet(path, compression="zstd", compression_level=3, statistics=True, row_group_size=100_000)


class ResultsWriter:
    """Writes the results of a run into one directory.

    Args:
        output_dir: the directory; made if absent.
    """

    def __init__(self, output_dir: Path) -> None:
        self.output_dir = output_dir

    def begin(self) -> None:
        """Make sure that results can be written, before hours are spent; remove what interrupted runs left.

        Raises:
            ResultsError: the directory cannot be written.
        """
        with _told(self.output_dir):
            self.output_dir.mkdir(parents=True, exist_ok=True)
            for part in ("training", "simulation"):
                _refuse_foreign(self.output_dir / part)
            files.remove_leftovers(self.output_dir)
            probe = self.output_dir / f".probe{files.TEMPORARY_MARK}{uuid.uuid4().hex[:8]}"
            probe.touch()
            probe.unlink()

    def write_training(self, policy: Policy, study: Study) -> None:
        """Write ``training/``: convergence, metadata, dictionaries.

        Raises:
            ResultsError: the directory cannot be written.
        """
        if policy.training is None:
            raise ResultsError("this policy was read from disk and carries no training to write")
        with _told(self.output_dir), files.replaced_directory(self.output_dir / "training") as directory:
            write_parquet(convergence_frame(policy.training), directory / "convergence.parquet")
            (directory / "timing").mkdir()
            write_parquet(ranks_frame(policy.training), directory / "timing" / "mpi_ranks.parquet")
            _write_dictionaries(directory / "dictionaries", study.system)
            layout = {"layout_version": LAYOUT_VERSION, "state": policy.layout.describe()}
            _write_json(directory / "dictionaries" / "state_dictionary.json", layout)
            _write_json(directory / "metadata.json", {**training_metadata(policy, study), "tables": table_digests(directory)})
            (directory / SUCCESS).touch()
        self._write_fitted_planes(policy.training.fitted_planes)

    def _write_fitted_planes(self, fitted: tuple[FittedPlanes, ...]) -> None:
        """Write ``hydro_models/``: computed planes in the form in which a case gives them, and how well they fit."""
        if not fitted:
            return
        with _told(self.output_dir), files.replaced_directory(self.output_dir / "hydro_models") as directory:
            write_parquet(planes_frame(fitted), directory / "fpha_hyperplanes.parquet")
            _write_json(directory / "fitting_report.json", fitting_report(fitted))

    def simulation_sink(self, study: Study, solver: str, policy: Policy | None = None) -> SimulationSink:
        """A sink for the tables of a simulation; use it as a context manager."""
        return SimulationSink(self.output_dir / "simulation", study, solver, policy)


class SimulationSink:
    """Streams simulation tables to disk, one part file per table and chunk, and swaps them in when finished.

    Leaving the context without `finish` removes what was written and keeps earlier results.
    """

    def __init__(self, target: Path, study: Study, solver: str, policy: Policy | None = None) -> None:
        self._target = target
        self._study = study
        self._policy = policy
        self._solver = solver
        self._temporary = target.with_name(f".{target.name}{files.TEMPORARY_MARK}{uuid.uuid4().hex[:8]}")
        self._parts = 0

    def __enter__(self) -> SimulationSink:
        with _told(self._target.parent):
            self._temporary.mkdir(parents=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        shutil.rmtree(self._temporary, ignore_errors=True)

    def write(self, chunk: SimulationChunk) -> None:
        """Write the tables of one chunk.

        Raises:
            ResultsError: the directory cannot be written.
        """
        with _told(self._target.parent):
            for name in chunk.tables:
                directory = self._temporary
                for part in name.split("/"):
                    directory /= part
                    directory.mkdir(exist_ok=True)  # without parents: what was removed meanwhile must not come back in part
                write_parquet(chunk_frame(name, chunk), directory / f"part-00000-{self._parts:05d}.parquet")
        self._parts += 1

    def finish(self, record: SimulationRecord) -> None:
        """Write summary and metadata and put the results in place.

        Raises:
            ResultsError: the directory cannot be written.
        """
        with _told(self._target.parent):
            write_parquet(summary_frame(record.summary), self._temporary / "scenario_summary.parquet")
            _write_dictionaries(self._temporary / "dictionaries", self._study.system)
            metadata = simulation_metadata(record, self._study, self._solver, self._policy)
            _write_json(self._temporary / "metadata.json", {**metadata, "tables": table_digests(self._temporary)})
            (self._temporary / SUCCESS).touch()
            files.sync_tree(self._temporary)
            files.swap_directory(self._temporary, self._target)


def _refuse_foreign(directory: Path) -> None:
    """Refuse to replace a directory that no run of ours wrote."""
    if directory.exists() and not (directory / "metadata.json").is_file() and any(directory.iterdir()):
        raise ResultsError(
            f"{directory} was not written by Headwater and would be replaced; choose another output directory or move it away"
        )


@contextmanager
def _told(directory: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        raise ResultsError(f"results cannot be written to {directory}: {error}") from error


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(to_json(value), indent=2, allow_nan=False) + "\n")


def _write_dictionaries(directory: Path, system: System) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    _write_json(directory / "codes.json", dict(CODES))
    rows = [
        (code, entity.id, entity.name, getattr(entity, "bus_id", entity.id if kind == "buses" else ""))
        for kind, code in (*_ENTITY_TYPES, ("non_controllables", 7))
        for entity in getattr(system, kind)
    ]
    _write_csv(directory / "entities.csv", ("entity_type_code", "entity_id", "name", "bus_id"), rows)
    columns = [
        (schema.name, c.name, str(c.dtype), "yes" if c.nullable else "no", c.unit, c.description)
        for schema in SCHEMAS.values()
        for c in schema.columns
    ]
    header = ("table", "column", "type", "nullable", "unit", "description")
    _write_csv(directory / "variables.csv", header, columns)


def _write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.write_text(buffer.getvalue(), encoding="utf-8")
