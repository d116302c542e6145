"""A basis matrix as sparse factors, and solves with it and with the steps that were taken since.

Singletons are peeled off: first columns that come to have one row left (an upper triangle), then
rows that come to have one column left (a lower triangle). What remains, the core, is eliminated
with sparse factors.

Pivots have an order in which a solve meets them; solves work on vectors in that order and keep sets
of the places that are not zero: they look at those alone. A pivot's entries lie later in the order,
for the transposed earlier.

Sources: U. H. Suhl and L. M. Suhl, Computing sparse LU factorizations for large-scale linear
programming bases, ORSA Journal on Computing 2 (1990), for singletons before a small core; G. B.
Dantzig and W. Orchard-Hays, The product form for the inverse in the simplex method, Mathematical
Tables and Other Aids to Computation 8 (1954), for the steps since.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from headwater.solver.bits_kernel import (
    empty,
    highest_bit,
    lowest_bit,
    members,
    n_words,
    put,
    put_all,
    take,
    words_for,
)
from headwater.solver.compiled import Index, compiled, plain
from headwater.solver.kernel_constants import LARGEST_CORE

_SMALLEST_SINGLETON = 1e-7
_SMALLEST_CORE_PIVOT = 1e-8
_ROUNDING = 1e-14
"""What is smaller is nothing but rounding, and is taken for zero."""
_ONE = np.uint64(1)


class Factor(NamedTuple):
    """A basis of ``k`` columns and its factors.

    Attributes:
        head: ``[6]`` peeled columns, peeled columns and rows, size of the core, 1 if regular; where
            it is singular, the position of a column that depends on others and a row that has no
            pivot, -1 where neither is known.
        b_start, b_index, b_value: the basis by position, rows as indices; once factorised, places
            in the order of pivots.
        r_start, r_index, r_value: the same by row, positions as indices; once factorised, places in
            the order of pivots.
        peeled_row, peeled_position, peeled_value: the peeled pivots as they were found.
        core_row, core_position, core_pivot: rows of the core in pivot order, its positions, its
            pivots.
        l_start, l_index, l_value, u_start, u_index, u_value: factors of the core by column, in
            pivot order.
        core_vector: ``[core]`` scratch of solves.
        order_row, order_position, order_value: pivots in their order; place_of_row,
            place_of_position: where they are in it.
        vector, marked: a vector in that order and the set of its places that may not be zero; all
            zero between two solves.
        found: scratch set of positions.
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
    order_row: Any
    order_position: Any
    order_value: Any
    place_of_row: Any
    place_of_position: Any
    vector: Any
    marked: Any
    found: Any
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
        np.empty(core, reals), np.empty(width, ints), np.empty(width, ints), np.empty(width, reals), np.empty(width, ints),
        np.empty(width, ints), np.zeros(width), np.zeros(words_for(width), np.uint64), np.zeros(words_for(width), np.uint64),
        np.empty(core * core, reals), np.empty(7 * width + 1, np.int32),
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
    _set_order(f, k)
    return True


