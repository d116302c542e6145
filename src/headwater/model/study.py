"""What to do with a system: how to train, when to stop, what to simulate. The in-memory form of ``config.json``."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from headwater.errors import ModelError
from headwater.model.system import System
from headwater.model.uncertainty import NoiseClass


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


class Formulation(Enum):
    """Which form of the stage problem is solved; both give the same values."""

    CONDENSED = "condensed"
    EXPLICIT = "explicit"


class CutFormulation(Enum):
    """Whether a cut bounds the future cost as a whole, or the cost of one opening of the next stage."""

    SINGLE = "single"
    MULTI = "multi"


class Scheme(Enum):
    """Where forward and simulated noise comes from."""

    IN_SAMPLE = "in_sample"
    OUT_OF_SAMPLE = "out_of_sample"
    EXTERNAL = "external"
    HISTORICAL = "historical"


class OrderSelection(Enum):
    """How the order of an estimated inflow model is chosen."""

    FIXED = "fixed"
    AIC = "aic"
    BIC = "bic"
    PACF = "pacf"
    PACF_ANNUAL = "pacf_annual"


class HistoryResolution(Enum):
    """Length of the time that one observation of an inflow history stands for."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class SimulationDetail(Enum):
    """How much of a simulation is written: every table, or statistics and totals per scenario only."""

    FULL = "full"
    SUMMARY = "summary"


class Partitioning(Enum):
    """How simulation tables are spread over files: runs of scenarios, or one directory per scenario."""

    CHUNK = "chunk"
    SCENARIO = "scenario"


class OnFailure(Enum):
    """What a scenario that cannot be solved does to a simulation."""

    SKIP = "skip"
    ABORT = "abort"


