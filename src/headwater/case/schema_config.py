"""What ``config.json`` may contain."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from headwater.case.derived import schema_of
from headwater.case.names import nearest_word
from headwater.case.shapes import Count, Fraction, Id, NonNegative, Positive, Shape, Whole, complaint
from headwater.core.choices import STOPPING_RULES
from headwater.core.equipment import EQUIPMENT
from headwater.core.provenance import is_own

Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]


def _gone(_: object) -> object:
    raise complaint("HW205", "this setting is not part of Headwater", "remove the key")


Gone = Annotated[Any, BeforeValidator(_gone), WithJsonSchema({"not": {}})]
"""A setting of other programs that has no meaning here and must not be given."""


class InflowNonNegativityShape(Shape):
    """Section ``modeling.inflow_non_negativity``."""

    method: Literal["none", "penalty", "truncation", "truncation_with_penalty"] = "penalty"
    penalty_cost: Positive | None = None


class ModelingShape(Shape):
    """Section ``modeling``."""

    inflow_non_negativity: InflowNonNegativityShape = InflowNonNegativityShape()
    linearized_head_passes: Count = 1


class YearRange(Shape):
    """First and last year of a range, both included."""

    from_year: int = Field(alias="from")
    to_year: int = Field(alias="to")

    @model_validator(mode="after")
    def _ordered(self) -> YearRange:
        if self.from_year > self.to_year:
            raise complaint("HW205", f"expected from <= to, got {self.from_year} > {self.to_year}", "swap the years")
        return self


Years = Annotated[
    Annotated[list[int], Tag("list of years")] | Annotated[YearRange, Tag("range of years")],
    Discriminator(lambda years: "range of years" if isinstance(years, dict | YearRange) else "list of years"),
]
"""Years one by one, or the first and the last."""


class SourceShape(Shape):
    """Where the noise of one class comes from (load, non-controllable sources)."""

    scheme: Literal["in_sample", "out_of_sample", "external"] = "in_sample"
    selection_mode: Literal["permutation", "random", "sequential"] | None = None


class InflowSourceShape(Shape):
    """Where inflow noise comes from."""

    scheme: Literal["in_sample", "out_of_sample", "external", "historical"] = "in_sample"
    selection_mode: Literal["permutation", "random", "sequential"] | None = None


class TrainingSourceShape(SourceShape):
    """Where the noise of one class comes from in training, and what its openings are."""

    openings: Literal["scenarios", "model"] | None = None


class TrainingInflowSourceShape(InflowSourceShape):
    """Where inflow noise comes from in training, and what its openings are."""

    openings: Literal["scenarios", "model"] | None = None


class HistoricalShape(Shape):
    """How years of history are replayed."""

    initial_lags: Literal["window", "study"] | None = None


class ScenarioSourceShape(Shape):
    """Section ``scenario_source`` of training or simulation."""

    inflow: InflowSourceShape = InflowSourceShape()
    load: SourceShape = SourceShape()
    ncs: SourceShape = SourceShape()
    seed: Int64 | None = None
    historical_years: Years | None = None
    historical: HistoricalShape = HistoricalShape()
    couple_classes: bool | None = None

    @model_validator(mode="after")
    def _consistent(self) -> ScenarioSourceShape:
        schemes = {self.inflow.scheme, self.load.scheme, self.ncs.scheme}
        if schemes != {"in_sample"} and self.seed is None:
            raise complaint("HW205", "schemes other than 'in_sample' need a seed, got none", "add 'seed' to scenario_source")
        if self.historical_years is not None and self.inflow.scheme != "historical":
            message = f"'historical_years' needs the inflow scheme 'historical', got '{self.inflow.scheme}'"
            raise complaint("HW205", message, "remove 'historical_years' or change the scheme")
        return self


class TrainingScenarioSourceShape(ScenarioSourceShape):
    """Section ``scenario_source`` of training."""

    inflow: TrainingInflowSourceShape = TrainingInflowSourceShape()
    load: TrainingSourceShape = TrainingSourceShape()
    ncs: TrainingSourceShape = TrainingSourceShape()


StoppingRuleShape: Any = Annotated[
    Union[tuple(schema_of(rule) for rule in STOPPING_RULES if is_own(rule))],  # noqa: UP007
    Field(discriminator="type"),
]
"""One of the project's own rules."""


