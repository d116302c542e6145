r"""Evaporation from lakes, linear in mean storage.

Depth ``c_m`` mm per month over the surface ``A(v)`` km2, linearised at a reference volume of each
calendar month ``m`` that the stage touches; ``f_m`` is the share of the days of the month that lie
inside the stage, ``T`` the hours of the stage::

    kv = sum_m f_m c_m A'(Vref_m) / (3.6 T)
    k0 = sum_m f_m c_m (A(Vref_m) - A'(Vref_m) Vref_m) / (3.6 T)
    Qev - kv (v_in + v) / 2 + fp - fm = k0         (one row per lake; m3/s)

``fp`` is evaporation that did not happen, ``fm`` what evaporates beyond. ``Qev`` is negative only
where the target itself can be (condensation), so that ``fp`` cannot make water.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from headwater.core.ids import ABSENT
from headwater.core.program import LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import reservoirs
from headwater.errors import ModelError
from headwater.model import GeometryPoint

MM_KM2_PER_M3S_HOUR = 3.6
"""1 mm over 1 km2 is 1000 m3, which is 1 / 3.6 m3/s over one hour."""


def months_of(start: date, end: date) -> list[tuple[int, float]]:
    """Calendar months that the days ``start <= day < end`` touch.

    Numbers from 0 for January, each with the share of its days inside.
    """
    months = []
    first = start.replace(day=1)
    while first < end:
        following = (first + timedelta(days=32)).replace(day=1)
        days = (min(end, following) - max(start, first)).days
        months.append((first.month - 1, days / (following - first).days))
        first = following
    return months


def surface(points: Sequence[GeometryPoint], volume_hm3: float) -> tuple[float, float]:
    """Area in km2 and its slope in km2/hm3 at a volume.

    Both are read from the volume-area table (ascending volumes).

    The area is held constant outside the table; the slope there is that of the nearest segment.
    """
    volumes = [point.volume_hm3 for point in points]
    areas = [point.area_km2 for point in points]
    area = float(np.interp(volume_hm3, volumes, areas))
    if len(points) == 1:
        return area, 0.0
    segment = min(
        max(int(np.searchsorted(volumes, volume_hm3, side="right")) - 1, 0), len(points) - 2
    )
    return area, (areas[segment + 1] - areas[segment]) / (volumes[segment + 1] - volumes[segment])


def linearised(ctx: StageContext, h: int) -> tuple[float, float]:
    """``(k0, kv)`` of a plant at this stage in m3/s and m3/s per hm3.

    Raises:
        ModelError: the plant has no volume-area table, or one that gives no numbers.
    """
    plant = ctx.system.hydros[h]
    points = ctx.system.geometry.get(plant.id, ())
    if not points or all(point.area_km2 == 0.0 for point in points):
        raise ModelError(
            f"hydro {plant.id} has evaporation but no areas in its volume-height-area table"
        )
    assert plant.evaporation is not None
    references = plant.evaporation.reference_volumes_hm3
    k0 = kv = 0.0
    for month, share in months_of(ctx.stage.start_date, ctx.stage.end_date):
        reference = (
            (plant.min_storage_hm3 + plant.max_storage_hm3) / 2.0
            if references is None
            else references[month]
        )
        area, slope = surface(points, reference)
        depth = share * plant.evaporation.coefficients_mm[month] / (MM_KM2_PER_M3S_HOUR * ctx.hours)
        kv += depth * slope
        k0 += depth * (area - slope * reference)
    if not (math.isfinite(k0) and math.isfinite(kv)):
        raise ModelError(
            f"the evaporation of hydro {plant.id} at stage {ctx.stage.id} is not finite"
        )
    return k0, kv


def evaporates(ctx: StageContext, h: int) -> bool:
    """Whether a plant has evaporation at this stage."""
    return ctx.system.hydros[h].evaporation is not None and ctx.present(h)


def announce_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Families of evaporation and its slacks, one value per stage, filled plant by plant."""
    for name in ("evaporation", "evaporation_short", "evaporation_beyond"):
        build.column_family(name, ctx.n_hydros)


def declare_columns(build: LpBuilder, ctx: StageContext, h: int) -> None:
    """Evaporated flow of one plant in m3/s, what is short of the target, what is beyond."""
    if not evaporates(ctx, h):
        return
    k0, kv = linearised(ctx, h)
    full = ctx.system.bounds.hydro.max_storage_hm3[h, ctx.t]
    short_cost = ctx.hours * ctx.penalty("evaporation_violation_neg_cost", h)
    beyond_cost = ctx.hours * ctx.penalty("evaporation_violation_pos_cost", h)
    build.columns["evaporation"][h] = build.column(min(0.0, k0, k0 + kv * full), np.inf)
    build.columns["evaporation_short"][h] = build.column(cost=short_cost)
    build.columns["evaporation_beyond"][h] = build.column(cost=beyond_cost)


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows that tie evaporation to mean storage over the stage."""
    rows, columns = build.row_family("evaporation", ctx.n_hydros), build.columns
    for h in range(ctx.n_hydros):
        if columns["evaporation"][h] == ABSENT:
            continue
        k0, kv = linearised(ctx, h)
        rows[h] = build.equality(k0)
        build.put(rows[h], columns["evaporation"][h], 1.0)
        build.put(rows[h], columns["storage"][h], -kv / 2.0)
        build.put_state(rows[h], ctx.layout.span("storage").start + h, -kv / 2.0)
        build.put(rows[h], columns["evaporation_short"][h], 1.0)
        build.put(rows[h], columns["evaporation_beyond"][h], -1.0)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Evaporated water leaves the reservoir."""
    for h in range(ctx.n_hydros):
        if build.columns["evaporation"][h] != ABSENT:
            reservoirs.put_stage_flow(build, ctx, h, int(build.columns["evaporation"][h]), 1.0)
