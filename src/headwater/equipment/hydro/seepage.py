r"""Seepage: water that finds its way through the dam, more of it the fuller the reservoir.

    Q[h] + short[h] - beyond[h] - slope (v_in + v) / 2 = constant         (a row per plant; m3/s)

``Q`` leaves the reservoir over the whole stage and reaches the first plant present downstream at
once. What is short of the model, or beyond it, costs what evaporation other than modelled costs.
"""

from __future__ import annotations

import numpy as np

from headwater.arrays import Array
from headwater.core.ids import ABSENT
from headwater.core.program import LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import reservoirs
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.model import NONE

SEEPAGE = "seepage"
_SLACKS = (
    ("seepage_short", "evaporation_violation_neg_cost"),
    ("seepage_beyond", "evaporation_violation_pos_cost"),
)


def _seeping(ctx: StageContext) -> list[int]:
    hydros = enumerate(ctx.system.hydros)
    return [h for h, plant in hydros if plant.seepage is not None and ctx.present(h)]


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns of seepage in m3/s and its slacks, where a plant has any."""
    seeping = _seeping(ctx)
    if not seeping:
        return
    flow = build.column_family(SEEPAGE, ctx.n_hydros)
    flow[seeping] = [build.column() for _ in seeping]
    for name, price in _SLACKS:
        slack = build.column_family(name, ctx.n_hydros)
        slack[seeping] = [build.column(cost=ctx.hours * ctx.penalty(price, h)) for h in seeping]


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows that tie seepage to the mean of the storages that the stage begins and ends with."""
    seeping = _seeping(ctx)
    if not seeping:
        return
    rows = build.row_family(SEEPAGE, ctx.n_hydros)
    storage, first = build.columns["storage"], ctx.layout.span("storage").start
    for h in seeping:
        given = ctx.system.hydros[h].seepage
        assert given is not None
        row = rows[h] = build.equality(given.constant_m3s)
        for name, sign in ((SEEPAGE, 1.0), ("seepage_short", 1.0), ("seepage_beyond", -1.0)):
            build.put(row, int(build.columns[name][h]), sign)
        build.put(row, int(storage[h]), -given.slope_m3s_per_hm3 / 2.0)
        build.put_state(row, first + h, -given.slope_m3s_per_hm3 / 2.0)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """Seepage leaves one reservoir and enters another."""
    for h in _seeping(ctx):
        column, receiver = (
            int(build.columns[SEEPAGE][h]),
            int(ctx.system.cascade.receiver[h, ctx.t]),
        )
        reservoirs.put_stage_flow(build, ctx, h, column, 1.0)
        if receiver != NONE:
            reservoirs.put_stage_flow(build, ctx, receiver, column, -1.0)


def flow_m3s(read: StageReader, s: StageSolutions) -> Array:
    """Seepage of every plant, ``[scenario, hydro]``."""
    if SEEPAGE not in read.template.columns:
        return np.zeros((len(s.primal), read.ctx.n_hydros))
    return read.stage_values(s, SEEPAGE)


def violation_cost(read: StageReader, s: StageSolutions) -> Array:
    """Cost of seepage other than modelled, ``[scenario, block]``, shared by block hours."""
    cost = np.zeros(len(s.primal))
    for name, _ in _SLACKS:
        if name in read.template.columns:
            cost += read.stage_priced(s, name).sum(axis=1)
    found: Array = cost[:, None] * (read.ctx.block_hours / read.ctx.hours)
    return found


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``seepage``: a row for each plant that has some."""
    if SEEPAGE not in read.template.columns:
        return {}
    there = np.flatnonzero(read.template.columns[SEEPAGE] != ABSENT)
    ids = np.array([read.system.hydros[h].id for h in there], np.int32)
    values = {
        "seepage_m3s": read.stage_values(s, SEEPAGE),
        "short_m3s": read.stage_values(s, "seepage_short"),
        "beyond_m3s": read.stage_values(s, "seepage_beyond"),
    }
    return {
        "hydro_id": np.broadcast_to(ids, (len(s.primal), len(ids))),
        **{name: value[:, there] for name, value in values.items()},
    }
