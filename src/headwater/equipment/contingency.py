r"""Contingencies: what other lines would carry if a line failed, the classical N-1 criterion.

When line ``m`` fails, its flow divides over the lines that are left by Kirchhoff's laws. With the
share ``L[l, m]`` that line ``l`` takes (line outage distribution factor; Wood, Wollenberg and
Sheble 2013, Power Generation, Operation, and Control, chapter 7), every block has, for each line
that is watched,

    -factor reverse limit <= f[l] + L[l, m] f[m] <= factor direct limit        f = direct - reverse

Injections stay as they were. Only lines with a reactance take part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt

from headwater.arrays import Array
from headwater.core.equipment import EQUIPMENT
from headwater.core.fields import EntryStage, ExitStage, Id, Name, OwnId, Ref, Unit, in_file
from headwater.core.ids import ABSENT
from headwater.core.parts import (
    Column,
    EntityFile,
    Equipment,
    Family,
    Labeller,
    Phase,
    Piece,
    ResultTable,
    Words,
)
from headwater.core.program import Combination, LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.line_loops import lines_in_service
from headwater.equipment.reading import Columns, StageReader, StageSolutions
from headwater.errors import ModelError
from headwater.model import System


@in_file()
@dataclass(frozen=True, slots=True)
class Contingency:
    """The failure of one line, which others must bear without being overloaded."""

    id: OwnId
    line_id: Annotated[Id, Ref("line"), "line that fails"]
    name: Name = ""
    watched_line_ids: Annotated[
        tuple[int, ...], Ref("line"), "lines that must not be overloaded; none for all others"
    ] = ()
    limit_factor: Annotated[
        float, Gt(0), Unit("-"), "their limits after the failure, as multiples of the usual ones"
    ] = 1.0
    entry_stage_id: EntryStage = None
    exit_stage_id: ExitStage = None

    def watches(self, line_id: int) -> bool:
        """Whether a line is watched."""
        named = self.watched_line_ids
        return line_id != self.line_id and (not named or line_id in named)


def outage_shares(system: System, lines: Sequence[int], outage: int) -> Array:
    """Share of the flow of a line that each other line takes when it fails.

    Args:
        system: the system.
        lines: positions of the lines with a reactance that are in service.
        outage: position of the line that fails, one of them.

    Returns:
        ``[line]`` in the order of ``lines``; NaN where nothing else connects its ends.
    """
    n_buses, network = len(system.buses), system.network
    incidence = np.zeros((len(lines), n_buses))
    for row, i in enumerate(lines):
        incidence[row, network.line_source[i]] += 1.0
        incidence[row, network.line_target[i]] -= 1.0
    susceptance = np.array([1.0 / float(system.lines[i].reactance_pu or math.inf) for i in lines])
    susceptance /= susceptance.max()
    own = lines.index(outage)
    left = susceptance.copy()
    left[own] = 0.0
    # power sent from one end of the failed line to the other, over what is left
    angles = np.linalg.pinv(incidence.T @ (left[:, None] * incidence)) @ incidence[own]
    shares: Array = left * (incidence @ angles)
    arrives = incidence.T @ shares
    if not np.allclose(arrives, incidence[own], atol=1e-6):
        return np.full(len(lines), np.nan)
    return np.where(np.abs(shares) < 1e-10, 0.0, shares)


def declare_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows ``contingency[contingency, block, line]`` of the flow after a failure.

    Raises:
        ModelError: nothing else connects the ends of a line that is to fail.
    """
    system = ctx.system
    contingencies = system.of(Contingency)
    rows = build.row_family("contingency", (len(contingencies), ctx.n_blocks, len(system.lines)))
    limits = system.bounds.line
    for c, one in enumerate(contingencies):
        outage = system.line_index[one.line_id]
        for k in range(ctx.n_blocks if ctx.operating("contingencies", c) else 0):
            lines = lines_in_service(ctx, k)
            if outage not in lines:
                continue  # it is out of service already
            shares = outage_shares(system, lines, outage)
            if np.isnan(shares).any():
                raise ModelError(
                    f"contingency {one.id}: nothing else connects the ends of line {one.line_id} "
                    f"at stage {ctx.stage.id}, and its flow has no other way"
                )
            for i, share in zip(lines, shares.tolist(), strict=True):
                if not one.watches(system.lines[i].id) or share == 0.0:
                    continue
                row = rows[c, k, i] = build.row(
                    -one.limit_factor * float(limits.reverse_mw[i, ctx.t, k]),
                    one.limit_factor * float(limits.direct_mw[i, ctx.t, k]),
                )
                for column, value in _net_flow(build, i, k):
                    build.put(row, column, value)
                for column, value in _net_flow(build, outage, k):
                    build.put(row, column, share * value)


