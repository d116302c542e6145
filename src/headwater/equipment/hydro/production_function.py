r"""Power of a plant as a function of storage and flow.

With gross head ``H = hf(v) - ht(q + s)``::

    phi(v, q, s) = 9.81e-3 * efficiency * q * max(0, H - losses)    losses = f H, or metres, or 0

``hf`` interpolates the volume-height table, ``ht`` is the tailrace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from headwater.arrays import Array
from headwater.errors import ModelError
from headwater.model import (
    Hydro,
    PiecewiseTailrace,
    PolynomialTailrace,
    System,
)

GRAVITY = 9.81e-3
"""MW per (m3/s and m) of water without losses."""

REFERENCE_SHARE = 0.65
"""Reference volume of a reservoir as a share of its useful storage."""


@dataclass(frozen=True)
class ProductionFunction:
    """``phi`` of one plant.

    Attributes:
        volumes_hm3, heights_m: the volume-height table.
        tailrace_m: level below the plant for an outflow in m3/s.
        efficiency: of turbine and generator.
        loss_factor: share of gross head lost; loss_m: metres lost.
    """

    volumes_hm3: Array
    heights_m: Array
    tailrace_m: Callable[[Array], Array]
    efficiency: float
    loss_factor: float
    loss_m: float

    def net_head_m(self, volume: Array, outflow: Array) -> Array:
        """Head that is left for the turbines."""
        gross = np.interp(volume, self.volumes_hm3, self.heights_m) - self.tailrace_m(outflow)
        head: Array = np.maximum(0.0, gross * (1.0 - self.loss_factor) - self.loss_m)
        return head

    def power_mw(self, volume: Array, turbined: Array, spilled: Array) -> Array:
        """``phi``; the arguments broadcast."""
        power: Array = (
            GRAVITY * self.efficiency * turbined * self.net_head_m(volume, turbined + spilled)
        )
        return power


def production_function(system: System, plant: Hydro) -> tuple[ProductionFunction, tuple[str, ...]]:
    """``phi`` of a plant and what was assumed.

    Raises:
        ModelError: geometry is missing, or neither efficiency nor productivity is given.
    """
    points = system.geometry.get(plant.id, ())
    if not points:
        raise ModelError(
            f"hydro {plant.id} asks for computed planes but has no volume-height-area table"
        )
    warnings = []
    if plant.tailrace is None:
        warnings.append(
            f"hydro {plant.id} has no tailrace curve: heights of the volume "
            "table are taken as gross head"
        )
    losses = plant.hydraulic_losses
    function = ProductionFunction(
        volumes_hm3=np.array([point.volume_hm3 for point in points]),
        heights_m=np.array([point.height_m for point in points]),
        tailrace_m=tailrace_level(plant),
        efficiency=1.0,
        loss_factor=0.0 if losses is None or losses.factor is None else losses.factor,
        loss_m=0.0 if losses is None or losses.constant_m is None else losses.constant_m,
    )
    if plant.efficiency is not None:
        return replace(function, efficiency=plant.efficiency), tuple(warnings)
    if not plant.productivity_mw_per_m3s:
        raise ModelError(
            f"hydro {plant.id} needs an efficiency, or a productivity to derive "
            "it from, for computed planes"
        )
    volume = np.array(reference_volume_hm3(plant))
    head = float(function.net_head_m(volume, np.array(plant.max_turbined_m3s)))
    if head <= 0.0:
        raise ModelError(
            f"hydro {plant.id} has no head at its reference volume and maximum turbined flow"
        )
    warnings.append(
        f"hydro {plant.id} has no efficiency: it is derived from the productivity at the "
        "reference volume"
    )
    return replace(function, efficiency=plant.productivity_mw_per_m3s / (GRAVITY * head)), tuple(
        warnings
    )


def reference_volume_hm3(plant: Hydro) -> float:
    """Storage at 65 % of the useful range."""
    return plant.min_storage_hm3 + REFERENCE_SHARE * (plant.max_storage_hm3 - plant.min_storage_hm3)


def tailrace_level(plant: Hydro) -> Callable[[Array], Array]:
    """Level below the plant in m as a function of outflow in m3/s; zero without a curve."""
    tailrace = plant.tailrace
    if isinstance(tailrace, PolynomialTailrace):
        coefficients = np.array(tailrace.coefficients)
        return lambda flow: np.asarray(
            np.polynomial.polynomial.polyval(flow, coefficients), np.float64
        )
    if isinstance(tailrace, PiecewiseTailrace):
        flows, heights = np.array(tailrace.outflow_m3s), np.array(tailrace.height_m)
        return lambda flow: np.asarray(np.interp(flow, flows, heights), np.float64)
    return np.zeros_like
