"""The time axis of a study: stages, blocks, seasons, and how one stage leads to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated

from annotated_types import Ge, Le, Lt

from headwater.choices.risk.mixed_cvar import MixedCVaR
from headwater.core.choices import RiskMeasure
from headwater.core.fields import (
    EndDate,
    InFile,
    NonNegative,
    OwnId,
    PositiveFraction,
    Ref,
    SeasonId,
    SignedId,
    StartDate,
    Unit,
    in_file,
)
from headwater.errors import ModelError
from headwater.model import file_checks as checks
from headwater.model.regimes import RegimeChain

HM3_PER_M3S_HOUR = 3600.0 / 1e6
"""Volume in hm3 of one m3/s held for one hour."""

DAYS_PER_YEAR = 365.25
"""Length of the year that annual discount rates refer to."""


class BlockMode(Enum):
    """Whether the blocks of a stage are simultaneous load levels or follow each other."""

    PARALLEL = "parallel"
    CHRONOLOGICAL = "chronological"


class SamplingMethod(Enum):
    """How the openings of a stage are drawn."""

    SAA = "saa"
    LHS = "lhs"
    QMC_SOBOL = "qmc_sobol"
    QMC_HALTON = "qmc_halton"
    SELECTIVE = "selective"
    HISTORICAL_RESIDUALS = "historical_residuals"


class CycleType(Enum):
    """How the year is divided into seasons."""

    MONTHLY = "monthly"
    WEEKLY = "weekly"
    CUSTOM = "custom"


class GraphType(Enum):
    """Whether the horizon ends or repeats."""

    FINITE_HORIZON = "finite_horizon"
    CYCLIC = "cyclic"


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a stage with its duration in hours; its position in `Stage.blocks` is its id."""

    hours: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """A decision period.

    Attributes:
        id: domain id (>= 0), ascending in time.
        start_date, end_date: calendar span, end exclusive; discounting and calendar rules use it.
        blocks: load blocks; their hours need not add up to the calendar span.
        season_id: season whose statistics apply; ``None`` when the stage is its own season.
        n_openings: branching of the opening tree when it is generated.
        inflow_lags: whether past inflows are part of the state.
        risk: risk measure applied to the outcome of this stage.
    """

    id: int
    start_date: date
    end_date: date
    blocks: tuple[Block, ...]
    season_id: int | None = None
    n_openings: int = 1
    sampling_method: SamplingMethod = SamplingMethod.SAA
    block_mode: BlockMode = BlockMode.PARALLEL
    inflow_lags: bool = True
    risk: RiskMeasure = field(default_factory=MixedCVaR)

    def __post_init__(self) -> None:
        if self.start_date >= self.end_date:
            raise ModelError(
                f"stage {self.id}: start {self.start_date} is not before end {self.end_date}"
            )
        if not self.blocks:
            raise ModelError(f"stage {self.id} has no blocks")

    @property
    def hours(self) -> float:
        """Sum of the block hours."""
        return float(sum(block.hours for block in self.blocks))

    @property
    def days(self) -> int:
        """Calendar days from start to end."""
        return (self.end_date - self.start_date).days


@in_file(checks=(checks.dates_in_order,), order=("start_date", "end_date"))
@dataclass(frozen=True, slots=True)
class PreStudyStage:
    """A period before the study (negative id) that carries inflow statistics for lags."""

    id: Annotated[SignedId, Lt(0), "negative number of the period"]
    start_date: StartDate
    end_date: EndDate
    season_id: SeasonId = None


_Month = Annotated[int, Ge(1), Le(12)]
_Day = Annotated[int, Ge(1), Le(31)]


@in_file(order=("id", "label"))
@dataclass(frozen=True, slots=True)
class Season:
    """A part of the year.

    ``None`` ends and days take the conventions of the cycle; custom ends are inclusive.
    """

    id: OwnId
    month_start: Annotated[_Month, "month of its first day"]
    label: Annotated[str, InFile(required=True), "name of the season"] = ""
    day_start: Annotated[_Day | None, "day of the month of its first day"] = None
    month_end: Annotated[_Month | None, "month of its last day"] = None
    day_end: Annotated[_Day | None, "day of the month of its last day"] = None


@dataclass(frozen=True, slots=True)
class SeasonMap:
    """The seasons of the year, by ascending id."""

    cycle_type: Annotated[CycleType, "what a season is"]
    seasons: Annotated[tuple[Season, ...], "the seasons"]


@dataclass(frozen=True, slots=True)
class Transition:
    """A step from one stage to another, with an optional discount rate of its own."""

    source_id: Annotated[SignedId, Ref("stage"), "stage that is left"]
    target_id: Annotated[SignedId, Ref("stage"), "stage that follows"]
    probability: Annotated[PositiveFraction, InFile(required=True), "probability"] = 1.0
    annual_discount_rate: Annotated[
        NonNegative | None,
        InFile("annual_discount_rate_override"),
        Unit("1/year"),
        "discount rate of this transition",
    ] = None


@dataclass(frozen=True, slots=True)
class PolicyGraph:
    """How stages follow each other; without transitions, the chain of stages in ascending id."""

    type: Annotated[GraphType, InFile(required=True), "which of the known forms follows"] = (
        GraphType.FINITE_HORIZON
    )
    annual_discount_rate: Annotated[
        NonNegative, InFile(required=True), Unit("1/year"), "discount rate"
    ] = 0.0
    transitions: Annotated[
        tuple[Transition, ...],
        "which stage follows which; the chain of stages when not given",
    ] = ()
    regimes: Annotated[
        RegimeChain | None,
        "Markov chain of regimes, each with a directory `regimes/NAME` of the files that differ",
    ] = None

    def digest_fields(self) -> tuple[tuple[str, object], ...]:
        """Names and values for digests.

        Stored policies are from when there were no regimes.
        """
        kept = [name for name in self.__slots__ if name != "regimes" or self.regimes is not None]
        return tuple((name, getattr(self, name)) for name in kept)

    def discount_factor(self, stage: Stage) -> float:
        """One-step discount of the transition leaving ``stage``.

        It is ``(1 + r) ** -(days / 365.25)``.
        """
        rate = self.annual_discount_rate
        for transition in self.transitions:
            if transition.source_id == stage.id and transition.annual_discount_rate is not None:
                rate = transition.annual_discount_rate
                break
        return float((1.0 + rate) ** (-stage.days / DAYS_PER_YEAR)) if rate != 0.0 else 1.0