def _net_flow(build: LpBuilder, i: int, k: int) -> Combination:
    names = (("line_direct", 1.0), ("line_reverse", -1.0))
    return [(int(build.columns[name][i, k]), sign) for name, sign in names]


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``contingencies``: the flow after a failure of every line that is watched."""
    rows = read.template.rows["contingency"]
    places = np.argwhere(rows != ABSENT)
    places = places[np.lexsort((places[:, 2], places[:, 0], places[:, 1]))]
    if not len(places):
        return {}
    system, t = read.system, read.ctx.t
    flow = read.stage_values(s, "line_direct") - read.stage_values(s, "line_reverse")
    after = np.empty((len(s.primal), len(places)))
    limit = np.empty(len(places))
    known: dict[tuple[int, int], tuple[list[int], Array]] = {}
    for n, (c, k, i) in enumerate(places.tolist()):
        one = system.of(Contingency)[c]
        outage = system.line_index[one.line_id]
        if (c, k) not in known:
            lines = lines_in_service(read.ctx, k)
            known[c, k] = lines, outage_shares(system, lines, outage)
        lines, shares = known[c, k]
        after[:, n] = flow[:, i, k] + shares[lines.index(i)] * flow[:, outage, k]
        bounds = system.bounds.line
        limit[n] = one.limit_factor * max(bounds.direct_mw[i, t, k], bounds.reverse_mw[i, t, k])
    shape = after.shape

    def ids(entities: Sequence[int], part: int) -> Array:
        values = np.asarray(entities, np.int32)[places[:, part]]
        return np.broadcast_to(values, shape)

    return {
        "block_id": np.broadcast_to(places[:, 1].astype(np.int32), shape),
        "contingency_id": ids(system.of(Contingency).ids, 0),
        "line_id": ids(system.lines.ids, 2),
        "flow_after_mw": after,
        "limit_mw": np.broadcast_to(limit, shape),
    }


def label_rows(ctx: StageContext, contingencies: Sequence[str]) -> Labeller:
    """Contingency, block, and the line that is watched."""
    lines = [line.name or str(line.id) for line in ctx.system.lines]
    return lambda index: [contingencies[index[0]], str(index[1]), lines[index[2]]]


EQUIPMENT.add(
    Equipment(
        "contingency",
        "contingencies",
        Contingency,
        EntityFile(
            "system/contingencies.json",
            "contingencies",
            meaning="failures of lines that others must bear",
        ),
        Words("contingency", "contingencies", "Contingency"),
        code=12,
        tables=(
            ResultTable(
                "contingencies",
                "scenario, stage, block, contingency and line that is watched",
                (
                    Column("contingency_id", "-", "id of the contingency", "whole"),
                    Column("line_id", "-", "id of the line that is watched", "whole"),
                    Column(
                        "flow_after_mw", "MW", "what it would carry after the failure, net direct"
                    ),
                    Column("limit_mw", "MW", "what it may carry then, the larger of both ways"),
                ),
                read_table,
                by_entity=False,
                block="some",
                sort=("scenario_id", "stage_id", "block_id", "contingency_id", "line_id"),
            ),
        ),
        pieces=(Piece(Phase.ROWS, declare_rows),),
        families=(
            Family("contingency", "the flow after {0}", "MW", is_row=True, labels=label_rows),
        ),
    )
)
