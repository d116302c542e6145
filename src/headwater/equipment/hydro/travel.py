r"""Water on its way: what a plant releases arrives at the plant below hours later.

Time is divided into *cells*: the blocks of chronological stages, and whole stages where blocks
are parallel, whose outflow is taken as even over the stage. Of what is released from ``a`` to
``b``, the share that arrives from ``c`` to ``d`` after a travel time ``D`` is::

    share = |[a + D, b + D] and [c, d]| / (b - a)

The state ``w[h, i]`` is the volume in hm3 that is on its way below plant ``h`` and arrives in the
``i``-th cell from now. A stage of ``n`` cells takes the first ``n`` into its water balances, and
leaves, with ``zeta_k`` for hm3 of a m3/s over a block::

    w_out[h, i] = w_in[h, i + n] + sum_k share[k, n + i] zeta_k (q + s)[h, k]

which is exact for stages longer and shorter than the travel time. Behind the last stage of a study
cells go on as in that stage, so that cuts of another policy may value what is still on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time
from functools import cache, partial

import numpy as np

from headwater.arrays import Array
from headwater.core.parts import Labeller
from headwater.core.program import Combination, LpBuilder
from headwater.core.repairs import RepairedStage, Room
from headwater.core.state import StateBlock
from headwater.equipment.context import StageContext
from headwater.equipment.hydro import plants, reservoirs
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.model import HM3_PER_M3S_HOUR, NONE, BlockMode, Stage, System
from headwater.model.horizon import Horizon

BLOCK = "travelling_water"
"""Name of the block of the state, and of the columns and rows of what enters."""

AFTER = "travelling_water_after"
"""Columns and rows of what leaves."""


def cells_of(stage: Stage) -> list[float]:
    """Hours of the cells of a stage."""
    if stage.block_mode is BlockMode.CHRONOLOGICAL:
        return [block.hours for block in stage.blocks]
    return [stage.hours]


def following_cells(system: System, t: int, hours: float) -> list[float]:
    """Hours of the cells after stage ``t`` that begin within so many hours; -1 for the start."""
    cells = tuple(tuple(cells_of(stage)) for stage in system.stages)
    return _following(cells, system.horizon, t, hours)


def _following(
    cells: tuple[tuple[float, ...], ...], horizon: Horizon, t: int, hours: float
) -> list[float]:
    found: list[float] = []
    begun = 0.0
    while begun < hours:
        after = 0 if t < 0 else horizon.successor(t)
        t = t if after is None else after
        for cell in cells[t]:
            if begun < hours:
                found.append(cell)
                begun += cell
    return found


def depths(system: System) -> dict[int, int]:
    """Position of every plant whose water travels -> components of its state."""
    travelling = {h: plant for h, plant in enumerate(system.hydros) if plant.travels}
    if not travelling:
        return {}
    cells, horizon = tuple(tuple(cells_of(stage)) for stage in system.stages), system.horizon
    return {
        h: _depth(cells, horizon, float(plant.travel_time_hours or 0.0))
        for h, plant in travelling.items()
    }


@cache
def _depth(cells: tuple[tuple[float, ...], ...], horizon: Horizon, hours: float) -> int:
    """Most cells that begin within so many hours after any stage, or after the start."""
    starts = range(-1, len(cells))
    return max(len(_following(cells, horizon, t, hours)) for t in starts)


def shares(sources: Sequence[float], targets: Sequence[float], delay: float) -> Array:
    """Share of what is released in each source cell that arrives in each target cell.

    Args:
        sources: hours of the cells in which water is released, from time 0.
        targets: hours of the cells in which it arrives, from time 0.
        delay: travel time in hours.

    Returns:
        ``[source, target]``.
    """
    begin = np.concatenate([[0.0], np.cumsum(sources)]) + delay
    edge = np.concatenate([[0.0], np.cumsum(targets)])
    late = np.maximum(begin[:-1, None], edge[None, :-1])
    early = np.minimum(begin[1:, None], edge[None, 1:])
    found: Array = np.maximum(0.0, early - late) / np.asarray(sources)[:, None]
    return found


def state(system: System) -> StateBlock:
    """Water on its way below every plant whose water travels, by the cell in which it arrives."""
    ids = system.hydros.ids
    owners = tuple((ids[h], i + 1) for h, depth in depths(system).items() for i in range(depth))
    names = tuple(system.hydros.names[h] for h in depths(system))
    return StateBlock(
        BLOCK,
        "hm3",
        ("hydro_id", "cell"),
        owners,
        kind="travelling_water_{cell}",
        label="travelling_water_{hydro_id}_cell_{cell}",
        words="plants whose water travels (id, cells)",
        compared="depths",
        priced=True,
        entity_names=names,
        initial=partial(initial_hm3, system),
    )


def initial_hm3(system: System) -> Array:
    """Water on its way before the first stage, ``[component]``, from the past outflows."""
    start = datetime.combine(system.stages[0].start_date, time())
    values: list[float] = []
    for h, depth in depths(system).items():
        plant = system.hydros[h]
        delay = float(plant.travel_time_hours or 0.0)
        targets = following_cells(system, -1, delay)
        volume = np.zeros(depth)
        for past in system.initial.past_defluences:
            if past.hydro_id != plant.id:
                continue
            ago, until = (
                (start - datetime.combine(day, time())).total_seconds() / 3600.0
                for day in (past.start_date, past.end_date)
            )
            arriving = shares([ago - until], targets, delay - ago)[0]
            hm3 = HM3_PER_M3S_HOUR * (ago - until) * past.value_m3s
            volume[: len(targets)] += hm3 * arriving
        values.extend(volume)
    return np.array(values, np.float64)


class _Ways:
    """Water on its way at one stage.

    Attributes:
        n_cells: cells of the stage.
        depth: position of a plant whose water travels -> its components.
        first: the same -> place of its first component among those of all plants.
        share: the same -> ``[block, cell]`` share of its outflow that arrives in each cell.
    """

    def __init__(self, ctx: StageContext) -> None:
        own, first = cells_of(ctx.stage), 0
        self.n_cells = len(own)
        self.depth = depths(ctx.system)
        self.first: dict[int, int] = {}
        self.share: dict[int, Array] = {}
        for h, depth in self.depth.items():
            self.first[h] = first
            first += depth
            delay = float(ctx.system.hydros[h].travel_time_hours or 0.0)
            share = shares(own, [*own, *following_cells(ctx.system, ctx.t, delay)], delay)
            self.share[h] = share if ctx.chronological else np.repeat(share, ctx.n_blocks, axis=0)

    def released(
        self, build: LpBuilder, ctx: StageContext, h: int, cells: Sequence[int]
    ) -> Combination:
        """Volume in hm3 that a plant releases in the stage and that arrives in some cells."""
        share = self.share[h]
        parts = [
            (column, float(share[k, cell]) * float(hm3))
            for cell in cells
            if cell < share.shape[1]
            for k, hm3 in enumerate(ctx.block_hm3)
            for column, _ in plants.outflow(build, h, k)
        ]
        return [part for part in parts if part[1] != 0.0]

    def arriving(
        self, build: LpBuilder, ctx: StageContext, h: int, cells: Sequence[int]
    ) -> Combination:
        """Volume in hm3 that arrives below a plant in cells of the stage."""
        before = build.columns[BLOCK]
        there = [cell for cell in cells if cell < self.depth[h]]
        held = [(int(before[self.first[h] + cell]), 1.0) for cell in there]
        return held + self.released(build, ctx, h, cells)


def ways(ctx: StageContext) -> _Ways:
    """Water on its way at a stage."""
    return ctx.kept(BLOCK, _Ways)


def declare_incoming_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``w_in[component]`` in hm3, where water travels."""
    size = ctx.layout.size(BLOCK)
    if size:
        columns = build.column_family(BLOCK, size)
        columns[:] = [build.column(-np.inf, np.inf) for _ in range(size)]


