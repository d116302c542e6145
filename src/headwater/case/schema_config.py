"""What ``config.json`` may contain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from headwater import model as m
from headwater.case.derived import schema_of
from headwater.case.names import nearest_word
from headwater.case.shapes import Shape, complaint
from headwater.core.choices import CUT_SELECTIONS, SAMPLING_SCHEMES, STOPPING_RULES
from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import (
    Check,
    Count,
    FieldError,
    Fraction,
    Id,
    InFile,
    NonNegative,
    Positive,
    Unit,
    Whole,
    as_base,
    in_file,
)
from headwater.core.provenance import is_own

Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]


def _gone(_: object) -> object:
    raise complaint("HW205", "this setting is not part of Headwater", "remove the key")


Gone = Annotated[Any, BeforeValidator(_gone), WithJsonSchema({"not": {}})]
"""A setting of other programs that has no meaning here and must not be given."""


class YearRange(Shape):
    """First and last year of a range, both included."""

    from_year: int = Field(alias="from", description="first year")
    to_year: int = Field(alias="to", description="last year")

    @model_validator(mode="after")
    def _ordered(self) -> YearRange:
        if self.from_year > self.to_year:
            raise complaint(
                "HW205",
                f"expected from <= to, got {self.from_year} > {self.to_year}",
                "swap the years",
            )
        return self


Years = Annotated[
    Annotated[list[int], Tag("list of years")] | Annotated[YearRange, Tag("range of years")],
    Discriminator(
        lambda years: "range of years" if isinstance(years, dict | YearRange) else "list of years"
    ),
]
"""Years one by one, or the first and the last."""


def scheme_name(scheme: Any) -> str:
    """Name of a sampling scheme, which is a word, or an object with its type and parameters."""
    return scheme if isinstance(scheme, str) else str(scheme.type)


def _own_schemes(noise_class: str) -> Any:
    """Names of the project's own schemes for a class."""
    return Literal[
        tuple(one.type for one in SAMPLING_SCHEMES if is_own(one) and noise_class in one.classes)
    ]


_SCHEME = Field(description="openings of the tree, fresh noise, given scenarios, or history")
_Scheme: Any = Annotated[_own_schemes("load"), _SCHEME]
_SchemeOfInflow: Any = Annotated[_own_schemes("inflow"), _SCHEME]
_Openings = Annotated[
    Literal["scenarios", "model"] | None,
    Field(
        description="openings of training: given scenarios of the class, or draws of its "
        "statistical model; scenarios where the scheme is external or historical, else the model"
    ),
]


class SourceShape(Shape):
    """Where the noise of one class comes from (load, non-controllable sources)."""

    scheme: _Scheme = "in_sample"
    selection_mode: Annotated[
        Literal["permutation", "random", "sequential"] | None,
        Field(description="order in which given scenarios are taken"),
    ] = None

    @property
    def scheme_name(self) -> str:
        """Name of the scheme."""
        return scheme_name(self.scheme)


class InflowSourceShape(Shape):
    """Where inflow noise comes from."""

    scheme: _SchemeOfInflow = "in_sample"
    selection_mode: Annotated[
        Literal["permutation", "random", "sequential"] | None,
        Field(description="order in which given scenarios are taken"),
    ] = None

    @property
    def scheme_name(self) -> str:
        """Name of the scheme."""
        return scheme_name(self.scheme)


class TrainingSourceShape(SourceShape):
    """Where the noise of one class comes from in training, and what its openings are."""

    openings: _Openings = None


class TrainingInflowSourceShape(InflowSourceShape):
    """Where inflow noise comes from in training, and what its openings are."""

    openings: _Openings = None


class HistoricalShape(Shape):
    """How years of history are replayed."""

    initial_lags: Annotated[
        Literal["window", "study"] | None,
        Field(
            description="inflows before the first stage: those of the year that is "
            "replayed, or those of the study"
        ),
    ] = None


class ScenarioSourceShape(Shape):
    """Section ``scenario_source`` of training or simulation."""

    inflow: Annotated[InflowSourceShape, Field(description="scheme for inflows")] = (
        InflowSourceShape()
    )
    load: Annotated[SourceShape, Field(description="scheme for loads")] = SourceShape()
    ncs: Annotated[SourceShape, Field(description="scheme for non-controllable sources")] = (
        SourceShape()
    )
    seed: Annotated[
        Int64 | None,
        Field(description="seed of the noise; needed for schemes other than in_sample"),
    ] = None
    historical_years: Annotated[
        Years | None, Field(description="years from which historical scenarios may start")
    ] = None
    historical: Annotated[HistoricalShape, Field(description="replay of past years")] = (
        HistoricalShape()
    )
    couple_classes: Annotated[
        bool | None,
        Field(
            description="whether inflow, load and availability of a scenario are taken from the "
            "same external scenario"
        ),
    ] = None

    @model_validator(mode="after")
    def _consistent(self) -> ScenarioSourceShape:
        schemes = (self.inflow.scheme_name, self.load.scheme_name, self.ncs.scheme_name)
        if self.seed is None and any(SAMPLING_SCHEMES[name].needs_seed for name in schemes):
            raise complaint(
                "HW205",
                "schemes other than 'in_sample' need a seed, got none",
                "add 'seed' to scenario_source",
            )
        if self.historical_years is not None and self.inflow.scheme_name != "historical":
            message = (
                "'historical_years' needs the inflow scheme 'historical', got "
                f"'{self.inflow.scheme_name}'"
            )
            raise complaint("HW205", message, "remove 'historical_years' or change the scheme")
        return self