@compiled
def _set_order(f, k):
    """Put the pivots in order: peeled rows, the core, peeled columns from the last to the first."""
    head, size = f.head, f.head[2]
    order_row, order_position, order_value = f.order_row, f.order_position, f.order_value
    place_of_row, place_of_position = f.place_of_row, f.place_of_position
    s = 0
    for q in range(head[0], head[1]):
        order_row[s], order_position[s], order_value[s] = f.peeled_row[q], f.peeled_position[q], f.peeled_value[q]
        s += 1
    for q in range(size):
        order_row[s], order_position[s], order_value[s] = f.core_row[q], f.core_position[q], f.core_pivot[q]
        s += 1
    for q in range(head[0] - 1, -1, -1):
        order_row[s], order_position[s], order_value[s] = f.peeled_row[q], f.peeled_position[q], f.peeled_value[q]
        s += 1
    for s in range(k):
        place_of_row[order_row[s]], place_of_position[order_position[s]] = s, s
    for p in range(f.b_start[k]):
        f.b_index[p] = place_of_row[f.b_index[p]]
        f.r_index[p] = place_of_position[f.r_index[p]]


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
def _solve_core(f, first, last):
    """The part of a solve with the core, whose places in the order are ``first <= s < last``."""
    core, vector, size = f.core_vector, f.vector, last - first
    l_start, l_index, l_value = f.l_start, f.l_index, f.l_value
    u_start, u_index, u_value = f.u_start, f.u_index, f.u_value
    for q in range(size):
        core[q] = vector[first + q]
        vector[first + q] = 0.0
    for q in range(size):
        value = core[q]
        if value != 0.0:
            for p in range(l_start[q], l_start[q + 1]):
                core[l_index[p]] -= l_value[p] * value
    for q in range(size - 1, -1, -1):
        value = core[q]
        if value != 0.0:
            value /= f.core_pivot[q]
            for p in range(u_start[q], u_start[q + 1]):
                core[u_index[p]] -= u_value[p] * value
            c = f.order_position[first + q]
            for p in range(f.b_start[c], f.b_start[c + 1]):
                at = f.b_index[p]
                if at >= last:
                    vector[at] -= value * f.b_value[p]
                    put(f.marked, at)
            core[q] = value


@compiled
def _solve_transposed_core(f, first, last):
    """The same for the transposed."""
    core, vector, size = f.core_vector, f.vector, last - first
    l_start, l_index, l_value = f.l_start, f.l_index, f.l_value
    u_start, u_index, u_value = f.u_start, f.u_index, f.u_value
    for q in range(size):
        core[q] = vector[first + q]
        vector[first + q] = 0.0
    for q in range(size):
        total = core[q]
        for p in range(u_start[q], u_start[q + 1]):
            total -= u_value[p] * core[u_index[p]]
        core[q] = total / f.core_pivot[q]
    for q in range(size - 1, -1, -1):
        total = core[q]
        for p in range(l_start[q], l_start[q + 1]):
            total -= l_value[p] * core[l_index[p]]
        core[q] = total
        if total != 0.0:
            r = f.order_row[first + q]
            for p in range(f.r_start[r], f.r_start[r + 1]):
                at = f.r_index[p]
                if at < first:
                    vector[at] -= total * f.r_value[p]
                    put(f.marked, at)


@compiled
def solve_marked(f, k, out, found):
    """``B x = f.vector``, which is zero afterwards.

    ``out`` is by position, and ``found`` gets the positions written to.
    """
    b_start, b_index, b_value, vector, marked = f.b_start, f.b_index, f.b_value, f.vector, f.marked
    order_position, order_value = f.order_position, f.order_value
    first = f.head[1] - f.head[0]
    last, core_is_done = first + f.head[2], False
    for w in range(n_words(k)):
        while marked[w] != 0:
            bit = lowest_bit(marked[w])
            s = Index(w * Index(64) + bit)
            marked[w] &= marked[w] - _ONE
            if first <= s < last:
                if not core_is_done:
                    core_is_done = True
                    _solve_core(f, first, last)
                    for q in range(first, last):
                        value = f.core_vector[q - first]
                        take(marked, q)
                        if not abs(value) <= _ROUNDING:
                            out[order_position[q]] = value
                            put(found, order_position[q])
                continue
            value = vector[s]
            vector[s] = 0.0
            if not abs(value) <= _ROUNDING:
                value /= order_value[s]
                c = order_position[s]
                for p in range(b_start[c], b_start[c + 1]):
                    at = b_index[p]
                    vector[at] -= value * b_value[p]
                    put(marked, at)
                take(marked, s)
                vector[s] = 0.0
                out[c] = value
                put(found, c)


