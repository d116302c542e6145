r"""Buses: power balance per block, deficit in priced segments, free disposal of excess.

    generation + arriving flows + sum_s deficit[s] - excess = load        (one row per bus and block)
    cost  tau_k * (sum_s c[s] deficit[s] + c_excess * excess)

The right-hand side is the load of the opening.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headwater.core.program import LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.equipment.thermal.generation import check_ascending
from headwater.errors import ModelError
from headwater.model import DeficitSegment


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """For each bus and block: deficit segments, then excess, in MW."""
    penalties = ctx.system.resolved_penalties
    n_segments = max(len(segments) for segments in penalties.deficit_segments)
    deficit = build.column_family("deficit", (len(ctx.system.buses), ctx.n_blocks, n_segments))
    excess = build.column_family("excess", (len(ctx.system.buses), ctx.n_blocks))
    for b, segments in enumerate(penalties.deficit_segments):
        _check_segments(f"the deficit segments of bus {ctx.system.buses[b].id}", segments)
        for k, hours in enumerate(ctx.block_hours):
            for s, segment in enumerate(segments):
                depth = np.inf if segment.depth_mw is None else segment.depth_mw
                deficit[b, k, s] = build.column(0.0, depth, hours * segment.cost_per_mwh)
            excess[b, k] = build.column(cost=hours * penalties.excess_per_mwh[b, ctx.t])


def _check_segments(what: str, segments: Sequence[DeficitSegment]) -> None:
    check_ascending(what, [segment.cost_per_mwh for segment in segments])
    if not segments or segments[-1].depth_mw is not None:
        raise ModelError(f"{what}: the last one must be without limit")
    if any(segment.depth_mw is None for segment in segments[:-1]):
        raise ModelError(f"{what}: only the last one may be without limit")


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Load balance rows."""
    rows = build.row_family("load", (len(ctx.system.buses), ctx.n_blocks))
    for b in range(len(ctx.system.buses)):
        for k in range(ctx.n_blocks):
            rows[b, k] = build.equality()


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Deficit and excess enter the balance of their bus."""
    for b in range(len(ctx.system.buses)):
        for k in range(ctx.n_blocks):
            row = build.rows["load"][b, k]
            for column in build.columns["deficit"][b, k]:
                if column >= 0:
                    build.put(row, column, 1.0)
            build.put(row, build.columns["excess"][b, k], -1.0)


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``buses``."""
    load = np.swapaxes(s.load_mw[:, :, : read.ctx.n_blocks], 1, 2)
    deficit, excess = read.values(s, "deficit").sum(axis=3), read.values(s, "excess")
    return read.flat(
        s,
        "bus_id",
        [bus.id for bus in read.system.buses],
        {
            "load_mw": load,
            "load_mwh": load * read.hours,
            "deficit_mw": deficit,
            "deficit_mwh": deficit * read.hours,
            "excess_mw": excess,
            "excess_mwh": excess * read.hours,
            "spot_price": np.swapaxes(s.load_dual, 1, 2) / read.hours,
        },
    )
