"""Production functions of the plants.

Which one a plant uses at each stage, and the planes of the piecewise-linear ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Literal

from annotated_types import Ge, Le

from headwater.core.fields import (
    Count,
    Fraction,
    HydroId,
    Id,
    InFile,
    NonNegative,
    Positive,
    PositiveFraction,
    Ref,
    Section,
    Unit,
    in_file,
)
from headwater.errors import ModelError
from headwater.model import file_checks as checks
from headwater.model.entities import Hydro, ProductionKind
from headwater.model.stages import Stage


class FphaSource(Enum):
    """Where the planes of a production function come from."""

    PRECOMPUTED = "precomputed"
    COMPUTED = "computed"


_Points = Annotated[int, Ge(2), Le(50)]


@in_file(
    Section(
        "fitting_window",
        "storages for which the planes are fitted",
        checks=(checks.one_kind_of_window,),
    )
)
@dataclass(frozen=True, slots=True)
class FphaFit:
    """How computed planes are fitted.

    Percentiles are fractions of the storage range, kappa a rule name.
    """

    source: Annotated[FphaSource, InFile(required=True), "planes from a file, or fitted"] = (
        FphaSource.PRECOMPUTED
    )
    volume_points: Annotated[
        _Points, InFile("volume_discretization_points"), "storages of the fitting grid"
    ] = 5
    turbine_points: Annotated[
        _Points, InFile("turbine_discretization_points"), "turbined flows of the fitting grid"
    ] = 5
    spillage_points: Annotated[
        _Points, InFile("spillage_discretization_points"), "spilled flows of the fitting grid"
    ] = 5
    max_planes: Annotated[Count, InFile("max_planes_per_hydro"), "largest number of planes"] = 10
    volume_min_hm3: Annotated[
        NonNegative | None, InFile("fitting_window.volume_min_hm3"), "lower end as a storage"
    ] = None
    volume_max_hm3: Annotated[
        NonNegative | None, InFile("fitting_window.volume_max_hm3"), "upper end as a storage"
    ] = None
    volume_min_percentile: Annotated[
        Fraction | None,
        InFile("fitting_window.volume_min_percentile"),
        "lower end as a share of the useful volume",
    ] = None
    volume_max_percentile: Annotated[
        Fraction | None,
        InFile("fitting_window.volume_max_percentile"),
        "upper end as a share of the useful volume",
    ] = None
    kappa: Annotated[
        str,
        InFile(form=Literal["least_squares", "worst_case"]),
        "how the factor on the fitted planes is chosen",
    ] = "least_squares"


@dataclass(frozen=True, slots=True)
class ProductionRule:
    """A production function and when it holds.

    Stage rules hold for ``start_stage_id <= t <= end_stage_id`` (``None``: open end); season rules
    for ``season_id``.
    """

    kind: ProductionKind
    start_stage_id: int | None = None
    end_stage_id: int | None = None
    season_id: int | None = None
    productivity_mw_per_m3s: float | None = None
    fit: FphaFit | None = None


@dataclass(frozen=True, slots=True)
class ProductionModel:
    """The rules of one plant, by stage ranges or by season.

    ``default`` serves stages that no season rule names.
    """

    hydro_id: int
    rules: tuple[ProductionRule, ...]
    seasonal: bool = False
    default: ProductionKind | None = None

    def rule_at(self, stage: Stage) -> ProductionRule | None:
        """First rule that holds at ``stage``, or ``None`` for the plant's own function."""
        for rule in self.rules:
            if self.seasonal:
                if rule.season_id == stage.season_id:
                    return rule
            elif (rule.start_stage_id is None or rule.start_stage_id <= stage.id) and (
                rule.end_stage_id is None or stage.id <= rule.end_stage_id
            ):
                return rule
        return ProductionRule(self.default) if self.seasonal and self.default is not None else None


@dataclass(frozen=True, slots=True)
class FphaPlane:
    """``g <= kappa * gamma_0 + gamma_v * (v_in + v_out) / 2 + gamma_q * q + gamma_s * s``.

    Units: ``gamma_0`` MW, ``gamma_v`` MW/hm3, ``gamma_q`` and ``gamma_s`` MW/(m3/s). ``stage_id``
    ``None`` holds for all stages that have no planes of their own.
    """

    hydro_id: HydroId
    plane_id: Annotated[Id, "number of the plane"]
    gamma_0: Annotated[float, Unit("MW"), "constant term"]
    gamma_v: Annotated[NonNegative, Unit("MW/hm3"), "slope in the mean storage"]
    gamma_q: Annotated[Positive, Unit("MW/(m3/s)"), "slope in the turbined flow"]
    gamma_s: Annotated[float, Le(0), Unit("MW/(m3/s)"), "slope in the spilled flow"]
    kappa: Annotated[PositiveFraction, "factor on the plane; 1 when empty"] = 1.0
    stage_id: Annotated[
        Id | None, Ref("stage"), "stage at which the plane holds; empty for all"
    ] = None


@dataclass(frozen=True, slots=True)
class GeometryPoint:
    """A point of the volume-height-area curve of a reservoir."""

    hydro_id: HydroId
    volume_hm3: Annotated[NonNegative, "storage"]
    height_m: Annotated[NonNegative, "level above the sea"]
    area_km2: Annotated[NonNegative, "surface"]


@dataclass(frozen=True, slots=True)
class ResolvedProduction:
    """The production function of one plant at one stage.

    ``productivity_mw_per_m3s`` is 0 for FPHA; ``planes`` is empty otherwise.
    """

    kind: ProductionKind
    productivity_mw_per_m3s: float = 0.0
    planes: tuple[FphaPlane, ...] = ()
    fit: FphaFit | None = None


def resolve_production(
    hydros: Sequence[Hydro],
    stages: Sequence[Stage],
    production_models: Sequence[ProductionModel],
    fpha_planes: Sequence[FphaPlane],
) -> tuple[tuple[ResolvedProduction, ...], ...]:
    """Production functions as ``[hydro][stage]``.

    Raises:
        ModelError: a plant is left without productivity or planes at some stage.
    """
    models = {model.hydro_id: model for model in production_models}
    planes: dict[tuple[int, int | None], list[FphaPlane]] = {}
    for plane in fpha_planes:
        planes.setdefault((plane.hydro_id, plane.stage_id), []).append(plane)
    return tuple(
        tuple(_resolve_one(plant, stage, models.get(plant.id), planes) for stage in stages)
        for plant in hydros
    )


def _resolve_one(
    plant: Hydro,
    stage: Stage,
    model: ProductionModel | None,
    planes: dict[tuple[int, int | None], list[FphaPlane]],
) -> ResolvedProduction:
    rule = None if model is None else model.rule_at(stage)
    kind = plant.production if rule is None else rule.kind
    if kind is ProductionKind.FPHA:
        fit = rule.fit if rule is not None and rule.fit is not None else FphaFit()
        chosen = planes.get((plant.id, stage.id)) or planes.get((plant.id, None)) or []
        if not chosen and fit.source is FphaSource.PRECOMPUTED:
            raise ModelError(
                f"hydro {plant.id} uses FPHA at stage {stage.id} but has no planes there"
            )
        return ResolvedProduction(kind, planes=tuple(chosen), fit=fit)
    productivity = plant.productivity_mw_per_m3s
    if rule is not None and rule.productivity_mw_per_m3s is not None:
        productivity = rule.productivity_mw_per_m3s
    if productivity is None:
        raise ModelError(f"hydro {plant.id} has no productivity at stage {stage.id}")
    return ResolvedProduction(kind, productivity_mw_per_m3s=productivity)
