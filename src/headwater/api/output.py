"""The output directory of a run while it is under way: its log and its progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from headwater.distributed import find_communicator
from headwater.model import Study
from headwater.results import ResultsWriter
from headwater.results.run_lock import RunLock
from headwater.results.run_log import RunLog
from headwater.results.training_progress import TrainingProgress
from headwater.sddp.events import EventSink, WarningRaised, both


@contextmanager
def claimed(*directories: Path) -> Iterator[None]:
    """Let nobody else write to some directories; rank 0 claims them and all ranks are told.

    Raises:
        InUseError: somebody does.
        ResultsError: one of them cannot be written.
    """
    ranks = find_communicator()
    with ExitStack() as held:

        def claim() -> None:
            for directory in directories:
                held.enter_context(RunLock(directory))

        ranks.on_leader(claim)
        yield


@contextmanager
def logged(writer: ResultsWriter, case: Study, on_event: EventSink) -> Iterator[EventSink]:
    """Make the output directory ready and keep a log of the events in it, on rank 0, besides passing them on."""
    ranks = find_communicator()
    ranks.on_leader(writer.begin)
    if not ranks.leads:
        yield on_event
        return
    with RunLog(writer.output_dir) as log:
        for finding in getattr(getattr(case, "report", None), "warnings", ()):
            log(WarningRaised(str(finding.message), finding.code))
        yield both(log, on_event)


@contextmanager
def progress_written(output_dir: Path, case: Study, on_event: EventSink) -> Iterator[EventSink]:
    """Keep the status of a training on disk, on rank 0."""
    if not find_communicator().leads:
        yield on_event
        return
    with TrainingProgress(output_dir, case) as progress:
        yield both(progress, on_event)
