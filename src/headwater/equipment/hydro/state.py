"""What a state knows of hydro plants.

Storage, past inflows, inflow that has been gathered of periods under way, and water on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from headwater.arrays import Array, Indices
from headwater.core.state import StateBlock, StateLayout
from headwater.equipment.hydro import travel
from headwater.model import OperativeState, System


def blocks(system: System, n_lags: int, n_accumulators: int) -> Iterator[StateBlock]:
    """The blocks of a system whose inflow models look back so far."""
    ids = system.hydros.ids
    yield storage(ids, system.hydros.names, system)
    yield past_inflows(ids, n_lags)
    yield accumulators(ids, n_accumulators)
    yield travel.state(system)


def storage(
    ids: Sequence[int], names: Sequence[str] = (), system: System | None = None
) -> StateBlock:
    """Storage of every plant, absent ones included; its values are known where the system is."""
    return StateBlock(
        "storage",
        "hm3",
        ("hydro_id",),
        tuple((one,) for one in ids),
        words="hydros",
        code="HW801",
        order=0,
        priced=True,
        entity_names=tuple(names),
        initial=None if system is None else partial(_initial_storage, system),
        box=None if system is None else partial(_storage_box, system),
    )


def past_inflows(ids: Sequence[int], n_lags: int) -> StateBlock:
    """Inflow of every river in so many past periods, the most recent period of all rivers first."""
    return StateBlock(
        "inflow_lag",
        "m3/s",
        ("hydro_id", "lag"),
        tuple((one, lag + 1) for lag in range(n_lags) for one in ids),
        label="inflow_{hydro_id}_lag_{lag}",
        words="inflow lags in the state",
        compared="depth",
        order=10,
    )


def accumulators(ids: Sequence[int], n_accumulators: int) -> StateBlock:
    """Inflow gathered of periods under way, where stages are not one season period each."""
    return StateBlock(
        "inflow_accumulator",
        "m3/s",
        ("hydro_id", "place"),
        tuple((one, place + 1) for place in range(n_accumulators) for one in ids),
        label="accumulator_{hydro_id}_{place}",
        words="inflow accumulators per hydro",
        compared="depth",
        order=30,
    )


def memory_places(layout: StateLayout) -> Indices:
    """Places of what is remembered of inflows, ``[component, hydro]``.

    Lags come first, the most recent before the others, and accumulators after them.
    """
    n_hydros = layout.size("storage")
    places = [layout.places(name) for name in ("inflow_lag", "inflow_accumulator")]
    joined = np.concatenate(places)
    return joined.reshape(len(joined) // max(n_hydros, 1), n_hydros)


def _initial_storage(system: System) -> Array:
    """Initial storage of every plant; a plant that left before the study holds no water."""
    gone = system.operative_states["hydros"][:, 0] == OperativeState.DECOMMISSIONED
    return np.where(gone, 0.0, system.initial_storage_hm3)


def _storage_box(system: System) -> tuple[Array, Array]:
    """Least and largest storage of every plant when the study ends."""
    largest = system.bounds.hydro.max_storage_hm3[:, -1]
    return np.zeros(len(largest)), largest