class ForwardPassShape(Shape):
    """Section ``training.forward_pass``."""

    type: Literal["default"] = "default"


class SolverShape(Shape):
    """Section ``training.solver``."""

    retry_max_attempts: Count | None = None
    retry_time_budget_seconds: Positive | None = None


class CutSelectionShape(Shape):
    """Section ``training.cut_selection``."""

    enabled: bool = False
    method: Literal["level1", "lml1", "domination", "dynamic"] | None = None
    threshold: Whole | None = None
    memory_window: Whole | None = None
    domination_epsilon: NonNegative | None = None
    check_frequency: Count | None = None
    cut_activity_tolerance: NonNegative | None = None
    basis_activity_window: Literal[5] = 5
    max_active_per_stage: Count | None = None
    protect_warm_start: bool = False
    working_set: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_method(self) -> CutSelectionShape:
        if self.enabled and self.method is None:
            message = "enabled cut selection needs a 'method', got none"
            raise complaint("HW205", message, "add 'method': 'level1', 'lml1', 'domination' or 'dynamic'")
        if self.enabled and self.method == "lml1" and self.memory_window is None and self.threshold is None:
            message = "the method 'lml1' needs a 'memory_window', got none"
            raise complaint("HW205", message, "add 'memory_window': the number of iterations that an idle cut is kept")
        return self


class CycleShape(Shape):
    """Section ``training.cycle``."""

    tolerance: Annotated[float, Field(gt=0, lt=1)] = 1e-4
    max_length: Count = 240


def has_iteration_limit(rules: object) -> object:
    """Let through what may be rules if one of them limits the iterations."""
    if isinstance(rules, list) and not any(isinstance(rule, dict) and rule.get("type") == "iteration_limit" for rule in rules):
        message = "expected at least one rule of type 'iteration_limit', got none"
        raise complaint("HW205", message, "add {'type': 'iteration_limit', 'limit': ...}")
    return rules


class TrainingShape(Shape):
    """Section ``training``."""

    enabled: bool = True
    forward_passes: Count
    stopping_rules: Annotated[list[StoppingRuleShape], BeforeValidator(has_iteration_limit)]
    stopping_mode: Literal["any", "all"] = "any"
    tree_seed: Int64 | None = None
    cut_formulation: Literal["single", "multi"] = "single"
    forward_pass: ForwardPassShape = ForwardPassShape()
    solver: SolverShape = SolverShape()
    cut_selection: CutSelectionShape = CutSelectionShape()
    scenario_source: TrainingScenarioSourceShape = TrainingScenarioSourceShape()
    cost_scale: Positive | None = None
    formulation: Literal["condensed", "explicit"] = "condensed"
    theta_lower_bound: float | None = None
    threads: Count | None = None
    archive_memory_limit_mb: Positive | None = None
    cycle: CycleShape = CycleShape()


class EstimationShape(Shape):
    """Section ``estimation``."""

    max_order: Annotated[int, Field(ge=0, le=60)] = 6
    order_selection: Literal["pacf", "pacf_annual", "aic", "bic", "fixed"] = "pacf"
    min_observations_per_season: Count = 30
    max_coefficient_magnitude: Positive | None = None
    history_resolution: Literal["daily", "weekly", "monthly"] | None = None
    mode_rounding_m3s: NonNegative | None = None


class LipschitzShape(Shape):
    """Section ``upper_bound_evaluation.lipschitz``."""

    mode: Literal["auto", "fixed"] = "auto"
    fallback_value: Positive | None = None
    scale_factor: Annotated[float, Field(ge=1)] = 1.1

    @model_validator(mode="after")
    def _has_value(self) -> LipschitzShape:
        if self.mode == "fixed" and self.fallback_value is None:
            raise complaint("HW205", "the mode 'fixed' needs a 'fallback_value', got none", "give one, or use mode 'auto'")
        return self