class TrainingScenarioSourceShape(ScenarioSourceShape):
    """Section ``scenario_source`` of training."""

    inflow: Annotated[
        TrainingInflowSourceShape, Field(description="scheme and openings for inflows")
    ] = TrainingInflowSourceShape()
    load: Annotated[TrainingSourceShape, Field(description="scheme and openings for loads")] = (
        TrainingSourceShape()
    )
    ncs: Annotated[
        TrainingSourceShape, Field(description="scheme and openings for non-controllable sources")
    ] = TrainingSourceShape()


StoppingRuleShape: Any = Annotated[
    Union[tuple(schema_of(rule) for rule in STOPPING_RULES if is_own(rule))],  # noqa: UP007
    Field(discriminator="type"),
]
"""One of the project's own rules."""


_SelectionMethod: Any = Annotated[
    Literal[tuple(one.type for one in CUT_SELECTIONS if is_own(one))] | None,
    Field(description="how cuts are judged"),
]


class CutSelectionShape(Shape):
    """Section ``training.cut_selection``."""

    enabled: Annotated[bool, Field(description="whether it is switched on")] = False
    method: _SelectionMethod = None
    threshold: Annotated[
        Whole | None, Field(description="older parameter that means something else for each method")
    ] = None
    memory_window: Annotated[
        Whole | None, Field(description="iterations for which an idle cut is kept (lml1)")
    ] = None
    domination_epsilon: Annotated[
        NonNegative | None,
        Field(description="margin below which a cut counts as dominated (domination)"),
    ] = None
    check_frequency: Annotated[Count | None, Field(description="iterations between prunings")] = (
        None
    )
    cut_activity_tolerance: Annotated[
        NonNegative | None, Field(description="dual value above which a cut counts as binding")
    ] = None
    basis_activity_window: Annotated[
        Literal[5], Field(description="fixed; other values are refused")
    ] = 5
    max_active_per_stage: Annotated[
        Count | None, Field(description="largest number of active cuts at a stage")
    ] = None
    protect_warm_start: Annotated[
        bool, Field(description="whether cuts of an earlier policy are kept")
    ] = False
    working_set: Annotated[
        dict[str, Any] | None, Field(description="settings of the method dynamic")
    ] = None

    @model_validator(mode="after")
    def _has_method(self) -> CutSelectionShape:
        if self.enabled and self.method is None:
            message = "enabled cut selection needs a 'method', got none"
            raise complaint(
                "HW205", message, "add 'method': 'level1', 'lml1', 'domination' or 'dynamic'"
            )
        if (
            self.enabled
            and self.method == "lml1"
            and self.memory_window is None
            and self.threshold is None
        ):
            message = "the method 'lml1' needs a 'memory_window', got none"
            raise complaint(
                "HW205",
                message,
                "add 'memory_window': the number of iterations that an idle cut is kept",
            )
        return self


def has_iteration_limit(rules: object) -> object:
    """Let through what may be rules if one of them limits the iterations."""
    if isinstance(rules, list) and not any(
        isinstance(rule, dict) and rule.get("type") == "iteration_limit" for rule in rules
    ):
        message = "expected at least one rule of type 'iteration_limit', got none"
        raise complaint("HW205", message, "add {'type': 'iteration_limit', 'limit': ...}")
    return rules


SIMULATION_TABLES = ("costs", *(table.name for _, table in EQUIPMENT.tables))
"""Tables of a simulation that may be chosen; the summaries are always written."""


def _known_table(name: str) -> str:
    if name not in SIMULATION_TABLES:
        guess = nearest_word(name, SIMULATION_TABLES)
        message = f"expected one of {', '.join(SIMULATION_TABLES)}, got '{name}'"
        raise complaint(
            "HW205",
            message,
            f"the nearest known word is '{guess}'" if guess else "use one of the known words",
        )
    return name


TableName = Annotated[
    str,
    AfterValidator(_known_table),
    WithJsonSchema({"type": "string", "enum": [*SIMULATION_TABLES]}),
]


