"""The kernel as one compiled function that others call at its address.

Numba compiles everything that a function calls together with it, over and over: each of the
compiled functions that solve programs would hold a kernel of its own and take as long to compile.
So the kernel is compiled once, as a function of two places in memory, what to solve and what to
work in; its address lies in what it works in.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from headwater.solver.compiled import Native, compiled
from headwater.solver.openings_kernel import Scratch, make_scratch, solve_openings
from headwater.solver.packing_kernel import Packed, Packing, call_at, place_of
from headwater.solver.simplex_kernel import Effort, Program, sample_program


class Call(NamedTuple):
    """Arguments of `headwater.solver.openings_kernel.solve_openings`."""

    column_status: Any
    row_status: Any
    program: Program
    row_lowers: Any
    row_uppers: Any
    effort: Effort
    objective: Any
    row_dual: Any
    primal: Any
    outcome: Any
    pivots: Any
    final_column_status: Any
    final_row_status: Any
    parts: Any
    first: Any
    last: Any


class KernelRoom(NamedTuple):
    """What the kernel works in, and its address."""

    scratch: Scratch
    address: Any


def _sample_call() -> Call:
    ints, numbers, table, longs = np.empty(0, np.int32), np.empty(0), np.empty((0, 0)), np.empty(0, np.int64)
    return Call(
        ints, ints, sample_program(), table, table, Effort(1, 1, 0.0), numbers, table, table, longs, longs, ints, ints,
        1, 0, 1
    )


CALL = Packing(_sample_call())
SCRATCH = Packing(KernelRoom(make_scratch(1, 1, 1, 1, 1, 1), 1))
"""The kernel's working memory as one block."""

_read_call, _read_scratch, _store_call, _read_room = CALL.unpack_at, SCRATCH.unpack_at, CALL.store, SCRATCH.unpack


def _solve(call_place, scratch_place):
    call, room = _read_call(call_place), _read_scratch(scratch_place)
    solve_openings(
        call.column_status, call.row_status, call.program, call.row_lowers, call.row_uppers, call.effort, call.objective,
        call.row_dual, call.primal, call.outcome, call.pivots, call.final_column_status, call.final_row_status,
        call.parts, call.first, call.last, room.scratch
    )


def _signature() -> Any:
    from numba import types

    return types.void(types.voidptr, types.voidptr)


kernel = Native(_solve, _signature)
"""The kernel; its address exists once it is compiled or read from disk."""


@compiled
def call_kernel(
    column_status, row_status, program, row_lowers, row_uppers, effort, objective, row_dual, primal, outcome, pivots,
    final_column_status, final_row_status, parts, first, last, call_block, scratch_block
):
    """`solve_openings` by its address.

    Args:
        column_status, row_status, program, row_lowers, row_uppers, effort, objective, row_dual,
        primal, outcome, pivots, final_column_status, final_row_status, parts, first, last: see
        there. call_block: room of this thread for a `Call`. scratch_block: room of this thread for
        the kernel, a packed `KernelRoom`.
    """
    _store_call(call_block, Call(
        column_status, row_status, program, row_lowers, row_uppers, effort, objective, row_dual, primal, outcome, pivots,
        final_column_status, final_row_status, parts, first, last
    ))
    call_at(_read_room(scratch_block).address, place_of(call_block), place_of(scratch_block))


def room_for_call() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Room for the arguments of a call."""
    return np.zeros(CALL.size, np.uint8)


def pack_scratch(scratch: Scratch) -> Packed:
    """Working memory of the kernel as one block, with the kernel's address."""
    return SCRATCH.pack(KernelRoom(scratch, kernel.address))
