r"""Losses of lines that grow with the flow: a convex curve through points.

    loss >= a_s flow + b_s                 every segment s of the curve, which begins at (0, 0)
    loss <= curve(limit) / limit * flow    so that power is not thrown away on a line

Together these are the convex hull of the curve, in either direction. The loss leaves the bus at
which the flow arrives, beside the share ``losses_percent`` of the flow.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from headwater.arrays import Array
from headwater.core.ids import ABSENT
from headwater.core.program import LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.reading import StageReader, StageSolutions
from headwater.model import Line

FAMILY = "line_loss"
_WAYS = ("direct", "reverse")


def segments(line: Line) -> list[tuple[float, float]]:
    """Slope and value at 0 of every segment of the curve of a line."""
    points = [(0.0, 0.0), *((point.flow_mw, point.losses_mw) for point in line.loss_curve)]
    found = []
    for (flow, loss), (later, more) in pairwise(points):
        slope = (more - loss) / (later - flow)
        found.append((slope, loss - slope * flow))
    return found


def curve(line: Line, flow_mw: float) -> float:
    """Loss at a flow; the last segment goes on behind its end."""
    return max(slope * flow_mw + start for slope, start in segments(line))


def _limits(ctx: StageContext, i: int, k: int) -> Iterator[tuple[int, float]]:
    """Ways of a line that can carry something in a block, with their limits."""
    bounds = ctx.system.bounds.line
    for way, limit in enumerate((bounds.direct_mw, bounds.reverse_mw)):
        if limit[i, ctx.t, k] > 0.0:
            yield way, float(limit[i, ctx.t, k])


def _curved(ctx: StageContext) -> list[int]:
    lines = enumerate(ctx.system.lines)
    return [i for i, line in lines if line.loss_curve and ctx.operating("lines", i)]


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``line_loss[line, block, way]`` in MW, where a line has a curve."""
    curved = _curved(ctx)
    if curved:
        loss = build.column_family(FAMILY, (len(ctx.system.lines), ctx.n_blocks, len(_WAYS)))
        for i in curved:
            for k in range(ctx.n_blocks):
                for way, _ in _limits(ctx, i, k):
                    loss[i, k, way] = build.column()


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows ``line_loss[line, block, way, segment]``; the last one is the upper limit."""
    curved = _curved(ctx)
    if not curved:
        return
    lines = ctx.system.lines
    most = max(len(lines[i].loss_curve) for i in curved)
    rows = build.row_family(FAMILY, (len(lines), ctx.n_blocks, len(_WAYS), most + 1))
    for i in curved:
        for k in range(ctx.n_blocks):
            for way, limit in _limits(ctx, i, k):
                loss = int(build.columns[FAMILY][i, k, way])
                flow = int(build.columns[f"line_{_WAYS[way]}"][i, k])
                lower = [(*one, False) for one in segments(lines[i])]
                for s, (slope, start, is_upper) in enumerate(
                    [*lower, (curve(lines[i], limit) / limit, 0.0, True)]
                ):
                    ends = (-np.inf, start) if is_upper else (start, np.inf)
                    row = rows[i, k, way, s] = build.row(*ends)
                    build.put(row, loss, 1.0)
                    build.put(row, flow, -slope)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Losses leave the bus at which the flow arrives."""
    network = ctx.system.network
    ends = (network.line_target, network.line_source)
    for i in _curved(ctx):
        for k in range(ctx.n_blocks):
            for way, column in enumerate(build.columns[FAMILY][i, k]):
                if column != ABSENT:
                    build.put(build.rows["load"][ends[way][i], k], int(column), -1.0)


def lost_mw(read: StageReader, s: StageSolutions) -> Array | float:
    """Losses by curves, ``[scenario, block, line]``; 0 where no line has one."""
    if FAMILY not in read.template.columns:
        return 0.0
    found: Array = read.values(s, FAMILY).sum(axis=3)
    return found
