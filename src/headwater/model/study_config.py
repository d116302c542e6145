"""What to do with a system: how to train, when to stop, what to simulate.

This is what ``config.json`` becomes in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from headwater.choices.forward.sampled import SampledPass
from headwater.core.choices import ForwardPass, SelectionMethod, StoppingRule
from headwater.core.field_checks import check_fields
from headwater.core.fields import (
    NOT_IN_FILES,
    Count,
    InFile,
    Int64,
    NonNegative,
    Positive,
    Unit,
    Whole,
)
from headwater.core.provenance import is_own
from headwater.errors import ModelError
from headwater.model.policy_config import PolicyConfig
from headwater.model.scenario_source import ScenarioSource
from headwater.model.simulation_config import SimulationConfig
from headwater.model.upper_bound import UpperBoundConfig

MOST_MONEY = 1e18
"""The largest amount in $ that a bound may be: solvers take larger numbers for infinite."""


class InflowNonNegativity(Enum):
    """What happens when a sampled inflow is negative."""

    NONE = "none"
    PENALTY = "penalty"
    TRUNCATION = "truncation"
    TRUNCATION_WITH_PENALTY = "truncation_with_penalty"

    @property
    def has_slack(self) -> bool:
        """Whether missing water can be bought in the balance."""
        return self in (InflowNonNegativity.PENALTY, InflowNonNegativity.TRUNCATION_WITH_PENALTY)

    @property
    def truncates(self) -> bool:
        """Whether the noise is raised until the inflow is zero."""
        return self in (InflowNonNegativity.TRUNCATION, InflowNonNegativity.TRUNCATION_WITH_PENALTY)


class InflowNoise(Enum):
    """Distribution of the noise of inflow models, and how it enters."""

    NORMAL = "normal"
    MULTIPLICATIVE = "multiplicative"
    THREE_PARAMETER = "three_parameter"


class Formulation(Enum):
    """Which form of the stage problem is solved; both give the same values."""

    CONDENSED = "condensed"
    EXPLICIT = "explicit"


class CutFormulation(Enum):
    """Whether a cut bounds the future cost as a whole or the cost of one opening."""

    SINGLE = "single"
    MULTI = "multi"


class OrderSelection(Enum):
    """How the order of an estimated inflow model is chosen."""

    PACF = "pacf"
    PACF_ANNUAL = "pacf_annual"
    AIC = "aic"
    BIC = "bic"
    FIXED = "fixed"


class HistoryResolution(Enum):
    """Length of the time that one observation of an inflow history stands for."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class NoiseSharing(Enum):
    """Whether the stages of one season period repeat one draw."""

    SEASON_GROUP = "season_group"
    NONE = "none"


_OrderInFile = Annotated[int, Ge(0), Le(60)]


@dataclass(frozen=True)
class EstimationConfig:
    """How inflow models are estimated from history.

    Attributes:
        max_order: largest autoregressive order that is tried.
        order_selection: how the order is chosen.
        min_observations_per_season: a season with fewer observations gets order 0.
        max_coefficient_magnitude: a season with a larger standardised coefficient gets order 0;
            ``None`` allows any.
        history_resolution: length of an observation; ``None`` infers it from the spacing.
        mode_rounding_m3s: step to which inflows are rounded before the most frequent value is
            looked for; ``None`` takes 1 where the median is at least 10 m3/s and no rounding
            elsewhere.
    """

    max_order: Annotated[
        Whole, InFile(form=_OrderInFile), "largest autoregressive order that is tried"
    ] = 6
    order_selection: Annotated[OrderSelection, "criterion that chooses the order"] = (
        OrderSelection.PACF
    )
    min_observations_per_season: Annotated[
        Count, "observations below which a season is not estimated"
    ] = 30
    max_coefficient_magnitude: Annotated[
        Positive | None, "coefficient beyond which a model falls back to order 0"
    ] = None
    history_resolution: Annotated[HistoryResolution | None, "period of the history"] = None
    mode_rounding_m3s: Annotated[
        NonNegative | None, "grid on which the most frequent value is looked for"
    ] = None

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class SolverOptions:
    """How hard to try when a stage problem is difficult.

    After ``retry_time_budget_seconds`` no further attempt is made at a problem, and the best answer
    so far is taken.
    """

    retry_max_attempts: Annotated[
        int, InFile(form=Count | None), "attempts at one stage problem"
    ] = 4
    retry_time_budget_seconds: Annotated[
        float,
        InFile(form=Positive | None),
        "time for one stage problem, after which the best answer so far is taken",
    ] = 120.0

    def __post_init__(self) -> None:
        if self.retry_max_attempts < 0 or not self.retry_time_budget_seconds > 0:
            raise ModelError(
                "solver retries need a number of attempts that is not "
                "negative and a positive time budget"
            )