class StoppingMode(Enum):
    """Whether one satisfied rule ends training, or all must hold together (limits always end it alone)."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True)
class IterationLimit:
    """Stop after ``limit`` iterations."""

    limit: int

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ModelError(f"the iteration limit must be at least 1, got {self.limit}")


@dataclass(frozen=True)
class TimeLimit:
    """Stop after ``seconds``, at the end of the iteration under way."""

    seconds: float

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise ModelError(f"the time limit must be positive, got {self.seconds}")


@dataclass(frozen=True)
class BoundStalling:
    """Stop when the bound grew by less than ``tolerance`` (relative) over the last ``iterations``."""

    iterations: int
    tolerance: float

    def __post_init__(self) -> None:
        if self.iterations < 1 or not self.tolerance > 0:
            raise ModelError("bound stalling needs at least 1 iteration and a positive tolerance")


StoppingRule = IterationLimit | TimeLimit | BoundStalling


class SelectionMode(Enum):
    """How a trajectory picks one of finitely many scenarios."""

    PERMUTATION = "permutation"
    RANDOM = "random"
    SEQUENTIAL = "sequential"


class HistoricalLags(Enum):
    """Which past a replayed year starts from: the one that it had, or that of the study."""

    WINDOW = "window"
    STUDY = "study"


class NoiseSharing(Enum):
    """Whether the stages of one season period repeat one draw."""

    SEASON_GROUP = "season_group"
    NONE = "none"


@dataclass(frozen=True)
class ScenarioSource:
    """Where the noise of each class is drawn from, and the seed of fresh draws.

    Attributes:
        inflow, load, ncs: scheme of each class.
        seed: of fresh draws and of the choice among external and historical scenarios; needed by all schemes but in-sample.
        inflow_selection, load_selection, ncs_selection: how external and historical scenarios are picked; ``None`` permutes
            them in training and goes through them in order in simulation.
        historical_years: years that may start a replay; ``None`` takes all that the history covers.
        historical_lags: past that a replay starts from; ``None`` takes that of the study in training, so that bound and
            trajectories share it, and that of the replayed year in simulation.
        couple_classes: whether all external classes take the same scenario number; ``None`` couples them when they have equally
            many scenarios.
    """

    inflow: Scheme = Scheme.IN_SAMPLE
    load: Scheme = Scheme.IN_SAMPLE
    ncs: Scheme = Scheme.IN_SAMPLE
    seed: int | None = None
    inflow_selection: SelectionMode | None = None
    load_selection: SelectionMode | None = None
    ncs_selection: SelectionMode | None = None
    historical_years: tuple[int, ...] | None = None
    historical_lags: HistoricalLags | None = None
    couple_classes: bool | None = None

    def selection(self, noise_class: NoiseClass) -> SelectionMode | None:
        """How scenarios of one class are picked."""
        return {
            NoiseClass.INFLOW: self.inflow_selection,
            NoiseClass.LOAD: self.load_selection,
            NoiseClass.NCS: self.ncs_selection,
        }[noise_class]

    def scheme(self, noise_class: NoiseClass) -> Scheme:
        """Scheme of one class."""
        return {NoiseClass.INFLOW: self.inflow, NoiseClass.LOAD: self.load, NoiseClass.NCS: self.ncs}[noise_class]


@dataclass(frozen=True)
class EstimationConfig:
    """How inflow models are estimated from history.

    Attributes:
        max_order: largest autoregressive order that is tried.
        order_selection: how the order is chosen.
        min_observations_per_season: a season with fewer observations gets order 0.
        max_coefficient_magnitude: a season with a larger standardised coefficient gets order 0; ``None`` allows any.
        history_resolution: length of an observation; ``None`` infers it from the spacing.
        mode_rounding_m3s: step to which inflows are rounded before the most frequent value is looked for; ``None`` takes 1
            where the median is at least 10 m3/s and no rounding elsewhere.
    """

    max_order: int = 6
    order_selection: OrderSelection = OrderSelection.PACF
    min_observations_per_season: int = 30
    max_coefficient_magnitude: float | None = None
    history_resolution: HistoryResolution | None = None
    mode_rounding_m3s: float | None = None

    def __post_init__(self) -> None:
        if self.max_order < 0:
            raise ModelError(f"estimation.max_order must be at least 0, got {self.max_order}")
        if self.min_observations_per_season < 1:
            raise ModelError(
                f"estimation.min_observations_per_season must be at least 1, got {self.min_observations_per_season}"
            )
        if self.max_coefficient_magnitude is not None and not self.max_coefficient_magnitude > 0.0:
            raise ModelError(f"estimation.max_coefficient_magnitude must be positive, got {self.max_coefficient_magnitude}")
        if self.mode_rounding_m3s is not None and not self.mode_rounding_m3s >= 0.0:
            raise ModelError(f"estimation.mode_rounding_m3s must be at least 0, got {self.mode_rounding_m3s}")


@dataclass(frozen=True)
class SolverOptions:
    """How hard to try when a stage problem is difficult.

    ``retry_time_budget_seconds`` aborts the run when one problem takes longer in all; it never changes which attempt is made.
    """

    retry_max_attempts: int = 13
    retry_time_budget_seconds: float = 120.0

    def __post_init__(self) -> None:
        if self.retry_max_attempts < 0 or not self.retry_time_budget_seconds > 0:
            raise ModelError("solver retries need a number of attempts that is not negative and a positive time budget")


class SelectionMethod(Enum):
    """How cut selection judges cuts."""

    LEVEL1 = "level1"
    LML1 = "lml1"
    DOMINATION = "domination"
    DYNAMIC = "dynamic"


@dataclass(frozen=True)
class CutSelection:
    """Which cuts are deactivated when they are not worth their row any more.

    Attributes:
        method: ``LEVEL1`` removes cuts that were binding in at most ``threshold`` solves since they were born; ``LML1`` those
            that were not in the last ``memory_window`` iterations; ``DOMINATION`` those that lie below another one by more than
            ``domination_epsilon`` $ at every visited state; ``DYNAMIC`` none: cuts join the working rows of a solve when they
            are violated, as they always do. ``None`` leaves everything to the cap.
        check_frequency: iterations from one check to the next.
        max_active_per_stage: cap on active cuts, enforced after every iteration; ``None`` sets none.
        protect_warm_start: whether cuts that came from another policy are never removed.
    """

    method: SelectionMethod | None = None
    threshold: int = 0
    memory_window: int = 0
    domination_epsilon: float = 0.0
    check_frequency: int = 5
    max_active_per_stage: int | None = None
    protect_warm_start: bool = False

    def __post_init__(self) -> None:
        if min(self.threshold, self.memory_window, self.domination_epsilon) < 0:
            raise ModelError("cut selection needs a threshold, a memory window and an epsilon that are not negative")
        if self.check_frequency < 1:
            raise ModelError(f"cut selection needs a check frequency of at least 1, got {self.check_frequency}")
        if self.max_active_per_stage is not None and self.max_active_per_stage < 1:
            raise ModelError(f"the cap on active cuts must be at least 1, got {self.max_active_per_stage}")


@dataclass(frozen=True)
class CycleConfig:
    """How far trajectories follow a horizon that repeats.

    Attributes:
        tolerance: a trajectory ends where money is worth less than this share of its value at the start.
        max_length: stages after which it ends in any case; the first turn of the cycle is always completed.
    """

    tolerance: float = 1e-4
    max_length: int = 240

    def __post_init__(self) -> None:
        if not 0.0 < self.tolerance < 1.0:
            raise ModelError(f"cycle.tolerance must lie in (0, 1), got {self.tolerance}")
        if self.max_length < 1:
            raise ModelError(f"cycle.max_length must be at least 1, got {self.max_length}")


@dataclass(frozen=True)
class TrainingConfig:
    """How the policy is learned.

    Attributes:
        forward_passes: trajectories, and so cuts per stage, of one iteration.
        stopping_rules: at least one `IterationLimit`.
        tree_seed: seed of the opening tree and of in-sample draws.
        cost_scale: objective values are divided by this before they reach the solver.
        theta_lower_bound: bound on the future cost at every stage in place of the computed one.
        cut_activity_tolerance: a cut counts as binding when its dual exceeds this.
        cut_selection: which cuts are deactivated; ``None`` keeps all.
        archive_memory_limit_mb: visited states beyond this go to a temporary file.
        threads: worker threads; ``None`` takes what the machine grants.
        cycle: how far trajectories follow a horizon that repeats.
        cut_formulation: one cut for all openings or one for each.
    """

    forward_passes: int
    stopping_rules: tuple[StoppingRule, ...]
    enabled: bool = True
    stopping_mode: StoppingMode = StoppingMode.ANY
    tree_seed: int = 42
    scenario_source: ScenarioSource = field(default_factory=ScenarioSource)
    formulation: Formulation = Formulation.CONDENSED
    cost_scale: float = 1000.0
    theta_lower_bound: float | None = None
    cut_activity_tolerance: float = 1e-6
    cut_selection: CutSelection | None = None
    archive_memory_limit_mb: float = 2048.0
    solver: SolverOptions = field(default_factory=SolverOptions)
    threads: int | None = None
    cycle: CycleConfig = field(default_factory=CycleConfig)
    cut_formulation: CutFormulation = CutFormulation.SINGLE

    def __post_init__(self) -> None:
        if self.forward_passes < 1:
            raise ModelError(f"forward_passes must be at least 1, got {self.forward_passes}")
        if not 0.0 < self.cost_scale < float("inf"):
            raise ModelError(f"cost_scale must be a positive number, got {self.cost_scale}")
        if not any(isinstance(rule, IterationLimit) for rule in self.stopping_rules):
            raise ModelError("the stopping rules need at least one iteration limit")

    @property
    def max_iterations(self) -> int:
        """Largest iteration limit: the cut pool is sized for it."""
        return max(rule.limit for rule in self.stopping_rules if isinstance(rule, IterationLimit))


@dataclass(frozen=True)
class SimulationConfig:
    """What is simulated with the policy, and what of it is written.

    Attributes:
        enabled: whether a run simulates.
        n_scenarios: number of scenarios.
        scenario_source: where noise comes from; ``None`` takes that of training.
        tables: tables that are written; ``None`` writes all.
        linearized_head_passes: how often a stage with the linearised head is solved: once with the productivity of the
            incoming storage, then with that of the mean of incoming and outgoing storage.
        detail: every table, or statistics and totals only.
        partitioning: how tables are spread over files.
        on_failure: whether scenarios that cannot be solved are left out, up to 1 % of them, or end the simulation.
        cvar_tail_fractions: shares of the worst scenarios whose mean cost is reported, each in (0, 1].
        io_channel_capacity: scenarios whose tables may wait for the writer; beyond that the simulation waits for it.
    """

    enabled: bool = False
    n_scenarios: int = 2000
    scenario_source: ScenarioSource | None = None
    tables: tuple[str, ...] | None = None
    linearized_head_passes: int = 1
    detail: SimulationDetail = SimulationDetail.FULL
    partitioning: Partitioning = Partitioning.CHUNK
    on_failure: OnFailure = OnFailure.SKIP
    cvar_tail_fractions: tuple[float, ...] = (0.05,)
    io_channel_capacity: int = 16

    def __post_init__(self) -> None:
        if self.linearized_head_passes < 1:
            raise ModelError(f"linearized_head_passes must be at least 1, got {self.linearized_head_passes}")
        if not all(0.0 < fraction <= 1.0 for fraction in self.cvar_tail_fractions):
            raise ModelError(f"every one of cvar_tail_fractions must be above 0 and at most 1, got {self.cvar_tail_fractions}")
        if self.io_channel_capacity < 1:
            raise ModelError(f"io_channel_capacity must be at least 1, got {self.io_channel_capacity}")


class PolicyMode(Enum):
    """What training starts from."""

    FRESH = "fresh"
    WARM_START = "warm_start"
    RESUME = "resume"


@dataclass(frozen=True)
class Checkpointing:
    """When training writes down where it stands.

    Whatever is set here, it also does so at its end, when it is stopped by a signal, and after an error.

    Attributes:
        enabled: whether it does so while it goes on.
        initial_iteration: first iteration after which a checkpoint is due.
        interval_iterations: iterations from one checkpoint to the next; ``None`` leaves it to the clock.
        interval_minutes: time after which a checkpoint is due at the end of the iteration under way; without either interval
            every tenth iteration is followed by one.
        keep: checkpoints that stay on disk.
        store_basis: whether solver bases are written along; without them a resumed training is as good, but not the same to
            the last bit.
    """

    enabled: bool = False
    initial_iteration: int = 1
    interval_iterations: int | None = None
    interval_minutes: float | None = None
    keep: int = 3
    store_basis: bool = True

    def __post_init__(self) -> None:
        if min(self.initial_iteration, self.keep, self.interval_iterations or 1) < 1:
            raise ModelError("checkpoints need a first iteration, an interval and a number to keep of at least 1")
        if self.interval_minutes is not None and not self.interval_minutes > 0:
            raise ModelError(f"the minutes between checkpoints must be positive, got {self.interval_minutes}")


@dataclass(frozen=True)
class Boundary:
    """Where the cuts come from that value what follows the horizon.

    Attributes:
        path: directory of the policy.
        source_stage: id of its stage that ends where the study ends.
    """

    path: str
    source_stage: int


@dataclass(frozen=True)
class PolicyConfig:
    """Where the policy is kept, and what training starts from.

    Attributes:
        path: directory of the policy that is started from or simulated with.
        mode: what training starts from.
        checkpointing: when training writes down where it stands.
        boundary: cuts of another policy for the end of the horizon; ``None`` where nothing follows.
    """

    path: str = "./policy"
    mode: PolicyMode = PolicyMode.FRESH
    checkpointing: Checkpointing = field(default_factory=Checkpointing)
    boundary: Boundary | None = None


@dataclass(frozen=True)
class StudyConfig:
    """All of ``config.json``.

    Attributes:
        training, simulation: what to do.
        inflow_non_negativity: treatment of negative inflows.
        policy: where the policy is kept, and what training starts from.
        estimation: how inflow models are estimated from history.
        noise_sharing: whether the stages of one season period repeat one draw.
        experimental: allow the sampling method ``selective``.
        export_stochastic: write model, openings and their account beside the results.
    """

    training: TrainingConfig
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    inflow_non_negativity: InflowNonNegativity = InflowNonNegativity.PENALTY
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    estimation: EstimationConfig = field(default_factory=EstimationConfig)
    noise_sharing: NoiseSharing = NoiseSharing.SEASON_GROUP
    experimental: bool = False
    export_stochastic: bool = False


@dataclass(frozen=True)
class Study:
    """A system and what to do with it: all that training and simulation need.

    Attributes:
        system: the power system and its horizon.
        config: how to train and simulate.
        name: shown to people; for a case on disk, the name of its directory.
    """

    system: System
    config: StudyConfig
    name: str = ""

    def __repr__(self) -> str:
        return f"<Study {self.name or 'without name'}: {self.system!r}>"
