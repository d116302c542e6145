"""Cut selection at work.

Pools lose cuts, programs lose their rows, and bases that rested on them start anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from headwater.sddp.cuts.selection import is_due, select_cuts
from headwater.sddp.cuts.visited_states import VisitedStates
from headwater.sddp.passes.trajectories import TrajectoryStore
from headwater.sddp.records.training import StageSelection
from headwater.sddp.stage.problems import StudyProblems


def apply_selection(
    problems: StudyProblems,
    stores: Sequence[TrajectoryStore],
    visited: VisitedStates | None,
    iteration: int,
) -> tuple[StageSelection, ...]:
    """Select the cuts of every stage after an iteration, if it is due.

    Args:
        problems: pools and programs; both lose what is deactivated.
        stores: bases of the trajectories in each regime; rows of deactivated cuts leave them.
        visited: archive of visited states, for domination.
        iteration: the iteration that was just finished.

    Returns:
        One record per stage with a future, of all its regimes together; none when nothing was due.
    """
    selection = problems.study.config.training.cut_selection
    if selection is None or not is_due(selection, iteration):
        return ()
    records: dict[int, StageSelection] = {}
    for one, store in zip(problems.each, stores, strict=True):
        for t, (stage, bases) in enumerate(zip(one.stages, store.bases, strict=True)):
            if not stage.pool.n_populated:
                continue
            record = select_cuts(stage.pool, t, selection, iteration, visited)
            records[t] = records[t].joined(record) if t in records else record
            if record.removed:
                bases.keep(stage.form.n_rows, stage.drop_inactive_cuts())
                one.cold_bases.forget(t)
    return tuple(records[t] for t in sorted(records))
