"""One program, one starting basis, many right-hand sides; every answer is proven before it is used.

All openings of a trial differ in row bounds only. The basis of the trial is factorised over the
static rows and the cuts that are tight in it, and re-optimised for the *mean* of the openings: what
all of them need is done once. The basis found there is factorised again, and each opening is
re-optimised from it by a dual simplex. Every result is then proven on the whole program, from its
matrix, bounds and costs alone. What is not proven is left to the caller, who asks HiGHS.

Any basis will do as a start: a singular one is repaired with slacks, and a variable whose reduced
cost has a wrong sign is put at its other bound or, where it has none, has its cost shifted until
the simplex cleans up.

Functions return status codes and never raise.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from headwater.solver.bits_kernel import empty, words_for
from headwater.solver.certificate_kernel import certify
from headwater.solver.compiled import Index, compiled, plain
from headwater.solver.factor_kernel import (
    Factor,
    Steps,
    backward_solve,
    factorise,
    forward_solve,
    make_factor,
    make_steps,
    solve_basis,
    solve_transposed_basis,
)
from headwater.solver.kernel_constants import (
    AT_LOWER,
    AT_UPPER,
    BASIC,
    CAP_REACHED,
    DRIFT,
    FIRST,
    FREE,
    NO_ENTERING,
    NO_FACTOR,
    NOT_PROVEN,
    PROVEN,
    REST,
    RESTORE,
    SMALL_PIVOT,
    START,
    WEARY,
)
from headwater.solver.simplex_kernel import (
    IS_BASIC,
    State,
    Working,
    add_column,
    free_variables,
    join_cut,
    mark_row,
    reoptimise,
    set_move,
    set_reduced_costs,
)

_DUAL_TOLERANCE = 1e-9
"""A reduced cost of this size says on which bound a nonbasic variable rests."""
_PATIENCE = 10
"""Entries of steps that solves of an opening go through, as a multiple of those of the factor,
before it is factorised anew.
"""
_NEVER = 2**62
_MOST_REPAIRS = 40
"""Columns of a singular start that are replaced by slacks before it is given up."""


class Start(NamedTuple):
    """A dual feasible basis with its factor: where openings begin.

    Attributes:
        basic: ``[row]``; where: ``[variable]``; d: ``[variable]``; x: ``[column]`` values of
            nonbasic columns.
        base: ``[row]`` right-hand side of the basic values without the row variables.
        column_status, row_status: the basis of the mean in HiGHS' codes.
        row_lower, row_upper, cut_lower: the mean right-hand sides.
        y: ``[row]`` duals; reduced, sizes, activity: scratch of the certificate.
        shifted: ``[1]`` whether the cost of a column is shifted; width: ``[1]`` working rows, 0
            where there is no factor.
        free: set of the columns that are not basic and may move, and whose reduced cost is zero.
        move: ``[column]`` which way it may move, as in `State`.
    """

    basic: Any
    where: Any
    d: Any
    x: Any
    base: Any
    column_status: Any
    row_status: Any
    row_lower: Any
    row_upper: Any
    cut_lower: Any
    y: Any
    reduced: Any
    sizes: Any
    activity: Any
    shifted: Any
    width: Any
    free: Any
    move: Any


class Scratch(NamedTuple):
    """Arrays that `solve_openings` works in; see `make_scratch`."""

    factor: Factor
    current: Factor
    steps: Steps
    working: Working
    state: State
    start: Start


def make_scratch(n: int, m_static: int, n_cuts: int, n_places: int, n_entries: int, cap: int) -> Scratch:
    """Room for a program and the pivots of one opening.

    Args:
        n: columns.
        m_static: static rows.
        n_cuts: appended rows.
        n_places: columns of the appended rows.
        n_entries: entries of the static matrix.
        cap: pivots allowed per opening.
    """
    room = min(n_cuts, 100 + 2 * n_places)
    width = m_static + room
    return Scratch(
        make_factor(width, n_entries + room * n_places + width),
        make_factor(width, n_entries + room * n_places + width),
        make_steps(width, cap),
        Working(
            np.empty(room, np.int32), np.empty((room, n_places)), np.full(n_cuts, -1, np.int32), np.empty(n_places),
            np.empty(n_cuts + 1, Index), np.zeros(1, np.int64),
        ),
        _make_state(n, width, n_cuts),
        _make_start(n, m_static, width, n_cuts),
    )


def _make_state(n: int, width: int, n_cuts: int) -> State:
    total = n + width
    return State(
        basic=np.empty(width, Index), where=np.empty(total, np.int32), d=np.empty(total), x=np.empty(total), xb=np.empty(width),
        low=np.empty(total), up=np.empty(total), move=np.empty(total, np.int8), weight=np.empty(width), alpha=np.zeros(total),
        touched=np.empty(total, Index), candidates=np.empty(total, Index), flips=np.empty(total, Index), sizes=np.empty(total),
        slopes=np.empty(total), ratios=np.empty(total), work=np.empty(width), rho=np.zeros(width),
        column=np.zeros(width), flipped=np.zeros(width), unit=np.zeros(width), unit_set=np.zeros(words_for(width), np.uint64),
        rows=np.empty(width, Index), places=np.empty(width, Index), flipped_places=np.empty(width, Index),
        place_set=np.empty(words_for(width), np.uint64), infeasible=np.empty(words_for(width), np.uint64),
        free=np.empty(words_for(total), np.uint64), full_x=np.empty(n), cut_activity=np.empty(n_cuts),
        shifted=np.zeros(1, np.int64), used=np.zeros(1, np.int64),
    )


def _make_start(n: int, m_static: int, width: int, n_cuts: int) -> Start:
    total, ints = n + width, np.int32
    return Start(
        basic=np.empty(width, Index), where=np.empty(total, ints), d=np.empty(total), x=np.empty(n), base=np.empty(width),
        column_status=np.empty(n, ints), row_status=np.empty(m_static + n_cuts, ints), row_lower=np.empty(m_static),
        row_upper=np.empty(m_static), cut_lower=np.empty(n_cuts), y=np.empty(width), reduced=np.empty(n), sizes=np.empty(n),
        activity=np.empty(m_static), shifted=np.zeros(1, np.int64), width=np.zeros(1, np.int64),
        free=np.empty(words_for(total), np.uint64), move=np.empty(n, np.int8),
    )


@compiled
def _begin(program, m_static, room, column_status, row_status, s):
    """Factorise a basis over the static rows and its tight cuts.

    It is repaired where it is singular or of the wrong size.

    Args:
        column_status, row_status: the basis, changed where it is repaired.

    Returns:
        Status and the number of working rows.
    """
    n, head = program.cost.shape[0], s.factor.head
    for _ in range(_MOST_REPAIRS):
        k = _list_tight_cuts(program, m_static, room, row_status, s)
        if k < 0:
            return NO_FACTOR, 0
        n_basic = _assemble(program, m_static, k, column_status, row_status, s)
        if n_basic != k:
            _correct_size(program, k - n_basic, m_static, column_status, row_status)
            continue
        if factorise(s.factor, k):
            _set_start(program, m_static, k, column_status, s)
            return PROVEN, k
        if head[4] < 0:
            return NO_FACTOR, 0
        # the column depends on others: the slack of a row without a pivot takes its place
        j, r = s.start.basic[head[4]], head[5]
        if j < n:
            column_status[j] = AT_LOWER
        else:
            q = j - n
            row_status[q if q < m_static else m_static + s.working.cut[q - m_static]] = AT_LOWER
        row_status[r if r < m_static else m_static + s.working.cut[r - m_static]] = BASIC
    return NO_FACTOR, 0


@compiled
def _list_tight_cuts(program, m_static, room, row_status, s):
    """Make the cuts whose slack is nonbasic working rows.

    Returns the number of working rows, -1 where there is no room.
    """
    working, row_of, n_tight = s.working, s.working.row_of, plain(0)
    for c in range(program.n_cuts):
        row_of[c] = -1
    for c in range(program.n_cuts):
        if row_status[m_static + c] != BASIC:
            if n_tight >= room:
                return -1
            join_cut(c, program, working, n_tight)
            row_of[c] = m_static + n_tight
            n_tight += 1
    return m_static + n_tight


@compiled
def _assemble(program, m_static, k, column_status, row_status, s):
    """Write the columns of a basis to the factor.

    Returns how many are basic, and stops writing where they are too many.
    """
    start, factor = s.start, s.factor
    basic, where = start.basic, start.where
    n = program.cost.shape[0]
    n_basic = n_entries = 0
    for j in range(n + k):
        where[j] = -1
        status = AT_LOWER
        if j < n:
            status = column_status[j]
        elif j < n + m_static:
            status = row_status[j - n]
        if status != BASIC:
            continue
        if n_basic >= k:
            n_basic += 1
            continue
        basic[n_basic], where[j] = j, n_basic
        n_entries = _write_column(program, j, m_static, k, n_basic, n_entries, s.working, factor)
        n_basic += 1
    if n_basic <= k:
        factor.b_start[n_basic] = n_entries
    return n_basic


@compiled
def _write_column(program, j, m_static, width, position, n_entries, working, factor):
    """Write the column of variable ``j`` to a factor as that of a position; returns entries."""
    n, (b_index, b_value) = program.cost.shape[0], (factor.b_index, factor.b_value)
    factor.b_start[position] = n_entries
    if j >= n:
        b_index[n_entries], b_value[n_entries] = j - n, 1.0
        return n_entries + 1
    for p in range(program.starts[j], program.starts[j + 1]):
        b_index[n_entries], b_value[n_entries] = program.indices[p], program.values[p]
        n_entries += 1
    slot = program.place[j]
    if slot >= 0:
        for r in range(width - m_static):
            value = working.rows[r, slot]
            if value != 0.0:
                b_index[n_entries], b_value[n_entries] = m_static + r, value
                n_entries += 1
    return n_entries


@compiled
def _factorise_current(program, m_static, width, s):
    """Factorise the basis that pivots have come to; returns whether that can be done."""
    n_entries, basic = 0, s.state.basic
    for i in range(width):
        n_entries = _write_column(program, basic[i], m_static, width, i, n_entries, s.working, s.current)
    s.current.b_start[width] = n_entries
    return factorise(s.current, width)


@compiled
def _correct_size(program, n_missing, m_static, column_status, row_status):
    """Make slacks basic where basic variables are missing.

    Take the last columns out where they are too many.
    """
    for i in range(m_static + program.n_cuts):
        if n_missing > 0 and row_status[i] != BASIC:
            row_status[i] = BASIC
            n_missing -= 1
    for j in range(program.cost.shape[0] - 1, -1, -1):
        if n_missing < 0 and column_status[j] == BASIC:
            column_status[j] = AT_LOWER
            n_missing += 1


@compiled
def _set_start(program, m_static, k, column_status, s):
    """Reduced costs of a factorised basis.

    Nonbasic columns are moved to the bounds that these ask for.
    """
    start, work = s.start, s.state.work
    basic, where, d, x, base, y = start.basic, start.where, start.d, start.x, start.base, start.y
    cost, lower, upper, n = program.cost, program.lower, program.upper, program.cost.shape[0]
    for i in range(k):
        work[i] = cost[basic[i]] if basic[i] < n else 0.0
        base[i] = 0.0
    solve_transposed_basis(s.factor, k, work, y)
    set_reduced_costs(program, m_static, k, s.working, y, where, d)
    start.shifted[0] = 0
    for j in range(n):
        x[j] = 0.0
        if where[j] >= 0:
            continue
        slope = d[j]
        if slope > _DUAL_TOLERANCE and lower[j] > -np.inf:
            x[j] = lower[j]
        elif slope < -_DUAL_TOLERANCE and upper[j] < np.inf:
            x[j] = upper[j]
        else:
            if not abs(slope) <= _DUAL_TOLERANCE:
                d[j], start.shifted[0] = 0.0, 1
            if column_status[j] == AT_UPPER and upper[j] < np.inf:
                x[j] = upper[j]
            elif lower[j] > -np.inf:
                x[j] = lower[j]
            elif upper[j] < np.inf:
                x[j] = upper[j]
        if x[j] != 0.0:
            add_column(j, n, m_static, k, program, s.working, -x[j], base)
    for j in range(n):
        start.move[j] = IS_BASIC if where[j] >= 0 else (x[j] < upper[j]) + 2 * (x[j] > lower[j])
    empty(start.free)
    free_variables(0, n, where, d, lower, upper, start.free)


@compiled
def _set_opening(program, m_static, k, row_status, row_lower, row_upper, cut_lower, s):
    """Copy the start and put the row variables at the bounds of one opening."""
    start, state, cut = s.start, s.state, s.working.cut
    n = program.cost.shape[0]
    basic, where, d, x, low, up, work = state.basic, state.where, state.d, state.x, state.low, state.up, state.work
    lower, upper = program.lower, program.upper
    state.shifted[0] = start.shifted[0]
    for i in range(k):
        basic[i] = start.basic[i]
    for j in range(n):
        where[j], d[j], x[j], low[j], up[j] = start.where[j], start.d[j], start.x[j], lower[j], upper[j]
        state.move[j] = start.move[j]
    for r in range(k):
        j = n + r
        where[j], d[j] = start.where[j], start.d[j]
        work[r] = start.base[r]
        state.move[j] = IS_BASIC
        i = r
        if r < m_static:
            low[j], up[j] = -row_upper[r], -row_lower[r]
        else:
            c = cut[r - m_static]
            i = m_static + c
            low[j], up[j] = -np.inf, -cut_lower[c]
        if where[j] < 0:
            if d[j] > _DUAL_TOLERANCE:
                z = low[j]
            elif d[j] < -_DUAL_TOLERANCE:
                z = up[j]
            elif row_status[i] == AT_UPPER and low[j] > -np.inf:
                z = low[j]
            else:
                z = up[j] if up[j] < np.inf else low[j]
            if not (-np.inf < z < np.inf):
                if not abs(d[j]) <= _DUAL_TOLERANCE:
                    d[j], state.shifted[0] = 0.0, 1
                z = low[j] if low[j] > -np.inf else (up[j] if up[j] < np.inf else 0.0)
            x[j] = z
            work[r] -= z
            set_move(j, state)
    for w in range(state.free.shape[0]):
        state.free[w] = start.free[w]
    free_variables(n, n + k, where, d, low, up, state.free)


@compiled
def _write_basis(program, m_static, width, s, column_status, row_status):
    """The basis in HiGHS' codes.

    A row is at its lower bound when its variable is at its upper one.
    """
    state, cut = s.state, s.working.cut
    where, x, low, up = state.where, state.x, state.low, state.up
    n = program.cost.shape[0]
    for j in range(n):
        if where[j] >= 0:
            column_status[j] = BASIC
        elif low[j] == -np.inf and up[j] == np.inf:
            column_status[j] = FREE
        else:
            column_status[j] = AT_UPPER if x[j] == up[j] and low[j] < up[j] else AT_LOWER
    for c in range(program.n_cuts):
        row_status[m_static + c] = BASIC
    for r in range(width):
        j = n + r
        i = r if r < m_static else m_static + cut[r - m_static]
        if where[j] >= 0:
            row_status[i] = BASIC
        elif low[j] == -np.inf and up[j] == np.inf:
            row_status[i] = FREE
        else:
            row_status[i] = AT_UPPER if x[j] == low[j] and low[j] < up[j] else AT_LOWER


@compiled
def _drop_joined(m_static, k, width, working):
    """Forget the cuts that joined since the basis was factorised."""
    for r in range(k, width):
        working.row_of[working.cut[r - m_static]] = -1


@compiled
def _set_basic_values(program, m_static, width, s):
    """Compute the values of basic variables anew, with the factor of the current basis."""
    state, n = s.state, program.cost.shape[0]
    for i in range(width):
        state.work[i] = 0.0
    for j in range(n + width):
        if state.where[j] < 0 and state.x[j] != 0.0:
            add_column(j, n, m_static, width, program, s.working, -state.x[j], state.work)
    solve_basis(s.current, width, state.work, state.xb)
    for i in range(width):
        mark_row(i, state)


@compiled
def _walk(program, m_static, room, effort, k, row_lower, row_upper, cut_lower, s):
    """Go to the optimum of one right-hand side, factorising anew after so many pivots.

    The start is moved along.

    Used for what is far away: the mean of the openings, and openings that one factorisation did not
    reach.

    Returns:
        Status, pivots, and the working rows of the start, 0 when it was lost.
    """
    n_pivots = 0
    status = CAP_REACHED
    for _ in range(effort.factorisations):
        _set_opening(program, m_static, k, s.start.row_status, row_lower, row_upper, cut_lower, s)
        status, done, width, _ = reoptimise(
            program, m_static, k, plain(0), room, effort.cap, effort.tolerance, plain(_NEVER), s.working, s.factor, s.steps, s.state,
            cut_lower
        )
        n_pivots += done
        going = status in (CAP_REACHED, DRIFT, SMALL_PIVOT)
        if status != PROVEN and (not going or done == 0):
            _drop_joined(m_static, k, width, s.working)
            return status, n_pivots, k
        _write_basis(program, m_static, width, s, s.start.column_status, s.start.row_status)
        begun, k = _begin(program, m_static, room, s.start.column_status, s.start.row_status, s)
        if begun != PROVEN:
            return begun, n_pivots, 0
        if status == PROVEN:
            return PROVEN, n_pivots, k
    return status, n_pivots, k


@compiled
def _prove(program, m_static, k, width, n_steps, factor, s, row_lower, row_upper, cut_lower, x, y):
    """Read the solution out of the state and certify it.

    Rounding that has piled up is taken out once.

    Returns:
        Whether it is proven, and its bound.
    """
    state, start, cut, where = s.state, s.start, s.working.cut, s.state.where
    n, n_cuts = program.cost.shape[0], program.n_cuts
    for j in range(n):
        x[j] = state.xb[where[j]] if where[j] >= 0 else state.x[j]
    for c in range(n_cuts):
        y[m_static + c] = 0.0
    for r in range(width):
        i = r if r < m_static else m_static + cut[r - m_static]
        y[i] = -state.d[n + r] if where[n + r] == -1 else 0.0
    outcome, bound, _ = certify(
        program, row_lower, row_upper, cut_lower, x, y, start.reduced, start.sizes, start.activity, state.cut_activity, plain(True)
    )
    if outcome == PROVEN:
        return True, bound
    work, rho, column, basic = state.work, state.rho, state.column, state.basic
    for i in range(width):
        work[i] = 0.0
    for j in range(n):
        if x[j] != 0.0:
            add_column(j, n, m_static, width, program, s.working, -x[j], work)
    for r in range(width):
        work[r] -= state.xb[where[n + r]] if where[n + r] >= 0 else state.x[n + r]
    forward_solve(factor, s.steps, n_steps, k, width, work, column)
    for i in range(width):
        if basic[i] < n:
            x[basic[i]] += column[i]
        work[i] = program.cost[basic[i]] if basic[i] < n else 0.0
    backward_solve(factor, s.steps, n_steps, k, width, work, rho, state.rows)
    for r in range(width):
        i = r if r < m_static else m_static + cut[r - m_static]
        y[i] = rho[r] if where[n + r] == -1 else 0.0
    outcome, bound, _ = certify(
        program, row_lower, row_upper, cut_lower, x, y, start.reduced, start.sizes, start.activity, state.cut_activity, plain(False)
    )
    return outcome == PROVEN, bound


@partial(compiled, inlined=True)
def solve_openings(
    column_status, row_status, program, row_lowers, row_uppers, effort, objective, row_dual, primal, outcome, pivots,
    final_column_status, final_row_status, parts, first, last, s
):
    """Re-optimise openings from one basis, all in one call or some at a time.

    Openings know the start alone, not each other: several threads may each solve some, with a
    scratch of their own in which the start is restored from the basis that ``START`` gave. ``REST``
    moves the start along and takes openings in their order.

    Args:
        column_status, row_status: starting basis, HiGHS codes; for ``RESTORE`` the one that was
            kept.
        program: see `Program`.
        row_lowers, row_uppers: ``[opening, row]``, cuts last; upper bounds of cuts are not looked
            at. Both may be wider.
        effort: see `Effort`.
        objective, row_dual, primal, outcome, pivots: outputs; ``primal`` has one row per opening or
            a single row of scratch.
        final_column_status, final_row_status: basis after the last opening of all, where that was
            proven; the one to be kept where ``parts`` is ``START`` alone.
        parts: see `headwater.solver.kernel_constants.START` and the others.
        first, last: openings that ``FIRST`` and ``REST`` are about.
        s: `Scratch` for a program of at least this size.
    """
    n_openings, m_static = outcome.shape[0], program.row_starts.shape[0] - 1
    room, start = s.working.cut.shape[0], s.start
    if parts & START:
        for w in range(n_openings):
            outcome[w], pivots[w] = NO_FACTOR, 0
        pivots[0] = _start_at_mean(
            program, m_static, room, effort, column_status, row_status, row_lowers, row_uppers, n_openings, s
        )
        if parts == START and start.width[0] != 0:
            _copy_basis(program, m_static, start.column_status, start.row_status, final_column_status, final_row_status)
        elif parts == START:
            # others are to fail in the same way
            _copy_basis(program, m_static, column_status, row_status, final_column_status, final_row_status)
    elif parts & RESTORE:
        _start_from(program, m_static, room, column_status, row_status, s)
    status = NO_FACTOR
    for attempt in range(2):
        if not parts & (FIRST if attempt == 0 else REST):
            continue
        for w in range(first, last):
            if attempt == 1 and (outcome[w] == PROVEN or outcome[w] == NO_ENTERING):
                continue
            row_lower, row_upper, cut_lower = row_lowers[w, :m_static], row_uppers[w, :m_static], row_lowers[w, m_static:]
            if start.width[0] == 0 and attempt == 1:
                status = _start_from(program, m_static, room, column_status, row_status, s)
            if start.width[0] != 0 and attempt == 1:
                # far away, or rounding has piled up on the way: go there with fresh factors
                status, done, start.width[0] = _walk(
                    program, m_static, room, effort, start.width[0], row_lower, row_upper, cut_lower, s
                )
                pivots[w] += done
            if start.width[0] == 0 or (attempt == 1 and status != PROVEN):
                outcome[w] = status
                continue
            x = primal[w] if primal.shape[0] == n_openings else primal[0]
            outcome[w], objective[w], done = _solve_one(
                program, m_static, room, effort, start.width[0], row_lower, row_upper, cut_lower, x, row_dual[w],
                w == n_openings - 1, final_column_status, final_row_status, s
            )
            pivots[w] += done


@compiled
def _start_at_mean(program, m_static, room, effort, column_status, row_status, row_lowers, row_uppers, n_openings, s):
    """Go from a basis to the mean of the openings, where there are several; returns pivots."""
    start, n_cuts, n_pivots = s.start, program.n_cuts, 0
    if _start_from(program, m_static, room, column_status, row_status, s) != PROVEN:
        return n_pivots
    if n_openings > 1:
        _average(row_lowers, row_uppers, n_openings, m_static, n_cuts, start)
        _, n_pivots, start.width[0] = _walk(
            program, m_static, room, effort, start.width[0], start.row_lower, start.row_upper, start.cut_lower[:n_cuts], s
        )
        if start.width[0] == 0:
            _start_from(program, m_static, room, column_status, row_status, s)
    return n_pivots


@compiled
def _start_from(program, m_static, room, column_status, row_status, s):
    """Take over a basis that is not the start's own, and factorise it; returns the status."""
    start = s.start
    _copy_basis(program, m_static, column_status, row_status, start.column_status, start.row_status)
    status, start.width[0] = _begin(program, m_static, room, start.column_status, start.row_status, s)
    return status


