r"""Phase shifters: transformers that move the angle of a line, and with it the flow around loops.

    reactance * flow / base - shift = angle of source - angle of target        in radians

The shift is decided in every block between its limits; a fixed one has both limits equal.
Reactances are per unit of 100 MVA where a line has one.
"""

from __future__ import annotations

import math

import numpy as np

from headwater.core.ids import ABSENT
from headwater.core.program import LpBuilder
from headwater.equipment.context import StageContext
from headwater.equipment.reading import Columns, StageReader, StageSolutions

FAMILY = "phase_shift"
MW_PER_DEGREE = 100.0 * math.pi / 180.0
"""Flow over a reactance of 1 per unit that an angle of one degree drives, on a base of 100 MVA."""


def declare_columns(build: LpBuilder, ctx: StageContext) -> None:
    """Columns ``phase_shift[line, block]`` in degrees, where a line has a shifter."""
    lines = ctx.system.lines
    shifting = [
        i for i, line in enumerate(lines) if line.shifts_phase and ctx.operating("lines", i)
    ]
    if shifting:
        shift = build.column_family(FAMILY, (len(lines), ctx.n_blocks))
        for i in shifting:
            ends = (lines[i].min_phase_shift_degrees, lines[i].max_phase_shift_degrees)
            shift[i] = [build.column(*ends) for _ in range(ctx.n_blocks)]


def read_table(read: StageReader, s: StageSolutions) -> Columns:
    """Table ``phase_shifters``: a row for each block and line with a shifter."""
    if FAMILY not in read.template.columns:
        return {}
    positions = read.template.columns[FAMILY]
    there = np.flatnonzero((positions != ABSENT).any(axis=1))
    shape = (len(s.primal), read.ctx.n_blocks, len(there))
    ids = np.array([read.system.lines[i].id for i in there], np.int32)
    values = read.values(s, FAMILY)[:, :, there]
    blocks = np.arange(read.ctx.n_blocks, dtype=np.int32)[None, :, None]
    return {
        "block_id": np.broadcast_to(blocks, shape).reshape(len(s.primal), -1),
        "line_id": np.broadcast_to(ids, shape).reshape(len(s.primal), -1),
        "phase_shift_degrees": values.reshape(len(s.primal), -1),
    }
