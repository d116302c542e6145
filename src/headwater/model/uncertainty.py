"""What is known about the future.

Statistics of inflows, loads and availability, correlation, given openings, the past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import FrozenDict, hold_frozen
from headwater.core.fields import (
    BusId,
    EndDate,
    Fraction,
    HydroId,
    InFile,
    NonNegative,
    SourceId,
    StageId,
    StartDate,
    in_file,
)
from headwater.model import file_checks as checks


@dataclass(frozen=True, slots=True)
class AnnualComponent:
    """Annual term of a PAR(p)-A model.

    Coefficient, and mean and deviation of the previous 12 months' mean inflow.
    """

    coefficient: float
    mean_m3s: float
    std_m3s: float


@dataclass(frozen=True, slots=True)
class InflowStatistics:
    """Incremental inflow of one plant at one stage (or pre-study stage, with a negative id).

    Attributes:
        mean_m3s, std_m3s: seasonal mean and standard deviation; ``nan`` where only coefficients are
            given and these two are to be estimated from history.
        coefficients: standardised autoregressive coefficients phi, lag 1 first; empty for
            independent inflows.
        residual_std_ratio: noise deviation over ``std_m3s``; ``None`` derives it from the
            coefficients.
    """

    hydro_id: int
    stage_id: int
    mean_m3s: float
    std_m3s: float = 0.0
    coefficients: tuple[float, ...] = ()
    residual_std_ratio: float | None = None
    annual: AnnualComponent | None = None


@dataclass(frozen=True, slots=True)
class LoadStatistics:
    """Load of one bus at one stage in MW: normal with this mean and deviation, cut at zero."""

    bus_id: BusId
    stage_id: StageId
    mean_mw: Annotated[float, "mean load"]
    std_mw: Annotated[NonNegative, InFile(required=True), "standard deviation of the load"] = 0.0


@dataclass(frozen=True, slots=True)
class AvailabilityStatistics:
    """Availability of a non-controllable source at one stage as a fraction of its capacity."""

    ncs_id: SourceId
    stage_id: StageId
    mean: Annotated[Fraction, "mean availability as a share of the installed power"]
    std: Annotated[NonNegative, InFile(required=True), "standard deviation of the availability"] = (
        0.0
    )


class NoiseClass(Enum):
    """The three kinds of uncertain quantity."""

    INFLOW = "inflow"
    LOAD = "load"
    NCS = "ncs"


class FactorMethod(Enum):
    """How a correlation matrix is factorised."""

    SPECTRAL = "spectral"
    CHOLESKY = "cholesky"


@dataclass(frozen=True, eq=False)
class CorrelationGroup:
    """Entities of one class and the correlation matrix of their noise, ``[entity, entity]``."""

    name: str
    noise_class: NoiseClass
    entity_ids: tuple[int, ...]
    matrix: NDArray[np.float64]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CorrelationGroup):
            return NotImplemented
        same = (self.name, self.noise_class, self.entity_ids) == (
            other.name,
            other.noise_class,
            other.entity_ids,
        )
        return same and np.array_equal(self.matrix, other.matrix)

    def __hash__(self) -> int:
        return hash((self.name, self.noise_class, self.entity_ids))


@dataclass(frozen=True)
class Correlation:
    """Named profiles of correlation groups and which stage uses which.

    ``default`` serves the others.
    """

    profiles: Mapping[str, tuple[CorrelationGroup, ...]]
    schedule: Mapping[int, str] = field(default_factory=FrozenDict)
    method: FactorMethod = FactorMethod.SPECTRAL

    def __post_init__(self) -> None:
        hold_frozen(self, "profiles", "schedule")

    def profile_at(self, stage_id: int) -> tuple[CorrelationGroup, ...]:
        """Groups in force at a stage."""
        name = self.schedule.get(stage_id)
        if name is not None:
            return self.profiles[name]
        if "default" in self.profiles:
            return self.profiles["default"]
        return next(iter(self.profiles.values())) if len(self.profiles) == 1 else ()


@dataclass(frozen=True)
class GivenOpenings:
    """An opening tree supplied by the user.

    Attributes:
        noise: stage id -> standardised noise ``[opening, dimension]``, used as it is; dimensions
            are all hydros by id, then buses with stochastic load, then sources with availability
            statistics.
        probability: stage id -> ``[opening]``; stages left out have equal probabilities.
    """

    noise: Mapping[int, NDArray[np.float64]]
    probability: Mapping[int, NDArray[np.float64]] = field(default_factory=FrozenDict)

    def __post_init__(self) -> None:
        hold_frozen(self, "noise", "probability")


@dataclass(frozen=True)
class ExternalScenarios:
    """Realisations of one class supplied by the user, in physical units.

    Attributes:
        entity_ids: hydros, buses or sources, ascending.
        values: stage id -> ``[scenario, entity]``: inflow in m3/s, load in MW, or availability as a
            fraction. Stages may differ in the number of scenarios; the shorter ones repeat.
        weights: stage id -> ``[scenario]``, at least 0 and on any scale; scenarios of stages left
            out are equally likely.
    """

    entity_ids: tuple[int, ...]
    values: Mapping[int, NDArray[np.float64]]
    weights: Mapping[int, NDArray[np.float64]] = field(default_factory=FrozenDict)

    def __post_init__(self) -> None:
        hold_frozen(self, "values", "weights")


@dataclass(frozen=True, slots=True)
class InflowObservation:
    """A recorded inflow."""

    hydro_id: HydroId
    date: Annotated[date, "first day of the period"]
    value_m3s: Annotated[float, "mean inflow"]


@in_file(checks=(checks.dates_in_order,))
@dataclass(frozen=True, slots=True)
class RecentObservation:
    """Observed mean inflow over part of the period that is under way when the study starts.

    The end is exclusive.
    """

    hydro_id: HydroId
    start_date: StartDate
    end_date: EndDate
    value_m3s: Annotated[NonNegative, "mean inflow of these days"]


@in_file(checks=(checks.dates_in_order,))
@dataclass(frozen=True, slots=True)
class PastDefluence:
    """What a plant released before the study, turbined and spilled: water that is on its way.

    The end is exclusive.
    """

    hydro_id: HydroId
    start_date: StartDate
    end_date: EndDate
    value_m3s: Annotated[NonNegative, "mean outflow of these days"]


@dataclass(frozen=True)
class InitialConditions:
    """Where the system stands before the first stage.

    Attributes:
        storage_hm3: hydro id -> storage; plants left out start empty.
        filling_storage_hm3: the same for plants that are filling.
        past_inflows_m3s: hydro id -> inflows of the periods before the study, most recent first.
        recent_observations: inflow of the part of the current period that has passed.
        gnl_pipeline_mw: (thermal id, stage offset from 1) -> committed power.
        past_defluences: outflow before the study of plants whose water travels.
    """

    storage_hm3: Mapping[int, float] = field(default_factory=FrozenDict)
    filling_storage_hm3: Mapping[int, float] = field(default_factory=FrozenDict)
    past_inflows_m3s: Mapping[int, tuple[float, ...]] = field(default_factory=FrozenDict)
    recent_observations: tuple[RecentObservation, ...] = ()
    gnl_pipeline_mw: Mapping[tuple[int, int], float] = field(default_factory=FrozenDict)
    past_defluences: tuple[PastDefluence, ...] = ()

    def __post_init__(self) -> None:
        hold_frozen(
            self, "storage_hm3", "filling_storage_hm3", "past_inflows_m3s", "gnl_pipeline_mw"
        )
