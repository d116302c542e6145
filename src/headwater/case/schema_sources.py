"""What ``config.json`` may say of the scenarios of training and of simulation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from headwater.case.shapes import Shape, complaint
from headwater.core.choices import SAMPLING_SCHEMES
from headwater.core.fields import Int64
from headwater.core.provenance import is_own


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
