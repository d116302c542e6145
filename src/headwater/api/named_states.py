"""States of a system and what is random in a stage, given by names of plants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.core.wording import listed
from headwater.equipment.hydro.state import memory_places
from headwater.errors import UnknownNameError, UsageError
from headwater.model import EntityKey
from headwater.model.named import entity_position, labels_of
from headwater.sddp import StateLayout

StateLike = NDArray[np.float64] | Sequence[float] | Mapping[EntityKey, float]
"""A state: all components in order, or values by name or id of the plant, or by component
(``"inflow_3_lag_1"``).
"""
Otherwise = float | Literal["initial"] | None
"""Value of the components that are not named: a number, or that of the study's initial state;
``None`` asks for all.
"""
BlockValues = float | Sequence[float] | NDArray[np.float64]
"""MW: one number for the mean of the stage, which the factors of its blocks multiply, or one for
each block.
"""


_COMPONENTS = ("storage_", "inflow_", "accumulator_", "commitment_")
"""Beginnings of the names of components of the state."""


@dataclass(frozen=True)
class StateNames:
    """What components of a state are called.

    Attributes:
        layout: what each of them is.
        hydro_names: names of the plants; empty where they have none.
    """

    layout: StateLayout
    hydro_names: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """One name per plant, all different."""
        return labels_of("hydro", self.layout.block("storage").ids, self.hydro_names)

    def hydro_position(self, key: object) -> int:
        """Position of a plant by name or id.

        Raises:
            UnknownNameError: there is none.
        """
        return entity_position("hydro", self.layout.block("storage").ids, self.hydro_names, key)

    def components(
        self, values: Mapping[Any, float], inflows: Mapping[EntityKey, float | Sequence[float]]
    ) -> dict[int, float]:
        """Place of a component -> its value, of those that are named.

        Args:
            values: storage by name or id of the plant, or any component by its own name.
            inflows: past inflows by name or id of the plant, the last one first.

        Raises:
            UnknownNameError: nothing has such a name.
            UsageError: more past inflows than the state has.
        """
        place_of = {name: place for place, name in enumerate(self.layout.names)}
        found: dict[int, float] = {}
        for key, value in values.items():
            place = (
                place_of[key]
                if isinstance(key, str) and key in place_of
                else self._storage_place(key)
            )
            found[place] = float(value)
        for key, past in inflows.items():
            h = self.hydro_position(key)
            lags = np.atleast_1d(np.asarray(past, np.float64))
            n_lags = self.layout.block("inflow_lag").depth
            if len(lags) > n_lags:
                raise UsageError(
                    f"{len(lags)} past inflows are given for "
                    f"{self.labels[h]}, and the state has {n_lags}"
                )
            found.update(
                {
                    int(memory_places(self.layout)[lag, h]): float(value)
                    for lag, value in enumerate(lags)
                }
            )
        return found

    def ask_for_all(self, found: Mapping[int, float]) -> None:
        """Refuse a state of which components are missing.

        Raises:
            UsageError: with those that are.
        """
        names = [
            label if name else component
            for label, name, component in zip(
                self.labels, self.hydro_names, self.layout.names, strict=False
            )
        ]
        names += self.layout.names[len(names) :]
        missing = [name for place, name in enumerate(names) if place not in found]
        if missing:
            raise UsageError(
                f"no value is given for {listed(missing)}; name them, or say what they are: "
                "otherwise='initial' takes the study's initial state, otherwise=0.0 a number"
            )

    def _storage_place(self, key: object) -> int:
        if isinstance(key, str) and key.startswith(_COMPONENTS) and key not in self.hydro_names:
            raise UnknownNameError(
                f"the state has no component '{key}'; it has {listed(self.layout.names)}"
            )
        return self.hydro_position(key)


def by_name(state: Any) -> Mapping[Any, float] | None:
    """The values of a state by name; ``None`` where it is an array.

    A pandas Series counts as values by name.
    """
    if isinstance(state, Mapping):
        return state
    if hasattr(state, "items") and hasattr(state, "index"):
        return dict(state.items())
    return None


def values_by_block(
    values: Mapping[EntityKey, BlockValues] | None, kind: str, entities: Any, n_blocks: int
) -> dict[int, Array]:
    """Position of an entity -> its number, or its numbers by block."""
    found: dict[int, Array] = {}
    for key, value in (values or {}).items():
        position = entity_position(kind, entities.ids, entities.names, key) if entities else -1
        if position < 0:
            raise UnknownNameError(f"there is no {kind} '{key}': the system has none")
        array = np.asarray(value, np.float64)
        if array.shape not in ((), (n_blocks,)):
            raise UsageError(
                f"expected one number for {kind} '{key}', or {n_blocks} for the "
                f"blocks, got shape {array.shape}"
            )
        found[position] = array
    return found


def in_order(state: Any, stage: Any) -> tuple[Any, Any]:
    """State and stage, in whichever order they came.

    A stage is a number, a text or a date, and a state is none of these.
    """
    first_is_stage = isinstance(state, int | str | date | np.integer | np.datetime64)
    return (stage, state) if first_is_stage else (state, stage)
