"""Writing results: everything under a temporary name first, swapped in when complete."""

from __future__ import annotations

import uuid
from pathlib import Path

from headwater import files
from headwater.errors import ResultsError
from headwater.lp import FittedPlanes
from headwater.model import Study
from headwater.results.frames import convergence_frame, planes_frame, ranks_frame
from headwater.results.metadata import fitting_report, table_digests, training_metadata
from headwater.results.pieces import SUCCESS, said_with_place, write_dictionaries, write_json, write_parquet
from headwater.results.simulation_writer import settle_simulation
from headwater.sddp import Policy
from headwater.sddp.policy import LAYOUT_VERSION


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
        with said_with_place(self.output_dir):
            self.output_dir.mkdir(parents=True, exist_ok=True)
            for part in ("training", "simulation"):
                _refuse_foreign(self.output_dir / part)
            files.remove_leftovers(self.output_dir)
            settle_simulation(self.output_dir)
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
        with said_with_place(self.output_dir), files.replaced_directory(self.output_dir / "training") as directory:
            write_parquet(convergence_frame(policy.training), directory / "convergence.parquet")
            (directory / "timing").mkdir()
            write_parquet(ranks_frame(policy.training), directory / "timing" / "mpi_ranks.parquet")
            write_dictionaries(directory / "dictionaries", study.system)
            layout = {"layout_version": LAYOUT_VERSION, "state": policy.layout.describe()}
            write_json(directory / "dictionaries" / "state_dictionary.json", layout)
            write_json(directory / "metadata.json", {**training_metadata(policy, study), "tables": table_digests(directory)})
            (directory / SUCCESS).touch()
        self._write_fitted_planes(policy.training.fitted_planes)

    def _write_fitted_planes(self, fitted: tuple[FittedPlanes, ...]) -> None:
        """Write ``hydro_models/``: computed planes in the form in which a case gives them, and how well they fit."""
        if not fitted:
            return
        with said_with_place(self.output_dir), files.replaced_directory(self.output_dir / "hydro_models") as directory:
            write_parquet(planes_frame(fitted), directory / "fpha_hyperplanes.parquet")
            write_json(directory / "fitting_report.json", fitting_report(fitted))


def _refuse_foreign(directory: Path) -> None:
    """Refuse to replace a directory that no run of ours wrote."""
    if directory.exists() and not (directory / "metadata.json").is_file() and any(directory.iterdir()):
        raise ResultsError(
            f"{directory} was not written by Headwater and would be replaced; choose another output directory or move it away"
        )
