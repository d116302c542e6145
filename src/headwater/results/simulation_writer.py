"""Writing a simulation while it runs.

Parts go to the disk one by one, so that an interrupted simulation can go on.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from headwater import files
from headwater.distributed import ALONE, Communicator
from headwater.errors import ResultsError
from headwater.model import Partitioning, Study
from headwater.results.dictionaries import write_dictionaries
from headwater.results.digests import table_digests
from headwater.results.frames import chunk_frame, scenario_gaps_frame, stages_frame, summary_frame
from headwater.results.metadata import case_identity, policy_digest, simulation_metadata
from headwater.results.own_files import PARTIAL_SIMULATION, SIMULATION
from headwater.results.part_channel import PartChannel
from headwater.results.pieces import (
    SUCCESS,
    said_with_place,
    write_json,
    write_parquet,
    write_warnings,
)
from headwater.results.simulation_journal import SimulationJournal
from headwater.sddp import Policy, SimulationChunk, SimulationPart, SimulationRecord
from headwater.sddp.training.fingerprint import study_fingerprint

logger = logging.getLogger(__name__)

PARTIAL = "simulation.partial"
"""Directory, beside the results, of a simulation under way or interrupted."""

SCENARIO_DIGITS = 4
"""Digits of scenario numbers in directory names; more when there are more scenarios."""


def simulation_request(study: Study, policy: Policy, n_scenarios: int) -> dict[str, str]:
    """What the results of a simulation depend on, to tell whether an interrupted one can go on."""
    settings = study.config.simulation
    return {
        **study_fingerprint(study),
        **{
            f"simulation.{name}": str(getattr(settings, name))
            for name in (
                "scenario_source",
                "tables",
                "linearized_head_passes",
                "policy_type",
                "detail",
                "partitioning",
                "on_failure",
            )
        },
        "number of scenarios": str(n_scenarios),
        "policy": policy_digest(policy, with_bases=True),
    }


class SimulationSink:
    """Streams the tables of a simulation to disk and puts them in place when finished.

    A thread of its own writes.

    Used as a context manager, by a run that holds the `RunLock` of the directory. Leaving it
    without `finish` keeps the parts that were written, in ``simulation.partial``, so that the
    simulation can go on later; earlier results stay as they were. With several ranks all make the
    same calls and each writes its own parts; the rest is the business of rank 0.

    Args:
        output_dir: where results go.
        study, policy: what is simulated.
        n_scenarios: number of scenarios.
        solver: name and version.
        resume: go on with the interrupted simulation that is there, if there is one.
        communicator: the ranks.
        run_id: of the run that it is a part of; ``None`` for one of its own.

    Attributes:
        done: parts that an interrupted simulation had written.
    """

    def __init__(
        self,
        output_dir: Path,
        study: Study,
        policy: Policy,
        n_scenarios: int,
        solver: str,
        *,
        resume: bool = False,
        communicator: Communicator = ALONE,
        run_id: str | None = None,
    ) -> None:
        self._target = output_dir / "simulation"
        self._partial = output_dir / PARTIAL
        self._study = study
        self._policy = policy
        self._n_scenarios = n_scenarios
        self._solver = solver
        self._resume = resume
        self._communicator = communicator
        self._run_id = run_id
        self._digits = max(SCENARIO_DIGITS, len(str(n_scenarios - 1)))
        self._journal = SimulationJournal(self._partial)
        self._channel: PartChannel | None = None
        self._started = datetime.now(UTC)
        self.done: tuple[SimulationPart, ...] = ()

    def __enter__(self) -> SimulationSink:
        self.done = self._communicator.on_leader(self._open)
        self._communicator.together(self._see)
        self._channel = PartChannel(self._write, self._study.config.simulation.io_channel_capacity)
        return self

    def _open(self) -> tuple[SimulationPart, ...]:
        """Make the directory ready; returns the parts that are done."""
        request = simulation_request(self._study, self._policy, self._n_scenarios)
        with said_with_place(self._target.parent):
            self._target.parent.mkdir(parents=True, exist_ok=True)
            if self._resume and self._journal.is_there:
                self._journal.check(request)
                self.done = tuple(self._journal.parts())
            else:
                files.remove_ours(self._partial, self._partial, PARTIAL_SIMULATION)
                self._journal.start(request)
            self._write_status("running")
        return self.done

    def _see(self) -> None:
        if not self._partial.is_dir():
            raise ResultsError(
                f"{socket.gethostname()} does not see {self._partial}, where the run writes: a "
                "run over several nodes needs an output directory that all of them share"
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._channel is not None:
            self._channel.abandon()
        if self._communicator.leads and self._partial.is_dir():
            self._leave(error)

    def write(self, chunk: SimulationChunk) -> None:
        """Hand over the tables of a part; waits while too many scenarios are waiting.

        Raises:
            ResultsError: the directory cannot be written.
        """
        assert self._channel is not None, "the sink is used as a context manager"
        self._channel.put(chunk)

    def finish(self, record: SimulationRecord) -> None:
        """Write summaries and metadata and put the results in place.

        Raises:
            ResultsError: the directory cannot be written.
        """
        assert self._channel is not None, "the sink is used as a context manager"
        self._communicator.together(self._channel.close)
        self._communicator.on_leader(lambda: self._put_in_place(record))

    def _put_in_place(self, record: SimulationRecord) -> None:
        with said_with_place(self._target.parent):
            partial, system = self._partial, self._study.system
            write_parquet(
                summary_frame(record.summary, record.gaps), partial / "scenario_summary.parquet"
            )
            if record.moments is not None:
                stages = stages_frame(
                    record.moments, [stage.id for stage in record.stages or system.stages]
                )
                write_parquet(stages, partial / "stage_summary.parquet")
            write_dictionaries(partial / "dictionaries", system)
            write_warnings(partial / "diagnostics" / "warnings.jsonl", record.warnings)
            gaps = scenario_gaps_frame(record.gaps, record.summary.mean_cost)
            write_parquet(gaps, partial / "diagnostics" / "lp_gaps.parquet")
            metadata = simulation_metadata(
                record, self._study, self._solver, self._policy, self._run_id
            )
            timed = {"started_at": self._started.isoformat(timespec="seconds")}
            write_json(
                partial / "metadata.json", {**metadata, **timed, "tables": table_digests(partial)}
            )
            (partial / SUCCESS).touch()
            files.sync_tree(partial)
            self._journal.end()
            files.sync_directory(
                partial
            )  # or a crash may bring the account back, in results that are complete
            files.swap_directory(partial, self._target, SIMULATION)

    def _write(self, chunk: SimulationChunk) -> None:
        """Write the tables of a part and then note that it is done."""
        with said_with_place(self._target.parent):
            written = []
            for name in chunk.tables:
                for path, frame in self._files(
                    chunk.number, name, chunk_frame(name, chunk)
                ).items():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    files.write_atomically(path, partial(write_parquet, frame), sync_parent=False)
                    written.append(path)
            for directory in {path.parent for path in written}:
                files.sync_directory(directory)
            self._journal.commit(chunk.part, written)

    def _files(self, number: int, name: str, frame: pl.DataFrame) -> Mapping[Path, pl.DataFrame]:
        """Which rows of a table go to which file."""
        directory = self._partial / name
        if self._study.config.simulation.partitioning is Partitioning.CHUNK:
            return {directory / f"part-00000-{number:05d}.parquet": frame}
        return {
            directory / f"scenario_id={scenario:0{self._digits}d}" / "data.parquet": rows.drop(
                "scenario_id"
            )
            for (scenario,), rows in frame.group_by("scenario_id", maintain_order=True)
        }

    def _write_status(self, status: str, **more: Any) -> None:
        content = {
            "status": status,
            **case_identity(self._study),
            "started_at": self._started.isoformat(timespec="seconds"),
            "process": {"id": os.getpid(), "host": socket.gethostname()},
            "scenarios": {
                "total": self._n_scenarios,
                "resumed": sum(len(part.summary.scenario_id) for part in self.done),
            },
            **more,
        }
        files.write_atomically(
            self._partial / "metadata.json", lambda path: write_json(path, content)
        )

    def _leave(self, error: BaseException | None) -> None:
        """Keep what was written for a later session; if nothing was, leave nothing."""
        try:
            if not self._journal.n_entries():
                files.remove_ours(self._partial, self._partial, PARTIAL_SIMULATION)
            elif not (self._partial / SUCCESS).exists():
                failed = isinstance(error, Exception) and type(error).__name__ not in (
                    "Interrupted",
                    "StoppedError",
                )
                self._write_status(
                    "failed" if failed else "interrupted", error=str(error) if failed else None
                )
        except OSError:
            pass  # the disk that could not take the results cannot take this either


def simulation_can_go_on(output_dir: Path, study: Study, policy: Policy, n_scenarios: int) -> bool:
    """Whether an interrupted simulation is there, and is this one."""
    journal = SimulationJournal(output_dir / PARTIAL)
    if not journal.is_there:
        return False
    try:
        journal.check(simulation_request(study, policy, n_scenarios))
    except ResultsError as error:
        logger.info("%s", error)
        return False
    return True


def settle_simulation(output_dir: Path) -> None:
    """Put a finished simulation in place that a crash caught just before."""
    partial = output_dir / PARTIAL
    if (partial / SUCCESS).is_file() and not (partial / "request.json").exists():
        files.swap_directory(partial, output_dir / "simulation", SIMULATION)
