"""What is left of a broken case when its broken parts are taken out.

Rules over the whole study can still run on it.

What a reference names and is not there is left out, or, for a bus, put in its place empty. The
result is for finding more problems at once, never for a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import polars as pl

from headwater.case.form_scenarios import FACTOR_LISTS
from headwater.case.parts import KINDS, Parts
from headwater.case.schema_config import ConfigFile
from headwater.case.shapes import Shape
from headwater.case.tables import TABLES
from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import references_of

_LEFT_OUT = ("scenarios/correlation.json",)
_TABLES_LEFT_OUT = (
    "scenarios/noise_openings.parquet",
    "scenarios/opening_probabilities.parquet",
    "scenarios/external_inflow_scenarios.parquet",
    "scenarios/external_load_scenarios.parquet",
    "scenarios/external_ncs_scenarios.parquet",
)
"""What no rule over the study looks at."""

_ANY_TRAINING = {
    "training": {"forward_passes": 1, "stopping_rules": [{"type": "iteration_limit", "limit": 1}]}
}


def usable_parts(parts: Parts) -> Parts:
    """The files that parse, without what refers to nothing and without repetitions."""
    shapes = {name: shape for name, shape in parts.shapes.items() if name not in _LEFT_OUT}
    shapes.setdefault("config.json", ConfigFile.model_validate(_ANY_TRAINING))
    tables = {name: frame for name, frame in parts.tables.items() if name not in _TABLES_LEFT_OUT}
    usable = Parts(parts.manifest, parts.raw_config, parts.raw, shapes, tables)
    _entities(usable)
    known = Parts(parts.manifest, parts.raw_config, parts.raw, shapes, tables)
    _initial_conditions(known)
    _lists(known)
    for name in tables:
        tables[name] = _rows(known, name)
    return known


def _update(parts: Parts, file: str, **lists: Any) -> None:
    if file in parts.shapes:
        parts.shapes[file] = parts.shapes[file].model_copy(update=lists)


def _in_its_stage(entry: Any, field: str) -> tuple[int, int]:
    """Id of the owner and id of the stage of an entry."""
    return getattr(entry, field), entry.stage_id


def _once(items: Iterable[Any], key: Callable[[Any], Any]) -> list[Any]:
    """Items without those whose key came before."""
    first: dict[Any, Any] = {}
    for item in items:
        first.setdefault(key(item), item)
    return list(first.values())


def _entities(parts: Parts) -> None:
    """Entities with ids of their own whose references lead somewhere."""
    if "stages.json" in parts.shapes and parts.stages_file is not None:
        _update(
            parts, "stages.json", stages=_once(parts.stages_file.stages, lambda stage: stage.id)
        )
    stages = (
        {stage.id for stage in parts.stages_file.stages} if parts.stages_file is not None else set()
    )
    for kind, (file, key, _) in KINDS.items():
        entities = _once(parts.entities(kind), lambda entity: entity.id)
        if EQUIPMENT[kind].has_life:
            entities = [_with_life(entity, stages) for entity in entities]
        _update(parts, file, **{key: entities})
    ids = parts.ids("hydro")
    hydros = [_with_links(hydro, ids) for hydro in parts.hydros]
    _update(parts, KINDS["hydro"][0], hydros=_without_circles(hydros))
    stations = [
        s
        for s in parts.entities("pumping_station")
        if {s.source_hydro_id, s.destination_hydro_id} <= ids
    ]
    _update(parts, KINDS["pumping_station"][0], pumping_stations=stations)
    named = {
        getattr(entity, field)
        for kind, field in (
            *(("line", end) for end in ("source_bus_id", "target_bus_id")),
            *((part.name, "bus_id") for part in EQUIPMENT if part.has_bus),
        )
        for entity in parts.entities(kind)
    }
    buses = parts.entities("bus")
    if buses:
        empty = {"name": None, "deficit_segments": None, "excess_cost": None}
        missing = [
            buses[0].model_copy(update={"id": bus, **empty})
            for bus in sorted(named - parts.ids("bus"))
        ]
        _update(parts, KINDS["bus"][0], buses=[*buses, *missing])


def _with_life(entity: Any, stages: set[int]) -> Any:
    """An entity whose life has an order; one that has none lives always."""
    entry, exit_, filling = (
        entity.entry_stage_id,
        entity.exit_stage_id,
        getattr(entity, "filling", None),
    )
    after_last = max(stages, default=-1) + 1
    broken = entry is not None and entry not in stages
    broken |= exit_ is not None and exit_ not in stages | {after_last}
    broken |= entry is not None and exit_ is not None and entry >= exit_
    broken |= filling is not None and (entry is None or filling.start_stage_id >= entry)
    if not broken:
        return entity
    without = {"entry_stage_id": None, "exit_stage_id": None}
    return entity.model_copy(
        update={**without, "filling": None} if filling is not None else without
    )


def _with_links(hydro: Any, ids: set[int]) -> Any:
    """A plant without links to plants that do not exist, or to itself."""
    changes: dict[str, Any] = {}
    if hydro.downstream_id not in ids or hydro.downstream_id == hydro.id:
        changes["downstream_id"] = None
    if hydro.diversion is not None and hydro.diversion.downstream_id not in ids:
        changes["diversion"] = None
    return hydro.model_copy(update=changes)


def _without_circles(hydros: list[Any]) -> list[Any]:
    """Plants of which those that their own water would reach again let it go."""
    below = {hydro.id: hydro.downstream_id for hydro in hydros}
    for start in sorted(below):
        seen, here = {start}, below[start]
        while here is not None and here not in seen:
            seen.add(here)
            here = below[here]
        if here is not None:
            below[here] = None
    return [hydro.model_copy(update={"downstream_id": below[hydro.id]}) for hydro in hydros]


def _initial_conditions(parts: Parts) -> None:
    initial, ids, thermals = parts.initial, parts.ids("hydro"), parts.ids("thermal")
    if initial is None:
        return
    lists: dict[str, list[Any]] = {
        key: _once(
            (e for e in getattr(initial, key) if e.hydro_id in ids), lambda entry: entry.hydro_id
        )
        for key in ("storage", "filling_storage", "past_inflows")
    }
    for key in ("recent_observations", "past_defluences"):
        lists[key] = [entry for entry in getattr(initial, key) if entry.hydro_id in ids]
    lists["gnl_pipeline"] = [
        entry for entry in initial.gnl_pipeline if entry.thermal_id in thermals
    ]
    _update(parts, "initial_conditions.json", **lists)


def _lists(parts: Parts) -> None:
    """Factors and production models of what exists."""
    for file, (key, declared) in FACTOR_LISTS.items():
        field, kind = next(references_of(declared))
        ids = parts.ids(kind)
        shape = parts.shapes.get(file)
        entries = getattr(shape, key) if shape is not None else ()
        kept = [e for e in entries if getattr(e, field) in ids and e.stage_id in parts.study_ids]
        kept = [e.model_copy(update={"block_factors": _blocks(parts, e)}) for e in kept]
        _update(parts, file, **{key: _once(kept, partial(_in_its_stage, field=field))})
    file = "system/hydro_production_models.json"
    models: Shape | None = parts.shapes.get(file)
    entries = getattr(models, "production_models", ())
    ids = parts.ids("hydro")
    _update(
        parts,
        file,
        production_models=_once((e for e in entries if e.hydro_id in ids), lambda e: e.hydro_id),
    )


def _blocks(parts: Parts, entry: Any) -> list[Any]:
    """Factors of the blocks that a stage has."""
    n_blocks = parts.n_blocks[entry.stage_id]
    return _once((b for b in entry.block_factors if b.block_id < n_blocks), lambda b: b.block_id)


def _rows(parts: Parts, name: str) -> pl.DataFrame:
    """Rows of a table about entities, stages and blocks that exist."""
    frame = parts.tables[name]
    for column, kind in ((column.name, column.ref) for column in TABLES[name].columns):
        if frame.is_empty():
            return frame
        if kind in KINDS:
            ids = parts.ids(kind)
            if not ids.issuperset(frame.get_column(column).to_list()):
                frame = frame.filter(pl.col(column).is_in(list(ids)))
        elif kind == "stage":
            known = parts.study_ids | (
                parts.pre_study_ids if name.startswith("scenarios/") else set()
            )
            if not {*known, None}.issuperset(frame.get_column(column).to_list()):
                frame = frame.filter(pl.col(column).is_null() | pl.col(column).is_in(list(known)))
    if {"stage_id", "block_id"} <= set(frame.columns):
        n_blocks = pl.col("stage_id").replace_strict(
            parts.n_blocks, default=0, return_dtype=pl.Int64
        )
        frame = frame.filter(pl.col("block_id").is_null() | (pl.col("block_id") < n_blocks))
    return frame
