"""Entities are themselves.

Ids are unique, links do not close on themselves, lives have an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headwater.case.parts import KINDS, Parts
from headwater.case.rules import Problem, rule
from headwater.case.rules_references import known
from headwater.core.equipment import EQUIPMENT

_MODELS = "system/hydro_production_models.json"
_CORRELATION = "scenarios/correlation.json"


def _lifecycle_rule(kind: str) -> None:
    file, key, label = KINDS[kind]

    @rule("HW303", needs=(file, "stages.json"))
    def lifecycle_stages(parts: Parts) -> Iterator[Problem]:
        """Stages of entry, exit and filling exist."""
        ids = parts.study_ids
        for position, entity in enumerate(parts.entities(kind)):
            filling = getattr(entity, "filling", None)
            start = None if filling is None else filling.start_stage_id
            named = {"entry_stage_id": entity.entry_stage_id, "exit_stage_id": entity.exit_stage_id}
            for name, value in {**named, "filling.start_stage_id": start}.items():
                after_last = name == "exit_stage_id" and ids and value == max(ids) + 1
                if value is not None and value not in ids and not after_last:
                    message = f"stage {value} in '{name}' is not a study stage ({known(ids)})"
                    yield Problem(
                        file,
                        message,
                        f"{key}[{position}].{name}",
                        f"{label} {entity.id}",
                        "correct the stage id",
                    )

    @rule("HW529", needs=(file,))
    def lifecycle_order(parts: Parts) -> Iterator[Problem]:
        """An entity enters before it leaves.

        A plant that is filled enters after the filling begins.
        """
        for position, entity in enumerate(parts.entities(kind)):
            entry, exit_, filling = (
                entity.entry_stage_id,
                entity.exit_stage_id,
                getattr(entity, "filling", None),
            )
            message = None
            if entry is not None and exit_ is not None and entry >= exit_:
                message = f"expected entry_stage_id < exit_stage_id, got {entry} and {exit_}"
            elif filling is not None and entry is None:
                message = "a plant that is filled needs 'entry_stage_id', got none"
            elif filling is not None and filling.start_stage_id >= entry:
                message = (
                    "expected filling.start_stage_id < entry_stage_id, got "
                    f"{filling.start_stage_id} and {entry}"
                )
            if message is not None:
                yield Problem(
                    file,
                    message,
                    f"{key}[{position}]",
                    f"{label} {entity.id}",
                    "correct the stages of its life",
                )


for _part in EQUIPMENT.by_file():
    if _part.has_life:
        _lifecycle_rule(_part.name)


@rule("HW309", needs=("system/lines.json",))
def line_ends(parts: Parts) -> Iterator[Problem]:
    """The ends of a line are two buses."""
    for position, line in enumerate(parts.entities("line")):
        if line.source_bus_id == line.target_bus_id:
            message = f"expected two different buses, got Bus {line.source_bus_id} at both ends"
            yield Problem(
                "system/lines.json",
                message,
                f"lines[{position}]",
                f"Line {line.id}",
                "correct one of the ends",
            )


@rule("HW310", needs=("system/pumping_stations.json",))
def pumping_ends(parts: Parts) -> Iterator[Problem]:
    """A pumping station connects two reservoirs."""
    for position, station in enumerate(parts.entities("pumping_station")):
        if station.source_hydro_id == station.destination_hydro_id:
            message = (
                f"expected two different hydros, got Hydro {station.source_hydro_id} at both ends"
            )
            path = f"pumping_stations[{position}]"
            yield Problem(
                "system/pumping_stations.json",
                message,
                path,
                f"Pumping station {station.id}",
                "correct one end",
            )


@rule("HW311", needs=("system/hydros.json",))
def hydro_links(parts: Parts) -> Iterator[Problem]:
    """A plant does not send its water to itself."""
    for position, hydro in enumerate(parts.hydros):
        targets = {"downstream_id": hydro.downstream_id}
        if hydro.diversion is not None:
            targets["diversion.downstream_id"] = hydro.diversion.downstream_id
        for name, target in targets.items():
            if target == hydro.id:
                message = f"expected another plant in '{name}', got the plant itself"
                yield Problem(
                    "system/hydros.json",
                    message,
                    f"hydros[{position}].{name}",
                    f"Hydro {hydro.id}",
                    "correct the id",
                )


@rule("HW601", needs=("system/hydros.json",))
def no_cycles(parts: Parts) -> Iterator[Problem]:
    """Water does not flow in circles."""
    downstream = {
        hydro.id: hydro.downstream_id for hydro in parts.hydros if hydro.downstream_id != hydro.id
    }
    finished: set[int] = set()
    for start in sorted(downstream):
        path: list[int] = []
        here: int | None = start
        while here is not None and here not in finished and here not in path:
            path.append(here)
            here = downstream.get(here)
        if here is not None and here in path:
            cycle = path[path.index(here) :]
            message = f"the downstream links form a circle: {' -> '.join(map(str, [*cycle, here]))}"
            yield Problem(
                "system/hydros.json", message, None, f"Hydro {here}", "remove one of the links"
            )
        finished.update(path)


def _unique_rule(kind: str) -> None:
    file, key, label = KINDS[kind]

    @rule("HW208", needs=(file,))
    def unique_ids(parts: Parts) -> Iterator[Problem]:
        yield from repeated(file, key, label, [entity.id for entity in parts.entities(kind)])


def repeated(
    file: str, key: str, label: str, ids: Iterable[int], field: str = "id"
) -> Iterator[Problem]:
    """Ids that appear more than once in a list."""
    seen: dict[int, int] = {}
    for position, value in enumerate(ids):
        if value in seen:
            message = (
                f"expected each {field} once, got {value} at positions {seen[value]} and {position}"
            )
            yield Problem(
                file,
                message,
                f"{key}[{position}].{field}",
                f"{label} {value}",
                "give each its own id",
            )
        seen.setdefault(value, position)


for _kind in KINDS:
    _unique_rule(_kind)


@rule("HW208", needs=("stages.json",))
def unique_stages(parts: Parts) -> Iterator[Problem]:
    """Stages, pre-study stages and seasons have ids of their own."""
    file = parts.stages_file
    if file is not None:
        yield from repeated("stages.json", "stages", "Stage", [stage.id for stage in file.stages])
        yield from repeated(
            "stages.json",
            "pre_study_stages",
            "Stage",
            [stage.id for stage in file.pre_study_stages],
        )
        if file.season_definitions is not None:
            seasons = [season.id for season in file.season_definitions.seasons]
            yield from repeated("stages.json", "season_definitions.seasons", "Season", seasons)


@rule("HW208", needs=("initial_conditions.json",))
def unique_initial(parts: Parts) -> Iterator[Problem]:
    """Initial conditions name each plant once."""
    initial = parts.initial
    if initial is None:
        return
    file = "initial_conditions.json"
    for key in ("storage", "filling_storage", "past_inflows"):
        yield from repeated(
            file, key, "Hydro", [entry.hydro_id for entry in getattr(initial, key)], "hydro_id"
        )
    both = {entry.hydro_id for entry in initial.storage} & {
        entry.hydro_id for entry in initial.filling_storage
    }
    for hydro_id in sorted(both):
        message = "the plant is in 'storage' and in 'filling_storage'; expected one of them"
        yield Problem(file, message, "filling_storage", f"Hydro {hydro_id}", "remove one entry")
    offsets = [(entry.thermal_id, entry.stage_offset) for entry in initial.gnl_pipeline]
    for key_pair in sorted({pair for pair in offsets if offsets.count(pair) > 1}):
        message = f"expected one commitment for offset {key_pair[1]}, got {offsets.count(key_pair)}"
        yield Problem(
            file, message, "gnl_pipeline", f"Thermal {key_pair[0]}", "remove the repetition"
        )


@rule("HW208", needs=(_MODELS,))
def unique_production(parts: Parts) -> Iterator[Problem]:
    """Production models name each plant once."""
    file = parts.shape(_MODELS)
    if file is not None:
        yield from repeated(
            _MODELS,
            "production_models",
            "Hydro",
            [e.hydro_id for e in file.production_models],
            "hydro_id",
        )


@rule("HW208", needs=(_CORRELATION,))
def unique_schedule(parts: Parts) -> Iterator[Problem]:
    """The schedule of correlations names each stage once."""
    file = parts.shape(_CORRELATION)
    if file is not None:
        yield from repeated(
            _CORRELATION,
            "schedule",
            "Stage",
            [entry.stage_id for entry in file.schedule],
            "stage_id",
        )
