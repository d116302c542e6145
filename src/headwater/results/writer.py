"""Writing results: everything under a temporary name first, swapped in when complete."""

from __future__ import annotations

import uuid
from pathlib import Path

from headwater import files
from headwater.errors import ResultsError
from headwater.lp import FittedPlanes
from headwater.model import Study
from headwater.results.dictionaries import write_training_dictionaries
from headwater.results.digests import table_digests
from headwater.results.failure import forget_failures
from headwater.results.metadata import fitting_report, new_run_id, scaling_report, training_metadata
from headwater.results.own_files import HYDRO_MODELS, TRAINING, WRITTEN, refuse_foreign
from headwater.results.pieces import (
    SUCCESS,
    said_with_place,
    write_json,
    write_parquet,
    write_warnings,
)
from headwater.results.simulation_writer import settle_simulation
from headwater.results.training_frames import (
    convergence_frame,
    gaps_frame,
    inner_bound_frame,
    planes_frame,
    ranks_frame,
    retry_frame,
    selection_frame,
    solver_frame,
    stopping_rules_frame,
    timing_frame,
)
from headwater.sddp import Policy, TrainingRecord


class ResultsWriter:
    """Writes the results of a run into one directory.

    Args:
        output_dir: the directory; made if absent.

    Attributes:
        run_id: names the run in all that it writes.
    """

    def __init__(self, output_dir: Path) -> None:
        self.output_dir = output_dir
        self.run_id = new_run_id()

    def begin(self) -> None:
        """Make sure that results can be written, before hours are spent.

        Remove what interrupted runs left.

        Raises:
            ResultsError: the directory cannot be written.
        """
        with said_with_place(self.output_dir):
            self.output_dir.mkdir(parents=True, exist_ok=True)
            for part in ("training", "simulation"):
                refuse_foreign(self.output_dir / part)
            files.remove_leftovers(self.output_dir, WRITTEN)
            settle_simulation(self.output_dir)
            forget_failures(self.output_dir)
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
        place = self.output_dir / "training"
        with (
            said_with_place(self.output_dir),
            files.replaced_directory(place, TRAINING) as directory,
        ):
            _write_training_tables(directory, policy.training, study)
            write_training_dictionaries(directory / "dictionaries", study.system, policy.layout)
            write_json(directory / "scaling_report.json", scaling_report(policy.training, study))
            write_warnings(directory / "diagnostics" / "warnings.jsonl", policy.training.warnings)
            metadata = training_metadata(policy, study, self.run_id)
            write_json(
                directory / "metadata.json", {**metadata, "tables": table_digests(directory)}
            )
            (directory / SUCCESS).touch()
        self._write_fitted_planes(policy.training.fitted_planes)

    def _write_fitted_planes(self, fitted: tuple[FittedPlanes, ...]) -> None:
        """Write ``hydro_models/``.

        Computed planes in the form in which a case gives them, and how well they fit.
        """
        if not fitted:
            return
        place = self.output_dir / "hydro_models"
        with (
            said_with_place(self.output_dir),
            files.replaced_directory(place, HYDRO_MODELS) as directory,
        ):
            write_parquet(planes_frame(fitted), directory / "fpha_hyperplanes.parquet")
            write_json(directory / "fitting_report.json", fitting_report(fitted))


def _write_training_tables(directory: Path, record: TrainingRecord, study: Study) -> None:
    stage_ids = [stage.id for stage in study.system.stages]
    tables = {
        "convergence": convergence_frame(record),
        "timing/iterations": timing_frame(record),
        "timing/mpi_ranks": ranks_frame(record),
        "diagnostics/stopping_rules": stopping_rules_frame(record),
        "diagnostics/lp_gaps": gaps_frame(record, stage_ids),
        "solver/iterations": solver_frame(record.efforts, stage_ids),
        "solver/retry_histogram": retry_frame(record.efforts, stage_ids),
    }
    if study.config.training.cut_selection is not None:
        tables["cut_selection/iterations"] = selection_frame(record, stage_ids)
    if record.inner_evaluations:
        tables["diagnostics/inner_bound"] = inner_bound_frame(record)
    for name, frame in tables.items():
        path = directory / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        write_parquet(frame, path)