class UpperBoundShape(Shape):
    """Section ``upper_bound_evaluation``."""

    enabled: bool = False
    initial_iteration: Count = 10
    interval_iterations: Count = 5
    max_vertices_per_stage: Count = 200
    lipschitz: LipschitzShape = LipschitzShape()


class BoundaryShape(Shape):
    """Section ``policy.boundary``."""

    path: str
    source_stage: Id


def _uncompressed(value: bool) -> bool:
    if value:
        message = "checkpoints are not compressed, so that cuts can be used as they lie on the disk"
        raise complaint("HW205", message, "remove the key or set it to false")
    return value


class CheckpointingShape(Shape):
    """Section ``policy.checkpointing``."""

    enabled: bool = False
    initial_iteration: Count = 1
    interval_iterations: Count | None = None
    interval_minutes: Positive | None = None
    keep: Count = 3
    store_basis: bool = True
    compress: Annotated[bool, AfterValidator(_uncompressed)] = False


class ShiftShape(Shape):
    """Form of ``policy.stage_map`` for horizons that roll on."""

    shift: int


StageMapShape = Literal["identity"] | ShiftShape | list[Id | None]


class PolicyShape(Shape):
    """Section ``policy``."""

    path: Annotated[str, Field(min_length=1)] = "./policy"
    mode: Literal["fresh", "warm_start", "resume"] = "fresh"
    validate_compatibility: bool = True
    stage_map: StageMapShape = "identity"
    purge_after: Whole | None = None
    trust: bool = False
    boundary: BoundaryShape | None = None
    checkpointing: CheckpointingShape = CheckpointingShape()

    @model_validator(mode="after")
    def _one_way_with_doubt(self) -> PolicyShape:
        if self.trust and self.purge_after is not None:
            message = "'purge_after' removes cuts that are not proven to be valid, and 'trust' takes them all as valid"
            raise complaint("HW205", message, "remove one of the two")
        return self


SIMULATION_TABLES = ("costs", *(table.name for _, table in EQUIPMENT.tables))
"""Tables of a simulation that may be chosen; the summaries are always written."""


def _known_table(name: str) -> str:
    if name not in SIMULATION_TABLES:
        guess = nearest_word(name, SIMULATION_TABLES)
        message = f"expected one of {', '.join(SIMULATION_TABLES)}, got '{name}'"
        raise complaint("HW205", message, f"the nearest known word is '{guess}'" if guess else "use one of the known words")
    return name


TableName = Annotated[str, AfterValidator(_known_table), WithJsonSchema({"type": "string", "enum": [*SIMULATION_TABLES]})]


class SimulationShape(Shape):
    """Section ``simulation``."""

    enabled: bool = False
    num_scenarios: Count = 2000
    num_stages: Count | None = None
    policy_type: Literal["outer", "inner"] = "outer"
    scenario_source: ScenarioSourceShape | None = None
    tables: list[TableName] | None = None
    detail: Literal["full", "summary"] = "full"
    partitioning: Literal["chunk", "scenario"] = "chunk"
    on_failure: Literal["skip", "abort"] = "skip"
    cvar_tail_fractions: list[Fraction] | None = None
    io_channel_capacity: Count | None = None
    output_path: Gone = None
    output_mode: Gone = None


class ExportsShape(Shape):
    """Section ``exports``."""

    states: bool = False
    stochastic: bool = False
    training: Gone = None
    cuts: Gone = None
    vertices: Gone = None
    simulation: Gone = None
    forward_detail: Gone = None
    backward_detail: Gone = None
    compression: Gone = None


class StochasticShape(Shape):
    """Section ``stochastic``."""

    noise_sharing: Literal["season_group", "none"] = "season_group"
    experimental: bool = False


class ConfigFile(Shape):
    """All of ``config.json``."""

    modeling: ModelingShape = ModelingShape()
    training: TrainingShape
    estimation: EstimationShape = EstimationShape()
    stochastic: StochasticShape = StochasticShape()
    upper_bound_evaluation: UpperBoundShape = UpperBoundShape()
    policy: PolicyShape = PolicyShape()
    simulation: SimulationShape = SimulationShape()
    exports: ExportsShape = ExportsShape()
