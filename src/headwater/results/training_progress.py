"""What can be seen of a training before it is done: status and trace, in ``training.partial/``."""

from __future__ import annotations

import contextlib
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from headwater import files
from headwater.model import Study
from headwater.results.metadata import case_identity
from headwater.results.own_files import PARTIAL_TRAINING
from headwater.results.pieces import said_with_place, write_json
from headwater.sddp import events

PARTIAL = "training.partial"
"""Directory, beside the results, of a training under way or interrupted."""


class TrainingProgress:
    """Writes the status of a training: at its start, at every checkpoint, and when it fails.

    It is a sink of events.

    The directory goes when the training is done and its results are in place. A process that was
    killed leaves the status ``running``, with its number and the time of the last line.

    Args:
        output_dir: of the run.
        study: what is trained.

    Raises:
        ResultsError: the directory cannot be written.
    """

    def __init__(self, output_dir: Path, study: Study) -> None:
        self._directory = output_dir / PARTIAL
        self._study = study
        self._started = datetime.now(UTC)
        self._state: dict[str, Any] = {"iterations": {"completed": 0}, "lower_bound": None}

    def __enter__(self) -> TrainingProgress:
        with said_with_place(self._directory.parent):
            self._directory.mkdir(parents=True, exist_ok=True)
            self._write("running")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                files.remove_ours(self._directory, self._directory, PARTIAL_TRAINING)
            else:
                self._write(
                    "failed" if isinstance(error, Exception) else "interrupted", error=str(error)
                )
        except OSError:
            pass  # the disk that took no results takes no status either

    def __call__(self, event: events.Event) -> None:
        """Keep up with one event."""
        if isinstance(event, events.IterationFinished):
            self._state = {
                "iterations": {"completed": event.record.iteration},
                "lower_bound": event.record.lower_bound,
            }
        elif isinstance(event, events.CheckpointWritten):
            with contextlib.suppress(OSError):
                self._write("running")  # a status that cannot be written ends no training

    def _write(self, status: str, **more: Any) -> None:
        content = {
            "status": status,
            **case_identity(self._study),
            "started_at": self._started.isoformat(timespec="seconds"),
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "process": {"id": os.getpid(), "host": socket.gethostname()},
            **self._state,
            **more,
        }
        files.write_atomically(
            self._directory / "metadata.json", lambda path: write_json(path, content)
        )
