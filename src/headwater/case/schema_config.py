"""What ``config.json`` may contain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    model_validator,
)

from headwater import model as m
from headwater.case.derived import schema_of
from headwater.case.names import nearest_word
from headwater.case.schema_policy import PolicyInFile
from headwater.case.schema_sources import (
    Gone,
    ScenarioSourceShape,
    TrainingScenarioSourceShape,
)
from headwater.case.shapes import Shape, complaint
from headwater.core.choices import CUT_SELECTIONS, STOPPING_RULES
from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import (
    Count,
    InFile,
    Like,
    NonNegative,
    Positive,
    Unit,
    Whole,
    in_file,
)
from headwater.core.provenance import is_own

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


SIMULATION_TABLES = ("costs", *(table.name for _, table in EQUIPMENT.tables), "regimes")
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
@dataclass(frozen=True, eq=False, repr=False)
class TrainingInFile(m.TrainingConfig):
    """Section ``training``: the keys that files write otherwise than the class has them.

    `build_config` makes what the class asks for.
    """

    stopping_rules: Annotated[  # type: ignore[assignment]
        list[StoppingRuleShape], BeforeValidator(has_iteration_limit), Like(m.TrainingConfig)
    ]
    forward_pass: Annotated[ForwardPassInFile, Like(m.TrainingConfig)] = field(  # type: ignore[assignment]
        default_factory=ForwardPassInFile
    )
    cut_selection: Annotated[CutSelectionShape, Like(m.TrainingConfig)] = field(  # type: ignore[assignment]
        default_factory=CutSelectionShape
    )
    scenario_source: Annotated[TrainingScenarioSourceShape, Like(m.TrainingConfig)] = field(  # type: ignore[assignment]
        default_factory=TrainingScenarioSourceShape
    )


@dataclass(frozen=True, eq=False, repr=False)
class SimulationInFile(m.SimulationConfig):
    """Section ``simulation``: the keys that files write otherwise than the class has them."""

    scenario_source: Annotated[ScenarioSourceShape | None, Like(m.SimulationConfig)] = None  # type: ignore[assignment]
    tables: Annotated[list[TableName] | None, Like(m.SimulationConfig)] = None  # type: ignore[assignment]
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
    inflow_noise: Annotated[
        m.InflowNoise,
        "noise of inflow models: normal and added, lognormal and multiplying the whole inflow, or "
        "lognormal and added with a least value",
    ] = m.InflowNoise.NORMAL


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
