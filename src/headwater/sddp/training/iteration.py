"""A training under way: one iteration after the other, and what has been learned so far."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import TracebackType

import numpy as np

from headwater.core.provenance import packages_of
from headwater.distributed import ALONE, Communicator, Team
from headwater.errors import StopTraining
from headwater.model import Study
from headwater.sddp import events
from headwater.sddp.bounds.upper_bound import UpperBound
from headwater.sddp.cuts.policy import Policy, PolicyStage
from headwater.sddp.passes.chain import ChainPasses
from headwater.sddp.passes.effort_meter import (
    EffortMeter,
    joined_efforts,
    joined_gaps,
    program_counts,
)
from headwater.sddp.passes.forward import Simulating
from headwater.sddp.passes.regimes import RegimePasses
from headwater.sddp.passes.trajectories import TrajectoryStore
from headwater.sddp.records.effort import (
    BACKWARD,
    FORWARD,
    LOWER_BOUND,
    SIMULATION,
    IterationTiming,
    StageEffort,
    StageGap,
    WorkerTiming,
)
from headwater.sddp.records.stored_training import StoredTraining
from headwater.sddp.records.training import (
    Account,
    InnerEvaluation,
    IterationRecord,
    RankTiming,
    RuleSimulation,
)
from headwater.sddp.stage.problems import StudyProblems, inflow_digest, policy_stages
from headwater.sddp.training.fingerprint import study_fingerprint
from headwater.sddp.training.matching import inflow_arrays, stage_digests
from headwater.sddp.training.recording import (
    iteration_record,
    training_record,
    uncertainty_warnings,
)
from headwater.sddp.training.state import TrainingState
from headwater.sddp.training.stopping import (
    SHUTDOWN,
    Verdict,
    refuse_meaningless_rules,
    simulations_due,
)
from headwater.sddp.training.warm_start import purge_unproven
from headwater.sddp.training.working_cuts import apply_selection
from headwater.solver import Basis, highs_version

ROUNDING = 1e-9
"""A bound that falls by a smaller share has fallen by rounding."""


def _never() -> bool:
    return False


class Training:
    """A training under way: goes on from a state, one iteration at a time.

    Args:
        study: the study, as it was given.
        problems: its stages, with the pools that cuts are added to.
        state: where to go on from; changed by every complete iteration.
        threads: worker threads of this rank; the result does not depend on it.
        communicator: the ranks that share out the work; all of them make the same calls.
        should_stop: asked between stages.
        on_event: called on rank 0 between the passes of an iteration.

    Attributes:
        notes: sentences for the user on what it started from.
        asked_to_end: set when the receiver of events asked to end after the iteration under way.
    """

    def __init__(
        self,
        study: Study,
        problems: StudyProblems,
        state: TrainingState,
        *,
        threads: int = 1,
        communicator: Communicator = ALONE,
        should_stop: Callable[[], bool] = _never,
        on_event: events.EventSink = events.ignore,
    ) -> None:
        config = study.config.training
        refuse_meaningless_rules(study)
        self.asked_to_end: Verdict | None = None
        self._on_event = on_event
        self.study = study
        self.problems = problems
        self.state = state
        self._started_at = time.perf_counter()
        self._should_stop = should_stop
        self._communicator = communicator
        self._team = Team(threads, communicator)
        self._passes: ChainPasses | RegimePasses
        if problems.regimes:
            self._passes = RegimePasses(problems, self._team, state.stores, should_stop)
        else:
            self._passes = ChainPasses(problems, self._team, state.store, should_stop)
        self._simulating = Simulating(self._passes.simulate, config.forward_passes)
        self._upper_bound = UpperBound(problems) if study.config.upper_bound.enabled else None
        self._counts: Counter[str] = Counter()
        self._earlier: Counter[str] = Counter()
        self._earlier_seconds = state.history[-1].elapsed_seconds if state.history else 0.0
        self._fingerprint = study_fingerprint(study)
        self._stages = [_recorded_stages(one) for one in problems.each]
        self.notes: tuple[str, ...] = ()
        self._rank_timings: list[RankTiming] = []
        self._meter = EffortMeter(self._passes.programs, self._team)
        self._timings: list[IterationTiming] = []
        self._workers: list[WorkerTiming] = []
        self._efforts: list[StageEffort] = []
        self._gaps: list[StageGap] = []

    def take_over(self, stored: StoredTraining) -> None:
        """Go on with the account of the training that was interrupted."""
        account = stored.account
        self._earlier.update(stored.counts)
        self._rank_timings.extend(account.rank_timings)
        self._timings.extend(account.timings)
        self._workers.extend(account.workers)
        self._efforts.extend(account.efforts)
        self._gaps.extend(account.gaps)
        self.notes = account.notes

    def iterate(self) -> IterationRecord:
        """One iteration: forward pass, backward pass, bound.

        Raises:
            Interrupted: the run was asked to stop.
            SolverError: a stage could not be solved.
            RankError: another rank failed.

        After an error state and pools are those of the last complete iteration, to be kept; no
        other iteration can be made.
        """
        problems, state = self.problems, self.state
        exchanged = self._communicator.transfer_seconds, self._communicator.waiting_seconds
        iteration = state.n_iterations + 1
        undo = state.remember(problems)
        self._meter.begin(iteration)
        t0 = time.perf_counter()
        try:
            self._simulating.make(self.study.config.training.forward_pass, iteration)
            t1 = time.perf_counter()
            self._meter.end(FORWARD)
            costs = state.store.total_costs(
                problems.walk.cumulative_discount, problems.walk.final_discount
            )
            self._tell(
                events.ForwardPassFinished(iteration, len(costs), float(np.mean(costs)), t1 - t0)
            )
            added = self._passes.make_cuts(iteration)
            t2 = time.perf_counter()
            self._meter.end(BACKWARD)
            self._tell(events.BackwardPassFinished(iteration, added, t2 - t1))
            if state.visited is not None:
                with self._team.clock.measure("state_exchange"):
                    self._communicator.gather_rows(state.store.states)
                for t in range(problems.n_stages):
                    state.visited.add(t, iteration, state.store.states[:, t])
            selected = apply_selection(problems, state.stores, state.visited, iteration)
            if iteration == self.study.config.policy.purge_after:
                purge_unproven(problems, state)
            selection_seconds = time.perf_counter() - t2
            t3 = time.perf_counter()
            lower_bound = self._kept_bound(self._passes.evaluate(state.bound, iteration))
            t4 = time.perf_counter()
            self._meter.end(LOWER_BOUND, *state.bound.own_programs)
            inner = self._bound_from_above(iteration)
            simulations = self._simulate_for_rules(iteration, lower_bound)
        except BaseException:
            undo()
            raise
        t5 = time.perf_counter()
        self._meter.end(SIMULATION)
        self._team.clock.add("cut_selection", selection_seconds)
        self._team.clock.add("lower_bound", t4 - t3)
        self._timings.append(self._meter.timing(t1 - t0, t2 - t1, t5 - t0))
        efforts, gaps = self._gather_efforts(iteration, (t1 - t0, t2 - t1), exchanged)
        counts = program_counts(efforts)
        record = iteration_record(
            problems,
            state.store,
            costs,
            iteration,
            lower_bound,
            added,
            counts["retried"],
            (t1 - t0, t2 - t1, t4 - t3),
            selected,
            selection_seconds,
            self._seconds(),
        )
        record = replace(
            record,
            total_seconds=t5 - t0,
            upper_bound=None if state.inner is None else state.inner.upper_bound,
            inner=inner,
            simulations=simulations,
            lps_above_tolerance=len(gaps),
            largest_gap=max((gap.gap for gap in gaps), default=0.0),
            gap_of_bound=max((gap.gap for gap in gaps if gap.phase == LOWER_BOUND), default=0.0),
        )
        self._counts.update(counts)
        self._efforts.extend(efforts)
        self._gaps.extend(gaps)
        state.history.append(record)
        if selected:
            deactivated, evicted = (
                sum(one.deactivated for one in selected),
                sum(one.evicted or 0 for one in selected),
            )
            active = record.cuts_active
            self._tell(
                events.CutSelectionFinished(
                    iteration, deactivated, evicted, active, selection_seconds
                )
            )
        return record

    def _kept_bound(self, lower_bound: float) -> float:
        """The bound, or the one before where rounding alone makes it fall.

        What was proven stays proven.
        """
        history = self.state.history
        before = history[-1].lower_bound if history and history[-1].lower_bound_proven else -np.inf
        return (
            before if lower_bound < before <= lower_bound + ROUNDING * abs(before) else lower_bound
        )

    def _bound_from_above(self, iteration: int) -> InnerEvaluation | None:
        """Evaluate the deterministic upper bound, if it is due."""
        state = self.state
        if (
            self._upper_bound is None
            or state.visited is None
            or not self.study.config.upper_bound.is_due(iteration)
        ):
            return None
        with self._team.clock.measure("upper_bound"):
            state.inner, evaluation = self._upper_bound.evaluate(
                self._team, state.visited, iteration, state.inner, self._should_stop
            )
        return evaluation

    def _simulate_for_rules(self, iteration: int, lower_bound: float) -> tuple[RuleSimulation, ...]:
        """The simulations that stopping rules ask for after an iteration with this bound."""
        bounds = [*(record.lower_bound for record in self.state.history), lower_bound]
        due = simulations_due(self.study.config.training, iteration, bounds)
        if not due:
            return ()
        with self._team.clock.measure("rule_simulation"):
            return tuple(
                RuleSimulation(place, self._passes.stage_costs(trajectories))
                for place, trajectories in due
            )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know before the first iteration."""
        return (
            *self.notes,
            *uncertainty_warnings(self.problems),
            *self._passes.warnings,
            *self.problems.warnings(),
        )

    def _tell(self, event: events.Event) -> None:
        """Send an event; a receiver that asks to end is heard after the iteration."""
        asked = self._communicator.on_leader(partial(tell, self._on_event, event))
        self.asked_to_end = self.asked_to_end or asked

    def _gather_efforts(
        self, iteration: int, seconds: tuple[float, float], exchanged: tuple[float, float]
    ) -> tuple[list[StageEffort], list[StageGap]]:
        """What the programs of all ranks did in this iteration and left.

        How it went on every rank is kept.

        Args:
            iteration: the iteration.
            seconds: of its forward and backward pass on this rank.
            exchanged: seconds of transfer and of waiting before it.
        """
        problems, communicator = self.problems, self._communicator
        n_mine = len(self._team.mine(problems.study.config.training.forward_passes))
        for_bound = problems.n_solves_of_bound if communicator.leads else 0
        timing = RankTiming(
            iteration=iteration,
            rank=communicator.rank,
            forward_seconds=seconds[0],
            backward_seconds=seconds[1],
            communication_seconds=communicator.transfer_seconds - exchanged[0],
            idle_seconds=communicator.waiting_seconds - exchanged[1],
            lp_solves=n_mine * problems.n_solves_of_trajectory + for_bound,
            trajectories=n_mine,
        )
        mine = (
            timing,
            self._meter.workers(communicator.rank),
            self._meter.efforts(),
            self._meter.gaps(),
        )
        of_ranks = communicator.gather(mine)
        for one, workers, _, _ in of_ranks:
            self._rank_timings.append(one)
            self._workers.extend(workers)
        return joined_efforts([efforts for _, _, efforts, _ in of_ranks]), joined_gaps(
            [gaps for _, _, _, gaps in of_ranks]
        )

    def add_step(self, step: str, seconds: float) -> None:
        """Add something that was done after an iteration to its account."""
        last = self._timings[-1]
        steps = {**last.steps, step: last.steps.get(step, 0.0) + seconds}
        self._timings[-1] = replace(last, steps=steps, total_seconds=last.total_seconds + seconds)

    def _seconds(self) -> float:
        """Seconds of training, those before an interruption included."""
        return self._earlier_seconds + time.perf_counter() - self._started_at

    def policy(self, outcome: Verdict) -> Policy:
        """What has been learned so far, on all ranks; all call.

        Args:
            outcome: why training ends, or pauses, here.
        """
        problems, state, config = self.problems, self.state, self.study.config.training
        seconds, counts = self._seconds(), self._earlier + self._counts
        record = training_record(
            problems,
            self._passes.warnings,
            state.history,
            outcome,
            seconds,
            self._team.n_threads,
            counts,
        )
        account = Account(
            tuple(self._rank_timings), tuple(self._timings), tuple(self._workers),
            tuple(self._efforts), tuple(self._gaps), self.notes,
        )  # fmt: skip
        progress = replace(state.stored(problems, counts, self._communicator), account=account)
        record = replace(
            record,
            warnings=(*self.notes, *record.warnings),
            ranks=self._communicator.size,
            rank_timings=account.rank_timings,
            timings=account.timings,
            workers=account.workers,
            efforts=account.efforts,
            gaps=account.gaps,
        )
        packages = packages_of(self.study)
        learned = [self._learned(r, outcome) for r in range(len(problems.each))]
        return replace(
            learned[0],
            regimes=tuple(learned) if problems.regimes else (),
            training=record,
            study=self.study,
            progress=progress
            if self.study.config.policy.checkpointing.store_basis
            else progress.without_bases(),
            fingerprint=self._fingerprint,
            provenance={
                "tree_seed": config.tree_seed,
                "forward_passes": config.forward_passes,
                "openings": "; ".join(record.openings),
                "solver": highs_version(),
                **({"packages": ", ".join(packages)} if packages else {}),
            },
        )

    def _learned(self, r: int, outcome: Verdict) -> Policy:
        """The cuts of a regime, or of the study where it has none, and what they belong to."""
        problems, state, communicator = self.problems.each[r], self.state, self._communicator
        inflow, chain = problems.uncertainty.inflow, self.problems.system.policy_graph.regimes
        progress = None
        if r:
            bound = state.bounds[r]
            bases = state.stored_bases(problems, state.stores[r], bound, communicator)
            progress = StoredTraining((), {"bases": bases}, {})
            if not self.study.config.policy.checkpointing.store_basis:
                progress = progress.without_bases()
        return Policy(
            layout=problems.layout,
            stages=self._stages[r],
            pools=problems.pools,
            inflow_digest=inflow_digest(inflow),
            lower_bound=state.history[-1].lower_bound if state.history else -np.inf,
            n_iterations=state.n_iterations,
            bases=tuple(communicator.on_leader(partial(_kept_bases, problems, state.stores[r]))),
            reason=outcome.reason,
            progress=progress,
            inflow=tuple(inflow_arrays(inflow, t) for t in range(problems.n_stages)),
            regime="" if chain is None else chain.names[r],
        )

    def __enter__(self) -> Training:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._team.close()


def _kept_bases(problems: StudyProblems, store: TrajectoryStore) -> list[Basis | None]:
    """Bases of the first trajectory, without rows of cuts that an abandoned iteration took back."""
    return [
        bases.of(0, stage.form.n_rows + int((stage.row_slots < stage.pool.n_populated).sum()))
        for bases, stage in zip(store.bases, problems.stages, strict=True)
    ]


def _recorded_stages(problems: StudyProblems) -> tuple[PolicyStage, ...]:
    digests = stage_digests(problems)
    stages = policy_stages(problems.system, problems.outlooks())
    return tuple(
        replace(stage, digest=digest) for stage, digest in zip(stages, digests, strict=True)
    )


def tell(on_event: events.EventSink, *told: events.Event) -> Verdict | None:
    """Send events; the receiver may end training."""
    asked = None
    for event in told:
        try:
            on_event(event)
        except StopTraining:
            asked = SHUTDOWN
    return asked
