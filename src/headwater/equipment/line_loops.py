r"""Kirchhoff's second law on lines with a reactance: the DC approximation of power flow.

On such lines power cannot be steered: it divides so that the differences of the bus angles,
``reactance * flow``, add up to zero around every loop. One row for each independent loop says it
(Ronellenfitsch, Timme and Witthaut 2017, IEEE Transactions on Power Systems 32; Hoersch,
Ronellenfitsch, Witthaut and Brown 2018, Electric Power Systems Research 158, who find such rows
faster than angles):

    sum over the lines of the loop of  +-(reactance * (direct - reverse) - shift)  =  0

with the shift of a phase shifter where a line has one (`headwater.equipment.line_shifters`).
Lines without a reactance - direct current, or exchange between regions - carry what is decided, and
are in no loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from headwater.arrays import Array
from headwater.core.ids import ABSENT
from headwater.core.program import LpBuilder
from headwater.equipment import line_shifters
from headwater.equipment.context import StageContext

Loop = list[tuple[int, float]]
"""Lines of a loop, and 1 or -1: whether it runs through the line from source to target."""


def loops(ends: Sequence[tuple[int, int]]) -> dict[int, Loop]:
    """A basis of the loops of a network, short ones: each closed by a line of its own.

    A tree of shortest ways is grown in every connected part; each line outside of the trees closes
    one loop with them.

    Args:
        ends: source and target of each line.

    Returns:
        Position of the closing line -> its loop, which runs through that line from source to
        target.
    """
    neighbours: dict[int, list[tuple[int, int]]] = {}
    for line, (source, target) in enumerate(ends):
        neighbours.setdefault(source, []).append((line, target))
        neighbours.setdefault(target, []).append((line, source))
    way: dict[int, tuple[int, int] | None] = {}  # bus -> line towards the root, and next bus
    depth: dict[int, int] = {}
    in_tree: set[int] = set()
    # a bus with many lines as the root keeps ways short
    for root in sorted(neighbours, key=lambda bus: (-len(neighbours[bus]), bus)):
        if root in way:
            continue
        way[root], depth[root], waiting = None, 0, deque([root])
        while waiting:
            bus = waiting.popleft()
            for line, other in neighbours[bus]:
                if other not in way:
                    way[other], depth[other] = (line, bus), depth[bus] + 1
                    in_tree.add(line)
                    waiting.append(other)

    def step(bus: int) -> tuple[int, int]:
        onward = way[bus]
        assert onward is not None
        return onward

    found: dict[int, Loop] = {}
    for line, (source, target) in enumerate(ends):
        if line in in_tree:
            continue
        loop: Loop = [(line, 1.0)]
        back: Loop = []
        left, right = target, source  # from the target up to where both ways meet, and down again
        while left != right:
            if depth[left] >= depth[right]:
                taken, onward = step(left)
                loop.append((taken, 1.0 if ends[taken][0] == left else -1.0))
                left = onward
            else:
                taken, onward = step(right)
                back.append((taken, 1.0 if ends[taken][1] == right else -1.0))
                right = onward
        found[line] = loop + back[::-1]
    return found


def declare_loop_rows(build: LpBuilder, ctx: StageContext) -> None:
    """Rows ``loop_flow[line, block]`` of the lines that close a loop in a block.

    A line that can carry nothing in a block is out of service there, and in no loop.
    """
    lines, network = ctx.system.lines, ctx.system.network
    taken = _with_reactance(ctx)
    ends = [(int(network.line_source[i]), int(network.line_target[i])) for i in taken]
    if not loops(ends):
        return
    rows = build.row_family("loop_flow", (len(lines), ctx.n_blocks))
    given = [float(lines[i].reactance_pu or 0.0) for i in taken]
    reactance = relative_reactance(given)
    direct, reverse = build.columns["line_direct"], build.columns["line_reverse"]
    shift = build.columns.get(line_shifters.FAMILY)
    for k in range(ctx.n_blocks):
        in_service = set(lines_in_service(ctx, k))
        there = [one for one, i in enumerate(taken) if i in in_service]
        for closing, loop in loops([ends[one] for one in there]).items():
            row = rows[taken[there[closing]], k] = build.equality()
            for line, sign in loop:
                one = there[line]
                value = sign * float(reactance[one])
                build.put(row, int(direct[taken[one], k]), value)
                build.put(row, int(reverse[taken[one], k]), -value)
                if shift is not None and shift[taken[one], k] != ABSENT:
                    moved = line_shifters.MW_PER_DEGREE * float(reactance[one]) / given[one]
                    build.put(row, int(shift[taken[one], k]), -sign * moved)


def lines_in_service(ctx: StageContext, k: int) -> list[int]:
    """Positions of the lines with a reactance that can carry something in a block."""
    limits = ctx.system.bounds.line
    return [
        i
        for i in _with_reactance(ctx)
        if limits.direct_mw[i, ctx.t, k] + limits.reverse_mw[i, ctx.t, k] > 0.0
    ]


def _with_reactance(ctx: StageContext) -> list[int]:
    return [
        i
        for i, line in enumerate(ctx.system.lines)
        if line.reactance_pu is not None and ctx.operating("lines", i)
    ]


def relative_reactance(reactance: Sequence[float]) -> Array:
    """Reactances over their geometric mean: their unit does not matter, and rows are about one."""
    values = np.asarray(reactance)
    return np.asarray(values / np.exp(np.mean(np.log(values))))
