r"""The linearised head: productivity that follows storage, for simulation.

Around the reference volume ``V_ref`` (65 % of the useful range), with the slope of the
volume-height table there and the net head ``H_ref`` at ``V_ref`` and full flow::

    rho(v) = rho * max(0, 1 + k_V (v - V_ref))        k_V = (dh / dv at V_ref) / H_ref

``v`` is held fixed while a stage is solved, since ``rho(v) q`` is no linear term: the stage program
is then one of constant productivity. Without a tailrace curve the head follows from the
productivity, ``H_ref = rho / (9.81e-3 * efficiency)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.arrays import Array
from headwater.equipment.hydro.production_function import (
    GRAVITY,
    production_function,
    reference_volume_hm3,
)
from headwater.errors import ModelError
from headwater.model import Hydro, OperativeState, ProductionKind, System

DEFAULT_EFFICIENCY = 0.9
"""Efficiency of a plant that gives none."""


@dataclass(frozen=True)
class LinearHead:
    """Productivity of one plant at one stage as a function of storage.

    Attributes:
        hydro: position of the plant.
        productivity: MW per m3/s at the reference volume.
        sensitivity: relative change of productivity per hm3.
        reference_hm3, min_storage_hm3, max_storage_hm3: reference volume, and where storage is held
            to.
    """

    hydro: int
    productivity: float
    sensitivity: float
    reference_hm3: float
    min_storage_hm3: float
    max_storage_hm3: float

    def at(self, storage_hm3: float | Array) -> Array:
        """Productivity at given storages."""
        held = np.clip(storage_hm3, self.min_storage_hm3, self.max_storage_hm3)
        values: Array = self.productivity * np.maximum(
            0.0, 1.0 + self.sensitivity * (held - self.reference_hm3)
        )
        return values


def linear_heads(system: System, t: int) -> tuple[LinearHead, ...]:
    """The plants that use the linearised head at a stage position.

    Raises:
        ModelError: a plant has no volume-height table or no head.
    """
    heads = []
    for h, plant in enumerate(system.hydros):
        production = system.production[h][t]
        operates = system.operative_states["hydros"][h, t] == OperativeState.OPERATING
        if (
            production.kind is ProductionKind.LINEARIZED_HEAD
            and operates
            and production.productivity_mw_per_m3s > 0.0
        ):
            heads.append(_linear_head(system, h, plant, production.productivity_mw_per_m3s))
    return tuple(heads)


def _linear_head(system: System, h: int, plant: Hydro, productivity: float) -> LinearHead:
    points = system.geometry.get(plant.id, ())
    if len(points) < 2:
        raise ModelError(
            f"hydro {plant.id} uses the linearised head but has no volume-height-area table"
        )
    volumes, heights = [p.volume_hm3 for p in points], [p.height_m for p in points]
    reference = reference_volume_hm3(plant)
    segment = min(
        max(int(np.searchsorted(volumes, reference, side="right")) - 1, 0), len(points) - 2
    )
    slope = (heights[segment + 1] - heights[segment]) / (volumes[segment + 1] - volumes[segment])
    if plant.tailrace is not None:
        function, _ = production_function(system, plant)
        head = float(function.net_head_m(np.array(reference), np.array(plant.max_turbined_m3s)))
    else:
        head = productivity / (GRAVITY * (plant.efficiency or DEFAULT_EFFICIENCY))
    if head <= 0.0:
        raise ModelError(
            f"hydro {plant.id} has no head at its reference volume and maximum turbined flow"
        )
    return LinearHead(
        h, productivity, slope / head, reference, plant.min_storage_hm3, plant.max_storage_hm3
    )
