"""What ``stages.json`` may contain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from headwater.case.json_reader import describe
from headwater.case.shapes import Count, Fraction, Id, IsoDate, NonNegative, Positive, Shape, SignedId, complaint


class TransitionShape(Shape):
    """One entry of ``policy_graph.transitions``."""

    source_id: SignedId
    target_id: SignedId
    probability: Annotated[float, Field(gt=0, le=1)]
    annual_discount_rate_override: NonNegative | None = None


class PolicyGraphShape(Shape):
    """Section ``policy_graph``."""

    type: Literal["finite_horizon", "cyclic"]
    annual_discount_rate: NonNegative
    transitions: list[TransitionShape] = Field(default_factory=list)


class BlockShape(Shape):
    """One block of a stage."""

    id: Id
    name: str
    hours: Positive


class StateVariablesShape(Shape):
    """Section ``state_variables`` of a stage."""

    storage: bool = True
    inflow_lags: bool = False


class CvarShape(Shape):
    """A weighted CVaR; the size of the tail is given in one of two ways."""

    alpha: Fraction | None = None
    tail_fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    weight: Fraction = Field(alias="lambda")

    @model_validator(mode="after")
    def _one_size(self) -> CvarShape:
        if (self.alpha is None) == (self.tail_fraction is None):
            got = "neither" if self.alpha is None else "both"
            raise complaint("HW205", f"expected exactly one of 'alpha' and 'tail_fraction', got {got}", "give one of them")
        if self.alpha == 1:
            message = "expected a confidence level 'alpha' below 1, got 1, which leaves no outcome to look at"
            raise complaint("HW204", message, "give 'tail_fraction' instead: 1 is the plain expectation, 0.05 the worst 5 %")
        return self


class RiskShape(Shape):
    """A risk measure other than the expectation."""

    cvar: CvarShape


def read_risk(types: Sequence[str]) -> Callable[[object], object]:
    """Reader of a risk measure in which the expectation is a word, and the others are objects.

    Args:
        types: names of those of other packages.
    """

    def read(value: object) -> object:
        if isinstance(value, str):
            if value.lower() == "expectation":
                return None
            message = f"expected 'expectation' or an object with 'cvar', got {describe(value)}"
            raise complaint("HW205", message, "write 'expectation' or {'cvar': {'alpha': 0.95, 'lambda': 0.5}}")
        if isinstance(value, dict) and "type" in value and value["type"] not in types:
            known = " or ".join(["'expectation', 'cvar'", *(f"'{one}'" for one in types)])
            message = f"expected one of the risk measures {known}, got {describe(value['type'])}"
            raise complaint("HW205", message, "correct the name, or install the package that offers it")
        return value

    return read


RiskMeasureShape = Annotated[
    RiskShape | None, BeforeValidator(read_risk([]), json_schema_input_type=RiskShape | Literal["expectation"] | None)
]


def _block_ids(value: object) -> object:
    if not isinstance(value, list) or not all(isinstance(block, dict) and type(block.get("id")) is int for block in value):
        return value
    ids = [block["id"] for block in value]
    if not ids:
        raise complaint("HW204", "expected at least one block, got none", "add a block")
    if sorted(ids) != list(range(len(ids))):
        message = f"expected block ids 0 to {len(ids) - 1}, each once, got {describe(sorted(ids)[:10])}"
        raise complaint("HW210", message, "number the blocks from 0 without gaps")
    return value


class _Dated(Shape):
    start_date: IsoDate
    end_date: IsoDate

    @model_validator(mode="after")
    def _ordered(self) -> _Dated:
        if self.start_date >= self.end_date:
            message = f"expected start_date before end_date, got {self.start_date} and {self.end_date}"
            raise complaint("HW204", message, "correct the dates; the end is exclusive")
        return self


class StageShape(_Dated):
    """One study stage."""

    id: Id
    season_id: Id | None = None
    blocks: Annotated[list[BlockShape], BeforeValidator(_block_ids)]
    block_mode: Literal["parallel", "chronological"] = "parallel"
    state_variables: StateVariablesShape = StateVariablesShape()
    risk_measure: RiskMeasureShape = None
    num_scenarios: Count
    sampling_method: Literal["saa", "lhs", "qmc_sobol", "qmc_halton", "selective", "historical_residuals"] = "saa"


class PreStudyStageShape(_Dated):
    """One period before the study."""

    id: Annotated[SignedId, Field(lt=0)]
    season_id: Id | None = None


class SeasonShape(Shape):
    """One season."""

    id: Id
    label: str
    month_start: Annotated[int, Field(ge=1, le=12)]
    day_start: Annotated[int, Field(ge=1, le=31)] | None = None
    month_end: Annotated[int, Field(ge=1, le=12)] | None = None
    day_end: Annotated[int, Field(ge=1, le=31)] | None = None


class SeasonDefinitionsShape(Shape):
    """Section ``season_definitions``."""

    cycle_type: Literal["monthly", "weekly", "custom"]
    seasons: list[SeasonShape]


class StagesFile(Shape):
    """All of ``stages.json``."""

    policy_graph: PolicyGraphShape
    stages: Annotated[list[StageShape], Field(min_length=1)]
    season_definitions: SeasonDefinitionsShape | None = None
    pre_study_stages: list[PreStudyStageShape] = Field(default_factory=list)


class FoundingScenarioSource(Shape):
    """The older place and shape of the scenario source, ``stages.scenario_source``."""

    sampling_scheme: Any = None
    seed: int | None = None
    selection_mode: Literal["random", "sequential"] | None = None
    historical_years: Any = None
