"""Pumping stations."""

from __future__ import annotations

from dataclasses import dataclass
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
    Section,
    in_file,
)
from headwater.model.entities.hydro_parts import HydroReference

_PUMPING_BOUNDS = "constraints/pumping_bounds.parquet"


@in_file(
    Section("flow", "limits of the pumped flow", checks=(Ordered("min_m3s", "max_m3s"),)),
    order=(
        *ENTITY_KEYS,
        "bus_id",
        "source_hydro_id",
        "destination_hydro_id",
        "consumption_mw_per_m3s",
        "flow.min_m3s",
    ),
)
@dataclass(frozen=True, slots=True)
class PumpingStation:
    """Lifts water from one reservoir to another and takes its power from a bus."""

    id: OwnId
    bus_id: BusId
    source_hydro_id: Annotated[HydroReference, "plant from whose reservoir water is pumped"]
    destination_hydro_id: Annotated[HydroReference, "plant that receives it"]
    consumption_mw_per_m3s: Annotated[NonNegative, "power that a unit of flow takes"]
    max_flow_m3s: Annotated[
        NonNegative, InFile("flow.max_m3s"), PerStage(_PUMPING_BOUNDS, place=1), "largest flow"
    ]
    name: Name = ""
    min_flow_m3s: Annotated[
        NonNegative,
        InFile("flow.min_m3s", required=True),
        PerStage(_PUMPING_BOUNDS, place=0),
        "smallest flow",
    ] = 0.0
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None
