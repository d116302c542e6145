"""What a planner should know of hydro plants before hours are spent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headwater.core.wording import listed
from headwater.model import OperativeState, ProductionKind, System


def approximate_heads(system: System) -> Iterator[str]:
    """Plants whose head only the simulation follows."""
    pairs = zip(system.hydros, system.production, strict=True)
    ids = [
        h.id
        for h, stages in pairs
        if any(one.kind is ProductionKind.LINEARIZED_HEAD for one in stages)
    ]
    if ids:
        yield (
            f"hydro(s) {listed(ids)} use the linearised head: training works with their constant "
            "productivity, and only simulation refines it with storage"
        )


def unreachable_filling(system: System) -> Iterator[str]:
    """Dead volumes that the flow kept back does not fill."""
    for h, plant in enumerate(system.hydros):
        filling = np.flatnonzero(system.operative_states["hydros"][h] == OperativeState.FILLING)
        if not len(filling):
            continue
        hm3 = sum(
            0.0036 * system.stages[t].hours * system.bounds.hydro.filling_inflow_m3s[h, t]
            for t in filling
        )
        missing = float(
            system.bounds.hydro.min_storage_hm3[h, filling[-1]] - system.initial_storage_hm3[h]
        )
        if hm3 < missing - 1e-9:
            yield (
                f"hydro {plant.id}: the flow kept back while filling gives {hm3:.6g} hm3, but its "
                f"dead volume lacks {missing:.6g} hm3"
            )


def few_planes(system: System) -> Iterator[str]:
    """Plants with hardly any production planes."""
    few = [
        plant.id
        for plant, stages in zip(system.hydros, system.production, strict=True)
        if any(one.kind is ProductionKind.FPHA and 0 < len(one.planes) < 3 for one in stages)
    ]
    if few:
        yield f"hydro(s) {listed(few)} have fewer than 3 production planes"


def unknown_outflows(system: System) -> Iterator[str]:
    """Plants whose water travels, and of which nobody said what they released before."""
    given = {past.hydro_id for past in system.initial.past_defluences}
    ids = [h.id for h in system.hydros if h.travels and h.id not in given]
    if ids:
        yield (
            f"hydro(s) {listed(ids)} have a travel time and no past_defluences: nothing is on its "
            "way below them when the study starts"
        )
