"""One program, one starting basis, many right-hand sides; every answer is proven before it is used.

All openings of a trial differ in row bounds only. The basis of the trial is factorised over the static rows and the cuts that are
tight in it, and re-optimised for the *mean* of the openings: what all of them need is done once. The basis found there is
factorised again, and each opening is re-optimised from it by a dual simplex. Every result is then proven on the whole program, from
its matrix, bounds and costs alone. What is not proven is left to the caller, who asks HiGHS.

Functions return status codes and never raise.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

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
    solve_transposed_basis,
)
from headwater.solver.kernel_constants import (
    AT_LOWER,
    AT_UPPER,
    BASIC,
    CAP_REACHED,
    DRIFT,
    FREE,
    NO_ENTERING,
    NO_FACTOR,
    NOT_DUAL_FEASIBLE,
    NOT_PROVEN,
    OBJECTIVE_TOLERANCE,
    PROVEN,
)
from headwater.solver.simplex_kernel import State, Working, add_column, join_cut, reoptimise

_DUAL_TOLERANCE = 1e-9
_START_DUAL_TOLERANCE = 1e-7

LONGEST_PATH = 4
"""How often the way to the mean of the openings, or to an opening that is far away, is factorised anew."""


class Start(NamedTuple):
    """A dual feasible basis with its factor: where openings begin.

    Attributes:
        basic: ``[row]``; where: ``[variable]``; d: ``[variable]``; x: ``[column]`` values of nonbasic columns.
        base: ``[row]`` right-hand side of the basic values without the row variables.
        column_status, row_status: the basis of the mean in HiGHS' codes.
        row_lower, row_upper, cut_lower: the mean right-hand sides.
        y: ``[row]`` duals; reduced, activity: scratch of the certificate.
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
    activity: Any


class Scratch(NamedTuple):
    """Arrays that `solve_openings` works in; see `make_scratch`."""

    factor: Factor
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
        low=np.empty(total), up=np.empty(total), weight=np.empty(width), alpha=np.zeros(total), touched=np.empty(total, Index),
        candidates=np.empty(total, Index), flips=np.empty(total, Index), work=np.empty(width), rho=np.empty(width),
        column=np.empty(width), flipped=np.empty(width), full_x=np.empty(n), cut_activity=np.empty(n_cuts),
    )


def _make_start(n: int, m_static: int, width: int, n_cuts: int) -> Start:
    total, ints = n + width, np.int32
    return Start(
        basic=np.empty(width, Index), where=np.empty(total, ints), d=np.empty(total), x=np.empty(n), base=np.empty(width),
        column_status=np.empty(n, ints), row_status=np.empty(m_static + n_cuts, ints), row_lower=np.empty(m_static),
        row_upper=np.empty(m_static), cut_lower=np.empty(n_cuts), y=np.empty(width), reduced=np.empty(n),
        activity=np.empty(m_static),
    )


@compiled
def _begin(program, m_static, room, column_status, row_status, s):
    """Factorise a basis over the static rows and its tight cuts, and make it dual feasible.

    Returns:
        Status and the number of working rows.
    """
    start, factor, working, low, up = s.start, s.factor, s.working, s.state.low, s.state.up
    basic, where, d, x, base, y, work = start.basic, start.where, start.d, start.x, start.base, start.y, s.state.work
    starts, indices, values, place = program.starts, program.indices, program.values, program.place
    cost, lower, upper, n_cuts = program.cost, program.lower, program.upper, program.n_cuts
    b_start, b_index, b_value = factor.b_start, factor.b_index, factor.b_value
    n, n_places = cost.shape[0], program.cut_columns.shape[0]
    row_of = working.row_of
    n_tight = plain(0)
    for c in range(n_cuts):
        row_of[c] = -1
    for c in range(n_cuts):
        if row_status[m_static + c] != BASIC:
            if n_tight >= room:
                return NO_FACTOR, 0
            join_cut(c, program, working, n_tight)
            row_of[c] = m_static + n_tight
            n_tight += 1
    k = m_static + n_tight
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
            return NO_FACTOR, 0
        basic[n_basic], where[j] = j, n_basic
        b_start[n_basic] = n_entries
        if j >= n:
            b_index[n_entries], b_value[n_entries] = j - n, 1.0
            n_entries += 1
        else:
            for p in range(starts[j], starts[j + 1]):
                b_index[n_entries], b_value[n_entries] = indices[p], values[p]
                n_entries += 1
            slot = place[j]
            if slot >= 0:
                for r in range(n_tight):
                    value = working.rows[r, slot]
                    if value != 0.0:
                        b_index[n_entries], b_value[n_entries] = m_static + r, value
                        n_entries += 1
        n_basic += 1
    b_start[n_basic] = n_entries
    if n_basic != k or not factorise(factor, k):
        return NO_FACTOR, 0
    for i in range(k):
        work[i] = cost[basic[i]] if basic[i] < n else 0.0
        base[i] = 0.0
    solve_transposed_basis(factor, work, y)
    for j in range(n):
        value = cost[j]
        for p in range(starts[j], starts[j + 1]):
            value -= y[indices[p]] * values[p]
        d[j] = value
    for r in range(n_tight):
        value = y[m_static + r]
        if value != 0.0:
            for p in range(n_places):
                d[program.cut_columns[p]] -= value * working.rows[r, p]
    for j in range(n):
        low[j], up[j] = lower[j], upper[j]
        x[j] = 0.0
        if where[j] >= 0:
            d[j] = 0.0
            continue
        slope = d[j]
        if slope > _DUAL_TOLERANCE and lower[j] > -np.inf:
            x[j] = lower[j]
        elif slope < -_DUAL_TOLERANCE and upper[j] < np.inf:
            x[j] = upper[j]
        elif not abs(slope) <= _START_DUAL_TOLERANCE:
            return NOT_DUAL_FEASIBLE, 0
        elif column_status[j] == AT_UPPER and upper[j] < np.inf:
            x[j] = upper[j]
        elif lower[j] > -np.inf:
            x[j] = lower[j]
        elif upper[j] < np.inf:
            x[j] = upper[j]
        if x[j] != 0.0:
            add_column(j, n, m_static, k, program, working, -x[j], base)
    for r in range(k):
        d[n + r] = -y[r] if where[n + r] == -1 else 0.0
    return PROVEN, k