@dataclass(frozen=True)
class CutSelection:
    """When cuts are deactivated that are not worth their row any more, and which.

    Attributes:
        method: which; ``None`` leaves everything to the cap.
        check_frequency: iterations from one check to the next.
        max_active_per_stage: cap on active cuts, enforced after every iteration; ``None`` sets
            none.
        protect_warm_start: whether cuts that came from another policy are never removed.
    """

    method: SelectionMethod | None = None
    check_frequency: int = 5
    max_active_per_stage: int | None = None
    protect_warm_start: bool = False

    def __post_init__(self) -> None:
        if self.check_frequency < 1:
            raise ModelError(
                f"cut selection needs a check frequency of at least 1, got {self.check_frequency}"
            )
        if self.max_active_per_stage is not None and self.max_active_per_stage < 1:
            raise ModelError(
                f"the cap on active cuts must be at least 1, got {self.max_active_per_stage}"
            )

    def digest_fields(self) -> tuple[tuple[str, object], ...]:
        """Names and values for digests.

        Stored policies know the project's own methods by words and three numbers.
        """
        method, threshold = self.method, getattr(self.method, "threshold", 0)
        own = method is not None and is_own(type(method))
        return (
            ("method", method.type.upper() if own and method is not None else method),
            ("threshold", threshold),
            ("memory_window", getattr(method, "memory_window", threshold)),
            ("domination_epsilon", float(getattr(method, "domination_epsilon", threshold))),
            ("check_frequency", self.check_frequency),
            ("max_active_per_stage", self.max_active_per_stage),
            ("protect_warm_start", self.protect_warm_start),
        )


@dataclass(frozen=True)
class CycleConfig:
    """How far trajectories follow a horizon that repeats.

    Attributes:
        tolerance: a trajectory ends where money is worth less than this share of its value at the
            start.
        max_length: stages after which it ends in any case; the first turn of the cycle is always
            completed.
    """

    tolerance: Annotated[
        float,
        Gt(0),
        Lt(1),
        "a trajectory ends where money is worth less than this share of its value at the start",
    ] = 1e-4
    max_length: Annotated[
        Count,
        "stages after which a trajectory ends in any case; the first turn of "
        "the cycle is always completed",
    ] = 240

    def __post_init__(self) -> None:
        check_fields(self)


