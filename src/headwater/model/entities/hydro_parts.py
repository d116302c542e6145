"""What a hydro plant may have beside its reservoir and turbines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar

from headwater.core.fields import Check, Id, InFile, NonNegative, PerStage, Ref, Unit
from headwater.errors import ModelError
from headwater.model import file_checks as checks

HYDRO_BOUNDS = "constraints/hydro_bounds.parquet"
HydroReference = Annotated[Id, Ref("hydro")]


class ProductionKind(Enum):
    """How turbined water becomes power."""

    CONSTANT = "constant_productivity"
    LINEARIZED_HEAD = "linearized_head"
    FPHA = "fpha"


@dataclass(frozen=True, slots=True)
class PolynomialTailrace:
    """Tailrace level in metres as a polynomial of outflow in m3/s, lowest power first."""

    coefficients: Annotated[
        tuple[float, ...],
        Check(checks.some_coefficients),
        "coefficients in the outflow, constant term first",
    ]
    type: ClassVar[str] = "polynomial"


@dataclass(frozen=True, slots=True)
class PiecewiseTailrace:
    """Tailrace level in metres, interpolated between points and constant outside them."""

    outflow_m3s: tuple[float, ...]
    height_m: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TailracePoint:
    """One point of a tailrace curve in a file."""

    outflow_m3s: Annotated[NonNegative, "outflow"]
    height_m: Annotated[float, "level"]


@dataclass(frozen=True, slots=True)
class PiecewiseInFile:
    """A tailrace through points, as files write it."""

    points: Annotated[
        tuple[TailracePoint, ...], Check(checks.rising), "points of the curve, rising"
    ]
    type: ClassVar[str] = "piecewise"

    def in_code(self) -> PiecewiseTailrace:
        """The tailrace."""
        return PiecewiseTailrace(
            tuple(point.outflow_m3s for point in self.points),
            tuple(point.height_m for point in self.points),
        )


@dataclass(frozen=True, slots=True)
class HydraulicLosses:
    """Head lost in the conduits: a share of gross head, or metres. Exactly one is given."""

    factor: float | None = None
    constant_m: float | None = None

    def __post_init__(self) -> None:
        if (self.factor is None) == (self.constant_m is None):
            raise ModelError(
                "hydraulic losses need either a factor of gross head or a constant in metres"
            )


@dataclass(frozen=True, slots=True)
class LossFactorInFile:
    """Losses as a share of gross head, as files write them."""

    value: Annotated[
        float, Check(checks.within(0, 1, "[)", "a share of gross head")), "share of the gross head"
    ]
    type: ClassVar[str] = "factor"

    def in_code(self) -> HydraulicLosses:
        """The losses."""
        return HydraulicLosses(factor=self.value)


@dataclass(frozen=True, slots=True)
class LossConstantInFile:
    """Losses in metres, as files write them."""

    value_m: Annotated[
        float, Check(checks.within(0, float("inf"), "[)", "metres of head")), "metres of head"
    ]
    type: ClassVar[str] = "constant"

    def in_code(self) -> HydraulicLosses:
        """The losses."""
        return HydraulicLosses(constant_m=self.value_m)


@dataclass(frozen=True, slots=True)
class EfficiencyInFile:
    """Efficiency of turbine and generator, as files write it."""

    value: Annotated[float, Check(checks.within(0, 1, "(]", "an efficiency")), "efficiency"]
    type: ClassVar[str] = "constant"

    def in_code(self) -> float:
        """The number."""
        return self.value


_Monthly = Annotated[tuple[float, ...], Check(checks.twelve)]


@dataclass(frozen=True, slots=True)
class Evaporation:
    """Monthly evaporation depth in mm, January first.

    And the volumes at which the surface is linearised.

    ``reference_volumes_hm3`` is ``None`` for the middle of the storage range.
    """

    coefficients_mm: Annotated[_Monthly, "net evaporation of each month, January first"]
    reference_volumes_hm3: Annotated[
        _Monthly | None, "storage of each month around which evaporation is linear"
    ] = None

    def __post_init__(self) -> None:
        for name, values in (
            ("coefficients_mm", self.coefficients_mm),
            ("reference_volumes_hm3", self.reference_volumes_hm3),
        ):
            if values is not None and len(values) != 12:
                raise ModelError(f"evaporation {name} needs 12 monthly values, got {len(values)}")


@dataclass(frozen=True, slots=True)
class Diversion:
    """A channel that takes water past the turbines to another plant."""

    downstream_id: Annotated[HydroReference, "plant that receives the diverted water"]
    max_flow_m3s: Annotated[
        NonNegative, PerStage(HYDRO_BOUNDS, "max_diversion_m3s", 8), "largest diverted flow"
    ]


@dataclass(frozen=True, slots=True)
class Filling:
    """Dead-volume filling from ``start_stage_id`` until the plant enters.

    ``inflow_m3s`` is retained.
    """

    start_stage_id: Annotated[Id, Ref("stage"), "stage at which the filling begins"]
    inflow_m3s: Annotated[
        NonNegative,
        InFile("filling_inflow_m3s"),
        PerStage(HYDRO_BOUNDS, place=9),
        "flow that the filling keeps at least",
    ] = 0.0


@dataclass(frozen=True, slots=True)
class Seepage:
    """Water that finds its way to the plant downstream through the dam."""

    slope_m3s_per_hm3: Annotated[
        NonNegative, Unit("m3/s per hm3"), "seepage for each hm3 of mean storage"
    ] = 0.0
    constant_m3s: Annotated[NonNegative, "seepage of an empty reservoir"] = 0.0