_REFUSED = "not part of Headwater; refused"
_Refused = Annotated[Gone, _REFUSED]
_Enabled = Annotated[bool, "whether it is switched on"]


@dataclass(eq=False, repr=False)
class InflowNonNegativityInFile:
    """Section ``modeling.inflow_non_negativity``."""

    method: Annotated[
        m.InflowNonNegativity, "none, a slack with a cost, truncation at zero, or both"
    ] = m.InflowNonNegativity.PENALTY
    penalty_cost: Annotated[
        Positive | None,
        Unit("$/(m3/s h)"),
        "cost of missing inflow, used when penalties.json has none",
    ] = None


@dataclass(eq=False, repr=False)
class ModelingInFile:
    """Section ``modeling``."""

    inflow_non_negativity: Annotated[
        InflowNonNegativityInFile, "treatment of negative sampled inflows"
    ] = field(default_factory=InflowNonNegativityInFile)
    linearized_head_passes: Annotated[Count, "passes that refine the head during simulation"] = 1


@dataclass(eq=False, repr=False)
class ForwardPassInFile:
    """Section ``training.forward_pass``."""

    kind: Annotated[Literal["default"], InFile("type"), "which of the known forms follows"] = (
        "default"
    )


@in_file(order=("enabled",))
@dataclass(eq=False, repr=False)
class TrainingInFile:
    """Section ``training``."""

    forward_passes: Annotated[Count, "trajectories per iteration"]
    stopping_rules: Annotated[
        list[StoppingRuleShape],
        BeforeValidator(has_iteration_limit),
        "when training ends; one rule must limit the iterations",
    ]
    enabled: _Enabled = True
    stopping_mode: Annotated[
        m.StoppingMode, "whether any rule or all rules together end the training"
    ] = m.StoppingMode.ANY
    tree_seed: Annotated[Int64 | None, "seed of the opening tree; 42 when not given"] = None
    cut_formulation: Annotated[m.CutFormulation, "one cut for all openings, or one for each"] = (
        m.CutFormulation.SINGLE
    )
    forward_pass: Annotated[ForwardPassInFile, "kind of forward pass"] = field(
        default_factory=ForwardPassInFile
    )
    solver: Annotated[m.SolverOptions, "budget for solving difficult stage problems again"] = field(
        default_factory=m.SolverOptions
    )
    cut_selection: Annotated[CutSelectionShape, "removal of cuts that no longer bind"] = field(
        default_factory=CutSelectionShape
    )
    scenario_source: Annotated[
        TrainingScenarioSourceShape,
        "where the noise of the forward pass comes from; the simulation inherits that of training",
    ] = field(default_factory=TrainingScenarioSourceShape)
    cost_scale: Annotated[
        Positive | None,
        "money unit inside the stage problems in $; without it a power of two chosen from the "
        "costs of the case",
    ] = None
    formulation: Annotated[
        m.Formulation, "form of the stage problems: with eliminated or with explicit state"
    ] = m.Formulation.CONDENSED
    theta_lower_bound: Annotated[float | None, Unit("$"), "smallest value of the future cost"] = (
        None
    )
    threads: Annotated[Count | None, "worker threads; all that are granted when not given"] = None
    archive_memory_limit_mb: Annotated[Positive | None, "memory for visited states"] = None
    cycle: Annotated[m.CycleConfig, "how far trajectories follow a cyclic horizon"] = field(
        default_factory=m.CycleConfig
    )


def _uncompressed(value: bool) -> None:
    if value:
        message = "checkpoints are not compressed, so that cuts can be used as they lie on the disk"
        raise FieldError("HW205", message, "remove the key or set it to false")


@dataclass(frozen=True)
class CheckpointingInFile(m.Checkpointing):
    """Section ``policy.checkpointing``."""

    compress: Annotated[
        bool, Check(_uncompressed), "must be false: checkpoints are not compressed"
    ] = False

    def in_code(self) -> m.Checkpointing:
        """The same without what must not be set."""
        return as_base(self, m.Checkpointing)


@dataclass(eq=False, repr=False)
class Shift:
    """Form of ``policy.stage_map`` for horizons that roll on."""

    shift: Annotated[int, "stages that the horizon has moved on"]


def _one_way_with_doubt(policy: Any) -> None:
    if policy.trust and policy.purge_after is not None:
        message = (
            "'purge_after' removes cuts that are not proven to be valid, and "
            "'trust' takes them all as valid"
        )
        raise FieldError("HW205", message, "remove one of the two")


_StageMap = Annotated[
    Literal["identity"] | Shift | tuple[Id | None, ...],
    "whose cuts each stage takes: identity, a shift in stages, or stage ids of the earlier policy",
]
_Checkpointing = Annotated[CheckpointingInFile, "writing the policy down while training goes on"]