class StoppingMode(Enum):
    """Whether one satisfied rule ends training or all must hold together.

    Limits always end it alone.
    """

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True)
class TrainingConfig:
    """How the policy is learned (section ``training``).

    Attributes:
        forward_passes: trajectories, and so cuts per stage, of one iteration.
        stopping_rules: at least one of them limits the iterations.
        tree_seed: seed of the opening tree and of in-sample draws.
        cost_scale: money unit of the solver in $; ``None`` takes a typical cost of the case, made
            finer.
        theta_lower_bound: bound on the future cost at every stage in place of the computed one.
        cut_activity_tolerance: a cut counts as binding when its dual exceeds this.
        cut_selection: which cuts are deactivated; ``None`` keeps all.
        archive_memory_limit_mb: visited states beyond this go to a temporary file.
        threads: worker threads; ``None`` takes what the machine grants.
        cycle: how far trajectories follow a horizon that repeats.
        cut_formulation: one cut for all openings or one for each.
        forward_pass: how the states are found at which cuts are made.

    Examples:
        >>> rules = (hw.model.IterationLimit(200), hw.model.BoundStalling(20, 1e-5))
        >>> hw.train(case, config=hw.TrainingConfig(forward_passes=8, stopping_rules=rules))
    """

    forward_passes: Annotated[Count, "trajectories per iteration"]
    stopping_rules: Annotated[
        tuple[StoppingRule, ...], "when training ends; one rule must limit the iterations"
    ]
    enabled: Annotated[bool, "whether it is switched on"] = True
    stopping_mode: Annotated[
        StoppingMode, "whether any rule or all rules together end the training"
    ] = StoppingMode.ANY
    tree_seed: Annotated[
        int, InFile(form=Int64 | None), "seed of the opening tree; 42 when not given"
    ] = 42
    scenario_source: Annotated[
        ScenarioSource,
        "where the noise of the forward pass comes from; the simulation inherits that of training",
    ] = field(default_factory=ScenarioSource)
    formulation: Annotated[
        Formulation, "form of the stage problems: with eliminated or with explicit state"
    ] = Formulation.CONDENSED
    cost_scale: Annotated[
        Positive | None,
        "money unit inside the stage problems in $; without it one chosen from the costs of "
        "the case",
    ] = None
    theta_lower_bound: Annotated[
        Annotated[float, Ge(-MOST_MONEY), Le(MOST_MONEY)] | None,
        Unit("$"),
        "smallest value of the future cost",
    ] = None
    cut_activity_tolerance: Annotated[float, NOT_IN_FILES] = 1e-6
    cut_selection: Annotated[CutSelection | None, "removal of cuts that no longer bind"] = None
    archive_memory_limit_mb: Annotated[
        float, InFile(form=Positive | None), "memory for visited states"
    ] = 2048.0
    solver: Annotated[SolverOptions, "budget for solving difficult stage problems again"] = field(
        default_factory=SolverOptions
    )
    threads: Annotated[Count | None, "worker threads; all that are granted when not given"] = None
    cycle: Annotated[CycleConfig, "how far trajectories follow a cyclic horizon"] = field(
        default_factory=CycleConfig
    )
    cut_formulation: Annotated[CutFormulation, "one cut for all openings, or one for each"] = (
        CutFormulation.SINGLE
    )
    forward_pass: Annotated[ForwardPass, "kind of forward pass"] = field(
        default_factory=SampledPass
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if self.cost_scale is not None and not self.cost_scale < float("inf"):
            raise ModelError(f"cost_scale must be a finite number, got {self.cost_scale}")
        if all(rule.most_iterations is None for rule in self.stopping_rules):
            raise ModelError("the stopping rules need at least one iteration limit")

    @property
    def max_iterations(self) -> int:
        """Largest iteration limit: the cut pool is sized for it."""
        return max(rule.most_iterations or 0 for rule in self.stopping_rules)


@dataclass(frozen=True)
class StudyConfig:
    """All of ``config.json``.

    Attributes:
        training, simulation: what to do.
        inflow_non_negativity: treatment of negative inflows.
        policy: where the policy is kept, and what training starts from.
        estimation: how inflow models are estimated from history.
        noise_sharing: whether the stages of one season period repeat one draw.
        inflow_noise: distribution of the noise of inflow models, and how it enters.
        experimental: allow the sampling method ``selective``.
        export_stochastic: write model, openings and their account beside the results.
        export_states: keep every state that training visits, and write them with the policy.
        upper_bound: when and how the deterministic upper bound is evaluated.

    Examples:
        >>> config = hw.StudyConfig(training=hw.TrainingConfig(forward_passes=8))
    """

    training: TrainingConfig
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    inflow_non_negativity: InflowNonNegativity = InflowNonNegativity.PENALTY
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    estimation: EstimationConfig = field(default_factory=EstimationConfig)
    noise_sharing: NoiseSharing = NoiseSharing.SEASON_GROUP
    inflow_noise: InflowNoise = InflowNoise.NORMAL
    experimental: bool = False
    export_stochastic: bool = False
    export_states: bool = False
    upper_bound: UpperBoundConfig = field(default_factory=UpperBoundConfig)

    def __post_init__(self) -> None:
        needing = [rule.type for rule in self.training.stopping_rules if rule.needs_upper_bound]
        if needing and not self.upper_bound.enabled:
            raise ModelError(
                f"the stopping rule '{needing[0]}' needs the deterministic upper bound: enable "
                "upper_bound_evaluation"
            )

    @property
    def simulated_source(self) -> ScenarioSource:
        """Where the noise of simulations comes from: their own source, or that of training."""
        return self.simulation.scenario_source or self.training.scenario_source
