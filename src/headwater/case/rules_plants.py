"""Plants, lines and constraints make physical sense."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl

from headwater.case.parts import Parts
from headwater.case.rules import ERROR, WARNING, Problem, rule, study_rule
from headwater.case.rules_dimensions import production_at
from headwater.case.table_reader import ROW
from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import Equipment
from headwater.core.wording import opened
from headwater.model import Study, System

_HYDROS = "system/hydros.json"
_INITIAL = "initial_conditions.json"
_GEOMETRY = "system/hydro_geometry.parquet"
_PLANES = "system/fpha_hyperplanes.parquet"
_MODELS = "system/hydro_production_models.json"
_THERMALS = "system/thermals.json"
_PRODUCTION = (_HYDROS, _MODELS, "stages.json")
_VOLUME_TOLERANCE = 1e-9


def _without_storage(parts: Parts, *, empty: bool) -> Iterator[int]:
    if parts.initial is not None:
        given = {
            entry.hydro_id for entry in (*parts.initial.storage, *parts.initial.filling_storage)
        }
        for hydro in sorted(parts.hydros, key=lambda hydro: hydro.id):
            if hydro.id not in given and (hydro.reservoir.max_storage_hm3 == 0) == empty:
                yield hydro.id


@rule("HW505", needs=(_HYDROS, _INITIAL))
def initial_storage(parts: Parts) -> Iterator[Problem]:
    """Every reservoir has an initial storage."""
    for hydro_id in _without_storage(parts, empty=False):
        message = "the reservoir has neither an initial nor a filling storage"
        yield Problem(
            _INITIAL,
            message,
            "storage",
            f"Hydro {hydro_id}",
            "add its storage before the first stage",
        )


@rule("HW508", WARNING, needs=(_HYDROS, _INITIAL))
def run_of_river_storage(parts: Parts) -> Iterator[Problem]:
    """Plants without reservoir start empty."""
    for hydro_id in _without_storage(parts, empty=True):
        message = "no initial storage is given; 0 is used, as the plant has no reservoir"
        yield Problem(_INITIAL, message, "storage", f"Hydro {hydro_id}", "give 0")


@study_rule("HW506", ERROR)
def storage_fits(study: Study) -> Iterator[Problem]:
    """Initial storage is at most the maximum of the first stage."""
    upper = study.system.bounds.hydro.max_storage_hm3[:, 0]
    for hydro_id, storage in study.system.initial.storage_hm3.items():
        limit = upper[study.system.hydro_index[hydro_id]]
        if storage > limit + _VOLUME_TOLERANCE * max(1.0, limit):
            message = (
                f"expected an initial storage of at most {limit:g} hm3, the maximum at the first "
                f"stage, got {storage:g}"
            )
            yield Problem(
                _INITIAL,
                message,
                "storage",
                f"Hydro {hydro_id}",
                "correct the storage or the limit",
            )


@study_rule("HW506", WARNING)
def storage_above_minimum(study: Study) -> Iterator[Problem]:
    """Initial storage is at least the minimum of the first stage."""
    lower = study.system.bounds.hydro.min_storage_hm3[:, 0]
    for hydro_id, storage in study.system.initial.storage_hm3.items():
        limit = lower[study.system.hydro_index[hydro_id]]
        if storage < limit - _VOLUME_TOLERANCE * max(1.0, limit):
            message = (
                f"the initial storage {storage:g} hm3 is below the minimum "
                f"{limit:g} hm3 of the first stage"
            )
            yield Problem(
                _INITIAL,
                message,
                "storage",
                f"Hydro {hydro_id}",
                "the violation is priced; check both figures",
            )


@study_rule("HW507", ERROR)
def filling_storage_fits(study: Study) -> Iterator[Problem]:
    """Filling storage lies below the minimum storage."""
    for hydro_id, storage in study.system.initial.filling_storage_hm3.items():
        limit = study.system.hydros[study.system.hydro_index[hydro_id]].min_storage_hm3
        if storage > limit + _VOLUME_TOLERANCE * max(1.0, limit):
            message = f"expected a filling storage in [0, {limit:g}] hm3, got {storage:g}"
            yield Problem(
                _INITIAL, message, "filling_storage", f"Hydro {hydro_id}", "correct the storage"
            )


def _falls(parts: Parts, column: str) -> Iterator[Problem]:
    frame = parts.table(_GEOMETRY).sort("hydro_id", "volume_hm3", ROW)
    for (hydro_id,), rows in frame.group_by(["hydro_id"], maintain_order=True):
        steps = pairwise(rows.select(ROW, column).iter_rows())
        for (_, left), (row, right) in steps:
            if right < left:
                message = (
                    f"expected {column} that does not fall with volume, got "
                    f"{left:g} followed by {right:g}"
                )
                yield Problem(
                    _GEOMETRY,
                    message,
                    f"hydro_geometry[{row}].{column}",
                    f"Hydro {hydro_id}",
                    "correct the curve",
                )
                break


@rule("HW509", needs=(_GEOMETRY,))
def volumes_rise(parts: Parts) -> Iterator[Problem]:
    """Each volume appears once in the geometry of a plant."""
    frame = parts.table(_GEOMETRY)
    repeated = frame.filter(pl.struct("hydro_id", "volume_hm3").is_duplicated()).sort(ROW)
    for (hydro_id, volume), rows in repeated.group_by(
        ["hydro_id", "volume_hm3"], maintain_order=True
    ):
        message = f"expected volumes that rise, got {volume} hm3 in {rows.height} rows"
        row = rows.get_column(ROW).to_list()[1]
        yield Problem(
            _GEOMETRY,
            message,
            f"hydro_geometry[{row}].volume_hm3",
            f"Hydro {hydro_id}",
            "keep one row per volume",
        )


@rule("HW510", needs=(_GEOMETRY,))
def heights_rise(parts: Parts) -> Iterator[Problem]:
    """Height does not fall with volume."""
    yield from _falls(parts, "height_m")


@rule("HW511", needs=(_GEOMETRY,))
def areas_rise(parts: Parts) -> Iterator[Problem]:
    """Area does not fall with volume."""
    yield from _falls(parts, "area_km2")


@rule("HW512", needs=(_HYDROS, _GEOMETRY))
def evaporation_geometry(parts: Parts) -> Iterator[Problem]:
    """A plant that evaporates has a surface."""
    known = set(parts.table(_GEOMETRY).get_column("hydro_id").to_list())
    for position, hydro in enumerate(parts.hydros):
        if hydro.evaporation is not None and hydro.id not in known:
            message = (
                "evaporation needs the geometry of the reservoir, "
                f"{_GEOMETRY} has no row of this plant"
            )
            yield Problem(
                _HYDROS,
                message,
                f"hydros[{position}].evaporation",
                f"Hydro {hydro.id}",
                "add its geometry",
            )


@rule("HW513", WARNING, strict=ERROR, needs=(_PLANES, *_PRODUCTION))
def few_planes(parts: Parts) -> Iterator[Problem]:
    """A production function has at least three planes."""
    counts = dict(_plane_counts(parts))
    for hydro in sorted(parts.hydros, key=lambda hydro: hydro.id):
        stages = [
            s
            for s, (model, source, _) in production_at(parts, hydro).items()
            if (model, source) == ("fpha", "precomputed")
        ]
        few = [
            s
            for s in stages
            if 0 < (counts.get((hydro.id, s)) or counts.get((hydro.id, None), 0)) < 3
        ]
        if few:
            message = f"the production function has fewer than 3 planes at stages {opened(few)}"
            yield Problem(
                _PLANES,
                message,
                None,
                f"Hydro {hydro.id}",
                "check that the planes cover the operating range",
            )


def _plane_counts(parts: Parts) -> Iterator[tuple[tuple[int, int | None], int]]:
    for hydro_id, stage_id, count in (
        parts.table(_PLANES).group_by("hydro_id", "stage_id").len().iter_rows()
    ):
        yield (hydro_id, stage_id), count


@rule("HW566", WARNING, needs=(_PLANES, *_PRODUCTION))
def planes_cover_the_plant(parts: Parts) -> Iterator[Problem]:
    """Planes hold over the whole range of storage and turbined flow of their plant.

    Planes that do not say for which range they hold are not judged.
    """
    planes = parts.table(_PLANES)
    limits = {"valid_v_min_hm3": "min", "valid_v_max_hm3": "max", "valid_q_max_m3s": "max"}
    for hydro in sorted(parts.hydros, key=lambda hydro: hydro.id):
        if not any(
            source == "precomputed" for _, source, _ in production_at(parts, hydro).values()
        ):
            continue
        own = planes.filter(pl.col("hydro_id") == hydro.id)
        reach = (
            hydro.reservoir.min_storage_hm3,
            hydro.reservoir.max_storage_hm3,
            hydro.generation.max_turbined_m3s,
        )
        for (column, end), wanted in zip(limits.items(), reach, strict=True):
            given = own.select(ROW, column).drop_nulls().sort(ROW)
            short = given.filter(
                pl.col(column) > wanted if end == "min" else pl.col(column) < wanted
            )
            if short.height:
                row, value = short.row(0)
                what = "turbined flow" if column == "valid_q_max_m3s" else "storage"
                message = (
                    f"{short.height} planes hold for a {what} of "
                    f"{'at least' if end == 'min' else 'at most'} {value:g}, "
                )
                message += f"the plant reaches {wanted:g}"
                path = f"fpha_hyperplanes[{row}].{column}"
                yield Problem(
                    _PLANES,
                    message,
                    path,
                    f"Hydro {hydro.id}",
                    "fit the planes over the whole range of the plant",
                )


@rule("HW514", needs=(_THERMALS,))
def segment_costs(parts: Parts) -> Iterator[Problem]:
    """Thermal tranches are listed from the cheapest to the dearest."""
    for position, thermal in enumerate(parts.entities("thermal")):
        for left, right in pairwise(thermal.cost_segments or ()):
            if right.cost_per_mwh < left.cost_per_mwh:
                message = (
                    f"expected costs that do not fall, got {left.cost_per_mwh:g} followed by "
                    f"{right.cost_per_mwh:g}"
                )
                path = f"thermals[{position}].cost_segments"
                yield Problem(
                    _THERMALS,
                    message,
                    path,
                    f"Thermal {thermal.id}",
                    "list the tranches from the cheapest on",
                )
                break


@rule("HW515", needs=(_THERMALS,))
def segment_capacity(parts: Parts) -> Iterator[Problem]:
    """Thermal tranches reach the maximum generation."""
    for position, thermal in enumerate(parts.entities("thermal")):
        if thermal.cost_segments is not None:
            total = sum(segment.capacity_mw for segment in thermal.cost_segments)
            if total < thermal.generation.max_mw - 1e-6:
                message = (
                    f"the tranches reach {total:g} MW, expected at least max_mw "
                    f"{thermal.generation.max_mw:g}"
                )
                path = f"thermals[{position}].cost_segments"
                yield Problem(
                    _THERMALS,
                    message,
                    path,
                    f"Thermal {thermal.id}",
                    "raise a capacity or lower max_mw",
                )


@rule("HW516", WARNING, needs=_PRODUCTION)
def fitting_data(parts: Parts) -> Iterator[Problem]:
    """Fitted planes know tailrace, losses and efficiency."""
    for position, hydro in enumerate(parts.hydros):
        if any(source == "computed" for _, source, _ in production_at(parts, hydro).values()):
            missing = [
                name
                for name in ("tailrace", "hydraulic_losses", "efficiency")
                if getattr(hydro, name) is None
            ]
            if missing:
                message = (
                    f"planes are fitted without {', '.join(missing)} (taken as level 0, no "
                    "losses, efficiency 1)"
                )
                yield Problem(
                    _HYDROS,
                    message,
                    f"hydros[{position}]",
                    f"Hydro {hydro.id}",
                    f"add {', '.join(missing)}",
                )


@rule("HW517", WARNING, needs=(_MODELS,))
def overlapping_ranges(parts: Parts) -> Iterator[Problem]:
    """Stage ranges of a production model do not overlap; the first one wins."""
    file = parts.shape(_MODELS)
    for position, entry in enumerate(file.production_models if file else ()):
        ranges = sorted(
            (r.start_stage_id, float("inf") if r.end_stage_id is None else float(r.end_stage_id))
            for r in entry.stage_ranges or ()
        )
        seasons = [season.season_id for season in entry.seasons or ()]
        if any(right[0] <= left[1] for left, right in pairwise(ranges)) or len(set(seasons)) < len(
            seasons
        ):
            message = "some ranges overlap; the first that holds is used"
            yield Problem(
                _MODELS,
                message,
                f"production_models[{position}]",
                f"Hydro {entry.hydro_id}",
                "separate them",
            )


@rule("HW518", needs=_PRODUCTION)
def productivity_everywhere(parts: Parts) -> Iterator[Problem]:
    """Stages without FPHA have a productivity."""
    for position, hydro in enumerate(parts.hydros):
        models = production_at(parts, hydro)
        own = hydro.generation.productivity_mw_per_m3s
        bare = [
            s
            for s, (model, _, override) in models.items()
            if model != "fpha" and override is None and own is None
        ]
        uncovered = [
            s for s, (model, source, _) in models.items() if model == "fpha" and source is None
        ]
        if bare:
            message = f"stages {opened(bare)} have neither FPHA nor a productivity"
            path = f"hydros[{position}].generation.productivity_mw_per_m3s"
            yield Problem(
                _HYDROS, message, path, f"Hydro {hydro.id}", "give a productivity to fall back on"
            )
        elif uncovered and len(uncovered) < len(models):
            message = f"stages {opened(uncovered)} are covered by no entry of {_MODELS}"
            yield Problem(
                _MODELS, message, None, f"Hydro {hydro.id}", "extend a range or give a default"
            )


@rule("HW519", needs=_PRODUCTION)
def fpha_entry(parts: Parts) -> Iterator[Problem]:
    """A plant with FPHA says where its planes come from."""
    for position, hydro in enumerate(parts.hydros):
        models = production_at(parts, hydro).values()
        if models and all(model == "fpha" and source is None for model, source, _ in models):
            message = f"the model 'fpha' needs an entry in {_MODELS}, got none"
            yield Problem(
                _HYDROS,
                message,
                f"hydros[{position}].generation.model",
                f"Hydro {hydro.id}",
                "add the entry",
            )


@study_rule("HW549", ERROR)
def limits_in_order(study: Study) -> Iterator[Problem]:
    """After stage values are applied, no minimum exceeds its maximum."""
    system = study.system
    for part, table in EQUIPMENT.stage_tables:
        names = [one.name for one in part.stage_columns if one.table == table.file]
        for name in (name for name in names if name.startswith("min_")):
            most = name.replace("min_", "max_", 1)
            if most in names:
                yield from _in_order(system, part, table.file, name, most)


def _in_order(
    system: System, part: Equipment, file: str, least: str, most: str
) -> Iterator[Problem]:
    """Entities whose limits of a stage are the wrong way round."""
    values = system.values(part.entity)
    low, high = values[least], values[most]
    excess = (low - high)[:, :, None] if low.ndim == 2 else low - high
    wrong = np.any(excess > 1e-9, axis=2)
    for index in np.flatnonzero(wrong.any(axis=1)):
        stages = [system.stages[t].id for t in np.flatnonzero(wrong[index])]
        t = int(np.flatnonzero(wrong[index])[0])
        message = f"expected {least} <= {most} at every stage, got "
        message += (
            f"{np.max(low[index, t]):g} > {np.min(high[index, t]):g} at stages {opened(stages)}"
        )
        who = f"{part.words.label} {getattr(system, part.collection)[index].id}"
        yield Problem(file, message, None, who, "correct one of the two limits")


@study_rule("HW604", WARNING)
def idle_entities(study: Study) -> Iterator[Problem]:
    """Everything in the case can do something."""
    system, bounds = study.system, study.system.bounds
    for index, thermal in enumerate(system.thermals):
        if not np.any(bounds.thermal.max_generation_mw[index] > 0):
            yield Problem(
                _THERMALS,
                "its maximum generation is 0 at all stages",
                None,
                f"Thermal {thermal.id}",
                "remove it",
            )
    for index, line in enumerate(system.lines):
        if not np.any(bounds.line.direct_mw[index] > 0) and not np.any(
            bounds.line.reverse_mw[index] > 0
        ):
            yield Problem(
                "system/lines.json",
                "both its limits are 0 at all stages",
                None,
                f"Line {line.id}",
                "remove it",
            )
    for index, source in enumerate(system.non_controllables):
        if not np.any(bounds.non_controllable.available_generation_mw[index] > 0):
            file = "system/non_controllable_sources.json"
            yield Problem(
                file,
                "its availability is 0 at all stages",
                None,
                f"Source {source.id}",
                "remove it",
            )
    used = {row.bus_id for row in system.load_statistics if row.mean_mw != 0 or row.std_mw > 0}
    for line in system.lines:
        used |= {line.source_bus_id, line.target_bus_id}
    for part in EQUIPMENT:
        used |= {entity.bus_id for entity in getattr(system, part.collection) if part.has_bus}
    for bus in system.buses:
        if bus.id not in used:
            message = "nothing is connected to it and it has no load"
            yield Problem("system/buses.json", message, None, f"Bus {bus.id}", "remove it")


@study_rule("HW603", WARNING)
def constraints_hold_somewhere(study: Study) -> Iterator[Problem]:
    """A generic constraint has terms, and a bound at some stage."""
    bound = {row.constraint_id for row in study.system.generic_constraint_bounds}
    file = "constraints/generic_constraints.json"
    for constraint in study.system.generic_constraints:
        who = f"Constraint {constraint.id}"
        if constraint.id not in bound:
            yield Problem(
                file,
                "it has no bound at any stage and is left out",
                None,
                who,
                "add rows of generic_constraint_bounds",
            )
        elif not any(term.quantity in EQUIPMENT.quantities for term in constraint.expression.terms):
            yield Problem(
                file,
                "none of its terms exists; it is left out",
                None,
                who,
                "correct the expression",
            )
