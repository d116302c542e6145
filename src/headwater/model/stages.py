"""The time axis of a study: stages, blocks, seasons, and how one stage leads to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from headwater.choices.risk.mixed_cvar import MixedCVaR
from headwater.core.choices import RiskMeasure
from headwater.errors import ModelError

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
            raise ModelError(f"stage {self.id}: start {self.start_date} is not before end {self.end_date}")
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


@dataclass(frozen=True, slots=True)
class PreStudyStage:
    """A period before the study (negative id) that carries inflow statistics for lags."""

    id: int
    start_date: date
    end_date: date
    season_id: int | None = None


@dataclass(frozen=True, slots=True)
class Season:
    """A part of the year. ``None`` ends and days take the conventions of the cycle; custom ends are inclusive."""

    id: int
    month_start: int
    label: str = ""
    day_start: int | None = None
    month_end: int | None = None
    day_end: int | None = None


@dataclass(frozen=True, slots=True)
class SeasonMap:
    """The seasons of the year, by ascending id."""

    cycle_type: CycleType
    seasons: tuple[Season, ...]


@dataclass(frozen=True, slots=True)
class Transition:
    """A step from one stage to another, with an optional discount rate of its own."""

    source_id: int
    target_id: int
    probability: float = 1.0
    annual_discount_rate: float | None = None


@dataclass(frozen=True, slots=True)
class PolicyGraph:
    """How stages follow each other; without transitions, the chain of stages in ascending id."""

    type: GraphType = GraphType.FINITE_HORIZON
    annual_discount_rate: float = 0.0
    transitions: tuple[Transition, ...] = ()

    def discount_factor(self, stage: Stage) -> float:
        """One-step discount of the transition leaving ``stage``: ``(1 + r) ** -(days / 365.25)``."""
        rate = self.annual_discount_rate
        for transition in self.transitions:
            if transition.source_id == stage.id and transition.annual_discount_rate is not None:
                rate = transition.annual_discount_rate
                break
        return float((1.0 + rate) ** (-stage.days / DAYS_PER_YEAR)) if rate != 0.0 else 1.0