@compiled
def solve_transposed_marked(f, k, out, rows, n_rows):
    """``B^T y = f.vector``, which is zero afterwards.

    ``out`` is by row, and rows written to are added to the list ``rows``.

    Returns:
        Rows in the list.
    """
    r_start, r_index, r_value, vector, marked = f.r_start, f.r_index, f.r_value, f.vector, f.marked
    order_row, order_value = f.order_row, f.order_value
    first = f.head[1] - f.head[0]
    last, core_is_done = first + f.head[2], False
    for back in range(n_words(k)):
        w = n_words(k) - _ONE - back
        while marked[w] != 0:
            bit = highest_bit(marked[w])
            s = Index(w * Index(64) + bit)
            marked[w] &= ~(_ONE << bit)
            if first <= s < last:
                if not core_is_done:
                    core_is_done = True
                    _solve_transposed_core(f, first, last)
                    for q in range(first, last):
                        value = f.core_vector[q - first]
                        take(marked, q)
                        if not abs(value) <= _ROUNDING:
                            out[order_row[q]] = value
                            rows[n_rows] = order_row[q]
                            n_rows += _ONE
                continue
            value = vector[s]
            vector[s] = 0.0
            if not abs(value) <= _ROUNDING:
                value /= order_value[s]
                r = order_row[s]
                for p in range(r_start[r], r_start[r + 1]):
                    at = r_index[p]
                    vector[at] -= value * r_value[p]
                    put(marked, at)
                take(marked, s)
                vector[s] = 0.0
                out[r] = value
                rows[n_rows] = r
                n_rows += _ONE
    return n_rows


@compiled
def _forward_steps(steps, n_steps, out, found):
    """Take a solution with the factorised basis, by position, through the steps since."""
    row, is_row, start, index, value, pivot = steps.row, steps.is_row, steps.start, steps.index, steps.value, steps.pivot
    for q in range(n_steps):
        r = row[q]
        if is_row[q]:
            total = out[r]
            for p in range(start[q], start[q + 1]):
                total -= value[p] * out[index[p]]
            out[r] = total
            if not abs(total) <= _ROUNDING:
                put(found, r)
            continue
        entry = out[r]
        if not abs(entry) <= _ROUNDING:
            entry /= pivot[q]
            for p in range(start[q], start[q + 1]):
                out[index[p]] -= value[p] * entry
                put(found, index[p])
            out[r] = entry


@compiled
def _backward_steps(steps, n_steps, vector, marked):
    """Take a right-hand side of the transposed, by position, back through the steps."""
    row, is_row, start, index, value, pivot = steps.row, steps.is_row, steps.start, steps.index, steps.value, steps.pivot
    for q in range(n_steps - 1, -1, -1):
        r = row[q]
        if is_row[q]:
            entry = vector[r]
            if entry != 0.0:
                for p in range(start[q], start[q + 1]):
                    vector[index[p]] -= value[p] * entry
                    put(marked, index[p])
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
        total = (a + b) + (c + e)
        if not abs(total) <= _ROUNDING:
            vector[r] = total / pivot[q]
            put(marked, r)
        else:
            vector[r] = 0.0


@compiled
def forward(f, steps, n_steps, k, out, found):
    """``B^-1`` times what was put in, for the current basis.

    That is what is in ``f.vector``, and in ``out`` from row ``k`` on. The current basis is the
    factorised one of ``k`` rows, then the steps since.

    Args:
        out: by position, zero where nothing was put in; found: the set of what is not zero there,
            added to.
    """
    solve_marked(f, k, out, found)
    _forward_steps(steps, n_steps, out, found)


