"""The linear program that ended a run, saved with what was tried.

It can be looked into, sent to somebody, or solved elsewhere.

::

    OUT/failure/stage-17.mps    the program, named and in $: `headwater lp OUT/failure` reads it
    OUT/failure/stage-17.bas    the basis that the solver held last, where it held one
    OUT/failure/stage-17.json   stage, iteration, scenario, opening, attempts, versions
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headwater import files
from headwater.errors import SolverError
from headwater.lp import NamedProgram, basis_lines
from headwater.lp.writing import mps_lines
from headwater.model import Study
from headwater.results import own_files
from headwater.results.digests import versions
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
    basis, basis_path, record_path = (
        error.basis,
        path.with_suffix(".bas"),
        path.with_suffix(".json"),
    )
    try:
        contents = {path: "\n".join(mps_lines(program)) + "\n"}
        if (
            isinstance(basis, Basis)
            and (len(basis.columns), len(basis.rows)) == program.matrix.shape[::-1]
        ):
            contents[basis_path] = "\n".join(basis_lines(program, basis.columns, basis.rows)) + "\n"
        listed = {
            "program": path.name,
            "basis": basis_path.name if basis_path in contents else None,
        }
        digests = {
            file.name: hashlib.sha256(text.encode()).hexdigest() for file, text in contents.items()
        }
        record = _account(error, program, study) | {"files": listed, "sha256": digests}
        _make_place(path, basis_path, record_path)
        # the record comes first: it proves of the others that they are ours
        files.write_atomically(record_path, lambda to: write_json(to, record))
        try:
            for file, text in contents.items():
                files.write_text(file, text)
        except BaseException:
            _make_place(path, basis_path, record_path)
            raise
    except Exception as failed:
        # whatever keeps it from being written: what ended the run is the news
        logger.warning(
            "the linear program of stage %s could not be saved in %s: %s",
            error.stage_id,
            path.parent,
            failed,
        )
        return None
    return path


def _make_place(*paths: Path) -> None:
    """Remove files of ours of a directory, and put others aside."""
    ours = own_files.failures_of_ours(paths[0].parent)
    for path in paths:
        if path in ours:
            path.unlink()
        elif os.path.lexists(path):
            kept = files.put_aside(path, path)
            logger.warning("%s is not as Headwater wrote it; it is now %s", path, kept)


def forget_failures(output_dir: Path) -> None:
    """Remove what an earlier run saved of its end; other files stay."""
    directory = output_dir / FAILURE
    if directory.is_dir():
        files.remove_leftovers(directory, {own_files.FAILURE: ""})
        for path in own_files.failures_of_ours(directory):
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
        "size": {
            "rows": len(program.rows),
            "columns": len(program.columns),
            "nonzeros": int(program.matrix.nnz),
        },
        "attempts": [
            {
                "by": one.by,
                "outcome": one.outcome,
                "bound": _finite(one.bound),
                "gap": _finite(one.gap),
            }
            for one in error.attempts
            if isinstance(one, LpAttempt)
        ],
        "versions": versions(highs_version()),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
