"""Cut selection.

Cuts that are not worth their row any more are deactivated, so that LPs stay small.

A deactivated cut keeps its slot and its numbers. Every decision is a function of the pools and of
the archive of visited states alone, so that all threads and ranks come to the same one. What is
worth its row is the choice of a method, see `headwater.choices.selection`.
"""

from __future__ import annotations

import time

import numpy as np

from headwater.arrays import Mask
from headwater.model import CutSelection
from headwater.sddp.cuts.fields import BOUNDARY, WARM_START
from headwater.sddp.cuts.pool import CutPool
from headwater.sddp.cuts.visited_states import StageStates, VisitedStates
from headwater.sddp.kernels import selection_kernel as kernel
from headwater.sddp.records.training import StageSelection


def needs_archive(selection: CutSelection | None) -> bool:
    """Whether a method judges cuts by visited states."""
    return selection is not None and selection.method is not None and selection.method.needs_states


def is_due(selection: CutSelection | None, iteration: int) -> bool:
    """Whether anything may be deactivated after ``iteration``.

    The cap acts after every iteration, a method at its checks.
    """
    if selection is None:
        return False
    return selection.max_active_per_stage is not None or _checks(selection, iteration)


def _checks(selection: CutSelection, iteration: int) -> bool:
    acts = selection.method is not None and selection.method.acts
    return acts and iteration % selection.check_frequency == 0


def select_cuts(
    pool: CutPool, t: int, selection: CutSelection, iteration: int, visited: VisitedStates | None
) -> StageSelection:
    """Deactivate cuts of one pool after an iteration; those born in it always stay.

    Args:
        pool: the cuts; ``active`` is changed.
        t: position of their stage.
        selection: method and cap.
        iteration: the iteration that was just finished, 1-based.
        visited: archive of visited states, for domination.
    """
    started = time.perf_counter()
    before = len(pool.active_slots())
    removable = _removable(pool, selection, iteration)
    deactivated = 0
    if selection.method is not None and _checks(selection, iteration):
        seen = StageCuts(pool, removable, None if visited is None else visited.stages[t])
        useless = removable & selection.method.useless(seen, iteration)
        deactivated = int(useless.sum())
        pool.active[: pool.n_populated][useless] = False
        removable &= ~useless
    evicted = None
    if selection.max_active_per_stage is not None:
        evicted = _enforce_cap(pool, selection.max_active_per_stage, removable)
    return StageSelection(
        stage_position=t,
        populated=pool.n_populated,
        active_before=before,
        deactivated=deactivated,
        active_after=before - deactivated,
        evicted=evicted,
        seconds=time.perf_counter() - started,
    )


def _removable(pool: CutPool, selection: CutSelection, iteration: int) -> Mask:
    """Active cuts that may go.

    Cuts of this iteration and of a boundary never go, warm-started ones only where they are not
    protected.
    """
    used = slice(0, pool.n_populated)
    born_at = pool.born_at[used]
    removable: Mask = pool.active[used] & (born_at != iteration) & (born_at != BOUNDARY)
    if selection.protect_warm_start:
        removable &= born_at != WARM_START
    return removable


class StageCuts:
    """The cuts of a stage as selection sees them, see `headwater.core.choices.PoolView`.

    Args:
        pool: the cuts.
        removable: ``[slot]`` those that may go.
        states: visited states of the stage, where they are kept.
    """

    def __init__(self, pool: CutPool, removable: Mask, states: StageStates | None) -> None:
        used = slice(0, pool.n_populated)
        self.times_binding, self.last_binding = pool.times_binding[used], pool.last_binding[used]
        self.coefficients, self.intercepts = pool.coefficients[used], pool.intercepts[used]
        self.opening, self.removable = pool.opening[used], removable
        self._active = pool.active_slots()
        none = np.empty((0, pool.n_state))
        self.visited = none if states is None or not states.n_visits else states.visited

    def below_others(self, epsilon: float) -> Mask:
        """Cuts that lie by more than ``epsilon`` $ below another one at every visited state."""
        below = np.zeros(len(self.intercepts), np.bool_)
        if not len(self.visited):
            return below
        active = self._active
        for opening in np.unique(
            self.opening[active]
        ):  # cuts of different openings do not replace each other
            slots = active[self.opening[active] == opening]
            needed = kernel.needed_cuts(
                self.coefficients[slots],
                self.intercepts[slots],
                self.visited,
                ~self.removable[slots],
                float(epsilon),
            )
            below[slots] = ~needed
        return below


def _enforce_cap(pool: CutPool, cap: int, removable: Mask) -> int:
    """Evict cuts until the cap holds or none may go.

    First those that bound longest ago, then least often, then the oldest.
    """
    slots = np.flatnonzero(removable)
    excess = min(len(pool.active_slots()) - cap, len(slots))
    if excess <= 0:
        return 0
    order = np.lexsort((slots, pool.times_binding[slots], pool.last_binding[slots]))
    pool.active[slots[order[:excess]]] = False
    return excess
