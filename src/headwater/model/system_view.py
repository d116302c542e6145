"""What limits, costs and connections are resolved from.

A system without what is derived from it.
"""

# ruff: noqa: D102 - each name is explained in `System`

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.core.stage_tables import StageTable
    from headwater.model.entities import (
        Bus,
        EnergyContract,
        Hydro,
        Line,
        NonControllableSource,
        PumpingStation,
        Thermal,
    )
    from headwater.model.generic_constraints import GenericConstraint, GenericConstraintBound
    from headwater.model.horizon import Horizon
    from headwater.model.named import Collected, CollectedStages
    from headwater.model.overrides import StageOverrides
    from headwater.model.penalties import Penalties
    from headwater.model.production import FphaPlane, GeometryPoint, ProductionModel
    from headwater.model.stages import PolicyGraph
    from headwater.model.uncertainty import InitialConditions


class SystemView:
    """What a `System` has for those that resolve it."""

    if TYPE_CHECKING:
        stages: CollectedStages
        buses: Collected[Bus]
        lines: Collected[Line]
        hydros: Collected[Hydro]
        thermals: Collected[Thermal]
        pumping_stations: Collected[PumpingStation]
        contracts: Collected[EnergyContract]
        non_controllables: Collected[NonControllableSource]
        penalties: Penalties
        policy_graph: PolicyGraph
        regime_changes: tuple[Mapping[str, Any], ...]
        initial: InitialConditions
        production_models: tuple[ProductionModel, ...]
        fpha_planes: tuple[FphaPlane, ...]
        hydro_geometry: tuple[GeometryPoint, ...]
        generic_constraints: Collected[GenericConstraint]
        generic_constraint_bounds: tuple[GenericConstraintBound, ...]
        load_factors: StageOverrides
        ncs_factors: StageOverrides
        hydro_bound_overrides: StageOverrides
        thermal_bound_overrides: StageOverrides
        line_bound_overrides: StageOverrides
        pumping_bound_overrides: StageOverrides
        contract_bound_overrides: StageOverrides
        ncs_bound_overrides: StageOverrides
        exchange_factors: StageOverrides
        bus_penalty_overrides: StageOverrides
        line_penalty_overrides: StageOverrides
        hydro_penalty_overrides: StageOverrides
        ncs_penalty_overrides: StageOverrides

        def overrides(self, table: StageTable) -> StageOverrides: ...

        @property
        def horizon(self) -> Horizon: ...
        @property
        def stage_index(self) -> Mapping[int, int]: ...
        @property
        def bus_index(self) -> Mapping[int, int]: ...
        @property
        def line_index(self) -> Mapping[int, int]: ...
        @property
        def hydro_index(self) -> Mapping[int, int]: ...
        @property
        def thermal_index(self) -> Mapping[int, int]: ...
        @property
        def pumping_index(self) -> Mapping[int, int]: ...
        @property
        def contract_index(self) -> Mapping[int, int]: ...
        @property
        def ncs_index(self) -> Mapping[int, int]: ...
