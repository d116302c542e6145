r"""Production planes fitted to the geometry of a plant.

On a grid of volumes and flows (zero flow included, nothing spilled) the upper convex hull of
``(v, q, phi)``, with ``phi`` of `headwater.equipment.hydro.production_function`, gives planes whose
*minimum* is the smallest concave function above ``phi`` on the grid; planes are dropped until the
budget is met, always the one whose loss raises the minimum least, never one that keeps power at
zero flow from being zero. A factor ``kappa`` fitted on a finer grid then scales all coefficients,
and each plane gets the slope in spillage that fits best where it is the minimum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headwater.arrays import Array
from headwater.equipment.hydro.production_function import (
    ProductionFunction,
    production_function,
)
from headwater.errors import ModelError
from headwater.model import (
    FphaFit,
    FphaPlane,
    FphaSource,
    Hydro,
    ProductionKind,
    System,
)

REFINEMENT = 4
"""Points of the checking grid for each interval of the fitting grid."""


@dataclass(frozen=True)
class FittedPlanes:
    """The planes of one plant for one fit configuration, and how well they fit.

    Attributes:
        hydro_id: the plant.
        stage_ids: stages that use them.
        planes: their coefficients, with ``kappa`` folded in.
        kappa: the factor.
        n_hull: planes of the hull before reduction.
        max_error_mw, rms_error_mw: plane minimum against ``phi`` on the checking grid, nothing
            spilled.
        volume_min_hm3, volume_max_hm3, max_turbined_m3s: window of the fit.
        warnings: sentences for the user.
    """

    hydro_id: int
    stage_ids: tuple[int, ...]
    planes: tuple[FphaPlane, ...]
    kappa: float
    n_hull: int
    max_error_mw: float
    rms_error_mw: float
    volume_min_hm3: float
    volume_max_hm3: float
    max_turbined_m3s: float
    warnings: tuple[str, ...] = ()


def window_hm3(system: System, plant: Hydro, fit: FphaFit) -> tuple[float, float]:
    """Volumes between which planes are fitted.

    Raises:
        ModelError: both forms are given for one end, or the window is empty.
    """
    ends = []
    for name, absolute, percentile, default in (
        ("minimum", fit.volume_min_hm3, fit.volume_min_percentile, plant.min_storage_hm3),
        ("maximum", fit.volume_max_hm3, fit.volume_max_percentile, plant.max_storage_hm3),
    ):
        if absolute is not None and percentile is not None:
            raise ModelError(
                f"hydro {plant.id}: the {name} of the fitting window is "
                "given in hm3 and as a percentile"
            )
        if percentile is not None:
            share = percentile / 100.0 if percentile > 1.0 else percentile
            ends.append(
                plant.min_storage_hm3 + share * (plant.max_storage_hm3 - plant.min_storage_hm3)
            )
        else:
            ends.append(default if absolute is None else absolute)
    volumes = [point.volume_hm3 for point in system.geometry[plant.id]]
    low, high = (float(np.clip(end, volumes[0], volumes[-1])) for end in ends)
    if not low <= high:
        raise ModelError(f"hydro {plant.id}: the fitting window runs from {low:g} to {high:g} hm3")
    return low, high


def fit_planes(
    system: System, plant: Hydro, fit: FphaFit, stage_ids: tuple[int, ...] = ()
) -> FittedPlanes:
    """Fit the planes of a plant.

    Raises:
        ModelError: the geometry gives no power, or power that falls with storage.
    """
    function, assumed = production_function(system, plant)
    warnings = list(assumed)
    low, high = window_hm3(system, plant, fit)
    most = plant.max_turbined_m3s
    volumes, flows = (
        np.linspace(low, high, fit.volume_points),
        np.linspace(0.0, most, fit.turbine_points),
    )
    v, q = (axis.ravel() for axis in np.meshgrid(volumes, flows, indexing="ij"))
    power = function.power_mw(v, q, np.zeros_like(q))
    if not power.max() > 0.0:
        raise ModelError(f"hydro {plant.id} has no power anywhere in its fitting window")
    hull = hull_planes(plant.id, v, q, power)
    planes = reduce_planes(hull, v, q, power, fit.max_planes)
    if len(planes) > fit.max_planes:
        warnings.append(
            f"hydro {plant.id} keeps {len(planes)} planes: fewer would produce power without water"
        )

    fine_v = np.linspace(low, high, (fit.volume_points - 1) * REFINEMENT + 1)
    fine_q = np.linspace(0.0, most, (fit.turbine_points - 1) * REFINEMENT + 1)[1:]
    fv, fq = (axis.ravel() for axis in np.meshgrid(fine_v, fine_q, indexing="ij"))
    exact, bound = function.power_mw(fv, fq, np.zeros_like(fq)), minimum_of(planes, fv, fq)
    kappa = correction_factor(fit.kappa, exact, bound)
    planes = planes * kappa
    error = minimum_of(planes, fv, fq) - exact
    slopes = spillage_slopes(
        function, planes, v, q, np.linspace(0.0, 0.5 * most, fit.spillage_points + 1)[1:]
    )
    return FittedPlanes(
        hydro_id=plant.id,
        stage_ids=stage_ids,
        planes=tuple(
            FphaPlane(plant.id, i, float(g0), float(gv), float(gq), float(gs))
            for i, ((g0, gv, gq), gs) in enumerate(zip(planes, slopes, strict=True))
        ),
        kappa=kappa,
        n_hull=len(hull),
        max_error_mw=float(np.abs(error).max()),
        rms_error_mw=float(np.sqrt(np.mean(error**2))),
        volume_min_hm3=low,
        volume_max_hm3=high,
        max_turbined_m3s=most,
        warnings=tuple(warnings),
    )


def minimum_of(planes: Array, v: Array, q: Array) -> Array:
    """Smallest plane ``g0 + gv v + gq q`` at each point; ``planes[m] = (g0, gv, gq)``."""
    values: Array = (planes[:, :1] + planes[:, 1:2] * v + planes[:, 2:] * q).min(axis=0)
    return values


def hull_planes(hydro_id: int, v: Array, q: Array, power: Array) -> Array:
    """Upper facets of the convex hull of the points as planes ``[plane, (g0, gv, gq)]``.

    They are ordered by their coefficients.
    """
    points = np.column_stack([v, q, power])
    origin, spread = points.min(axis=0), np.ptp(points, axis=0)
    if spread[0] == 0.0:  # a run-of-river plant: one volume, a concave curve over the flow
        return _curve_planes(hydro_id, q, power)
    scaled = (points - origin) / spread
    design = np.column_stack([np.ones(len(scaled)), scaled[:, :2]])
    flat, *_ = np.linalg.lstsq(design, scaled[:, 2], rcond=None)
    if np.abs(design @ flat - scaled[:, 2]).max() < 1e-9:
        facets = flat[None, :]
    else:
        import scipy.spatial

        equations = scipy.spatial.ConvexHull(scaled).equations
        upper = equations[equations[:, 2] > 1e-9]
        facets = np.column_stack([-upper[:, 3], -upper[:, 0], -upper[:, 1]]) / upper[:, 2:3]
    slopes = facets[:, 1:] * spread[2] / spread[:2]
    planes = np.column_stack([origin[2] + facets[:, 0] * spread[2] - slopes @ origin[:2], slopes])
    top = float(power.max())
    planes[np.abs(planes[:, 0]) < 1e-12 * top, 0] = 0.0
    planes[np.abs(planes[:, 1]) * spread[0] < 1e-9 * top, 1] = 0.0
    planes = planes[planes[:, 2] * spread[1] > 1e-12 * top]
    falling = planes[:, 1] < 0.0
    if (np.abs(planes[falling, 1]) * spread[0] >= 1e-6 * top).any():
        raise ModelError(
            f"the power of hydro {hydro_id} falls with storage somewhere: its "
            "volume-height table is not monotone"
        )
    planes[falling, 1] = 0.0
    return _distinct(planes, top)


def _curve_planes(hydro_id: int, q: Array, power: Array) -> Array:
    order = np.argsort(q, kind="stable")
    flow, height = np.unique(q[order]), []
    for x in flow:
        height.append(power[q == x].max())
    planes: list[tuple[float, float, float]] = []
    i = 0
    while i < len(flow) - 1:
        slopes = [(height[j] - height[i]) / (flow[j] - flow[i]) for j in range(i + 1, len(flow))]
        j = i + 1 + int(np.argmax(slopes))
        if slopes[j - i - 1] > 0.0:
            planes.append(
                (float(height[i] - slopes[j - i - 1] * flow[i]), 0.0, float(slopes[j - i - 1]))
            )
        i = j
    if not planes:
        raise ModelError(f"the power of hydro {hydro_id} does not grow with turbined flow")
    return np.array(planes)


def _distinct(planes: Array, top: float) -> Array:
    """Planes that differ by more than round-off, ordered by coefficients."""
    kept: list[Array] = []
    for plane in planes[np.lexsort(planes.T[::-1])]:
        size = np.maximum(np.abs(plane), 1e-9 * top)
        if not any((np.abs(plane - other) <= 1e-7 * size).all() for other in kept):
            kept.append(plane)
    return np.array(kept)


def reduce_planes(planes: Array, v: Array, q: Array, power: Array, budget: int) -> Array:
    """Drop planes until the budget is met, the least missed first.

    Power at zero flow must stay zero.
    """
    top, dry = float(power.max()), q == 0.0
    kept = list(range(len(planes)))
    values = planes[:, :1] + planes[:, 1:2] * v + planes[:, 2:] * q
    while len(kept) > max(1, budget):
        best, least = -1, np.inf
        for m in kept:
            rest = values[[i for i in kept if i != m]].min(axis=0)
            if dry.any() and rest[dry].max() > 1e-6 * top:
                continue
            excess = float((rest - power).max())
            if excess < least - 1e-12 * top:
                best, least = m, excess
        if best < 0:
            break
        kept.remove(best)
    return planes[kept]


def correction_factor(rule: str, exact: Array, bound: Array) -> float:
    """Factor that brings the planes closest to ``exact``, or nowhere above it.

    The two are the methods ``least_squares`` and ``worst_case``.
    """
    if rule == "least_squares":
        kappa = float(np.sum(bound * exact) / np.sum(bound**2))
    elif rule == "worst_case":
        counted = exact >= 0.1 * exact.max()
        kappa = float((exact[counted] / bound[counted]).min())
    else:
        raise ModelError(
            f"'{rule}' is not a rule for the correction factor (least_squares, worst_case)"
        )
    return min(kappa, 1.0)


def spillage_slopes(
    function: ProductionFunction, planes: Array, v: Array, q: Array, spilled: Array
) -> Array:
    """Slope in spillage of each plane, in MW per m3/s and never positive.

    It is fitted where the plane is the minimum.
    """
    values = planes[:, :1] + planes[:, 1:2] * v + planes[:, 2:] * q
    lowest = values <= values.min(axis=0) + 1e-9 * max(1.0, float(np.abs(values).max()))
    lost = (
        function.power_mw(v[:, None], q[:, None], spilled)
        - function.power_mw(v, q, np.zeros_like(q))[:, None]
    )
    weight = float(np.sum(spilled**2))

    def slope(points: NDArray[np.bool_]) -> float:
        return float(np.sum(lost[points] * spilled) / (weight * points.sum()))

    overall = slope(np.ones(len(v), np.bool_))
    slopes: Array = np.minimum(
        0.0, np.array([slope(here) if here.any() else overall for here in lowest])
    )
    return slopes


def fit_all(system: System) -> tuple[FittedPlanes, ...]:
    """Fit every plant that asks for computed planes.

    One set of planes for each distinct configuration.
    """
    fitted: list[FittedPlanes] = []
    for h, plant in enumerate(system.hydros):
        stages: dict[FphaFit, list[int]] = {}
        for stage, production in zip(system.stages, system.production[h], strict=True):
            fit = production.fit
            if (
                production.kind is ProductionKind.FPHA
                and fit is not None
                and fit.source is FphaSource.COMPUTED
            ):
                stages.setdefault(fit, []).append(stage.id)
        fitted.extend(fit_planes(system, plant, fit, tuple(ids)) for fit, ids in stages.items())
    return tuple(fitted)


def with_fitted_planes(system: System) -> tuple[System, tuple[FittedPlanes, ...]]:
    """The system with the planes that it asks to be computed, and the report of each fit.

    Itself if it asks for none.
    """
    fitted = fit_all(system)
    if not fitted:
        return system, ()
    computed = {(fit.hydro_id, stage_id) for fit in fitted for stage_id in fit.stage_ids}
    planes = [
        plane for plane in system.fpha_planes if (plane.hydro_id, plane.stage_id) not in computed
    ]
    for fit in fitted:
        planes.extend(
            replace(plane, stage_id=stage_id) for stage_id in fit.stage_ids for plane in fit.planes
        )
    return replace(system, fpha_planes=tuple(planes)), fitted
