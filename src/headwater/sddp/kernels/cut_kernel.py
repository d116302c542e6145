"""Compiled work from solutions to cuts.

Risk weights, slopes from duals, intercepts, what was binding, and new cuts in the pool. A cut is
the weighted optimal value of the openings and its gradient in the incoming state.

Source: M. V. F. Pereira and L. M. V. G. Pinto, Multi-stage stochastic optimization applied to
energy planning, Mathematical Programming 52 (1991), 359-375.
"""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from headwater.sddp.kernels.trial_kernel import STAGE, add_transposed, bends, innovate
from headwater.solver.compiled import compiled
from headwater.solver.packing_kernel import weigh_at

SOUND, RELAXED, UNSOUND = 0, 1, 2
"""A cut as it should be; one behind which an LP has a gap above tolerance; one that is not used."""

_ROUND_OFF = 2.0**-51
"""What an intercept is lowered by, as a share of the magnitudes of its terms: a cut is not above
the value it was made from.
"""

_read_stage = STAGE.unpack


class SlopeRoom(NamedTuple):
    """Room for the slopes of one trial; all arrays may be longer than a stage needs.

    Attributes:
        weights, order: ``[opening]``; duals: ``[row]``; pull: ``[exogenous]``; raised, flags,
            per_inflow: ``[hydro]``.
    """

    weights: Any
    order: Any
    duals: Any
    pull: Any
    raised: Any
    flags: Any
    per_inflow: Any


def slope_room(n_openings: int, n_rows: int, n_exogenous: int, n_hydros: int) -> SlopeRoom:
    """Room for slopes; ``n_rows`` with cuts."""
    return SlopeRoom(
        np.empty(n_openings), np.empty(n_openings, np.int64), np.empty(n_rows), np.empty(n_exogenous), np.empty(n_hydros),
        np.empty(n_hydros, np.bool_), np.empty(n_hydros)
    )


@compiled
def _pull_of_cuts(stage, cuts, n_cuts, duals, pull):
    """How cuts with these duals weigh the exogenous outgoing state, ``pull[exogenous]``."""
    coefficients, slots, places, n_rows = cuts.pool.coefficients, cuts.slots, stage.exogenous, stage.row_lower.shape[0]
    for e in range(places.shape[0]):
        pull[e] = 0.0
    for c in range(n_cuts):
        dual = duals[n_rows + c]
        if dual != 0.0:
            factor, row = dual / stage.scale, coefficients[slots[c]]
            for e in range(places.shape[0]):
                pull[e] += factor * row[places[e]]


@compiled
def _add_gradient(stage, cuts, n_cuts, duals, room, slope):
    """Add the gradient of an optimal value with respect to the incoming state.

    It follows from the duals ``[row]``.
    """
    _pull_of_cuts(stage, cuts, n_cuts, duals, room.pull)
    add_transposed(stage.rows_by_state, duals, slope)
    add_transposed(stage.exogenous_by_state, room.pull, slope)


@compiled
def _bend_slope(stage, cuts, n_cuts, noise, w, state, weight, duals, room, slope):
    """Give an opening the gradient in the lags that is its own.

    A truncated inflow does not depend on them: that part is taken out again. Where the noise
    multiplies the lag term, the opening's coefficients are its multiples.
    """
    n_hydros, n_lags = stage.psi.shape
    multiplies = noise.factor.shape[1] > 0
    if innovate(stage, state, noise, w, room.raised, room.flags) == 0 and not multiplies:
        return
    per_inflow = room.per_inflow
    for h in range(n_hydros):
        per_inflow[h] = 0.0
    _pull_of_cuts(stage, cuts, n_cuts, duals, room.pull)
    add_transposed(stage.rows_by_innovation, duals, per_inflow)
    add_transposed(stage.exogenous_by_innovation, room.pull, per_inflow)
    for h in range(n_hydros):
        if room.flags[h]:
            for lag in range(n_lags):
                slope[stage.lag_places[h, lag]] -= weight * per_inflow[h] * stage.psi[h, lag]
        elif multiplies:
            more = weight * per_inflow[h] * (noise.factor[w, h] - 1.0)
            for lag in range(n_lags):
                slope[stage.lag_places[h, lag]] += more * stage.psi[h, lag]


