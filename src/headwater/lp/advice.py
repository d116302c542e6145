"""What a planner should know about the stage programs before hours are spent: sentences, not errors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headwater.core.equipment import EQUIPMENT
from headwater.core.wording import listed
from headwater.model import OperativeState, ProductionKind, System


def program_warnings(system: System) -> tuple[str, ...]:
    """Warnings about a system (with computed planes already in it), the same whatever the order of its entities."""
    checks = (
        _approximate_head,
        _forced_pumping,
        _hard_constraints,
        _terms_without_meaning,
        _unreachable_filling,
        _absent_pumping_ends,
        _short_segments,
        _plane_ranges,
    )
    return tuple(sentence for check in checks for sentence in check(system))


def _approximate_head(system: System) -> Iterator[str]:
    pairs = zip(system.hydros, system.production, strict=True)
    ids = [h.id for h, stages in pairs if any(one.kind is ProductionKind.LINEARIZED_HEAD for one in stages)]
    if ids:
        yield (
            f"hydro(s) {listed(ids)} use the linearised head: training works with their constant productivity, and only "
            "simulation refines it with storage"
        )


def _forced_pumping(system: System) -> Iterator[str]:
    ids = [s.id for j, s in enumerate(system.pumping_stations) if (system.bounds.pumping.min_flow_m3s[j] > 0.0).any()]
    if ids:
        yield f"pumping station(s) {listed(ids)} have a minimum flow, which an empty source reservoir cannot give"


def _hard_constraints(system: System) -> Iterator[str]:
    ids = [constraint.id for constraint in system.generic_constraints if constraint.slack_cost is None]
    if ids:
        yield f"user constraint(s) {listed(ids)} have no slack: a stage that cannot satisfy them has no solution"


def _terms_without_meaning(system: System) -> Iterator[str]:
    active = {bound.constraint_id for bound in system.generic_constraint_bounds}
    for constraint in system.generic_constraints:
        if constraint.id not in active:
            continue
        for term in constraint.expression.terms:
            part = EQUIPMENT.quantities[term.quantity][0]
            if not part.has_life:
                continue
            kind = part.collection
            index = next((i for i, entity in enumerate(getattr(system, kind)) if entity.id == term.entity_id), None)
            if index is None:
                continue
            entity = getattr(system, kind)[index]
            feature = {"hydro_diversion": "diversion", "hydro_evaporation": "evaporation"}.get(term.quantity)
            if feature is not None and getattr(entity, feature) is None:
                yield f"constraint {constraint.id}: {term.quantity}({term.entity_id}) is 0, because the plant has no {feature}"
                continue
            codes = system.operative_states[kind][index]
            absent = ~np.isin(codes, (OperativeState.OPERATING, OperativeState.FILLING))
            bounded = {bound.stage_id for bound in system.generic_constraint_bounds if bound.constraint_id == constraint.id}
            stages = [stage.id for t, stage in enumerate(system.stages) if absent[t] and stage.id in bounded]
            if stages:
                yield (
                    f"constraint {constraint.id}: {term.quantity}({term.entity_id}) is 0 at stage(s) {listed(stages)}, "
                    "where it is absent"
                )


def _unreachable_filling(system: System) -> Iterator[str]:
    for h, plant in enumerate(system.hydros):
        filling = np.flatnonzero(system.operative_states["hydros"][h] == OperativeState.FILLING)
        if not len(filling):
            continue
        hm3 = sum(0.0036 * system.stages[t].hours * system.bounds.hydro.filling_inflow_m3s[h, t] for t in filling)
        missing = float(system.bounds.hydro.min_storage_hm3[h, filling[-1]] - system.initial_storage_hm3[h])
        if hm3 < missing - 1e-9:
            yield (
                f"hydro {plant.id}: the flow kept back while filling gives {hm3:.6g} hm3, but its dead volume lacks "
                f"{missing:.6g} hm3"
            )


def _absent_pumping_ends(system: System) -> Iterator[str]:
    states = system.operative_states
    present = np.isin(states["hydros"], (OperativeState.OPERATING, OperativeState.FILLING))
    for j, station in enumerate(system.pumping_stations):
        ends = [system.hydro_index[i] for i in (station.source_hydro_id, station.destination_hydro_id)]
        idle = (states["pumping_stations"][j] == OperativeState.OPERATING) & ~present[ends].all(axis=0)
        stages = [system.stages[t].id for t in np.flatnonzero(idle)]
        if stages:
            yield f"pumping station {station.id} rests at stage(s) {listed(stages)}, where one of its plants is absent"


def _short_segments(system: System) -> Iterator[str]:
    for j, plant in enumerate(system.thermals):
        capacity = sum(segment.capacity_mw for segment in plant.cost_segments)
        if capacity < system.bounds.thermal.max_generation_mw[j].max() - 1e-9:
            yield f"thermal {plant.id}: its cost segments hold {capacity:g} MW, less than its maximum; they limit it"


def _plane_ranges(system: System) -> Iterator[str]:
    few = [
        plant.id
        for plant, stages in zip(system.hydros, system.production, strict=True)
        if any(one.kind is ProductionKind.FPHA and 0 < len(one.planes) < 3 for one in stages)
    ]
    if few:
        yield f"hydro(s) {listed(few)} have fewer than 3 production planes"
