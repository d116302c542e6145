"""What the threads of compiled passes work in.

Room of each thread, and slots in which they meet over a trial.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headwater.distributed import ThreadTeam
from headwater.sddp.kernels import pass_kernel as kernel
from headwater.sddp.stage.problems import StudyProblems
from headwater.sddp.stage.solver_pool import SolverPool
from headwater.solver.packing_kernel import Packed

ROWS_WORTH_A_THREAD = 150
"""Rows of the programs that a thread solves at a time below which work is not shared out.

Solving so little takes less than handing it over.
"""

ROWS_WORTH_A_TASK = 50
"""Rows of the LPs of openings that are solved in one go, about: tens of microseconds."""


def threads_worth(threads: ThreadTeam, n_rows: int) -> int:
    """How many threads to call where they share out programs of so many rows at a time."""
    return threads.n_called(n_rows, ROWS_WORTH_A_THREAD)


def openings_in_a_block(n_rows: int) -> int:
    """How many openings are solved in one go, where LPs have so many rows without cuts."""
    return max(1, ROWS_WORTH_A_TASK // max(n_rows, 1))


def longest_first(pivots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Openings ``[stage, position]`` by the pivots ``[stage, opening]`` that they took before."""
    return np.ascontiguousarray(np.argsort(-pivots, axis=1, kind="stable"), np.int64)


class Workspace:
    """Working memory of the threads of a rank; it only grows.

    Args:
        problems: the stages.
        programs: solver instances of each thread, which have working memory for the kernel.

    Attributes:
        rooms: ``[thread]`` packed `PassRoom`; scratch: ``[thread]`` of the kernel.
        slots: ``[slot]`` blocks of `TrialSlot`, one for each thread; taken: ``[slot]`` whether a
            trial is in it.
        slot_values: ``[slot]`` the arrays behind the blocks.
        binding: ``[cut]`` counts over all threads.
    """

    def __init__(self, problems: StudyProblems, programs: list[SolverPool]) -> None:
        self._problems = problems
        self._programs = programs
        self._n_cuts = -1
        self.rooms: list[Packed] = []
        self.scratch: list[Packed] = []
        self.slot_values: list[kernel.TrialSlot] = []
        self.slots = np.zeros((len(programs), kernel.TRIAL_SLOT.size), np.uint8)
        self.taken = np.zeros(len(programs), np.int64)
        self.binding = np.zeros(0, np.int64)

    def fit(self, n_cuts: int) -> None:
        """Make room for stages with so many rows of cuts; not while threads work."""
        if n_cuts <= self._n_cuts:
            return
        self._n_cuts = n_cuts
        stages = self._problems.stages
        forms = [stage.form for stage in stages]
        sizes = kernel.Sizes(
            n_openings=max(len(stage.openings) for stage in stages),
            n_rows=max(form.n_rows for form in forms),
            n_cuts=n_cuts,
            n_columns=max(form.n_columns for form in forms),
            n_exogenous=max(len(form.exogenous) for form in forms),
            n_hydros=self._problems.layout.size("storage"),
            n_state=self._problems.layout.dimension,
        )
        self.rooms = [kernel.PASS_ROOM.pack(kernel.pass_room(sizes)) for _ in self._programs]
        self.scratch = [programs.scratch_for(n_cuts) for programs in self._programs]
        self.slot_values = [kernel.trial_slot(sizes) for _ in self._programs]
        for value, block in zip(self.slot_values, self.slots, strict=True):
            kernel.TRIAL_SLOT.write(value, block)
        self.binding = np.zeros(n_cuts, np.int64)
