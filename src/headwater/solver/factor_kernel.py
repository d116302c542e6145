"""A basis matrix as sparse factors, and solves with it and with the steps that were taken since.

Singletons are peeled off: first columns that come to have one row left (an upper triangle), then
rows that come to have one column left (a lower triangle). What remains, the core, is eliminated
with sparse factors. All solves skip zeros.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from headwater.solver.compiled import Index, compiled, plain
from headwater.solver.kernel_constants import LARGEST_CORE

_SMALLEST_SINGLETON = 1e-7
_SMALLEST_CORE_PIVOT = 1e-8


class Factor(NamedTuple):
    """A basis of ``k`` columns and its factors.

    Attributes:
        head: ``[6]`` peeled columns, peeled columns and rows, size of the core, 1 if regular; where
            it is singular, the position of a column that depends on others and a row that has no
            pivot, -1 where neither is known.
        b_start, b_index, b_value: the basis by position, rows as indices.
        r_start, r_index, r_value: the same by row, positions as indices.
        peeled_row, peeled_position, peeled_value: the peeled pivots in order.
        core_row, core_position, core_pivot: rows of the core in pivot order, its positions, its
            pivots.
        l_start, l_index, l_value, u_start, u_index, u_value: factors of the core by column, in
            pivot order.
        core_vector: ``[core]`` scratch of solves.
        core: dense scratch of the elimination; work: integer scratch of the peeling.
    """

    head: Any
    b_start: Any
    b_index: Any
    b_value: Any
    r_start: Any
    r_index: Any
    r_value: Any
    peeled_row: Any
    peeled_position: Any
    peeled_value: Any
    core_row: Any
    core_position: Any
    core_pivot: Any
    l_start: Any
    l_index: Any
    l_value: Any
    u_start: Any
    u_index: Any
    u_value: Any
    core_vector: Any
    core: Any
    work: Any


class Steps(NamedTuple):
    """What happened to the basis since it was factorised.

    Columns replaced (product form), rows appended.

    Attributes:
        row: position of each step; is_row: whether it appended a row whose own variable is basic.
        start, index, value: entries of each step; pivot: entry at ``row``.
    """

    row: Any
    is_row: Any
    start: Any
    index: Any
    value: Any
    pivot: Any


def make_factor(width: int, entries: int) -> Factor:
    """Room for bases of up to ``width`` rows with up to ``entries`` entries."""
    ints, reals = Index, np.float64
    core = min(width, LARGEST_CORE)
    return Factor(
        np.zeros(6, np.int32),
        np.empty(width + 1, ints), np.empty(entries, ints), np.empty(entries, reals),
        np.empty(width + 1, ints), np.empty(entries, ints), np.empty(entries, reals),
        np.empty(width, ints), np.empty(width, ints), np.empty(width, reals),
        np.empty(width, ints), np.empty(width, ints), np.empty(core, reals),
        np.empty(core + 1, ints), np.empty(core * core, ints), np.empty(core * core, reals),
        np.empty(core + 1, ints), np.empty(core * core, ints), np.empty(core * core, reals),
        np.empty(core, reals), np.empty(core * core, reals), np.empty(7 * width + 1, np.int32),
    )


def make_steps(width: int, cap: int) -> Steps:
    """Room for ``cap`` pivots and as many appended rows."""
    steps = 2 * cap + 2
    entries = steps * width + 1
    return Steps(
        np.empty(steps, Index), np.empty(steps, np.bool_), np.empty(steps + 1, Index), np.empty(entries, Index),
        np.empty(entries), np.empty(steps),
    )


@compiled
def _peel(k, n_peeled, start, index, value, count, active, peeled, other_start, other_index, other_active, other_peeled,
          peeled_value, stack):
    """Take out the lines of a matrix with one entry left, each with the line that crosses there.

    Also lines that come to have one entry left.

    Lines are its columns and the others its rows, or the other way round.

    Args:
        k: dimension.
        n_peeled: pivots taken out before.
        start, index, value: the matrix by line; count: ``[line]`` active entries; active,
            other_active: which are left.
        other_start, other_index: the matrix by the other lines.
        peeled, other_peeled, peeled_value: outputs, lines and entries of the pivots in order.
        stack: scratch.

    Returns:
        Pivots taken out in all.
    """
    n_stack = 0
    for line in range(k):
        if active[line] == 1 and count[line] == 1:
            stack[n_stack] = line
            n_stack += 1
    while n_stack > 0:
        n_stack -= 1
        line = stack[n_stack]
        if active[line] == 0:
            continue
        at, found = start[line], False
        for p in range(start[line], start[line + 1]):
            if other_active[index[p]] == 1:
                at, found = p, True
                break
        if not found or not abs(value[at]) >= _SMALLEST_SINGLETON:
            continue
        other = index[at]
        peeled[n_peeled], other_peeled[n_peeled], peeled_value[n_peeled] = line, other, value[at]
        n_peeled += 1
        active[line], other_active[other] = 0, 0
        for p in range(other_start[other], other_start[other + 1]):
            crossed = other_index[p]
            if active[crossed] == 1:
                count[crossed] -= 1
                if count[crossed] == 1:
                    stack[n_stack] = crossed
                    n_stack += 1
    return n_peeled


@compiled
def factorise(f, k):
    """Factorise the ``k`` columns in ``f.b_*``.

    Returns whether they are regular and their core fits.
    """
    b_start, b_index, b_value, r_start, r_index, r_value = f.b_start, f.b_index, f.b_value, f.r_start, f.r_index, f.r_value
    peeled_row, peeled_position, peeled_value, work, head = f.peeled_row, f.peeled_position, f.peeled_value, f.work, f.head
    row_count, column_count = work[0:k], work[k : 2 * k]
    row_active, column_active = work[2 * k : 3 * k], work[3 * k : 4 * k]
    stack = work[4 * k : 6 * k]
    entries = b_start[k]
    for i in range(k):
        row_count[i] = 0
        row_active[i] = 1
        column_active[i] = 1
    for p in range(entries):
        row_count[b_index[p]] += 1
    r_start[0] = 0
    for i in range(k):
        r_start[i + 1] = r_start[i] + row_count[i]
        row_count[i] = 0
    for c in range(k):
        column_count[c] = b_start[c + 1] - b_start[c]
        for p in range(b_start[c], b_start[c + 1]):
            i = b_index[p]
            at = r_start[i] + row_count[i]
            r_index[at], r_value[at] = c, b_value[p]
            row_count[i] += 1
    # columns that come to have one row left, then rows that come to have one column left
    n_peeled = _peel(
        k, plain(0), b_start, b_index, b_value, column_count, column_active, peeled_position, r_start, r_index, row_active, peeled_row,
        peeled_value, stack
    )
    head[0] = n_peeled
    for i in range(k):
        row_count[i] = 0
        if row_active[i] == 1:
            for p in range(r_start[i], r_start[i + 1]):
                row_count[i] += column_active[r_index[p]]
    n_peeled = _peel(
        k, n_peeled, r_start, r_index, r_value, row_count, row_active, peeled_row, b_start, b_index, column_active,
        peeled_position, peeled_value, stack
    )
    head[1] = n_peeled
    head[2] = k - n_peeled
    head[3], head[4], head[5] = 0, -1, -1
    if k - n_peeled > LARGEST_CORE:
        return False
    if k > n_peeled and not _eliminate_core(f, k, row_active, column_active, row_count, column_count, stack):
        return False
    head[3] = 1
    return True


@compiled
def _eliminate_core(f, k, row_active, column_active, place, column_count, stack):
    """Sparse factors of what peeling left.

    Columns with few entries first, rows with few entries as pivots.
    """
    b_start, b_index, b_value = f.b_start, f.b_index, f.b_value
    core_row, core_position, core_pivot, core = f.core_row, f.core_position, f.core_pivot, f.core
    l_start, l_index, l_value, u_start, u_index, u_value = f.l_start, f.l_index, f.l_value, f.u_start, f.u_index, f.u_value
    size = f.head[2]
    n_found = 0
    for i in range(k):
        place[i] = -1
        if row_active[i] == 1:
            core_row[n_found] = i
            place[i] = n_found
            n_found += 1
    n_found = 0
    for c in range(k):
        if column_active[c] == 1:
            column_count[c] = 0
            for p in range(b_start[c], b_start[c + 1]):
                column_count[c] += row_active[b_index[p]]
            slot = n_found  # insertion sort: cores are small
            while slot > 0 and column_count[core_position[slot - 1]] > column_count[c]:
                core_position[slot] = core_position[slot - 1]
                slot -= 1
            core_position[slot] = c
            n_found += 1
    for s in range(size * size):
        core[s] = 0.0
    for s in range(size):
        c = core_position[s]
        for p in range(b_start[c], b_start[c + 1]):
            if place[b_index[p]] >= 0:
                core[place[b_index[p]] * size + s] = b_value[p]
    order, nonzero = stack[0:size], column_count[0:size]  # order[s]: dense row that is pivot s
    for s in range(size):
        order[s] = s
    for s in range(size):
        largest = 0.0
        for t in range(s, size):
            largest = max(largest, abs(core[order[t] * size + s]))
        if not largest >= _SMALLEST_CORE_PIVOT:
            f.head[4], f.head[5] = core_position[s], core_row[order[s]]
            return False
        best, best_count = -1, 0
        for t in range(s, size):
            if abs(core[order[t] * size + s]) >= 0.1 * largest:
                count = 0
                for q in range(s, size):
                    count += core[order[t] * size + q] != 0.0
                if best < 0 or count < best_count:
                    best, best_count = t, count
        if best < 0:
            return False
        order[s], order[best] = order[best], order[s]
        row = order[s] * size
        pivot = core[row + s]
        n_nonzero = 0
        for q in range(s + 1, size):
            if core[row + q] != 0.0:
                nonzero[n_nonzero] = q
                n_nonzero += 1
        for t in range(s + 1, size):
            other = order[t] * size
            if core[other + s] != 0.0:
                factor = core[other + s] / pivot
                core[other + s] = factor
                for q in range(n_nonzero):
                    core[other + nonzero[q]] -= factor * core[row + nonzero[q]]
    n_lower = n_upper = 0
    l_start[0], u_start[0] = 0, 0
    for s in range(size):
        for t in range(size):
            value = core[order[t] * size + s]
            if value == 0.0 or t == s:
                continue
            if t > s:
                l_index[n_lower], l_value[n_lower] = t, value
                n_lower += 1
            else:
                u_index[n_upper], u_value[n_upper] = t, value
                n_upper += 1
        l_start[s + 1], u_start[s + 1] = n_lower, n_upper
        core_pivot[s] = core[order[s] * size + s]
    for s in range(size):
        place[s] = core_row[order[s]]
    for s in range(size):
        core_row[s] = place[s]
    return True


@compiled
def solve_basis(f, vector, out):
    """``B x = vector`` for the factorised basis.

    ``vector`` (by row) is overwritten, ``out`` is by position.
    """
    b_start, b_index, b_value = f.b_start, f.b_index, f.b_value
    peeled_row, peeled_position, peeled_value = f.peeled_row, f.peeled_position, f.peeled_value
    n_upper, n_peeled, size = f.head[0], f.head[1], f.head[2]
    for q in range(n_upper, n_peeled):
        c = peeled_position[q]
        value = vector[peeled_row[q]]
        if value != 0.0:
            value /= peeled_value[q]
            for p in range(b_start[c], b_start[c + 1]):
                vector[b_index[p]] -= value * b_value[p]
        out[c] = value
    if size > 0:
        core_row, core_position, core_pivot, core = f.core_row, f.core_position, f.core_pivot, f.core_vector
        l_start, l_index, l_value = f.l_start, f.l_index, f.l_value
        u_start, u_index, u_value = f.u_start, f.u_index, f.u_value
        for q in range(size):
            core[q] = vector[core_row[q]]
        for q in range(size):
            value = core[q]
            if value != 0.0:
                for p in range(l_start[q], l_start[q + 1]):
                    core[l_index[p]] -= l_value[p] * value
        for q in range(size - 1, -1, -1):
            value = core[q]
            c = core_position[q]
            if value != 0.0:
                value /= core_pivot[q]
                for p in range(u_start[q], u_start[q + 1]):
                    core[u_index[p]] -= u_value[p] * value
                for p in range(b_start[c], b_start[c + 1]):
                    vector[b_index[p]] -= value * b_value[p]
            out[c] = value
    for q in range(n_upper - 1, -1, -1):
        c = peeled_position[q]
        value = vector[peeled_row[q]]
        if value != 0.0:
            value /= peeled_value[q]
            for p in range(b_start[c], b_start[c + 1]):
                vector[b_index[p]] -= value * b_value[p]
        out[c] = value


@compiled
def solve_transposed_basis(f, vector, out):
    """``B^T y = vector`` for the factorised basis.

    ``vector`` (by position) is overwritten, ``out`` is by row.
    """
    r_start, r_index, r_value = f.r_start, f.r_index, f.r_value
    peeled_row, peeled_position, peeled_value = f.peeled_row, f.peeled_position, f.peeled_value
    n_upper, n_peeled, size = f.head[0], f.head[1], f.head[2]
    for q in range(n_upper):
        r = peeled_row[q]
        value = vector[peeled_position[q]]
        if value != 0.0:
            value /= peeled_value[q]
            for p in range(r_start[r], r_start[r + 1]):
                vector[r_index[p]] -= value * r_value[p]
        out[r] = value
    if size > 0:
        core_row, core_position, core_pivot, core = f.core_row, f.core_position, f.core_pivot, f.core_vector
        l_start, l_index, l_value = f.l_start, f.l_index, f.l_value
        u_start, u_index, u_value = f.u_start, f.u_index, f.u_value
        found = False
        for q in range(size):
            core[q] = vector[core_position[q]]
            found = found or core[q] != 0.0
        if found:
            for q in range(size):
                total = core[q]
                for p in range(u_start[q], u_start[q + 1]):
                    total -= u_value[p] * core[u_index[p]]
                core[q] = total / core_pivot[q]
            for q in range(size - 1, -1, -1):
                total = core[q]
                for p in range(l_start[q], l_start[q + 1]):
                    total -= l_value[p] * core[l_index[p]]
                core[q] = total
        for q in range(size):
            r = core_row[q]
            value = core[q]
            if value != 0.0:
                for p in range(r_start[r], r_start[r + 1]):
                    vector[r_index[p]] -= value * r_value[p]
            out[r] = value
    for q in range(n_peeled - 1, n_upper - 1, -1):
        r = peeled_row[q]
        value = vector[peeled_position[q]]
        if value != 0.0:
            value /= peeled_value[q]
            for p in range(r_start[r], r_start[r + 1]):
                vector[r_index[p]] -= value * r_value[p]
        out[r] = value


@compiled
def forward_solve(f, steps, n_steps, k, width, vector, out):
    """``x = B^-1 vector`` for the current basis of ``width`` rows.

    The factorised one of ``k``, then the steps since.
    """
    row, is_row, start, index, value, pivot = steps.row, steps.is_row, steps.start, steps.index, steps.value, steps.pivot
    solve_basis(f, vector, out)
    for i in range(k, width):
        out[i] = vector[i]
    for q in range(n_steps):
        r = row[q]
        if is_row[q]:
            total = out[r]
            for p in range(start[q], start[q + 1]):
                total -= value[p] * out[index[p]]
            out[r] = total
            continue
        entry = out[r]
        if entry != 0.0:
            entry /= pivot[q]
            for p in range(start[q], start[q + 1]):
                out[index[p]] -= value[p] * entry
            out[r] = entry


@compiled
def backward_solve(f, steps, n_steps, k, width, vector, out):
    """``y = B^-T vector`` for the current basis; ``vector`` is overwritten."""
    row, is_row, start, index, value, pivot = steps.row, steps.is_row, steps.start, steps.index, steps.value, steps.pivot
    for q in range(n_steps - 1, -1, -1):
        r = row[q]
        if is_row[q]:
            entry = vector[r]
            if entry != 0.0:
                for p in range(start[q], start[q + 1]):
                    vector[index[p]] -= value[p] * entry
            continue
        # four sums side by side: one would wait for its own last addition each time
        first, last = start[q], start[q + 1]
        fours = first + (last - first) // 4 * 4
        a, b, c, e = vector[r], 0.0, 0.0, 0.0
        for p in range(first, fours, 4):
            a -= value[p] * vector[index[p]]
            b -= value[p + 1] * vector[index[p + 1]]
            c -= value[p + 2] * vector[index[p + 2]]
            e -= value[p + 3] * vector[index[p + 3]]
        for p in range(fours, last):
            a -= value[p] * vector[index[p]]
        vector[r] = ((a + b) + (c + e)) / pivot[q]
    for i in range(k, width):
        out[i] = vector[i]
    solve_transposed_basis(f, vector, out)
