"""The same study with something changed.

How it is trained and simulated, its load, where it starts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from headwater.choices.stopping.iteration_limit import IterationLimit
from headwater.errors import UsageError
from headwater.model.named import EntityKey, entity_position

if TYPE_CHECKING:
    from headwater.model.stages import Stage
    from headwater.model.study_config import StudyConfig
    from headwater.model.system import System


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings that are changed most; ``None`` leaves one as it is.

    Attributes:
        iterations: limit of the iterations of training.
        forward_passes: trajectories of an iteration.
        openings: openings of every stage.
        seed: of the opening tree, and of what is drawn without a seed of its own.
        threads: worker threads.
        scenarios: simulated scenarios; a study that does not simulate does so then.
    """

    iterations: int | None = None
    forward_passes: int | None = None
    openings: int | None = None
    seed: int | None = None
    threads: int | None = None
    scenarios: int | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None and field.name != "seed" and value < 1:
                raise UsageError(f"{field.name} must be at least 1, got {value}")


class Changes:
    """What a study can be asked for: itself with something changed.

    The study that is asked stays as it is.
    """

    if TYPE_CHECKING:
        system: System
        config: StudyConfig

    def with_(
        self,
        *,
        iterations: int | None = None,
        forward_passes: int | None = None,
        openings: int | None = None,
        seed: int | None = None,
        threads: int | None = None,
        scenarios: int | None = None,
    ) -> Self:
        """The same study with other settings; what is left out stays as it is.

        Args:
            iterations: limit of the iterations of training.
            forward_passes: trajectories of an iteration.
            openings: openings of every stage.
            seed: of the opening tree, and of what is drawn without a seed of its own.
            threads: worker threads.
            scenarios: simulated scenarios; a study that does not simulate does so then.

        Raises:
            UsageError: a number below 1.

        Examples:
            >>> case.with_(iterations=50, scenarios=500)
        """
        return self._with_settings(
            Settings(iterations, forward_passes, openings, seed, threads, scenarios)
        )

    def scale_load(self, factor: float, *, bus: EntityKey | None = None) -> Self:
        """The same study with loads times a factor: means, deviations and external scenarios.

        Args:
            factor: e.g. 1.1 for 10 % more.
            bus: name or id of the only bus whose load changes; by default all do.

        Raises:
            UnknownNameError: there is no such bus.
            UsageError: the factor is negative.

        Examples:
            >>> case.scale_load(1.1)
        """
        if not factor >= 0.0:
            raise UsageError(f"a load cannot be scaled by {factor}: the factor must be at least 0")
        buses = self.system.buses
        chosen = (
            buses.ids
            if bus is None
            else (buses.ids[entity_position("bus", buses.ids, buses.names, bus)],)
        )
        return self._with_loads(factor, frozenset(chosen))

    def with_initial(
        self,
        storage: Mapping[EntityKey, float] | None = None,
        *,
        inflows: Mapping[EntityKey, Sequence[float]] | None = None,
    ) -> Self:
        """The same study starting elsewhere; plants that are not named start as before.

        Args:
            storage: storage before the first stage in hm3, by name or id of the plant.
            inflows: past inflows in m3/s by name or id of the plant, the last one first.

        Raises:
            UnknownNameError: there is no such plant.

        Examples:
            >>> case.with_initial({"Ridge": 4500.0})
        """
        hydros = self.system.hydros

        def by_id(
            values: Mapping[EntityKey, float] | Mapping[EntityKey, Sequence[float]] | None,
        ) -> dict[int, object]:
            named = (values or {}).items()
            return {
                hydros.ids[entity_position("hydro", hydros.ids, hydros.names, key)]: value
                for key, value in named
            }

        stored = {hydro_id: float(value) for hydro_id, value in by_id(storage).items()}  # type: ignore[arg-type]
        past = {hydro_id: tuple(map(float, value)) for hydro_id, value in by_id(inflows).items()}  # type: ignore[call-overload]
        return self._with_start(stored, past)

    def _with_settings(self, settings: Settings) -> Self:
        training, simulation = self.config.training, self.config.simulation
        rules = training.stopping_rules
        if settings.iterations is not None:
            rules = tuple(
                IterationLimit(settings.iterations) if isinstance(r, IterationLimit) else r
                for r in rules
            )
        training = dataclasses.replace(
            training,
            stopping_rules=rules,
            forward_passes=training.forward_passes
            if settings.forward_passes is None
            else settings.forward_passes,
            tree_seed=training.tree_seed if settings.seed is None else settings.seed,
            threads=training.threads if settings.threads is None else settings.threads,
        )
        if settings.scenarios is not None:
            simulation = dataclasses.replace(
                simulation, enabled=True, n_scenarios=settings.scenarios
            )
        system = self.system
        if settings.openings is not None:
            stages, changes = (
                _with_openings(system.stages, settings.openings),
                tuple(
                    {**one, "stages": _with_openings(one["stages"], settings.openings)}
                    if "stages" in one
                    else one
                    for one in system.regime_changes
                ),
            )
            system = dataclasses.replace(system, stages=stages, regime_changes=changes)
        config = dataclasses.replace(self.config, training=training, simulation=simulation)
        return dataclasses.replace(self, system=system, config=config)  # type: ignore[type-var]

    def _with_loads(self, factor: float, bus_ids: frozenset[int]) -> Self:
        system = self.system
        own = {name: getattr(system, name) for name in ("load_statistics", "external_loads")}
        changes = tuple(
            {**one, **_scaled_loads(one, factor, bus_ids)} for one in system.regime_changes
        )
        system = dataclasses.replace(
            system, **_scaled_loads(own, factor, bus_ids), regime_changes=changes
        )
        return dataclasses.replace(self, system=system)  # type: ignore[type-var]

    def _with_start(
        self, storage: Mapping[int, float], inflows: Mapping[int, tuple[float, ...]]
    ) -> Self:
        initial = self.system.initial
        filling = {i: storage.get(i, value) for i, value in initial.filling_storage_hm3.items()}
        stored = {
            **initial.storage_hm3,
            **{i: value for i, value in storage.items() if i not in filling},
        }
        initial = dataclasses.replace(
            initial,
            storage_hm3=stored,
            filling_storage_hm3=filling,
            past_inflows_m3s={**initial.past_inflows_m3s, **inflows},
        )
        return dataclasses.replace(self, system=dataclasses.replace(self.system, initial=initial))  # type: ignore[type-var]


def _with_openings(stages: Iterable[Stage], n_openings: int) -> tuple[Stage, ...]:
    return tuple(dataclasses.replace(stage, n_openings=n_openings) for stage in stages)


def _scaled_loads(
    fields: Mapping[str, Any], factor: float, bus_ids: frozenset[int]
) -> dict[str, Any]:
    """Fields of a system, or those that a regime changes, that are loads: times a factor."""
    scaled: dict[str, Any] = {}
    if "load_statistics" in fields:
        scaled["load_statistics"] = tuple(
            dataclasses.replace(row, mean_mw=factor * row.mean_mw, std_mw=factor * row.std_mw)
            if row.bus_id in bus_ids
            else row
            for row in fields["load_statistics"]
        )
    external = fields.get("external_loads")
    if external is not None:
        factors = [factor if bus_id in bus_ids else 1.0 for bus_id in external.entity_ids]
        scaled["external_loads"] = dataclasses.replace(
            external, values={t: values * factors for t, values in external.values.items()}
        )
    return scaled
