"""What the threads of compiled passes work in.

Room of each thread, and slots in which they meet over a trial.
"""

from __future__ import annotations

import math

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


ROWS_OF_A_HAND_OVER = 300
"""Rows of the LPs that a thread solves while another is told to begin."""

_CACHE_LINE = 8
"""Numbers that processors take from memory together."""


def threads_worth(threads: ThreadTeam, n_rows: int) -> int:
    """How many threads to call for compiled code that solves LPs of so many rows in all.

    They are handed over one after the other: n threads take about ``work / n + n * hand-over``,
    which is least at the square root of one over the other.
    """
    return threads.n_called(math.isqrt(n_rows // ROWS_OF_A_HAND_OVER))


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


class Accounts:
    """What threads tell of their work, in memory that processors do not share.

    Args:
        n_threads: threads.
        n_stages: stages.
    """

    def __init__(self, n_threads: int, n_stages: int) -> None:
        width = n_stages + 2 * _CACHE_LINE
        self._trials, self._pivots = (np.zeros((n_threads, width), np.int64) for _ in range(2))
        self._seconds = np.zeros((n_threads, width))
        self._entering = np.zeros((n_threads, 2 * _CACHE_LINE))
        self._accounts = [
            kernel.Account(
                self._trials[worker, :n_stages],
                self._pivots[worker, :n_stages],
                self._seconds[worker, :n_stages],
                self._entering[worker, :1],
            )
            for worker in range(n_threads)
        ]

    def cleared(self) -> list[kernel.Account]:
        """The account of each thread, of nothing."""
        self._trials[:], self._pivots[:], self._seconds[:], self._entering[:] = 0, 0, 0.0, 0.0
        return self._accounts

    def entering(self) -> float:
        """Seconds of entering cuts."""
        return float(self._entering.sum())

    def note(self, programs: SolverPool, solves: list[int]) -> None:
        """Add the work of all threads to the account of solver instances.

        Args:
            programs: the instances.
            solves: LPs that make a trial of each stage.
        """
        trials, pivots = self._trials.sum(axis=0), self._pivots.sum(axis=0)
        seconds = self._seconds.sum(axis=0)
        for s in np.flatnonzero(trials).tolist():
            n = int(trials[s])
            programs.note(s, n, n * solves[s], int(pivots[s]), float(seconds[s]))
