"""What a hydrothermal system is made of: the seven kinds of equipment, as the planner describes them.

Every entity is an immutable value. ``id`` is the domain id used in files and messages, never a position. Optional cost fields
that are ``None`` take the value of the system-wide `Penalties`. An entity with ``entry_stage_id``/``exit_stage_id`` exists at
stage ids ``entry <= t < exit``; ``None`` means always.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from headwater.errors import ModelError


class ProductionKind(Enum):
    """How turbined water becomes power."""

    CONSTANT = "constant_productivity"
    LINEARIZED_HEAD = "linearized_head"
    FPHA = "fpha"


class ContractKind(Enum):
    """Direction of an energy contract, seen from the system."""

    IMPORT = "import"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class DeficitSegment:
    """One step of the cost of unserved load at a bus.

    Attributes:
        depth_mw: width of the step in MW; ``None`` for the last, unbounded one.
        cost_per_mwh: cost of deficit in this step.
    """

    depth_mw: float | None
    cost_per_mwh: float


@dataclass(frozen=True, slots=True)
class Bus:
    """A node of the network where power is balanced in every block."""

    id: int
    name: str = ""
    deficit_segments: tuple[DeficitSegment, ...] | None = None
    excess_cost_per_mwh: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A two-way interconnection; received power is sent power times ``1 - losses_percent / 100``."""

    id: int
    source_bus_id: int
    target_bus_id: int
    direct_capacity_mw: float
    reverse_capacity_mw: float
    name: str = ""
    losses_percent: float = 0.0
    exchange_cost_per_mwh: float | None = None
    entry_stage_id: int | None = None
    exit_stage_id: int | None = None


@dataclass(frozen=True, slots=True)
class CostSegment:
    """A tranche of thermal capacity in MW and its cost."""

    capacity_mw: float
    cost_per_mwh: float


@dataclass(frozen=True, slots=True)
class Thermal:
    """A thermal plant with convex, piecewise-linear cost.

    Give either ``cost_segments`` (cheapest first) or, through `Thermal.flat`, one cost for the whole range.
    ``gnl_lag_stages`` is the number of stages by which its dispatch is decided ahead; ``None`` for ordinary plants.
    """

    id: int
    bus_id: int
    max_generation_mw: float
    cost_segments: tuple[CostSegment, ...]
    name: str = ""
    min_generation_mw: float = 0.0
    gnl_lag_stages: int | None = None
    entry_stage_id: int | None = None
    exit_stage_id: int | None = None

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


@dataclass(frozen=True, slots=True)
class PolynomialTailrace:
    """Tailrace level in metres as a polynomial of outflow in m3/s, lowest power first."""

    coefficients: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PiecewiseTailrace:
    """Tailrace level in metres, interpolated between points and constant outside them."""

    outflow_m3s: tuple[float, ...]
    height_m: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class HydraulicLosses:
    """Head lost in the conduits: a share of gross head, or metres. Exactly one is given."""

    factor: float | None = None
    constant_m: float | None = None

    def __post_init__(self) -> None:
        if (self.factor is None) == (self.constant_m is None):
            raise ModelError("hydraulic losses need either a factor of gross head or a constant in metres")


@dataclass(frozen=True, slots=True)
class Evaporation:
    """Monthly evaporation depth in mm, January first, and the volumes at which the surface is linearised.

    ``reference_volumes_hm3`` is ``None`` for the middle of the storage range.
    """

    coefficients_mm: tuple[float, ...]
    reference_volumes_hm3: tuple[float, ...] | None = None

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

    downstream_id: int
    max_flow_m3s: float


@dataclass(frozen=True, slots=True)
class Filling:
    """Dead-volume filling from ``start_stage_id`` until the plant enters; ``inflow_m3s`` is retained."""

    start_stage_id: int
    inflow_m3s: float = 0.0


@dataclass(frozen=True, slots=True)
class HydroCosts:
    """Overrides of the hydro penalties for one plant; ``None`` keeps the system-wide value.

    Units as in `HydroPenalties`. A symmetric evaporation or withdrawal cost given here resets both of its directions unless a
    direction is given as well.
    """

    spillage_cost: float | None = None
    diversion_cost: float | None = None
    fpha_turbined_cost: float | None = None
    storage_violation_below_cost: float | None = None
    filling_target_violation_cost: float | None = None
    turbined_violation_below_cost: float | None = None
    outflow_violation_below_cost: float | None = None
    outflow_violation_above_cost: float | None = None
    generation_violation_below_cost: float | None = None
    evaporation_violation_cost: float | None = None
    water_withdrawal_violation_cost: float | None = None
    evaporation_violation_pos_cost: float | None = None
    evaporation_violation_neg_cost: float | None = None
    water_withdrawal_violation_pos_cost: float | None = None
    water_withdrawal_violation_neg_cost: float | None = None
    inflow_nonnegativity_cost: float | None = None


@dataclass(frozen=True, slots=True)
class Hydro:
    """A hydro plant with its reservoir, limits, production function and place in the cascade.

    Storage limits are in hm3, flows in m3/s, power in MW. Minimum storage, outflow, turbined flow and generation and maximum
    outflow are soft (their violation is priced); the other limits are hard. ``productivity_mw_per_m3s`` is required unless
    ``production`` is FPHA.
    """

    id: int
    bus_id: int
    max_storage_hm3: float
    max_turbined_m3s: float
    max_generation_mw: float
    name: str = ""
    productivity_mw_per_m3s: float | None = None
    production: ProductionKind = ProductionKind.CONSTANT
    downstream_id: int | None = None
    min_storage_hm3: float = 0.0
    min_outflow_m3s: float = 0.0
    max_outflow_m3s: float | None = None
    min_turbined_m3s: float = 0.0
    min_generation_mw: float = 0.0
    tailrace: PolynomialTailrace | PiecewiseTailrace | None = None
    hydraulic_losses: HydraulicLosses | None = None
    efficiency: float | None = None
    evaporation: Evaporation | None = None
    diversion: Diversion | None = None
    filling: Filling | None = None
    costs: HydroCosts = field(default_factory=HydroCosts)
    entry_stage_id: int | None = None
    exit_stage_id: int | None = None


@dataclass(frozen=True, slots=True)
class PumpingStation:
    """Lifts water from one reservoir to another and takes its power from a bus."""

    id: int
    bus_id: int
    source_hydro_id: int
    destination_hydro_id: int
    consumption_mw_per_m3s: float
    max_flow_m3s: float
    name: str = ""
    min_flow_m3s: float = 0.0
    entry_stage_id: int | None = None
    exit_stage_id: int | None = None


@dataclass(frozen=True, slots=True)
class EnergyContract:
    """Import from, or export to, a neighbour at a price; an export price is normally negative (revenue)."""

    id: int
    bus_id: int
    kind: ContractKind
    price_per_mwh: float
    max_mw: float
    name: str = ""
    min_mw: float = 0.0
    entry_stage_id: int | None = None
    exit_stage_id: int | None = None


@dataclass(frozen=True, slots=True)
class NonControllableSource:
    """Wind, solar or small hydro: generation up to an exogenous availability; the rest is curtailed at a cost."""

    id: int
    bus_id: int
    max_generation_mw: float
    name: str = ""
    curtailment_cost_per_mwh: float | None = None
    entry_stage_id: int | None = None
    exit_stage_id: int | None = None
