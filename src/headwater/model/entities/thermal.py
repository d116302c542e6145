"""Thermal plants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Ge, Le, MinLen

from headwater.core.fields import (
    ENTITY_KEYS,
    BusId,
    EntryStage,
    ExitStage,
    InFile,
    Name,
    NonNegative,
    Ordered,
    OwnId,
    PerStage,
    Positive,
    Section,
    Unit,
    as_base,
    in_file,
)
from headwater.model import file_checks as checks

_THERMAL_BOUNDS = "constraints/thermal_bounds.parquet"
_GnlLag = Annotated[int, Ge(1), Le(120)]


@dataclass(frozen=True, slots=True)
class CostSegment:
    """A tranche of thermal capacity in MW and its cost."""

    capacity_mw: Annotated[Positive, "width of the tranche"]
    cost_per_mwh: Annotated[NonNegative, "cost of generation"]


@dataclass(frozen=True, slots=True)
class Thermal:
    """A thermal plant with convex, piecewise-linear cost.

    Give either ``cost_segments`` (cheapest first) or, through `Thermal.flat`, one cost for the
    whole range. ``gnl_lag_stages`` is the number of stages by which its dispatch is decided ahead;
    ``None`` for ordinary plants.
    """

    id: OwnId
    bus_id: BusId
    max_generation_mw: Annotated[
        NonNegative,
        InFile("generation.max_mw"),
        PerStage(
            _THERMAL_BOUNDS, "max_generation_mw", 1, meaning="largest generation", blocks=True
        ),
        "largest power",
    ]
    cost_segments: tuple[CostSegment, ...]
    name: Name = ""
    min_generation_mw: Annotated[
        NonNegative,
        InFile("generation.min_mw", required=True),
        PerStage(
            _THERMAL_BOUNDS, "min_generation_mw", 0, meaning="smallest generation", blocks=True
        ),
        "smallest power",
    ] = 0.0
    gnl_lag_stages: Annotated[
        int | None,
        InFile("gnl_config.lag_stages", form=_GnlLag),
        "stages between decision and delivery",
    ] = None
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None
    max_ramp_up_mw_per_hour: Annotated[
        NonNegative | None,
        "largest rise of its power between chronological blocks; unlimited when not given",
    ] = None
    max_ramp_down_mw_per_hour: Annotated[
        NonNegative | None,
        "largest fall of its power between chronological blocks; unlimited when not given",
    ] = None
    min_stable_mw: Annotated[
        NonNegative, "least power of a plant that is on, in chronological blocks (relaxed)"
    ] = 0.0
    start_cost: Annotated[
        NonNegative, Unit("$"), "cost of a start between chronological blocks (relaxed)"
    ] = 0.0
    min_up_hours: Annotated[NonNegative, "least time that it stays on (relaxed)"] = 0.0
    min_down_hours: Annotated[NonNegative, "least time that it stays off (relaxed)"] = 0.0

    @property
    def is_committed(self) -> bool:
        """Whether it matters if it is on or off."""
        return any((self.min_stable_mw, self.start_cost, self.min_up_hours, self.min_down_hours))

    @property
    def has_ramps(self) -> bool:
        """Whether its power may change only so fast."""
        rates = (self.max_ramp_up_mw_per_hour, self.max_ramp_down_mw_per_hour)
        return any(rate is not None for rate in rates)

    @classmethod
    def flat(
        cls,
        id: int,
        bus_id: int,
        max_generation_mw: float,
        cost_per_mwh: float,
        *,
        name: str = "",
        min_generation_mw: float = 0.0,
        entry_stage_id: int | None = None,
        exit_stage_id: int | None = None,
    ) -> Thermal:
        """A thermal with one cost for its whole range."""
        return cls(
            id=id,
            bus_id=bus_id,
            max_generation_mw=max_generation_mw,
            cost_segments=(CostSegment(max_generation_mw, cost_per_mwh),),
            name=name,
            min_generation_mw=min_generation_mw,
            entry_stage_id=entry_stage_id,
            exit_stage_id=exit_stage_id,
        )


_Tranches = Annotated[
    Annotated[tuple[CostSegment, ...], MinLen(1)] | None,
    "tranches of the cost, in place of cost_per_mwh",
]


@in_file(
    Section("generation", "limits of generation", checks=(Ordered("min_mw", "max_mw"),)),
    Section("gnl_config", "dispatch that is decided ahead", optional=True),
    checks=(checks.one_cost,),
    order=(
        *ENTITY_KEYS,
        "bus_id",
        "generation.min_mw",
        "generation",
        "cost_per_mwh",
        "cost_segments",
    ),
)
@dataclass(frozen=True)
class ThermalInFile(Thermal):
    """A thermal as files write it: one cost, or tranches."""

    cost_segments: _Tranches = None  # type: ignore[assignment]  # files may leave it out
    cost_per_mwh: Annotated[
        NonNegative | None,
        PerStage(_THERMAL_BOUNDS, place=2, blocks=True, missing=float("nan")),
        "cost of generation",
    ] = None

    def in_code(self) -> Thermal:
        """The thermal, with its one cost as a single tranche."""
        one = (CostSegment(self.max_generation_mw, self.cost_per_mwh or 0.0),)
        return replace(as_base(self, Thermal), cost_segments=self.cost_segments or one)
