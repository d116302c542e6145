"""What the JSON files of ``system/`` may contain."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from headwater.case.schema_penalties import DeficitSegments
from headwater.case.shapes import Id, NonNegative, Positive, Shape, complaint


def require_order(low: float, high: float | None, low_name: str, high_name: str) -> None:
    """Refuse a lower limit above the upper one (HW211)."""
    if high is not None and low > high:
        message = f"expected {low_name} <= {high_name}, got {low:g} > {high:g}"
        raise complaint("HW211", message, "correct one of the two limits")


class Entity(Shape):
    """What every entity but a bus has."""

    id: Id
    name: str
    entry_stage_id: Id | None = None
    exit_stage_id: Id | None = None


class BusShape(Shape):
    """One bus."""

    id: Id
    name: str
    deficit_segments: DeficitSegments | None = None
    excess_cost: NonNegative | None = None


class BusesFile(Shape):
    """``system/buses.json``."""

    buses: Annotated[list[BusShape], Field(min_length=1)]


class CapacityShape(Shape):
    """Limits of a line."""

    direct_mw: NonNegative
    reverse_mw: NonNegative


class LineShape(Entity):
    """One line."""

    source_bus_id: Id
    target_bus_id: Id
    capacity: CapacityShape
    exchange_cost: NonNegative | None = None
    losses_percent: Annotated[float, Field(ge=0, lt=100)] = 0.0


class LinesFile(Shape):
    """``system/lines.json``."""

    lines: list[LineShape]


class ThermalLimitsShape(Shape):
    """Section ``generation`` of a thermal."""

    min_mw: NonNegative
    max_mw: NonNegative

    @model_validator(mode="after")
    def _ordered(self) -> ThermalLimitsShape:
        require_order(self.min_mw, self.max_mw, "min_mw", "max_mw")
        return self


class CostSegmentShape(Shape):
    """One tranche of a thermal."""

    capacity_mw: Positive
    cost_per_mwh: NonNegative


class GnlShape(Shape):
    """Section ``gnl_config``."""

    lag_stages: Annotated[int, Field(ge=1, le=120)]


class ThermalShape(Entity):
    """One thermal."""

    bus_id: Id
    generation: ThermalLimitsShape
    cost_per_mwh: NonNegative | None = None
    cost_segments: Annotated[list[CostSegmentShape], Field(min_length=1)] | None = None
    gnl_config: GnlShape | None = None

    @model_validator(mode="after")
    def _one_cost(self) -> ThermalShape:
        if self.cost_per_mwh is None and self.cost_segments is None:
            raise complaint("HW201", "expected 'cost_per_mwh' or 'cost_segments', got neither", "add one of them")
        if self.cost_per_mwh is not None and self.cost_segments is not None:
            costs = {segment.cost_per_mwh for segment in self.cost_segments}
            if costs != {self.cost_per_mwh}:
                message = f"'cost_per_mwh' {self.cost_per_mwh:g} and 'cost_segments' say different things; expected one of them"
                raise complaint("HW702", message, "remove one of the two")
        return self


class ThermalsFile(Shape):
    """``system/thermals.json``."""

    thermals: list[ThermalShape]


class ReservoirShape(Shape):
    """Section ``reservoir``."""

    min_storage_hm3: NonNegative
    max_storage_hm3: NonNegative

    @model_validator(mode="after")
    def _ordered(self) -> ReservoirShape:
        require_order(self.min_storage_hm3, self.max_storage_hm3, "min_storage_hm3", "max_storage_hm3")
        return self


class OutflowShape(Shape):
    """Section ``outflow``."""

    min_outflow_m3s: NonNegative
    max_outflow_m3s: NonNegative | None = None

    @model_validator(mode="after")
    def _ordered(self) -> OutflowShape:
        require_order(self.min_outflow_m3s, self.max_outflow_m3s, "min_outflow_m3s", "max_outflow_m3s")
        return self


class HydroGenerationShape(Shape):
    """Section ``generation`` of a hydro."""

    model: Literal["constant_productivity", "linearized_head", "fpha"]
    productivity_mw_per_m3s: Positive | None = None
    min_turbined_m3s: NonNegative
    max_turbined_m3s: NonNegative
    min_generation_mw: NonNegative
    max_generation_mw: NonNegative

    @model_validator(mode="after")
    def _consistent(self) -> HydroGenerationShape:
        require_order(self.min_turbined_m3s, self.max_turbined_m3s, "min_turbined_m3s", "max_turbined_m3s")
        require_order(self.min_generation_mw, self.max_generation_mw, "min_generation_mw", "max_generation_mw")
        if self.model != "fpha" and self.productivity_mw_per_m3s is None:
            message = f"the model '{self.model}' needs 'productivity_mw_per_m3s', got none"
            raise complaint("HW201", message, "add 'productivity_mw_per_m3s'")
        return self


class TailracePointShape(Shape):
    """One point of a tailrace curve."""

    outflow_m3s: NonNegative
    height_m: float


def _rising(points: list[TailracePointShape]) -> list[TailracePointShape]:
    if not points:
        raise complaint("HW213", "expected at least one tailrace point, got none", "add the points of the curve")
    for left, right in pairwise(points):
        if right.outflow_m3s <= left.outflow_m3s:
            message = f"expected rising outflows, got {left.outflow_m3s:g} followed by {right.outflow_m3s:g}"
            raise complaint("HW213", message, "sort the points by outflow and remove repetitions")
        if right.height_m < left.height_m:
            message = f"expected heights that do not fall, got {left.height_m:g} followed by {right.height_m:g}"
            raise complaint("HW213", message, "correct the heights")
    return points


def _some(coefficients: list[float]) -> list[float]:
    if not coefficients:
        raise complaint("HW213", "expected at least one coefficient, got none", "give the coefficients, constant term first")
    return coefficients


class PolynomialShape(Shape):
    """A polynomial tailrace."""

    type: Literal["polynomial"]
    coefficients: Annotated[list[float], AfterValidator(_some)]


class PiecewiseShape(Shape):
    """A tailrace through points."""

    type: Literal["piecewise"]
    points: Annotated[list[TailracePointShape], AfterValidator(_rising)]


def _within(low: float, high: float, *, open_low: bool, open_high: bool, what: str) -> AfterValidator:
    def check(value: float) -> float:
        if value < low or value > high or (open_low and value == low) or (open_high and value == high):
            left, right = "(" if open_low else "[", ")" if open_high else "]"
            message = f"expected {what} in {left}{low:g}, {high:g}{right}, got {value:g}"
            raise complaint("HW213", message, "correct the value")
        return value

    return AfterValidator(check)


class LossFactorShape(Shape):
    """Losses as a share of gross head."""

    type: Literal["factor"]
    value: Annotated[float, _within(0, 1, open_low=False, open_high=True, what="a share of gross head")]


class LossConstantShape(Shape):
    """Losses in metres."""

    type: Literal["constant"]
    value_m: Annotated[float, _within(0, float("inf"), open_low=False, open_high=True, what="metres of head")]


class EfficiencyShape(Shape):
    """Efficiency of turbine and generator."""

    type: Literal["constant"]
    value: Annotated[float, _within(0, 1, open_low=True, open_high=False, what="an efficiency")]


def _twelve(values: list[float]) -> list[float]:
    if len(values) != 12:
        raise complaint(
            "HW214", f"expected 12 monthly values, got {len(values)}", "give one value for each month, January first"
        )
    return values


Monthly = Annotated[list[float], AfterValidator(_twelve)]


class EvaporationShape(Shape):
    """Section ``evaporation``."""

    coefficients_mm: Monthly
    reference_volumes_hm3: Monthly | None = None


class DiversionShape(Shape):
    """Section ``diversion``."""

    downstream_id: Id
    max_flow_m3s: NonNegative


class FillingShape(Shape):
    """Section ``filling``."""

    start_stage_id: Id
    filling_inflow_m3s: NonNegative = 0.0


class HydroCostsShape(Shape):
    """Section ``penalties`` of a hydro."""

    spillage_cost: NonNegative | None = None
    diversion_cost: NonNegative | None = None
    fpha_turbined_cost: NonNegative | None = None
    storage_violation_below_cost: Positive | None = None
    filling_target_violation_cost: Positive | None = None
    turbined_violation_below_cost: Positive | None = None
    outflow_violation_below_cost: Positive | None = None
    outflow_violation_above_cost: Positive | None = None
    generation_violation_below_cost: Positive | None = None
    evaporation_violation_cost: Positive | None = None
    water_withdrawal_violation_cost: Positive | None = None
    evaporation_violation_pos_cost: Positive | None = None
    evaporation_violation_neg_cost: Positive | None = None
    water_withdrawal_violation_pos_cost: Positive | None = None
    water_withdrawal_violation_neg_cost: Positive | None = None
    inflow_nonnegativity_cost: Positive | None = None


class HydroShape(Entity):
    """One hydro."""

    bus_id: Id
    downstream_id: Id | None = None
    reservoir: ReservoirShape
    outflow: OutflowShape
    generation: HydroGenerationShape
    tailrace: Annotated[PolynomialShape | PiecewiseShape, Field(discriminator="type")] | None = None
    hydraulic_losses: Annotated[LossFactorShape | LossConstantShape, Field(discriminator="type")] | None = None
    efficiency: EfficiencyShape | None = None
    evaporation: EvaporationShape | None = None
    diversion: DiversionShape | None = None
    filling: FillingShape | None = None
    penalties: HydroCostsShape = HydroCostsShape()

    @model_validator(mode="after")
    def _volumes_in_range(self) -> HydroShape:
        volumes = self.evaporation.reference_volumes_hm3 if self.evaporation is not None else None
        low, high = self.reservoir.min_storage_hm3, self.reservoir.max_storage_hm3
        outside = [month + 1 for month, volume in enumerate(volumes or []) if not low <= volume <= high]
        if outside:
            message = f"expected evaporation.reference_volumes_hm3 in [{low:g}, {high:g}], but months {outside} lie outside"
            raise complaint("HW214", message, "keep the reference volumes within the storage range")
        return self


class HydrosFile(Shape):
    """``system/hydros.json``."""

    hydros: list[HydroShape]


class FlowShape(Shape):
    """Limits of a pumping station."""

    min_m3s: NonNegative
    max_m3s: NonNegative

    @model_validator(mode="after")
    def _ordered(self) -> FlowShape:
        require_order(self.min_m3s, self.max_m3s, "min_m3s", "max_m3s")
        return self


class PumpingStationShape(Entity):
    """One pumping station."""

    bus_id: Id
    source_hydro_id: Id
    destination_hydro_id: Id
    consumption_mw_per_m3s: NonNegative
    flow: FlowShape


class PumpingStationsFile(Shape):
    """``system/pumping_stations.json``."""

    pumping_stations: list[PumpingStationShape]


class LimitsShape(ThermalLimitsShape):
    """Limits of a contract."""


class ContractShape(Entity):
    """One contract."""

    bus_id: Id
    type: Literal["import", "export"]
    price_per_mwh: float
    limits: LimitsShape


class ContractsFile(Shape):
    """``system/energy_contracts.json``."""

    contracts: list[ContractShape]


class NonControllableShape(Entity):
    """One non-controllable source."""

    bus_id: Id
    max_generation_mw: NonNegative
    curtailment_cost: NonNegative | None = None


class NonControllablesFile(Shape):
    """``system/non_controllable_sources.json``."""

    non_controllable_sources: list[NonControllableShape]
