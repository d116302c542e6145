"""What training leaves behind, as plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.core.history import RuleEvaluation
from headwater.core.wording import ending
from headwater.lp import FittedPlanes, ProgramStatistics
from headwater.sddp.records.effort import IterationTiming, StageEffort, StageGap, WorkerTiming
from headwater.sddp.records.gap_words import told_gaps


@dataclass(frozen=True)
class StageSelection:
    """What selection did to the cuts of one stage.

    Attributes:
        stage_position: 0-based position of the stage.
        populated: cuts ever made or loaded.
        active_before, deactivated, active_after: active cuts before the method, taken by it, and
            left by it.
        evicted: cuts that the cap took after that; ``None`` without a cap.
        seconds: time it took.
    """

    stage_position: int
    populated: int
    active_before: int
    deactivated: int
    active_after: int
    evicted: int | None
    seconds: float

    @property
    def removed(self) -> int:
        """Cuts deactivated by the method or by the cap."""
        return self.deactivated + (self.evicted or 0)

    def joined(self, other: StageSelection) -> StageSelection:
        """With what selection did to the cuts of another regime of the stage."""
        return StageSelection(
            self.stage_position,
            self.populated + other.populated,
            self.active_before + other.active_before,
            self.deactivated + other.deactivated,
            self.active_after + other.active_after,
            None if self.evicted is None else self.evicted + (other.evicted or 0),
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class RuleSimulation:
    """What a stopping rule simulated after an iteration.

    Attributes:
        rule_index: place of the rule in the configuration.
        costs: mean cost of every visit of a stage in $, not discounted.
    """

    rule_index: int
    costs: tuple[float, ...]


@dataclass(frozen=True)
class InnerEvaluation:
    """One evaluation of the deterministic upper bound.

    Attributes:
        iteration: iteration (1-based) after which it was made.
        value: bound that it gave, in $.
        upper_bound: least bound of all evaluations so far, in $.
        n_vertices: vertices of all stages.
        lp_solves: stage problems solved.
        seconds: wall time.
        certified: whether all prices that it rests on were derived; it is only as good as those
            that were given otherwise.
    """

    iteration: int
    value: float
    upper_bound: float
    n_vertices: int
    lp_solves: int
    seconds: float
    certified: bool


@dataclass(frozen=True)
class IterationRecord:
    """One iteration of training; money in $, times in seconds.

    Attributes:
        iteration: 1-based.
        lower_bound: bound after the cuts of this iteration.
        simulated_mean, simulated_std: mean and sample deviation of the forward costs (policy before
            this iteration's cuts).
        simulated_ci95: half width of the 95 % interval of the mean; 0 with one forward pass.
        forward_passes: trajectories of the iteration.
        cuts_added, cuts_removed, cuts_active: over all stages.
        lp_solves: linear programs solved in this iteration.
        retries: solves that needed more than the first attempt.
        forward_seconds, backward_seconds, bound_seconds, total_seconds: of this iteration.
        elapsed_seconds: since training started.
        peak_memory_mb: largest resident memory of the process so far.
        truncated_inflows: forward inflows that were negative and raised to zero.
        lower_bound_proven: whether the bound rests on no cut of another policy that may be wrong in
            this study.
        selection: what cut selection did, per stage that it acted on.
        selection_seconds: time of cut selection.
        cuts_relaxed: cuts of this iteration behind which an LP has a gap above tolerance; they are
            valid all the same.
        lps_above_tolerance: LPs of this iteration whose gap is above tolerance.
        largest_gap: the largest of these gaps in $, infinite where an LP has a bound but no known
            point; 0 without any.
        gap_of_bound: the same for the LPs that ``lower_bound`` is computed from.
        upper_bound: least deterministic upper bound so far; ``None`` before there is one.
        inner: evaluation of the deterministic upper bound after this iteration; ``None`` where it
            was not due.
        simulations: what stopping rules simulated after this iteration.
        rules: what every stopping rule said after this iteration.
    """

    iteration: int
    lower_bound: float
    simulated_mean: float
    simulated_std: float
    simulated_ci95: float
    forward_passes: int
    cuts_added: int
    cuts_removed: int
    cuts_active: int
    lp_solves: int
    retries: int
    forward_seconds: float
    backward_seconds: float
    bound_seconds: float
    total_seconds: float
    elapsed_seconds: float
    peak_memory_mb: float
    truncated_inflows: int = 0
    lower_bound_proven: bool = True
    selection: tuple[StageSelection, ...] = ()
    selection_seconds: float = 0.0
    cuts_relaxed: int = 0
    lps_above_tolerance: int = 0
    largest_gap: float = 0.0
    gap_of_bound: float = 0.0
    upper_bound: float | None = None
    inner: InnerEvaluation | None = None
    simulations: tuple[RuleSimulation, ...] = ()
    rules: tuple[RuleEvaluation, ...] = ()

    def simulated_for(self, rule_index: int) -> tuple[float, ...] | None:
        """What the rule at a place of the configuration simulated after this iteration.

        It is ``None`` where the rule simulated nothing.
        """
        found = (one.costs for one in self.simulations if one.rule_index == rule_index)
        return next(found, None)

    @property
    def gap(self) -> float:
        """``(simulated mean - lower bound) / max(1, |simulated mean|)``.

        Noisy, it says nothing with one forward pass.
        """
        return (self.simulated_mean - self.lower_bound) / max(1.0, abs(self.simulated_mean))


@dataclass(frozen=True)
class RankTiming:
    """How one rank spent its time in one iteration, in seconds.

    Attributes:
        iteration: 1-based.
        rank: 0-based.
        forward_seconds, backward_seconds: passes, as this rank saw them, with the time it waited
            for others.
        communication_seconds: exchanging data with other ranks.
        idle_seconds: waiting for other ranks to come to the same point.
        lp_solves: linear programs it solved.
        trajectories: forward passes it made.
    """

    iteration: int
    rank: int
    forward_seconds: float
    backward_seconds: float
    communication_seconds: float
    idle_seconds: float
    lp_solves: int
    trajectories: int


@dataclass(frozen=True)
class Account:
    """What a training keeps of its iterations besides their records.

    After an interruption the whole training can be told from it.

    Attributes:
        rank_timings, timings, workers, efforts, gaps: see `TrainingRecord`.
        notes: sentences for the user on what it started from.
    """

    rank_timings: tuple[RankTiming, ...] = ()
    timings: tuple[IterationTiming, ...] = ()
    workers: tuple[WorkerTiming, ...] = ()
    efforts: tuple[StageEffort, ...] = ()
    gaps: tuple[StageGap, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """The trace of one training.

    Attributes:
        iterations: one record each.
        reason: rule that ended it: ``iteration_limit``, ``time_limit``, ``bound_stalling``,
            ``small_changes``, ``simulation``, ``statistical_gap``, ``gap`` or ``shutdown``.
        converged: whether the reason speaks of convergence rather than of a limit.
        lower_bound_kind: ``expected_cost`` or ``nested_risk``.
        openings: what the openings are that the bound speaks of, in words.
        differences: in what the study's simulation sees another random future, in words.
        covers: what the bound is about: the ``study``, the study and what follows it
            (``study_and_boundary``), or ``all_time``.
        seconds: wall time.
        threads: worker threads used, of each rank.
        solver: name and version.
        warnings: sentences for the user.
        solver_counts: problems solved, pivots, problems that the kernel left to HiGHS
            (``fallbacks``) or that needed more than one attempt (``retried``), with reasons.
        stage_statistics: per stage, size and range of numbers of the solved linear program without
            cuts.
        fitted_planes: reports of the production planes that were computed for the study.
        ranks: processes that trained.
        rank_timings: how every rank spent its time, by iteration and rank.
        timings, workers, efforts: where the time of every iteration went, how busy every worker
            was, and what the solvers did in every phase and stage, since this training started or
            was resumed.
        gaps: LPs whose gap is above tolerance, by iteration, phase, stage, trial and opening.
    """

    iterations: tuple[IterationRecord, ...]
    reason: str
    converged: bool
    lower_bound_kind: str
    seconds: float
    threads: int
    solver: str
    warnings: tuple[str, ...] = ()
    solver_counts: Mapping[str, int] = field(default_factory=dict)
    stage_statistics: tuple[ProgramStatistics, ...] = ()
    fitted_planes: tuple[FittedPlanes, ...] = ()
    ranks: int = 1
    rank_timings: tuple[RankTiming, ...] = ()
    timings: tuple[IterationTiming, ...] = ()
    workers: tuple[WorkerTiming, ...] = ()
    efforts: tuple[StageEffort, ...] = ()
    gaps: tuple[StageGap, ...] = ()
    covers: str = "study"
    openings: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()

    @property
    def lps_above_tolerance(self) -> int:
        """LPs of all iterations whose gap is above tolerance."""
        return sum(record.lps_above_tolerance for record in self.iterations)

    @property
    def largest_gap(self) -> float:
        """The largest gap of any of them in $; 0 without any."""
        return max((record.largest_gap for record in self.iterations), default=0.0)

    def __repr__(self) -> str:
        bound = f", lower bound {self.iterations[-1].lower_bound:,.2f} $" if self.iterations else ""
        gaps = ""
        if self.lps_above_tolerance:
            solved = sum(record.lp_solves for record in self.iterations)
            last = self.iterations[-1].lower_bound
            gaps = "; " + told_gaps(
                self.lps_above_tolerance, solved, self.largest_gap, last, "lower bound"
            )
        return (
            f"<TrainingRecord: {len(self.iterations)} iterations, "
            f"{ending(self.reason)}{bound}{gaps}>"
        )

    @property
    def bound_meaning(self) -> str:
        """What the lower bound says, in words.

        Where the simulation sees something else, it is said to be about the openings alone.
        """
        what = {
            "study": "of the study",
            "study_and_boundary": "of the study and of what the boundary cuts expect after it",
            "all_time": "of all time to come",
        }[self.covers]
        whose = what + (" under the openings of training" if self.differences else "")
        if self.lower_bound_kind != "expected_cost":
            return (
                f"the optimal nested risk-adjusted cost {whose} is at least this; it is not "
                "comparable with mean simulated cost"
            )
        return "; ".join((f"the optimal expected cost {whose} is at least this", *self.differences))

    @property
    def upper_bound(self) -> float | None:
        """Deterministic upper bound in $; ``None`` where none was evaluated."""
        return self.iterations[-1].upper_bound if self.iterations else None

    @property
    def inner_evaluations(self) -> tuple[InnerEvaluation, ...]:
        """Evaluations of the deterministic upper bound, in order."""
        return tuple(record.inner for record in self.iterations if record.inner is not None)