@compiled
def backward(f, steps, n_steps, k, width, vector, marked, out, rows):
    """``B^-T vector`` for the current basis of ``width`` rows.

    Args:
        vector: by position, and marked: the set of what is not zero there; both are emptied.
        out: by row, zero; rows: list of the rows that are not zero afterwards, written to.

    Returns:
        Rows in the list.
    """
    _backward_steps(steps, n_steps, vector, marked)
    n_rows, n_found = np.uint64(0), members(marked, width, rows)
    # places are read before rows are written over them: there are never fewer
    for q in range(n_found):
        i = rows[q]
        if i < k:
            s = f.place_of_position[i]
            f.vector[s] = vector[i]
            put(f.marked, s)
        elif not abs(vector[i]) <= _ROUNDING:
            out[i] = vector[i]
            rows[n_rows] = i
            n_rows += _ONE
        vector[i] = 0.0
    for w in range(n_words(width)):
        marked[w] = np.uint64(0)
    return solve_transposed_marked(f, k, out, rows, n_rows)


@compiled
def solve_basis(f, k, vector, out):
    """``B x = vector`` for the factorised basis, without looking for zeros.

    ``vector`` is by row, ``out`` by position.
    """
    first = f.head[1] - f.head[0]
    last, inner = first + f.head[2], f.vector
    for i in range(k):
        inner[f.place_of_row[i]] = vector[i]
    _solve_some(f, plain(0), first, out)
    if last > first:
        _solve_core(f, first, last)
        for q in range(first, last):
            out[f.order_position[q]] = f.core_vector[q - first]
    _solve_some(f, last, k, out)
    for w in range(n_words(k)):
        f.marked[w] = np.uint64(0)


@compiled
def _solve_some(f, first, last, out):
    b_start, b_index, b_value, vector = f.b_start, f.b_index, f.b_value, f.vector
    for s in range(first, last):
        c, value = f.order_position[s], vector[s]
        if value != 0.0:
            value /= f.order_value[s]
            for p in range(b_start[c], b_start[c + 1]):
                vector[b_index[p]] -= value * b_value[p]
        vector[s], out[c] = 0.0, value


@compiled
def solve_transposed_basis(f, k, vector, out):
    """``B^T y = vector`` for the factorised basis, without looking for zeros.

    ``vector`` is by position, ``out`` by row.
    """
    first = f.head[1] - f.head[0]
    last, inner = first + f.head[2], f.vector
    for i in range(k):
        inner[f.place_of_position[i]] = vector[i]
    _solve_some_transposed(f, last, k, out)
    if last > first:
        _solve_transposed_core(f, first, last)
        for q in range(first, last):
            out[f.order_row[q]] = f.core_vector[q - first]
    _solve_some_transposed(f, plain(0), first, out)
    for w in range(n_words(k)):
        f.marked[w] = np.uint64(0)


@compiled
def _solve_some_transposed(f, first, last, out):
    r_start, r_index, r_value, vector = f.r_start, f.r_index, f.r_value, f.vector
    for s in range(last - 1, first - 1, -1):
        r, value = f.order_row[s], vector[s]
        if value != 0.0:
            value /= f.order_value[s]
            for p in range(r_start[r], r_start[r + 1]):
                vector[r_index[p]] -= value * r_value[p]
        vector[s], out[r] = 0.0, value


@compiled
def forward_solve(f, steps, n_steps, k, width, vector, out):
    """``x = B^-1 vector`` for the current basis of ``width`` rows.

    ``vector`` is by row, ``out`` by position.
    """
    for i in range(width):
        out[i] = 0.0
        if i < k:
            f.vector[f.place_of_row[i]] = vector[i]
        else:
            out[i] = vector[i]
    put_all(f.marked, k)
    forward(f, steps, n_steps, k, out, f.found)
    empty(f.found)


@compiled
def backward_solve(f, steps, n_steps, k, width, vector, out, rows):
    """``y = B^-T vector`` for the current basis.

    ``vector``, by position, is emptied, ``out`` is by row, ``rows`` scratch.
    """
    for i in range(width):
        out[i] = 0.0
    put_all(f.found, width)
    backward(f, steps, n_steps, k, width, vector, f.found, out, rows)
