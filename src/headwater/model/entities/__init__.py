"""What a hydrothermal system is made of: the founding kinds of equipment, a module for each.

As the planner describes them, and as files give them. Every entity is an immutable value. ``id``
is the domain id used in files and messages, never a position. Optional cost fields that are
``None`` take the value of the system-wide `Penalties`. An entity with
``entry_stage_id``/``exit_stage_id`` exists at stage ids ``entry <= t < exit``; ``None`` means
always.
"""

from headwater.model.entities.bus import Bus, DeficitSegment, DeficitSegments
from headwater.model.entities.contract import ContractKind, EnergyContract
from headwater.model.entities.hydro import Hydro
from headwater.model.entities.hydro_costs import HydroCosts, digest_of_costs
from headwater.model.entities.hydro_parts import (
    Diversion,
    Evaporation,
    Filling,
    HydraulicLosses,
    PiecewiseTailrace,
    PolynomialTailrace,
    ProductionKind,
    Seepage,
)
from headwater.model.entities.line import Line, LossPoint
from headwater.model.entities.non_controllable import NonControllableSource
from headwater.model.entities.pumping_station import PumpingStation
from headwater.model.entities.thermal import CostSegment, Thermal, ThermalInFile

__all__ = [
    "Bus",
    "ContractKind",
    "CostSegment",
    "DeficitSegment",
    "DeficitSegments",
    "Diversion",
    "EnergyContract",
    "Evaporation",
    "Filling",
    "HydraulicLosses",
    "Hydro",
    "HydroCosts",
    "Line",
    "LossPoint",
    "NonControllableSource",
    "PiecewiseTailrace",
    "PolynomialTailrace",
    "ProductionKind",
    "PumpingStation",
    "Seepage",
    "Thermal",
    "ThermalInFile",
    "digest_of_costs",
]
