"""What water is worth in energy.

The power that a flow makes on its way down the cascade, and the dearest load it could serve.

A cubic hectometre makes ``accumulated productivity / 0.0036`` MWh: a flow of 1 m3/s held for an
hour moves 0.0036 hm3 and makes as many MWh as the plants on its way make MW per m3/s. Costs of
water, per hm3 or per (m3/s) and hour, are compared with costs of energy through these figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from headwater.arrays import Array
from headwater.model.entities import DeficitSegment, Hydro, PolynomialTailrace, ProductionKind
from headwater.model.production import GeometryPoint, ResolvedProduction
from headwater.model.topology import Cascade, Network

HM3_PER_M3S_HOUR = 0.0036
"""Volume in hm3 that a flow of 1 m3/s brings in an hour."""

_MW_PER_M3S_METRE = 9.81e-3
"""Power of 1 m3/s that falls by a metre, without losses."""


class Rivers(Protocol):
    """What is asked of a `System` here."""

    @property
    def hydros(self) -> Sequence[Hydro]:
        """The plants."""
        ...

    @property
    def cascade(self) -> Cascade:
        """The river network."""
        ...

    @property
    def network(self) -> Network:
        """Who is connected to which bus."""
        ...

    @property
    def production(self) -> tuple[tuple[ResolvedProduction, ...], ...]:
        """Production function as ``[hydro][stage]``."""
        ...

    @property
    def geometry(self) -> Mapping[int, tuple[GeometryPoint, ...]]:
        """Hydro id -> its volume-height-area table."""
        ...

    @property
    def resolved_deficit_segments(self) -> tuple[tuple[DeficitSegment, ...], ...]:
        """Steps of the deficit cost of every bus."""
        ...


def accumulated_productivity(system: Rivers) -> Array:
    """Power of a flow through a plant and all plants below it, ``[hydro]`` in MW per m3/s.

    Each plant counts with its highest productivity over the stages: water that is kept may be used
    at any of them. Planes count with their steepest slope in turbined flow; planes that are not
    fitted yet with the full head of the geometry.
    """
    own = np.array(
        [
            max(
                (_productivity(plant, one, system.geometry.get(plant.id, ())) for one in stages),
                default=0.0,
            )
            for plant, stages in zip(system.hydros, system.production, strict=True)
        ],
        np.float64,
    )
    return _down_the_cascade(system, own, lambda above, below: above + below)


def dearest_deficit(system: Rivers) -> Array:
    """Highest deficit cost that the water of a plant can avoid, ``[hydro]`` in $/MWh.

    All buses count that the plant and those below it feed.
    """
    segments = system.resolved_deficit_segments
    cost = np.array(
        [segments[bus][-1].cost_per_mwh for bus in system.network.bus["hydros"]], np.float64
    )
    return _down_the_cascade(system, cost, max)


def fed_buses(system: Rivers) -> tuple[frozenset[int], ...]:
    """Positions of the buses that each plant and the plants below it feed."""
    fed: list[frozenset[int]] = [frozenset()] * len(system.hydros)
    for h in reversed(system.cascade.topological_order):
        below = int(system.cascade.downstream[h])
        own = frozenset((int(system.network.bus["hydros"][h]),))
        fed[h] = own | fed[below] if below >= 0 else own
    return tuple(fed)


def _down_the_cascade(system: Rivers, own: Array, join: Callable[[float, float], float]) -> Array:
    """Values of plants joined with those of all plants below."""
    joined = own.copy()
    for h in reversed(system.cascade.topological_order):
        below = system.cascade.downstream[h]
        if below >= 0:
            joined[h] = join(float(joined[h]), float(joined[below]))
    return joined


def _productivity(
    plant: Hydro, production: ResolvedProduction, geometry: tuple[GeometryPoint, ...]
) -> float:
    """Power per unit of flow at one stage."""
    if production.kind is not ProductionKind.FPHA:
        return production.productivity_mw_per_m3s
    if production.planes:
        return max(plane.gamma_q for plane in production.planes)
    if not geometry:
        return plant.productivity_mw_per_m3s or 0.0
    head = geometry[-1].height_m
    if isinstance(plant.tailrace, PolynomialTailrace):
        head -= plant.tailrace.coefficients[0] if plant.tailrace.coefficients else 0.0
    elif plant.tailrace is not None:
        head -= plant.tailrace.height_m[0]
    return (
        _MW_PER_M3S_METRE * (1.0 if plant.efficiency is None else plant.efficiency) * max(head, 0.0)
    )
