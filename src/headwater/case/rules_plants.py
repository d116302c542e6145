"""Plants, lines and constraints make physical sense."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from headwater.case.parts import Parts
from headwater.case.rules import ERROR, WARNING, Problem, rule, study_rule
from headwater.core.equipment import EQUIPMENT
from headwater.core.parts import Equipment
from headwater.core.wording import opened
from headwater.model import Study, System

_HYDROS = "system/hydros.json"
_INITIAL = "initial_conditions.json"
_THERMALS = "system/thermals.json"
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
