"""What compiled passes work on: stages, room of a thread, and an account of its work."""

# The long argument lists of compiled loops, one name to a line, would bury the loops.
# fmt: off
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from headwater.sddp.kernels.cut_kernel import SlopeRoom, slope_room
from headwater.sddp.kernels.trial_kernel import StageView, TrialRoom, sample_view, trial_room
from headwater.solver.packing_kernel import Packing
from headwater.solver.simplex_kernel import Effort


class BasesArrays(NamedTuple):
    """Fields of `headwater.sddp.passes.trajectories.StageBases`.

    ``[trajectory, column]`` and ``[trajectory, row]``.
    """

    columns: Any
    rows: Any


class PassStage(NamedTuple):
    """A stage in a pass.

    Attributes:
        seen: the stage; bases: of the trajectories.
        effort: how hard the kernel tries.
        n_per_trial: cuts that a trial state adds to its pool.
    """

    seen: StageView
    bases: BasesArrays
    effort: Effort
    n_per_trial: Any


class Sizes(NamedTuple):
    """The largest numbers of any stage; rows are those without cuts."""

    n_openings: int
    n_rows: int
    n_cuts: int
    n_columns: int
    n_exogenous: int
    n_hydros: int
    n_state: int


class PassRoom(NamedTuple):
    """Room for the work of one thread, large enough for every stage.

    Attributes:
        bounds: for a trial with one opening; slopes: see there.
        objective, outcome, pivots: ``[1]``; row_dual: ``[1, row]``; primal: ``[1, column]``.
        innovation, truncated: ``[hydro]``; outgoing: ``[state]``.
        column_statuses, row_statuses: a basis.
        binding: ``[cut]``, all zero between two trials.
        clock: two numbers.
    """

    bounds: TrialRoom
    slopes: SlopeRoom
    objective: Any
    outcome: Any
    pivots: Any
    row_dual: Any
    primal: Any
    innovation: Any
    truncated: Any
    outgoing: Any
    column_statuses: Any
    row_statuses: Any
    binding: Any
    clock: Any


def pass_room(sizes: Sizes) -> PassRoom:
    """Room for the work of one thread."""
    m = sizes.n_rows + sizes.n_cuts
    return PassRoom(
        bounds=trial_room(1, sizes.n_rows, sizes.n_cuts, sizes.n_exogenous, sizes.n_hydros),
        slopes=slope_room(sizes.n_openings, m, sizes.n_exogenous, sizes.n_hydros),
        objective=np.empty(1), outcome=np.empty(1, np.int64), pivots=np.empty(1, np.int64), row_dual=np.empty((1, m)),
        primal=np.empty((1, sizes.n_columns)), innovation=np.empty(sizes.n_hydros),
        truncated=np.empty(sizes.n_hydros, np.bool_), outgoing=np.empty(sizes.n_state),
        column_statuses=np.empty(sizes.n_columns, np.int32), row_statuses=np.empty(m, np.int32),
        binding=np.zeros(sizes.n_cuts, np.int64), clock=np.empty(2, np.int64),
    )


class TrialSlot(NamedTuple):
    """Where several threads meet over the openings of one trial.

    Attributes:
        bounds: right-hand sides of all openings.
        columns, rows: basis that openings start from.
        final_columns, final_rows: basis after the last opening.
        objective, outcome, pivots: ``[opening]``; row_dual: ``[opening, row]``.
    """

    bounds: TrialRoom
    columns: Any
    rows: Any
    final_columns: Any
    final_rows: Any
    objective: Any
    outcome: Any
    pivots: Any
    row_dual: Any


def trial_slot(sizes: Sizes) -> TrialSlot:
    """A slot for any trial."""
    n, m, ints = sizes.n_openings, sizes.n_rows + sizes.n_cuts, np.int32
    return TrialSlot(
        bounds=trial_room(n, sizes.n_rows, sizes.n_cuts, sizes.n_exogenous, sizes.n_hydros),
        columns=np.empty(sizes.n_columns, ints), rows=np.empty(m, ints), final_columns=np.empty(sizes.n_columns, ints),
        final_rows=np.empty(m, ints), objective=np.empty(n), outcome=np.empty(n, np.int64), pivots=np.empty(n, np.int64),
        row_dual=np.empty((n, m)),
    )


_SMALL = Sizes(1, 1, 1, 1, 1, 1, 1)


def _sample_pass_stage() -> PassStage:
    table = np.empty((0, 0), np.int32)
    return PassStage(sample_view(), BasesArrays(table, table), Effort(1, 1, 0.0), 1)


PASS_STAGE = Packing(_sample_pass_stage())
PASS_ROOM = Packing(pass_room(_SMALL))
TRIAL_SLOT = Packing(trial_slot(_SMALL))


class Account(NamedTuple):
    """What a pass tells of the work of one thread, by stage.

    Attributes:
        trials: that it ended, and pivots: of their programs.
        seconds: of solving.
        entering: seconds of entering cuts; a single number.
    """

    trials: Any
    pivots: Any
    seconds: Any
    entering: Any