@compiled
def _copy_basis(program, m_static, column_status, row_status, to_columns, to_rows):
    for j in range(program.cost.shape[0]):
        to_columns[j] = column_status[j]
    for i in range(m_static + program.n_cuts):
        to_rows[i] = row_status[i]


@compiled
def _solve_one(
    program, m_static, room, effort, k, row_lower, row_upper, cut_lower, x, y, is_last, final_column_status, final_row_status, s
):
    """Re-optimise one opening from the start and prove it; returns status, bound and pivots."""
    bound = -np.inf
    _set_opening(program, m_static, k, s.start.row_status, row_lower, row_upper, cut_lower, s)
    patience = _PATIENCE * (s.factor.b_start[k] + k)
    status, n_pivots, width, n_steps = reoptimise(
        program, m_static, k, plain(0), room, effort.cap, effort.tolerance, patience, s.working, s.factor, s.steps, s.state,
        cut_lower
    )
    factorised = plain(0)
    # steps of one factor are few, so that pivots must be counted over all of them
    while n_pivots < effort.cap * effort.factorisations and (status == WEARY or (status == DRIFT and n_steps > 0)):
        if not _factorise_current(program, m_static, width, s):
            break
        factorised = width
        if status == DRIFT:
            _set_basic_values(program, m_static, width, s)
        patience = _PATIENCE * (s.current.b_start[width] + width)
        status, done, width, n_steps = reoptimise(
            program, m_static, factorised, width, room, effort.cap, effort.tolerance, patience, s.working, s.current, s.steps,
            s.state, cut_lower
        )
        n_pivots += done
    if status == WEARY:
        status = CAP_REACHED
    if status == PROVEN:
        if factorised == 0:
            proven, bound = _prove(
                program, m_static, k, width, n_steps, s.factor, s, row_lower, row_upper, cut_lower, x, y
            )
        else:
            proven, bound = _prove(
                program, m_static, factorised, width, n_steps, s.current, s, row_lower, row_upper, cut_lower, x, y
            )
        if not proven:
            status = NOT_PROVEN
        if is_last:
            _write_basis(program, m_static, width, s, final_column_status, final_row_status)
    _drop_joined(m_static, k, width, s.working)
    return status, bound, n_pivots


@compiled
def _average(row_lowers, row_uppers, n_openings, m_static, n_cuts, start):
    """Mean right-hand sides; an infinite bound stays infinite."""
    row_lower, row_upper, cut_lower = start.row_lower, start.row_upper, start.cut_lower
    for i in range(m_static):
        row_lower[i], row_upper[i] = 0.0, 0.0
    for c in range(n_cuts):
        cut_lower[c] = 0.0
    for w in range(n_openings):
        lowers, uppers, cut_lowers = row_lowers[w], row_uppers[w], row_lowers[w, m_static:]
        for i in range(m_static):
            row_lower[i] += lowers[i]
            row_upper[i] += uppers[i]
        for c in range(n_cuts):
            cut_lower[c] += cut_lowers[c]
    for i in range(m_static):
        row_lower[i], row_upper[i] = row_lower[i] / n_openings, row_upper[i] / n_openings
    for c in range(n_cuts):
        cut_lower[c] /= n_openings