def declare_incoming_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows that fix them to the incoming state."""
    size, first = ctx.layout.size(BLOCK), ctx.layout.span(BLOCK).start
    if not size:
        return
    rows = build.row_family(BLOCK, size)
    for i in range(size):
        rows[i] = build.equality()
        build.put(rows[i], build.columns[BLOCK][i], 1.0)
        build.put_state(rows[i], first + i, -1.0)
    build.know(build.columns[BLOCK], rows, place=4)


def declare_outgoing_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns of what is on its way after the stage, where it is not what was before."""
    size = ctx.layout.size(BLOCK)
    if not size:
        return
    way, before = ways(ctx), build.columns[BLOCK]
    after = build.column_family(AFTER, size)
    out = np.empty(size, np.int64)
    for h, depth in way.depth.items():
        for i in range(depth):
            place, cell = way.first[h] + i, i + way.n_cells
            if way.released(build, ctx, h, [cell]):
                # it follows from its row, and what enters and outflows are never negative
                out[place] = after[place] = build.column(-np.inf, np.inf)
            elif cell < depth:
                out[place] = before[way.first[h] + cell]
            else:
                out[place] = after[place] = build.column(0.0, 0.0)
    build.leave(BLOCK, out)


def declare_outgoing_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows that define them."""
    size = ctx.layout.size(BLOCK)
    if not size:
        return
    way, before = ways(ctx), build.columns[BLOCK]
    rows = build.row_family(AFTER, size)
    for h, depth in way.depth.items():
        for i in range(depth):
            place, cell = way.first[h] + i, i + way.n_cells
            released = way.released(build, ctx, h, [cell])
            if not released:
                continue
            row = rows[place] = build.equality()
            build.put(row, build.columns[AFTER][place], 1.0)
            if cell < depth:
                build.put(row, before[way.first[h] + cell], -1.0)
            for column, hm3 in released:
                build.put(row, column, -hm3)


def put_terms(build: LpBuilder, ctx: StageContext) -> None:
    """What arrives enters the balance of the first plant that is there."""
    if not ctx.layout.size(BLOCK):
        return
    way = ways(ctx)
    for h in way.depth:
        receiver = int(ctx.system.cascade.receiver[h, ctx.t])
        for cell in range(way.n_cells if receiver != NONE else 0):
            for column, hm3 in way.arriving(build, ctx, h, [cell]):
                reservoirs.put_volume(build, ctx, receiver, cell, column, -hm3)


def arriving_m3s(read: StageReader, s: StageSolutions, h: int, outflow: Array) -> Array:
    """Flow that arrives below plant ``h``, ``[scenario, block]``.

    Args:
        read: the stage.
        s: its solutions.
        h: position of the plant.
        outflow: ``[scenario, block]`` what it releases in m3/s.
    """
    way, ctx = ways(read.ctx), read.ctx
    own = slice(0, way.n_cells)
    volume = (outflow * ctx.block_hm3) @ way.share[h][:, own]
    held = min(way.n_cells, way.depth[h])
    first = way.first[h]
    volume[:, :held] += read.stage_values(s, BLOCK)[:, first : first + held]
    hm3 = HM3_PER_M3S_HOUR * np.array(cells_of(ctx.stage))
    found: Array = np.broadcast_to(volume / hm3, outflow.shape)
    return found


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``travelling_water``: a row for each plant whose water travels."""
    if not read.ctx.layout.size(BLOCK):
        return {}
    way, layout = ways(read.ctx), read.template.layout
    before = s.state[:, layout.span(BLOCK)]
    out = read.template.out_column[layout.places(BLOCK)]
    after = s.primal[:, out]
    worth = read.worth(s, BLOCK)
    outflow = read.values(s, "turbined") + read.values(s, "spillage")
    hours, shape = read.ctx.block_hours, (len(s.primal), len(way.depth))
    columns: dict[str, Array] = {
        name: np.empty(shape)
        for name in ("initial_hm3", "released_hm3", "arrived_hm3", "final_hm3", "value_per_hm3")
    }
    for n, (h, depth) in enumerate(way.depth.items()):
        part = slice(way.first[h], way.first[h] + depth)
        arrived = arriving_m3s(read, s, h, outflow[:, :, h])
        columns["initial_hm3"][:, n] = before[:, part].sum(axis=1)
        columns["released_hm3"][:, n] = HM3_PER_M3S_HOUR * outflow[:, :, h] @ hours
        columns["arrived_hm3"][:, n] = HM3_PER_M3S_HOUR * arrived @ hours
        columns["final_hm3"][:, n] = after[:, part].sum(axis=1)
        columns["value_per_hm3"][:, n] = worth[:, part][:, 0]
    ids = np.array([read.system.hydros[h].id for h in way.depth], np.int32)
    return {"hydro_id": np.broadcast_to(ids, shape), **columns}


def rooms(stage: RepairedStage) -> Iterator[Room]:
    """What is on its way after the stage follows from what was, and from the outflow."""
    if AFTER in stage.form.template.columns:
        for row in stage.rows(AFTER):
            for sign in (1.0, -1.0):
                yield stage.room(row, sign, AFTER)


def label_components(ctx: StageContext, hydros: Sequence[str]) -> Labeller:
    """Plant, and the cell in which its water arrives, from 1."""
    labels = [
        [hydros[h], str(i + 1)] for h, depth in depths(ctx.system).items() for i in range(depth)
    ]
    return lambda index: labels[index[0]]