@compiled
def set_slope(stage, cuts, n_cuts, noise, state, n_openings, weights, row_dual, room, slope):
    """Gradient of the weighted optimal value of one trial, in $ per unit.

    With respect to its incoming state.

    All duals act: rows through the way the state enters their bounds, cuts through the exogenous
    outgoing state.

    Args:
        stage, cuts: see there.
        n_cuts: cuts that are rows.
        noise: the openings.
        state: incoming state.
        n_openings: openings.
        weights: ``[opening]``.
        row_dual: ``[opening, row]``.
        room: `SlopeRoom`.
        slope: ``[state]``, written to.
    """
    duals, m = room.duals, stage.row_lower.shape[0] + n_cuts
    for i in range(m):
        duals[i] = 0.0
    for w in range(n_openings):
        weight, added = weights[w], row_dual[w]
        if weight != 0.0:
            for i in range(m):
                duals[i] += weight * added[i]
    for j in range(slope.shape[0]):
        slope[j] = 0.0
    _add_gradient(stage, cuts, n_cuts, duals, room, slope)
    if bends(stage, noise):
        for w in range(n_openings):
            if weights[w] != 0.0:
                _bend_slope(stage, cuts, n_cuts, noise, w, state, weights[w], row_dual[w], room, slope)
    for j in range(slope.shape[0]):
        slope[j] *= stage.scale


@compiled
def slopes_of_trials(block, n_cuts, noise, states, weights, row_dual, room, slopes):
    """`set_slope` for several trials.

    ``weights[trial, opening]``, ``row_dual[trial, opening, row]``, ``slopes[trial, state]``.
    """
    view = _read_stage(block)
    for k in range(states.shape[0]):
        set_slope(
            view.stage, view.cuts, n_cuts, noise, states[k], weights.shape[1], weights[k], row_dual[k], room, slopes[k]
        )


@compiled
def lay_through(state, value, slope):
    """Intercept of the cut through a value at a state, and whether its numbers are finite.

    Rounding never raises the cut above the value.
    """
    at_state, size, finite = 0.0, abs(value), True
    for j in range(slope.shape[0]):
        at_state += slope[j] * state[j]
        size += abs(slope[j] * state[j])
        finite = finite and np.isfinite(slope[j])
    intercept = value - at_state - _ROUND_OFF * size
    return intercept, finite and np.isfinite(intercept)


@compiled
def cut_trial(view, n_cuts, state, objective, row_dual, relaxed, tolerance, room, intercepts, slopes, quality, binding):
    """Cuts of one trial that was solved under all openings of the tree.

    One, or one for each opening.

    Args:
        view: the stage that was solved.
        n_cuts: its cuts.
        state: ``[state]`` incoming state.
        objective: ``[opening]`` in scaled money; row_dual: ``[opening, row]``.
        relaxed: LPs whose gap is above tolerance.
        tolerance: a cut is binding when its dual is larger.
        room: `SlopeRoom`.
        intercepts, slopes, quality: ``[new cut]`` and ``[new cut, state]``, written to; the
            openings have cuts of their own where there are several.
        binding: ``[cut]`` the number of openings in which each was binding is added.

    Returns:
        Whether all new cuts are sound.
    """
    stage, cuts, weights = view.stage, view.cuts, room.weights
    n_openings, n_rows, scale = view.risk.probability.shape[0], stage.row_lower.shape[0], stage.scale
    accepted = RELAXED if relaxed > 0 else SOUND
    all_sound, noise = True, view.tree
    if intercepts.shape[0] == 1:
        risk = view.risk
        penalty = weigh_at(risk.address, n_openings, objective, risk.probability, risk.parameters, room.order, weights)
        value = 0.0
        for w in range(n_openings):
            value += weights[w] * (objective[w] * scale)
        value -= penalty * scale
        set_slope(stage, cuts, n_cuts, noise, state, n_openings, weights, row_dual, room, slopes[0])
        intercepts[0], sound = lay_through(state, value, slopes[0])
        quality[0] = accepted if sound else UNSOUND
        all_sound = sound
    else:
        for w in range(n_openings):
            weights[w] = 0.0
        for w in range(n_openings):
            weights[w] = 1.0
            set_slope(stage, cuts, n_cuts, noise, state, n_openings, weights, row_dual, room, slopes[w])
            weights[w] = 0.0
            intercepts[w], sound = lay_through(state, objective[w] * scale, slopes[w])
            quality[w] = accepted if sound else UNSOUND
            all_sound = all_sound and sound
    for w in range(n_openings):
        duals = row_dual[w]
        for c in range(n_cuts):
            binding[c] += duals[n_rows + c] > tolerance
    return all_sound


