"""Starting a training from the cuts of another policy.

And what becomes of cuts that may be wrong here.
"""

from __future__ import annotations

from headwater.sddp.cuts.fields import BOUNDARY, WARM_START
from headwater.sddp.cuts.policy import Policy
from headwater.sddp.cuts.pool import CutPool
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.training.matching import Match, match_policy
from headwater.sddp.training.state import TrainingState


def start_from(policy: Policy, problems: StudyProblems, state: TrainingState) -> tuple[str, ...]:
    """Start a training from the cuts of a policy, as the settings of the study say.

    What the user should know is returned as sentences.

    Raises:
        PolicyError: the policy does not fit the study.
    """
    settings = problems.study.config.policy
    match = match_policy(
        policy, problems, settings.stage_map, validate=settings.validate_compatibility
    )
    match.insist()
    import_cuts(problems, state, policy, match, trust=settings.trust)
    return match.notes


def doubtful_cuts(pool: CutPool) -> bool:
    """Whether active cuts of a pool are not proven to be lower bounds."""
    return pool.any_unproven and bool((pool.unproven & pool.active)[: pool.n_populated].any())


def import_cuts(
    problems: StudyProblems,
    state: TrainingState,
    policy: Policy,
    match: Match,
    *,
    trust: bool = False,
) -> None:
    """Give the stages of a study the active cuts of a policy.

    The archive gets the states that it visited.

    Cuts keep how often they were binding. Those that are not proven to be lower bounds are marked,
    unless they are trusted; every cut that is made with their help is marked in turn, so that it is
    known at any time what the bound rests on.

    Args:
        problems: stages of the study; they have no cuts of their own yet.
        state: state of the training, before its first iteration.
        policy: where the cuts come from.
        match: which stage takes which cuts, and which are proven.
        trust: whether all cuts count as proven.
    """
    for t, s in enumerate(match.sources):
        if s is None or problems.successor(t) is None:
            continue
        theirs, ours = policy.pools[s], problems.pools[t]
        slots = theirs.active_slots()
        slots = slots[theirs.born_at[slots] != BOUNDARY]
        new = ours.take(
            theirs,
            slots,
            born_at=WARM_START,
            unproven=False if trust else theirs.unproven[slots] | (not match.proven[t]),
            last_binding=0,
        )
        problems.stages[t].append_cuts(new)
        if (
            state.visited is not None
            and policy.progress is not None
            and "states" in policy.progress.parts
        ):
            visits = policy.progress.parts["states"][s]
            state.visited.extend(t, 0 * visits["iteration"], visits["trajectory"], visits["states"])


def purge_unproven(problems: StudyProblems, state: TrainingState) -> int:
    """Deactivate every cut that is not proven to be a lower bound; returns how many there were.

    What remains was made without them, so that the bound holds from then on.
    """
    removed = 0
    for t, (stage, bases) in enumerate(zip(problems.stages, state.store.bases, strict=True)):
        pool = stage.pool
        slots = pool.active_slots()
        doubtful = slots[pool.unproven[slots]]
        if len(doubtful):
            pool.active[doubtful] = False
            bases.keep(stage.form.n_rows, stage.drop_inactive_cuts())
            problems.cold_bases.forget(t)
            removed += len(doubtful)
    state.bound.leave_out_unproven()
    return removed
