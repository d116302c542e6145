"""Reading results back as tables, with names and dates beside ids."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from headwater import files
from headwater._on_demand import OnDemandMember
from headwater.core.equipment import EQUIPMENT
from headwater.core.shown import Shown
from headwater.errors import ResultsError
from headwater.results.csv_files import write_csv_files
from headwater.results.names_in_tables import TableNames
from headwater.results.other_forms import OtherForms
from headwater.results.pieces import SUCCESS, read_object, without_results
from headwater.results.schemas import SCHEMAS, SIMULATION_TABLES
from headwater.results.table_schema import TableSchema

logger = logging.getLogger(__name__)

_SCENARIO = "scenario_id="
"""Beginning of the names of directories that hold one scenario."""


def load_results(directory: str | Path) -> Results:
    """Open the output directory of a run.

    A warning is logged when its parts are of different cases.

    Args:
        directory: output directory of a run.

    Raises:
        ResultsError: it holds no results.

    Examples:
        >>> results = hw.load_results("output")
    """
    root = Path(directory)
    if not any(
        (files.surviving_directory(root / part) / SUCCESS).is_file()
        for part in ("training", "simulation")
    ):
        raise ResultsError(without_results(root))
    results = Results(root)
    if results.mixture:
        logger.warning("%s: %s", root, results.mixture)
    return results


class Results(Shown, OtherForms):
    """The results of a run, in its output directory.

    Examples:
        >>> hw.load_results("output").table("buses")
    """

    plot = OnDemandMember("headwater.report.plots", "ResultsPlots")
    """Pictures of the run, see `headwater.report.plots.ResultsPlots`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def has_training(self) -> bool:
        """Whether training results are there and complete."""
        return (self._part("training") / SUCCESS).is_file()

    @property
    def has_simulation(self) -> bool:
        """Whether simulation results are there and complete."""
        return (self._part("simulation") / SUCCESS).is_file()

    @cached_property
    def convergence(self) -> pl.DataFrame:
        """One row per training iteration."""
        return self._parquet("training", "convergence.parquet", self.training_metadata)

    @cached_property
    def timing(self) -> pl.DataFrame:
        """Where the time of training went: one row per iteration, and for each of its workers."""
        return self._parquet("training", "timing/iterations.parquet", self.training_metadata)

    @cached_property
    def summary(self) -> pl.DataFrame:
        """One row per simulated scenario."""
        return self._parquet("simulation", "scenario_summary.parquet", self.simulation_metadata)

    @cached_property
    def stage_summary(self) -> pl.DataFrame:
        """One row per stage: mean, deviation and maximum over scenarios."""
        return self._parquet("simulation", "stage_summary.parquet", self.simulation_metadata)

    @cached_property
    def training_metadata(self) -> dict[str, Any]:
        """What was recorded about training."""
        return read_object(self._part("training") / "metadata.json")

    @cached_property
    def simulation_metadata(self) -> dict[str, Any]:
        """What was recorded about the simulation."""
        return read_object(self._part("simulation") / "metadata.json")

    @cached_property
    def mixture(self) -> str:
        """Says that training and simulation are of different cases.

        Empty where they are of one, or that is not known.
        """
        if not (self.has_training and self.has_simulation):
            return ""
        return mixture({"training": self.training_metadata, "simulation": self.simulation_metadata})

    @cached_property
    def limits(self) -> pl.DataFrame | None:
        """Limits in force at every stage (``dictionaries/bounds``).

        They are ``None`` without results of a training.
        """
        return (
            self._parquet("training", "dictionaries/bounds.parquet", self.training_metadata)
            if self.has_training
            else None
        )

    @cached_property
    def topology(self) -> dict[str, Any] | None:
        """What leads where (``dictionaries/topology.json``).

        ``None`` in results of versions that did not write it.
        """
        path = self._part("simulation") / "dictionaries" / "topology.json"
        return read_object(path) if path.is_file() else None

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the simulation tables that were written."""
        return tuple(
            name for name in SIMULATION_TABLES if (self._part("simulation") / name).is_dir()
        )

    def table(self, name: str, *, names: bool = True, columns: Sequence[str] = ()) -> pl.DataFrame:
        """A simulation table over all scenarios, sorted.

        Args:
            name: table name, see `tables`.
            names: add the name of the entity and the dates of the stage beside their ids.
            columns: read only these columns, besides those that the table is sorted by; empty reads
                all.

        Raises:
            ResultsError: no such table, or a part of it is damaged.

        Examples:
            >>> results.table("hydros", columns=["storage_final_hm3"])
        """
        if name not in self.tables:
            raise ResultsError(
                f"{self.directory} has no table '{name}' (it has: "
                f"{', '.join(self.tables) or 'none'})"
            )
        metadata = self.simulation_metadata
        schema = SCHEMAS[name]
        there = self._columns_of(schema)
        wanted = [one for one in there if not columns or one in columns or one in schema.sort_keys]
        if unknown := sorted(set(columns) - set(wanted)):
            raise ResultsError(
                f"the table '{name}' has no column {', '.join(unknown)} (it has: "
                f"{', '.join(there)})"
            )
        listed = (part for part in sorted(_listed(metadata)) if _table_of(part) == name)
        parts = [self._part_of_table(part, metadata, wanted) for part in listed]
        if not parts:
            raise ResultsError(
                f"{self.directory}/simulation/metadata.json lists no files of the table '{name}'"
            )
        frame = pl.concat(parts)
        frame = frame.sort(schema.sort_keys, maintain_order=True)
        return TableNames(self.entities, self._stages).added_to(frame, schema) if names else frame

    def _columns_of(self, schema: TableSchema) -> list[str]:
        """Columns that the table has for the kinds of equipment of the system."""
        return [
            column.name
            for column in schema.columns
            if not column.kind or column.kind in self._kinds
        ]

    @cached_property
    def _kinds(self) -> set[str]:
        """Kinds of equipment that the system had."""
        codes = set(self.entities["entity_type_code"].to_list())
        return {part.name for part in EQUIPMENT.by_code() if part.code in codes}

    def scan(self, name: str, *, names: bool = True) -> pl.LazyFrame:
        """A simulation table as a lazy Polars query.

        It serves results larger than memory: nothing is read before it is collected, and then only
        what it needs. Files are not compared with their digests, as `table` does.

        Args:
            name: table name, see `tables`.
            names: add the name of the entity and the dates of the stage beside their ids.

        Raises:
            ResultsError: no such table.

        Examples:
            >>> results.scan("hydros").filter(pl.col("hydro_name") == "Ridge").collect()
        """
        if name not in self.tables:
            raise ResultsError(
                f"{self.directory} has no table '{name}' (it has: "
                f"{', '.join(self.tables) or 'none'})"
            )
        schema, parts = SCHEMAS[name], []
        columns = self._columns_of(schema)
        for part in sorted(_listed(self.simulation_metadata)):
            if _table_of(part) == name:
                lazy = pl.scan_parquet(
                    self._part("simulation") / part, glob=False, hive_partitioning=False
                )
                directory = part.rpartition("/")[0].rpartition("/")[2]
                if directory.startswith(_SCENARIO):
                    number = pl.lit(int(directory.removeprefix(_SCENARIO)), pl.Int32)
                    lazy = lazy.with_columns(number.alias("scenario_id"))
                parts.append(lazy.select(columns))
        whole = pl.concat(parts)
        return (
            TableNames(self.entities, self._stages).added_to_lazy(whole, columns, schema)
            if names
            else whole
        )

    def write_csv(self, directory: str | Path | None = None) -> Path:
        """Write every table as a CSV file, with names and dates; larger than memory if need be.

        Args:
            directory: made anew, other files are put aside; ``None`` for ``csv`` in the output.

        Raises:
            ResultsError: it cannot be written.

        Examples:
            >>> hw.load_results("output").write_csv()
        """
        return write_csv_files(self, directory)

    def _part_of_table(
        self, part: str, metadata: dict[str, Any], columns: Sequence[str]
    ) -> pl.DataFrame:
        """Columns of one file of a table.

        The scenario is in it, or in the name of its directory.
        """
        directory = part.rpartition("/")[0].rpartition("/")[2]
        if not directory.startswith(_SCENARIO):
            return self._parquet("simulation", part, metadata, columns)
        frame = self._parquet(
            "simulation", part, metadata, [one for one in columns if one != "scenario_id"]
        )
        number = pl.lit(int(directory.removeprefix(_SCENARIO)), pl.Int32)
        return frame.with_columns(number.alias("scenario_id")).select(columns)

    def _part(self, name: str) -> Path:
        """A part of the results; what was there before, when a run died while replacing it."""
        return files.surviving_directory(self.directory / name)

    @cached_property
    def _stages(self) -> pl.DataFrame:
        try:
            return pl.DataFrame(self.simulation_metadata["stages"]).select(
                pl.col("stage_id").cast(pl.Int32), pl.col("start_date", "end_date").str.to_date()
            )
        except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise ResultsError(
                f"{self.directory}/simulation/metadata.json: the list of "
                f"stages is damaged ({error})"
            ) from error

    @cached_property
    def entities(self) -> pl.DataFrame:
        """Kind, id, name and bus of every entity of the system.

        As ``dictionaries/entities.csv`` has them.
        """
        path = self._part("simulation") / "dictionaries" / "entities.csv"
        try:
            entities = pl.read_csv(
                files.read_regular(path), schema_overrides={"name": pl.String, "bus_id": pl.String}
            )
            return entities.with_columns(
                pl.col("name").str.strip_prefix("'")
            )  # see `dictionaries.guarded`
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ResultsError(f"{path} cannot be read: {error}") from error

    def _parquet(
        self, group: str, name: str, metadata: dict[str, Any], columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Read one file, after comparing it with what was recorded when it was written."""
        path, entry = self._part(group) / name, _listed(metadata).get(name)
        try:
            content = files.read_regular(path)
            if not isinstance(entry, dict) or hashlib.sha256(content).hexdigest() != entry.get(
                "sha256"
            ):
                raise ResultsError(
                    f"{path} is damaged: it is not the file that "
                    f"{group}/metadata.json lists; run again"
                )
            wanted = None if columns is None else list(columns)
            return pl.read_parquet(
                io.BytesIO(content), columns=wanted
            )  # never by path: Polars takes brackets in a path for a pattern
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ResultsError(f"{path} cannot be read: {error}") from error

    def facts(self) -> list[tuple[str, str]]:
        """Name and value of what a notebook shows below the heading."""
        found = []
        if self.has_training:
            found.append(("iterations", f"{self.convergence.height:,}"))
        if self.has_simulation:
            cost = self.simulation_metadata.get("cost", {})
            found.append(("scenarios", f"{self.summary.height:,}"))
            found.append(
                (
                    "mean cost",
                    f"{cost.get('mean', float('nan')):,.2f} ± {cost.get('ci95', 0.0):,.2f} $",
                )
            )
            found.append(("tables", ", ".join(self.tables)))
        return found

    def __repr__(self) -> str:
        parts = [
            name
            for name, there in (
                ("training", self.has_training),
                ("simulation", self.has_simulation),
            )
            if there
        ]
        return (
            f"<Results in {self.directory}: "
            f"{' and '.join(parts)}{' of different cases' if self.mixture else ''}>"
        )


def mixture(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """What is to be said of parts of one output directory.

    Nothing, or that they are not of one case.

    Args:
        parts: name of a part -> its metadata; those that do not say which case they are of are left
            out.
    """
    known = {name: part for name, part in parts.items() if part.get("case_digest")}
    if len({part["case_digest"] for part in known.values()}) < 2:
        return ""
    said = ", ".join(
        f"{name} of case '{part.get('case')}' ({str(part['case_digest'])[:8]})"
        for name, part in known.items()
    )
    return f"these results are not of one case and say nothing together: {said}"


def _table_of(part: str) -> str:
    """The table that a file belongs to, by its path."""
    table, _, directory = part.rpartition("/")[0].rpartition("/")
    return table if directory.startswith(_SCENARIO) else f"{table}/{directory}".lstrip("/")


def _listed(metadata: dict[str, Any]) -> dict[str, Any]:
    """The recorded files of a part of the results."""
    listed = metadata.get("tables")
    return listed if isinstance(listed, dict) else {}
