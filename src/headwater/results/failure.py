"""The linear program that ended a run, saved with what was tried: to be looked into, sent to somebody, or solved elsewhere.

::

    OUT/failure/stage-17.mps    the program, named and in $: `headwater lp OUT/failure` reads it
    OUT/failure/stage-17.bas    the basis that the solver held last, where it held one
    OUT/failure/stage-17.json   stage, iteration, scenario, opening, attempts, versions
"""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headwater import files
from headwater.errors import SolverError
from headwater.lp import NamedProgram, basis_lines
from headwater.lp.writing import mps_lines
from headwater.model import Study
from headwater.results.metadata import versions
from headwater.results.pieces import write_json
from headwater.solver import Basis, LpAttempt, highs_version

logger = logging.getLogger(__name__)

FAILURE = "failure"
"""Directory, beside the results, of programs that could not be solved."""


def save_failure(output_dir: Path, error: SolverError, study: Study) -> Path | None:
    """Save the program of an error; each file is complete or absent.

    Args:
        output_dir: of the run.
        error: says what could not be solved.
        study: what was run.

    Returns:
        The file of the program; ``None`` where the error carries none, or nothing can be written.
    """
    program = error.lp
    if not isinstance(program, NamedProgram) or error.stage_id is None:
        return None
    path = output_dir / FAILURE / f"stage-{error.stage_id}.mps"
    basis, basis_path = error.basis, path.with_suffix(".bas")
    has_basis = isinstance(basis, Basis) and (len(basis.columns), len(basis.rows)) == program.matrix.shape[::-1]
    try:
        basis_path.unlink(missing_ok=True)
        files.write_text(path, "\n".join(mps_lines(program)) + "\n")
        if has_basis:
            assert isinstance(basis, Basis)
            files.write_text(basis_path, "\n".join(basis_lines(program, basis.columns, basis.rows)) + "\n")
        listed = {"program": path.name, "basis": basis_path.name if has_basis else None}
        content = _account(error, program, study) | {"files": listed}
        files.write_atomically(path.with_suffix(".json"), lambda to: write_json(to, content))
    except Exception as failed:
        # whatever keeps it from being written: what ended the run is the news
        logger.warning("the linear program of stage %s could not be saved in %s: %s", error.stage_id, path.parent, failed)
        return None
    return path


def forget_failures(output_dir: Path) -> None:
    """Remove what an earlier run saved of its end; other files stay."""
    directory = output_dir / FAILURE
    if directory.is_dir():
        for path in directory.glob("stage-*.*"):
            if path.suffix in (".mps", ".bas", ".json"):
                path.unlink()
        if not any(directory.iterdir()):
            directory.rmdir()


def _account(error: SolverError, program: NamedProgram, study: Study) -> dict[str, Any]:
    """Where it happened, what was tried, and with what."""
    stage = next((one for one in study.system.stages if one.id == error.stage_id), None)
    return {
        "error": type(error).__name__,
        "message": str(error),
        "status": error.status,
        "case": study.name,
        "program": program.title,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "stage": {
            "stage_id": error.stage_id,
            "start_date": None if stage is None else stage.start_date.isoformat(),
            "end_date": None if stage is None else stage.end_date.isoformat(),
        },
        "task": error.task,
        "iteration": error.iteration,
        "scenario": error.scenario,
        "opening": error.opening,
        "size": {"rows": len(program.rows), "columns": len(program.columns), "nonzeros": int(program.matrix.nnz)},
        "attempts": [
            {"by": one.by, "outcome": one.outcome, "bound": _finite(one.bound), "gap": _finite(one.gap)}
            for one in error.attempts
            if isinstance(one, LpAttempt)
        ],
        "versions": versions(highs_version()),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
