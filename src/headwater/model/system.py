"""A whole power system and its study horizon as one immutable value, in canonical order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from headwater.arrays import FrozenDict
from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import Equipment
from headwater.core.shown import Shown
from headwater.core.stage_tables import StageTable, StageValues
from headwater.core.state import StateLayout
from headwater.core.wording import listed, numbered
from headwater.errors import ModelError
from headwater.model.derived_views import DerivedViews, positions
from headwater.model.entities import (
    Bus,
    EnergyContract,
    Hydro,
    Line,
    NonControllableSource,
    PumpingStation,
    Thermal,
)
from headwater.model.generic_constraints import (
    GenericConstraint,
    GenericConstraintBound,
)
from headwater.model.named import Collected, CollectedStages, Entity, Named, Stages
from headwater.model.overrides import StageOverrides
from headwater.model.penalties import Penalties
from headwater.model.production import (
    FphaPlane,
    GeometryPoint,
    ProductionModel,
)
from headwater.model.regime_changes import check_regimes, in_regime
from headwater.model.stages import PolicyGraph, PreStudyStage, SeasonMap
from headwater.model.uncertainty import (
    AvailabilityStatistics,
    Correlation,
    ExternalScenarios,
    GivenOpenings,
    InflowObservation,
    InflowStatistics,
    InitialConditions,
    LoadStatistics,
)

_SORT_KEYS: dict[str, tuple[str, ...]] = {
    "buses": ("id",),
    "stages": ("id",),
    "pre_study_stages": ("id",),
    "lines": ("id",),
    "hydros": ("id",),
    "thermals": ("id",),
    "pumping_stations": ("id",),
    "contracts": ("id",),
    "non_controllables": ("id",),
    "inflow_statistics": ("hydro_id", "stage_id"),
    "load_statistics": ("bus_id", "stage_id"),
    "availability_statistics": ("ncs_id", "stage_id"),
    "inflow_history": ("hydro_id", "date"),
    "production_models": ("hydro_id",),
    "hydro_geometry": ("hydro_id", "volume_hm3"),
    "generic_constraints": ("id",),
}
"""Collections with the key they are sorted by; the key must be unique."""

_COLLECTION: Mapping[str, Callable[[Iterable[Any]], tuple[Any, ...]]] = {
    **{name: Named for name, key in _SORT_KEYS.items() if key == ("id",)},
    "stages": Stages,
}
"""Collections that are also found by name or date."""

E = TypeVar("E", bound=Entity)

_NONE: Any = ()
"""No entities of a kind."""

_NO_VALUES = StageOverrides()


_STAGES: Any = field()
_BUSES: Any = field()
"""Fields without default; type checkers look up a `Collected` only where they see a value in the
class.
"""


@dataclass(frozen=True)
class System(Shown, DerivedViews):
    """Everything that describes the system and its uncertainty, and nothing about how it is solved.

    Collections may be given in any order and are kept sorted by id; entities are also found by name
    (``hydros["Ridge"]``) and stages by date (``stages["2027-02"]``). Positions (``*_index``) are
    positions in that order, and stage positions count study stages only. Derived views (bounds,
    penalties, topology) are computed once, on first use.

    ``equipment`` holds the entities of all other kinds, in any order; `of` gives those of a kind,
    and so does the name of its collection (``system.batteries``).

    ``regime_changes`` says for each regime of the policy graph which fields are others while it
    lasts; `in_regime` is the system with these.

    Raises:
        ModelError: duplicate ids, or no stage or bus, or equipment of no known kind.

    Examples:
        >>> system = hw.load_case("examples/four-subsystems").system
        >>> system.hydros["Ridge"], system.stages["2027-02"], len(system.lines)
    """

    stages: CollectedStages = _STAGES
    buses: Collected[Bus] = _BUSES
    lines: Collected[Line] = _NONE
    hydros: Collected[Hydro] = _NONE
    thermals: Collected[Thermal] = _NONE
    pumping_stations: Collected[PumpingStation] = _NONE
    contracts: Collected[EnergyContract] = _NONE
    non_controllables: Collected[NonControllableSource] = _NONE
    penalties: Penalties = field(default_factory=Penalties)
    policy_graph: PolicyGraph = field(default_factory=PolicyGraph)
    season_map: SeasonMap | None = None
    pre_study_stages: tuple[PreStudyStage, ...] = ()
    initial: InitialConditions = field(default_factory=InitialConditions)
    inflow_statistics: tuple[InflowStatistics, ...] = ()
    load_statistics: tuple[LoadStatistics, ...] = ()
    load_factors: StageOverrides = field(default_factory=StageOverrides)
    availability_statistics: tuple[AvailabilityStatistics, ...] = ()
    ncs_factors: StageOverrides = field(default_factory=StageOverrides)
    correlation: Correlation | None = None
    given_openings: GivenOpenings | None = None
    inflow_history: tuple[InflowObservation, ...] = ()
    external_inflows: ExternalScenarios | None = None
    external_loads: ExternalScenarios | None = None
    external_availability: ExternalScenarios | None = None
    production_models: tuple[ProductionModel, ...] = ()
    fpha_planes: tuple[FphaPlane, ...] = ()
    hydro_geometry: tuple[GeometryPoint, ...] = ()
    generic_constraints: Collected[GenericConstraint] = _NONE
    generic_constraint_bounds: tuple[GenericConstraintBound, ...] = ()
    hydro_bound_overrides: StageOverrides = field(default_factory=StageOverrides)
    thermal_bound_overrides: StageOverrides = field(default_factory=StageOverrides)
    line_bound_overrides: StageOverrides = field(default_factory=StageOverrides)
    pumping_bound_overrides: StageOverrides = field(default_factory=StageOverrides)
    contract_bound_overrides: StageOverrides = field(default_factory=StageOverrides)
    ncs_bound_overrides: StageOverrides = field(default_factory=StageOverrides)
    exchange_factors: StageOverrides = field(default_factory=StageOverrides)
    bus_penalty_overrides: StageOverrides = field(default_factory=StageOverrides)
    line_penalty_overrides: StageOverrides = field(default_factory=StageOverrides)
    hydro_penalty_overrides: StageOverrides = field(default_factory=StageOverrides)
    ncs_penalty_overrides: StageOverrides = field(default_factory=StageOverrides)
    equipment: tuple[Any, ...] = ()
    stage_values: Mapping[str, StageOverrides] = field(default_factory=FrozenDict)
    regime_changes: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        for name, key in _SORT_KEYS.items():
            ordered = _sorted_unique(name, getattr(self, name), key)
            object.__setattr__(self, name, _COLLECTION.get(name, tuple)(ordered))
        planes = sorted(
            self.fpha_planes,
            key=lambda p: (p.hydro_id, p.stage_id is not None, p.stage_id or 0, p.plane_id),
        )
        object.__setattr__(self, "fpha_planes", tuple(planes))
        rhs = sorted(
            self.generic_constraint_bounds,
            key=lambda b: (b.constraint_id, b.stage_id, b.block_id is not None, b.block_id or 0),
        )
        object.__setattr__(self, "generic_constraint_bounds", tuple(rhs))
        object.__setattr__(
            self, "equipment", tuple(one for named in self._others.values() for one in named)
        )
        object.__setattr__(
            self, "stage_values", FrozenDict(dict(sorted(self.stage_values.items())))
        )
        for file in self.stage_values:
            if file not in {table.file for _, table in EQUIPMENT.stage_tables if not table.held_in}:
                raise ModelError(f"no kind of equipment has a table of stage values '{file}'")
        if not self.stages:
            raise ModelError("a system needs at least one stage")
        if not self.buses:
            raise ModelError("a system needs at least one bus")
        check_regimes(self)

    def in_regime(self, name: str) -> System:
        """The system as it is while a regime lasts, as if there were no other.

        Args:
            name: of the regime.

        Raises:
            UsageError: there is no such regime.

        Examples:
            >>> case.system.in_regime("dry")
        """
        return in_regime(self, name)

    def of(self, kind: type[E]) -> Named[E]:
        """All entities of a kind by their class, e.g. ``system.of(Battery)``, sorted by id.

        Args:
            kind: class of the entities.

        Raises:
            ModelError: there is no such kind of equipment.

        Examples:
            >>> case.system.of(hw.model.Battery)
        """
        found: Named[E] = getattr(self, _kind_of(kind).collection)
        return found

    def values(self, kind: type[Entity]) -> StageValues:
        """Limits and costs of all entities of a kind at every stage, by its class.

        Args:
            kind: class of the entities.

        Raises:
            ModelError: there is no such kind of equipment, or a table names what does not exist.

        Examples:
            >>> case.system.values(hw.model.Thermal)
        """
        found: StageValues = getattr(self.bounds, _kind_of(kind).name)
        return found

    def overrides(self, table: StageTable) -> StageOverrides:
        """What a table of stage values says.

        Args:
            table: a table of stage values, as kinds of equipment declare it.

        Examples:
            >>> system.overrides(table)
        """
        if table.held_in:
            held: StageOverrides = getattr(self, table.held_in)
            return held
        return self.stage_values.get(table.file, _NO_VALUES)

    @cached_property
    def _others(self) -> Mapping[str, Named[Any]]:
        """Entities of kinds without a field of their own, by the name of their collection."""
        sorted_out: dict[str, list[Any]] = {}
        for one in self.equipment:
            part = _kind_of(type(one))
            if part.founding:
                raise ModelError(
                    f"{part.words.one} {one.id} belongs into '{part.collection}' of the system, "
                    "not into 'equipment'"
                )
            sorted_out.setdefault(part.collection, []).append(one)
        return {
            name: Named(_sorted_unique(name, sorted_out[name], ("id",)))
            for name in sorted(sorted_out)
        }

    if not TYPE_CHECKING:  # type checkers would take any name for one of these

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("_") and name in EQUIPMENT.by_collection:
                return self._others.get(name, Named(()))
            raise AttributeError(
                f"'{type(self).__name__}' has no attribute '{name}'", name=name, obj=self
            )

    def index_of(self, collection: str) -> Mapping[int, int]:
        """Positions of the entities of a kind by id.

        The kind is named by its collection, e.g. ``"thermals"``.

        Args:
            collection: name of the field of the system.

        Examples:
            >>> case.system.index_of("hydros")[3]
        """
        return self._indices[collection]

    @cached_property
    def _indices(self) -> Mapping[str, Mapping[int, int]]:
        return {part.collection: positions(getattr(self, part.collection)) for part in EQUIPMENT}

    def state_layout(self, n_lags: int, n_accumulators: int = 0) -> StateLayout:
        """What the state of a study holds whose inflow models look back so far.

        Args:
            n_lags: past inflows of every river in the state.
            n_accumulators: parts of periods under way that are gathered for every river.

        Examples:
            >>> case.system.state_layout(2)
        """
        found = self._layouts.get((n_lags, n_accumulators))
        if found is None:
            declared = (
                part.state(self, n_lags, n_accumulators)
                for part in EQUIPMENT
                if part.state is not None
            )
            found = StateLayout.of(block for blocks in declared for block in blocks)
            self._layouts[n_lags, n_accumulators] = found
        return found

    @cached_property
    def _layouts(self) -> dict[tuple[int, int], StateLayout]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """What it was made of, without what was derived from that."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def facts(self) -> list[tuple[str, str]]:
        """Name and value of what a notebook shows below the heading."""
        return [
            (
                numbered(len(found), part.words.one, part.words.many),
                listed(found.labels),
            )
            for part in EQUIPMENT
            if part.code is not None and (found := getattr(self, part.collection))
        ]

    def __repr__(self) -> str:
        counts = ", ".join(
            numbered(len(found), part.words.one, part.words.many)
            for part in EQUIPMENT
            if part.code is not None and (found := getattr(self, part.collection))
        )
        first, last = self.stages[0].start_date, self.stages[-1].end_date
        stages = numbered(len(self.stages), "stage")
        return f"<System: {counts}; {stages} from {first} to {last}>"


def _kind_of(kind: type[Any]) -> Equipment:
    part = EQUIPMENT.by_entity.get(kind)
    if part is None:
        known = ", ".join(one.entity.__name__ for one in EQUIPMENT)
        raise ModelError(f"{kind.__name__} is not a kind of equipment (known: {known})")
    return part


def _sorted_unique(name: str, items: Iterable[Any], key: tuple[str, ...]) -> tuple[Any, ...]:
    get = attrgetter(*key)
    ordered = tuple(sorted(items, key=get))
    for left, right in pairwise(ordered):
        if get(left) == get(right):
            raise ModelError(
                f"{name}: the key ({', '.join(key)}) = {get(right)} appears more than once"
            )
    return ordered