@compiled
def weigh(view, n_cuts, objective, row_dual, tolerance, room, binding):
    """Risk-adjusted value in $ of one trial that was solved under all openings of the tree.

    ``binding[cut]`` as in `cut_trial`.
    """
    n_rows, n_openings, value, risk = view.stage.row_lower.shape[0], objective.shape[0], 0.0, view.risk
    penalty = weigh_at(risk.address, n_openings, objective, risk.probability, risk.parameters, room.order, room.weights)
    for w in range(n_openings):
        value += room.weights[w] * (objective[w] * view.stage.scale)
        duals = row_dual[w]
        for c in range(n_cuts):
            binding[c] += duals[n_rows + c] > tolerance
    return value - penalty * view.stage.scale


@compiled
def weigh_trial(block, n_cuts, objective, row_dual, tolerance, room, binding):
    """`weigh` for a stage as a block."""
    return weigh(_read_stage(block), n_cuts, objective, row_dual, tolerance, room, binding)


@compiled
def make_cuts(
    block, n_cuts, states, objective, row_dual, relaxed, tolerance, doubtful, room, intercepts, slopes, quality, leaning, binding
):
    """`cut_trial` for several trials, with the trial as leading axis of what is given and made.

    Args:
        block, n_cuts, states, objective, row_dual, relaxed, tolerance, room, intercepts, slopes,
            quality, binding: see there.
        doubtful: rows of cuts that may be wrong, the first cut being 0.
        leaning: ``[trial]`` whether a doubtful row has a multiplier under some opening, written to.
    """
    view = _read_stage(block)
    n_rows = view.stage.row_lower.shape[0]
    for k in range(states.shape[0]):
        cut_trial(
            view, n_cuts, states[k], objective[k], row_dual[k], relaxed[k], tolerance, room, intercepts[k], slopes[k], quality[k],
            binding
        )
        leaning[k] = False
        for w in range(objective.shape[1]):
            for p in range(doubtful.shape[0]):
                leaning[k] = leaning[k] or row_dual[k, w, n_rows + doubtful[p]] != 0.0


@compiled
def count_binding(cuts, n_cuts, binding, iteration):
    """Add to the pool how often cuts were binding, ``binding[cut]``.

    The iteration is noted for those that were at all.
    """
    for c in range(n_cuts):
        if binding[c] > 0:
            slot = cuts.slots[c]
            cuts.pool.times_binding[slot] += binding[c]
            cuts.pool.last_binding[slot] = iteration


@compiled
def record_binding(block, binding, iteration):
    """`count_binding` for a stage as a block."""
    count_binding(_read_stage(block).cuts, binding.shape[0], binding, iteration)


@compiled
def enter_cuts(pool, first_slot, n_new, n_per_trial, iteration):
    """Make the next cuts of a pool count, whose numbers and openings are in their slots already.

    Args:
        pool: see `PoolArrays`.
        first_slot: of the new cuts.
        n_new: new cuts, all sound.
        n_per_trial: cuts of every trial.
        iteration: of birth.
    """
    for i in range(n_new):
        slot = first_slot + i
        pool.active[slot], pool.born_at[slot], pool.forward_pass[slot] = True, iteration, i // n_per_trial
        pool.relaxed[slot], pool.unproven[slot], pool.times_binding[slot], pool.last_binding[slot] = False, False, 0, iteration
