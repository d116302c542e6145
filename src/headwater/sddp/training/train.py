"""Training: iterate forward and backward passes until a stopping rule holds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from headwater.core.history import RuleEvaluation
from headwater.distributed import ALONE, Communicator, Interrupted, is_known_to_all
from headwater.errors import PolicyError, ResultsError, UnsupportedFeatureError
from headwater.model import Study, TrainingConfig
from headwater.refusals import refused
from headwater.sddp import events
from headwater.sddp.cuts.boundary import BoundaryCuts
from headwater.sddp.cuts.policy import Policy, as_stored
from headwater.sddp.passes.agreement import check_agreement
from headwater.sddp.records.stored_training import StoredTraining
from headwater.sddp.records.training import IterationRecord
from headwater.sddp.stage.problems import StudyProblems, build_problems
from headwater.sddp.training.checkpointing import CheckpointSchedule
from headwater.sddp.training.iteration import Training, tell
from headwater.sddp.training.state import TrainingState
from headwater.sddp.training.stopping import (
    SHUTDOWN,
    Verdict,
    evaluate_rules,
    verdict,
)
from headwater.sddp.training.warm_start import start_from
from headwater.stochastic import openings_in_words

logger = logging.getLogger(__name__)

ERROR = Verdict("error", converged=False)
UNDER_WAY = Verdict("checkpoint", converged=False)

SavePolicy = Callable[[Policy], None]
"""Writes a policy down where it outlives the process."""


def _never() -> bool:
    return False


def train_policy(
    study: Study,
    *,
    threads: int = 1,
    communicator: Communicator = ALONE,
    on_event: events.EventSink = events.ignore,
    should_stop: Callable[[], bool] = _never,
    resume: Policy | None = None,
    boundary: BoundaryCuts | None = None,
    warm_start: Policy | None = None,
    save: SavePolicy | None = None,
) -> Policy:
    """Learn a policy for ``study``; with several ranks all call, and all get it.

    Args:
        study: system and configuration.
        threads: worker threads of this rank; the result does not depend on it.
        communicator: the ranks that share out the work; the result does not depend on their number.
        on_event: called between steps, in the calling thread of rank 0.
        should_stop: asked between stages; saying yes, on any rank, abandons the iteration under way
            and returns what was learned before.
        resume: policy of an unfinished training of the same study to go on from, as if it had never
            been interrupted; its pools are taken over.
        boundary: cuts of another policy that value what follows the last stage; those of ``resume``
            stay what they are.
        warm_start: policy of this or a similar study whose cuts to start from, as the study's
            policy settings say.
        save: called on rank 0 when a checkpoint is due, and after an error with what was learned
            before it.

    Raises:
        SolverError: a stage could not be solved.
        PolicyError: ``resume`` is no policy of an unfinished training, or one of the policies does
            not fit the study.
        RankError: another rank failed.
    """
    pools, outlooks = (None, None) if resume is None else (resume.pools, resume.outlooks)
    at_end = boundary if resume is None else None
    regime_pools = (
        None if resume is None or not resume.regimes else [one.pools for one in resume.regimes]
    )
    problems = communicator.together(
        partial(build_problems, study, pools, outlooks, at_end, regime_pools)
    )
    communicator.together(partial(check_agreement, communicator, problems))
    problems.keep_cuts_in(communicator.memory_for)
    state = communicator.together(partial(_state_to_start_from, problems, resume))
    config = study.config
    notes: tuple[str, ...] = ()
    if warm_start is not None and resume is None:
        if problems.regimes or warm_start.regimes:
            raise UnsupportedFeatureError([refused("beside_regimes")])
        notes = communicator.together(partial(_start_from, warm_start, problems, state))
    with Training(
        study,
        problems,
        state,
        threads=threads,
        communicator=communicator,
        should_stop=should_stop,
        on_event=on_event,
    ) as training:
        training.notes = notes
        if resume is not None:
            with as_stored():
                training.take_over(stored_training(resume))
        started = _started(problems, threads, communicator.size, state.n_iterations)
        outcome = communicator.on_leader(
            partial(tell, on_event, started, *map(events.WarningRaised.of, training.warnings))
        )
        if state.history:
            outcome = (
                verdict(config.training, evaluate_rules(config.training, state.history)) or outcome
            )
        checkpoints = CheckpointSchedule(config.policy.checkpointing)
        try:
            while outcome is None:
                try:
                    record = training.iterate()
                except Interrupted:
                    outcome = SHUTDOWN
                    break
                # rank 0 decides for all: clocks differ
                rules, outcome = communicator.on_leader(
                    partial(_judged, config.training, state.history, on_event)
                )
                state.history[-1] = replace(record, rules=rules)
                outcome = outcome or training.asked_to_end
                if communicator.any(should_stop()):
                    outcome = outcome or SHUTDOWN
                if (
                    outcome is None
                    and save is not None
                    and communicator.from_leader(checkpoints.is_due(record.iteration))
                ):
                    under_way = training.policy(UNDER_WAY)
                    began = time.perf_counter()
                    outcome = communicator.on_leader(
                        partial(_checkpoint, under_way, save, on_event)
                    )
                    training.add_step("checkpoint", time.perf_counter() - began)
        except Exception as error:
            # an error that the other ranks do not know of leaves them waiting elsewhere
            if (
                save is not None
                and state.history
                and (communicator.size == 1 or is_known_to_all(error))
            ):
                learned = training.policy(ERROR)
                if communicator.leads:
                    _save_after_error(learned, save)
            raise
        policy = training.policy(outcome)
    if policy.training is not None:
        later = [text for text in policy.training.warnings if text not in training.warnings]
        finished = events.TrainingFinished(policy.training)
        communicator.on_leader(
            partial(tell, on_event, *map(events.WarningRaised.of, later), finished)
        )
    return policy


def _state_to_start_from(problems: StudyProblems, resume: Policy | None) -> TrainingState:
    if resume is None:
        return TrainingState.fresh(problems)
    with as_stored():
        others = [one.progress for one in resume.regimes[1:]]
        return TrainingState.resumed(problems, stored_training(resume), others)


def _start_from(policy: Policy, problems: StudyProblems, state: TrainingState) -> tuple[str, ...]:
    with as_stored():
        return start_from(policy, problems, state)


def stored_training(policy: Policy) -> StoredTraining:
    """Where the training of a policy stands.

    Raises:
        PolicyError: the policy does not say.
    """
    if policy.progress is None:
        raise PolicyError(
            "HW814 this policy does not say where its training stands, so that it cannot be "
            "resumed; start again from its cuts with policy.mode 'warm_start'"
        )
    return policy.progress


def _checkpoint(policy: Policy, save: SavePolicy, on_event: events.EventSink) -> Verdict | None:
    """Write down where a training stands.

    A full disk is no reason to lose what is still in memory: it costs a warning.
    """
    started = time.perf_counter()
    try:
        save(policy)
    except ResultsError as error:
        text = f"no checkpoint was written after iteration {policy.n_iterations}: {error}"
        logger.warning(text)
        return tell(on_event, events.WarningRaised.of(text))
    return tell(
        on_event, events.CheckpointWritten(policy.n_iterations, time.perf_counter() - started)
    )


def _save_after_error(policy: Policy, save: SavePolicy) -> None:
    """Write down what was learned before an error.

    The error is the news, whatever else goes wrong.
    """
    try:
        save(policy)
    except (ResultsError, PolicyError, OSError) as error:
        logger.warning(
            "the policy of %d iterations was not written: %s", policy.n_iterations, error
        )


def _judged(
    config: TrainingConfig, history: list[IterationRecord], on_event: events.EventSink
) -> tuple[tuple[RuleEvaluation, ...], Verdict | None]:
    """What stopping rules and the receiver of events say after an iteration."""
    rules = evaluate_rules(config, history)
    asked = tell(on_event, events.IterationFinished(replace(history[-1], rules=rules)))
    return rules, verdict(config, rules) or asked


def _started(
    problems: StudyProblems, threads: int, ranks: int, n_done: int
) -> events.TrainingStarted:
    system, config = problems.system, problems.study.config.training
    return events.TrainingStarted(
        name=problems.study.name,
        n_stages=problems.n_stages,
        n_hydros=len(system.hydros),
        n_thermals=len(system.thermals),
        n_state=problems.layout.dimension,
        forward_passes=config.forward_passes,
        max_iterations=config.max_iterations,
        threads=threads,
        ranks=ranks,
        iterations_done=n_done,
        openings=openings_in_words(problems.uncertainty) if problems.uncertainty.given else (),
    )