@in_file(
    checks=(_one_way_with_doubt,),
    order=(
        "path",
        "mode",
        "validate_compatibility",
        "stage_map",
        "purge_after",
        "trust",
        "boundary",
    ),
)
@dataclass(frozen=True)
class PolicyInFile(m.PolicyConfig):
    """Section ``policy``."""

    # `in_code` makes what the class asks for
    stage_map: _StageMap = "identity"  # type: ignore[assignment]
    checkpointing: _Checkpointing = field(default_factory=CheckpointingInFile)

    def in_code(self) -> m.PolicyConfig:
        """The same with a map of stages."""
        given: Any = self.stage_map
        stage_map = m.StageMap() if given == "identity" else m.StageMap(source_ids=given)
        if isinstance(given, Shift):
            stage_map = m.StageMap(shift=given.shift)
        return replace(as_base(self, m.PolicyConfig), stage_map=stage_map)


@dataclass(eq=False, repr=False)
class SimulationInFile:
    """Section ``simulation``."""

    enabled: _Enabled = False
    num_scenarios: Annotated[Count, "number of scenarios"] = 2000
    num_stages: Annotated[
        Count | None,
        "stages that are simulated in a cyclic study; as many as in training when not given",
    ] = None
    policy_type: Annotated[
        m.PolicyType, "lower (outer) or upper (inner) approximation of the future cost"
    ] = m.PolicyType.OUTER
    scenario_source: Annotated[
        ScenarioSourceShape | None,
        "where the noise of the forward pass comes from; the simulation inherits that of training",
    ] = None
    tables: Annotated[
        list[TableName] | None, "result tables that are written; all when not given"
    ] = None
    detail: Annotated[m.SimulationDetail, "every value, or summaries"] = m.SimulationDetail.FULL
    partitioning: Annotated[m.Partitioning, "how tables are divided into files"] = (
        m.Partitioning.CHUNK
    )
    on_failure: Annotated[m.OnFailure, "what happens when a scenario cannot be solved"] = (
        m.OnFailure.SKIP
    )
    cvar_tail_fractions: Annotated[
        tuple[Fraction, ...] | None, "tails for which the mean cost is reported"
    ] = None
    io_channel_capacity: Annotated[Count | None, "results that may wait to be written"] = None
    output_path: _Refused = None
    output_mode: _Refused = None


@dataclass(eq=False, repr=False)
class ExportsInFile:
    """Section ``exports``."""

    states: Annotated[bool, "export the visited states"] = False
    stochastic: Annotated[bool, "export what the stochastic models were made into"] = False
    training: _Refused = None
    cuts: _Refused = None
    vertices: _Refused = None
    simulation: _Refused = None
    forward_detail: _Refused = None
    backward_detail: _Refused = None
    compression: _Refused = None


@dataclass(eq=False, repr=False)
class StochasticInFile:
    """Section ``stochastic``."""

    noise_sharing: Annotated[m.NoiseSharing, "whether stages of one season share their noise"] = (
        m.NoiseSharing.SEASON_GROUP
    )
    experimental: Annotated[bool, "allow the sampling method `selective`"] = False


@in_file(order=("modeling",))
@dataclass(eq=False, repr=False)
class ConfigInFile:
    """All of ``config.json``."""

    training: Annotated[TrainingInFile, "how the policy is trained"]
    modeling: Annotated[ModelingInFile, "choices about the model of a stage"] = field(
        default_factory=ModelingInFile
    )
    estimation: Annotated[m.EstimationConfig, "how inflow models are estimated from history"] = (
        field(default_factory=m.EstimationConfig)
    )
    stochastic: Annotated[StochasticInFile, "how noise is made"] = field(
        default_factory=StochasticInFile
    )
    upper_bound_evaluation: Annotated[
        m.UpperBoundConfig, "deterministic upper bound of the cost"
    ] = field(default_factory=m.UpperBoundConfig)
    policy: Annotated[
        PolicyInFile, "where the policy is kept and whether an earlier one is used"
    ] = field(default_factory=PolicyInFile)
    simulation: Annotated[SimulationInFile, "what is simulated after training"] = field(
        default_factory=SimulationInFile
    )
    exports: Annotated[ExportsInFile, "additional results"] = field(default_factory=ExportsInFile)


TrainingShape = schema_of(TrainingInFile)
SimulationShape = schema_of(SimulationInFile)
"""The sections that choices of other packages extend."""

if TYPE_CHECKING:

    class ConfigFile(Shape):
        """The schema of ``config.json``, whose keys are declared above."""

        def __getattr__(self, key: str) -> Any: ...

else:
    ConfigFile = schema_of(ConfigInFile)
