"""Hydro plants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

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
    Priced,
    Section,
    in_file,
)
from headwater.model import file_checks as checks
from headwater.model.entities.hydro_costs import HydroCosts
from headwater.model.entities.hydro_parts import (
    HYDRO_BOUNDS,
    Diversion,
    EfficiencyInFile,
    Evaporation,
    Filling,
    HydraulicLosses,
    HydroReference,
    LossConstantInFile,
    LossFactorInFile,
    PiecewiseInFile,
    PiecewiseTailrace,
    PolynomialTailrace,
    ProductionKind,
    Seepage,
)


@in_file(
    Section(
        "reservoir",
        "limits of the storage",
        checks=(Ordered("min_storage_hm3", "max_storage_hm3"),),
    ),
    Section(
        "outflow",
        "limits of the outflow, turbined and spilled",
        checks=(Ordered("min_outflow_m3s", "max_outflow_m3s"),),
    ),
    Section(
        "generation",
        "limits of generation, and how water becomes energy",
        checks=(
            Ordered("min_turbined_m3s", "max_turbined_m3s"),
            Ordered("min_generation_mw", "max_generation_mw"),
            checks.productivity_given,
        ),
    ),
    checks=(checks.volumes_in_range,),
    order=(
        *ENTITY_KEYS,
        "bus_id",
        "downstream_id",
        "reservoir.min_storage_hm3",
        "reservoir",
        "outflow",
        "generation.model",
        "generation.productivity_mw_per_m3s",
        "generation.min_turbined_m3s",
        "generation.max_turbined_m3s",
        "generation.min_generation_mw",
    ),
)
@dataclass(frozen=True, slots=True)
class Hydro:
    """A hydro plant with its reservoir, limits, production function and place in the cascade.

    Storage limits are in hm3, flows in m3/s, power in MW. Minimum storage, outflow, turbined flow
    and generation and maximum outflow are soft (their violation is priced); the other limits are
    hard. ``productivity_mw_per_m3s`` is required unless ``production`` is FPHA.
    """

    id: OwnId
    bus_id: BusId
    max_storage_hm3: Annotated[
        NonNegative,
        InFile("reservoir.max_storage_hm3"),
        PerStage(HYDRO_BOUNDS, place=3),
        "largest storage",
    ]
    max_turbined_m3s: Annotated[
        NonNegative,
        InFile("generation.max_turbined_m3s"),
        PerStage(HYDRO_BOUNDS, place=1),
        "largest turbined flow",
    ]
    max_generation_mw: Annotated[
        NonNegative,
        InFile("generation.max_generation_mw"),
        PerStage(HYDRO_BOUNDS, place=7),
        "largest generation",
    ]
    name: Name = ""
    productivity_mw_per_m3s: Annotated[
        NonNegative | None, InFile("generation.productivity_mw_per_m3s"), "power per turbined flow"
    ] = None
    production: Annotated[
        ProductionKind, InFile("generation.model", required=True), "production function"
    ] = ProductionKind.CONSTANT
    downstream_id: Annotated[
        HydroReference | None,
        "plant that receives turbined and spilled water; without it, the water leaves the system",
    ] = None
    min_storage_hm3: Annotated[
        NonNegative,
        InFile("reservoir.min_storage_hm3", required=True),
        PerStage(HYDRO_BOUNDS, place=2),
        "smallest storage",
    ] = 0.0
    min_outflow_m3s: Annotated[
        NonNegative,
        InFile("outflow.min_outflow_m3s", required=True),
        PerStage(HYDRO_BOUNDS, place=4),
        "smallest outflow",
    ] = 0.0
    max_outflow_m3s: Annotated[
        NonNegative | None,
        InFile("outflow.max_outflow_m3s"),
        PerStage(HYDRO_BOUNDS, place=5, missing=float("inf")),
        "largest outflow; unlimited when not given",
    ] = None
    min_turbined_m3s: Annotated[
        NonNegative,
        InFile("generation.min_turbined_m3s", required=True),
        PerStage(HYDRO_BOUNDS, place=0),
        "smallest turbined flow",
    ] = 0.0
    min_generation_mw: Annotated[
        NonNegative,
        InFile("generation.min_generation_mw", required=True),
        PerStage(HYDRO_BOUNDS, place=6),
        "smallest generation",
    ] = 0.0
    tailrace: Annotated[
        PolynomialTailrace | PiecewiseTailrace | None,
        InFile(form=PolynomialTailrace | PiecewiseInFile | None),
        "level below the plant as a function of the outflow",
    ] = None
    hydraulic_losses: Annotated[
        HydraulicLosses | None,
        InFile(form=LossFactorInFile | LossConstantInFile | None),
        "head lost in the conduits",
    ] = None
    efficiency: Annotated[
        float | None, InFile(form=EfficiencyInFile | None), "efficiency of turbine and generator"
    ] = None
    evaporation: Annotated[Evaporation | None, "evaporation from the surface"] = None
    diversion: Annotated[Diversion | None, "channel to another plant"] = None
    filling: Annotated[Filling | None, "filling of the dead volume before the plant enters"] = None
    costs: Annotated[
        HydroCosts,
        InFile("penalties"),
        Priced("constraints/penalty_overrides_hydro.parquet"),
        "costs of this plant in place of the general ones",
    ] = field(default_factory=HydroCosts)
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None
    travel_time_hours: Annotated[
        NonNegative | None,
        "time that turbined and spilled water takes to the plant downstream; without it, none",
    ] = None
    balance_each_block: Annotated[
        bool,
        "whether its water is balanced in every block where blocks are parallel, as without a "
        "store; else over the whole stage",
    ] = False
    seepage: Annotated[Seepage | None, "water that finds its way through the dam"] = None

    @property
    def travels(self) -> bool:
        """Whether its water is on its way to the plant downstream for some time."""
        return bool(self.travel_time_hours) and self.downstream_id is not None
