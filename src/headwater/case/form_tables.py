"""Rows of the tables of a case that are no objects of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from headwater import model as m
from headwater.core.fields import (
    BusId,
    Count,
    Fraction,
    HydroId,
    Id,
    NonNegative,
    Positive,
    Ref,
    SignedId,
    SourceId,
    StageId,
    in_file,
)

UINT32_MAX = 2**32 - 1

_AnyStage = Annotated[SignedId, Ref("stage"), "stage"]
_Unsigned = Annotated[int, Ge(0), Le(UINT32_MAX)]
_Opening = Annotated[_Unsigned, "number of the opening, from 0"]
_ScenarioId = Annotated[Id, "number of the scenario"]
_Ratio = Annotated[
    float | None,
    "deviation of the noise against that of the inflow; derived when empty",
]
_Weight = Annotated[
    NonNegative | None,
    "how likely the scenario is, on any scale and the same in all its rows; all are equally "
    "likely when not given",
]


@in_file(order=("hydro_id", "plane_id", "stage_id"))
@dataclass(frozen=True)
class Plane(m.FphaPlane):
    """A plane of a production function, and where it was fitted."""

    valid_v_min_hm3: Annotated[float | None, "smallest storage for which the plane was fitted"] = (
        None
    )
    valid_v_max_hm3: Annotated[float | None, "largest storage for which the plane was fitted"] = (
        None
    )
    valid_q_max_m3s: Annotated[
        float | None, "largest turbined flow for which the plane was fitted"
    ] = None


@dataclass(eq=False, repr=False)
class SeasonalInflow:
    """Mean and deviation of the inflow of a plant at a stage."""

    hydro_id: HydroId
    stage_id: _AnyStage
    mean_m3s: Annotated[float, "mean inflow"]
    std_m3s: Annotated[NonNegative, "standard deviation of the inflow"]
    ar_order: Annotated[Id | None, "autoregressive order, checked against the coefficients"] = None


@dataclass(eq=False, repr=False)
class Coefficient:
    """An autoregressive coefficient."""

    hydro_id: HydroId
    stage_id: _AnyStage
    lag: Annotated[Count, "periods back, from 1"]
    coefficient: Annotated[float, "coefficient of the standardised inflow"]
    residual_std_ratio: _Ratio = None


@dataclass(eq=False, repr=False)
class AnnualTerm:
    """The annual term of an inflow model."""

    hydro_id: HydroId
    stage_id: _AnyStage
    annual_coefficient: Annotated[
        float, "coefficient of the standardised mean of the last twelve months"
    ]
    annual_mean_m3s: Annotated[float, "mean of that mean"]
    annual_std_m3s: Annotated[Positive, "standard deviation of that mean"]
    residual_std_ratio: _Ratio = None


@dataclass(eq=False, repr=False)
class ExternalInflow:
    """Inflow of a plant at a stage of a scenario."""

    stage_id: StageId
    scenario_id: _ScenarioId
    hydro_id: HydroId
    value_m3s: Annotated[float, "mean inflow"]
    weight: _Weight = None


@dataclass(eq=False, repr=False)
class ExternalLoad:
    """Load of a bus at a stage of a scenario."""

    stage_id: StageId
    scenario_id: _ScenarioId
    bus_id: BusId
    value_mw: Annotated[float, "load"]
    weight: _Weight = None


@dataclass(eq=False, repr=False)
class ExternalAvailability:
    """Availability of a source at a stage of a scenario."""

    stage_id: StageId
    scenario_id: _ScenarioId
    ncs_id: SourceId
    value: Annotated[Fraction, "share of the installed power that is available"]
    weight: _Weight = None


@dataclass(eq=False, repr=False)
class OpeningNoise:
    """Noise of one dimension in an opening."""

    stage_id: StageId
    opening_index: _Opening
    entity_index: Annotated[
        _Unsigned,
        "dimension of the noise: hydro plants, then buses with uncertain "
        "load, then sources, each by id",
    ]
    value: Annotated[float, "noise with mean 0 and deviation 1"]


@dataclass(eq=False, repr=False)
class OpeningProbability:
    """How likely an opening is."""

    stage_id: StageId
    opening_index: _Opening
    probability: Annotated[Fraction, "probability"]