@compiled
def _set_opening(program, m_static, k, row_status, row_lower, row_upper, cut_lower, s):
    """Copy the start and put the row variables at the bounds of one opening; returns the status."""
    start, state, cut = s.start, s.state, s.working.cut
    n = program.cost.shape[0]
    basic, where, d, x, low, up, work = state.basic, state.where, state.d, state.x, state.low, state.up, state.work
    for i in range(k):
        basic[i] = start.basic[i]
    for j in range(n):
        where[j], d[j], x[j] = start.where[j], start.d[j], start.x[j]
    status = PROVEN
    for r in range(k):
        j = n + r
        where[j], d[j] = start.where[j], start.d[j]
        work[r] = start.base[r]
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
                if not abs(d[j]) <= _START_DUAL_TOLERANCE:
                    status = NOT_DUAL_FEASIBLE
                z = low[j] if low[j] > -np.inf else (up[j] if up[j] < np.inf else 0.0)
            x[j] = z
            work[r] -= z
    return status


@compiled
def _write_basis(program, m_static, width, s, column_status, row_status):
    """The basis in HiGHS' codes; a row is at its lower bound when its variable is at its upper one."""
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
def _walk(program, m_static, room, cap, k, row_lower, row_upper, cut_lower, s):
    """Go to the optimum of one right-hand side, factorising anew after every ``cap`` pivots; the start is moved along.

    Used for what is far away: the mean of the openings, and openings that one factorisation did not reach.

    Returns:
        Status, pivots, and the working rows of the start, 0 when it was lost.
    """
    n_pivots = 0
    status = CAP_REACHED
    for _ in range(LONGEST_PATH):
        status = _set_opening(program, m_static, k, s.start.row_status, row_lower, row_upper, cut_lower, s)
        if status != PROVEN:
            return status, n_pivots, k
        status, done, width, _ = reoptimise(
            program, m_static, k, room, cap, s.working, s.factor, s.steps, s.state, cut_lower
        )
        n_pivots += done
        if status not in (PROVEN, CAP_REACHED, DRIFT) or (done == 0 and status != PROVEN):
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
def _prove(program, m_static, k, width, n_steps, s, row_lower, row_upper, cut_lower, x, y):
    """Read the solution out of the state and certify it; rounding that has piled up is taken out once.

    Returns:
        Whether it is proven, and its objective.
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
    proven, objective = certify(
        program.starts, program.indices, program.values, program.cut_columns, program.cut_entries, n_cuts, program.cost,
        program.lower, program.upper, row_lower, row_upper, cut_lower, x, y, start.reduced, start.activity, state.cut_activity,
        plain(True), OBJECTIVE_TOLERANCE
    )
    if proven:
        return True, objective
    work, rho, column, basic = state.work, state.rho, state.column, state.basic
    for i in range(width):
        work[i] = 0.0
    for j in range(n):
        if x[j] != 0.0:
            add_column(j, n, m_static, width, program, s.working, -x[j], work)
    for r in range(width):
        work[r] -= state.xb[where[n + r]] if where[n + r] >= 0 else state.x[n + r]
    forward_solve(s.factor, s.steps, n_steps, k, width, work, column)
    for i in range(width):
        if basic[i] < n:
            x[basic[i]] += column[i]
        work[i] = program.cost[basic[i]] if basic[i] < n else 0.0
    backward_solve(s.factor, s.steps, n_steps, k, width, work, rho)
    for r in range(width):
        i = r if r < m_static else m_static + cut[r - m_static]
        y[i] = rho[r] if where[n + r] == -1 else 0.0
    return certify(
        program.starts, program.indices, program.values, program.cut_columns, program.cut_entries, n_cuts, program.cost,
        program.lower, program.upper, row_lower, row_upper, cut_lower, x, y, start.reduced, start.activity, state.cut_activity,
        plain(False), OBJECTIVE_TOLERANCE
    )


@partial(compiled, inlined=True)
def solve_openings(
    column_status, row_status, program, row_lowers, row_uppers, cap, objective, row_dual, primal, outcome, pivots,
    final_column_status, final_row_status, s
):
    """Re-optimise every opening from one basis.

    Args:
        column_status, row_status: starting basis, HiGHS codes.
        program: see `Program`.
        row_lowers, row_uppers: ``[opening, row]``, cuts last; upper bounds of cuts are not looked at. Both may be wider.
        cap: pivots allowed between factorisations.
        objective, row_dual, primal, outcome, pivots: outputs; ``primal`` has one row per opening or a single row of scratch.
        final_column_status, final_row_status: basis after the last opening, where that was proven.
        s: `Scratch` for a program of at least this size.
    """
    n_openings, n_cuts, m_static = outcome.shape[0], program.n_cuts, program.row_starts.shape[0] - 1
    room = s.working.cut.shape[0]
    for w in range(n_openings):
        outcome[w], pivots[w] = NO_FACTOR, 0
    _start_from(program, m_static, column_status, row_status, s.start)
    status, k = _begin(program, m_static, room, s.start.column_status, s.start.row_status, s)
    if status != PROVEN:
        for w in range(n_openings):
            outcome[w] = status
        return
    if n_openings > 1:
        _average(row_lowers, row_uppers, n_openings, m_static, n_cuts, s.start)
        _, pivots[0], k = _walk(
            program, m_static, room, cap, k, s.start.row_lower, s.start.row_upper, s.start.cut_lower[:n_cuts], s
        )
    for attempt in range(2):
        for w in range(n_openings):
            if attempt == 1 and (outcome[w] == PROVEN or outcome[w] == NO_ENTERING):
                continue
            row_lower, row_upper, cut_lower = row_lowers[w, :m_static], row_uppers[w, :m_static], row_lowers[w, m_static:]
            if k == 0:
                _start_from(program, m_static, column_status, row_status, s.start)
                status, k = _begin(program, m_static, room, s.start.column_status, s.start.row_status, s)
            if k != 0 and attempt == 1:
                # far away, or rounding has piled up on the way: go there with fresh factors
                status, done, k = _walk(program, m_static, room, cap, k, row_lower, row_upper, cut_lower, s)
                pivots[w] += done
            if k == 0 or (attempt == 1 and status != PROVEN):
                outcome[w] = status
                continue
            x = primal[w] if primal.shape[0] == n_openings else primal[0]
            outcome[w], objective[w], done = _solve_one(
                program, m_static, room, cap, k, row_lower, row_upper, cut_lower, x, row_dual[w], w == n_openings - 1,
                final_column_status, final_row_status, s
            )
            pivots[w] += done


@compiled
def _start_from(program, m_static, column_status, row_status, start):
    """Take over a basis that is not the start's own."""
    for j in range(program.cost.shape[0]):
        start.column_status[j] = column_status[j]
    for i in range(m_static + program.n_cuts):
        start.row_status[i] = row_status[i]


@compiled
def _solve_one(
    program, m_static, room, cap, k, row_lower, row_upper, cut_lower, x, y, is_last, final_column_status, final_row_status, s
):
    """Re-optimise one opening from the start and prove it; returns status, objective and pivots."""
    objective = 0.0
    status = _set_opening(program, m_static, k, s.start.row_status, row_lower, row_upper, cut_lower, s)
    if status != PROVEN:
        return status, objective, 0
    status, n_pivots, width, n_steps = reoptimise(
        program, m_static, k, room, cap, s.working, s.factor, s.steps, s.state, cut_lower
    )
    if status == PROVEN:
        proven, objective = _prove(program, m_static, k, width, n_steps, s, row_lower, row_upper, cut_lower, x, y)
        if not proven:
            status = NOT_PROVEN
        elif is_last:
            _write_basis(program, m_static, width, s, final_column_status, final_row_status)
    _drop_joined(m_static, k, width, s.working)
    return status, objective, n_pivots


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
