"""Training a policy, in memory or to an output directory, and what a training starts from."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from headwater.api.outcomes import RunResult
from headwater.api.output import (
    claimed,
    command_line,
    failures_saved,
    logged,
    progress_written,
    to_train_on,
)
from headwater.api.policy import Policy
from headwater.api.progress import followed
from headwater.api.requirements import granted_threads, have_engine, refuse_unbuilt
from headwater.api.simulation import simulate_to
from headwater.api.stored_policies import as_policy, find_policy, load_policy
from headwater.api.studies import StudyLike, as_study
from headwater.case import Case
from headwater.distributed import StopRequest, find_communicator, pass_on, stop_on_signals
from headwater.errors import PolicyError, UsageError
from headwater.model import PolicyMode, Study, TrainingConfig
from headwater.policy import check_resumable, holds_checkpoint, read_policy, write_policy
from headwater.results import ResultsWriter
from headwater.results.simulation_writer import simulation_can_go_on
from headwater.results.stochastic_export import STOCHASTIC_DIRECTORY, write_stochastic
from headwater.sddp import Policy as LearnedPolicy
from headwater.sddp import train_policy
from headwater.sddp.cuts.boundary import BoundaryCuts
from headwater.sddp.cuts.policy import as_stored
from headwater.sddp.events import EventSink, ignore
from headwater.sddp.training.train import SavePolicy
from headwater.stochastic import study_uncertainty

logger = logging.getLogger(__name__)


def train(
    study: StudyLike,
    config: TrainingConfig | None = None,
    *,
    threads: int | None = None,
    on_event: EventSink = ignore,
    resume: LearnedPolicy | str | Path | None = None,
    warm_start: LearnedPolicy | str | Path | None = None,
    checkpoints: str | Path | None = None,
    progress: bool = True,
) -> Policy:
    """Learn a policy.

    Ctrl-C ends training after the last complete iteration and returns what was learned, with a
    warning; ``reason`` and ``repr`` of the policy say that it was interrupted. A second Ctrl-C
    raises `KeyboardInterrupt`. After SIGTERM or SIGHUP, what was learned is written to
    ``checkpoints``, and the signal then acts as it would have without this call: by default it ends
    the process.

    Args:
        study: a `Case`, the directory of one, or a `Study` built in code.
        config: training configuration in place of the study's own.
        threads: worker threads; by default ``HEADWATER_THREADS``, the configuration, or all
            processors granted. Results do not depend on it.
        on_event: called with the events of `headwater.sddp.events`; raising `StopTraining` ends
            training.
        resume: policy of an unfinished training of the same study, or its directory, to go on from
            as if it had never been interrupted. Stopping rules may differ.
        warm_start: policy of this study or a similar one, or its directory, whose cuts to start
            from; ``policy`` of the study's configuration says which stage takes which cuts.
        checkpoints: directory for checkpoints, written when ``policy.checkpointing`` of the study
            says so, after an error and after a signal.
        progress: whether to show on standard error how it goes.

    Raises:
        UnsupportedFeatureError: the study uses something that is not built yet.
        SolverError: a stage could not be solved.
        PolicyError: ``resume`` is a policy of another study, or cannot be resumed; or cuts of
            ``warm_start`` mean something else here.
        UsageError: both are given.
        InUseError: another training writes to ``checkpoints``.

    Examples:
        >>> policy = hw.train("examples/four-subsystems")
    """
    if resume is not None and warm_start is not None:
        raise UsageError(
            "a training goes on with one policy or starts from the cuts of another: "
            "give 'resume' or 'warm_start'"
        )
    ranks = find_communicator()
    chosen = _with_training(ranks.together(partial(as_study, study)), config)
    target = None if checkpoints is None else Path(checkpoints)
    refuse_unbuilt(chosen)
    save = None if target is None else _saver(chosen, target)
    with followed(progress, on_event) as callback:
        have_engine(callback)
        return _train_in_memory(chosen, threads, callback, (resume, warm_start), target, save)


def _train_in_memory(
    study: Study,
    threads: int | None,
    on_event: EventSink,
    given: tuple[LearnedPolicy | str | Path | None, LearnedPolicy | str | Path | None],
    target: Path | None,
    save: SavePolicy | None,
) -> Policy:
    """Train, heeding signals; ``given`` are the policies to resume and to take cuts from."""
    ranks = find_communicator()
    ranks.agree("train")
    try:
        with stop_on_signals() as stop, _kept_in(target, study):
            start = ranks.together(lambda: _Start(*map(as_policy, given)))
            policy = _train(study, threads, on_event, stop, start, save)
            if ranks.any(stop()):
                policy = _interrupted(policy)
                if ranks.leads and policy.training is not None:
                    logger.warning(policy.training.warnings[-1])
                if save is not None:
                    ranks.on_leader(partial(save, policy))
    finally:
        pass_on(stop.signal_number)
    return policy


@contextmanager
def _kept_in(directory: Path | None, study: Study) -> Iterator[None]:
    """Claim a directory for checkpoints, where there is one.

    The linear program that ends the training is saved there.
    """
    if directory is None:
        yield
        return
    go_on = to_train_on(f"train(..., resume={str(directory)!r})")
    with claimed(directory), failures_saved(directory, study, directory, go_on):
        yield


def run_training(
    case: Study,
    output_dir: Path,
    *,
    threads: int | None = None,
    on_event: EventSink = ignore,
    then_simulate: bool = False,
    resume: bool = False,
) -> RunResult:
    """Train a case, write the policy and the training results, and maybe simulate with it.

    Training starts from what the mode of the policy says, or with ``resume`` from what an earlier
    run left unfinished in ``output_dir``. After a signal the policy learned so far is written and
    the simulation is left out; after an error what was learned before it is written.
    """
    ranks, writer = find_communicator(), ResultsWriter(output_dir)
    ranks.together(partial(_ready_to_train, case, threads))
    save = _saver(case, output_dir / "policy")
    have_engine(on_event)
    places = output_dir, output_dir / "policy"
    again = command_line("run" if then_simulate else "train", case, output_dir, "--resume")
    saved = failures_saved(output_dir, case, output_dir / "policy", to_train_on(again))
    with stop_on_signals() as stop, claimed(*places), logged(writer, case, on_event) as callback:
        with progress_written(output_dir, case, callback) as followed, saved:
            start = ranks.together(partial(_start, case, output_dir, resume))
            policy = _train(case, threads, followed, stop, start, save)
            if ranks.any(stop()):
                policy = _interrupted(policy)
            ranks.on_leader(partial(_write_trained, writer, policy, case, save))
        stopped = ranks.any(stop())
        if stopped or not then_simulate:
            return RunResult(
                output_dir, policy, None, stopped=stopped, signal_number=stop.signal_number
            )
        n_scenarios = case.config.simulation.n_scenarios
        go_on = resume and ranks.on_leader(
            partial(simulation_can_go_on, output_dir, case, policy, n_scenarios)
        )
        record = simulate_to(writer, policy, case, None, threads, callback, stop, resume=go_on)
    return RunResult(output_dir, policy, record)


def _interrupted(policy: Policy) -> Policy:
    """Say in a warning that a policy is not what was asked for."""
    record = policy.training
    if record is None:
        return policy
    text = (
        f"the training was interrupted after {policy.n_iterations} iterations: the policy is what "
        "was learned until then"
    )
    return dataclasses.replace(
        policy, training=dataclasses.replace(record, warnings=(*record.warnings, text))
    )


def _write_trained(
    writer: ResultsWriter, policy: LearnedPolicy, case: Study, save: SavePolicy
) -> None:
    save(policy)
    writer.write_training(policy, case)
    if case.config.export_stochastic:
        write_stochastic(writer.output_dir / STOCHASTIC_DIRECTORY, case, study_uncertainty(case))


@dataclass(frozen=True)
class _Start:
    """What a training starts from: one of the two, or nothing.

    Attributes:
        resume: policy of the training to go on with.
        warm_start: policy to take cuts from.
    """

    resume: LearnedPolicy | None = None
    warm_start: LearnedPolicy | None = None


def _train(
    study: Study,
    threads: int | None,
    on_event: EventSink,
    stop: StopRequest,
    start: _Start,
    save: SavePolicy | None = None,
) -> Policy:
    ranks = find_communicator()
    workers = ranks.together(partial(_ready_to_train, study, threads, start.resume))
    learned = train_policy(
        study,
        threads=workers,
        communicator=ranks,
        on_event=on_event,
        should_stop=stop,
        resume=start.resume,
        warm_start=start.warm_start,
        boundary=ranks.together(partial(_boundary, study)) if start.resume is None else None,
        save=save,
    )
    return Policy.of(learned)


def _ready_to_train(study: Study, threads: int | None, resume: LearnedPolicy | None = None) -> int:
    """Refuse what cannot be trained; returns the number of threads of this rank."""
    refuse_unbuilt(study)
    if resume is not None:
        with as_stored():
            check_resumable(resume, study)
    return granted_threads(threads, study)


def _boundary(study: Study) -> BoundaryCuts | None:
    """The cuts that value what follows the study, if its configuration names some.

    Paths are relative to the case.
    """
    wanted = study.config.policy.boundary
    if wanted is None:
        return None
    directory = (study.root if isinstance(study, Case) else Path()) / wanted.path
    if not holds_checkpoint(directory):
        raise PolicyError(
            f"HW808 config.json asks for boundary cuts, but there is no policy at {directory} "
            "(policy.boundary.path)"
        )
    return BoundaryCuts.of_policy(read_policy(directory, with_progress=False), wanted.source_stage)


def _saver(study: Study, directory: Path) -> SavePolicy:
    """Writes checkpoints of a training to a policy directory."""
    keep = study.config.policy.checkpointing.keep

    def save(policy: LearnedPolicy) -> None:
        write_policy(policy, directory, keep=keep)

    return save


def _start(case: Study, output_dir: Path, resume: bool) -> _Start:
    """What training starts from.

    What an earlier run left in ``output_dir``, or what the mode of the policy says.
    """
    mode = case.config.policy.mode
    if resume:
        directory = output_dir / "policy"
        if holds_checkpoint(directory):
            return _Start(resume=load_policy(directory))
        logger.warning(
            "there is no checkpoint in %s to resume from: training starts from the beginning",
            directory,
        )
    if mode is PolicyMode.FRESH or (resume and mode is PolicyMode.RESUME):
        return _Start()
    stored = load_policy(find_policy(case, output_dir))
    return _Start(resume=stored) if mode is PolicyMode.RESUME else _Start(warm_start=stored)


def _with_training(study: Study, config: TrainingConfig | None) -> Study:
    if config is None:
        return study
    return dataclasses.replace(study, config=dataclasses.replace(study.config, training=config))
