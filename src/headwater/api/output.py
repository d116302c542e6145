"""The output directory of a run while it is under way.

Its log, its progress, and the linear program that ends it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from headwater.distributed import find_communicator, is_known_to_all
from headwater.errors import PolicyError, RankError, SolverError
from headwater.model import Study
from headwater.policy import latest_facts
from headwater.results import ResultsWriter
from headwater.results.failure import save_failure
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
    """Make the output directory ready and keep a log of events in it.

    Rank 0 writes the log; the events are passed on as well.
    """
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


@contextmanager
def failures_saved(output_dir: Path, study: Study, policy_dir: Path, go_on: str) -> Iterator[None]:
    """Save the linear program that ends a run.

    The error then says where the file is, what is kept, and how to go on.

    With several ranks the one whose error ends the run writes, and rank 0 tells.

    Args:
        output_dir: of the run.
        study: what is run.
        policy_dir: where the policy is kept.
        go_on: how, in words.
    """
    try:
        yield
    except (SolverError, RankError) as error:
        if error.exit_code == SolverError.exit_code:
            saved = _saved_on_some_rank(output_dir, error, study)
            error.add(_what_is_left(error, saved, policy_dir, go_on))
        raise


def _saved_on_some_rank(
    output_dir: Path, error: SolverError | RankError, study: Study
) -> str | None:
    """Save the program on the rank whose error it is; returns where it is, on all ranks."""
    ranks = find_communicator()
    failed: BaseException | None = error
    if isinstance(error, RankError):
        # every rank whose work failed gets this one, with its own error as the cause; only the
        # lowest tells
        failed = error.__cause__ if error.rank == ranks.rank else None
    path = save_failure(output_dir, failed, study) if isinstance(failed, SolverError) else None
    saved = None if path is None else str(path)
    if ranks.size > 1 and is_known_to_all(error):
        saved = next((one for one in ranks.gather(saved) if one is not None), None)
    return saved


def _what_is_left(
    error: SolverError | RankError, saved: str | None, policy_dir: Path, go_on: str
) -> str:
    """What was saved, what is kept, and how to go on, in sentences that follow a message."""
    text = ""
    if saved is not None:
        text += f"\nthe linear program is saved in {saved}; 'headwater lp {saved}' shows it"
    kept = _iterations_in(policy_dir)
    if not kept:
        return text
    if isinstance(error, SolverError) and error.iteration not in (None, kept + 1):
        return f"{text}\nan earlier policy in {policy_dir} is as it was"
    return f"{text}\nthe policy of {kept} complete iterations is kept in {policy_dir}; {go_on}"


def to_train_on(command: str) -> str:
    """How to go on with a training that ended with an error, in words."""
    return (
        f"{command} goes on with it; after a repair of the case, policy.mode "
        "'warm_start' starts from its cuts"
    )


def command_line(verb: str, study: Study, output_dir: Path, *options: str) -> str:
    """A command about a case and an output directory, as one types it."""
    root = getattr(study, "root", None)
    case = "CASE" if root is None else str(root)
    output = (
        [] if root is not None and output_dir == root / "output" else ["--output", str(output_dir)]
    )
    return f"'headwater {shlex.join([verb, case, *output, *options])}'"


def _iterations_in(policy_dir: Path) -> int | None:
    """Iterations of the policy in a directory; ``None`` where there is none that can be read."""
    try:
        kept: int = latest_facts(policy_dir)["n_iterations"]
    except (PolicyError, OSError, KeyError):
        return None
    return kept
