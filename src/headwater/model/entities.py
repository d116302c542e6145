"""What a hydrothermal system is made of.

The seven kinds of equipment, as the planner describes them.

Every entity is an immutable value. ``id`` is the domain id used in files and messages, never a
position. Optional cost fields that are ``None`` take the value of the system-wide `Penalties`. An
entity with ``entry_stage_id``/``exit_stage_id`` exists at stage ids ``entry <= t < exit``; ``None``
means always.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le, Lt, MinLen

from headwater.core.fields import (
    ENTITY_KEYS,
    BusId,
    Check,
    EntryStage,
    ExitStage,
    Id,
    InFile,
    Name,
    NonNegative,
    Ordered,
    OwnId,
    PerStage,
    Positive,
    Priced,
    Ref,
    Section,
    Unit,
    as_base,
    in_file,
)
from headwater.errors import ModelError
from headwater.model import file_checks as checks

_FLOW_COST = Unit("$/(m3/s h)")
_STORAGE_COST = Unit("$/hm3")
_HYDRO_BOUNDS = "constraints/hydro_bounds.parquet"
_THERMAL_BOUNDS = "constraints/thermal_bounds.parquet"
_LINE_BOUNDS = "constraints/line_bounds.parquet"
_PUMPING_BOUNDS = "constraints/pumping_bounds.parquet"
_CONTRACT_BOUNDS = "constraints/contract_bounds.parquet"
_HydroId = Annotated[Id, Ref("hydro")]
_GnlLag = Annotated[int, Ge(1), Le(120)]


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

    depth_mw: Annotated[
        Positive | None, "width of the step; null for the last one, which is unlimited"
    ]
    cost_per_mwh: Annotated[Positive, InFile("cost"), "cost of the step"]


DeficitSegments = Annotated[tuple[DeficitSegment, ...], MinLen(1), Check(checks.cheapest_first)]


@dataclass(frozen=True, slots=True)
class Bus:
    """A node of the network where power is balanced in every block."""

    id: OwnId
    name: Name = ""
    deficit_segments: Annotated[
        DeficitSegments | None, "steps of the cost of load that is not served, cheapest first"
    ] = None
    excess_cost_per_mwh: Annotated[
        NonNegative | None,
        InFile("excess_cost"),
        Priced("constraints/penalty_overrides_bus.parquet"),
        "cost of generation that nobody takes",
    ] = None


@dataclass(frozen=True, slots=True)
class LossPoint:
    """A point of a curve of losses."""

    flow_mw: Annotated[Positive, "flow that is sent"]
    losses_mw: Annotated[NonNegative, "what of it is lost"]


@in_file(
    Section("capacity", "limits of the flow"),
    checks=(
        Ordered("min_phase_shift_degrees", "max_phase_shift_degrees"),
        checks.shifter_with_reactance,
    ),
    order=(*ENTITY_KEYS, "source_bus_id", "target_bus_id", "capacity", "exchange_cost"),
)
@dataclass(frozen=True, slots=True)
class Line:
    """A two-way interconnection.

    Received power is sent power times ``1 - losses_percent / 100``. Lines with a reactance share
    the flow by Kirchhoff's laws (the DC approximation); the others carry what is decided.
    """

    id: OwnId
    source_bus_id: Annotated[Id, Ref("bus"), "bus where the direct flow starts"]
    target_bus_id: Annotated[Id, Ref("bus"), "bus where the direct flow ends"]
    direct_capacity_mw: Annotated[
        NonNegative,
        InFile("capacity.direct_mw"),
        PerStage(_LINE_BOUNDS),
        "largest flow from source to target",
    ]
    reverse_capacity_mw: Annotated[
        NonNegative,
        InFile("capacity.reverse_mw"),
        PerStage(_LINE_BOUNDS),
        "largest flow from target to source",
    ]
    name: Name = ""
    losses_percent: Annotated[float, Ge(0), Lt(100), "share of the flow that is lost"] = 0.0
    exchange_cost_per_mwh: Annotated[
        NonNegative | None,
        InFile("exchange_cost"),
        Priced("constraints/penalty_overrides_line.parquet"),
        "small cost of flow on lines, which keeps it from going in circles",
    ] = None
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None
    reactance_pu: Annotated[
        Positive | None,
        Unit("per unit"),
        "reactance of an alternating-current line: around loops of such lines the flows follow "
        "Kirchhoff's laws; without it the flow is decided freely",
    ] = None
    min_phase_shift_degrees: Annotated[
        float, "least angle that a phase shifter adds; the same as the largest for a fixed one"
    ] = 0.0
    max_phase_shift_degrees: Annotated[float, "largest angle that a phase shifter adds"] = 0.0
    loss_curve: Annotated[
        tuple[LossPoint, ...],
        Check(checks.convex_losses),
        "losses that grow with the flow, through these points from no loss at no flow",
    ] = ()

    @property
    def shifts_phase(self) -> bool:
        """Whether it has a phase shifter."""
        return self.min_phase_shift_degrees != 0.0 or self.max_phase_shift_degrees != 0.0


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

    downstream_id: Annotated[_HydroId, "plant that receives the diverted water"]
    max_flow_m3s: Annotated[
        NonNegative, PerStage(_HYDRO_BOUNDS, "max_diversion_m3s", 8), "largest diverted flow"
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
        PerStage(_HYDRO_BOUNDS, place=9),
        "flow that the filling keeps at least",
    ] = 0.0


@dataclass(frozen=True, slots=True)
class HydroCosts:
    """Overrides of the hydro penalties for one plant; ``None`` keeps the system-wide value.

    Units are those of `HydroPenalties`. A symmetric evaporation or withdrawal cost given here
    resets both of its directions unless a direction is given as well.
    """

    spillage_cost: Annotated[NonNegative | None, _FLOW_COST, "small cost of spilling"] = None
    diversion_cost: Annotated[NonNegative | None, _FLOW_COST, "small cost of diverting water"] = (
        None
    )
    fpha_turbined_cost: Annotated[
        NonNegative | None,
        _FLOW_COST,
        "small cost of turbining with FPHA, above the cost of spilling",
    ] = None
    storage_violation_below_cost: Annotated[
        Positive | None, _STORAGE_COST, "cost of storage below the minimum"
    ] = None
    filling_target_violation_cost: Annotated[
        Positive | None,
        _STORAGE_COST,
        "cost of a dead volume that is not filled when the plant enters",
    ] = None
    turbined_violation_below_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of turbining less than the minimum"
    ] = None
    outflow_violation_below_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of an outflow below the minimum"
    ] = None
    outflow_violation_above_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of an outflow above the maximum"
    ] = None
    generation_violation_below_cost: Annotated[
        Positive | None, Unit("$/MWh"), "cost of generating less than the minimum"
    ] = None
    evaporation_violation_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of evaporation other than the model's, both directions"
    ] = None
    water_withdrawal_violation_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of withdrawing other than what is asked, both directions"
    ] = None
    evaporation_violation_pos_cost: Annotated[
        Positive | None, _FLOW_COST, "the same for the positive direction alone"
    ] = None
    evaporation_violation_neg_cost: Annotated[
        Positive | None, _FLOW_COST, "the same for the negative direction alone"
    ] = None
    water_withdrawal_violation_pos_cost: Annotated[
        Positive | None, _FLOW_COST, "the same for the positive direction alone"
    ] = None
    water_withdrawal_violation_neg_cost: Annotated[
        Positive | None, _FLOW_COST, "the same for the negative direction alone"
    ] = None
    inflow_nonnegativity_cost: Annotated[
        Positive | None, _FLOW_COST, "cost of water that is added to a negative inflow"
    ] = None
    turbined_cost: Annotated[
        NonNegative | None, _FLOW_COST, "small cost of turbining without FPHA"
    ] = None

    def digest_fields(self) -> tuple[tuple[str, object], ...]:
        """Names and values for digests: stored policies do not know a cost that is not given."""
        return digest_of_costs(self)


def digest_of_costs(costs: Any) -> tuple[tuple[str, object], ...]:
    """Names and values of hydro costs for digests; the cost of turbining where there is one."""
    named = ((one.name, getattr(costs, one.name)) for one in fields(costs))
    return tuple((name, value) for name, value in named if value or name != "turbined_cost")


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
        PerStage(_HYDRO_BOUNDS, place=3),
        "largest storage",
    ]
    max_turbined_m3s: Annotated[
        NonNegative,
        InFile("generation.max_turbined_m3s"),
        PerStage(_HYDRO_BOUNDS, place=1),
        "largest turbined flow",
    ]
    max_generation_mw: Annotated[
        NonNegative,
        InFile("generation.max_generation_mw"),
        PerStage(_HYDRO_BOUNDS, place=7),
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
        _HydroId | None,
        "plant that receives turbined and spilled water; without it, the water leaves the system",
    ] = None
    min_storage_hm3: Annotated[
        NonNegative,
        InFile("reservoir.min_storage_hm3", required=True),
        PerStage(_HYDRO_BOUNDS, place=2),
        "smallest storage",
    ] = 0.0
    min_outflow_m3s: Annotated[
        NonNegative,
        InFile("outflow.min_outflow_m3s", required=True),
        PerStage(_HYDRO_BOUNDS, place=4),
        "smallest outflow",
    ] = 0.0
    max_outflow_m3s: Annotated[
        NonNegative | None,
        InFile("outflow.max_outflow_m3s"),
        PerStage(_HYDRO_BOUNDS, place=5, missing=float("inf")),
        "largest outflow; unlimited when not given",
    ] = None
    min_turbined_m3s: Annotated[
        NonNegative,
        InFile("generation.min_turbined_m3s", required=True),
        PerStage(_HYDRO_BOUNDS, place=0),
        "smallest turbined flow",
    ] = 0.0
    min_generation_mw: Annotated[
        NonNegative,
        InFile("generation.min_generation_mw", required=True),
        PerStage(_HYDRO_BOUNDS, place=6),
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

    @property
    def travels(self) -> bool:
        """Whether its water is on its way to the plant downstream for some time."""
        return bool(self.travel_time_hours) and self.downstream_id is not None


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
    source_hydro_id: Annotated[_HydroId, "plant from whose reservoir water is pumped"]
    destination_hydro_id: Annotated[_HydroId, "plant that receives it"]
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


@in_file(
    Section("limits", "limits of the power", checks=(Ordered("min_mw", "max_mw"),)),
    order=(*ENTITY_KEYS, "bus_id", "type", "price_per_mwh", "limits.min_mw"),
)
@dataclass(frozen=True, slots=True)
class EnergyContract:
    """Import from, or export to, a neighbour at a price.

    An export price is normally negative (revenue).
    """

    id: OwnId
    bus_id: BusId
    kind: Annotated[ContractKind, InFile("type"), "which of the known forms follows"]
    price_per_mwh: Annotated[
        float,
        PerStage(_CONTRACT_BOUNDS, place=2),
        "cost of a MWh: positive for an import that is paid, negative for an export that earns",
    ]
    max_mw: Annotated[
        NonNegative, InFile("limits.max_mw"), PerStage(_CONTRACT_BOUNDS, place=1), "largest power"
    ]
    name: Name = ""
    min_mw: Annotated[
        NonNegative,
        InFile("limits.min_mw", required=True),
        PerStage(_CONTRACT_BOUNDS, place=0),
        "smallest power",
    ] = 0.0
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None


@in_file(order=(*ENTITY_KEYS, "bus_id"))
@dataclass(frozen=True, slots=True)
class NonControllableSource:
    """Wind, solar or small hydro: generation up to an exogenous availability.

    The rest is curtailed at a cost.
    """

    id: OwnId
    bus_id: BusId
    max_generation_mw: Annotated[
        NonNegative,
        PerStage(
            "constraints/ncs_bounds.parquet",
            "available_generation_mw",
            required=True,
            meaning="power that is available before any factor",
        ),
        "largest generation",
    ]
    name: Name = ""
    curtailment_cost_per_mwh: Annotated[
        NonNegative | None,
        InFile("curtailment_cost"),
        Priced("constraints/penalty_overrides_ncs.parquet"),
        "small cost of power from sources that is not used",
    ] = None
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None
    allow_curtailment: Annotated[
        bool, "whether power that is available may be left unused; else all of it must be taken"
    ] = True
