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


class Scheme(Enum):
    """Where forward and simulated noise comes from."""

    IN_SAMPLE = "in_sample"
    OUT_OF_SAMPLE = "out_of_sample"
    EXTERNAL = "external"
    HISTORICAL = "historical"


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


@dataclass(frozen=True)
class ScenarioSource:
    """Where the noise of each class is drawn from, and the seed of fresh draws."""

    inflow: Scheme = Scheme.IN_SAMPLE
    load: Scheme = Scheme.IN_SAMPLE
    ncs: Scheme = Scheme.IN_SAMPLE
    seed: int | None = None

    def scheme(self, noise_class: NoiseClass) -> Scheme:
        """Scheme of one class."""
        return {NoiseClass.INFLOW: self.inflow, NoiseClass.LOAD: self.load, NoiseClass.NCS: self.ncs}[noise_class]


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
        threads: worker threads; ``None`` takes what the machine grants.
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
    solver: SolverOptions = field(default_factory=SolverOptions)
    threads: int | None = None

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
    """What is simulated with the policy; ``scenario_source`` ``None`` takes that of training.

    ``linearized_head_passes`` is how often a stage with the linearised head is solved: once with the productivity of the
    incoming storage, then with that of the mean of incoming and outgoing storage.
    """

    enabled: bool = False
    n_scenarios: int = 2000
    scenario_source: ScenarioSource | None = None
    tables: tuple[str, ...] | None = None
    linearized_head_passes: int = 1

    def __post_init__(self) -> None:
        if self.linearized_head_passes < 1:
            raise ModelError(f"linearized_head_passes must be at least 1, got {self.linearized_head_passes}")


@dataclass(frozen=True)
class StudyConfig:
    """All of ``config.json``."""

    training: TrainingConfig
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    inflow_non_negativity: InflowNonNegativity = InflowNonNegativity.PENALTY
    policy_path: str = "./policy"


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
