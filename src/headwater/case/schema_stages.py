"""What ``stages.json`` may contain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import MinLen
from pydantic import BeforeValidator, Field, model_validator

from headwater import model as m
from headwater.case.derived import schema_of
from headwater.case.json_reader import describe
from headwater.case.shapes import Shape, complaint
from headwater.core.fields import (
    Count,
    EndDate,
    Fraction,
    Id,
    OwnId,
    Positive,
    PositiveFraction,
    SeasonId,
    StartDate,
    in_file,
)
from headwater.model.file_checks import dates_in_order


@dataclass(eq=False, repr=False)
class BlockInFile:
    """One block of a stage."""

    id: Annotated[Id, "number of the block within its stage, from 0"]
    name: Annotated[str, "name for people"]
    hours: Annotated[Positive, "length of the block"]


@dataclass(eq=False, repr=False)
class StateVariables:
    """Section ``state_variables`` of a stage."""

    storage: Annotated[bool, "storage is always state"] = True
    inflow_lags: Annotated[bool, "whether past inflows are state"] = False


class CvarShape(Shape):
    """A weighted CVaR; the size of the tail is given in one of two ways."""

    alpha: Fraction | None = Field(
        None, description="confidence level; the tail is what lies beyond"
    )
    tail_fraction: PositiveFraction | None = Field(
        None, description="share of the worst outcomes, in place of alpha"
    )
    weight: Fraction = Field(
        alias="lambda", description="weight of the worst outcomes; the expectation has the rest"
    )

    @model_validator(mode="after")
    def _one_size(self) -> CvarShape:
        if (self.alpha is None) == (self.tail_fraction is None):
            got = "neither" if self.alpha is None else "both"
            raise complaint(
                "HW205",
                f"expected exactly one of 'alpha' and 'tail_fraction', got {got}",
                "give one of them",
            )
        if self.alpha == 1:
            message = (
                "expected a confidence level 'alpha' below 1, got 1, which "
                "leaves no outcome to look at"
            )
            raise complaint(
                "HW204",
                message,
                "give 'tail_fraction' instead: 1 is the plain expectation, 0.05 the worst 5 %",
            )
        return self


class RiskShape(Shape):
    """A risk measure other than the expectation."""

    cvar: CvarShape = Field(description="expectation and worst outcomes, weighted")


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
            raise complaint(
                "HW205", message, "write 'expectation' or {'cvar': {'alpha': 0.95, 'lambda': 0.5}}"
            )
        if isinstance(value, dict) and "type" in value and value["type"] not in types:
            known = " or ".join(["'expectation', 'cvar'", *(f"'{one}'" for one in types)])
            message = f"expected one of the risk measures {known}, got {describe(value['type'])}"
            raise complaint(
                "HW205", message, "correct the name, or install the package that offers it"
            )
        return value

    return read


RiskMeasureShape = Annotated[
    RiskShape | None,
    BeforeValidator(
        read_risk([]), json_schema_input_type=RiskShape | Literal["expectation"] | None
    ),
]


def _block_ids(value: object) -> object:
    if not isinstance(value, list) or not all(
        isinstance(block, dict) and type(block.get("id")) is int for block in value
    ):
        return value
    ids = [block["id"] for block in value]
    if not ids:
        raise complaint("HW204", "expected at least one block, got none", "add a block")
    if sorted(ids) != list(range(len(ids))):
        message = (
            f"expected block ids 0 to {len(ids) - 1}, each once, got {describe(sorted(ids)[:10])}"
        )
        raise complaint("HW210", message, "number the blocks from 0 without gaps")
    return value


@in_file(
    checks=(dates_in_order,),
    order=(
        "start_date",
        "end_date",
        "id",
        "season_id",
        "blocks",
        "block_mode",
        "state_variables",
        "risk_measure",
    ),
)
@dataclass(eq=False, repr=False)
class StageInFile:
    """One study stage."""

    id: OwnId
    start_date: StartDate
    end_date: EndDate
    blocks: Annotated[
        tuple[BlockInFile, ...],
        BeforeValidator(_block_ids),
        "parts of the stage with their own balance",
    ]
    num_scenarios: Annotated[Count, "number of openings of the stage"]
    season_id: SeasonId = None
    block_mode: Annotated[
        m.BlockMode, "whether blocks lie beside each other or follow each other"
    ] = m.BlockMode.PARALLEL
    state_variables: Annotated[StateVariables, "what is carried from stage to stage"] = field(
        default_factory=StateVariables
    )
    risk_measure: Annotated[RiskMeasureShape, "the word expectation, or a weighted CVaR"] = None
    sampling_method: Annotated[m.SamplingMethod, "how the openings are drawn"] = (
        m.SamplingMethod.SAA
    )


@in_file(order=("policy_graph", "stages"))
@dataclass(eq=False, repr=False)
class StagesInFile:
    """All of ``stages.json``."""

    policy_graph: Annotated[m.PolicyGraph, "how stages follow each other"]
    stages: Annotated[tuple[StageInFile, ...], MinLen(1), "study stages"]
    season_definitions: Annotated[m.SeasonMap | None, "the seasons of a year"] = None
    pre_study_stages: Annotated[
        tuple[m.PreStudyStage, ...], "periods before the study that past inflows refer to"
    ] = ()


StageShape = schema_of(StageInFile)
StagesFile = schema_of(StagesInFile)
"""What choices of other packages extend."""
